//! `.gitattributes`: which filters git puts files through between a commit and a checkout.
//!
//! Read from the tree that is planned, so that a plan does not depend on what else a machine says.

use std::collections::BTreeMap;
use std::path::Path;

use gix_attributes::search::{MetadataCollection, Outcome};
use gix_attributes::{Search, StateRef};

use crate::paths::join;
use crate::tree::snapshot::{Folder, Node};

/// Name of the files.
pub(crate) const FILE: &str = ".gitattributes";

/// The filter of git-lfs, which keeps the contents of files beside git.
pub(crate) const LFS: &str = "lfs";

/// The texts of `.gitattributes` that say something of the files below the root of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    /// The root of the plan, from the top of the checkout; empty where it is the top.
    pub root: String,
    /// By the folder that each is in, from the top; empty for the top itself.
    pub by_folder: BTreeMap<String, Vec<u8>>,
}

/// Answers which filter a file has.
pub(crate) struct Attributes<'t> {
    root: &'t str,
    /// None where no text speaks of filters.
    search: Option<(Search, Outcome)>,
}

impl<'t> Attributes<'t> {
    /// Those that the texts give. Lines that are malformed say nothing, as in git.
    pub(crate) fn new(texts: &'t Texts) -> Self {
        let of_filters = |text: &Vec<u8>| memchr::memmem::find(text, b"filter").is_some();
        let search = texts.by_folder.values().any(of_filters).then(|| {
            let mut search = Search::default();
            let mut collection = MetadataCollection::default();
            let top = Path::new("/");
            // A folder comes after those that it is in, and what is said later counts.
            for (folder, text) in &texts.by_folder {
                let file = top.join(folder).join(FILE);
                let in_top = folder.is_empty();
                // Fails for a file that is in no folder alone.
                let _ = search.add_patterns_buffer(text, file, Some(top), &mut collection, in_top);
            }
            let mut outcome = Outcome::default();
            outcome.initialize_with_selection(&collection, ["filter"]);
            (search, outcome)
        });
        Self {
            root: &texts.root,
            search,
        }
    }

    /// Whether no file has a filter.
    pub(crate) fn is_empty(&self) -> bool {
        self.search.is_none()
    }

    /// The filters of all files in a folder, which stands at `path` from the root of the plan: by
    /// the path in it.
    pub(crate) fn filters(&mut self, folder: &Folder, path: &str) -> BTreeMap<String, String> {
        let mut filters = BTreeMap::new();
        if self.is_empty() {
            return filters;
        }
        folder.walk(&mut |file, node| {
            if !matches!(node, Node::File { .. }) {
                return;
            }
            if let Some(filter) = self.filter(&join(path, file)) {
                filters.insert(file.to_owned(), filter);
            }
        });
        filters
    }

    /// The filter of a file at a path from the root of the plan.
    pub(crate) fn filter(&mut self, path: &str) -> Option<String> {
        let (search, outcome) = self.search.as_mut()?;
        let path = join(self.root, path);
        outcome.reset();
        let case = gix_attributes::glob::pattern::Case::Sensitive;
        search.pattern_matching_relative_path(path.as_str().into(), case, Some(false), outcome);
        outcome.iter_selected().find_map(|found| {
            let StateRef::Value(value) = found.assignment.state else {
                return None;
            };
            Some(value.as_bstr().to_string()).filter(|filter| !filter.is_empty())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_and_the_last_line_count() {
        let texts = Texts {
            root: "r".to_owned(),
            by_folder: [
                (
                    "",
                    "*.bin filter=lfs\n*.txt text\n[attr]big filter=lfs -text\n*.iso big\n",
                ),
                (
                    "r",
                    "/small.bin !filter\n*.key filter=crypt\n/deep/** filter=lfs\n",
                ),
                ("r/sub", "*.bin -filter\nx.bin filter=lfs\n*.set filter\n"),
                ("r/sub/sub", "[attr]none filter=lfs\n*.md none\n"),
            ]
            .map(|(folder, text)| (folder.to_owned(), text.as_bytes().to_vec()))
            .into(),
        };
        let mut attributes = Attributes::new(&texts);
        assert!(!attributes.is_empty());
        let rows = [
            ("a.bin", Some("lfs")),
            ("other/a.bin", Some("lfs")),
            ("small.bin", None),
            ("other/small.bin", Some("lfs")),
            ("sub/a.bin", None),
            ("sub/x.bin", Some("lfs")),
            ("sub/deep/x.bin", Some("lfs")),
            ("a.iso", Some("lfs")),
            ("a.txt", None),
            ("id.key", Some("crypt")),
            ("deep/a/b", Some("lfs")),
            ("sub/deep/a", None),
            ("sub/a.set", None),
            ("sub/sub/a.md", None),
        ];
        for (path, expected) in rows {
            assert_eq!(attributes.filter(path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn without_filters_nothing_is_looked_up() {
        let mut texts = Texts::default();
        assert!(Attributes::new(&texts).is_empty());
        texts
            .by_folder
            .insert(String::new(), b"* text=auto\n".to_vec());
        assert!(Attributes::new(&texts).is_empty());
    }
}
