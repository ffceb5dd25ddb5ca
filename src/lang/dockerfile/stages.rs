//! The stages of a Dockerfile: what each is built on and takes from, which of them a target needs,
//! and what the build context, the build arguments and other images contribute (layers 4 and 5,
//! semantics §10 to §12, §14, §15).
//!
//! [`StageGraph::new`] answers for one target, one set of build arguments and one platform. It asks
//! [`Bases`] what is known of other images; what is not known is never guessed. It refuses what
//! BuildKit refuses, with the same message, and reports everything that is wrong: the first error is
//! BuildKit's.

mod arguments;
mod budget;
mod checks;
mod config;
mod cycles;
mod dispatch;
mod epoch;
mod error;
mod links;
mod lint;
mod mounts;
mod ports;
mod stage_index;
mod state;
mod system;
mod table;
mod transfer;
mod triggers;
mod variables;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use arguments::{Argument, Origin as ArgumentOrigin};
pub use config::ImageConfig;
pub use error::{Place, StageError};
pub use ports::Ports;
pub use stage_index::StageIndex;
pub use variables::Variables;

use super::node::Node;
use super::{Dockerfile, Instruction, Span};
use crate::lang::ignore;
use crate::lang::platform::Platform;
use crate::lang::reference::Reference;
use crate::lang::wildcard::{MALFORMED, Wildcard};

/// What to build, and where to ask.
#[derive(Clone, Copy)]
pub struct Request<'r> {
    /// The stage to build; the last one where `None`.
    pub target: Option<&'r str>,
    /// The build arguments.
    pub build_args: &'r BTreeMap<String, String>,
    /// What the image is to run on.
    pub platform: &'r Platform,
    /// What the build itself runs on.
    pub build_platform: &'r Platform,
    /// The names of further named contexts, as a builder looks them up
    /// ([`Reference::context_key`]).
    pub contexts: &'r BTreeSet<String>,
    /// What is known of other images.
    pub bases: &'r dyn Bases,
}

/// What is known of images that a Dockerfile builds on.
pub trait Bases {
    /// The configuration of an image for a platform.
    fn config(&self, image: &Reference, platform: &Platform) -> ImageConfig;

    /// The configuration of the image that a further named context is, for a platform.
    fn context(&self, _name: &str, _platform: &Platform) -> ImageConfig {
        ImageConfig::unknown()
    }

    /// Whether a build fetches what `SOURCE_DATE_EPOCH` may name: then it has a time from there, which
    /// nobody knows here.
    fn fetches(&self) -> bool {
        true
    }
}

/// Nothing is known of any image.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoBases;

impl Bases for NoBases {
    fn config(&self, _: &Reference, _: &Platform) -> ImageConfig {
        ImageConfig::unknown()
    }
}

/// The stages of a Dockerfile, seen from one target.
#[derive(Debug, Clone, PartialEq)]
pub struct StageGraph<'n> {
    /// All stages, in the order of the file.
    pub stages: Vec<Stage<'n>>,
    /// The stage that is built.
    pub target: StageIndex,
    /// What the image that is built says of itself.
    pub config: ImageConfig,
    /// The arguments before the first stage, in order, with their values.
    pub globals: Vec<Argument>,
    /// The names of all arguments that are declared anywhere: only these can be given.
    pub declared: BTreeSet<String>,
}

/// One stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage<'n> {
    /// Its place in the file.
    pub index: StageIndex,
    /// Its name in lower case, if it has one. A later stage may have the same.
    pub name: Option<String>,
    /// The `FROM` that starts it.
    pub from: &'n Instruction<'n>,
    /// What it is built on.
    pub base: Base,
    /// What it runs on.
    pub platform: Platform,
    /// Whether the target needs it.
    pub reachable: bool,
    /// Its instructions in the order in which they run: triggers of its base first. Empty where a
    /// named context replaces it.
    pub steps: Vec<Step<'n>>,
}

/// What a stage is built on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// Nothing.
    Scratch,
    /// An earlier stage.
    Stage(StageIndex),
    /// An image from elsewhere.
    Image(ImageUse),
    /// A named context, by its name: in place of the image, or of the whole stage.
    Context(String),
}

/// A reference to an image from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageUse {
    /// The text after expansion.
    pub text: String,
    /// What it means, without a default tag.
    pub reference: Reference,
    /// Whether some part of the tag came from a variable of its own: one that does not spell the
    /// repository too.
    pub tag_from_variable: bool,
    /// The variables in it that had no value, and stand for nothing.
    pub unset: BTreeSet<String>,
}

impl ImageUse {
    /// The full name that a builder asks a registry for.
    pub fn full_name(&self) -> String {
        self.reference.clone().with_default_tag().to_string()
    }
}

/// One instruction of a stage, and what it brings in.
///
/// All but `uses` is filled in only where the stage is reachable.
#[derive(Debug, Clone, PartialEq)]
pub struct Step<'n> {
    /// Where the instruction comes from.
    pub origin: Origin<'n>,
    /// Where it stands; for a trigger, the `FROM` that makes it run.
    pub place: Place,
    /// The stages and images that it takes from.
    pub uses: Vec<Use>,
    /// What it reads from the build context.
    pub sources: Vec<ContextSource>,
    /// What it fetches from elsewhere.
    pub downloads: Vec<Download>,
    /// The arguments that it declares, in order.
    pub arguments: Vec<Argument>,
    /// The paths that BuildKit notes as needed from the context, absolute: those of `sources`, and
    /// some that no build reads (semantics §15.1).
    pub recorded_paths: Vec<String>,
    /// What should be patterns of paths and are none: every build fails that comes here.
    pub malformed: Vec<Malformed>,
}

