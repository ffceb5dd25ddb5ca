//! What the planner sees of a repository: names, modes and ids of files, and the few texts it reads.
//!
//! Plain data, made by [`crate::source`] from a commit or from the working tree. Everything from
//! here to the plan is a pure function of it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::{attributes, links};

/// Id of a git object: SHA-1, 20 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub [u8; 20]);

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A folder and all that is below it.
///
/// Equal folders may be shared, so that a tree that occurs in many places is held once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Id of the git tree that holds exactly this.
    pub id: ObjectId,
    /// In the order of a git tree: by bytes of the name, a folder as if its name ended in `/`.
    pub entries: Vec<Entry>,
}

/// A named thing in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name, as git has it; not necessarily UTF-8.
    pub name: Vec<u8>,
    /// What it is.
    pub node: Node,
}

impl Entry {
    /// The name for matching and display; bytes that are not UTF-8 become U+FFFD.
    pub fn name(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.name)
    }
}

/// What a name in a folder stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A folder.
    Folder(Arc<Folder>),
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

impl Node {
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
            Self::Folder(folder) => folder.id,
            Self::File { id, .. } | Self::Link { id } | Self::Submodule { id } => *id,
        }
    }
}

impl Folder {
    /// A folder of these entries, in any order; computes the id as git would.
    pub fn new(mut entries: Vec<Entry>) -> Self {
        entries.sort_by(|a, b| git_order(a).cmp(git_order(b)));
        let mut bytes = Vec::new();
        for entry in &entries {
            bytes.extend_from_slice(entry.node.mode().as_bytes());
            bytes.push(b' ');
            bytes.extend_from_slice(&entry.name);
            bytes.push(0);
            bytes.extend_from_slice(&entry.node.id().0);
        }
        let id = git2::Oid::hash_object(git2::ObjectType::Tree, &bytes)
            .expect("hashing bytes in memory needs nothing that could fail");
        Self {
            id: object_id(id),
            entries,
        }
    }

    /// The folder without entries, whose id is git's empty tree.
    pub fn empty() -> Self {
        Self::new(Vec::new())
    }

    /// The entry of that name.
    pub fn entry(&self, name: &[u8]) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// What stands at a path of `/`-separated names; the folder itself is not found by any path.
    pub fn node(&self, path: &str) -> Option<&Node> {
        let (first, rest) = match path.split_once('/') {
            Some((first, rest)) => (first, Some(rest)),
            None => (path, None),
        };
        let node = &self.entry(first.as_bytes())?.node;
        match (rest, node) {
            (None, _) => Some(node),
            (Some(rest), Node::Folder(folder)) => folder.node(rest),
            (Some(_), _) => None,
        }
    }

    /// The folder at a path; `.` and the empty path are the folder itself.
    pub fn folder(&self, path: &str) -> Option<&Folder> {
        if path.is_empty() || path == "." {
            return Some(self);
        }
        match self.node(path)? {
            Node::Folder(folder) => Some(folder),
            _ => None,
        }
    }

    /// Calls `visit` with the path of everything below that is not a folder, or is an empty one, in
    /// git's order.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&str, &'a Node)) {
        self.walk_below(&mut String::new(), visit);
    }

    /// Paths of what is no folder, or an empty one, and stands in only one of two folders, or differently in both.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        if self.id == other.id {
            return Vec::new();
        }
        let list = |folder: &Self| {
            let mut list = BTreeMap::new();
            folder.walk(&mut |path, node| {
                list.insert(path.to_owned(), node.clone());
            });
            list
        };
        let (ours, theirs) = (list(self), list(other));
        let paths: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
        let differs = |path: &&String| ours.get(*path) != theirs.get(*path);
        paths.into_iter().filter(differs).cloned().collect()
    }

    fn walk_below<'a>(&'a self, path: &mut String, visit: &mut dyn FnMut(&str, &'a Node)) {
        for entry in &self.entries {
            let length = path.len();
            if length > 0 {
                path.push('/');
            }
            path.push_str(&entry.name());
            match &entry.node {
                Node::Folder(folder) if !folder.entries.is_empty() => {
                    folder.walk_below(path, visit);
                }
                node => visit(path, node),
            }
            path.truncate(length);
        }
    }
}

/// The file that a symbolic link leads to, if it leads to one: its path and its id.
pub fn linked_file(
    root: &Folder,
    links: &BTreeMap<String, Vec<u8>>,
    path: &str,
) -> Option<(String, ObjectId)> {
    let target = |place: &links::Place| links.get(&links::path(place)).cloned();
    let end = links::follow(root, links::names(path), &target).end?;
    let (name, folder) = end.split_last()?;
    match links::folder_at(root, folder)?.entry(name)?.node {
        Node::File { id, .. } => Some((links::path(&end), id)),
        _ => None,
    }
}

