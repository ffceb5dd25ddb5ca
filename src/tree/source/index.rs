//! Git's index: what was last checked out or added, with what the disk said of each file then.
//!
//! Read here rather than by libgit2, which hashes the file and allocates per entry: of 200,000
//! entries that takes as long as asking the disk about them all. The format is git's
//! `gitformat-index`, versions 2 to 4; a split index is refused, as libgit2 refuses it.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::Path;

use crate::diagnostics::{Code, Diagnostic};
use crate::os::Known;
use crate::tree::snapshot::ObjectId;

/// Bytes of an entry before its flags.
const STAT: usize = 60;
/// Flags: the entry has further flags.
const EXTENDED: u16 = 0x4000;
/// Flags: which side of a conflict it is; 0 for none.
const STAGE: u16 = 0x3000;
/// Flags: the length of the name, or this much if it is longer.
const NAME: u16 = 0x0fff;
/// Further flags: left out of a sparse checkout.
const SKIP_WORKTREE: u16 = 0x4000;

/// The entries of an index.
#[derive(Debug, Default)]
pub(super) struct Index {
    bytes: Vec<u8>,
    /// The paths, where the file abbreviates them (version 4).
    paths: Option<Vec<u8>>,
    /// In byte order of the paths.
    slots: Vec<Slot>,
    /// When the file was written.
    pub(super) written: Time,
}

/// Where an entry is: its stat within the file, its path within that or the list of paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot {
    stat: u32,
    path: u32,
    path_end: u32,
    further: u16,
}

/// A moment, in seconds and nanoseconds since the Unix epoch; seconds modulo 2³², as in the index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Time {
    pub(super) seconds: u32,
    /// 0 where the writer of the index did not know them.
    pub(super) nanoseconds: u32,
}

/// What the index says of a path.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'i> {
    /// From the top of the checkout; ends in `/` for a folder of a sparse index.
    pub(super) path: &'i [u8],
    stat: &'i [u8],
    further: u16,
}

impl Index {
    /// Reads the index at a path; the empty one where there is none.
    ///
    /// # Errors
    /// When it cannot be read, or is in a form that is not known.
    pub(super) fn read(path: &Path) -> Result<Self, Diagnostic> {
        let read = || -> io::Result<Self> {
            let written = fs::metadata(path)?;
            let bytes = fs::read(path)?;
            let malformed = |why| io::Error::new(io::ErrorKind::InvalidData, why);
            let (slots, paths) = parse(&bytes).map_err(malformed)?;
            Ok(Self {
                bytes,
                paths,
                slots,
                written: Time::new(Known::of(&written).modified),
            })
        };
        match read() {
            Ok(index) => Ok(index),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Diagnostic::new(
                Code::UnreadableRepository,
                format!("git's index cannot be read: {error}"),
            )
            .help("a split index is not supported: `git update-index --no-split-index`")
            .help("to recreate a damaged index: `rm .git/index && git reset`")),
        }
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The entry at a place in the order; it is less than [`Index::len`].
    pub(super) fn entry(&self, at: usize) -> Entry<'_> {
        let slot = self.slots[at];
        let paths = self.paths.as_ref().unwrap_or(&self.bytes);
        Entry {
            path: &paths[slot.path as usize..slot.path_end as usize],
            stat: &self.bytes[slot.stat as usize..],
            further: slot.further,
        }
    }

    /// The end of the entries below a folder, given with its final `/`, among those at these places,
    /// which begin in it or after it.
    pub(super) fn end_of(&self, folder: &[u8], among: Range<usize>) -> usize {
        let slots = &self.slots[among.clone()];
        let paths = self.paths.as_ref().unwrap_or(&self.bytes);
        among.start
            + slots.partition_point(|slot| {
                paths[slot.path as usize..slot.path_end as usize].starts_with(folder)
            })
    }
}

impl Time {
    /// A time since 1970, cut as the index cuts it.
    pub(super) fn new((seconds, nanoseconds): (i64, i64)) -> Self {
        Self {
            seconds: truncated(seconds),
            nanoseconds: truncated(nanoseconds),
        }
    }
}

/// The low 32 bits, which is what the index keeps of a number.
fn truncated(number: i64) -> u32 {
    u32::try_from(number & 0xffff_ffff).expect("32 bits were left")
}

