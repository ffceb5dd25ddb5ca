//! Folders as git trees.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{ObjectId, names, object_id};
use crate::paths::join;

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

/// A named thing in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'f> {
    /// The name, as git has it; not necessarily UTF-8.
    pub name: &'f [u8],
    /// What it is.
    pub node: NodeRef<'f>,
}

impl<'f> Entry<'f> {
    /// The name for matching and display; bytes that are not UTF-8 become U+FFFD.
    pub fn name(&self) -> Cow<'f, str> {
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
    /// Adds the paths of what it holds, it standing at one itself: of what is no folder, or an empty one.
    fn add_paths(self, path: &str, paths: &mut BTreeSet<String>) {
        match self {
            Node::Folder(folder) if !folder.is_empty() => {
                folder.walk(&mut |below, _| {
                    paths.insert(join(path, below));
                });
            }
            _ => {
                paths.insert(path.to_owned());
            }
        }
    }

    /// The same on its own, for another folder.
    pub fn to_owned(self) -> Node {
        match self {
            Self::Folder(folder) => Node::Folder(Arc::clone(folder)),
            Self::File { executable, id } => Node::File { executable, id },
            Self::Link { id } => Node::Link { id },
            Self::Submodule { id } => Node::Submodule { id },
        }
    }
}

/// Why the bytes of a tree object are none that git would write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MalformedTree {
    /// They are no entries.
    NoTree,
    /// An entry has a name that leads elsewhere: which, and what is wrong with it.
    Name(String, &'static str),
    /// An entry appears twice, or not in its place.
    Order(String),
}

impl fmt::Display for MalformedTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTree => f.write_str("it is malformed"),
            Self::Name(name, why) => write!(f, "it holds {why}: {name:?}"),
            Self::Order(name) => write!(f, "it holds {name:?} twice, or out of order"),
        }
    }
}

impl std::error::Error for MalformedTree {}

