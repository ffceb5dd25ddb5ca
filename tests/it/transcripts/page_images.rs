//! The images of a page on a real engine.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::support::engine::{BASE, docker, engine, try_docker};
use crate::support::program::run;
use crate::support::repo::Repo;

/// While it is kept, the images from elsewhere that a repository's Dockerfiles name are on the engine; what was built
/// goes with it.
pub(super) struct PageImages {
    added: Vec<String>,
    before: BTreeSet<String>,
}

impl PageImages {
    pub(super) fn new(repo: &Repo) -> Option<Self> {
        engine()?;
        let plan: Value = serde_json::from_str(&run(repo, &["plan"])).expect("a plan");
        let images = plan["images"].as_array().expect("images").iter();
        let bases = images.flat_map(|image| image["base_images"].as_array().expect("bases"));
        let bases: BTreeSet<&str> = bases.filter_map(Value::as_str).collect();
        let is_there = |base: &&str| try_docker(&["image", "inspect", base]).is_ok();
        let added = bases.into_iter().filter(|base| !is_there(base));
        let added: Vec<String> = added.map(str::to_owned).collect();
        for base in &added {
            stand_in_for(base);
        }
        Some(Self {
            added,
            before: built(),
        })
    }
}

/// Makes an image of that name, whose package manager installs nothing.
fn stand_in_for(base: &str) {
    let dockerfile = format!(
        "FROM {BASE}\nRUN mkdir -p /bin && printf '#!/bin/sh\\n' > /bin/apt-get && chmod +x /bin/apt-get\n"
    );
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("Dockerfile"), dockerfile).expect("it can be written");
    let folder = folder.path().to_string_lossy().into_owned();
    docker(&[
        "buildx",
        "build",
        "--quiet",
        "--load",
        "--builder",
        "default",
        "--tag",
        base,
        &folder,
    ]);
}

impl Drop for PageImages {
    fn drop(&mut self) {
        let mut gone = self.added.clone();
        gone.extend(built().difference(&self.before).cloned());
        for reference in gone {
            let _ = try_docker(&["image", "rm", &reference]);
        }
    }
}

/// The references of images that pages name.
fn built() -> BTreeSet<String> {
    let list = ["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"];
    let names = try_docker(&list).unwrap_or_default();
    let of_pages = |name: &&str| {
        ["6sense/", "acme/", "shop/"]
            .iter()
            .any(|own| name.starts_with(own))
    };
    names.lines().filter(of_pages).map(str::to_owned).collect()
}
