//! Whether a tracked file is as the index says: the one place that decides it.
//!
//! As git does: what the disk says of the file (times, size, number, owner) is compared with what it
//! said when the file was last checked out or added; where these agree, the content is the index's
//! blob and is not read. A file that may have been changed in the very moment in which the index was
//! written ("racy") is read. Two flags by which git is told to look away (`assume-unchanged`, and
//! `skip-worktree` where the file is there after all) are not obeyed, and libgit2's "not modified",
//! which obeys them, is never asked: a builder is sent what stands on the disk.

use std::fs::{self, Metadata};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use git2::{AttrCheckFlags, AttrValue, ObjectType, Oid, Repository};

use super::changing;
use super::converted::Conversions;
use super::index::{Entry, Time};
use super::working_tree::{gone, unreadable};
use super::{lfs, open};
use crate::diagnostics::{Code, Diagnostic};
use crate::os;
use crate::tree::snapshot::{Node, ObjectId, blob_id, object_id};

/// What the repository's configuration says of files on this disk.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a key of git's configuration"
)]
pub(super) struct Rules {
    /// Whether the disk knows which files may be executed (`core.fileMode`).
    has_modes: bool,
    /// Whether it knows symbolic links (`core.symlinks`).
    has_links: bool,
    /// Whether nothing but git changes what is known of a file (`core.trustctime`).
    trusts_change_time: bool,
    /// Whether line ends of text are converted without an attribute (`core.autocrlf`).
    converts_text: bool,
    /// When the index was written.
    index_written: Time,
    /// The repository, for what only it can say; threads take turns.
    repository: Mutex<Repository>,
}

impl Rules {
    /// The rules of a repository whose index was written then.
    ///
    /// # Errors
    /// When it cannot be opened a second time.
    pub(super) fn of(repository: &Repository, index_written: Time) -> Result<Self, git2::Error> {
        let config = repository.config()?;
        let is = |key, default| config.get_bool(key).unwrap_or(default);
        // `input` is no boolean.
        let autocrlf = config.get_entry("core.autocrlf").is_ok();
        Ok(Self {
            has_modes: is("core.fileMode", true),
            has_links: is("core.symlinks", true),
            trusts_change_time: is("core.trustctime", true),
            converts_text: is("core.autocrlf", autocrlf),
            index_written,
            repository: Mutex::new(open::reopen(repository)?),
        })
    }

    /// Whether git ignores an untracked path; that of a folder ends in `/`.
    ///
    /// # Errors
    /// When libgit2 cannot say.
    pub(super) fn ignores(&self, path: &Path) -> Result<bool, git2::Error> {
        let repository = self.repository.lock();
        let repository = repository.unwrap_or_else(PoisonError::into_inner);
        repository.is_path_ignored(path)
    }

    /// What the index says that a path is.
    pub(super) fn indexed(entry: &Entry<'_>) -> Node {
        let id = entry.id();
        match entry.mode() & 0o170_000 {
            0o120_000 => Node::Link { id },
            0o160_000 => Node::Submodule { id },
            _ => Node::File {
                executable: entry.mode() & 0o111 != 0,
                id,
            },
        }
    }

