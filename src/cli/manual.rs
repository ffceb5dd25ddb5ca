//! `shipwright completions` and `shipwright man`: the command line, told to shells and to `man`.

use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::args::Arguments;
use super::output;
use crate::diagnostics::{Code, Diagnostic};

/// Prints a script that completes command lines.
pub(super) fn completions(shell: clap_complete::Shell) -> Result<(), Diagnostic> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "shipwright", &mut script);
    output::write(&String::from_utf8_lossy(&script), None)
}

/// Prints the manual page of the program, or writes those of all commands into a folder.
pub(super) fn man(folder: Option<&Path>) -> Result<(), Diagnostic> {
    let mut program = Arguments::command().disable_help_subcommand(true);
    program.build();
    let Some(folder) = folder else {
        return output::write(&page(program), None);
    };
    std::fs::create_dir_all(folder).map_err(|error| {
        let message = format!("`{}` cannot be created: {error}", folder.display());
        Diagnostic::new(Code::Unwritable, message)
    })?;
    let commands: Vec<Command> = program
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .cloned()
        .collect();
    for command in commands {
        let name = format!("shipwright-{}", command.get_name());
        let file = folder.join(format!("{name}.1"));
        output::write(&page(command.name(name)), Some(&file))?;
    }
    output::write(&page(program), Some(&folder.join("shipwright.1")))
}

fn page(command: Command) -> String {
    let mut page = Vec::new();
    // Writing to memory does not fail.
    let _ = Man::new(command).render(&mut page);
    String::from_utf8_lossy(&page).into_owned()
}
