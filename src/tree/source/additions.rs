//! Files that count beside those of a tree: of submodules, and of the disk where git ignores them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::submodules::{Submodule, Takers};
use super::tree::Tree;
use super::working_tree::{OnDisk, on_disk};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::tree::snapshot::{Folder, Node, blob_id};

/// Which files of the disk count although they are not part of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DiskFiles {
    /// None: a commit is planned for itself.
    None,
    /// Those that the configuration calls generated.
    Generated,
    /// All that images take: a builder would be sent them.
    All,
}

/// What was added to a tree. Paths are from the root of the plan.
#[derive(Debug, Clone)]
pub(super) struct Added {
    /// The files of the tree and the added ones.
    pub(super) sources: Arc<Folder>,
    /// Where added files of the disk stand there.
    pub(super) files: BTreeMap<String, PathBuf>,
    /// The submodules that some image takes from.
    pub(super) submodules: Vec<Submodule>,
}

impl Added {
    /// Nothing, to a tree of these files.
    pub(super) fn none(root: &Arc<Folder>) -> Self {
        Self {
            sources: Arc::clone(root),
            files: BTreeMap::new(),
            submodules: Vec::new(),
        }
    }
}

impl Tree<'_> {
    /// The same tree, with these files of the disk counted when more are added.
    #[must_use]
    pub(crate) fn counting(mut self, counts: DiskFiles) -> Self {
        self.counts = counts;
        self
    }

    /// Which files of the disk count.
    pub(crate) fn counts(&self) -> DiskFiles {
        self.counts
    }

    /// Adds files and links of the disk, by their paths from the root of the plan, to what images take
    /// from. Answers whether there are any.
    ///
    /// # Errors
    /// When one cannot be read.
    pub(crate) fn add_files(&mut self, files: &[PathBuf]) -> Result<bool, Diagnostic> {
        let nodes = self.nodes_on_disk(files)?;
        if nodes.is_empty() {
            return Ok(false);
        }
        self.added.sources = self.added.sources.with(&nodes);
        Ok(true)
    }

    /// Adds files of the disk to the tree itself, as if git tracked them.
    ///
    /// # Errors
    /// When one cannot be read.
    pub(crate) fn add_to_root(&mut self, files: &[PathBuf]) -> Result<(), Diagnostic> {
        let nodes = self.nodes_on_disk(files)?;
        if !nodes.is_empty() {
            self.root = self.root.with(&nodes);
            self.added.sources = self.added.sources.with(&nodes);
        }
        Ok(())
    }

    fn nodes_on_disk(&mut self, files: &[PathBuf]) -> Result<BTreeMap<PathBuf, Node>, Diagnostic> {
        let mut nodes = BTreeMap::new();
        let Some(root) = self.root_on_disk() else {
            return Ok(nodes);
        };
        for path in files {
            let disk = root.join(path);
            if let OnDisk::Node(node) = on_disk(&disk, &[])? {
                nodes.insert(path.clone(), node);
                let path = path.to_string_lossy().into_owned();
                self.added.files.insert(path, disk);
            }
        }
        if !nodes.is_empty() {
            self.attributes.take();
        }
        Ok(nodes)
    }

    /// Why images cannot be built from the submodules that they take from, as these are here; and
    /// what of them is git's own. `of_commit` where the working tree does not matter.
    ///
    /// # Errors
    /// When the working tree of a submodule cannot be read.
    pub(crate) fn submodule_problems(
        &self,
        takers: &dyn Takers,
        of_commit: bool,
    ) -> Result<Diagnostics, Diagnostic> {
        let mut diagnostics = Diagnostics::new();
        let disk = self.root_on_disk().filter(|_| !of_commit);
        for submodule in &self.added.submodules {
            let folder = disk.as_ref().map(|disk| disk.join(&submodule.path));
            let problem = submodule.problem(folder.as_deref(), self.disk.is_some(), takers)?;
            diagnostics.extend(problem);
            if !of_commit {
                diagnostics.extend(submodule.git_file(takers)?);
            }
        }
        Ok(diagnostics)
    }

    /// Whether something stands at a path, in the tree or added to it.
    pub(crate) fn has(&self, path: &str) -> bool {
        path.is_empty() || self.added.sources.node(path).is_some()
    }

    /// The same tree as if it held a file at a path, from the root of the plan.
    pub(crate) fn with_file(&self, path: &str) -> Tree<'_> {
        let file = Node::File {
            executable: false,
            id: blob_id(b""),
        };
        let nodes = BTreeMap::from([(PathBuf::from(path), file)]);
        self.with_sources(self.added.sources.with(&nodes))
    }

    /// The root of the plan on the disk; none in a bare repository.
    pub(super) fn root_on_disk(&self) -> Option<PathBuf> {
        let top = self.repository.workdir()?;
        Some(top.join(self.root_path()))
    }
}
