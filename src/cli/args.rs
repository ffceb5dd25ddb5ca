//! The command line as clap reads it; [`super`] turns it into validated options.

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCompleter;

use super::complete::{codes, images, revisions};
use crate::diagnostics::Code;
use crate::lang::platform::Platform;
use crate::lang::tags;
use crate::planner::selection::Selection;

/// Compile a git checkout full of Dockerfiles to a deterministic build plan.
#[derive(Debug, Parser)]
#[command(
    name = "shipwright",
    version = env!("SHIPWRIGHT_VERSION"),
    max_term_width = 100,
    after_help = "Examples:\n  \
        shipwright list                             the images of this checkout\n  \
        shipwright plan > plan.json                 the plan, for review\n  \
        shipwright emit make > Makefile.shipwright  runs without shipwright\n  \
        shipwright exec -j4                         build and tag everything"
)]
pub(super) struct Arguments {
    /// Change to DIR first
    #[arg(short = 'C', value_name = "DIR", global = true)]
    pub(super) directory: Option<PathBuf>,

    /// Show every diagnostic instead of one per cause
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub(super) verbose: bool,

    /// Show no progress, notes or counts
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,

    /// When to use colours; `auto` respects `NO_COLOR`, `FORCE_COLOR` and `TERM`
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true
    )]
    pub(super) color: Color,

    #[command(subcommand)]
    pub(super) command: Command,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal that can show them
    Auto,
    /// Everywhere
    Always,
    /// Nowhere
    Never,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show what will be built and why, or print the plan as JSON
    #[command(
        after_help = "On a terminal, a summary is printed. In a pipe or a file, the plan is printed as JSON.\n\n\
        Examples:\n  \
        shipwright plan --since main...             what this branch rebuilds, and why\n  \
        shipwright plan > plan.json\n  \
        shipwright plan --rev v1.2 service1         a commit; an image and its bases\n  \
        shipwright plan --dirty                     the working tree as it is"
    )]
    Plan(super::plan::Plan),
    /// Print the plan as a Makefile, a shell script, a bake file, or a format of your own
    Emit(super::emit::Emit),
    /// Build and tag the images with Docker
    #[command(
        visible_alias = "build",
        after_help = "Examples:\n  \
        shipwright exec                             everything that does not exist yet\n  \
        shipwright exec service1                    one image and its dependencies\n  \
        shipwright exec --pull                      on the newest external base images\n  \
        shipwright exec --plan plan.json -j2        a stored plan"
    )]
    Exec {
        #[command(flatten)]
        planning: Planning,
        #[command(flatten)]
        stored: Stored,
        #[command(flatten)]
        run: super::exec::Run,
    },
    /// Show the images as a table
    #[command(after_help = "Examples:\n  \
        shipwright list\n  \
        shipwright list --format json | jq -r '.images[].name'\n  \
        shipwright list --refs | xargs -n1 docker image inspect")]
    List {
        #[command(flatten)]
        planning: Planning,
        #[command(flatten)]
        stored: Stored,
        /// Output format
        #[arg(long, value_name = "FORMAT", default_value = "table")]
        format: super::list::Format,
        /// Print only references, one per line: content references and tags
        #[arg(long, conflicts_with = "format")]
        refs: bool,
    },
    /// Explain why images are rebuilt or not, from the first cause to the image
    #[command(after_help = "Examples:\n  \
        shipwright why service1                     what the working tree changes\n  \
        shipwright why service1 --since v1.2\n  \
        shipwright why service1 --since main...     since this branch left main")]
    Why {
        #[command(flatten)]
        planning: Planning,
    },
    /// Show the differences between two revisions or plans, grouped by first cause
    #[command(after_help = "Examples:\n  \
        shipwright diff                             what the working tree changes\n  \
        shipwright diff v1.2                        from v1.2 to HEAD\n  \
        shipwright diff main...my-branch            what a pull request changes\n  \
        shipwright diff old.json new.json           two stored plans")]
    Diff(super::diff::Diffing),
    /// List the input files of images: mode, blob, path
    Inputs(super::inputs::Inputs),
    /// Draw the dependencies between images
    Graph(super::graph::Graph),
    /// Report problems only; for pre-commit hooks and CI
    #[command(after_help = "Examples:\n  \
        shipwright check\n  \
        shipwright check --strict                   warnings fail too\n  \
        shipwright check --format sarif -o shipwright.sarif")]
    Check(super::check::Check),
    /// Write a first .shipwright.json from bake files, Compose files and Dockerfiles
    #[command(
        after_help = "It is made from docker-bake.hcl, docker-bake.json and compose.yaml (docker-compose.yml) at the root, \
        as `docker buildx bake --print` and `docker compose config` evaluate them, and from the references in Dockerfiles.\n\n\
        Examples:\n  \
        shipwright init\n  \
        shipwright init -o -                        print it instead of writing it\n  \
        shipwright init deploy/compose.yaml         from another file\n  \
        shipwright init --check                     for CI: does it still agree?"
    )]
    Init(super::init::Init),
    /// List the content references of the plan that exist, one per line
    #[command(after_help = "Examples:\n  \
        shipwright built > built.txt && shipwright plan --built built.txt\n  \
        shipwright built --local                    in the engine, not in registries")]
    Built {
        #[command(flatten)]
        planning: Planning,
        #[command(flatten)]
        stored: Stored,
        /// Ask the engine instead of the registries
        #[arg(long)]
        local: bool,
    },
    /// Write a report for an issue: version, diagnostics, and the Dockerfiles with neutral names
    BugReport(super::bug_report::BugReport),
    /// Explain a diagnostic and how to fix it
    #[command(after_help = "Example:\n  \
        shipwright explain duplicate-name")]
    Explain {
        /// The code, as printed in brackets
        #[arg(value_parser = super::explain::code, add = ArgValueCompleter::new(codes))]
        code: Code,
    },
    /// Print the JSON Schema of the configuration, the plan, the lock file or the report
    #[command(after_help = "Examples:\n  \
        shipwright schema --config > .shipwright.schema.json\n  \
        shipwright schema --plan")]
    Schema(super::schema::Schema),
    /// Print a completion script for a shell
    #[command(after_help = "Examples:\n  \
        shipwright completions bash > ~/.local/share/bash-completion/completions/shipwright\n  \
        shipwright completions zsh > ~/.zfunc/_shipwright\n  \
        shipwright completions fish > ~/.config/fish/completions/shipwright.fish")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write one per command
    #[command(after_help = "Examples:\n  \
        shipwright man | man -l -\n  \
        shipwright man --folder ~/.local/share/man/man1")]
    Man {
        /// Write a page per command to DIR
        #[arg(long, value_name = "DIR")]
        folder: Option<PathBuf>,
    },
    /// Copy what is built to other repositories, with the same digests
    #[command(
        after_help = "Builds nothing, and needs no Docker engine. With the --rev of an earlier release, rolls back to it.\n\n\
        Examples:\n  \
        shipwright promote --to 'registry.example.com/prod/{{ short }}'\n  \
        shipwright promote web --to 'prod/{{ name }}' --report report.json\n  \
        shipwright promote --rev v1 --tag prod --no-default-tags --to 'eu/{{ name }}'"
    )]
    Promote(super::promote::Promote),
    /// Lock external sources: base images by digest, downloads by checksum, git by commit
    #[command(after_help = "Examples:\n  \
        shipwright lock                             add missing, remove unused entries\n  \
        shipwright lock --update                    update all entries\n  \
        shipwright lock --update 'debian:*'         update some entries\n  \
        shipwright lock --outdated                  what moved, and what that rebuilds")]
    Lock(super::lock::LockCommand),
    /// List local images that are no longer needed; remove them with --yes
    #[command(
        after_help = "Images of the working tree, of HEAD, and of every local branch and tag are kept.\n\n\
        Examples:\n  \
        shipwright prune --older-than 14d           what would be removed\n  \
        shipwright prune --keep origin/main --yes"
    )]
    Prune(super::prune::Pruning),
    /// Print a Dockerfile as JSON, for tools
    #[command(hide = true)]
    Parse(super::parse::Parse),
}

