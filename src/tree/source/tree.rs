//! The files of a commit, with the working tree's changes over them where it is the working tree.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use git2::{Oid, Repository};

use super::CONFIG_FILE;
use super::additions::{Added, DiskFiles};
use super::disk::Listing;
use super::folders::Unread;
use super::working_tree::FileIdentity;
use crate::diagnostics::{Code, Diagnostic};
use crate::paths::join;
use crate::paths::{file_name, folder_of};
use crate::tree::attributes;
use crate::tree::snapshot::{
    Entry, Folder, Node, ObjectId, Revision, Snapshot, blob_id, linked_file, object_id,
};

/// All files of a commit or of the working tree, and the means to read some of them.
pub struct Tree<'r> {
    pub(super) repository: &'r Repository,
    revision: Option<Revision>,
    /// The root of the plan, relative to the top; empty where it is the top.
    root_path: String,
    pub(super) root: Arc<Folder>,
    /// The whole tree, from the top of the checkout.
    top: Arc<Folder>,
    /// Where files that differ from the commit are read from; none for a commit.
    pub(super) disk: Option<WorkingTree>,
    /// Which files of the disk count beside those of the tree.
    pub(super) counts: DiskFiles,
    /// What counts beside the files of the tree.
    pub(super) added: Added,
    /// What `.gitattributes` says, once it has been read.
    pub(super) attributes: OnceCell<attributes::Texts>,
    /// What was listed of the disk, by folder from the root of the plan.
    pub(super) listings: RefCell<HashMap<PathBuf, Listing>>,
}

/// The part of a [`Tree`] that does not come from the commit.
pub(super) struct WorkingTree {
    pub(super) top: PathBuf,
    /// Paths from the top that are not as in the commit.
    pub(super) changed: Vec<String>,
    /// Those of them that the commit lacks.
    pub(super) new: Vec<String>,
    /// Files that this process writes: they are not part of the tree.
    pub(super) without: Vec<FileIdentity>,
    /// Folders, by path from the top, in which the disk may have something beside the tree.
    pub(super) beside: BTreeSet<Vec<u8>>,
}

impl WorkingTree {
    /// Whether a path, or a folder that it is in, is not as in the commit.
    fn has_changed(&self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(at, _)| at);
        ends.chain([path.len()]).any(|end| {
            let part = &path[..end];
            self.changed
                .binary_search_by(|changed| changed.as_str().cmp(part))
                .is_ok()
        })
    }

    /// Whether the disk may have something beside the tree in a folder, or below it.
    fn has_beside(&self, folder: &str) -> bool {
        let below = match folder {
            "" => Vec::new(),
            folder => [folder.as_bytes(), b"/"].concat(),
        };
        let mut found = self.beside.range(below.clone()..);
        self.beside.contains(folder.as_bytes())
            || found.next().is_some_and(|path| path.starts_with(&below))
    }
}

impl<'r> Tree<'r> {
    /// The tree of a commit.
    pub(super) fn new(
        repository: &'r Repository,
        start: &[String],
        revision: Revision,
        top: &Arc<Folder>,
    ) -> Self {
        Self::with_changes(repository, start, Some(revision), top, None)
    }

    /// The files of a commit, or with `disk` those of the working tree that stands on it. `start` is the path of the
    /// plan's root in the repository.
    pub(super) fn with_changes(
        repository: &'r Repository,
        start: &[String],
        revision: Option<Revision>,
        top: &Arc<Folder>,
        disk: Option<WorkingTree>,
    ) -> Self {
        let (root_path, root) = plan_root(top, start);
        Self {
            counts: match disk {
                Some(_) => DiskFiles::Generated,
                None => DiskFiles::None,
            },
            added: Added::none(&root),
            attributes: OnceCell::new(),
            listings: RefCell::default(),
            repository,
            revision,
            root_path,
            root,
            top: Arc::clone(top),
            disk,
        }
    }

