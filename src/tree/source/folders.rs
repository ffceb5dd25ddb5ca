//! Folders of commits, read from git's objects, each once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use git2::{ObjectType, Odb, Oid, Repository};

use crate::tree::snapshot::{Folder, MalformedTree, ObjectId, object_id};

/// Fewer folders are not worth opening the objects once more for each processor.
const MANY: usize = 64;
/// So many levels of folders are searched for as many.
const MOST_LEVELS: usize = 3;

/// Folders in folders that are read; git itself stops here too (`core.maxTreeDepth`).
const MAX_DEPTH: usize = 2048;

/// Folders that were read, by their ids.
pub(super) type Folders = BTreeMap<ObjectId, Arc<Folder>>;

/// Reads a tree object and all below it, each object once.
pub(super) fn read_folder(repository: &Repository, id: Oid) -> Result<Arc<Folder>, Unread> {
    read_further(repository, id, &mut Folders::new())
}

/// Reads a tree object and all below it that was not read before: another commit has most folders
/// in common with the last one.
pub(super) fn read_further(
    repository: &Repository,
    id: Oid,
    read: &mut Folders,
) -> Result<Arc<Folder>, Unread> {
    let objects = repository.odb()?;
    read_ahead(repository, &objects, object_id(id), read);
    let mut reader = Reader {
        objects: &objects,
        known: &Folders::new(),
        read,
    };
    let id = object_id(id);
    reader.folder(id, 0).map_err(|error| match error {
        NoFolder::Unread(error) => error,
        NoFolder::Malformed(error) => Unread::Tree(id, error),
    })
}

/// Reads the folders below one, from the first level that has many, on all processors. What fails here
/// is left to whoever reads all, in order, so that the same is said of it.
fn read_ahead(repository: &Repository, objects: &Odb<'_>, id: ObjectId, read: &mut Folders) {
    let (mut level, mut depth) = (vec![id], 0);
    while level.len() < MANY {
        let below = level.iter().flat_map(|id| folders_in(objects, *id));
        let below: BTreeSet<ObjectId> = below.filter(|id| !read.contains_key(id)).collect();
        if below.is_empty() || depth == MOST_LEVELS {
            return;
        }
        level = below.into_iter().collect();
        depth += 1;
    }
    let folder = repository.commondir().join("objects");
    let Some(folder) = folder.to_str() else {
        return;
    };
    let (next, known) = (AtomicUsize::new(0), &*read);
    let parts = rayon::broadcast(|_| {
        let mut read = Folders::new();
        // One for each: the objects of a repository are read by one thread at a time.
        let objects = Odb::new();
        let Ok(objects) = objects.and_then(|objects| {
            objects.add_disk_alternate(folder)?;
            Ok(objects)
        }) else {
            return read;
        };
        let mut reader = Reader {
            objects: &objects,
            known,
            read: &mut read,
        };
        while let Some(id) = level.get(next.fetch_add(1, Ordering::Relaxed)) {
            // Told when it is read again.
            let _ = reader.folder(*id, depth);
        }
        read
    });
    for part in parts {
        read.extend(part);
    }
}

/// The folders in one; none where it cannot be read.
fn folders_in(objects: &Odb<'_>, id: ObjectId) -> Vec<ObjectId> {
    let mut folders = Vec::new();
    if let Ok(object) = Oid::from_bytes(&id.0).and_then(|id| objects.read(id)) {
        let none = Arc::new(Folder::empty());
        let _ = Folder::of_tree(id, object.data(), |below| {
            folders.push(below);
            Ok::<_, MalformedTree>(Arc::clone(&none))
        });
    }
    folders
}

/// Reads folders from the object database.
struct Reader<'r> {
    objects: &'r Odb<'r>,
    /// Folders that need not be read.
    known: &'r Folders,
    read: &'r mut Folders,
}

/// Why a folder was not read.
#[derive(Debug)]
pub(super) enum Unread {
    /// An object that libgit2 does not give.
    Object(git2::Error),
    /// The tree of that id is none.
    Tree(ObjectId, MalformedTree),
}

impl From<git2::Error> for Unread {
    fn from(error: git2::Error) -> Self {
        Self::Object(error)
    }
}

/// Why a folder is none: it could not be read, or one whose id its reader knows is malformed.
enum NoFolder {
    Unread(Unread),
    Malformed(MalformedTree),
}

impl From<MalformedTree> for NoFolder {
    fn from(error: MalformedTree) -> Self {
        Self::Malformed(error)
    }
}

impl From<Unread> for NoFolder {
    fn from(error: Unread) -> Self {
        Self::Unread(error)
    }
}

impl Reader<'_> {
    fn folder(&mut self, id: ObjectId, depth: usize) -> Result<Arc<Folder>, NoFolder> {
        if let Some(folder) = self.known.get(&id).or_else(|| self.read.get(&id)) {
            return Ok(Arc::clone(folder));
        }
        if depth > MAX_DEPTH {
            let message = format!("its folders are more than {MAX_DEPTH} deep");
            return Err(Unread::Object(git2::Error::from_str(&message)).into());
        }
        let objects = self.objects;
        let object = Oid::from_bytes(&id.0).and_then(|id| objects.read(id));
        let object = object.map_err(Unread::Object)?;
        if object.kind() != ObjectType::Tree {
            return Err(Unread::Tree(id, MalformedTree::NoTree).into());
        }
        let folder = Folder::of_tree(id, object.data(), |below| self.folder(below, depth + 1));
        let folder = folder.map_err(|error| match error {
            NoFolder::Malformed(error) => NoFolder::Unread(Unread::Tree(id, error)),
            unread @ NoFolder::Unread(_) => unread,
        })?;
        let folder = Arc::new(folder);
        self.read.insert(id, Arc::clone(&folder));
        Ok(folder)
    }
}
