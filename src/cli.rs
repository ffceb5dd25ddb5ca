//! The command line: arguments in, exit status out, the phases wired in between.
#![allow(
    clippy::disallowed_methods,
    reason = "this module reads arguments and environment, and writes output"
)]

mod allow;
mod args;
mod bug_report;
mod build_files;
mod built;
mod check;
mod ci_branch;
mod complete;
mod diff;
mod emit;
mod exec;
mod explain;
mod graph;
mod init;
mod inputs;
mod list;
mod lock;
mod manual;
mod output;
mod parse;
mod plan;
mod planning;
mod plugin;
mod promote;
mod prune;
#[cfg(test)]
mod reference;
mod schema;
mod screen;
mod sealed_bake;
mod stored;
mod why;
mod without_effect;
mod words;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use crate::diagnostics::{Diagnostics, escape};
use args::{Arguments, Command};

/// Runs a command line, the program's name first. Exit status: 0 done; 1 the plan cannot be made,
/// a check failed or a build failed; 2 wrong usage, and trouble of a command whose 1 is an answer.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let typed: Vec<OsString> = arguments.into_iter().collect();
    if let Some(answered) = complete::answered(&typed).or_else(|| plugin::answered(&typed)) {
        return answered;
    }
    let is_typed = |word: &str| typed.iter().any(|typed| typed == word);
    let by_other_name = is_typed("build") && !is_typed("exec");
    let arguments = match Arguments::try_parse_from(&typed) {
        Ok(arguments) => arguments,
        Err(mut error) => {
            words::tip(&mut error);
            return misused(&error);
        }
    };
    screen::set_colour(arguments.color);
    output::set_verbosity(arguments.verbose, arguments.quiet);
    if by_other_name && matches!(arguments.command, Command::Exec { .. }) {
        output::eprint("`shipwright build` is `shipwright exec`\n");
    }
    let directory = arguments.directory.unwrap_or_default();
    if let Some(error) = without_effect::refused(&arguments.command) {
        return misused(&error);
    }
    let trouble = arguments.command.trouble();
    match dispatch(&directory, arguments.command) {
        Ok(code) => code,
        Err(diagnostics) => {
            output::report(&directory, &diagnostics);
            ExitCode::from(trouble)
        }
    }
}

/// What clap says of a command line. Help and version are no errors.
fn misused(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        let text = error.render();
        let text = if screen::shows_colour(&std::io::stderr()) {
            text.ansi().to_string()
        } else {
            text.to_string()
        };
        output::eprint(&escape::rendered(&text));
    } else {
        // A closed pipe is nobody's problem.
        let _ = error.print();
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

fn dispatch(directory: &Path, command: Command) -> Result<ExitCode, Diagnostics> {
    match command {
        Command::Plan(plan) => plan::run(directory, &plan)?,
        Command::Emit(mut arguments) => match arguments.what() {
            Ok(what) => emit::run(directory, &what, &arguments)?,
            Err(error) => return Ok(misused(&error)),
        },
        Command::Exec {
            planning,
            stored,
            run,
        } => return exec::run(directory, &planning, &stored, &run),
        Command::List {
            planning,
            stored,
            format,
            refs,
        } => {
            let format = (!refs).then_some(format);
            list::run(directory, &planning, &stored, format)?;
        }
        Command::Lock(arguments) => return lock::run(directory, &arguments),
        Command::Why { planning } => why::run(directory, &planning)?,
        Command::Diff(diffing) => return diff::run(directory, &diffing),
        Command::Init(init) => return init::run(directory, &init),
        Command::Inputs(arguments) => inputs::run(directory, arguments)?,
        Command::Built {
            planning,
            stored,
            local,
        } => built::run(directory, &planning, &stored, local)?,
        Command::Graph(graph) => graph::run(directory, &graph)?,
        Command::Completions { shell } => complete::script(shell)?,
        Command::Man { folder } => manual::man(folder.as_deref())?,
        Command::BugReport(arguments) => bug_report::run(directory, &arguments)?,
        Command::Explain { code } => explain::run(code)?,
        Command::Schema(schema) => schema::run(&schema)?,
        Command::Promote(promoting) => promote::run(directory, &promoting)?,
        Command::Prune(pruning) => prune::run(directory, &pruning)?,
        Command::Parse(parse) => return parse::run(directory, &parse),
        Command::Check(check) => return check::run(directory, &check),
    }
    Ok(ExitCode::SUCCESS)
}