impl Entry<'_> {
    /// When its content was changed.
    pub(super) fn modified(&self) -> Time {
        self.time(8)
    }

    /// When its content or what is known of it was changed.
    pub(super) fn changed(&self) -> Time {
        self.time(0)
    }

    /// The file's number on its device, its owner, its group, its size, as far as 32 bits go.
    pub(super) fn numbers(&self) -> [u32; 4] {
        [20, 28, 32, 36].map(|at| self.number(at))
    }

    /// The same of a file on the disk.
    pub(super) fn numbers_of(file: &Known) -> [u32; 4] {
        let low = |number: u64| u32::try_from(number & 0xffff_ffff).expect("32 bits were left");
        [low(file.inode), file.owner, file.group, low(file.size)]
    }

    /// Kind and permissions as in a tree.
    pub(super) fn mode(&self) -> u32 {
        self.number(24)
    }

    /// Id of the blob; of a submodule's commit; of the tree of a sparse index's folder.
    pub(super) fn id(&self) -> ObjectId {
        let id = self.stat[40..STAT].try_into();
        ObjectId(id.expect("20 bytes were taken"))
    }

    /// Whether it is one side of a conflict.
    pub(super) fn is_conflict(&self) -> bool {
        flags(self.stat) & STAGE != 0
    }

    /// Whether a sparse checkout leaves it out.
    pub(super) fn is_skipped(&self) -> bool {
        self.further & SKIP_WORKTREE != 0
    }

    fn time(&self, at: usize) -> Time {
        Time {
            seconds: self.number(at),
            nanoseconds: self.number(at + 4),
        }
    }

    fn number(&self, at: usize) -> u32 {
        number(self.stat, at).expect("an entry has all its bytes")
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?.try_into();
    Some(u32::from_be_bytes(four.ok()?))
}

fn flags(stat: &[u8]) -> u16 {
    u16::from_be_bytes([stat[STAT], stat[STAT + 1]])
}

/// The entries, and the paths where they are not in the file as they are.
fn parse(bytes: &[u8]) -> Result<(Vec<Slot>, Option<Vec<u8>>), &'static str> {
    const CUT: &str = "it is cut off";
    const HEADER: usize = 12;
    const CHECKSUM: usize = 20;
    if bytes.get(..4) != Some(b"DIRC") || u32::try_from(bytes.len()).is_err() {
        return Err("it is no index");
    }
    let version = number(bytes, 4).ok_or(CUT)?;
    if !(2..=4).contains(&version) {
        return Err("unknown version");
    }
    let count = number(bytes, 8).ok_or(CUT)? as usize;
    let body = &bytes[..bytes.len().saturating_sub(CHECKSUM)];
    let mut slots: Vec<Slot> = Vec::with_capacity(count.min(body.len() / STAT));
    let mut paths = (version == 4).then(Vec::new);
    let mut at = HEADER;
    for _ in 0..count {
        let stat = at;
        if body.len() < stat + STAT + 2 {
            return Err(CUT);
        }
        let flags = flags(&body[stat..]);
        at += STAT + 2;
        let mut further = 0;
        if version > 2 && flags & EXTENDED != 0 {
            let two = body.get(at..at + 2).ok_or(CUT)?;
            further = u16::from_be_bytes([two[0], two[1]]);
            at += 2;
        }
        let mut kept = 0;
        if paths.is_some() {
            kept = dropped_bytes(body, &mut at).ok_or(CUT)?;
        }
        let length = match usize::from(flags & NAME) {
            // Most names are shorter than this, and then need no search.
            length if paths.is_none() && length < usize::from(NAME) => length,
            _ => memchr::memchr(0, body.get(at..).ok_or(CUT)?).ok_or(CUT)?,
        };
        let end = at + length;
        if body.len() <= end {
            return Err(CUT);
        }
        let (path, path_end) = match &mut paths {
            None => (at, end),
            Some(paths) => {
                let start = paths.len();
                if let Some(last) = slots.last() {
                    let (from, to) = (last.path as usize, last.path_end as usize);
                    let to = to.checked_sub(kept).filter(|to| *to >= from).ok_or(CUT)?;
                    paths.extend_from_within(from..to);
                }
                paths.extend_from_slice(&body[at..end]);
                (start, paths.len())
            }
        };
        at = match paths {
            // One to eight zero bytes, to a multiple of eight.
            None => stat + (((end - stat) / 8) + 1) * 8,
            Some(_) => end + 1,
        };
        let offset = |at: usize| u32::try_from(at).map_err(|_| "it is too large");
        slots.push(Slot {
            stat: offset(stat)?,
            path: offset(path)?,
            path_end: offset(path_end)?,
            further,
        });
    }
    known_extensions(body, at)?;
    Ok((slots, paths))
}

