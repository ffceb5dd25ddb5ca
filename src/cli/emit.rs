//! `shipwright emit`: the plan compiled for a runner.

use std::path::{Path, PathBuf};

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory};
use similar::TextDiff;

use super::args::{Arguments, Output, Planning, Stored};
use super::graph::read_report;
use super::{build_files, output, planning, sealed_bake, stored};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, SourceText};
use crate::planner::{Planned, Sends};
use crate::run::emit::{
    Format, Github, Gitlab, Known, emit, emit_github, emit_gitlab, emit_stable, emit_template,
};

/// What is typed after `shipwright emit`.
#[derive(Debug, Args)]
#[command(
    override_usage = "shipwright emit [OPTIONS] <FORMAT> [IMAGE]...\n       \
        shipwright emit [OPTIONS] --template <FILE> [IMAGE]...",
    after_help = "Examples:\n  \
        shipwright emit make -o build.mk && make -j4 -f build.mk\n  \
        shipwright emit sh > build.sh && sh build.sh service1\n  \
        shipwright emit bake > build.hcl && docker buildx bake -f build.hcl\n  \
        shipwright emit bake --sealed -o DIR              with the files of the builds\n  \
        shipwright emit bake --stable -o docker-bake.hcl  a file to commit\n  \
        shipwright emit github >> \"$GITHUB_OUTPUT\"        the jobs of each wave\n  \
        shipwright emit gitlab -o images.yml              a child pipeline\n  \
        shipwright emit --template list.md.j2             a template of your own\n  \
        shipwright emit --template values.yaml.j2 --report report.json\n  \
        shipwright emit make --plan plan.json             a stored plan"
)]
pub(super) struct Emit {
    /// Output format; not with --template
    #[arg(
        value_name = "FORMAT",
        required_unless_present = "template",
        value_parser = FormatOrImage
    )]
    first: Option<String>,
    /// Render a minijinja template with the plan as its data
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,
    /// With --template: give images the digests in FILE, a report written by `exec --push --report`
    #[arg(long, value_name = "FILE", requires = "template")]
    report: Option<PathBuf>,
    /// With bake: also write the files that builds read, into the new folder given by -o
    #[arg(long, requires = "file", conflicts_with = "template")]
    sealed: bool,
    /// With bake: write a file to commit, which changes only with Dockerfiles and the configuration
    #[arg(long, conflicts_with_all = ["sealed", "template", "since", "built", "tags", "no_default_tags", "plan"])]
    stable: bool,
    /// With --stable: compare with FILE instead of printing; show the difference and exit 1 if there is one
    #[arg(
        long,
        value_name = "FILE",
        requires = "stable",
        conflicts_with = "file"
    )]
    check: Option<PathBuf>,
    /// With github: at most N jobs in a wave, 1 to 256; beyond it a job builds several images
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..=256),
        conflicts_with = "template"
    )]
    jobs: Option<u16>,
    /// With gitlab: a file of the project for the pipeline to include, with `default:`, `variables:` and the like
    #[arg(long, value_name = "FILE", conflicts_with = "template")]
    include: Option<String>,
    #[command(flatten)]
    planning: Planning,
    #[command(flatten)]
    stored: Stored,
    #[command(flatten)]
    output: Output,
}

/// The first word: a format, or with `--template` the first of the images.
#[derive(Debug, Clone)]
struct FormatOrImage;

impl TypedValueParser for FormatOrImage {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let value = |format: Format| PossibleValue::new(format.name()).help(format.about());
        Some(Box::new(Format::ALL.into_iter().map(value)))
    }
}

/// What the words ask for.
#[derive(Debug)]
pub(super) enum What {
    Format(Format),
    /// A bake file and the files of its builds.
    SealedBake,
    /// A bake file to commit.
    StableBake,
    Template(PathBuf),
}

impl What {
    /// What is sent by what is written. The jobs of a workflow run `shipwright exec`.
    fn sends(&self) -> Sends {
        match self {
            Self::Format(Format::Bake) => Sends::Folders,
            Self::Format(Format::Make | Format::Sh | Format::Github | Format::Gitlab)
            | Self::SealedBake
            | Self::StableBake
            | Self::Template(_) => Sends::Sealed,
        }
    }
}

