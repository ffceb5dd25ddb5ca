//! Files that count beside those of a tree: of submodules, and of the disk where git ignores them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::beside::{Beside, Visitor};
use super::overlay::overlay;
use super::submodules::{Reader, Submodule};
use super::tree::Tree;
use super::working_tree::{OnDisk, on_disk};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::paths::join;
use crate::planner::generated::{Generated, Pattern};
use crate::planner::inputs::Reach;
use crate::tree::snapshot::{Folder, Node};

/// Which files of the disk count although they are not part of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskFiles {
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
    /// Adds the files that images reach and that are not part of the tree: those of submodules at
    /// their commits, where these are here, and those of the disk. Answers whether there are any.
    ///
    /// # Errors
    /// When a file or folder of the disk cannot be read.
    pub fn add(&mut self, reach: &[Arc<Reach>], generated: &Generated) -> Result<bool, Diagnostic> {
        let before = self.root.id();
        self.add_submodules(reach)?;
        match self.counts {
            DiskFiles::Generated if !generated.is_empty() => {
                self.add_files(reach, Some(generated))?;
            }
            DiskFiles::All => self.add_files(reach, None)?,
            DiskFiles::Generated | DiskFiles::None => {}
        }
        let added = self.added.sources.id() != before;
        if added {
            // Submodules have attributes of their own.
            self.attributes.take();
        }
        Ok(added)
    }

    /// The same tree, with these files of the disk counted when more are added.
    #[must_use]
    pub fn counting(mut self, counts: DiskFiles) -> Self {
        self.counts = counts;
        self
    }

    fn add_submodules(&mut self, reach: &[Arc<Reach>]) -> Result<(), Diagnostic> {
        let mut reader = Reader {
            reach,
            checked_out: self.disk.is_some(),
            found: Vec::new(),
        };
        reader.below(self.repository, &self.root, "", self.root_path())?;
        self.added.submodules = reader.found;
        let odb = self.repository.odb();
        for submodule in &self.added.submodules {
            if let (Ok(odb), Some(objects)) = (&odb, &submodule.objects) {
                odb.add_disk_alternate(&objects.to_string_lossy())
                    .map_err(|error| super::tree::not_read(&error.into()))?;
            }
            if let Some(files) = &submodule.files {
                let node = Node::Folder(Arc::clone(files));
                let change = BTreeMap::from([(Path::new(&submodule.path), node)]);
                self.added.sources = Arc::new(overlay(&self.added.sources, &change));
            }
        }
        Ok(())
    }

    fn add_files(
        &mut self,
        reach: &[Arc<Reach>],
        generated: Option<&Generated>,
    ) -> Result<(), Diagnostic> {
        let mut collector = Collector {
            generated,
            found: Vec::new(),
        };
        let Some(disk) = self.root_on_disk() else {
            return Ok(());
        };
        let reach: Vec<&Reach> = reach.iter().map(Arc::as_ref).collect();
        self.beside(&disk, &reach, &mut collector)?;
        let mut nodes = BTreeMap::new();
        for (path, file) in collector.found {
            if let OnDisk::Node(node) = on_disk(&file, &[])? {
                let below = file.strip_prefix(&disk).unwrap_or(&file);
                nodes.insert(below.to_owned(), node);
                self.added.files.insert(path, file);
            }
        }
        let nodes = nodes
            .iter()
            .map(|(path, node)| (path.as_path(), node.clone()));
        self.added.sources = Arc::new(overlay(&self.added.sources, &nodes.collect()));
        Ok(())
    }

    /// Why images cannot be built from the submodules that they take from, as these are here; and
    /// what of them is git's own. `of_commit` where the working tree does not matter.
    ///
    /// # Errors
    /// When the working tree of a submodule cannot be read.
    pub fn submodule_problems(
        &self,
        images: &[(&str, &[Arc<Reach>])],
        of_commit: bool,
    ) -> Result<Diagnostics, Diagnostic> {
        let mut diagnostics = Diagnostics::new();
        let disk = self.root_on_disk().filter(|_| !of_commit);
        for submodule in &self.added.submodules {
            let folder = disk.as_ref().map(|disk| disk.join(&submodule.path));
            let problem = submodule.problem(folder.as_deref(), self.disk.is_some(), images)?;
            diagnostics.extend(problem);
            diagnostics.extend(submodule.git_file(images).filter(|_| !of_commit));
        }
        Ok(diagnostics)
    }

    /// Whether something stands at a path, in the tree or added to it.
    pub fn has(&self, path: &str) -> bool {
        path.is_empty() || self.added.sources.node(path).is_some()
    }

    /// Whether a file of the disk matches a pattern, whoever takes it.
    pub fn has_on_disk(&self, pattern: &Pattern) -> bool {
        let known = self.added.files.keys().any(|path| pattern.matches(path));
        known
            || self
                .root_on_disk()
                .is_some_and(|disk| any_matches(&disk, "", pattern))
    }

    /// The root of the plan on the disk; none in a bare repository.
    pub(super) fn root_on_disk(&self) -> Option<PathBuf> {
        let top = self.repository.workdir()?;
        Some(top.join(self.root_path()))
    }

    /// Shows a visitor what stands on the disk and is in no tree, where these images take from.
    pub(super) fn beside(
        &self,
        disk: &Path,
        reach: &[&Reach],
        visitor: &mut dyn Visitor,
    ) -> Result<(), Diagnostic> {
        let without = self.disk.as_ref().map(|disk| &*disk.without);
        let walks = reach.iter().map(|reach| reach.root());
        Beside {
            without: without.unwrap_or_default(),
            visitor,
        }
        .known(disk, "", &self.added.sources, walks.enumerate().collect())
    }
}

/// Whether a file below a folder matches; what cannot be read does not.
fn any_matches(disk: &Path, path: &str, pattern: &Pattern) -> bool {
    let entries = std::fs::read_dir(disk).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| {
        let path = join(path, &entry.file_name().to_string_lossy());
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => {
                pattern.meets(&path) && any_matches(&entry.path(), &path, pattern)
            }
            Ok(_) => pattern.matches(&path),
            Err(_) => false,
        }
    })
}

/// Collects files of the disk.
struct Collector<'g> {
    /// Only those that are generated; all where none.
    generated: Option<&'g Generated>,
    /// Paths, and where they stand on the disk.
    found: Vec<(String, PathBuf)>,
}

impl Visitor for Collector<'_> {
    fn enters(&mut self, folder: &str) -> bool {
        self.generated
            .is_none_or(|generated| generated.enters(folder))
    }

    fn file(&mut self, path: &str, disk: &Path, _: &[usize]) {
        if self
            .generated
            .is_none_or(|generated| generated.matches(path))
        {
            self.found.push((path.to_owned(), disk.to_owned()));
        }
    }

    fn folder(&mut self, _: &str, _: &[usize]) -> bool {
        true
    }
}
