//! The command line as clap reads it; [`super`] turns it into validated options.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::diagnostics::Code;
use crate::lang::platform::Platform;
use crate::lang::tags;
use crate::run::trust::Grant;

/// Compile a git checkout full of Dockerfiles to a deterministic build plan.
#[derive(Debug, Parser)]
#[command(
    name = "shipwright",
    version,
    max_term_width = 100,
    after_help = "Examples:\n  \
        shipwright list                             the images of this checkout\n  \
        shipwright plan > plan.json                 the plan, for review\n  \
        shipwright emit make > Makefile.shipwright  a Makefile that runs without shipwright\n  \
        shipwright exec -j4                         build and tag everything with Docker"
)]
pub(super) struct Arguments {
    /// Work as if started in DIR
    #[arg(short = 'C', value_name = "DIR", global = true)]
    pub(super) directory: Option<PathBuf>,

    /// Show every diagnostic, not one for each cause
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub(super) verbose: bool,

    /// Show no progress, no notes and no counts
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,

    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show what is to be built and why, or print the plan as JSON
    #[command(
        after_help = "On a terminal the plan is shown for reading; a pipe and a file get JSON.\n\n\
        Examples:\n  \
        shipwright plan --since main...             what this branch makes build, and why\n  \
        shipwright plan > plan.json\n  \
        shipwright plan --rev v1.2 service1         a commit, one image and what it needs\n  \
        shipwright plan --dirty                     the working tree as it is"
    )]
    Plan(super::plan::Plan),
    /// Print the plan compiled for a runner
    Emit(super::emit::Emit),
    /// Build and tag the images with Docker
    #[command(
        visible_alias = "build",
        after_help = "Examples:\n  \
        shipwright exec                             everything that is not built yet\n  \
        shipwright exec service1                    one image and what it needs\n  \
        shipwright exec --plan plan.json -j2        a stored plan"
    )]
    Exec {
        #[command(flatten)]
        planning: Planning,
        #[command(flatten)]
        stored: Stored,
        #[command(flatten)]
        run: Run,
    },
    /// Show the images as a table
    #[command(after_help = "Examples:\n  \
        shipwright list\n  \
        shipwright list --refs | xargs -n1 docker image inspect")]
    List {
        #[command(flatten)]
        planning: Planning,
        #[command(flatten)]
        stored: Stored,
        /// Print bare references, one a line: content references and tags
        #[arg(long)]
        refs: bool,
    },
    /// Tell why images are built again or not: from the first cause to the image
    #[command(after_help = "Examples:\n  \
        shipwright why service1                     what the working tree changes\n  \
        shipwright why service1 --since v1.2\n  \
        shipwright why service1 --since main...     since this branch left main")]
    Why {
        #[command(flatten)]
        planning: Planning,
    },
    /// Show what changes between two revisions or plans, grouped by first cause
    #[command(after_help = "Examples:\n  \
        shipwright diff                             what the working tree changes\n  \
        shipwright diff v1.2                        from v1.2 to HEAD\n  \
        shipwright diff main...my-branch            what a pull request changes\n  \
        shipwright diff old.json new.json           two stored plans")]
    Diff(Diffing),
    /// List the files that go into images: mode, blob, path
    Inputs(super::inputs::Inputs),
    /// Draw what the images take from each other
    Graph(super::graph::Graph),
    /// Report problems and print nothing else; for pre-commit hooks and CI
    Check {
        #[command(flatten)]
        planning: Planning,
    },
    /// Write a starting .shipwright.json from what the checkout shows
    #[command(
        after_help = "It is made of docker-bake.hcl, docker-bake.json, compose.yaml (docker-compose.yml) at the root \
        and of the references in Dockerfiles.\n\n\
        Examples:\n  \
        shipwright init\n  \
        shipwright init -o -                        show it, and write nothing\n  \
        shipwright init deploy/compose.yaml         from another file"
    )]
    Init(super::init::Init),
    /// Show which images of the plan exist: their content references, one a line
    #[command(after_help = "Examples:\n  \
        shipwright built > built.txt && shipwright plan --built built.txt\n  \
        shipwright built --local                    in the engine rather than in the registries")]
    Built {
        #[command(flatten)]
        planning: Planning,
        #[command(flatten)]
        stored: Stored,
        /// Ask the engine rather than the registries
        #[arg(long)]
        local: bool,
    },
    /// Tell what a diagnostic means and what to do
    #[command(after_help = "Example:\n  \
        shipwright explain duplicate-name")]
    Explain {
        /// The code, as it stands in brackets
        #[arg(value_parser = super::explain::code)]
        code: Code,
    },
    /// Print the JSON Schema of the configuration or of the plan
    #[command(after_help = "Examples:\n  \
        shipwright schema --config > .shipwright.schema.json\n  \
        shipwright schema --plan")]
    Schema(super::schema::Schema),
    /// Print a script that completes command lines in a shell
    #[command(after_help = "Examples:\n  \
        shipwright completions bash > ~/.local/share/bash-completion/completions/shipwright\n  \
        shipwright completions zsh > ~/.zfunc/_shipwright")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write one for each command
    #[command(after_help = "Examples:\n  \
        shipwright man | man -l -\n  \
        shipwright man --folder ~/.local/share/man/man1")]
    Man {
        /// Write a page for each command into DIR
        #[arg(long, value_name = "DIR")]
        folder: Option<PathBuf>,
    },
    /// Remove local images that no kept plan names; only prints them without --yes
    #[command(
        after_help = "Kept are the images of the working tree, of HEAD, and of every local branch and tag.\n\n\
        Examples:\n  \
        shipwright prune --older-than 14d           what would go\n  \
        shipwright prune --keep origin/main --yes"
    )]
    Prune(Pruning),
    /// Print a Dockerfile as JSON, for tools
    #[command(hide = true)]
    Parse(super::parse::Parse),
}

