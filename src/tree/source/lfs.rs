//! git-lfs: git has a pointer for a file, which names its content; the content is kept beside git.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use git2::{AttrCheckFlags, Oid, Repository};
use sha2::{Digest, Sha256};

use crate::lang::tags::hex;
use crate::tree::attributes::LFS;
use crate::tree::snapshot::ObjectId;

/// First line of a pointer.
const VERSION: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";
/// A longer file is no pointer.
const MAX_POINTER: u64 = 1024;

/// What a pointer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pointer {
    /// SHA-256 of the content, 64 hexadecimal digits.
    oid: String,
    /// Bytes of the content.
    size: u64,
}

impl Pointer {
    /// Reads a pointer; none where the bytes are none.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = bytes.strip_prefix(VERSION)?;
        let text = std::str::from_utf8(text).ok()?;
        let value = |key: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once(' '));
            lines.find(|(name, _)| *name == key).map(|(_, value)| value)
        };
        let oid = value("oid")?.strip_prefix("sha256:")?;
        let is_oid = oid.len() == 64 && oid.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_oid.then_some(Self {
            oid: oid.to_owned(),
            size: value("size")?.parse().ok()?,
        })
    }

    /// Where these stores keep the content, if they do.
    pub(super) fn places(&self, stores: &[PathBuf]) -> impl Iterator<Item = PathBuf> {
        let (first, second) = (&self.oid[..2], &self.oid[2..4]);
        let place: PathBuf = ["objects", first, second, &self.oid].iter().collect();
        stores.iter().map(move |store| store.join(&place))
    }

    /// Whether a file holds the content.
    pub(super) fn is_of(&self, file: &Path) -> bool {
        let is_long = fs::metadata(file).is_ok_and(|metadata| metadata.len() == self.size);
        is_long && hash(file).is_ok_and(|hash| hash == self.oid)
    }
}

/// Whether a file of the disk is a pointer rather than what it names.
pub(super) fn is_pointer(file: &Path) -> bool {
    let read = || {
        let mut bytes = Vec::new();
        let file = fs::File::open(file)?;
        file.take(MAX_POINTER + 1).read_to_end(&mut bytes)?;
        io::Result::Ok(bytes)
    };
    read().is_ok_and(|bytes| Pointer::parse(&bytes).is_some())
}

/// Whether a file of the working tree is what git-lfs makes of a pointer: git does not call it
/// modified then, and libgit2, which knows no filters of others, does.
pub(super) fn is_checked_out(
    repository: &Repository,
    from_top: &Path,
    pointer: ObjectId,
    file: &Path,
) -> bool {
    let filter = repository.get_attr(from_top, "filter", AttrCheckFlags::FILE_THEN_INDEX);
    if !matches!(filter, Ok(Some(LFS))) {
        return false;
    }
    let blob = Oid::from_bytes(&pointer.0).and_then(|id| repository.find_blob(id));
    let pointer = blob.ok().and_then(|blob| Pointer::parse(blob.content()));
    pointer.is_some_and(|pointer| pointer.is_of(file))
}

/// Where git-lfs keeps contents: below the git directory, unless it is configured.
pub(super) fn store(git_directory: &Path) -> PathBuf {
    let repository = Repository::open(git_directory);
    let config = repository.and_then(|repository| repository.config());
    match config.and_then(|config| config.get_path("lfs.storage")) {
        Ok(folder) => git_directory.join(folder),
        Err(_) => git_directory.join("lfs"),
    }
}

/// SHA-256 of a file, in hexadecimal.
fn hash(file: &Path) -> io::Result<String> {
    let mut file = fs::File::open(file)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&hash.finalize())),
            length => hash.update(&buffer[..length]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers() {
        let oid = "a".repeat(64);
        let text = |oid: &str, size: &str| {
            let version = String::from_utf8_lossy(VERSION);
            format!("{version}ext-0-x sha256:b\noid sha256:{oid}\nsize {size}\n")
        };
        let pointer = Pointer::parse(text(&oid, "12").as_bytes());
        assert_eq!(
            pointer,
            Some(Pointer {
                oid: oid.clone(),
                size: 12
            })
        );
        for bad in [
            text("../../x", "1"),
            text(&oid, "-1"),
            "text\n".to_owned(),
            String::new(),
        ] {
            assert_eq!(Pointer::parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
