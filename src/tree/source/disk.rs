//! The tree together with what lies beside it on the disk: what a builder would be sent from the
//! folders of the working tree.
//!
//! Nothing is asked of git: what stands on the disk and not in the tree of the working tree, where
//! untracked files are, git ignores. Where both have something at a name, the tree's counts.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::tree::Tree;
use super::working_tree::{FileIdentity, gone, unreadable};
use crate::diagnostics::{Code, Diagnostic};
use crate::os;
use crate::paths::join;
use crate::tree::links;
use crate::tree::snapshot::{Folder, Node};
use crate::tree::view::{Item, Leaf, Listed, View};

/// Git's own folder, or in a submodule or a linked worktree its own file. Never an input.
const GIT_FOLDER: &[u8] = b".git";

/// Which files of the disk are seen beside those of the tree.
#[derive(Clone, Copy)]
pub(crate) enum Seen<'s> {
    /// None.
    Nothing,
    /// All of them.
    All,
    /// Of the files and links those whose paths from the root of the plan the first answers true for,
    /// in folders that the second does.
    Some(&'s dyn Fn(&str) -> bool, &'s dyn Fn(&str) -> bool),
}

/// A build context in the tree, with the disk.
#[derive(Clone, Copy)]
pub(crate) struct DiskView<'v> {
    tree: &'v Tree<'v>,
    /// From the root of the plan.
    context: &'v str,
    seen: Seen<'v>,
}

/// A folder of the tree, of the disk, or of both.
#[derive(Debug, Clone)]
pub(crate) struct DiskFolder<'v> {
    pub(crate) known: Option<&'v Arc<Folder>>,
    /// From the root of the plan.
    pub(crate) path: PathBuf,
}

/// What a folder of the disk holds that a builder is sent.
pub(super) type Listing = Arc<[(Vec<u8>, Kind)]>;

/// What a builder is sent of a name; other things, such as sockets, are not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Folder,
    File,
    Link,
}

impl Tree<'_> {
    /// A build context, at a path from the root of the plan, with what is seen of the disk.
    pub(crate) fn view<'v>(&'v self, context: &'v str, seen: Seen<'v>) -> DiskView<'v> {
        DiskView {
            tree: self,
            context,
            seen: if self.root_on_disk().is_some() {
                seen
            } else {
                Seen::Nothing
            },
        }
    }

    /// The files and links below the root of the plan on the disk whose paths the first answers true
    /// for, in folders that the second does. What cannot be read is passed over.
    pub(crate) fn find_on_disk(
        &self,
        wanted: &dyn Fn(&str) -> bool,
        enters: &dyn Fn(&str) -> bool,
    ) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![String::new()];
        while let Some(folder) = folders.pop() {
            let listing = self.listing(Path::new(&folder));
            for (name, kind) in listing.iter().flat_map(|listing| &**listing) {
                let path = join(&folder, &String::from_utf8_lossy(name));
                match kind {
                    Kind::Folder if enters(&path) => folders.push(path),
                    Kind::File | Kind::Link if wanted(&path) => found.push(path),
                    _ => {}
                }
            }
        }
        found.sort();
        found
    }

    /// Whether a builder may be sent something of the disk at a path from the root of the plan.
    pub(crate) fn is_on_disk(&self, path: &str) -> bool {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let is_named = |(entry, _): &(Vec<u8>, Kind)| entry.as_slice().cmp(name.as_bytes());
        let listing = self.listing(Path::new(folder));
        listing.is_ok_and(|listing| listing.binary_search_by(is_named).is_ok())
    }

    /// What a folder of the disk holds, read once; without sockets and the like, which no builder is
    /// sent, without git's own, and without what this process writes.
    pub(super) fn listing(&self, folder: &Path) -> Result<Listing, Diagnostic> {
        if let Some(listing) = self.listings.borrow().get(folder) {
            return Ok(Arc::clone(listing));
        }
        let listing: Listing = match self.root_on_disk() {
            Some(root) => self.list(&root.join(folder))?.into(),
            None => Vec::new().into(),
        };
        let mut listings = self.listings.borrow_mut();
        listings.insert(folder.to_owned(), Arc::clone(&listing));
        Ok(listing)
    }

    fn list(&self, disk: &Path) -> Result<Vec<(Vec<u8>, Kind)>, Diagnostic> {
        let read = match fs::read_dir(disk) {
            Ok(read) => read,
            // A sparse checkout leaves folders out, and others may be deleted.
            Err(error) if gone(&error) => return Ok(Vec::new()),
            Err(error) => return Err(unreadable(disk, &error)),
        };
        let mut entries = Vec::new();
        for entry in read {
            let entry = entry.map_err(|error| unreadable(disk, &error))?;
            let kind = entry
                .file_type()
                .map_err(|error| unreadable(disk, &error))?;
            let kind = match () {
                () if kind.is_dir() => Kind::Folder,
                () if kind.is_file() => Kind::File,
                () if kind.is_symlink() => Kind::Link,
                () => continue,
            };
            let name = os::into_bytes(entry.file_name());
            if name != GIT_FOLDER && !self.is_written(&entry) {
                entries.push((name, kind));
            }
        }
        entries.sort();
        Ok(entries)
    }

    fn is_written(&self, entry: &fs::DirEntry) -> bool {
        let written = self.disk.iter().flat_map(|disk| &disk.without);
        let mut written = written.filter(|file| file.inode == os::inode(entry));
        written.any(|file| {
            let metadata = entry.metadata();
            metadata.is_ok_and(|metadata| FileIdentity::of(&metadata) == *file)
        })
    }
}

