//! What operating systems have each in a way of their own: bytes of names, modes, and what is known of a
//! file. Everything else of the program asks here. Sockets, signals, process groups and terminals have a
//! module each under `run/`; `tests/it/layers.rs` names them.
#![expect(
    clippy::disallowed_methods,
    reason = "what others may do with files is theirs to explain"
)]

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirEntry, File, Metadata, Permissions};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, DirEntryExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;

/// A name as git has it, for the file system.
pub(crate) fn name(bytes: &[u8]) -> &OsStr {
    OsStr::from_bytes(bytes)
}

/// A name of the file system, as git has it.
pub(crate) fn into_bytes(name: OsString) -> Vec<u8> {
    name.into_vec()
}

/// The target of a link, as git has it.
pub(crate) fn read_link(path: &Path) -> io::Result<Vec<u8>> {
    Ok(into_bytes(fs::read_link(path)?.into_os_string()))
}

/// Makes a link to a target as git has it.
pub(crate) fn make_link(target: &[u8], path: &Path) -> io::Result<()> {
    symlink(name(target), path)
}

/// The permissions of a file or folder, such as `0o644`, with those that are rarely set.
pub(crate) fn mode(metadata: &Metadata) -> u32 {
    metadata.permissions().mode() & 0o7777
}

/// The permissions of that mode.
pub(crate) fn permissions(mode: u32) -> Permissions {
    Permissions::from_mode(mode)
}

/// Makes a folder of that mode, with those above it; one that is there gets the mode.
pub(crate) fn make_folder(path: &Path, mode: u32) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(mode).create(path)?;
    fs::set_permissions(path, permissions(mode))
}

/// What a file system knows of a file, as git's index keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) device: u64,
    /// The file's number on the device.
    pub(crate) inode: u64,
    pub(crate) owner: u32,
    pub(crate) group: u32,
    pub(crate) size: u64,
    /// When the content was changed: seconds since 1970, nanoseconds.
    pub(crate) modified: (i64, i64),
    /// When the content or what is known of it was changed.
    pub(crate) changed: (i64, i64),
}

impl Known {
    /// What is known of a file.
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            owner: metadata.uid(),
            group: metadata.gid(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// The number of a folder's entry on its device, without a look at the entry itself.
pub(crate) fn inode(entry: &DirEntry) -> u64 {
    entry.ino()
}

/// Waits until everything that was written below a folder is on the disk. One call for the whole file
/// system costs a quarter of one for each file.
#[cfg(target_os = "linux")]
pub(crate) fn sync_all(folder: &Path) -> io::Result<()> {
    Ok(rustix::fs::syncfs(File::open(folder)?)?)
}

/// Waits until everything that was written below a folder is on the disk.
#[cfg(not(target_os = "linux"))]
pub(crate) fn sync_all(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            sync_all(&entry.path())?;
        } else if kind.is_file() {
            File::open(entry.path())?.sync_all()?;
        }
    }
    sync_names(folder)
}

/// Waits until the names in a folder are on the disk.
pub(crate) fn sync_names(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
