//! `shipwright lock`: writes what references to the world outside mean, renews it, and says what moved.

mod find;
mod found;
mod progress;
pub(super) mod pull;
mod report;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::args::Settings;
use super::{output, planning};
use crate::config::lock::{self, Lock};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, nearest};
use crate::lang::reference::Reference;
use crate::paths;
use crate::planner::External;
use crate::planner::Options;
use crate::planner::compile::Compiled;
use crate::planner::workspace::{State, Workspace};
use crate::run::lock::{Entry, Question, Section};
use find::{Inquiry, Taken, find};
use found::{Found, Recipient};
use report::{Change, Changes, Kind, List};

#[derive(Debug, Args)]
pub(super) struct LockCommand {
    /// Update all entries, or those of the given references (globs are allowed)
    #[arg(long, value_name = "REF", num_args = 0..)]
    update: Option<Vec<String>>,
    /// Write nothing; show which references have moved, and which images an update would rebuild
    #[arg(long, conflicts_with_all = ["update", "list"])]
    outdated: bool,
    /// Show each reference with its entry and the lines that use it, without using the network
    #[arg(long, conflicts_with = "update")]
    list: bool,
    /// The output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Format,
    #[command(flatten)]
    pub(super) settings: Settings,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
    /// For a pull request
    Markdown,
}

impl LockCommand {
    /// Whether an entry is to be asked for anew.
    fn renews(&self, external: &External) -> bool {
        self.outdated
            || self
                .update
                .as_ref()
                .is_some_and(|named| named.is_empty() || self.names(external))
    }

    /// Whether `--update` names a reference.
    fn names(&self, external: &External) -> bool {
        let mut named = self.update.iter().flatten();
        named.any(|pattern| is_meant(pattern, &external.key))
    }
}

