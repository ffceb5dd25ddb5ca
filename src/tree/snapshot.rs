//! What the planner sees of a repository: names, modes and ids of files, and the few texts it reads.
//!
//! Plain data, made by [`crate::tree::source`] from a commit or from the working tree. Everything from
//! here to the plan is a pure function of it.

mod folder;
mod missing;
mod names;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::lang::tags::hex;
use crate::paths::{file_name, folder_of, join};
use crate::tree::{attributes, links};

pub(crate) use folder::{Entry, MalformedTree, NodeRef};
pub use folder::{Folder, Node};
pub(crate) use missing::Missing;

/// Id of a git object: SHA-1, 20 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub [u8; 20]);

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The file that a symbolic link leads to, if it leads to one: its path and its id. The folder of the
/// link is a root that nothing leads out of: a builder opens it on its own for a Dockerfile or an ignore
/// file (semantics §15.4a).
pub(crate) fn linked_file(
    root: &Folder,
    links: &BTreeMap<String, Vec<u8>>,
    path: &str,
) -> Option<(String, ObjectId)> {
    let within = folder_of(path);
    let folder = root.folder(within)?;
    let target = |place: &links::Place| links.get(&join(within, &links::path(place))).cloned();
    let end = links::follow(folder, links::names(file_name(path)), &target)?;
    let (name, inner) = end.split_last()?;
    match links::folder_at(folder, inner)?.entry(name)?.node {
        Node::File { id, .. } => Some((join(within, &links::path(&end)), id)),
        _ => None,
    }
}

/// The id that git gives a file of these bytes.
pub(crate) fn blob_id(bytes: &[u8]) -> ObjectId {
    let id = git2::Oid::hash_object(git2::ObjectType::Blob, bytes);
    object_id(id.expect("hashing bytes in memory needs nothing that could fail"))
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
    /// Targets of all symbolic links that are known, by path.
    pub links: BTreeMap<String, Vec<u8>>,
    /// Links whose targets a partial clone lacks.
    pub missing: Missing,
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
    /// A folder with nothing in it, which git has none of.
    EmptyFolder,
}

impl Snapshot {
    /// A snapshot of these files, all of whose bytes can be read; `revision` as in a commit.
    pub fn of_files<'f>(
        revision: Option<Revision>,
        files: impl IntoIterator<Item = (&'f str, File)>,
    ) -> Self {
        let (mut texts, mut links) = (BTreeMap::new(), BTreeMap::new());
        let mut nodes = BTreeMap::new();
        for (path, file) in files {
            let bytes = match &file {
                File::Plain(bytes) | File::Executable(bytes) | File::Link(bytes) => &**bytes,
                File::EmptyFolder => &[],
            };
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
                File::EmptyFolder => Node::Folder(Arc::new(Folder::empty())),
            };
            let known = match node {
                Node::Link { .. } => Some(&mut links),
                Node::File { .. } => Some(&mut texts),
                _ => None,
            };
            known.map(|known| known.insert(path.to_owned(), bytes.to_vec()));
            nodes.insert(PathBuf::from(path), node);
        }
        let root = Folder::empty().with(&nodes);
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
            missing: Missing::default(),
        }
    }

    /// The folder that a path stands for: itself, or where links in it lead. None where that is no
    /// folder of the repository.
    pub(crate) fn folder_path(&self, path: &str) -> Option<String> {
        links::folder_path(&self.root, &self.links, path)
    }

    /// The bytes of a file that the planner reads.
    pub fn text(&self, path: &str) -> Option<&[u8]> {
        self.texts.get(path).map(Vec::as_slice)
    }
}
