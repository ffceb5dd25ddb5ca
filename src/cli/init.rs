//! `shipwright init`: a starting configuration, written where there is none.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::args::pair;
use super::{output, planning};
use crate::config::{self, Config};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, counted};
use crate::init::{self, Evidence, Request, Start};
use crate::planner::discover::Discovery;
use crate::run::evaluate;
use crate::tree::snapshot::Snapshot;
use crate::tree::source::{Checkout, Tree};

/// What is read, and where the file goes.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// Bake and Compose files to read instead of those at the root
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Read a commit instead of the working tree
    #[arg(long, value_name = "REV")]
    rev: Option<String>,
    /// First part of default names; default: found in the checkout
    #[arg(long, value_name = "NS")]
    namespace: Option<String>,
    /// Value for a build argument that Dockerfiles need and have no default for; repeatable
    #[arg(long = "build-arg", value_name = "K=V", value_parser = pair)]
    build_args: Vec<(String, String)>,
    /// Write nothing: report differences between bake files, Compose files, Dockerfiles and the configuration, and exit
    /// with 1 if there are any
    #[arg(long, conflicts_with = "output")]
    pub(super) check: bool,
    /// Write to FILE; `-` is standard output
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    output: Option<PathBuf>,
}

/// How many lines of what was taken are shown.
const SHOWN: usize = 20;

/// Writes the configuration, and says on standard error what it is made of.
pub(super) fn run(directory: &Path, arguments: &Init) -> Result<ExitCode, Diagnostics> {
    if arguments.check {
        return check(directory, arguments);
    }
    let workspace = planning::open(directory, None)?;
    let checkout = workspace.checkout();
    let to_stdout = arguments.output.as_deref() == Some(Path::new("-"));
    let tree = workspace.tree(arguments.rev.as_deref())?;
    let folder = checkout.folder(&tree);
    let file = match &arguments.output {
        _ if to_stdout => None,
        Some(file) => Some(directory.join(file)),
        None => Some(default_file(folder.as_deref())?),
    };
    if let Some(file) = file
        .as_deref()
        .filter(|file| file.symlink_metadata().is_ok())
    {
        return Err(exists(file).into());
    }
    let request = Request {
        files: files(directory, folder.as_deref(), &arguments.files),
        namespace: arguments.namespace.clone(),
        build_args: arguments.build_args.iter().cloned().collect(),
        project: project(checkout),
    };
    let start = find(&tree, &request)?;
    if start.is_needed || to_stdout {
        match &file {
            Some(file) => output::create(&start.config, file)
                .map_err(|error| error.unwrap_or_else(|| exists(file)))?,
            None => output::write(&start.config, None)?,
        }
    }
    output::report(directory, &start.left_out);
    let ignored = arguments.output.is_none() && checkout.ignores(config::PATH);
    let summary = summary(&start, file.as_deref());
    output::eprint(&(summary + &next_step(&start, file.as_deref(), ignored)));
    Ok(ExitCode::SUCCESS)
}

/// Compares the evidence with the configuration.
fn check(directory: &Path, arguments: &Init) -> Result<ExitCode, Diagnostics> {
    let workspace = planning::open(directory, None)?;
    let checkout = workspace.checkout();
    let tree = workspace.tree(arguments.rev.as_deref())?;
    let folder = checkout.folder(&tree);
    let request = Request {
        files: files(directory, folder.as_deref(), &arguments.files),
        namespace: arguments.namespace.clone(),
        build_args: arguments.build_args.iter().cloned().collect(),
        project: project(checkout),
    };
    let text = tree.snapshot(&|_| true, &|path| path == config::PATH)?;
    let config = match text.text(config::PATH) {
        Some(text) => Config::parse(&String::from_utf8_lossy(text))?,
        None => Config::default(),
    };
    let (snapshot, evidence) = read(&tree, &request, &config)?;
    let drift = init::drift(&snapshot, &request, &evidence, &config)?;
    output::report(directory, &drift.differences);
    if !drift.differences.is_empty() {
        return Ok(ExitCode::FAILURE);
    }
    output::eprint(&format!(
        "the configuration agrees with the checkout: {}\n",
        counted(drift.images, "image", "images")
    ));
    Ok(ExitCode::SUCCESS)
}

/// The file at the root of the plan; a bare repository has no place for it.
fn default_file(root: Option<&Path>) -> Result<PathBuf, Diagnostic> {
    let file = root.map(|root| root.join(config::PATH));
    file.ok_or_else(|| {
        Diagnostic::new(
            Code::NoWorkingTree,
            "a bare repository has no working tree for a configuration",
        )
        .help("print it with `shipwright init -o -`, and commit it in a clone")
    })
}