/// Puts a node at a path below the entries of a folder.
fn insert(entries: &mut Vec<Entry>, path: &str, node: Node) {
    let Some((first, rest)) = path.split_once('/') else {
        entries.push(Entry {
            name: path.into(),
            node,
        });
        return;
    };
    let at = entries
        .iter()
        .position(|entry| entry.name == first.as_bytes());
    let mut inner = match at.map(|at| entries.remove(at).node) {
        Some(Node::Folder(folder)) => folder.entries.clone(),
        _ => Vec::new(),
    };
    insert(&mut inner, rest, node);
    entries.push(Entry {
        name: first.into(),
        node: Node::Folder(Arc::new(Folder::new(inner))),
    });
}

/// The id that git gives a file of these bytes.
pub fn blob_id(bytes: &[u8]) -> ObjectId {
    let id = git2::Oid::hash_object(git2::ObjectType::Blob, bytes);
    object_id(id.expect("hashing bytes in memory needs nothing that could fail"))
}

/// Key of git's order within a tree: a folder sorts as if its name ended in `/`.
fn git_order(entry: &Entry) -> impl Iterator<Item = u8> + '_ {
    let slash = matches!(entry.node, Node::Folder(_)).then_some(b'/');
    entry.name.iter().copied().chain(slash)
}

/// libgit2's id as ours.
pub(crate) fn object_id(id: git2::Oid) -> ObjectId {
    let mut bytes = [0; 20];
    bytes.copy_from_slice(id.as_bytes());
    ObjectId(bytes)
}

/// A commit, as far as a plan needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// Id of the commit.
    pub id: ObjectId,
    /// The committer's time, in seconds since the Unix epoch.
    pub timestamp: i64,
    /// The branch, without `refs/heads/`, where one is known.
    pub branch: Option<String>,
}

/// A repository at one moment, from the root of the plan downward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The commit, or for the working tree the commit it stands on; none before the first commit.
    pub revision: Option<Revision>,
    /// All files below the root of the plan.
    pub root: Arc<Folder>,
    /// What images take their inputs from: these files, those of submodules that an image reads, and
    /// those of the disk that git ignores and that are to count.
    pub sources: Arc<Folder>,
    /// Whether the root is the top of a checkout, where `.git` stands.
    pub at_top: bool,
    /// What `.gitattributes` says of the files.
    pub attributes: attributes::Texts,
    /// Bytes of the files that the planner reads, by path: Dockerfiles and ignore files. At a path
    /// that is a symbolic link, those of the file that it leads to.
    pub texts: BTreeMap<String, Vec<u8>>,
    /// Targets of all symbolic links, by path.
    pub links: BTreeMap<String, Vec<u8>>,
}

/// A file of a snapshot that is made from its contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum File {
    /// A plain file.
    Plain(Vec<u8>),
    /// A file that may be executed.
    Executable(Vec<u8>),
    /// A symbolic link to that target.
    Link(Vec<u8>),
}

impl Snapshot {
    /// A snapshot of these files, all of whose bytes can be read; `revision` as in a commit.
    pub fn of_files<'f>(
        revision: Option<Revision>,
        files: impl IntoIterator<Item = (&'f str, File)>,
    ) -> Self {
        let (mut texts, mut links) = (BTreeMap::new(), BTreeMap::new());
        let mut root = Vec::new();
        for (path, file) in files {
            let (File::Plain(bytes) | File::Executable(bytes) | File::Link(bytes)) = &file;
            let id = blob_id(bytes);
            let node = match &file {
                File::Plain(_) => Node::File {
                    executable: false,
                    id,
                },
                File::Executable(_) => Node::File {
                    executable: true,
                    id,
                },
                File::Link(_) => Node::Link { id },
            };
            let known = match node {
                Node::Link { .. } => &mut links,
                _ => &mut texts,
            };
            known.insert(path.to_owned(), bytes.clone());
            insert(&mut root, path, node);
        }
        let root = Arc::new(Folder::new(root));
        for link in links.keys() {
            let target = linked_file(&root, &links, link).and_then(|(path, _)| texts.get(&path));
            if let Some(text) = target.cloned() {
                texts.insert(link.clone(), text);
            }
        }
        Self {
            revision,
            sources: Arc::clone(&root),
            root,
            at_top: false,
            attributes: attributes::Texts::default(),
            texts,
            links,
        }
    }

    /// The bytes of a file that the planner reads.
    pub fn text(&self, path: &str) -> Option<&[u8]> {
        self.texts.get(path).map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, content: &str) -> Entry {
        let id = blob_id(content.as_bytes());
        Entry {
            name: name.into(),
            node: Node::File {
                executable: false,
                id,
            },
        }
    }

    #[test]
    fn empty_folder_has_the_id_of_gits_empty_tree() {
        let id = Folder::empty().id.to_string();
        assert_eq!(id, "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
    }

    #[test]
    fn folders_sort_as_if_their_names_ended_in_a_slash() {
        let inner = Arc::new(Folder::new(vec![file("x", "x\n")]));
        let folder = Entry {
            name: b"a".to_vec(),
            node: Node::Folder(inner),
        };
        let tree = Folder::new(vec![folder, file("a-b", ""), file("a0", "")]);
        let names: Vec<_> = tree.entries.iter().map(|e| e.name().into_owned()).collect();
        assert_eq!(names, ["a-b", "a", "a0"]);
    }
}
