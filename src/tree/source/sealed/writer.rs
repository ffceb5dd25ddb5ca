//! Writes what a folder of the plan holds into one of the disk.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use git2::{Oid, Repository};

use super::verify::has_id;
use super::{Sealer, unwritable};
use crate::diagnostics::{Code, Diagnostic};
use crate::os;
use crate::paths::join;
use crate::tree::snapshot::{Folder, Node, ObjectId, blob_id};
use crate::tree::source::lfs::Pointer;
use crate::tree::source::{changing, tree, working_tree};

/// Modification time of sealed files: 1980-01-01 00:00 UTC, the earliest that a zip archive can
/// hold. One time for all, as builds are to depend on contents alone.
const TIME: Duration = Duration::from_secs(315_532_800);
/// The mode of every folder, whatever the umask.
pub(super) const FOLDER_MODE: u32 = 0o755;
/// Files that are longer are not taken into memory where that can be helped.
const LARGE: usize = 64 << 20;

/// The mode of a file, whatever the umask.
pub(super) fn file_mode(executable: bool) -> u32 {
    if executable { 0o755 } else { 0o644 }
}

/// Writes the files of a sealed context.
pub(super) struct Writer<'a> {
    pub(super) repository: &'a Repository,
    pub(super) sealer: &'a Sealer,
}

