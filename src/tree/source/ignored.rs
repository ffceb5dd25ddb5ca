//! Files that git ignores and that a build would be sent.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::beside::Visitor;
use super::tree::Tree;
use crate::diagnostics::Diagnostic;
use crate::planner::inputs::Reach;

/// Files that git ignores and that some images take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// From the root of the plan, in byte order; a folder of which nothing is in the tree is named
    /// once, with a final `/`.
    pub paths: Vec<String>,
    /// Names of the images that take all of these.
    pub images: Vec<String>,
}

impl Tree<'_> {
    /// What images, with where they take from, would be sent beside the files of the tree and those
    /// that were added to it.
    ///
    /// # Errors
    /// When a folder of the disk cannot be read.
    pub fn ignored(&self, images: &[(&str, &[Arc<Reach>])]) -> Result<Vec<Ignored>, Diagnostic> {
        let Some(disk) = self.root_on_disk() else {
            return Ok(Vec::new());
        };
        // Images that take the same are asked once.
        let mut alike: BTreeMap<String, (&Reach, BTreeSet<&str>)> = BTreeMap::new();
        for (image, reach) in images {
            for reach in *reach {
                let same = alike.entry(format!("{reach:?}"));
                let (_, names) = same.or_insert_with(|| (reach, BTreeSet::new()));
                names.insert(image);
            }
        }
        let alike: Vec<(&Reach, BTreeSet<&str>)> = alike.into_values().collect();
        let reach: Vec<&Reach> = alike.iter().map(|(reach, _)| *reach).collect();
        let mut lister = Lister {
            paths: vec![BTreeSet::new(); reach.len()],
        };
        self.beside(&disk, &reach, &mut lister)?;
        let mut by_image: BTreeMap<&str, BTreeSet<&String>> = BTreeMap::new();
        for ((_, images), paths) in alike.iter().zip(&lister.paths) {
            for image in images.iter().filter(|_| !paths.is_empty()) {
                by_image.entry(image).or_default().extend(paths);
            }
        }
        let mut by_paths: BTreeMap<BTreeSet<&String>, Vec<String>> = BTreeMap::new();
        for (image, paths) in by_image {
            by_paths.entry(paths).or_default().push(image.to_owned());
        }
        let ignored = by_paths.into_iter().map(|(paths, images)| Ignored {
            paths: paths.into_iter().cloned().collect(),
            images,
        });
        Ok(ignored.collect())
    }
}

/// Lists what is found, by the number of what takes it.
struct Lister {
    paths: Vec<BTreeSet<String>>,
}

impl Lister {
    fn list(&mut self, path: &str, takers: &[usize]) {
        for taker in takers {
            self.paths[*taker].insert(path.to_owned());
        }
    }
}

impl Visitor for Lister {
    fn enters(&mut self, _: &str) -> bool {
        true
    }

    fn file(&mut self, path: &str, _: &Path, takers: &[usize]) {
        self.list(path, takers);
    }

    fn folder(&mut self, path: &str, takers: &[usize]) -> bool {
        self.list(&format!("{path}/"), takers);
        false
    }
}
