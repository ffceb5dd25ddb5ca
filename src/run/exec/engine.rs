//! What a run needs from a container engine: few methods, so that a test can stand in for it.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostics::Diagnostic;
use crate::run::found::Found;
use crate::run::stop::Stop;

/// What an engine says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// The architecture that it builds for where no platform is asked for, as `amd64`.
    pub architecture: String,
    /// The name of the builder.
    pub builder: String,
    /// Whether that is the engine's own. Another one takes what builds need from registries.
    pub shares_images: bool,
    /// Whether it takes a source policy.
    pub holds_sources: bool,
}

/// How a build or a push ended without success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failed {
    /// By itself; what it printed says why.
    Status(String),
    /// Because the run was stopped.
    Stopped,
}

/// A container engine.
pub trait Engine: Sync {
    /// Asks the engine who it is. `builder` builds in its place, if there is one.
    ///
    /// # Errors
    /// When it does not answer, is too old for named contexts, or the builder cannot be used.
    fn host(&self, builder: Option<&str>) -> Result<Host, Diagnostic>;

    /// Makes sure that builds are possible, for several platforms at once if `multi_platform`.
    ///
    /// # Errors
    /// When they are not, with what to install or to change.
    fn check_builds(&self, multi_platform: bool) -> Result<(), Diagnostic>;

    /// The images behind those of the references that exist.
    ///
    /// # Errors
    /// When the engine does not answer.
    fn look(&self, references: &BTreeSet<&str>) -> Result<BTreeMap<String, Found>, Diagnostic>;

    /// References of any repository that have one of these tags, in byte order.
    ///
    /// # Errors
    /// When the engine does not answer.
    fn tagged(&self, tags: &BTreeSet<&str>) -> Result<BTreeSet<String>, Diagnostic>;

    /// The line that repeats a build in a shell, at the root of the plan.
    fn command_line(&self, arguments: &[String]) -> String;

    /// Runs a build with these arguments, giving each line that it prints.
    ///
    /// # Errors
    /// When it fails or is stopped.
    fn build(
        &self,
        arguments: &[String],
        stop: &Stop,
        line: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(), Failed>;

    /// Sends what the reference names to its registry, giving each line that is printed.
    ///
    /// # Errors
    /// When it fails or is stopped.
    fn push(
        &self,
        reference: &str,
        stop: &Stop,
        line: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(), Failed>;

    /// Fetches what the reference names from its registry, giving each line that is printed.
    ///
    /// # Errors
    /// When it fails or is stopped.
    fn pull(
        &self,
        reference: &str,
        stop: &Stop,
        line: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(), Failed>;

    /// Lets the second reference of each pair name what the first one names; gives what the engine
    /// says against each. At most `jobs` of them at a time.
    fn tag(&self, pairs: &[(&str, &str)], jobs: usize) -> Vec<Result<(), String>>;
}