impl Command {
    /// Why an option that all plans have means nothing to this command; none where all that was typed has
    /// an effect.
    pub(super) fn without_effect(&self) -> Option<String> {
        let (command, planning, since) = match self {
            Self::Check { planning } => ("check", planning, planning.since.is_some()),
            Self::Built { planning, .. } => ("built", planning, planning.since.is_some()),
            Self::Inputs(inputs) => {
                let planning = inputs.planning();
                ("inputs", planning, planning.since.is_some())
            }
            Self::Why { planning } => ("why", planning, false),
            _ => return None,
        };
        let option = match (since, &planning.built) {
            (true, _) => "--since",
            (false, Some(_)) => "--built",
            (false, None) => return None,
        };
        Some(format!(
            "`{option}` changes nothing that `{command}` prints: try `plan`, `list` or `why`\n"
        ))
    }

    /// The exit status where the command cannot do what it is for.
    pub(super) fn trouble(&self) -> u8 {
        match self {
            Self::Diff(diffing) if diffing.exit_code => 2,
            _ => 1,
        }
    }
}

/// How a plan is made, the same wherever one is.
#[derive(Debug, Args)]
#[command(next_help_heading = "Planning")]
pub(super) struct Planning {
    /// Plan a commit, straight from the object database
    #[arg(long, value_name = "REV", conflicts_with = "dirty")]
    pub(super) rev: Option<String>,
    /// Plan the working tree as it is, untracked files and all
    #[arg(long)]
    pub(super) dirty: bool,
    /// The branch that tags are made from, where HEAD is detached
    #[arg(long, value_name = "B")]
    pub(super) branch: Option<String>,
    /// Add a tag to every image
    #[arg(long = "tag", value_name = "TAG", value_parser = tag)]
    pub(super) tags: Vec<String>,
    /// Leave out the tags of the branch and the revision
    #[arg(long)]
    pub(super) no_default_tags: bool,
    /// Build only what differs from a commit; `A...` means from the merge base with A
    #[arg(long, value_name = "REV")]
    pub(super) since: Option<String>,
    /// Build only what is not in FILE: content references that exist, one a line
    #[arg(long, value_name = "FILE")]
    pub(super) built: Option<PathBuf>,
    #[command(flatten)]
    pub(super) settings: Settings,
    #[command(flatten)]
    pub(super) selection: Selecting,
}