impl<'v> DiskView<'v> {
    fn sees(&self, path: &Path, kind: Kind) -> bool {
        match self.seen {
            Seen::Nothing => false,
            Seen::All => true,
            Seen::Some(files, folders) => {
                let path = path.to_string_lossy();
                match kind {
                    Kind::Folder => folders(&path),
                    Kind::File | Kind::Link => files(&path),
                }
            }
        }
    }

    fn known(folder: &DiskFolder<'v>, name: &[u8]) -> Option<Item<'v, DiskFolder<'v>>> {
        let node = folder.known?.entry(name)?.node;
        Some(match node {
            Node::Folder(known) => Item::Folder(DiskFolder {
                known: Some(known),
                path: folder.path.join(os::name(name)),
            }),
            node => Item::Leaf(Leaf::Known(node)),
        })
    }

    fn beside(
        &self,
        folder: &DiskFolder<'v>,
        name: &[u8],
        kind: Kind,
    ) -> Option<Item<'v, DiskFolder<'v>>> {
        let path = folder.path.join(os::name(name));
        if !self.sees(&path, kind) {
            return None;
        }
        Some(match kind {
            Kind::Folder => Item::Folder(DiskFolder { known: None, path }),
            Kind::File => Item::Leaf(Leaf::File),
            Kind::Link => Item::Leaf(Leaf::Link),
        })
    }

    fn listing(&self, folder: &DiskFolder<'v>) -> Result<Listing, Diagnostic> {
        match self.seen {
            Seen::Nothing => Ok(Vec::new().into()),
            _ => self.tree.listing(&folder.path),
        }
    }
}

impl<'v> View<'v> for DiskView<'v> {
    type Folder = DiskFolder<'v>;
    type Error = Diagnostic;

    fn root(&self) -> DiskFolder<'v> {
        DiskFolder {
            known: Folder::shared(&self.tree.added.sources, self.context),
            path: PathBuf::from(self.context),
        }
    }

    fn list(&self, folder: &DiskFolder<'v>) -> Result<Listed<'v, DiskFolder<'v>>, Diagnostic> {
        let mut listed = Vec::new();
        for entry in folder.known.iter().flat_map(|known| known.entries()) {
            let item = Self::known(folder, entry.name);
            listed.extend(item.map(|item| (Cow::Borrowed(entry.name), item)));
        }
        for (name, kind) in self.listing(folder)?.iter() {
            let is_known = folder
                .known
                .is_some_and(|known| known.entry(name).is_some());
            if !is_known && let Some(item) = self.beside(folder, name, *kind) {
                listed.push((Cow::Owned(name.clone()), item));
            }
        }
        Ok(listed)
    }

    fn find(
        &self,
        folder: &DiskFolder<'v>,
        name: &[u8],
    ) -> Result<Option<Item<'v, DiskFolder<'v>>>, Diagnostic> {
        if let Some(item) = Self::known(folder, name) {
            return Ok(Some(item));
        }
        let listing = self.listing(folder)?;
        let found = listing.binary_search_by(|(entry, _)| entry.as_slice().cmp(name));
        Ok(found
            .ok()
            .and_then(|at| self.beside(folder, name, listing[at].1)))
    }

    fn target(&self, place: &[Vec<u8>], link: Leaf<'v>) -> Result<Option<Vec<u8>>, Diagnostic> {
        if let Leaf::Known(node) = link {
            let path = join(self.context, &links::path(place));
            return match self.tree.content(&path, node.id()) {
                Ok(target) => Ok(Some(target)),
                Err(error) if error.code == Code::MissingObject => Ok(None),
                Err(error) => Err(error),
            };
        }
        let Some(root) = self.tree.root_on_disk() else {
            return Ok(None);
        };
        let file = root.join(self.context).join(os::name(&place.join(&b'/')));
        let target = os::read_link(&file).map_err(|error| unreadable(&file, &error))?;
        Ok(Some(target))
    }
}