impl Command {
    /// The exit status where the command cannot do what it is for.
    pub(super) fn trouble(&self) -> u8 {
        match self {
            Self::Diff(diffing) if diffing.exit_code => 2,
            Self::Init(init) if init.check => 2,
            Self::Lock(_) => 2,
            _ => 1,
        }
    }
}

/// How a plan is made, the same wherever one is.
#[derive(Debug, Args)]
#[command(next_help_heading = "Planning")]
pub(super) struct Planning {
    /// Plan a commit instead of HEAD, without checking it out
    #[arg(long, value_name = "REV", conflicts_with = "dirty", add = ArgValueCompleter::new(revisions))]
    pub(super) rev: Option<String>,
    /// Plan the working tree as it is, including untracked files
    #[arg(long)]
    pub(super) dirty: bool,
    /// The branch to make tags from, if HEAD is detached
    #[arg(long, value_name = "B")]
    pub(super) branch: Option<String>,
    /// Add a tag to every image
    #[arg(long = "tag", value_name = "TAG", value_parser = tag)]
    pub(super) tags: Vec<String>,
    /// Do not add the tags of the branch and the revision
    #[arg(long)]
    pub(super) no_default_tags: bool,
    /// Build only images that differ from a commit; `A...` is the merge base with A
    #[arg(long, value_name = "REV", add = ArgValueCompleter::new(revisions))]
    pub(super) since: Option<String>,
    /// Skip images whose content reference is in FILE (one per line)
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
    /// Read the configuration from FILE instead of the planned tree; images that it changes count as
    /// uncommitted
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Set a build argument for every image that declares it
    #[arg(long = "build-arg", value_name = "K=V", value_parser = pair)]
    pub(super) build_args: Vec<(String, String)>,
    /// Pass a build argument that does not affect fingerprints
    #[arg(long = "stamp", value_name = "K=V", value_parser = pair)]
    pub(super) stamp_args: Vec<(String, String)>,
    /// Build for a platform, such as linux/arm64
    #[arg(long = "platform", value_name = "P", value_delimiter = ',', value_parser = Platform::parse)]
    pub(super) platforms: Vec<Platform>,
    /// Add a text to every fingerprint; change it to force a rebuild
    #[arg(long, value_name = "TEXT")]
    pub(super) epoch: Option<String>,
    /// First part of default names; overrides `SW_NAMESPACE` and the configuration
    #[arg(long, value_name = "NS")]
    pub(super) namespace: Option<String>,
    /// Where images are stored, such as `registry.example.com/{{ name }}`; overrides the configuration
    #[arg(long, value_name = "TEMPLATE")]
    pub(super) repository: Option<String>,
}

