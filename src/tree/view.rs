//! Files as a walk sees them: a small file system, so that one walk serves a tree, and a tree together
//! with what lies beside it on the disk.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use crate::paths::join;
use crate::tree::links;
use crate::tree::snapshot::{Folder, Node, NodeRef};

/// A folder and all below it, to be listed and to have its links read.
pub(crate) trait View<'v> {
    /// A folder in it.
    type Folder: Clone;
    /// Why something cannot be read.
    type Error;

    /// The folder that it begins at.
    fn root(&self) -> Self::Folder;

    /// What is in a folder.
    fn list(&self, folder: &Self::Folder) -> Result<Listed<'v, Self::Folder>, Self::Error>;

    /// What stands at a name in a folder.
    fn find(
        &self,
        folder: &Self::Folder,
        name: &[u8],
    ) -> Result<Option<Item<'v, Self::Folder>>, Self::Error>;

    /// The target of a link, which stands at a place from the root; none where it is not known.
    fn target(&self, place: &[Vec<u8>], link: Leaf<'v>) -> Result<Option<Vec<u8>>, Self::Error>;
}

/// What is in a folder, each with its name.
pub(crate) type Listed<'v, F> = Vec<(Cow<'v, [u8]>, Item<'v, F>)>;

/// What stands at a name.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Item<'v, F> {
    Folder(F),
    Leaf(Leaf<'v>),
}

/// What is no folder.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Leaf<'v> {
    /// A file, link or submodule of a tree.
    Known(NodeRef<'v>),
    /// A file that only the disk has.
    File,
    /// A link that only the disk has.
    Link,
}

impl Leaf<'_> {
    /// Whether it is a symbolic link.
    pub(crate) fn is_link(self) -> bool {
        matches!(self, Self::Link | Self::Known(Node::Link { .. }))
    }

    /// Whether it is a file.
    pub(crate) fn is_file(self) -> bool {
        matches!(self, Self::File | Self::Known(Node::File { .. }))
    }

    /// Whether it is a submodule.
    pub(crate) fn is_submodule(self) -> bool {
        matches!(self, Self::Known(Node::Submodule { .. }))
    }
}

/// A folder of a tree.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TreeView<'v> {
    pub(crate) folder: &'v Arc<Folder>,
    /// Its path from the root that the links are named from; empty for that root.
    pub(crate) path: &'v str,
    /// The targets of links, by path.
    pub(crate) links: &'v BTreeMap<String, Vec<u8>>,
}

impl<'v> View<'v> for TreeView<'v> {
    type Folder = &'v Arc<Folder>;
    type Error = Infallible;

    fn root(&self) -> &'v Arc<Folder> {
        self.folder
    }

    fn list(&self, folder: &&'v Arc<Folder>) -> Result<Listed<'v, Self::Folder>, Infallible> {
        let entries = folder.entries();
        Ok(entries
            .map(|entry| (Cow::Borrowed(entry.name), item(entry.node)))
            .collect())
    }

    fn find(
        &self,
        folder: &&'v Arc<Folder>,
        name: &[u8],
    ) -> Result<Option<Item<'v, Self::Folder>>, Infallible> {
        Ok(folder.entry(name).map(|entry| item(entry.node)))
    }

    fn target(&self, place: &[Vec<u8>], _: Leaf<'v>) -> Result<Option<Vec<u8>>, Infallible> {
        let path = join(self.path, &links::path(place));
        Ok(self.links.get(&path).cloned())
    }
}

fn item(node: NodeRef<'_>) -> Item<'_, &Arc<Folder>> {
    match node {
        Node::Folder(folder) => Item::Folder(folder),
        node => Item::Leaf(Leaf::Known(node)),
    }
}