impl Folder {
    /// A folder of these entries, in any order; computes the id as git would.
    pub fn new<N: AsRef<[u8]>>(entries: impl IntoIterator<Item = (N, Node)>) -> Self {
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

    /// The folder that a tree object holds, whose id is known; `below` gives the folders in it by
    /// their ids.
    ///
    /// # Errors
    /// The first of `below`, or why the bytes are no tree: names and order are checked as git does.
    pub fn of_tree<E: From<MalformedTree>>(
        id: ObjectId,
        tree: &[u8],
        mut below: impl FnMut(ObjectId) -> Result<Arc<Self>, E>,
    ) -> Result<Self, E> {
        if u32::try_from(tree.len()).is_err() {
            return Err(MalformedTree::NoTree.into());
        }
        // Most entries take this much or more: one allocation is enough.
        let mut slots: Vec<Slot> = Vec::with_capacity(tree.len() / 32 + 1);
        let mut folders = Vec::new();
        let mut at = 0;
        while at < tree.len() {
            let (mode, start) = mode(tree, at).ok_or(MalformedTree::NoTree)?;
            let end = memchr::memchr(0, &tree[start..]).ok_or(MalformedTree::NoTree)? + start;
            at = end + 1 + 20;
            let id = tree.get(end + 1..at).ok_or(MalformedTree::NoTree)?;
            if let Some(why) = names::problem(&tree[start..end]) {
                let name = String::from_utf8_lossy(&tree[start..end]).into_owned();
                return Err(MalformedTree::Name(name, why).into());
            }
            let kind = match mode & 0o170_000 {
                0o040_000 => {
                    let id = id.try_into().expect("20 bytes were taken");
                    folders.push(below(ObjectId(id))?);
                    Kind::Folder(offset(folders.len() - 1))
                }
                0o160_000 => Kind::Submodule,
                0o120_000 => Kind::Link,
                _ => Kind::File {
                    executable: mode & 0o111 != 0,
                },
            };
            let (start, end) = (offset(start), offset(end));
            let slot = Slot { start, end, kind };
            if !follows(tree, &slots, &slot) {
                let name = &tree[slot.start as usize..slot.end as usize];
                let name = String::from_utf8_lossy(name).into_owned();
                return Err(MalformedTree::Order(name).into());
            }
            slots.push(slot);
        }
        Ok(Self {
            id,
            tree: tree.into(),
            slots: slots.into(),
            folders: folders.into(),
        })
    }

    /// The folder without entries, whose id is git's empty tree.
    pub fn empty() -> Self {
        Self::new(std::iter::empty::<(&[u8], Node)>())
    }

    /// Id of the git tree that holds exactly this.
    pub fn id(&self) -> ObjectId {
        self.id
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The entries, in git's order.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = Entry<'_>> {
        self.slots.iter().map(|slot| self.at(slot))
    }

    /// The entry of that name.
    pub fn entry(&self, name: &[u8]) -> Option<Entry<'_>> {
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
    pub fn folder(&self, path: &str) -> Option<&Self> {
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
    pub fn with(&self, nodes: &BTreeMap<PathBuf, Node>) -> Arc<Self> {
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
    pub fn walk_where<'f>(
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

    /// Paths of what is no folder, or an empty one, and stands in only one of two folders, or
    /// differently in both.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut paths = BTreeSet::new();
        self.differ(other, "", &mut paths);
        paths.into_iter().collect()
    }

    fn differ(&self, other: &Self, path: &str, paths: &mut BTreeSet<String>) {
        if self.id == other.id {
            return;
        }
        for Entry { name, node } in self.entries() {
            let path = join(path, &String::from_utf8_lossy(name));
            match (node, other.entry(name).map(|entry| entry.node)) {
                (node, Some(same)) if node == same => {}
                (Node::Folder(ours), Some(Node::Folder(theirs)))
                    if !ours.is_empty() && !theirs.is_empty() =>
                {
                    ours.differ(theirs, &path, paths);
                }
                (ours, theirs) => {
                    ours.add_paths(&path, paths);
                    if let Some(theirs) = theirs {
                        theirs.add_paths(&path, paths);
                    }
                }
            }
        }
        for entry in other.entries() {
            if self.entry(entry.name).is_none() {
                entry.node.add_paths(&join(path, &entry.name()), paths);
            }
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

/// The mode that an entry of a tree object begins with at `at`, and where its name begins.
fn mode(tree: &[u8], at: usize) -> Option<(u32, usize)> {
    // Six octal digits at most.
    let digits = tree[at..].iter().take(7).position(|&byte| byte == b' ')?;
    let mut mode = 0;
    for &digit in &tree[at..at + digits] {
        if !(b'0'..=b'7').contains(&digit) {
            return None;
        }
        mode = mode << 3 | u32::from(digit - b'0');
    }
    Some((mode, at + digits + 1))
}

/// Whether an entry may stand after others: in git's order, and under a name that none of them has.
fn follows(tree: &[u8], before: &[Slot], slot: &Slot) -> bool {
    let name = |slot: &Slot| &tree[slot.start as usize..slot.end as usize];
    let key = |slot: &Slot| (name(slot), slot.is_folder());
    let Some(last) = before.last() else {
        return true;
    };
    if git_order(key(last), key(slot)).is_ge() {
        return false;
    }
    // A file of the same name as a folder stands before it, and between them what begins alike.
    let alike = before
        .iter()
        .rev()
        .take_while(|other| name(other).starts_with(name(slot)));
    !slot.is_folder() || !alike.into_iter().any(|other| name(other) == name(slot))
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

    #[test]
    fn a_tree_object_reads_as_what_it_was_made_of() {
        let id = blob_id(b"");
        let inner = Arc::new(Folder::new([
            ("link", Node::Link { id }),
            ("module", Node::Submodule { id }),
            (
                "run",
                Node::File {
                    executable: true,
                    id,
                },
            ),
        ]));
        let made = Folder::new([("inner", Node::Folder(Arc::clone(&inner))), file("x")]);
        let read = Folder::of_tree(made.id, &made.tree, |id| {
            assert_eq!(id, inner.id);
            Folder::of_tree(id, &inner.tree, |_| Err(MalformedTree::NoTree)).map(Arc::new)
        });
        let read = read.unwrap();
        let list = |folder: &Folder| {
            let mut list = Vec::new();
            folder.walk(&mut |path, node| list.push((path.to_owned(), node.to_owned())));
            list
        };
        assert_eq!(list(&read), list(&made));
        assert_eq!(list(&read).len(), 4);

        for length in 1..made.tree.len() {
            let cut = Folder::of_tree(made.id, &made.tree[..length], |_| {
                Ok::<_, MalformedTree>(Arc::clone(&inner))
            });
            // The first entry alone is a tree too.
            let first = b"40000 inner\0".len() + 20;
            assert_eq!(cut.is_err(), length != first, "{length}");
        }
        let none = |_| Err(MalformedTree::NoTree);
        for bytes in ["1006440 x", "10b644 x", "x", " "] {
            let bytes = [bytes.as_bytes(), &[0; 21]].concat();
            let read = Folder::of_tree(id, &bytes, none);
            assert!(read.is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn a_tree_that_git_would_refuse_is_refused() {
        #[track_caller]
        fn check(entries: &[(&str, &str)], refused: bool) {
            let mut tree = Vec::new();
            for (mode, name) in entries {
                tree.extend([mode.as_bytes(), b" ", name.as_bytes(), b"\0", &[1; 20]].concat());
            }
            let empty = Arc::new(Folder::empty());
            let read = Folder::of_tree(blob_id(b""), &tree, |_| {
                Ok::<_, MalformedTree>(Arc::clone(&empty))
            });
            assert_eq!(read.is_err(), refused, "{entries:?}: {read:?}");
        }
        let (file, folder) = ("100644", "40000");
        check(&[(file, "a"), (file, "a-b"), (folder, "a0")], false);
        check(&[(file, "a-b"), (folder, "a"), (file, "a0")], false);
        check(&[(file, "../../x")], true);
        check(&[(folder, "..")], true);
        check(&[(folder, ".git")], true);
        check(&[(file, "")], true);
        check(&[(file, "l"), (file, "l/through")], true);
        check(&[(file, "a"), (file, "a")], true);
        check(&[(folder, "a"), (folder, "a")], true);
        check(&[(file, "a"), (file, "a-b"), (folder, "a")], true);
        check(&[(file, "b"), (file, "a")], true);
        check(&[(folder, "a"), (file, "a-b")], true);
    }
}
