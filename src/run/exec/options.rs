//! How a plan is run.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::locked::Locked;
use super::logs::Logs;
use crate::run::stop::Stop;

/// How to run a plan.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub struct Options {
    /// How many images are built at the same time; at least one is.
    pub jobs: usize,
    /// Whether to build what does not exist; a missing image is an error where not.
    pub build: bool,
    /// Whether to move the readable tags at the end.
    pub tags: bool,
    /// Whether a failure blocks only what needs the failed image.
    pub keep_going: bool,
    /// Whether to look and report only.
    pub dry_run: bool,
    /// Whether what is built is built without the builder's cache.
    pub no_cache: bool,
    /// Whether to push content references as built and readable tags at the end.
    pub push: Option<Push>,
    /// Whether an image that the engine lacks is looked for in its registry and fetched from there;
    /// where nothing is said, if its repository names the registry's host.
    pub from_registry: Option<bool>,
    /// The names of the images that are wanted in the engine; all where none. Others are there for
    /// what needs them: one that is in its registry stays there.
    pub wanted: Option<BTreeSet<String>>,
    /// The platform whose parts alone are built, of images for several; nothing is tagged then.
    pub only_platform: Option<String>,
    /// The builder of buildx; the engine's own where none.
    pub builder: Option<String>,
    /// What buildx is to allow builds (`network.host`, `security.insecure`).
    pub entitlements: Vec<&'static str>,
    /// A file to keep what is learnt of images, for the next run to know; none where there is no place.
    pub known: Option<PathBuf>,
    /// What the plan relies on of a lock file; none where there is none.
    pub locked: Option<Locked>,
    /// Where the images' logs lie.
    pub logs: Logs,
    /// Asks the run to stop: running builds end, nothing is tagged.
    pub stop: Stop,
}

/// Which images may be pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Push {
    /// Those of a revision; a dirty one is an error.
    Clean,
    /// Dirty ones too.
    Dirty,
}

impl Options {
    /// What is done where nothing is asked for: everything is built and tagged, nothing pushed.
    pub fn new(logs: Logs) -> Self {
        Self {
            jobs: default_jobs(),
            build: true,
            tags: true,
            keep_going: false,
            dry_run: false,
            no_cache: false,
            push: None,
            from_registry: None,
            wanted: None,
            only_platform: None,
            builder: None,
            entitlements: Vec::new(),
            known: None,
            locked: None,
            logs,
            stop: Stop::new(),
        }
    }

    /// Whether the image of that name is wanted in the engine for itself.
    pub(super) fn wants(&self, image: &str) -> bool {
        self.wanted
            .as_ref()
            .is_none_or(|wanted| wanted.contains(image))
    }
}

/// How many images to build at once: the processors, at most 4.
fn default_jobs() -> usize {
    std::thread::available_parallelism().map_or(1, |processors| processors.get().min(4))
}
