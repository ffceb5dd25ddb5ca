//! `shipwright man`: the command line, told to `man`.

use std::path::Path;

use clap::builder::Resettable;
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::args::Arguments;
use super::output;
use crate::diagnostics::{Code, Diagnostic};

/// The page that lists variables of the environment and exit statuses.
const ENVIRONMENT: &str = include_str!("../../docs/environment.md");

/// What the program reads and keeps.
const FILES: [(&str, &str); 4] = [
    (
        ".shipwright.json",
        "The configuration. Its folder is the root of the plan.",
    ),
    (
        "<Dockerfile>.dockerignore, .dockerignore",
        "Files to exclude from a build context, in Docker's format.",
    ),
    (
        ".git/shipwright/",
        "Sealed build contexts, logs of the last runs, and a cache of image properties. It may be removed at any time.",
    ),
    ("~/.docker/config.json", "Logins of registries; read only."),
];

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
    let help = command.get_after_help().map(ToString::to_string);
    let help = help.unwrap_or_default();
    let command = command.after_help(Resettable::Reset);
    let mut page = Vec::new();
    // Writing to memory does not fail.
    let _ = Man::new(command).render(&mut page);
    let _ = examples(&help).to_writer(&mut page);
    let environment = rows("## Environment variables").into_iter();
    let environment = environment.map(|row| (row[0].clone(), format!("{}: {}", row[1], row[2])));
    let statuses = rows("## Exit statuses").into_iter();
    let statuses = statuses.map(|row| (row[0].clone(), row[1].clone()));
    let files = FILES.map(|(file, text)| (file.to_owned(), text.to_owned()));
    for (title, entries) in [
        ("ENVIRONMENT", environment.collect()),
        ("FILES", files.to_vec()),
        ("EXIT STATUS", statuses.collect::<Vec<_>>()),
    ] {
        let mut roff = Roff::new();
        roff.control("SH", [title]);
        for (term, text) in entries {
            roff.control("TP", []);
            roff.text([bold(term)]);
            roff.text([roman(text)]);
        }
        let _ = roff.to_writer(&mut page);
    }
    String::from_utf8_lossy(&page).into_owned()
}

/// The examples of a command and what is said before them. Lines stay as they are: their columns line up.
fn examples(help: &str) -> Roff {
    let mut roff = Roff::new();
    let (notes, examples) = help.split_once("Example").unwrap_or((help, ""));
    if !notes.trim().is_empty() {
        roff.control("SH", ["NOTES"]);
        roff.text([roman(notes.trim())]);
    }
    if let Some((_, examples)) = examples.split_once('\n') {
        roff.control("SH", ["EXAMPLES"]);
        roff.control("nf", []);
        for line in examples.lines() {
            roff.text([roman(line.trim())]);
        }
        roff.control("fi", []);
    }
    roff
}

/// The cells of the table below a heading, without its head and without marks.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let lines = ENVIRONMENT.lines().skip_while(|line| *line != heading);
    let lines = lines.skip(1).take_while(|line| !line.starts_with("## "));
    let table = lines.filter(|line| line.starts_with('|')).skip(2);
    let cells = table.map(|line| {
        let cells = line.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().replace('`', "")).collect()
    });
    cells.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_keep_their_columns() {
        let help = "A note.\n\nExamples:\n  shipwright a     one\n  shipwright a -b  two";
        insta::assert_snapshot!(examples(help).to_roff(), @r"
        .SH NOTES
        A note.
        .SH EXAMPLES
        .nf
        shipwright a     one
        shipwright a \-b  two
        .fi
        ");
        assert_eq!(examples("").to_roff(), "");
        let notes = examples("A note alone.").to_roff();
        assert_eq!(notes, ".SH NOTES\nA note alone.\n");
    }

    #[test]
    fn the_page_of_the_environment_has_the_tables_that_are_read() {
        let environment = rows("## Environment variables");
        assert!(environment.iter().all(|row| row.len() == 3));
        assert!(environment.iter().any(|row| row[0] == "SW_NAMESPACE"));
        let statuses = rows("## Exit statuses");
        assert!(statuses.iter().all(|row| row.len() == 2));
        assert_eq!(statuses[0][0], "0");
    }
}