    /// The same tree, where images take from other files.
    pub(super) fn with_sources(&self, sources: Arc<Folder>) -> Tree<'_> {
        let mut tree = Tree::with_changes(self.repository, &[], None, &self.top, None);
        tree.root_path.clone_from(&self.root_path);
        tree.root = Arc::clone(&self.root);
        tree.added = Added {
            sources,
            ..self.added.clone()
        };
        tree
    }

    /// The whole tree, from the top of the checkout.
    pub(super) fn top(&self) -> &Arc<Folder> {
        &self.top
    }

    /// The root of the plan, relative to the top of the checkout; empty where it is the top.
    pub(crate) fn root_path(&self) -> &str {
        &self.root_path
    }

    /// The commit, or the one that the working tree stands on.
    pub(crate) fn revision(&self) -> Option<&Revision> {
        self.revision.as_ref()
    }

    /// The tags that git has for the commit, sorted; none with changes over it.
    ///
    /// # Errors
    /// When the references cannot be read.
    pub(crate) fn git_tags(&self) -> Result<Vec<String>, Diagnostic> {
        let Some(revision) = &self.revision else {
            return Ok(Vec::new());
        };
        let unreadable = |error: git2::Error| {
            let message = format!("git's tags cannot be read: {}", error.message());
            Diagnostic::new(Code::UnreadableRepository, message)
        };
        let references = self.repository.references_glob("refs/tags/*");
        let mut tags = Vec::new();
        for reference in references.map_err(unreadable)? {
            let reference = reference.map_err(unreadable)?;
            let commit = reference.peel_to_commit();
            let name = String::from_utf8_lossy(reference.shorthand_bytes());
            // A tag of something else than a commit is none of this commit.
            if commit.is_ok_and(|commit| object_id(commit.id()) == revision.id) {
                tags.push(name.into_owned());
            }
        }
        tags.sort();
        Ok(tags)
    }

    /// Paths below the root of the plan that differ from the commit, relative to the root.
    pub fn changed(&self) -> Vec<&str> {
        let all = self.disk.iter().flat_map(|w| &w.changed);
        all.filter_map(|path| below(path, &self.root_path))
            .collect()
    }

    /// Those of the [`changed`](Self::changed) paths that the commit lacks.
    pub(crate) fn new_paths(&self) -> Vec<&str> {
        let all = self.disk.iter().flat_map(|w| &w.new);
        all.filter_map(|path| below(path, &self.root_path))
            .collect()
    }

    /// The bytes of a file below the root; none where there is no file at that path.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub(crate) fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Diagnostic> {
        match self.root.node(path) {
            Some(Node::File { id, .. } | Node::Link { id }) => self.content(path, id).map(Some),
            _ => Ok(None),
        }
    }

    /// The snapshot, with the bytes of every file whose path `wanted` answers true for, and the target
    /// of every symbolic link that a partial clone does not lack. `may_be_wanted` answers true for the names of all that are wanted.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn snapshot(
        &self,
        may_be_wanted: &dyn Fn(&[u8]) -> bool,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Snapshot, Diagnostic> {
        let (mut files, mut all_links) = (Vec::new(), Vec::new());
        let mut attributes = Vec::new();
        let by_name = |entry: Entry<'_>| {
            matches!(entry.node, Node::Link { .. })
                || entry.name == attributes::FILE.as_bytes()
                || may_be_wanted(entry.name)
        };
        self.added
            .sources
            .walk_where(&by_name, &mut |path, node| match node {
                Node::Link { id } => all_links.push((path.to_owned(), id)),
                Node::File { id, .. } if file_name(path) == attributes::FILE => {
                    attributes.push((path.to_owned(), id));
                }
                Node::File { id, .. } if wanted(path) => files.push((path.to_owned(), id)),
                _ => {}
            });
        let (mut texts, mut links) = (BTreeMap::new(), BTreeMap::new());
        let mut missing = self.nothing_missing();
        for (path, id) in all_links {
            let target = self.content_or_missing(&path, id, &mut missing)?;
            links.extend(target.map(|target| (path, target)));
        }
        let missing_links = missing.clone();
        for (path, id) in files.iter().chain(&attributes) {
            let content = self.content_or_missing(path, *id, &mut missing)?;
            texts.extend(content.map(|content| (path.clone(), content)));
        }
        for path in links.keys().filter(|path| wanted(path)) {
            if let Some((file, id)) = linked_file(&self.added.sources, &links, path) {
                let content = self.content_or_missing(&file, id, &mut missing)?;
                texts.extend(content.map(|content| (path.clone(), content)));
            }
        }
        let is_needed = |path: &&String| wanted(path) || !missing_links.blobs.contains_key(*path);
        let needed = missing.blobs.keys().filter(is_needed);
        if let Some(error) = missing.error(needed.map(String::as_str)) {
            return Err(error);
        }
        let attributes = attributes
            .into_iter()
            .filter_map(|(path, _)| Some((texts.remove(&path)?, path)));
        Ok(Snapshot {
            revision: self.revision.clone(),
            root: Arc::clone(&self.root),
            sources: Arc::clone(&self.added.sources),
            at_top: self.root_path.is_empty(),
            attributes: self.attributes(attributes).clone(),
            texts,
            links,
            missing: missing_links,
        })
    }

    /// The texts of `.gitattributes`, those in the tree and those above the root of the plan.
    fn attributes(&self, files: impl Iterator<Item = (Vec<u8>, String)>) -> &attributes::Texts {
        let mut texts = attributes::Texts {
            root: self.root_path.clone(),
            by_folder: self.attributes_above(),
        };
        for (text, path) in files {
            let folder = match folder_of(&path) {
                "." => self.root_path.clone(),
                folder => join(&self.root_path, folder),
            };
            texts.by_folder.insert(folder, text);
        }
        self.attributes.get_or_init(|| texts)
    }

    /// The texts of `.gitattributes` in the folders that the root of the plan is in, as git has them.
    fn attributes_above(&self) -> BTreeMap<String, Vec<u8>> {
        let mut texts = BTreeMap::new();
        let ends = self.root_path.match_indices('/').map(|(at, _)| at);
        let first = (!self.root_path.is_empty()).then_some(0);
        for end in first.into_iter().chain(ends) {
            let folder = &self.root_path[..end];
            if let Some(Node::File { id, .. }) = self.top.node(&join(folder, attributes::FILE))
                && let Ok(id) = Oid::from_bytes(&id.0)
                && let Ok(blob) = self.repository.find_blob(id)
            {
                texts.insert(folder.to_owned(), blob.content().to_vec());
            }
        }
        texts
    }

    /// Whether some `.gitattributes` that was read holds one of these words.
    pub(super) fn attributes_mention(&self, words: &[&str]) -> bool {
        let texts = self.attributes.get();
        let mut texts = texts.iter().flat_map(|texts| texts.by_folder.values());
        texts.any(|text| {
            let mut words = words.iter();
            words.any(|word| memchr::memmem::find(text, word.as_bytes()).is_some())
        })
    }

    /// Whether the disk may have something in a folder of the tree, or below it, that the tree lacks;
    /// the folder by its path from the root of the plan.
    pub(crate) fn has_beside(&self, folder: &str) -> bool {
        match &self.disk {
            Some(disk) if self.added.sources.folder(folder).is_some() => {
                disk.has_beside(&join(&self.root_path, folder))
            }
            _ => self.root_on_disk().is_some(),
        }
    }

    /// Where a file stands on the disk, if its bytes come from there.
    pub(super) fn on_disk(&self, path: &str) -> Option<PathBuf> {
        if let Some(file) = self.added.files.get(path) {
            return Some(file.clone());
        }
        let from_top = join(&self.root_path, path);
        let disk = self.disk.as_ref()?;
        disk.has_changed(&from_top)
            .then(|| disk.top.join(&from_top))
    }

    /// A file's bytes: from the disk where the working tree differs from the commit.
    pub(super) fn content(&self, path: &str, id: ObjectId) -> Result<Vec<u8>, Diagnostic> {
        if let Some(file) = self.on_disk(path) {
            let content = super::working_tree::content(&file)?;
            if blob_id(&content) != id {
                return Err(super::changing::changed(path));
            }
            return Ok(content);
        }
        let id = Oid::from_bytes(&id.0).expect("an object id has 20 bytes");
        let blob = self.repository.find_blob(id);
        let blob = blob.map_err(|error| missing_object(path, error.message()))?;
        Ok(blob.content().to_vec())
    }
}

