//! `shipwright emit`: the plan compiled for a runner.

use std::path::{Path, PathBuf};

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory};

use super::args::{Arguments, Output, Planning, Stored};
use super::{output, planning, stored};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, SourceText};
use crate::planner::Sends;
use crate::run::emit::{Format, emit, emit_template};

/// What is typed after `shipwright emit`.
#[derive(Debug, Args)]
#[command(
    override_usage = "shipwright emit [OPTIONS] <FORMAT> [IMAGE]...\n       \
        shipwright emit [OPTIONS] --template <FILE> [IMAGE]...",
    after_help = "Examples:\n  \
        shipwright emit make -o build.mk && make -j4 -f build.mk\n  \
        shipwright emit sh > build.sh && sh build.sh service1\n  \
        shipwright emit bake > docker-bake.hcl && docker buildx bake\n  \
        shipwright emit github >> \"$GITHUB_OUTPUT\"  the jobs of each wave\n  \
        shipwright emit --template list.md.j2       a template of your own\n  \
        shipwright emit make --plan plan.json       a stored plan"
)]
pub(super) struct Emit {
    /// What to write; not with --template
    #[arg(
        value_name = "FORMAT",
        required_unless_present = "template",
        value_parser = FormatOrImage
    )]
    first: Option<String>,
    /// Render a minijinja template with the plan as its data
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,
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
    Template(PathBuf),
}

impl What {
    /// What is sent by what is written. The jobs of a workflow run `shipwright exec`.
    fn sends(&self) -> Sends {
        match self {
            Self::Format(Format::Make | Format::Sh | Format::Bake) => Sends::Folders,
            Self::Format(Format::Github) | Self::Template(_) => Sends::Sealed,
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
                let message = format!("`--plan` leaves no choice of images such as `{image}`");
                return Err(misused(ErrorKind::ArgumentConflict, message));
            }
            self.planning.selection.images.extend(first);
            return Ok(What::Template(template));
        }
        let format = first.unwrap_or_default().parse();
        format
            .map(What::Format)
            .map_err(|unknown| misused(ErrorKind::InvalidValue, unknown))
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
    let plan = stored::or_made(directory, &arguments.stored, || {
        planning::make(
            directory,
            &arguments.planning,
            file.as_deref(),
            what.sends(),
        )
    })?;
    let text = match what {
        What::Format(format) => emit(&plan, *format)?,
        What::Template(file) => emit_template(&plan, &read(directory, file)?)?,
    };
    Ok(output::write(&text, file.as_deref())?)
}

/// The template, under the name that was typed: it says the language of the template.
fn read(directory: &Path, file: &Path) -> Result<SourceText, Diagnostic> {
    let name = file.display();
    let text = std::fs::read_to_string(directory.join(file)).map_err(|error| {
        Diagnostic::new(
            Code::Unreadable,
            format!("`{name}` cannot be read: {error}"),
        )
    })?;
    Ok(SourceText::new(name.to_string(), text))
}