/// What images are built with, over what the configuration says.
#[derive(Debug, Args)]
#[command(next_help_heading = "Planning")]
pub(super) struct Settings {
    /// Set a build argument for every image that declares it
    #[arg(long = "build-arg", value_name = "K=V", value_parser = pair)]
    pub(super) build_args: Vec<(String, String)>,
    /// Give a build argument to the builds without counting it in fingerprints
    #[arg(long = "stamp", value_name = "K=V", value_parser = pair)]
    pub(super) stamp_args: Vec<(String, String)>,
    /// Build for a platform, like linux/arm64
    #[arg(long = "platform", value_name = "P", value_delimiter = ',', value_parser = Platform::parse)]
    pub(super) platforms: Vec<Platform>,
    /// Any text; part of every fingerprint, to rebuild what lies outside git
    #[arg(long, value_name = "TEXT")]
    pub(super) epoch: Option<String>,
    /// First part of default names; wins over `SW_NAMESPACE` and the configuration
    #[arg(long, value_name = "NS")]
    pub(super) namespace: Option<String>,
    /// Where images live, like `registry.example.com/{{ name }}`; wins over the configuration
    #[arg(long, value_name = "TEMPLATE")]
    pub(super) repository: Option<String>,
}

/// Which images.
#[derive(Debug, Args)]
#[command(next_help_heading = "Selection")]
pub(super) struct Selecting {
    /// Images, with all that they depend on: full names, short names or globs
    #[arg(value_name = "IMAGE")]
    pub(super) images: Vec<String>,
    /// An image and all that it depends on
    #[arg(short, long, value_name = "IMAGE")]
    pub(super) upto: Vec<String>,
    /// An image, all that depends on it, and all that those depend on
    #[arg(short, long, value_name = "IMAGE")]
    pub(super) dependents: Vec<String>,
    /// An image alone
    #[arg(short, long, value_name = "IMAGE")]
    pub(super) exact: Vec<String>,
    /// Everything but an image and its dependents
    #[arg(short = 'x', long, value_name = "IMAGE")]
    pub(super) exclude: Vec<String>,
}

/// A plan made before.
#[derive(Debug, Args)]
#[command(next_help_heading = "Planning")]
pub(super) struct Stored {
    /// Take a stored plan instead of making one; `-` is standard input
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["rev", "dirty", "since", "built", "branch", "tags", "no_default_tags", "build_args",
            "stamp_args", "repository", "platforms", "epoch", "namespace", "images", "upto", "dependents", "exact", "exclude"]
    )]
    pub(super) plan: Option<PathBuf>,
}

/// What is compared, and how that is shown.
#[derive(Debug, Args)]
pub(super) struct Diffing {
    /// A revision, the file of a plan, or A...B: from the merge base of A and B to B
    pub(super) a: Option<String>,
    /// A revision or the file of a plan; HEAD where not given
    pub(super) b: Option<String>,
    /// How to show it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: DiffFormat,
    /// Exit with 1 where anything changes, with 2 where that cannot be said
    #[arg(long)]
    pub(super) exit_code: bool,
    #[command(flatten)]
    pub(super) settings: Settings,
    #[command(flatten)]
    pub(super) output: Output,
}

/// How differences are shown.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum DiffFormat {
    /// For people
    Text,
    /// For programs
    Json,
    /// For a comment on a pull request
    Markdown,
}

/// Which local images go.
#[derive(Debug, Args)]
pub(super) struct Pruning {
    /// Keep the images of a revision too
    #[arg(long, value_name = "REV")]
    pub(super) keep: Vec<String>,
    /// Only images that were built longer ago: 30m, 12h, 14d, 2w
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub(super) older_than: Option<Duration>,
    /// Remove them
    #[arg(long)]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) settings: Settings,
}

