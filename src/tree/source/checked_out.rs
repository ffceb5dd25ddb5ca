//! Where the files of the working tree are not what git has for them, although nobody changed them:
//! by a setting of the checkout, or by an attribute.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use git2::{Oid, Repository};

use super::index::{Entry, Index};
use super::lfs;
use super::tree::Tree;
use crate::diagnostics::Diagnostic;
use crate::paths::join;
use crate::tree::attributes::LFS;
use crate::tree::snapshot::{Folder, Node, ObjectId};

/// Attributes that let git write files in another form than it has them.
const CONVERTING: [&str; 3] = ["eol=crlf", "working-tree-encoding", "ident"];

/// Inputs that a builder would be sent otherwise than the plan counts them, by path from the root
/// of the plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CheckedOut {
    /// Tracked files that are not on the disk because a sparse checkout, or their flag, leaves them out.
    pub absent: BTreeSet<String>,
    /// Pointers that git-lfs has not put the contents in place of.
    pub pointers: BTreeSet<String>,
    /// Files that git writes in another form: with other line ends, in another encoding.
    pub converted: BTreeSet<String>,
    /// Files and folders whose names differ from another's in case alone, on a file system that
    /// takes such names for one.
    pub alike: BTreeSet<String>,
}

/// What an image takes of a folder, and the path of that from the root of the plan.
pub(crate) type Taken<'a> = (&'a str, &'a Folder);

impl Tree<'_> {
    /// Compares inputs with the working tree, where a setting or an attribute could make a
    /// difference. `filter` gives the filter of a file.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub(crate) fn checked_out<'f>(
        &self,
        taken: &[Taken<'_>],
        filter: &dyn Fn(&str) -> Option<&'f str>,
    ) -> Result<CheckedOut, Diagnostic> {
        let mut found = CheckedOut::default();
        let Some(disk) = self.root_on_disk() else {
            return Ok(found);
        };
        let config = self
            .repository
            .config()
            .and_then(|mut config| config.snapshot());
        let text = |key: &str| match &config {
            Ok(config) => config.get_str(key).unwrap_or_default().to_lowercase(),
            Err(_) => String::new(),
        };
        let is_on = |key: &str| {
            config
                .as_ref()
                .is_ok_and(|config| config.get_bool(key) == Ok(true))
        };
        // Also where no sparse checkout is configured: `git update-index --skip-worktree` sets the flag alone.
        let left_out = match LeftOut::of(self.repository) {
            Err(unreadable) if is_on("core.sparseCheckout") => return Err(unreadable),
            left_out => left_out.unwrap_or_default(),
        };
        // `core.autocrlf` may also be `input`, which changes nothing on the way out.
        let converts = is_on("core.autocrlf")
            || text("core.eol") == "crlf"
            || self.attributes_mention(&CONVERTING);
        let ignores_case = is_on("core.ignoreCase");
        let filters = self.attributes_mention(&["filter"]);
        if left_out.paths.is_empty() && !converts && !ignores_case && !filters {
            return Ok(found);
        }
        let odb = self.repository.odb().ok();
        let mut files: BTreeSet<(String, ObjectId)> = BTreeSet::new();
        for (folder, taken) in taken {
            taken.walk(&mut |path, node| {
                if let Node::File { id, .. } | Node::Link { id } = node {
                    files.insert((join(folder, path), id));
                }
            });
        }
        for (path, id) in &files {
            let file = disk.join(path);
            if left_out.has(&join(self.root_path(), path)) {
                if fs::symlink_metadata(&file).is_err() {
                    found.absent.insert(path.clone());
                }
                continue;
            }
            if self.on_disk(path).is_some() {
                continue;
            }
            if filter(path) == Some(LFS) {
                if lfs::is_pointer(&file) {
                    found.pointers.insert(path.clone());
                }
                continue;
            }
            if !converts {
                continue;
            }
            let id = Oid::from_bytes(&id.0).ok();
            let known = id.and_then(|id| odb.as_ref()?.read_header(id).ok());
            let there = fs::symlink_metadata(&file)
                .ok()
                .filter(fs::Metadata::is_file);
            if let (Some((size, _)), Some(there)) = (known, there)
                && there.len() != size as u64
            {
                found.converted.insert(path.clone());
            }
        }
        if ignores_case {
            found.alike = alike(files.iter().map(|(path, _)| path.as_str()));
        }
        Ok(found)
    }
}

/// What a sparse checkout leaves out: paths from the top, those of whole folders with a final `/`.
#[derive(Default)]
struct LeftOut {
    paths: BTreeSet<Vec<u8>>,
}

impl LeftOut {
    fn of(repository: &Repository) -> Result<Self, Diagnostic> {
        let index = Index::read(&repository.path().join("index"))?;
        let entries = (0..index.len()).map(|at| index.entry(at));
        let skipped = entries.filter(Entry::is_skipped);
        Ok(Self {
            paths: skipped.map(|entry| entry.path.to_vec()).collect(),
        })
    }

    fn has(&self, path: &str) -> bool {
        let folders = path.match_indices('/').map(|(at, _)| at + 1);
        let mut ends = folders.chain([path.len()]);
        ends.any(|end| self.paths.contains(&path.as_bytes()[..end]))
    }
}

/// Those paths of which a part differs from that of another in case alone.
fn alike<'p>(paths: impl Iterator<Item = &'p str>) -> BTreeSet<String> {
    let mut spellings: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for path in paths {
        let ends = path
            .match_indices('/')
            .map(|(at, _)| at)
            .chain([path.len()]);
        for end in ends {
            let part = &path[..end];
            spellings
                .entry(part.to_lowercase())
                .or_default()
                .insert(part);
        }
    }
    let several = spellings.into_values().filter(|names| names.len() > 1);
    several.flatten().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_in_case_alone() {
        #[track_caller]
        fn check(paths: &[&str], expected: &[&str]) {
            let found = alike(paths.iter().copied());
            assert_eq!(
                found.iter().map(String::as_str).collect::<Vec<_>>(),
                expected
            );
        }
        check(&["a", "b/a", "A/b"], &["A", "a"]);
        check(&["docs/a", "Docs/b", "docs/c"], &["Docs", "docs"]);
        check(&["a/x", "b/X"], &[]);
    }
}
