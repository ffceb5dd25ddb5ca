//! Folders as git trees: what one holds, how to find something in it, and the same with changes.

mod differences;
mod entry;
mod read;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{ObjectId, object_id};

pub use entry::Node;
pub(crate) use entry::{Entry, NodeRef};
pub(crate) use read::MalformedTree;

/// A folder and all that is below it.
///
/// It is held as git holds it: the bytes of the tree object, into which entries point. Reading a
/// folder therefore allocates nothing per file. Equal folders may be shared, so that a tree that
/// occurs in many places is held once.
#[derive(Clone)]
pub struct Folder {
    /// Id of the git tree that holds exactly this.
    id: ObjectId,
    /// The tree object: of each entry its mode, a space, its name, a zero byte, its id.
    tree: Box<[u8]>,
    /// The entries, in the order of a git tree: by bytes of the name, a folder as if its name ended
    /// in `/`.
    slots: Box<[Slot]>,
    /// The folders among the entries, in that order.
    folders: Box<[Arc<Folder>]>,
}

/// Where an entry is.
#[derive(Debug, Clone, Copy)]
struct Slot {
    /// Of the name within the tree object, in bytes.
    start: u32,
    end: u32,
    kind: Kind,
}

impl Slot {
    fn is_folder(self) -> bool {
        matches!(self.kind, Kind::Folder(_))
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// The index among the folders of the same tree.
    Folder(u32),
    File {
        executable: bool,
    },
    Link,
    Submodule,
}

impl Folder {
    /// A folder of these entries, in any order; computes the id as git would.
    pub(crate) fn new<N: AsRef<[u8]>>(entries: impl IntoIterator<Item = (N, Node)>) -> Self {
        let mut entries: Vec<(N, Node)> = entries.into_iter().collect();
        entries.sort_by(|(a, a_node), (b, b_node)| {
            let is_folder = |node: &Node| matches!(node, Node::Folder(_));
            git_order(
                (a.as_ref(), is_folder(a_node)),
                (b.as_ref(), is_folder(b_node)),
            )
        });
        let mut tree = Vec::new();
        let mut slots = Vec::with_capacity(entries.len());
        let mut folders = Vec::new();
        for (name, node) in entries {
            tree.extend_from_slice(node.mode().as_bytes());
            tree.push(b' ');
            let start = offset(tree.len());
            tree.extend_from_slice(name.as_ref());
            let end = offset(tree.len());
            tree.push(0);
            tree.extend_from_slice(&node.id().0);
            let kind = match node {
                Node::Folder(folder) => {
                    folders.push(folder);
                    Kind::Folder(offset(folders.len() - 1))
                }
                Node::File { executable, .. } => Kind::File { executable },
                Node::Link { .. } => Kind::Link,
                Node::Submodule { .. } => Kind::Submodule,
            };
            slots.push(Slot { start, end, kind });
        }
        let id = git2::Oid::hash_object(git2::ObjectType::Tree, &tree)
            .expect("hashing bytes in memory needs nothing that could fail");
        Self {
            id: object_id(id),
            tree: tree.into(),
            slots: slots.into(),
            folders: folders.into(),
        }
    }

    /// The folder without entries, whose id is git's empty tree.
    pub(crate) fn empty() -> Self {
        Self::new(std::iter::empty::<(&[u8], Node)>())
    }

    /// Id of the git tree that holds exactly this.
    pub fn id(&self) -> ObjectId {
        self.id
    }

    /// Whether there is no entry.
    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The entries, in git's order.
    pub(crate) fn entries(&self) -> impl ExactSizeIterator<Item = Entry<'_>> {
        self.slots.iter().map(|slot| self.at(slot))
    }