impl Writer<'_> {
    /// One error for all contents that a partial clone lacks.
    pub(super) fn refuse_missing(&self, context: &str, inputs: &Folder) -> Result<(), Diagnostic> {
        let mut missing = self.sealer.missing.clone();
        let Ok(objects) = self.repository.odb() else {
            return Ok(());
        };
        inputs.walk(&mut |path, node| {
            let (Node::File { id, .. } | Node::Link { id }) = node else {
                return;
            };
            let path = join(context, path);
            let is_there =
                id == blob_id(b"") || Oid::from_bytes(&id.0).is_ok_and(|id| objects.exists(id));
            if !is_there && !self.is_on_disk(&path) {
                missing.blobs.insert(path, id);
            }
        });
        missing
            .error(missing.blobs.keys().map(String::as_str))
            .map_or(Ok(()), Err)
    }

    /// Whether a file is read from the disk where git lacks it.
    fn is_on_disk(&self, path: &str) -> bool {
        let Some((_, changed)) = &self.sealer.disk else {
            return false;
        };
        let ends = path.match_indices('/').map(|(at, _)| at);
        let mut ends = ends.chain([path.len()]);
        ends.any(|end| changed.contains(&path[..end]))
    }

    /// Writes what a folder of the plan, at that path below its root, holds into one of the disk.
    pub(super) fn folder(&self, path: &str, folder: &Folder, to: &Path) -> Result<(), Diagnostic> {
        let from = match path {
            "." => PathBuf::new(),
            path => PathBuf::from(path),
        };
        self.entries(&from, folder, to)
    }

    /// As [`Self::folder`]; paths are bytes, for git's names need not be UTF-8.
    fn entries(&self, from: &Path, folder: &Folder, to: &Path) -> Result<(), Diagnostic> {
        for entry in folder.entries() {
            let name = os::name(entry.name);
            let (from, to) = (from.join(name), to.join(name));
            match entry.node {
                Node::Folder(inner) => {
                    fs::create_dir(&to).map_err(|error| unwritable(&to, &error))?;
                    self.entries(&from, inner, &to)?;
                    finish(&to, FOLDER_MODE)?;
                }
                Node::File { executable, id } => {
                    self.content(&from, id, &to)?;
                    finish(&to, file_mode(executable))?;
                }
                Node::Link { id } => {
                    let target = self.target(&from, id)?;
                    os::make_link(&target, &to).map_err(|error| unwritable(&to, &error))?;
                }
                // As in a checkout whose submodules are not initialised.
                Node::Submodule { .. } => {
                    fs::create_dir(&to).map_err(|error| unwritable(&to, &error))?;
                    finish(&to, FOLDER_MODE)?;
                }
            }
        }
        Ok(())
    }

    /// Writes the bytes with that id: from git, else from the working tree's file if it still is what
    /// was planned; what git-lfs keeps in place of a pointer to it.
    fn content(&self, from: &Path, id: ObjectId, to: &Path) -> Result<(), Diagnostic> {
        let path = from.to_string_lossy();
        // Of a file that is sent without its content no object need be there.
        if id == blob_id(b"") {
            return write_new(to, b"");
        }
        if self.in_git(id).is_some_and(|length| length > LARGE) && self.stream(id, to) {
            return Ok(());
        }
        if let Some(bytes) = self.blob(&path, id)? {
            let is_lfs = self.sealer.lfs.contains(&*path);
            return match Pointer::parse(&bytes).filter(|_| is_lfs) {
                Some(pointer) => self.large(from, &pointer, to),
                None => write_new(to, &bytes),
            };
        }
        let file = self.file_on_disk(from)?;
        let copy = || io::copy(&mut File::open(&file)?, &mut File::create_new(to)?);
        copy().map_err(|error| unwritable(to, &error))?;
        if has_id(to, id) {
            Ok(())
        } else {
            Err(changing::changed(&path))
        }
    }

    /// The target of a link: as [`Self::content`].
    fn target(&self, from: &Path, id: ObjectId) -> Result<Vec<u8>, Diagnostic> {
        let path = from.to_string_lossy();
        if let Some(bytes) = self.blob(&path, id)? {
            return Ok(bytes);
        }
        let file = self.file_on_disk(from)?;
        let target = working_tree::content(&file)?;
        if blob_id(&target) == id {
            Ok(target)
        } else {
            Err(changing::changed(&path))
        }
    }

    fn file_on_disk(&self, from: &Path) -> Result<PathBuf, Diagnostic> {
        let path = from.to_string_lossy();
        let root = self.sealer.disk.as_ref().map(|(root, _)| root);
        let root = root.filter(|_| self.is_on_disk(&path));
        let file = root.map(|root| root.join(from));
        file.ok_or_else(|| tree::missing_object(&path, "its object is missing"))
    }

    /// The length of what git has under an id, if it has it.
    fn in_git(&self, id: ObjectId) -> Option<usize> {
        let objects = self.repository.odb().ok()?;
        let (length, _) = objects.read_header(Oid::from_bytes(&id.0).ok()?).ok()?;
        Some(length)
    }

    /// What git has under an id, if it has it.
    fn blob(&self, path: &str, id: ObjectId) -> Result<Option<Vec<u8>>, Diagnostic> {
        let wanted = Oid::from_bytes(&id.0).expect("an object id has 20 bytes");
        let Ok(blob) = self.repository.find_blob(wanted) else {
            return Ok(None);
        };
        if blob_id(blob.content()) == id {
            Ok(Some(blob.content().to_vec()))
        } else {
            Err(tree::missing_object(path, "its object is damaged"))
        }
    }

    /// Writes what git has under an id without taking it into memory, which libgit2 cannot do for what
    /// is in a pack; whether that worked. Where there is no `git`, it is taken into memory.
    pub(super) fn stream(&self, id: ObjectId, to: &Path) -> bool {
        let Ok(file) = File::create_new(to) else {
            return false;
        };
        let alternates = std::env::join_paths(&self.sealer.objects).unwrap_or_default();
        let status = Command::new("git")
            // Else it maps the whole pack.
            .args(["-c", "core.packedGitWindowSize=16m"])
            .args(["-c", "core.packedGitLimit=64m", "--git-dir"])
            .arg(&self.sealer.git_directory)
            .args(["cat-file", "blob", &id.to_string()])
            .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", alternates)
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(Stdio::null())
            .status();
        let done = status.is_ok_and(|status| status.success()) && has_id(to, id);
        if !done {
            let _ = fs::remove_file(to);
        }
        done
    }

    /// Writes what git-lfs keeps: of the files that may be it, the first whose bytes have its hash.
    fn large(&self, from: &Path, pointer: &Pointer, to: &Path) -> Result<(), Diagnostic> {
        let path = from.to_string_lossy();
        let file = self.sealer.disk.as_ref().map(|(root, _)| root.join(from));
        let mut damaged = None;
        for candidate in pointer.places(&self.sealer.lfs_stores).chain(file) {
            if !fs::metadata(&candidate).is_ok_and(|found| found.is_file()) {
                continue;
            }
            fs::copy(&candidate, to).map_err(|error| unwritable(to, &error))?;
            if pointer.is_of(to) {
                return Ok(());
            }
            let _ = fs::remove_file(to);
            damaged = damaged.or(Some(candidate));
        }
        let fetch = "`git lfs fetch` (of another revision: `git lfs fetch origin REV`)";
        Err(match damaged {
            None => {
                let message = format!("the git-lfs object of `{path}` is missing");
                Diagnostic::new(Code::LfsMissing, message).help(format!("fetch it: {fetch}"))
            }
            Some(place) => {
                let message = format!(
                    "the git-lfs object of `{path}` does not match its pointer: `{}`",
                    place.display()
                );
                Diagnostic::new(Code::LfsMissing, message)
                    .help(format!("remove it and fetch it again: {fetch}"))
            }
        })
    }
}

/// Writes a file of its own, with its mode and time.
pub(super) fn file(to: &Path, executable: bool, content: &[u8]) -> Result<(), Diagnostic> {
    write_new(to, content)?;
    finish(to, file_mode(executable))
}

/// Writes a file that must not be there: on some file systems two names are one.
fn write_new(to: &Path, content: &[u8]) -> Result<(), Diagnostic> {
    use std::io::Write;
    let write = || File::create_new(to)?.write_all(content);
    write().map_err(|error| unwritable(to, &error))
}

/// The mode and the time of what is written.
fn finish(path: &Path, mode: u32) -> Result<(), Diagnostic> {
    set_mode(path, mode)?;
    let time = SystemTime::UNIX_EPOCH + TIME;
    let set = || File::open(path)?.set_modified(time);
    set().map_err(|error| unwritable(path, &error))
}

/// Sets the permissions of a file or folder.
pub(super) fn set_mode(path: &Path, mode: u32) -> Result<(), Diagnostic> {
    fs::set_permissions(path, os::permissions(mode)).map_err(|error| unwritable(path, &error))
}
