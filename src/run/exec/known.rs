//! What was learnt of images earlier. An id is a digest, so it says the same for ever; to ask the engine
//! for each of a thousand images takes half a second.
#![allow(
    clippy::disallowed_methods,
    reason = "what `exec` learnt of images is kept in a file"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::engine::Found;

/// A file of lines `id architecture fingerprint`, `-` for no fingerprint. Whatever goes wrong with it
/// costs time alone: then the engine is asked.
#[derive(Debug, Clone)]
pub(super) struct Known(PathBuf);

impl Known {
    /// That file; it need not be there.
    pub(super) fn at(file: PathBuf) -> Self {
        Self(file)
    }

    /// The images of it, by id.
    pub(super) fn read(&self) -> BTreeMap<String, Found> {
        let text = fs::read_to_string(&self.0).unwrap_or_default();
        let images = text.lines().filter_map(|line| {
            let mut words = line.split(' ');
            let (id, architecture, fingerprint) = (words.next()?, words.next()?, words.next()?);
            let image = Found {
                id: id.to_owned(),
                fingerprint: Some(fingerprint.to_owned()).filter(|text| text != "-"),
                architecture: architecture.to_owned(),
            };
            Some((id.to_owned(), image))
        });
        images.collect()
    }

    /// Writes those of the images that the engine still has, all at once: another run may read.
    pub(super) fn write(&self, images: &BTreeMap<String, Found>, held: &BTreeSet<&str>) {
        let mut text = String::new();
        for image in images.values().filter(|image| held.contains(&*image.id)) {
            let fingerprint = image.fingerprint.as_deref().unwrap_or("-");
            // What a line cannot hold is asked for again.
            if ![&image.architecture, fingerprint]
                .iter()
                .any(|word| word.is_empty() || word.contains(char::is_whitespace))
            {
                let _ = writeln!(text, "{} {} {fingerprint}", image.id, image.architecture);
            }
        }
        let folder = self.0.parent().unwrap_or(Path::new("."));
        let write = || {
            fs::create_dir_all(folder)?;
            let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
            temporary.write_all(text.as_bytes())?;
            temporary.persist(&self.0)?;
            Ok::<(), std::io::Error>(())
        };
        let _ = write();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_stays_known() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let known = Known::at(folder.path().join("new/images"));
        assert_eq!(known.read(), BTreeMap::new());
        let image = |id: &str, fingerprint: Option<&str>, architecture: &str| {
            let image = Found {
                id: id.to_owned(),
                fingerprint: fingerprint.map(str::to_owned),
                architecture: architecture.to_owned(),
            };
            (id.to_owned(), image)
        };
        let mut images = BTreeMap::from([
            image("sha256:1", Some("f1"), "amd64"),
            image("sha256:2", None, "arm64"),
            image("sha256:3", Some("f3"), ""),
            image("sha256:4", Some("a b"), "amd64"),
            image("sha256:5", Some("f5"), "amd64"),
        ]);
        let held = BTreeSet::from(["sha256:1", "sha256:2", "sha256:3", "sha256:4"]);
        known.write(&images, &held);
        images.retain(|id, _| matches!(&**id, "sha256:1" | "sha256:2"));
        assert_eq!(known.read(), images);
    }
}
