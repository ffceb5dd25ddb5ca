//! A plan compiled for a runner: a Makefile, a POSIX shell script, a bake file, the waves of a
//! workflow on GitHub, a pipeline of GitLab, or whatever a template from outside makes of it.
//!
//! Functions from a plan to text. A view (`script`, `bake`, `github`) decides what is written, a template of
//! `templates/` lays it out, and the engine quotes every value for the language of the template.

mod bake;
mod check;
mod files;
mod folders;
mod github;
mod gitlab;
mod header;
mod job_view;
mod jobs;
mod quote;
mod script;
mod slug;
pub(super) mod template;

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::Serialize;

pub(crate) use self::bake::Sealed;
pub use self::files::{Added, Files, Folder, Submodule};
pub use self::github::Github;
pub use self::gitlab::Gitlab;
use self::quote::Language;
use crate::diagnostics::{Diagnostics, SourceText, nearest};
use crate::plan::{self, Plan};

/// What a plan can be compiled to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// A Makefile for GNU make.
    Make,
    /// A POSIX shell script.
    Sh,
    /// A `docker-bake.hcl`.
    Bake,
    /// Matrices for the jobs of a workflow: lines for `$GITHUB_OUTPUT`.
    Github,
    /// A child pipeline of GitLab.
    Gitlab,
}

/// The plan compiled to that format: the whole text of the file. make and the shell script take the
/// files of their builds from where `files` says; nothing else does.
///
/// # Errors
/// Every value that the format cannot carry, and every dependency whose content reference is
/// nowhere in the plan.
pub fn emit(plan: &Plan, files: &Files, format: Format) -> Result<String, Diagnostics> {
    check::problems(plan, format).fail_on_errors()?;
    let rendered = match format {
        Format::Make => template::render("Makefile.j2", script::makefile(plan, files)),
        Format::Sh => template::render("build.sh.j2", script::shell(plan, files)),
        Format::Bake => template::render("docker-bake.hcl.j2", bake::file(plan, None)),
        Format::Github => return emit_github(plan, Github::default()),
        Format::Gitlab => return emit_gitlab(plan, &Gitlab::default()),
    };
    rendered.map_err(Diagnostics::from)
}

/// The plan as a bake file whose builds read sealed folders: `sealed` has each image's, by name.
///
/// # Errors
/// As [`emit`].
pub(crate) fn emit_sealed(
    plan: &Plan,
    sealed: &BTreeMap<String, Sealed>,
) -> Result<String, Diagnostics> {
    check::problems(plan, Format::Bake).fail_on_errors()?;
    let file = bake::file(plan, Some(sealed));
    template::render("docker-bake.hcl.j2", file).map_err(Diagnostics::from)
}

/// The waves of the plan as matrices for a workflow on GitHub.
///
/// # Errors
/// As [`emit`]; and where GitHub would not take so much, or there may not be enough jobs.
pub fn emit_github(plan: &Plan, how: Github) -> Result<String, Diagnostics> {
    check::problems(plan, Format::Github).fail_on_errors()?;
    let text = template::render("github.json.j2", github::outputs(plan, how)?)?;
    github::check(&text)?;
    Ok(text)
}

/// The plan as a child pipeline of GitLab.
///
/// # Errors
/// As [`emit`]; and where GitLab would not read so large a file.
pub fn emit_gitlab(plan: &Plan, how: &Gitlab) -> Result<String, Diagnostics> {
    check::problems(plan, Format::Gitlab).fail_on_errors()?;
    let pipeline = gitlab::pipeline(plan, how);
    gitlab::check(&pipeline)?;
    Ok(template::render("gitlab.yml.j2", pipeline)?)
}

/// The plan as a bake file to commit: links, build contexts and arguments alone, with tags that its
/// variables make. Its bytes change only with Dockerfiles and the configuration.
///
/// # Errors
/// As [`emit`]; and where an image depends on one that the plan lacks.
pub fn emit_stable(plan: &Plan) -> Result<String, Diagnostics> {
    let mut problems = check::problems(plan, Format::Bake);
    problems.extend(bake::stable::problems(plan));
    problems.fail_on_errors()?;
    let file = bake::stable::file(plan);
    template::render("docker-bake.stable.hcl.j2", file).map_err(Diagnostics::from)
}

