//! From the command line to a request for a plan, and to what it gives.

use std::collections::BTreeSet;
use std::path::Path;

use super::args::{Planning, Settings};
use super::lock::pull::pulled;
use super::{allow, output};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::plan::Plan;
use crate::planner::publish::Tagging;
use crate::planner::{Options, Planned, Purpose, Request, Sends, Workspace};
use crate::run::trust;
use crate::tree::source::Checkout;

/// Makes the plan that is run by what sends this to its builder. Warnings are mentioned. `file` is
/// written by this process.
pub(super) fn make(
    directory: &Path,
    planning: &Planning,
    file: Option<&Path>,
    sends: Sends,
) -> Result<Planned, Diagnostics> {
    let workspace = open(directory, file)?;
    let request = request(directory, planning, Purpose::Run(sends))?;
    output::settle(&workspace, workspace.plan(&request))
}

/// How `exec` wants its plan.
#[derive(Debug, Clone, Copy)]
pub(super) struct Execution {
    /// What the builder is sent.
    pub(super) sends: Sends,
    /// Whether readable tags move; if not, nothing is said of them.
    pub(super) moves_tags: bool,
    /// Whether external base images are bound to their current digests.
    pub(super) pulls: bool,
}

/// Makes the plan that `exec` runs. Warnings are mentioned.
pub(super) fn make_to_run(
    directory: &Path,
    planning: &Planning,
    execution: Execution,
) -> Result<Planned, Diagnostics> {
    let workspace = open(directory, None)?;
    let mut request = request(directory, planning, Purpose::Run(execution.sends))?;
    request.without_tags = !execution.moves_tags;
    if execution.pulls {
        request.options.lock = Some(pulled(&workspace, &request)?);
    }
    output::settle(&workspace, workspace.plan(&request))
}

/// Makes the plan that is only looked at. Warnings are mentioned.
pub(super) fn look(directory: &Path, planning: &Planning) -> Result<Planned, Diagnostics> {
    let workspace = open(directory, None)?;
    let request = request(directory, planning, Purpose::Inspect)?;
    output::settle(&workspace, workspace.plan(&request))
}

/// The plan of the same images with other repositories. Its warnings are those of [`make`].
pub(super) fn elsewhere(
    directory: &Path,
    planning: &Planning,
    repository: &str,
) -> Result<Plan, Diagnostics> {
    let workspace = open(directory, None)?;
    let mut request = request(directory, planning, Purpose::Run(Sends::Sealed))?;
    request.options.repository = Some(repository.to_owned());
    let (planned, _) = workspace.plan(&request).into_result()?;
    Ok(planned.plan)
}

/// All diagnostics of the plan that [`look`] gives; `file` is written by this process.
///
/// # Errors
/// The same, where there is no plan.
pub(super) fn check(
    directory: &Path,
    planning: &Planning,
    file: Option<&Path>,
) -> Result<Diagnostics, Diagnostics> {
    let workspace = open(directory, file)?;
    let request = request(directory, planning, Purpose::Check)?;
    let (planned, mut remarks) = workspace.plan(&request).into_result()?;
    let ground = allow::ground(workspace.checkout(), &planned);
    remarks.extend(trust::notes(&planned.plan, &ground));
    Ok(remarks)
}

/// The repository of a folder, without what this process writes in it.
pub(super) fn open(directory: &Path, file: Option<&Path>) -> Result<Workspace, Diagnostic> {
    Ok(Workspace::open(directory)?.without(output::written(file)))
}

/// What was typed, as the planner takes it.
fn request(directory: &Path, planning: &Planning, purpose: Purpose) -> Result<Request, Diagnostic> {
    let built = planning.built.as_ref();
    Ok(Request {
        purpose,
        revision: planning.rev.clone(),
        dirty: planning.dirty,
        since: planning.since.clone(),
        built: built.map(|file| lines(&directory.join(file))).transpose()?,
        without_tags: false,
        options: options(directory, planning)?,
    })
}

/// The lines of a file, without blank ones.
fn lines(file: &Path) -> Result<BTreeSet<String>, Diagnostic> {
    let text = output::read(file)?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(lines.map(str::to_owned).collect())
}

/// How and which images are planned, as it was typed.
///
/// # Errors
/// When the configuration that was named cannot be read.
pub(super) fn options(directory: &Path, planning: &Planning) -> Result<Options, Diagnostic> {
    let mut selection = planning.selection.selection();
    if !selection.is_everything() {
        // Paths are typed from here. Where there is no checkout, that is said elsewhere.
        let checkout = Checkout::open(directory);
        selection.from = checkout.map_or_else(|_| String::new(), |checkout| checkout.below_root());
    }
    Ok(Options {
        branch: planning.branch.clone(),
        tagging: Tagging {
            added: planning.tags.clone(),
            no_default: planning.no_default_tags,
        },
        selection,
        ..options_of(directory, &planning.settings)?
    })
}

/// The namespace that the environment sets.
pub(super) fn namespace() -> Option<String> {
    std::env::var("SW_NAMESPACE")
        .ok()
        .filter(|namespace| !namespace.is_empty())
}

/// What images are built with, as the planner takes it; all images are selected.
///
/// # Errors
/// As [`options`].
pub(super) fn options_of(directory: &Path, settings: &Settings) -> Result<Options, Diagnostic> {
    let configuration = settings.config.as_ref().map(|file| {
        let text = output::read(&directory.join(file))?;
        Ok((file.display().to_string(), text))
    });
    Ok(Options {
        namespace: settings.namespace.clone().or_else(namespace),
        build_args: settings.build_args.iter().cloned().collect(),
        stamp_args: settings.stamp_args.iter().cloned().collect(),
        platforms: settings.platforms.clone(),
        repository: settings.repository.clone(),
        epoch: settings.epoch.clone(),
        configuration: configuration.transpose()?,
        ..Options::default()
    })
}