impl Emit {
    /// What is asked for; the first word joins the images where it is one.
    ///
    /// # Errors
    /// Wrong usage that only the words together show.
    pub(super) fn what(&mut self) -> Result<What, clap::Error> {
        let first = self.first.take();
        if let Some(template) = self.template.take() {
            if let (Some(image), Some(_)) = (&first, &self.stored.plan) {
                let message = format!("`--plan` cannot be combined with images such as `{image}`");
                return Err(misused(ErrorKind::ArgumentConflict, message));
            }
            self.planning.selection.images.extend(first);
            return Ok(What::Template(template));
        }
        let format: Format = first
            .unwrap_or_default()
            .parse()
            .map_err(|unknown| misused(ErrorKind::InvalidValue, unknown))?;
        let has_jobs = matches!(format, Format::Github | Format::Gitlab);
        if has_jobs && self.planning.since.is_some() && self.planning.built.is_none() {
            let message = "`--since` needs `--built` here: the registry may have lost what the commit had, \
                and the jobs have no other";
            return Err(misused(ErrorKind::MissingRequiredArgument, message));
        }
        if self.jobs.is_some() && format != Format::Github {
            let message = "`--jobs` is only for github; for make, `make -j N` runs N at a time";
            return Err(misused(ErrorKind::ArgumentConflict, message));
        }
        if self.include.is_some() && format != Format::Gitlab {
            let message = "`--include` is only for gitlab";
            return Err(misused(ErrorKind::ArgumentConflict, message));
        }
        match format {
            Format::Bake if self.sealed => Ok(What::SealedBake),
            Format::Bake if self.stable => Ok(What::StableBake),
            _ if self.sealed => Err(misused(
                ErrorKind::ArgumentConflict,
                "`--sealed` is only for bake; make and sh read their files from the revision",
            )),
            _ if self.stable => Err(misused(
                ErrorKind::ArgumentConflict,
                "`--stable` is only for bake; the other formats belong to one revision",
            )),
            _ => Ok(What::Format(format)),
        }
    }

    /// Whether images are named.
    fn is_selection(&self) -> bool {
        !self.planning.selection.selection().is_everything()
    }
}

fn misused(kind: ErrorKind, message: impl std::fmt::Display) -> clap::Error {
    let mut command = Arguments::command();
    command.build();
    let emit = command.find_subcommand_mut("emit");
    let emit = emit.expect("the command of this module");
    emit.error(kind, message)
}

pub(super) fn run(directory: &Path, what: &What, arguments: &Emit) -> Result<(), Diagnostics> {
    let file = arguments.output.file(directory);
    let text = match what {
        What::Format(format @ (Format::Make | Format::Sh | Format::Bake)) => {
            let planned = planned(directory, what, arguments)?;
            emit(&planned.plan, &build_files::of(&planned), *format)?
        }
        What::SealedBake => {
            let planned = planned(directory, what, arguments)?;
            // Without a file there is no such format.
            let folder = file.unwrap_or_default();
            return sealed_bake::write(&planned, &folder);
        }
        What::StableBake => {
            let text = emit_stable(&planned(directory, what, arguments)?.plan)?;
            if let Some(committed) = &arguments.check {
                return Ok(check(&directory.join(committed), committed, &text)?);
            }
            text
        }
        What::Format(Format::Gitlab) => {
            let plan = planned(directory, what, arguments)?.plan;
            let how = Gitlab {
                include: arguments.include.clone(),
                is_selection: arguments.is_selection(),
            };
            emit_gitlab(&plan, &how)?
        }
        What::Format(Format::Github) => {
            let plan = planned(directory, what, arguments)?.plan;
            let how = arguments
                .jobs
                .map_or_else(Github::default, |jobs| Github { jobs: jobs.into() });
            emit_github(&plan, how)?
        }
        What::Template(template) => {
            let plan = planned(directory, what, arguments)?.plan;
            let template = read(directory, template)?;
            let mut known = Known {
                is_selection: arguments.is_selection(),
                ..Known::default()
            };
            if let Some(report) = &arguments.report {
                known.digests = read_report(&directory.join(report))?.digests();
            }
            emit_template(&plan, &known, &template)?
        }
    };
    Ok(output::write(&text, file.as_deref())?)
}

/// Compares a file with what would be written to it, and shows what differs.
///
/// # Errors
/// When it differs, or cannot be read.
fn check(file: &Path, name: &Path, text: &str) -> Result<(), Diagnostic> {
    // git may have converted its line ends.
    let committed = output::read(file)?.replace("\r\n", "\n");
    if committed == text {
        return Ok(());
    }
    let name = name.display().to_string();
    let difference = TextDiff::from_lines(committed.as_str(), text);
    let mut difference = difference.unified_diff();
    let shown = difference.header(&name, "as it would be written now");
    output::write_text(&shown.to_string(), None)?;
    let message = format!("`{name}` does not match the Dockerfiles and the configuration");
    Err(Diagnostic::new(Code::Stale, message).help(format!(
        "renew it: `shipwright emit bake --stable -o {name}`, with the same options"
    )))
}

/// The plan, and the files of its images; a stored one is held against the repository.
fn planned(directory: &Path, what: &What, arguments: &Emit) -> Result<Planned, Diagnostics> {
    let sends = what.sends();
    let Some(stored) = arguments.stored.file(directory) else {
        let file = arguments.output.file(directory);
        return planning::make(directory, &arguments.planning, file.as_deref(), sends);
    };
    stored::held(directory, &stored, sends)
}

/// The template, under the name that was typed: it says the language of the template.
fn read(directory: &Path, file: &Path) -> Result<SourceText, Diagnostic> {
    let name = file.display();
    let text = std::fs::read_to_string(directory.join(file));
    let text = text.map_err(|error| output::unreadable(&name, &error))?;
    Ok(SourceText::new(name.to_string(), text).typed())
}
