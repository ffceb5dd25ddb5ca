//! What a walk picked of a view.

use std::borrow::Cow;
use std::sync::Arc;

use crate::tree::links::Place;
use crate::tree::snapshot::{Folder, Node, NodeRef, blob_id};
use crate::tree::view::Leaf;

/// Something of a view that an image takes.
#[derive(Debug)]
pub(crate) enum Picked<'v, F> {
    /// A folder with all that is below it.
    Whole(F),
    /// A folder, of which these.
    Part(F, Entries<'v, F>),
    Leaf(Leaf<'v>),
    /// A file that is sent without its content.
    Empty(Leaf<'v>),
}

/// What is picked of a folder, by name.
pub(super) type Entries<'v, F> = Vec<(Cow<'v, [u8]>, Picked<'v, F>)>;

/// What an image takes of a context.
#[derive(Debug)]
pub(crate) struct Selected<'v, F> {
    /// The context.
    pub(crate) root: Picked<'v, F>,
    /// The indices of sources for which a build fails.
    pub(crate) missing: Vec<usize>,
    /// Links whose targets are not known.
    pub(crate) unread: Vec<Place>,
    /// By source, where its literal beginning leads, there or not.
    pub(crate) towards: Vec<Place>,
    /// Submodules without files that a source leads into.
    pub(crate) submodules: Vec<Place>,
    /// Whether a pattern of the ignore file is tried whose expression is none.
    pub(crate) is_refused: bool,
}

impl<F> Selected<'_, F> {
    /// Whether something is taken at a place, or below it, or all of a folder that it is in.
    pub(crate) fn has(&self, place: &[Vec<u8>]) -> bool {
        let mut picked = &self.root;
        for name in place {
            match picked {
                Picked::Whole(_) => return true,
                Picked::Leaf(_) | Picked::Empty(_) => return false,
                Picked::Part(_, entries) => {
                    let mut entries = entries.iter();
                    match entries.find(|(entry, _)| **entry == **name) {
                        Some((_, inner)) => picked = inner,
                        None => return false,
                    }
                }
            }
        }
        true
    }
}

impl Selected<'_, &Arc<Folder>> {
    /// The tree of what is taken.
    pub(crate) fn tree(&self) -> Arc<Folder> {
        match self.root.node() {
            Some(Node::Folder(folder)) => folder,
            _ => Arc::new(Folder::empty()),
        }
    }
}

impl Picked<'_, &Arc<Folder>> {
    fn node(&self) -> Option<Node> {
        match self {
            Self::Whole(folder) => Some(Node::Folder(Arc::clone(folder))),
            Self::Part(_, entries) => {
                let nodes = entries.iter();
                let nodes = nodes.filter_map(|(name, picked)| Some((name, picked.node()?)));
                Some(Node::Folder(Arc::new(Folder::new(nodes))))
            }
            Self::Leaf(Leaf::Known(node)) => Some(NodeRef::to_owned(*node)),
            Self::Empty(Leaf::Known(Node::File { executable, .. })) => Some(Node::File {
                executable: *executable,
                id: blob_id(b""),
            }),
            Self::Leaf(_) | Self::Empty(_) => None,
        }
    }
}