/// A pattern of `COPY` or `ADD` that is none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Malformed {
    /// Where it stands; for a trigger, the `FROM` that makes it run.
    pub span: Span,
    /// The pattern, after expansion.
    pub pattern: String,
    /// Why it is none, in BuildKit's words.
    pub message: &'static str,
}

/// Where an instruction comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Origin<'n> {
    /// It stands in the stage.
    Own(&'n Instruction<'n>),
    /// It is a trigger of the base (`ONBUILD`): its text, a Dockerfile of one instruction.
    Trigger(String),
}

/// A stage or image that an instruction takes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// How.
    pub kind: UseKind,
    /// What.
    pub source: Source,
    /// BuildKit's number of the source: the place of a stage, or a higher one for what comes from
    /// elsewhere.
    pub number: usize,
    /// What it reads there, where that is a named context. Filled in only where the stage is
    /// reachable.
    pub reads: Vec<ContextSource>,
}

impl Use {
    /// Notes what is read, if that is worth knowing: of stages and images, all counts anyway.
    fn read(&mut self, source: ContextSource) {
        if matches!(self.source, Source::Context(_)) {
            self.reads.push(source);
        }
    }
}

/// How an instruction takes from a stage or image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UseKind {
    /// `COPY --from`
    CopyFrom,
    /// `RUN --mount=…from=…`
    Mount,
}

impl UseKind {
    /// As a plan names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::CopyFrom => "COPY --from",
            Self::Mount => "RUN --mount",
        }
    }
}

/// What an instruction takes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nothing.
    Scratch,
    /// A stage.
    Stage(StageIndex),
    /// An image from elsewhere.
    Image(ImageUse),
    /// A named context, by its name.
    Context(String),
}

/// Something that an instruction reads from the build context, or from a named one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContextSource {
    /// Path within the context, clean, without a leading `/`: empty for all of it. `None` where it
    /// depends on something unknown, which may be all of it too.
    pub path: Option<String>,
    /// Whether the path is a pattern (`lang::wildcard`).
    pub is_wildcard: bool,
    /// For `COPY --parents`: which paths below which folder are kept with their parents. Takes the
    /// place of `path`.
    pub parents: Option<Parents>,
    /// Patterns of what is left out, relative to what is copied (`lang::ignore`).
    pub excludes: Arc<[String]>,
    /// What reads it.
    pub kind: ReadKind,
}

impl ContextSource {
    /// Why a build refuses the wildcards of the path, or what `--parents` takes.
    pub(crate) fn wildcard_error(&self) -> Option<&'static str> {
        match (&self.parents, &self.path) {
            (Some(parents), _) => ignore::pattern_error(&parents.pattern),
            (None, Some(path)) if self.is_wildcard => Wildcard::new(path).err().map(|_| MALFORMED),
            _ => None,
        }
    }
}

/// The source of a `COPY --parents`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Parents {
    /// The folder before the pivot `/./`; empty for the whole context. May be a pattern.
    pub base: String,
    /// What is copied, relative to `base`; in the language of ignore files.
    pub pattern: String,
}

/// What reads from the build context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReadKind {
    /// `ADD`
    Add,
    /// `COPY`
    Copy,
    /// `RUN --mount=type=bind`
    Mount,
}

/// Something that `ADD` fetches from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// The URL or git reference, after expansion.
    pub text: String,
    /// Whether git fetches it.
    pub is_git: bool,
    /// What it must be, as `--checksum` or the source itself says; `None` where that is unknown or
    /// not said.
    pub checksum: Option<String>,
    /// Whether only one content can come: a checksum is asked for, known or not, or a commit.
    pub is_fixed: bool,
}

impl<'n> StageGraph<'n> {
    /// Works out the stages of a Dockerfile that has no errors of its own.
    ///
    /// # Errors
    /// Everything that is wrong, at least one problem: the one that BuildKit reports stands first.
    pub fn new(
        dockerfile: &'n Dockerfile<'n>,
        request: &Request<'_>,
    ) -> Result<Self, Vec<StageError>> {
        let mut table = table::Table::new(dockerfile, request)?;
        table.connect();
        table.reach();
        if table.errors.is_empty() {
            dispatch::run(table)
        } else {
            Err(table.errors)
        }
    }

    /// The stages that the target needs.
    pub fn reachable(&self) -> impl Iterator<Item = &Stage<'n>> {
        self.stages.iter().filter(|stage| stage.reachable)
    }
}

impl<'n> Step<'n> {
    /// A step that brings in nothing yet.
    fn new(origin: Origin<'n>, place: Place) -> Self {
        Self {
            origin,
            place,
            uses: Vec::new(),
            sources: Vec::new(),
            downloads: Vec::new(),
            arguments: Vec::new(),
            recorded_paths: Vec::new(),
            malformed: Vec::new(),
        }
    }

    /// How the instruction is written; none for a trigger.
    fn node(&self) -> Option<&'n Node<'n>> {
        match &self.origin {
            Origin::Own(instruction) => Some(instruction.node),
            Origin::Trigger(_) => None,
        }
    }
}

impl Stage<'_> {
    /// The image that it is built on, if it is one from elsewhere.
    pub fn image(&self) -> Option<&ImageUse> {
        match &self.base {
            Base::Image(image) => Some(image),
            _ => None,
        }
    }
}
