//! Which tree is planned, for which purpose, and what may differ from it: the one place that decides.
//!
//! | purpose | plans | counts of the disk besides | where the checkout holds something else |
//! |---|---|---|---|
//! | `Run` | `HEAD` | generated files | an edit that a selected image takes: refused; a file that git ignores: left out, and a warning, or refused where folders are sent |
//! | `Run`, `--dirty` | the working tree | all that images take | it counts |
//! | `Run`, `--rev` or a bare repository | the commit | nothing | it does not matter; an image of generated files is refused |
//! | `Inspect` | the working tree | generated files, with `--dirty` all | it counts |
//! | `Inspect`, `--rev` or a bare repository | the commit | nothing | it does not matter |
//! | `Check` | as `Inspect` | as `Inspect` | everything that a run would refuse or warn of is said |
//!
//! What a run sends to its builder is exactly what the plan counts, or the folders of the checkout
//! ([`Sends`]): then the folders must hold what is counted. The guide has this table for people.

mod checks;
mod earlier;
mod read;
mod stored;
mod uncommitted;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::config::lock::LockFile;
use crate::diagnostics::{Diagnostic, Diagnostics, Outcome};
use crate::lang::fingerprint::Fingerprint;
use crate::plan::Plan;
use crate::planner::Options;
use crate::planner::compile::{Compiled, Files};
use crate::planner::decide::decide;
use crate::planner::external::External;
use crate::tree::attributes::LFS;
use crate::tree::source::{Checkout, DiskFiles, FileIdentity, Origins, Sealer, Tree};
use read::Reading;

/// What a plan is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It is run, by a runner that sends this to its builder.
    Run(Sends),
    /// It is shown to a person or a program.
    Inspect,
    /// Its diagnostics are shown: everything that a run would refuse or warn of.
    Check,
}

/// What the builds of a plan send to the builder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sends {
    /// Exactly the files that the plan counts, or nothing.
    Sealed,
    /// The folders of the checkout, as they stand.
    Folders,
}

/// What is asked of a [`Workspace`].
#[derive(Debug, Clone)]
pub struct Request {
    /// What the plan is for.
    pub purpose: Purpose,
    /// The commit to plan; the checkout where none is given.
    pub revision: Option<String>,
    /// Whether to plan the working tree as it is.
    pub dirty: bool,
    /// A revision to decide against; `A...` is the merge base with `A`.
    pub since: Option<String>,
    /// The content references that are known to exist.
    pub built: Option<BTreeSet<String>>,
    /// Whether whoever asks moves no readable tag: then it does not matter that no branch is known.
    pub without_tags: bool,
    /// How images are planned, and which.
    pub options: Options,
}

impl Request {
    /// One for the checkout as it is, of all images.
    pub fn new(purpose: Purpose) -> Self {
        Self {
            purpose,
            revision: None,
            dirty: false,
            since: None,
            built: None,
            without_tags: false,
            options: Options::default(),
        }
    }
}

/// A state of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// A commit for itself.
    Commit(String),
    /// A commit with the generated files of the checkout.
    Checkout(String),
    /// The working tree: tracked files, those that git does not ignore, and generated ones.
    WorkingTree,
    /// The working tree with all that images take of it.
    Dirty,
}

impl State {
    /// HEAD as it would be run here.
    pub(crate) fn head() -> Self {
        Self::Checkout("HEAD".to_owned())
    }

    fn counts(&self) -> DiskFiles {
        match self {
            Self::Commit(_) => DiskFiles::None,
            Self::Checkout(_) | Self::WorkingTree => DiskFiles::Generated,
            Self::Dirty => DiskFiles::All,
        }
    }

    /// Whether it stands on the commit that is checked out.
    fn is_checked_out(&self) -> bool {
        *self == Self::head() || *self == Self::Dirty
    }

    /// Whether the checkout does not matter.
    fn is_commit(&self) -> bool {
        matches!(self, Self::Commit(_))
    }
}

/// A plan, and what it was made from.
#[derive(Debug)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// What the build of each image reads, by the image's name.
    pub files: BTreeMap<String, Files>,
    /// The root of the plan on the disk; none in a bare repository.
    pub root: Option<PathBuf>,
    /// What the lock file of the tree says, where there is one.
    pub lock: Option<LockFile>,
    /// What all images take from the world outside.
    pub externals: Vec<External>,
    /// Names of the planned images, and of all that these depend on.
    pub needed: BTreeSet<String>,
    /// The registry that locked images are taken from, in place of their own.
    pub mirror: Option<String>,
    /// Writes the files of the tree that was planned.
    pub(crate) sealer: Sealer,
    /// Says where these files come from.
    pub(crate) origins: Origins,
}

/// A checkout or a bare repository, and the files in it that the process itself writes.
pub struct Workspace {
    checkout: Checkout,
    written: Vec<FileIdentity>,
}

impl Workspace {
    /// The repository that a folder belongs to; the empty path is the current folder.
    ///
    /// # Errors
    /// When there is none, or it cannot or may not be read.
    pub fn open(folder: &Path) -> Result<Self, Diagnostic> {
        Ok(Self {
            checkout: Checkout::open(folder)?,
            written: Vec::new(),
        })
    }

    /// The same, where these files are not part of the working tree: the process writes them.
    #[must_use]
    pub(crate) fn without(mut self, written: Vec<FileIdentity>) -> Self {
        self.written = written;
        self
    }