/// Whether all extensions may be passed over: those whose names begin with a small letter may not,
/// except the one that says that there are folders among the entries.
fn known_extensions(body: &[u8], mut at: usize) -> Result<(), &'static str> {
    while let (Some(name), Some(length)) = (body.get(at..at + 4), number(body, at + 4)) {
        if !name[0].is_ascii_uppercase() && name != b"sdir" {
            return Err("unknown extension");
        }
        at += 8 + length as usize;
    }
    Ok(())
}

/// How many bytes of the path before are dropped: git's number of variable length.
fn dropped_bytes(body: &[u8], at: &mut usize) -> Option<usize> {
    let mut next = || {
        let byte = *body.get(*at)?;
        *at += 1;
        Some(usize::from(byte))
    };
    let mut byte = next()?;
    let mut value = byte & 0x7f;
    while byte & 0x80 != 0 {
        byte = next()?;
        value = value.checked_add(1)?.checked_mul(128)? | byte & 0x7f;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An index of these paths, all with an empty blob's stat.
    fn index(version: u32, paths: &[&str]) -> Vec<u8> {
        let mut bytes = b"DIRC".to_vec();
        bytes.extend(version.to_be_bytes());
        bytes.extend(u32::try_from(paths.len()).unwrap().to_be_bytes());
        let mut before = "";
        for path in paths {
            let start = bytes.len();
            bytes.extend([7; STAT]);
            let length = path.len().min(usize::from(NAME));
            bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
            if version == 4 {
                let same = before.bytes().zip(path.bytes());
                let same = same.take_while(|(a, b)| a == b).count();
                let dropped = before.len() - same;
                if dropped >= 128 {
                    bytes.push(u8::try_from((dropped >> 7) - 1).unwrap() | 0x80);
                }
                bytes.push(u8::try_from(dropped & 0x7f).unwrap());
                bytes.extend(path[same..].bytes());
                bytes.push(0);
                before = path;
            } else {
                bytes.extend(path.bytes());
                bytes.push(0);
                while !(bytes.len() - start).is_multiple_of(8) {
                    bytes.push(0);
                }
            }
        }
        bytes.extend(*b"TREE\0\0\0\x03abc");
        bytes.extend([0; 20]);
        bytes
    }

    fn paths(bytes: Vec<u8>) -> Result<Vec<String>, &'static str> {
        let (slots, paths) = parse(&bytes)?;
        let index = Index {
            bytes,
            paths,
            slots,
            written: Time::default(),
        };
        let paths = (0..index.len()).map(|at| index.entry(at).path);
        Ok(paths
            .map(|path| String::from_utf8_lossy(path).into_owned())
            .collect())
    }

    #[test]
    fn reads_all_versions() {
        let long = "a/".repeat(3000);
        let all = ["a", "a/b", "abcdefg", "abcdefgh", &long, "b", "b/ä/c"];
        for version in 2..=4 {
            assert_eq!(paths(index(version, &all)).unwrap(), all, "{version}");
            assert_eq!(paths(index(version, &[])).unwrap(), [""; 0], "{version}");
        }
    }

    #[test]
    fn what_is_damaged_is_refused_and_never_panics() {
        let all = ["a", "a/b", "abcdefg", "abcdefgh", "b/c"];
        for version in 2..=4 {
            let whole = index(version, &all);
            for length in 0..whole.len() {
                if let Ok(paths) = paths(whole[..length].to_vec()) {
                    assert_eq!(paths, all);
                }
                let mut damaged = whole.clone();
                damaged[length] ^= 0xff;
                let _ = paths(damaged);
            }
        }
        for version in [1, 5] {
            assert!(paths(index(version, &all)).is_err());
        }
        let mut split = index(2, &all);
        let at = split.len() - 20 - 11;
        split[at..at + 4].copy_from_slice(b"link");
        assert!(paths(split).is_err());
    }
}
