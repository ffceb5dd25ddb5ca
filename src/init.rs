//! `shipwright init`: a starting configuration from what the checkout shows.
//!
//! ```text
//! bake, compose (their own print) ─▶ builds ─┐
//! Dockerfiles ─▶ references ──────────────────┴─▶ names ─▶ everything in full ─▶ the shortest that plans the same
//! ```
//!
//! A pure function of a snapshot and of what the tools say of its files. Evidence that cannot be read or used is a warning, and what is left
//! is gone on with; the configuration that comes out has always been planned.

mod bake;
mod build;
mod by_name;
mod compose;
mod contexts;
mod draft;
mod drift;
mod evidence;
mod naming;
mod plain;
mod planner;
mod references;
mod required;
mod rules;
mod settle;
mod told;

use std::collections::{BTreeMap, BTreeSet};

use crate::config::Config;
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Severity, SourceText};
use crate::planner::compile::SourceFiles;
use crate::planner::discover::Discovery;
use crate::planner::resolve::Parsed;
use crate::planner::selection::Selection;
use crate::planner::texts::read;
use crate::tree::snapshot::Snapshot;
use build::{Bound, Build};
pub(crate) use drift::drift;
pub use evidence::{Evidence, evidence};
pub(crate) use evidence::{is_evidence, named_files};
use naming::{Known, Wanted};
use planner::{Images, Planner};

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Bake and compose files to read; those at the root where empty.
    pub files: Vec<String>,
    /// The namespace, in place of what the evidence says.
    pub namespace: Option<String>,
    /// Values for arguments that Dockerfiles need and have none for.
    pub build_args: BTreeMap<String, String>,
    /// What the repository is called: the name of an image where nothing else gives one.
    pub project: String,
}

/// A configuration, and where it comes from.
#[derive(Debug, Clone)]
pub struct Start {
    /// The text of the file.
    pub config: String,
    /// Whether it says anything that the defaults do not give.
    pub is_needed: bool,
    /// How many images it plans.
    pub images: usize,
    /// How many dependencies they have on one another.
    pub dependencies: usize,
    /// What was taken from where, a line each.
    pub taken: Vec<String>,
    /// What could not be used, and why.
    pub left_out: Diagnostics,
}

/// Finds a configuration. The snapshot has the texts of the evidence, of the Dockerfiles that are
/// called so and of those that the evidence builds.
///
/// # Errors
/// When nothing can be planned, or a file that was asked for is not there.
pub fn init(
    snapshot: &Snapshot,
    request: &Request,
    evidence: &Evidence,
) -> Result<Start, Diagnostics> {
    let missing = request
        .files
        .iter()
        .filter(|file| snapshot.text(file).is_none());
    let mut left_out = Diagnostics::new();
    left_out.extend(missing.map(|file| {
        Diagnostic::new(Code::NoEvidence, format!("there is no file `{file}` here"))
            .help("paths are relative to the root of the plan, and git must track the file")
    }));
    if left_out.has_errors() {
        return Err(left_out);
    }
    left_out.extend(evidence.left_out.clone());
    let mut builds = Builds::default();
    for build in evidence.builds.iter().cloned() {
        builds.add(build, &mut left_out);
    }
    left_out.extend(builds.unbound());
    read(texts(snapshot, &builds.0).iter(), |read| {
        let files = SourceFiles {
            snapshot,
            read: &read,
        };
        start(
            &Planner { files },
            request,
            &evidence.images,
            builds,
            left_out,
        )
    })
}