    /// The repository itself.
    pub(crate) fn checkout(&self) -> &Checkout {
        &self.checkout
    }

    /// Plans what is asked for.
    pub fn plan(&self, request: &Request) -> Outcome<Planned> {
        Outcome::of(|remarks| {
            let state = self.state(request);
            if matches!(request.purpose, Purpose::Run(_)) && state == State::Dirty {
                // Tags and labels name the commit.
                self.checkout.commit("HEAD")?;
            }
            let is_run_of_head =
                matches!(request.purpose, Purpose::Run(_)) && state == State::head();
            let reading = match self.read(&state, &request.options, remarks) {
                Err(problems) if is_run_of_head => {
                    return Err(self.instead_of(problems, request));
                }
                reading => reading?,
            };
            match request.purpose {
                Purpose::Run(sends) => self.refuse(&state, &reading, request, sends, remarks)?,
                Purpose::Check => checks::tell(&state, &reading, remarks)?,
                Purpose::Inspect => {}
            }
            reading.config.weigh(remarks);
            let mut planned = self.planned(reading)?;
            let since = match &request.since {
                Some(since) => {
                    let now = request.revision.as_deref().unwrap_or("HEAD");
                    let earlier = self.earlier(since, now, State::Commit, &request.options);
                    Some(earlier.remarked(remarks)?)
                }
                None => None,
            };
            let (plan, files) = (&mut planned.plan, &planned.files);
            decide(plan, files, since.as_ref(), request.built.as_ref());
            Ok(planned)
        })
    }

    /// All images of a state, whatever is selected, to compare with; without hints.
    pub(crate) fn everything(&self, state: &State, options: &Options) -> Outcome<Compiled> {
        let options = Options {
            without_hints: true,
            ..options.of_everything()
        };
        Outcome::of(|remarks| Ok(self.read(state, &options, remarks)?.compiled))
    }

    /// The tree that is looked at.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn tree(&self, revision: Option<&str>) -> Result<Tree<'_>, Diagnostic> {
        match revision {
            None if !self.checkout.is_bare() => self.checkout.working_tree(&self.written),
            _ => self.checkout.commit(revision.unwrap_or("HEAD")),
        }
    }

    fn state(&self, request: &Request) -> State {
        let revision = request.revision.as_deref();
        match request.purpose {
            _ if revision.is_some() || self.checkout.is_bare() && !request.dirty => {
                State::Commit(revision.unwrap_or("HEAD").to_owned())
            }
            _ if request.dirty => State::Dirty,
            Purpose::Run(_) => State::head(),
            Purpose::Inspect | Purpose::Check => State::WorkingTree,
        }
    }

    /// Reads a state, and compiles it.
    fn read(
        &self,
        state: &State,
        options: &Options,
        remarks: &mut Diagnostics,
    ) -> Result<Reading<'_>, Diagnostics> {
        let tree = match state {
            State::Commit(revision) | State::Checkout(revision) => {
                self.checkout.commit(revision)?
            }
            State::WorkingTree | State::Dirty => self.checkout.working_tree(&self.written)?,
        };
        if !state.is_commit() {
            self.refuse_ignored(&tree, options)?;
        }
        let clean = self.clean(state, &tree, options);
        Reading::of(tree.counting(state.counts()), options, clean.as_ref()).remarked(remarks)
    }

    /// The fingerprints that images have in HEAD, by name, where the working tree may differ from it.
    fn clean(
        &self,
        state: &State,
        tree: &Tree<'_>,
        options: &Options,
    ) -> Option<BTreeMap<String, Fingerprint>> {
        let differs = match state {
            // What is read from the disk is of no commit.
            _ if options.configuration.is_some() => true,
            State::Commit(_) | State::Checkout(_) => false,
            State::WorkingTree => !tree.changed().is_empty(),
            State::Dirty => true,
        };
        if !differs || tree.revision().is_none() {
            return None;
        }
        let committed = match state {
            State::Commit(_) => state.clone(),
            _ => State::head(),
        };
        let options = options.with_own_configuration();
        let head = self.everything(&committed, &options).value();
        let images = head
            .map(|compiled| compiled.plan.images)
            .unwrap_or_default();
        let fingerprints = images
            .into_iter()
            .map(|image| (image.name, image.fingerprint));
        Some(fingerprints.collect())
    }

    fn planned(&self, reading: Reading<'_>) -> Result<Planned, Diagnostic> {
        let Reading { tree, compiled, .. } = reading;
        Ok(Planned {
            root: self.checkout.folder(&tree),
            sealer: Sealer::new(&self.checkout, &tree, lfs(&compiled.files)),
            origins: Origins::new(&self.checkout, &tree)?,
            plan: compiled.plan,
            files: compiled.files,
            lock: compiled.lock,
            externals: compiled.externals,
            needed: compiled.needed,
            mirror: compiled.mirror,
        })
    }
}

/// The inputs whose contents git-lfs keeps.
fn lfs(files: &BTreeMap<String, Files>) -> BTreeSet<String> {
    let filtered = files.values().flat_map(|files| &files.filters);
    let lfs = filtered.filter(|(_, filter)| *filter == LFS);
    lfs.map(|(path, _)| path.clone()).collect()
}