    /// What stands at the path of a file in the index; none where that is no file and no link, or
    /// nothing.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub(super) fn node(
        &self,
        entry: &Entry<'_>,
        disk: &Path,
        metadata: &Metadata,
    ) -> Result<Option<Node>, Diagnostic> {
        let indexed = Self::indexed(entry);
        if !entry.is_conflict() && self.is_untouched(entry, &indexed, metadata) {
            return Ok(Some(indexed));
        }
        let Some(mut node) = read(disk, metadata)? else {
            return Ok(None);
        };
        if let Node::File { executable, id } = &mut node {
            match indexed {
                Node::File {
                    executable: indexed,
                    ..
                } if !self.has_modes => *executable = indexed,
                Node::Link { .. } if !self.has_links => return Ok(Some(Node::Link { id: *id })),
                _ => {}
            }
            // The sides of a conflict are nobody's content.
            let is_file = matches!(indexed, Node::File { .. }) && !entry.is_conflict();
            if is_file && *id != indexed.id() && self.is_converted(entry, disk) {
                *id = indexed.id();
            }
        }
        Ok(Some(node))
    }

    /// What an untracked path is that git does not ignore; none where that is no file and no link.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub(super) fn untracked(
        &self,
        disk: &Path,
        metadata: &Metadata,
    ) -> Result<Option<Node>, Diagnostic> {
        let mut node = read(disk, metadata)?;
        if let (false, Some(Node::File { executable, .. })) = (self.has_modes, &mut node) {
            *executable = false;
        }
        Ok(node)
    }

    /// Whether what the disk says of a file is what it said when the file was entered in the index.
    fn is_untouched(&self, entry: &Entry<'_>, indexed: &Node, metadata: &Metadata) -> bool {
        let kind = metadata.file_type();
        let same_kind = match indexed {
            Node::File { executable, .. } => {
                kind.is_file() && (!self.has_modes || *executable == is_executable(metadata))
            }
            Node::Link { .. } => kind.is_symlink() || kind.is_file() && !self.has_links,
            Node::Folder(_) | Node::Submodule { .. } => false,
        };
        let known = os::Known::of(metadata);
        let (modified, changed) = (Time::new(known.modified), Time::new(known.changed));
        same_kind
            && entry.numbers() == Entry::numbers_of(&known)
            && is_at(entry.modified(), modified)
            && (!self.trusts_change_time || is_at(entry.changed(), changed))
            && is_before(entry.modified(), self.index_written)
    }

    /// Whether a file that differs from its blob is the blob all the same once its text is converted,
    /// or its content given to git-lfs.
    fn is_converted(&self, entry: &Entry<'_>, disk: &Path) -> bool {
        let path = Path::new(os::name(entry.path));
        let repository = self.repository.lock();
        let repository = repository.unwrap_or_else(PoisonError::into_inner);
        if lfs::is_checked_out(&repository, path, entry.id(), disk) {
            return true;
        }
        let has = |name: &str| {
            let value = repository.get_attr(path, name, AttrCheckFlags::FILE_THEN_INDEX);
            let value = value.map(AttrValue::from_string);
            value.is_ok_and(|value| !matches!(value, AttrValue::Unspecified | AttrValue::False))
        };
        let is_explicit = || {
            let text = repository.get_attr(path, "text", AttrCheckFlags::FILE_THEN_INDEX);
            matches!(text.map(AttrValue::from_string), Ok(AttrValue::True)) || has("eol")
        };
        let conversions = Conversions {
            line_ends: (has("text") || has("crlf") || has("eol") || self.converts_text)
                .then(is_explicit),
            keywords: has("ident"),
        };
        conversions.any()
            && fs::read(disk).is_ok_and(|content| {
                let mut forms = conversions.of(&content).into_iter();
                forms.any(|form| blob_id(&form) == entry.id())
            })
    }
}

/// Whether a time of the index is that of the disk, to the second where the index knows no more.
fn is_at(indexed: Time, disk: Time) -> bool {
    indexed.seconds == disk.seconds
        && (indexed.nanoseconds == 0 || indexed.nanoseconds == disk.nanoseconds)
}

/// Whether a file was changed before the index was written, beyond doubt.
fn is_before(modified: Time, index_written: Time) -> bool {
    if modified.nanoseconds == 0 || index_written.nanoseconds == 0 {
        return modified.seconds < index_written.seconds;
    }
    modified < index_written
}

/// Reads the file or link at a path; none where it is something else, which no builder sends, or is
/// gone.
pub(super) fn read(disk: &Path, metadata: &Metadata) -> Result<Option<Node>, Diagnostic> {
    let kind = metadata.file_type();
    if kind.is_symlink() {
        return match os::read_link(disk) {
            Ok(target) => Ok(Some(Node::Link {
                id: blob_id(&target),
            })),
            Err(error) if gone(&error) => Ok(None),
            Err(error) => Err(unreadable(disk, &error)),
        };
    }
    if !kind.is_file() {
        return Ok(None);
    }
    Ok(Some(Node::File {
        executable: is_executable(metadata),
        id: changing::unchanged(disk, metadata, || hash(disk))?,
    }))
}

fn hash(disk: &Path) -> Result<ObjectId, Diagnostic> {
    let id = Oid::hash_file(ObjectType::Blob, disk).map_err(|error| {
        Diagnostic::new(
            Code::Unreadable,
            format!("`{}` cannot be read: {}", disk.display(), error.message()),
        )
    })?;
    Ok(object_id(id))
}

fn is_executable(metadata: &Metadata) -> bool {
    os::mode(metadata) & 0o100 != 0
}