fn exists(file: &Path) -> Diagnostic {
    Diagnostic::new(
        Code::ConfigExists,
        format!("`{}` exists and is not overwritten", file.display()),
    )
    .help("to print the configuration instead: `shipwright init -o -`")
    .help("to start again, remove or rename it first")
}

/// Paths as they were typed, from the root of the plan.
fn files(directory: &Path, root: Option<&Path>, typed: &[PathBuf]) -> Vec<String> {
    let root = root.and_then(|root| root.canonicalize().ok());
    let from_root = |file: &PathBuf| {
        let found = directory.join(file).canonicalize().ok();
        let below = found.as_ref().zip(root.as_ref());
        let below = below.and_then(|(found, root)| found.strip_prefix(root).ok());
        below.unwrap_or(file).to_string_lossy().into_owned()
    };
    typed.iter().map(from_root).collect()
}

/// What the repository is called: at its origin, else its folder.
fn project(checkout: &Checkout) -> String {
    let of_path = |path: &str| {
        let path = path
            .trim_end_matches('/')
            .trim_end_matches(".git")
            .trim_end_matches('/');
        path.rsplit(['/', ':'])
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    if let Some(origin) = checkout.origin() {
        return of_path(&origin);
    }
    let top = checkout.top().and_then(|top| top.canonicalize().ok());
    top.map(|top| of_path(&top.to_string_lossy()))
        .unwrap_or_default()
}

/// How often files lead to others that are read too.
const ROUNDS: usize = 4;

/// Reads what is evidence and the files that it names, lets the tools evaluate it, then reads the
/// Dockerfiles that it builds.
fn find(tree: &Tree<'_>, request: &Request) -> Result<Start, Diagnostics> {
    let (snapshot, evidence) = read(tree, request, &Config::default())?;
    init::init(&snapshot, request, &evidence)
}

/// Reads the evidence, the Dockerfiles that are found without a configuration and those that it names.
fn read(
    tree: &Tree<'_>,
    request: &Request,
    config: &Config,
) -> Result<(Snapshot, Evidence), Diagnostics> {
    let default = Config::default();
    let discoveries = [Discovery::new(&default), Discovery::new(config)];
    let usual = |path: &str| {
        discoveries.iter().any(|discovery| discovery.is_read(path))
            || init::is_evidence(path, request)
    };
    let mut further: BTreeSet<String> = BTreeSet::new();
    let mut snapshot = tree.snapshot(&|_| true, &usual)?;
    for _ in 0..ROUNDS {
        let named = init::named_files(&snapshot, request);
        if named.is_empty() {
            break;
        }
        further.extend(named);
        snapshot = tree.snapshot(&|_| true, &|path| usual(path) || further.contains(path))?;
    }
    let evidence = init::evidence(&snapshot, request, &mut |question| evaluate::ask(question));
    let built = evidence.dockerfiles();
    if !built.iter().all(|path| snapshot.texts.contains_key(path)) {
        further.extend(built);
        snapshot = tree.snapshot(&|_| true, &|path| usual(path) || further.contains(path))?;
    }
    Ok((snapshot, evidence))
}

/// What to do now. A file that git `ignored` is in no commit by itself.
fn next_step(start: &Start, file: Option<&Path>, ignored: bool) -> String {
    let step = match file {
        Some(_) if start.is_needed && ignored => {
            let path = config::PATH;
            format!("`git add --force {path}`, since git ignores the file, then `shipwright list`")
        }
        Some(_) if start.is_needed => "`shipwright list`, then commit the file".to_owned(),
        _ => "`shipwright list`".to_owned(),
    };
    format!("next: {step}\n")
}

/// What was written, and what it is made of.
fn summary(start: &Start, file: Option<&Path>) -> String {
    let mut images = counted(start.images, "image", "images");
    if start.images > 1 {
        let between = counted(start.dependencies, "dependency", "dependencies");
        images = format!("{images}, {between} between them");
    }
    let mut text = match file {
        Some(_) if !start.is_needed => {
            format!(
                "{images}; no configuration is needed, since folders name them all; nothing was written\n"
            )
        }
        Some(file) => format!("wrote {}: {images}\n", file.display()),
        None => format!("{images}\n"),
    };
    let shown = if output::is_verbose() {
        usize::MAX
    } else {
        SHOWN
    };
    for line in start.taken.iter().take(shown) {
        text.extend(["  ", line, "\n"]);
    }
    let more = start.taken.len().saturating_sub(shown);
    if more > 0 {
        text = format!("{text}  and {more} more; `-v` shows each\n");
    }
    text
}
