//! The architectures of images, as the engine told them. An id is a digest, so it says the same for ever; to
//! ask the engine for each of a thousand images takes half a second.
#![allow(
    clippy::disallowed_methods,
    reason = "what `exec` learnt of images is kept in a file"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::lang::digest::Digest;
use crate::os;

/// A file of lines `id architecture` (or what else is known of a digest for good), and a last one with the SHA-256 of the others: one that is not as it
/// was written says nothing. Whatever goes wrong with it costs time alone: then the engine is asked.
#[derive(Debug, Clone)]
pub(super) struct Known(PathBuf);

impl Known {
    /// That file; it need not be there.
    pub(super) fn at(file: PathBuf) -> Self {
        Self(file)
    }

    /// The architectures in it, by id.
    pub(super) fn read(&self) -> BTreeMap<String, String> {
        let text = fs::read_to_string(&self.0).unwrap_or_default();
        let lines = verified(&text).unwrap_or_default().lines();
        let pairs = lines.filter_map(|line| line.split_once(' '));
        pairs
            .map(|(id, architecture)| (id.to_owned(), architecture.to_owned()))
            .collect()
    }

    /// Writes those of the images that the engine still has, all at once: another run may read.
    pub(super) fn write(&self, architectures: &BTreeMap<String, String>, held: &BTreeSet<&str>) {
        let mut text = String::new();
        for (id, architecture) in architectures {
            // What a line cannot hold is asked for again.
            if held.contains(&**id)
                && !architecture.is_empty()
                && !architecture.contains(char::is_whitespace)
            {
                let _ = writeln!(text, "{id} {architecture}");
            }
        }
        let sum = sum(&text);
        let _ = writeln!(text, "{sum}");
        let folder = self.0.parent().unwrap_or(Path::new("."));
        let write = || {
            fs::create_dir_all(folder)?;
            let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
            temporary.write_all(text.as_bytes())?;
            temporary.as_file().sync_all()?;
            temporary.persist(&self.0)?;
            os::sync_names(folder)
        };
        let _ = write();
    }
}

/// The lines before the last one, if that is their sum.
fn verified(text: &str) -> Option<&str> {
    let lines = text.strip_suffix('\n')?;
    let start = lines.rfind('\n').map_or(0, |end| end + 1);
    let (lines, last) = lines.split_at(start);
    (last == sum(lines)).then_some(lines)
}

fn sum(lines: &str) -> String {
    Digest::of(lines.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = |(id, name): &(&str, &str)| ((*id).to_owned(), (*name).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn what_is_held_stays_known() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("new/images");
        let known = Known::at(file.clone());
        assert_eq!(known.read(), BTreeMap::new());
        let images = pairs(&[
            ("sha256:1", "amd64"),
            ("sha256:2", "arm64"),
            ("sha256:3", ""),
            ("sha256:4", "a b"),
            ("sha256:5", "amd64"),
        ]);
        let held = BTreeSet::from(["sha256:1", "sha256:2", "sha256:3", "sha256:4"]);
        known.write(&images, &held);
        let expected = pairs(&[("sha256:1", "amd64"), ("sha256:2", "arm64")]);
        assert_eq!(known.read(), expected);

        let text = fs::read_to_string(&file).expect("it was written");
        for changed in [
            text.replace("amd64", "arm64"),
            text[..text.len() / 2].to_owned(),
            text.lines().take(1).collect(),
            "\0".repeat(text.len()),
            String::new(),
        ] {
            fs::write(&file, &changed).expect("it can be written");
            assert_eq!(known.read(), BTreeMap::new(), "{changed}");
        }
        known.write(&BTreeMap::new(), &held);
        assert_eq!(known.read(), BTreeMap::new());
    }
}