/// Where data goes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct Output {
    /// Write to FILE, all of it or nothing, instead of standard output
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Stored {
    /// The file, from where the program was started: `-C` counts for it too.
    pub(super) fn file(&self, directory: &Path) -> Option<PathBuf> {
        let file = self.plan.as_ref()?;
        let is_stdin = file.as_os_str() == "-";
        Some(if is_stdin {
            file.clone()
        } else {
            directory.join(file)
        })
    }
}

impl Output {
    /// The file, from where the program was started: `-C` counts for it too.
    pub(super) fn file(&self, directory: &Path) -> Option<PathBuf> {
        self.file.as_ref().map(|file| directory.join(file))
    }
}

/// How a plan is run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Running")]
#[expect(
    clippy::struct_excessive_bools,
    clippy::struct_field_names,
    reason = "each is a flag of the command line"
)]
pub(super) struct Run {
    /// Builds at a time; the number of processors, at most 4, where not given
    #[arg(short, long, value_name = "N")]
    pub(super) jobs: Option<std::num::NonZeroUsize>,
    /// After a failure, go on with what does not need the failed image
    #[arg(short, long)]
    pub(super) keep_going: bool,
    /// Say what would be done, and do nothing
    #[arg(short = 'n', long)]
    pub(super) dry_run: bool,
    /// Leave the readable tags where they are
    #[arg(long)]
    pub(super) no_tags: bool,
    /// Only move the readable tags; an image that does not exist is an error
    #[arg(long, conflicts_with = "no_tags")]
    pub(super) no_build: bool,
    /// Push content references as they are built, and the readable tags at the end
    #[arg(long)]
    pub(super) push: bool,
    /// Push images that differ from the commit too
    #[arg(long)]
    pub(super) push_dirty: bool,
    /// Fetch an image that the engine lacks from its registry rather than build it; where nothing is
    /// said, if its repository names the registry's host
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub(super) from_registry: Option<bool>,
    /// Build with another builder of buildx, which takes from registries what builds need; `BUILDX_BUILDER`
    /// where not given, else the engine itself
    #[arg(long, value_name = "NAME")]
    pub(super) builder: Option<String>,
    /// Let images reach beyond the checkout: fs=PATH (a file or a folder), network.host, security.insecure
    /// or ssh; `SHIPWRIGHT_ALLOW` too, with commas between
    #[arg(long, value_name = "WHAT")]
    pub(super) allow: Vec<Grant>,
    /// Build from the folders of the working tree rather than from exactly the planned files
    #[arg(long)]
    pub(super) unsealed: bool,
    /// Write what was done as JSON to FILE
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<std::path::PathBuf>,
    /// Keep each image's log in DIR
    #[arg(long, value_name = "DIR")]
    pub(super) logs: Option<std::path::PathBuf>,
}

/// `NAME=VALUE`. The environment gives no values, so that a plan does not depend on it.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE; values are not taken from the environment".to_owned()),
    }
}

/// A number of minutes, hours, days or weeks.
fn age(text: &str) -> Result<Duration, String> {
    let seconds = match text.chars().last() {
        Some('m') => 60,
        Some('h') => 60 * 60,
        Some('d') => 24 * 60 * 60,
        Some('w') => 7 * 24 * 60 * 60,
        _ => 0,
    };
    let number: Option<u64> = text
        .get(..text.len().saturating_sub(1))
        .and_then(|n| n.parse().ok());
    match number.and_then(|number| number.checked_mul(seconds)) {
        Some(age) if seconds > 0 => Ok(Duration::from_secs(age)),
        _ => Err("write a number and `m`, `h`, `d` or `w`, like 14d".to_owned()),
    }
}

/// A tag that people may give.
fn tag(text: &str) -> Result<String, String> {
    if !tags::is_legal(text) {
        return Err(
            "a tag has 1 to 128 of `A-Z a-z 0-9 _ . -`, and begins with none of `.` and `-`"
                .to_owned(),
        );
    }
    if tags::is_content_tag(text) {
        return Err("`sw-` and hexadecimal digits are kept for content references".to_owned());
    }
    Ok(text.to_owned())
}