/// Which images.
#[derive(Debug, Args)]
#[command(next_help_heading = "Selection")]
pub(super) struct Selecting {
    /// Images and all their dependencies: full names, short names, globs, content references, or paths of
    /// Dockerfiles and of their folders
    #[arg(value_name = "IMAGE", add = ArgValueCompleter::new(images))]
    pub(super) images: Vec<String>,
    /// An image and all its dependencies
    #[arg(short, long, value_name = "IMAGE", add = ArgValueCompleter::new(images))]
    pub(super) upto: Vec<String>,
    /// An image, all images that depend on it, and all their dependencies
    #[arg(short, long, value_name = "IMAGE", add = ArgValueCompleter::new(images))]
    pub(super) dependents: Vec<String>,
    /// Only this image
    #[arg(short, long, value_name = "IMAGE", add = ArgValueCompleter::new(images))]
    pub(super) exact: Vec<String>,
    /// All images except this one and those that depend on it
    #[arg(short = 'x', long, value_name = "IMAGE", add = ArgValueCompleter::new(images))]
    pub(super) exclude: Vec<String>,
}

impl Selecting {
    /// The images that are selected, with paths as they were typed.
    pub(super) fn selection(&self) -> Selection {
        Selection {
            upto: [&self.images[..], &self.upto].concat(),
            dependents: self.dependents.clone(),
            exact: self.exact.clone(),
            exclude: self.exclude.clone(),
            from: String::new(),
        }
    }
}

/// A plan made before.
#[derive(Debug, Args)]
#[command(next_help_heading = "Planning")]
pub(super) struct Stored {
    /// Use a stored plan instead of making one; `-` is standard input
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["config", "rev", "dirty", "since", "built", "branch", "tags", "no_default_tags", "build_args",
            "stamp_args", "repository", "platforms", "epoch", "namespace", "images", "upto", "dependents", "exact", "exclude"]
    )]
    pub(super) plan: Option<PathBuf>,
}

/// Where data goes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct Output {
    /// Write to FILE instead of standard output, whole or not at all
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

/// `NAME=VALUE`. The environment gives no values, so that a plan does not depend on it.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE; values are not taken from the environment".to_owned()),
    }
}

/// A tag that people may give.
fn tag(text: &str) -> Result<String, String> {
    if !tags::is_legal(text) {
        return Err(
            "a tag has 1 to 128 characters of `A-Z a-z 0-9 _ . -`, and does not begin with `.` or `-`"
                .to_owned(),
        );
    }
    if tags::is_content_tag(text) {
        return Err(
            "`sw-` followed by hexadecimal digits is reserved for content references".to_owned(),
        );
    }
    Ok(text.to_owned())
}