/// Finds a configuration for builds, and for images that are run. What cannot be used is added to `left_out`.
fn start(
    planner: &Planner<'_>,
    request: &Request,
    run: &BTreeSet<String>,
    mut builds: Builds,
    mut left_out: Diagnostics,
) -> Result<Start, Diagnostics> {
    let mut excluded = BTreeSet::new();
    // What makes a plan impossible is taken out, at most once a Dockerfile.
    loop {
        let (wanted, read) = wanted(planner.files, request, (&builds, run), &excluded);
        let full = settle::in_full(&wanted, &excluded);
        let problems = match planner.compile(&full, Selection::default()) {
            Ok((plan, remarks)) => {
                let templates = |one: &&Diagnostic| one.code == Code::DockerfileTemplates;
                left_out.extend(remarks.iter().filter(templates).cloned());
                let contexts = contexts::found(&full, &remarks, planner);
                let (full, plan) = if contexts.is_empty() {
                    (full, plan)
                } else {
                    let full = contexts::with(&full, &contexts);
                    // Contexts leave names and references as they are.
                    let plan = planner.plan(&full).unwrap_or(plan);
                    (full, plan)
                };
                let images = Images::of(plan);
                left_out.extend(required::asked(&wanted.arguments, &read));
                left_out.extend(told::further_repositories(&wanted));
                let draft = settle::shortest(full, &wanted, &excluded, &images, planner);
                return Ok(Start {
                    config: draft.to_json(),
                    is_needed: !draft.is_empty(),
                    images: images.dockerfiles().count(),
                    dependencies: images.dependencies(),
                    taken: told::taken(&wanted, &draft, &contexts),
                    left_out,
                });
            }
            Err(problems) => problems,
        };
        if !take_out(&problems, &read, &mut builds, &mut excluded, &mut left_out) {
            left_out.extend(problems.without_notes());
            return Err(left_out);
        }
    }
}

/// Builds, no two of which make the same image.
#[derive(Debug, Default)]
struct Builds(Vec<Build>);

impl Builds {
    /// Adds a build: to one that makes the same image, or instead of one of another file that makes
    /// nearly the same, which counts for nothing.
    fn add(&mut self, build: Build, left_out: &mut Diagnostics) {
        let mut known = self.0.iter_mut();
        if let Some(same) = known.find(|known| known.makes_what(&build)) {
            if same.set == build.set {
                left_out.push(is_same(&build, same));
            }
            same.references.extend(build.references);
            same.contexts.extend(build.contexts);
            same.labels.extend(build.labels);
            return;
        }
        let like = self.0.iter().find(|known| {
            // Two names are two images, whatever they are made of.
            let mut names = known.references.iter();
            let are_named = !known.references.is_empty() && !build.references.is_empty();
            if are_named && !names.any(|name| build.references.contains(name)) {
                return false;
            }
            let same_stage = known.dockerfile == build.dockerfile && known.target == build.target;
            same_stage && known.set != build.set
        });
        let Some(like) = like else {
            self.0.push(build);
            return;
        };
        let message = format!(
            "{} is skipped: {} of `{}` builds the same stage differently",
            build.title(),
            like.title(),
            like.source.path
        );
        left_out.push(
            Diagnostic::new(Code::BuildLeftOut, message)
                .at(&build.source, build.span.clone(), "")
                .at(&like.source, like.span.clone(), "this one is taken")
                .because_of(like.title())
                .help(format!(
                    "to use this one: `shipwright init {}`",
                    build.source.path
                )),
        );
    }

    /// Tells of the named contexts that are builds which were skipped.
    fn unbound(&self) -> impl Iterator<Item = Diagnostic> {
        self.0.iter().flat_map(|build| {
            let lost = build.contexts.iter().filter_map(|(name, bound)| {
                let Bound::Build(label) = bound else {
                    return None;
                };
                let is_there =
                    |other: &Build| other.set == build.set && other.labels.contains(label);
                (!self.0.iter().any(is_there)).then_some((name, label))
            });
            lost.map(|(name, label)| {
                let (title, kind) = (build.title(), build.kind);
                let message =
                    format!("the context `{name}` of {title} is skipped, as {kind} `{label}` is");
                Diagnostic::new(Code::ValueLeftOut, message)
                    .at(&build.source, build.span.clone(), "")
                    .help(format!("`{name}` means an image of a registry here"))
            })
        })
    }
}

