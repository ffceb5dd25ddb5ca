//! Where the files of a build context are: in the commit, in submodules, on the disk.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use git2::{Oid, Repository};

use super::submodules::Submodule;
use super::tree::Tree;
use super::{Checkout, working_tree};
use crate::diagnostics::Diagnostic;
use crate::paths::{in_tree, join};
use crate::tree::links;
use crate::tree::snapshot::{Folder, Node, NodeRef, ObjectId};

/// The places that the files of a planned tree come from.
#[derive(Debug, Clone)]
pub(crate) struct Origins {
    git_directory: PathBuf,
    /// The root of the plan on the disk; none in a bare repository.
    disk: Option<PathBuf>,
    /// The root of the plan, from the top of the repository; empty for the top.
    root: String,
    /// What the commit has at the root of the plan.
    commit: Arc<Folder>,
    /// What was planned there.
    planned: Arc<Folder>,
    submodules: Vec<Submodule>,
}

/// Where the files of one folder come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The folder from the top of the repository, links resolved; none where the commit has none.
    pub(crate) path: Option<String>,
    /// Paths below it that the commit has and that were not there when it was planned.
    pub(crate) gone: Vec<String>,
    /// Paths below it that are on the disk alone: whether it is a link, may be executed, its id.
    pub(crate) added: Vec<(String, Node)>,
    /// Submodules below it or around it.
    pub(crate) submodules: Vec<SubmoduleFiles>,
}

/// The files of a submodule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SubmoduleFiles {
    /// Below the folder; empty where that is in the submodule.
    pub(crate) path: String,
    /// The tree that holds them.
    pub(crate) tree: ObjectId,
    /// The folder of its objects, from the git directory or the root of the plan if it is below one.
    pub(crate) objects: String,
}

impl Origins {
    /// Those of a tree.
    ///
    /// # Errors
    /// When the commit of a working tree cannot be read.
    pub(crate) fn new(checkout: &Checkout, tree: &Tree<'_>) -> Result<Self, Diagnostic> {
        let none = || Arc::new(Folder::empty());
        let commit = match tree.revision() {
            Some(revision) if tree.disk.is_some() => {
                let commit = checkout.commit(&revision.id.to_string())?;
                folder_at(commit.top(), tree.root_path()).unwrap_or_else(none)
            }
            Some(_) => Arc::clone(&tree.root),
            None => none(),
        };
        Ok(Self {
            git_directory: checkout.repository.commondir().to_owned(),
            disk: checkout.folder(tree),
            root: tree.root_path().to_owned(),
            commit,
            planned: Arc::clone(&tree.added.sources),
            submodules: tree.added.submodules.clone(),
        })
    }

    /// The root of the plan, from the top of the repository; empty for the top.
    pub(crate) fn root(&self) -> &str {
        &self.root
    }

    /// Whether all files are those of the commit.
    pub(crate) fn are_of_commit(&self) -> bool {
        self.planned == self.commit && self.submodules.is_empty()
    }

    /// Whether a link stands at a path of the plan.
    pub(crate) fn is_link(&self, path: &str) -> bool {
        matches!(self.planned.node(path), Some(Node::Link { .. }))
    }

    /// Where the files of a folder of the plan come from; `wanted` are those, by path below it, that
    /// builds read.
    pub(crate) fn of(&self, folder: &str, wanted: &BTreeSet<String>) -> Origin {
        let real = self.real(folder);
        let none = Folder::empty();
        let commit = self.commit.folder(&real);
        let planned = self.planned.folder(&real).unwrap_or(&none);
        let submodules = self.submodules_of(&real);
        let has = |path: &str| {
            let inner = submodules.iter().rev();
            let mut inner = inner.filter_map(|(files, folder)| {
                let rest = below(path, &files.path)?;
                folder.node(rest).map(NodeRef::to_owned)
            });
            inner
                .next()
                .or_else(|| Some(commit?.node(path)?.to_owned()))
        };
        let wanted = wanted.iter().filter(|_| !self.are_of_commit());
        let added = wanted.filter_map(|path| {
            let node = planned.node(path)?.to_owned();
            let is_file = matches!(node, Node::File { .. } | Node::Link { .. });
            (is_file && has(path).as_ref() != Some(&node)).then(|| (path.clone(), node))
        });
        let gone = commit.map_or_else(Vec::new, |commit| gone(commit, planned, &submodules));
        Origin {
            path: commit.map(|_| join(&self.root, &real)),
            gone,
            added: added.collect(),
            submodules: submodules.into_iter().map(|(files, _)| files).collect(),
        }
    }