/// Runs the command. Exit status: 0 all is locked, or nothing moved; 1 some entries could not be
/// renewed, or something moved; 2 trouble.
pub(super) fn run(directory: &Path, command: &LockCommand) -> Result<ExitCode, Diagnostics> {
    let workspace = planning::open(directory, None)?;
    let file = file(&workspace)?;
    let old = read(&file)?;
    let options = planning::options_of(directory, &command.settings)?;
    let session = Session {
        workspace: &workspace,
        options,
        command,
    };
    if command.list {
        let compiled = session.compiled(&old.clone().unwrap_or_default())?;
        let list = List::new(&compiled.externals, &old.unwrap_or_default());
        output::write_text(&list.render(command.format), None)?;
        return Ok(ExitCode::SUCCESS);
    }
    if command.outdated && old.is_none() {
        let message = format!("there is no `{}`", lock::PATH);
        return Err(Diagnostic::new(Code::LockMissing, message)
            .help("`shipwright lock` writes it")
            .into());
    }
    let old_lock = old.clone().unwrap_or_default();
    let found = find(&session, Recipient::Lock, &old_lock)?;
    let changes = session.changes(&old_lock, &found)?;
    let asked_in_vain = !found.problems.is_empty();
    output::write_text(&changes.render(command.format), None)?;
    output::report(directory, &found.problems);
    if command.outdated {
        return Ok(match (changes.something_moved(), asked_in_vain) {
            (true, _) => ExitCode::FAILURE,
            (false, true) => ExitCode::from(2),
            (false, false) => ExitCode::SUCCESS,
        });
    }
    if asked_in_vain && found.answered == 0 {
        output::eprint("nothing was written\n");
        return Ok(ExitCode::from(2));
    }
    if old.as_ref() != Some(&found.lock) {
        output::write(&found.lock.to_json(), Some(&file))?;
    }
    Ok(if asked_in_vain {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// The lock file of the working tree.
fn file(workspace: &Workspace) -> Result<PathBuf, Diagnostic> {
    let bare = || {
        let message = "a bare repository has no place for a lock file";
        Diagnostic::new(Code::NoWorkingTree, message).help("run `shipwright lock` in a clone")
    };
    if workspace.checkout().is_bare() {
        return Err(bare());
    }
    let tree = workspace.tree(None)?;
    let folder = workspace.checkout().folder(&tree).ok_or_else(bare)?;
    Ok(folder.join(lock::PATH))
}

fn read(file: &Path) -> Result<Option<Lock>, Diagnostics> {
    match std::fs::read(file) {
        Ok(bytes) => Ok(Some(Lock::parse(&String::from_utf8_lossy(&bytes))?.lock)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(output::unreadable(&file.display(), &error).into()),
    }
}

struct Session<'s> {
    workspace: &'s Workspace,
    options: Options,
    command: &'s LockCommand,
}

impl Session<'_> {
    /// The plan of the working tree, with these facts.
    fn compiled(&self, lock: &Lock) -> Result<Compiled, Diagnostics> {
        let options = Options {
            lock: Some(Arc::new(lock.clone())),
            ..self.options.clone()
        };
        let state = State::WorkingTree;
        let (compiled, _) = self.workspace.everything(&state, &options).into_result()?;
        Ok(compiled)
    }

    /// What differs between two states of the lock file, each with the images that follow.
    fn changes(&self, old: &Lock, found: &Found) -> Result<Changes, Diagnostics> {
        let mut changes = Changes {
            answered: found.answered,
            unanswered: found.unanswered,
            ..Changes::default()
        };
        let mut all = keys(old);
        all.extend(keys(&found.lock));
        all.extend(found.gone.iter().cloned());
        for (section, key) in all {
            let question = Question {
                section,
                key: key.clone(),
                platforms: BTreeSet::new(),
                any_platform: false,
                renew: false,
            };
            let (from, to) = (Entry::of(&question, old), Entry::of(&question, &found.lock));
            let kind = match (&from, &to) {
                _ if found.gone.contains(&(section, key.clone())) => Kind::Gone,
                (None, _) => Kind::Added,
                (_, None) => Kind::Dropped,
                (Some(from), Some(to)) if from.content() != to.content() => Kind::Moved,
                (from, to) if from != to => Kind::Changed,
                _ => continue,
            };
            changes
                .all
                .push(Change::new(key, kind, from.as_ref(), to.as_ref()));
        }
        let is_rebuilding = changes.all.iter().any(Change::may_rebuild);
        if is_rebuilding && !old.is_empty() {
            let (before, after) = (self.compiled(old)?, self.compiled(&found.lock)?);
            changes.follow(&before, &after);
        }
        Ok(changes)
    }
}

impl Inquiry for Session<'_> {
    fn taken(&self, lock: &Lock) -> Result<Taken, Diagnostics> {
        let Compiled {
            externals, mirror, ..
        } = self.compiled(lock)?;
        Ok(Taken { externals, mirror })
    }

    fn check(&self, externals: &[External]) -> Result<(), Diagnostics> {
        let mut problems = Diagnostics::new();
        for pattern in self.command.update.iter().flatten() {
            if externals
                .iter()
                .any(|external| is_meant(pattern, &external.key))
            {
                continue;
            }
            let problem = Diagnostic::new(
                Code::LockUnknown,
                format!("no image uses a reference that matches `{pattern}`"),
            );
            let keys = externals.iter().map(|external| external.key.as_str());
            problems.push(match nearest(pattern, keys) {
                Some(near) => problem.help(format!("did you mean `{near}`?")),
                None => problem.help("`shipwright lock --list` shows all references"),
            });
        }
        problems.fail_on_errors()
    }

    fn renews(&self, external: &External) -> bool {
        self.command.renews(external)
    }

    fn refused(&self, external: &External) -> Option<Diagnostic> {
        let is_refused = external.looks_ours && !self.command.names(external);
        is_refused.then(|| looks_ours(external))
    }
}

/// All entries.
fn keys(lock: &Lock) -> BTreeSet<(Section, String)> {
    let images = lock.images.keys().map(|key| (Section::Images, key));
    let downloads = lock.downloads.keys().map(|key| (Section::Downloads, key));
    let git = lock.git.keys().map(|key| (Section::Git, key));
    let all = images.chain(downloads).chain(git);
    all.map(|(section, key)| (section, key.clone())).collect()
}

fn looks_ours(external: &External) -> Diagnostic {
    let key = &external.key;
    let message = format!("`{key}` looks like an image of this repository, but none has this name");
    Diagnostic::new(Code::LockForeign, message).help(format!(
        "if it is an external image: `shipwright lock --update {key}`"
    ))
}

/// Whether what was typed means a reference: its full or short name, or a pattern of them.
fn is_meant(pattern: &str, key: &str) -> bool {
    let full = Reference::parse(pattern).map(|reference| reference.with_default_tag().to_string());
    if pattern == key || full.is_ok_and(|full| full == key) {
        return true;
    }
    let Ok(glob) = paths::glob(pattern).map(|glob| glob.compile_matcher()) else {
        return false;
    };
    let short = Reference::parse(key).map(|reference| reference.familiar());
    glob.is_match(key) || short.is_ok_and(|short| glob.is_match(short))
}