/// A remark on a build that makes the same image as another of its file.
fn is_same(build: &Build, same: &Build) -> Diagnostic {
    let names = match build.references.first() {
        Some(name) => format!(", and `{name}` is not a separate name"),
        None => String::new(),
    };
    let message = format!(
        "{} builds the same as {}, so they are one image{names}",
        build.title(),
        same.title()
    );
    Diagnostic::new(Code::BuildLeftOut, message)
        .at(&build.source, build.span.clone(), "")
        .at(&same.source, same.span.clone(), "this one is taken")
        .help("add other names under `aliases` in .shipwright.json")
}

/// The Dockerfiles that are called so, and those that builds name.
fn dockerfiles(snapshot: &Snapshot, builds: &[Build]) -> BTreeSet<String> {
    let config = Config::default();
    let found = Discovery::new(&config).find(snapshot).dockerfiles;
    let named = builds.iter().map(|build| build.dockerfile.clone());
    found.into_iter().chain(named).collect()
}

/// The texts of these, by path; empty where there is no such file.
fn texts(snapshot: &Snapshot, builds: &[Build]) -> BTreeMap<String, SourceText> {
    let texts = dockerfiles(snapshot, builds).into_iter().map(|path| {
        let text = String::from_utf8_lossy(snapshot.text(&path).unwrap_or_default()).into_owned();
        (path.clone(), SourceText::new(path, text))
    });
    texts.collect()
}

/// What is wanted of the Dockerfiles that are not excluded, and what these say.
fn wanted<'f>(
    files: SourceFiles<'f>,
    request: &Request,
    (builds, run): (&Builds, &BTreeSet<String>),
    excluded: &BTreeSet<String>,
) -> (Wanted, BTreeMap<&'f str, Parsed<'f>>) {
    let mut dockerfiles = dockerfiles(files.snapshot, &builds.0);
    dockerfiles.retain(|path| !excluded.contains(path));
    let mut read = files.read.clone();
    read.retain(|path, _| dockerfiles.contains(*path));
    let is_built = |path: &str| builds.0.iter().any(|build| build.dockerfile == path);
    let arguments = required::arguments(&read, &request.build_args, is_built);
    let used = references::used(&read, &builds.0, &arguments);
    let known = Known {
        builds: &builds.0,
        run,
        used: &used,
        dockerfiles: &dockerfiles,
        namespace: request.namespace.as_deref(),
        project: &request.project,
    };
    let wanted = Wanted {
        arguments,
        ..known.name()
    };
    (wanted, read)
}

/// Takes out what errors point at: the builds of a Dockerfile, then the Dockerfile. Whether there was
/// anything.
fn take_out(
    problems: &Diagnostics,
    read: &BTreeMap<&str, Parsed<'_>>,
    builds: &mut Builds,
    excluded: &mut BTreeSet<String>,
    left_out: &mut Diagnostics,
) -> bool {
    let mut taken = false;
    for problem in problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
    {
        let mut paths = problem.labels.iter().map(|label| &label.source.path);
        let Some(path) = paths.find(|path| read.contains_key(path.as_str())) else {
            continue;
        };
        let before = builds.0.len();
        builds.0.retain(|build| build.dockerfile != *path);
        let what = if builds.0.len() < before {
            "builds of it are left out"
        } else if excluded.insert(path.clone()) {
            "it is excluded"
        } else {
            continue;
        };
        taken = true;
        let message = format!(
            "`{path}` cannot be planned, and {what}: {}",
            problem.message
        );
        let mut diagnostic = Diagnostic::new(Code::DockerfileLeftOut, message);
        diagnostic.labels.clone_from(&problem.labels);
        diagnostic.help.clone_from(&problem.help);
        diagnostic.cause = problem
            .cause
            .as_ref()
            .map(|cause| format!("{}: {cause}", problem.code.as_str()));
        left_out.push(diagnostic.help("after fixing it, run `shipwright init` again"));
    }
    taken
}