    /// A folder of the plan with all links on the way to it followed; as it is where they lead out.
    fn real(&self, folder: &str) -> String {
        let folder = in_tree(folder);
        if self.planned.folder(folder).is_some() {
            return folder.to_owned();
        }
        let repository = Repository::open(&self.git_directory).ok();
        let target = |place: &links::Place| {
            let path = links::path(place);
            let id = self.planned.node(&path)?.id();
            let id = Oid::from_bytes(&id.0).ok()?;
            match repository.as_ref()?.find_blob(id) {
                Ok(blob) => Some(blob.content().to_vec()),
                Err(_) => working_tree::content(&self.disk.as_ref()?.join(path)).ok(),
            }
        };
        links::follow(&self.planned, links::names(folder), &target)
            .map_or_else(|| folder.to_owned(), |place| links::path(&place))
    }

    fn submodules_of(&self, folder: &str) -> Vec<(SubmoduleFiles, Arc<Folder>)> {
        let files = self.submodules.iter().filter_map(|submodule| {
            let files = submodule.files.as_ref()?;
            let (path, files) = if let Some(path) = below(&submodule.path, folder) {
                (path.to_owned(), Arc::clone(files))
            } else {
                let inside = below(folder, &submodule.path)?;
                (String::new(), folder_at(files, inside)?)
            };
            let objects = self.objects(submodule.objects.as_deref()?);
            let tree = files.id();
            let submodule = SubmoduleFiles {
                path,
                tree,
                objects,
            };
            Some((submodule, files))
        });
        files.collect()
    }

    /// A folder of objects, so that it means the same on another machine where it can.
    fn objects(&self, objects: &Path) -> String {
        let roots = [Some(&self.git_directory), self.disk.as_ref()];
        let mut roots = roots.into_iter().flatten();
        let below = roots.find_map(|root| {
            let real = (objects.canonicalize().ok()?, root.canonicalize().ok()?);
            Some(real.0.strip_prefix(real.1).ok()?.to_owned())
        });
        let path = below.unwrap_or_else(|| objects.to_owned());
        path.to_string_lossy().trim_end_matches('/').to_owned()
    }
}

/// Paths that the commit has and that are not there any more, or are folders now.
fn gone(
    commit: &Folder,
    planned: &Folder,
    submodules: &[(SubmoduleFiles, Arc<Folder>)],
) -> Vec<String> {
    let is_gone = |path: &String| {
        let was = commit.node(path).is_some();
        let is = planned.node(path);
        was && is.is_none_or(|node| matches!(node, Node::Folder(_)))
            && !submodules.iter().any(|(files, _)| files.path == *path)
    };
    let mut paths = commit.differences(planned);
    paths.retain(is_gone);
    paths
}

fn folder_at(root: &Arc<Folder>, path: &str) -> Option<Arc<Folder>> {
    let mut folder = Arc::clone(root);
    for name in path.split('/').filter(|name| !name.is_empty()) {
        let Node::Folder(inner) = folder.entry(name.as_bytes())?.node else {
            return None;
        };
        let inner = Arc::clone(inner);
        folder = inner;
    }
    Some(folder)
}

/// A path below another; the other itself is empty, and so is the root.
fn below<'p>(path: &'p str, folder: &str) -> Option<&'p str> {
    if folder.is_empty() {
        return Some(path);
    }
    let rest = path.strip_prefix(folder)?;
    match rest.strip_prefix('/') {
        Some(rest) => Some(rest),
        None => rest.is_empty().then_some(""),
    }
}
