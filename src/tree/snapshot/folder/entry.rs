//! What stands under a name in a folder: a file, a link, a submodule, or a folder.

use std::borrow::Cow;
use std::sync::Arc;

use super::Folder;
use crate::tree::snapshot::ObjectId;

/// A named thing in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry<'f> {
    /// The name, as git has it; not necessarily UTF-8.
    pub name: &'f [u8],
    /// What it is.
    pub node: NodeRef<'f>,
}

impl<'f> Entry<'f> {
    /// The name for matching and display; bytes that are not UTF-8 become U+FFFD.
    pub(crate) fn name(&self) -> Cow<'f, str> {
        String::from_utf8_lossy(self.name)
    }
}

/// What a name in a folder stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Node<F = Arc<Folder>> {
    /// A folder.
    Folder(F),
    /// A file.
    File {
        /// Whether it may be executed (mode 100755 rather than 100644).
        executable: bool,
        /// Id of its blob.
        id: ObjectId,
    },
    /// A symbolic link.
    Link {
        /// Id of the blob that holds its target.
        id: ObjectId,
    },
    /// Another repository, at a commit.
    Submodule {
        /// The commit.
        id: ObjectId,
    },
}

/// A [`Node`] that stands in a folder.
pub(crate) type NodeRef<'f> = Node<&'f Arc<Folder>>;

impl<F: AsRef<Folder>> Node<F> {
    /// The mode as git writes it in a tree, without leading zeros.
    pub fn mode(&self) -> &'static str {
        match self {
            Self::Folder(_) => "40000",
            Self::File {
                executable: false, ..
            } => "100644",
            Self::File {
                executable: true, ..
            } => "100755",
            Self::Link { .. } => "120000",
            Self::Submodule { .. } => "160000",
        }
    }

    /// Id of the object.
    pub fn id(&self) -> ObjectId {
        match self {
            Self::Folder(folder) => folder.as_ref().id,
            Self::File { id, .. } | Self::Link { id } | Self::Submodule { id } => *id,
        }
    }
}

impl NodeRef<'_> {
    /// The same on its own, for another folder.
    pub(crate) fn to_owned(self) -> Node {
        match self {
            Self::Folder(folder) => Node::Folder(Arc::clone(folder)),
            Self::File { executable, id } => Node::File { executable, id },
            Self::Link { id } => Node::Link { id },
            Self::Submodule { id } => Node::Submodule { id },
        }
    }
}