/// The nearest folder, from `start` upward, that holds the configuration, else the top.
fn plan_root(top: &Arc<Folder>, start: &[String]) -> (String, Arc<Folder>) {
    let mut best = (String::new(), Arc::clone(top));
    let mut folder = Arc::clone(top);
    for depth in 0..start.len() {
        let next = match folder.entry(start[depth].as_bytes()).map(|e| e.node) {
            Some(Node::Folder(next)) => Arc::clone(next),
            _ => break,
        };
        folder = next;
        if folder.entry(CONFIG_FILE.as_bytes()).is_some() {
            best = (start[..=depth].join("/"), Arc::clone(&folder));
        }
    }
    best
}

/// The part of `path` below `folder`; the whole path where `folder` is empty.
fn below<'p>(path: &'p str, folder: &str) -> Option<&'p str> {
    if folder.is_empty() {
        return Some(path);
    }
    path.strip_prefix(folder)?.strip_prefix('/')
}

/// The bytes of a file that are not there.
pub(super) fn missing_object(path: &str, why: &str) -> Diagnostic {
    Diagnostic::new(
        Code::MissingObject,
        format!("`{path}` cannot be read: {why}"),
    )
    .help("in a partial clone, fetch the missing objects: `git fetch --refetch --no-filter`")
}

/// A folder of a commit that cannot be had.
pub(super) fn not_read(error: &Unread) -> Diagnostic {
    match error {
        Unread::Object(error) => Diagnostic::new(
            Code::MissingObject,
            format!("the commit cannot be read: {}", error.message()),
        )
        .help("in a partial clone, fetch the missing objects: `git fetch --refetch --no-filter`"),
        Unread::Tree(id, error) => Diagnostic::new(
            Code::MalformedTree,
            format!("git's tree {id} is refused: {error}"),
        )
        .help("`git fsck` shows the problem, and `git checkout` refuses it too: do not trust this commit"),
    }
}
