//! Whether a kept folder is what its name says: a name is a claim, the bytes are the proof.

use std::fs::{self, Metadata};
use std::path::Path;

use git2::{ObjectType, Oid};

use super::writer::{FOLDER_MODE, Writer, file_mode};
use crate::os;
use crate::paths::join;
use crate::tree::snapshot::{Entry, Folder, Node, ObjectId, blob_id, object_id};
use crate::tree::source::lfs::Pointer;

impl Writer<'_> {
    /// Whether a folder of the disk holds exactly what a folder of the plan holds, with the modes
    /// that it is written with. `path` is the plan's.
    pub(super) fn holds(&self, path: &str, folder: &Folder, disk: &Path) -> bool {
        if !fs::symlink_metadata(disk).is_ok_and(|found| is_folder(&found)) {
            return false;
        }
        let Ok(found) = fs::read_dir(disk) else {
            return false;
        };
        found.count() == folder.entries().len()
            && folder
                .entries()
                .all(|entry| self.holds_entry(path, entry, disk))
    }

    fn holds_entry(&self, path: &str, entry: Entry<'_>, disk: &Path) -> bool {
        let path = join(path, &entry.name());
        let disk = disk.join(os::name(entry.name));
        let Ok(found) = fs::symlink_metadata(&disk) else {
            return false;
        };
        match entry.node {
            Node::Folder(inner) => self.holds(&path, inner, &disk),
            Node::Submodule { .. } => self.holds(&path, &Folder::empty(), &disk),
            Node::Link { id } => os::read_link(&disk).is_ok_and(|target| blob_id(&target) == id),
            Node::File { executable, id } => {
                found.is_file()
                    && os::mode(&found) == file_mode(executable)
                    && self.is_content(&path, id, &disk)
            }
        }
    }

    fn is_content(&self, path: &str, id: ObjectId, disk: &Path) -> bool {
        match self.pointer(path, id) {
            Some(pointer) => pointer.is_of(disk),
            None => has_id(disk, id),
        }
    }

    /// What git has for a file that git-lfs keeps.
    fn pointer(&self, path: &str, id: ObjectId) -> Option<Pointer> {
        if !self.sealer.lfs.contains(path) {
            return None;
        }
        let blob = self.repository.find_blob(Oid::from_bytes(&id.0).ok()?);
        Pointer::parse(blob.ok()?.content())
    }
}

/// Whether git would give the file's bytes that id; they are never in memory as a whole.
pub(super) fn has_id(file: &Path, id: ObjectId) -> bool {
    Oid::hash_file(ObjectType::Blob, file).is_ok_and(|found| object_id(found) == id)
}

fn is_folder(found: &Metadata) -> bool {
    found.is_dir() && os::mode(found) == FOLDER_MODE
}
