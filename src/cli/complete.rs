//! Completion of command lines in shells: the shell asks this program, which knows the images and the
//! revisions of the checkout.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::CompleteEnv;
use clap_complete::engine::{self, CompletionCandidate};
use clap_complete::env::Shells;

use super::args::Arguments;
use super::output;
use crate::diagnostics::{Code, Diagnostic};
use crate::planner::names::short;
use crate::planner::{Purpose, Request, Workspace};
use crate::tree::source::Checkout;

/// The variable by which a shell's script asks.
const ASKED: &str = "SHIPWRIGHT_COMPLETE";

/// How a shell that loads functions by name calls the function of this file.
const ZSH_AUTOLOAD: &str = r#"
if [ "${funcstack[1]-}" = "_shipwright" ]; then
    _clap_dynamic_completer_shipwright "$@"
fi
"#;

/// Answers a shell, where one asks.
pub(super) fn answered(typed: &[OsString]) -> Option<ExitCode> {
    std::env::var_os(ASKED)?;
    let here = std::env::current_dir().ok();
    let completer = CompleteEnv::with_factory(Arguments::command).var(ASKED);
    match completer.try_complete(typed, here.as_deref()) {
        Ok(true) => Some(ExitCode::SUCCESS),
        Ok(false) => None,
        Err(error) => Some(super::misused(&error)),
    }
}

/// Prints the script by which a shell asks.
pub(super) fn script(shell: clap_complete::Shell) -> Result<(), Diagnostic> {
    let name = shell.to_string();
    let mut script = Vec::new();
    if let Some(shell) = Shells::builtins().completer(&name) {
        // Writing to memory does not fail.
        let _ =
            shell.write_registration(ASKED, "shipwright", "shipwright", "shipwright", &mut script);
    }
    let mut script = String::from_utf8_lossy(&script).into_owned();
    if name == "zsh" {
        script.push_str(ZSH_AUTOLOAD);
    }
    output::write(&script, None)
}

/// What the last of some words may become, each with what it means.
pub(super) fn candidates(words: Vec<OsString>) -> Vec<(String, String)> {
    let last = words.len().saturating_sub(1);
    let here = std::env::current_dir().ok();
    let found = engine::complete(&mut Arguments::command(), words, last, here.as_deref());
    let found = found.unwrap_or_default().into_iter();
    let found = found.filter(|candidate| !candidate.is_hide_set());
    let told = found.map(|candidate| {
        let help = candidate.get_help().map(ToString::to_string);
        let value = candidate.get_value().to_string_lossy().into_owned();
        (value, help.unwrap_or_default())
    });
    told.collect()
}

/// Full names of images, or short ones where none begins so.
pub(super) fn images(current: &OsStr) -> Vec<CompletionCandidate> {
    let Ok(workspace) = Workspace::open(&directory()) else {
        return Vec::new();
    };
    let planned = workspace.plan(&Request::new(Purpose::Inspect)).value();
    let plan = planned.map(|planned| planned.plan);
    let names: Vec<String> = plan
        .into_iter()
        .flat_map(|plan| plan.images)
        .map(|image| image.name)
        .collect();
    let full = beginning(names.iter().map(String::as_str), current);
    if full.is_empty() {
        beginning(names.iter().map(|name| short(name)), current)
    } else {
        full
    }
}

/// `HEAD`, local branches and tags; also behind `...`.
pub(super) fn revisions(current: &OsStr) -> Vec<CompletionCandidate> {
    let checkout = Checkout::open(&directory());
    let names = checkout.and_then(|checkout| checkout.branches_and_tags());
    let names = names.unwrap_or_default();
    let names = names.iter().map(|name| {
        let name = name.strip_prefix("refs/heads/").unwrap_or(name);
        name.strip_prefix("refs/tags/").unwrap_or(name)
    });
    beginning(std::iter::once("HEAD").chain(names), current)
}

/// The builders that buildx keeps, without asking them anything.
pub(super) fn builders(current: &OsStr) -> Vec<CompletionCandidate> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let folder = set("BUILDX_CONFIG").map(PathBuf::from).or_else(|| {
        let docker = set("DOCKER_CONFIG").map(PathBuf::from);
        let docker = docker.or_else(|| Some(Path::new(&set("HOME")?).join(".docker")));
        Some(docker?.join("buildx"))
    });
    let entries = folder.and_then(|folder| std::fs::read_dir(folder.join("instances")).ok());
    let entries = entries.into_iter().flatten().filter_map(Result::ok);
    let names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    let names = names.iter().map(String::as_str);
    beginning(std::iter::once("default").chain(names), current)
}

/// The codes of diagnostics.
pub(super) fn codes(current: &OsStr) -> Vec<CompletionCandidate> {
    beginning(Code::ALL.iter().map(|code| code.as_str()), current)
}

/// Those that begin with what is typed, sorted, each once.
fn beginning<'a>(
    names: impl Iterator<Item = &'a str>,
    current: &OsStr,
) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    let found: BTreeSet<&str> = names.filter(|name| name.starts_with(&*current)).collect();
    found.into_iter().map(CompletionCandidate::new).collect()
}

/// The folder of `-C`, if one is typed.
fn directory() -> PathBuf {
    let typed: Vec<OsString> = std::env::args_os().collect();
    let mut pairs = typed.windows(2);
    let found = pairs.find_map(|pair| (pair[0] == "-C").then(|| PathBuf::from(&pair[1])));
    found.unwrap_or_default()
}