/// The plan rendered by a template from outside: its data are the keys of the plan.
///
/// The name of the template says which language its values are quoted for: `x.sh.j2`, `x.mk.j2` or
/// `Makefile.j2`, `x.hcl.j2`, `x.json.j2`, `x.yml.j2` (also `yaml`), `x.html.j2` (also `htm`, `svg`, `xml`); with another name they
/// are written as they are. The filters `sh`, `make`, `hcl`, `json` and `html` quote by name, `comment` makes a text harmless within a
/// comment. What `sh` and `make` write may name the shell variable `NEWLINE`, and `make` the
/// variable `HASH`, which the template defines where values hold a newline or a `#`.
///
/// Where a template names `jobs` or `last_command`, the plan is one for CI systems too.
///
/// # Errors
/// When it is no template, names what the plan has not, or writes what its language cannot carry; for jobs, as
/// [`emit_gitlab`].
pub fn emit_template(
    plan: &Plan,
    known: &Known,
    template: &SourceText,
) -> Result<String, Diagnostics> {
    let images = plan.images.iter().map(|image| Pushed {
        image,
        digest: known.digests.get(&image.reference),
    });
    let has_jobs = template::names_any(template, &job_view::KEYS)?;
    if has_jobs {
        jobs::problems(plan).fail_on_errors()?;
    }
    let data = Data {
        version: plan.version,
        source: &plan.source,
        images: images.collect(),
        jobs: has_jobs.then(|| job_view::view(plan, known.is_selection)),
    };
    template::render_source(template, data).map_err(Diagnostics::from)
}

/// What is known besides a plan that a template renders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The digests that a run has told, by content reference: an image that has one has the key `digest` as well.
    pub digests: BTreeMap<String, String>,
    /// Whether the plan is of selected images, so that the last command of its jobs names them.
    pub is_selection: bool,
}

/// A plan with what is known of its images in registries.
#[derive(Serialize)]
struct Data<'a> {
    version: u32,
    source: &'a plan::Source,
    images: Vec<Pushed<'a>>,
    #[serde(flatten)]
    jobs: Option<job_view::View>,
}

#[derive(Serialize)]
struct Pushed<'a> {
    #[serde(flatten)]
    image: &'a plan::Image,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<&'a String>,
}

impl Format {
    /// Every format, in the order in which help lists them.
    pub const ALL: [Self; 5] = [Self::Make, Self::Sh, Self::Bake, Self::Github, Self::Gitlab];

    /// The name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Make => "make",
            Self::Sh => "sh",
            Self::Bake => "bake",
            Self::Github => "github",
            Self::Gitlab => "gitlab",
        }
    }

    /// What it is, in a few words.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::Make => "A Makefile for GNU make",
            Self::Sh => "A POSIX shell script",
            Self::Bake => "A bake file for docker buildx bake -f",
            Self::Github => "Job matrices for GitHub Actions, lines for $GITHUB_OUTPUT",
            Self::Gitlab => "A child pipeline for GitLab",
        }
    }

    fn language(self) -> Language {
        match self {
            Self::Make => Language::Make,
            Self::Sh => Language::Sh,
            Self::Bake => Language::Hcl,
            Self::Github | Self::Gitlab => Language::Json,
        }
    }
}

/// A name that is none of a [`Format`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownFormat(String);

impl std::fmt::Display for UnknownFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "unknown format `{}`", self.0)?;
        let known = Format::ALL.map(Format::name);
        match nearest(&self.0, known) {
            Some(name) => write!(f, "; did you mean `{name}`?"),
            None => write!(f, "; the formats are {}", known.join(", ")),
        }
    }
}

impl std::error::Error for UnknownFormat {}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|format| format.name() == name);
        found.ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}
