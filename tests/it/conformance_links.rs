//! Which Dockerfile and which ignore files a build reads where links are on the way, as BuildKit and
//! buildx answer.

use std::fs;
use std::path::Path;

use serde_json::Value;
use shipwright::lang::clean;
use shipwright::tree::Snapshot;

use crate::rows::{check_all, own, same};
use crate::support::trees::snapshot;

/// The way of a folder through links, as a client opens it: paths of a plan have none in them.
fn opened(root: &Path, folder: &str) -> Option<String> {
    let folder = root.join(folder).canonicalize().ok()?;
    let below = folder.strip_prefix(root).ok()?;
    folder.is_dir().then(|| match below.to_str() {
        Some("") => ".".to_owned(),
        below => below.unwrap().to_owned(),
    })
}

fn join(folder: &str, name: &str) -> String {
    clean(&format!("{folder}/{name}"))
}

/// Files hold their own paths, so that a text says which was read.
fn read(tree: &Snapshot, path: &str) -> Option<String> {
    let text = tree.text(path)?;
    Some(String::from_utf8(text.to_vec()).unwrap())
}

fn check(row: &Value) -> Result<(), String> {
    let tree = snapshot(&row["tree"]);
    let disk = tempfile::tempdir().unwrap();
    let disk = disk.path().canonicalize().unwrap();
    for entry in row["tree"].as_array().unwrap() {
        let entry = entry.as_str().unwrap();
        let path = disk.join(entry.split(" -> ").next().unwrap());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match entry.split_once(" -> ") {
            Some((_, target)) => std::os::unix::fs::symlink(target, path).unwrap(),
            None if entry.ends_with('/') => fs::create_dir_all(path).unwrap(),
            None => fs::write(path, entry).unwrap(),
        }
    }
    let text = |key: &str| row[key].as_str().map(str::to_owned);
    let context = opened(&disk, row["context"].as_str().unwrap());
    let expected = text("dockerfile_read");
    let Some(context) = context else {
        return same("Dockerfile", None, expected);
    };
    // A path of a plan is clean as text; without one, it is the context's.
    let given = row["dockerfile"].as_str().map(clean);
    let (folder, name) = match given
        .as_deref()
        .map(|given| given.rsplit_once('/').unwrap_or((".", given)))
    {
        Some((folder, name)) => (opened(&disk, folder), name.to_owned()),
        None => (Some(context.clone()), "Dockerfile".to_owned()),
    };
    let Some(folder) = folder else {
        return same("Dockerfile", None, expected);
    };
    let mut dockerfile = join(&folder, &name);
    let mut found = read(&tree, &dockerfile);
    // Only what the configuration names is a Dockerfile in lower case.
    let is_listed = tree.root.node(&dockerfile).is_some();
    if name == "Dockerfile" && found.is_none() {
        let other = join(&folder, "dockerfile");
        if tree.root.node(&other).is_some() {
            found = read(&tree, &other);
            if !is_listed {
                dockerfile = other;
            }
        }
    }
    same("Dockerfile", found, expected.clone())?;
    if expected.is_none() {
        return Ok(());
    }
    let own = read(&tree, &format!("{dockerfile}.dockerignore"));
    let ignore = |folder: &str| read(&tree, &join(folder, ".dockerignore"));
    same(
        "ignore file",
        own.or_else(|| ignore(&context)),
        text("ignore_read"),
    )?;
    for (name, folder) in row["contexts"].as_object().into_iter().flatten() {
        let folder = opened(&disk, folder.as_str().unwrap()).ok_or("no named context")?;
        let expected = row["contexts_ignore_read"][name]
            .as_str()
            .map(str::to_owned);
        same(&format!("ignore file of {name}"), ignore(&folder), expected)?;
    }
    Ok(())
}

#[test]
fn own_rows() {
    check_all("links", &own("links/cases.jsonl"), check);
}