    /// The entry of that name.
    pub(crate) fn entry(&self, name: &[u8]) -> Option<Entry<'_>> {
        let find = |as_folder| {
            let found = self.slots.binary_search_by(|slot| {
                git_order((self.name(slot), slot.is_folder()), (name, as_folder))
            });
            let entry = self.at(&self.slots[found.ok()?]);
            (entry.name == name).then_some(entry)
        };
        find(false).or_else(|| find(true))
    }

    /// What stands at a path of `/`-separated names; the folder itself is not found by any path.
    pub fn node(&self, path: &str) -> Option<NodeRef<'_>> {
        let (first, rest) = match path.split_once('/') {
            Some((first, rest)) => (first, Some(rest)),
            None => (path, None),
        };
        let node = self.entry(first.as_bytes())?.node;
        match (rest, node) {
            (None, _) => Some(node),
            (Some(rest), Node::Folder(folder)) => folder.node(rest),
            (Some(_), _) => None,
        }
    }

    /// The folder at a path; `.` and the empty path are the folder itself.
    pub(crate) fn folder(&self, path: &str) -> Option<&Self> {
        if path.is_empty() || path == "." {
            return Some(self);
        }
        match self.node(path)? {
            Node::Folder(folder) => Some(folder),
            _ => None,
        }
    }

    /// The folder at a path below another, to be kept; `.` and the empty path are that itself.
    pub(crate) fn shared<'f>(root: &'f Arc<Self>, path: &str) -> Option<&'f Arc<Self>> {
        if path.is_empty() || path == "." {
            return Some(root);
        }
        match root.node(path)? {
            Node::Folder(folder) => Some(folder),
            _ => None,
        }
    }

    /// The same folder with these nodes at these paths. What is on the way to one and no folder gives
    /// way.
    #[must_use]
    pub(crate) fn with(&self, nodes: &BTreeMap<PathBuf, Node>) -> Arc<Self> {
        let nodes = nodes.iter();
        self.with_all(nodes.map(|(path, node)| (path.as_path(), node)).collect())
    }

    fn with_all(&self, nodes: Vec<(&Path, &Node)>) -> Arc<Self> {
        let entries = self.entries();
        let mut entries: BTreeMap<Vec<u8>, Node> = entries
            .map(|entry| (entry.name.to_vec(), entry.node.to_owned()))
            .collect();
        let mut deeper: BTreeMap<Vec<u8>, Vec<(&Path, &Node)>> = BTreeMap::new();
        for (path, node) in nodes {
            let mut parts = path.components();
            let Some(first) = parts.next() else { continue };
            let name = first.as_os_str().as_encoded_bytes().to_vec();
            let rest = parts.as_path();
            if rest.as_os_str().is_empty() {
                entries.insert(name, node.clone());
            } else {
                deeper.entry(name).or_default().push((rest, node));
            }
        }
        for (name, nodes) in deeper {
            let inner = match entries.get(&name) {
                Some(Node::Folder(inner)) => inner.with_all(nodes),
                _ => Self::empty().with_all(nodes),
            };
            entries.insert(name, Node::Folder(inner));
        }
        Arc::new(Self::new(entries))
    }

    /// Calls `visit` with the path of everything below that is not a folder, or is an empty one, in
    /// git's order.
    pub fn walk<'f>(&'f self, visit: &mut dyn FnMut(&str, NodeRef<'f>)) {
        self.walk_where(&|_| true, visit);
    }

    /// Like [`Folder::walk`], of those that `wanted` answers true for by their names alone: what is
    /// passed over costs no path.
    pub(crate) fn walk_where<'f>(
        &'f self,
        wanted: &dyn Fn(Entry<'f>) -> bool,
        visit: &mut dyn FnMut(&str, NodeRef<'f>),
    ) {
        self.walk_below(&mut String::new(), wanted, visit);
    }

    fn walk_below<'f>(
        &'f self,
        path: &mut String,
        wanted: &dyn Fn(Entry<'f>) -> bool,
        visit: &mut dyn FnMut(&str, NodeRef<'f>),
    ) {
        for entry in self.entries() {
            let inner = match entry.node {
                Node::Folder(folder) if !folder.is_empty() => Some(folder),
                _ => None,
            };
            if inner.is_none() && !wanted(entry) {
                continue;
            }
            let length = path.len();
            if length > 0 {
                path.push('/');
            }
            path.push_str(&entry.name());
            match inner {
                Some(folder) => folder.walk_below(path, wanted, visit),
                None => visit(path, entry.node),
            }
            path.truncate(length);
        }
    }

    fn name(&self, slot: &Slot) -> &[u8] {
        &self.tree[slot.start as usize..slot.end as usize]
    }

    fn at(&self, slot: &Slot) -> Entry<'_> {
        let id = slot.end as usize + 1;
        let id = self.tree[id..id + 20].try_into();
        let id = ObjectId(id.expect("20 bytes were taken"));
        Entry {
            name: self.name(slot),
            node: match slot.kind {
                Kind::Folder(index) => Node::Folder(&self.folders[index as usize]),
                Kind::File { executable } => Node::File { executable, id },
                Kind::Link => Node::Link { id },
                Kind::Submodule => Node::Submodule { id },
            },
        }
    }
}

/// Equal ids are equal contents.
impl PartialEq for Folder {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Folder {}

impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.entries().map(|entry| (entry.name(), entry.node));
        f.debug_map().entries(names).finish()
    }
}

/// A place in a tree object, or an index in a list that is shorter than one.
fn offset(at: usize) -> u32 {
    u32::try_from(at).expect("a tree object has less than 4 GiB")
}

/// Compares names, each with whether it is a folder's, in git's order within a tree: a folder sorts as
/// if its name ended in `/`.
fn git_order((a, a_folder): (&[u8], bool), (b, b_folder): (&[u8], bool)) -> Ordering {
    let common = a.len().min(b.len());
    // No name has a zero byte.
    let after = |name: &[u8], is_folder| match name.get(common) {
        Some(byte) => *byte,
        None if is_folder => b'/',
        None => 0,
    };
    a[..common]
        .cmp(&b[..common])
        .then_with(|| after(a, a_folder).cmp(&after(b, b_folder)))
}

#[cfg(test)]
mod tests {
    use super::super::blob_id;
    use super::*;

    fn file(name: &str) -> (&str, Node) {
        let id = blob_id(name.as_bytes());
        let executable = false;
        (name, Node::File { executable, id })
    }

    #[test]
    fn empty_folder_has_the_id_of_gits_empty_tree() {
        let id = Folder::empty().id().to_string();
        assert_eq!(id, "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
    }

    #[test]
    fn folders_sort_as_if_their_names_ended_in_a_slash() {
        let inner = Arc::new(Folder::new([file("x")]));
        let tree = Folder::new([("a", Node::Folder(inner)), file("a-b"), file("a0")]);
        let names: Vec<_> = tree.entries().map(|entry| entry.name()).collect();
        assert_eq!(names, ["a-b", "a", "a0"]);
        for name in ["a-b", "a", "a0"] {
            let found = tree.entry(name.as_bytes()).map(|entry| entry.name());
            assert_eq!(found.as_deref(), Some(name));
        }
        for name in ["", "a-", "a/", "b"] {
            assert_eq!(tree.entry(name.as_bytes()), None, "{name}");
        }
    }
}
