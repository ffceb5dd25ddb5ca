//! The page of all commands, made from the command line itself. With `UPDATE=1` in the environment,
//! `docs/commands.md` is written anew.
#![allow(clippy::disallowed_methods, reason = "reads and renews a document")]

use std::fmt::Write;

use clap::{Arg, Command, CommandFactory};

use super::args::Arguments;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/commands.md");

#[test]
fn the_page_of_commands() {
    let mut program = Arguments::command()
        .disable_help_subcommand(true)
        .disable_help_flag(true);
    program.build();
    let wanted = page(&program);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(DOCUMENT, wanted).unwrap();
        return;
    }
    let found = std::fs::read_to_string(DOCUMENT).unwrap_or_default();
    assert!(
        found == wanted,
        "docs/commands.md differs from the commands: run with UPDATE=1"
    );
}

fn page(program: &Command) -> String {
    let mut text = String::from(
        "# Commands\n\nMade from the program's own help; `shipwright COMMAND --help` prints the same.\n\n",
    );
    let commands = || {
        program
            .get_subcommands()
            .filter(|command| !command.is_hide_set())
    };
    text += "| command | |\n|---|---|\n";
    for command in commands() {
        let name = command.get_name();
        let about = about(command);
        let _ = writeln!(text, "| [`{name}`](#shipwright-{name}) | {about} |");
    }
    text += "\nOptions of all commands:\n\n";
    text += &table(
        program
            .get_arguments()
            .filter(|argument| argument.is_global_set()),
    );
    for command in commands() {
        text += &section(command);
    }
    text
}

fn section(command: &Command) -> String {
    let name = command.get_name();
    let mut text = format!("\n## shipwright {name}\n\n{}.\n\n", about(command));
    let mut command = command.clone();
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let _ = writeln!(text, "```text\n{usage}\n```");
    let aliases: Vec<&str> = command.get_visible_aliases().collect();
    if !aliases.is_empty() {
        let _ = writeln!(text, "\nOther name: `{}`.", aliases.join("`, `"));
    }
    let shown = |argument: &&Arg| {
        !argument.is_hide_set() && !argument.is_global_set() && argument.get_id() != "help"
    };
    let mut headings: Vec<Option<&str>> = Vec::new();
    for argument in command.get_arguments().filter(shown) {
        let heading = argument.get_help_heading();
        if !headings.contains(&heading) {
            headings.push(heading);
        }
    }
    for heading in headings {
        if let Some(heading) = heading {
            let _ = writeln!(text, "\n{heading}:");
        }
        let of_heading = |argument: &&Arg| argument.get_help_heading() == heading;
        let arguments = command.get_arguments().filter(shown).filter(of_heading);
        let _ = write!(text, "\n{}", table(arguments));
    }
    if let Some(after) = command.get_after_help() {
        let after = after.to_string();
        let (note, examples) = after
            .split_once("Examples:\n")
            .or_else(|| after.split_once("Example:\n"))
            .unwrap_or((&after, ""));
        if !note.trim().is_empty() {
            let _ = writeln!(text, "\n{}", note.trim());
        }
        let lines: Vec<&str> = examples.lines().map(str::trim_start).collect();
        if !examples.is_empty() {
            let _ = writeln!(text, "\n```text\n{}\n```", lines.join("\n"));
        }
    }
    text
}

fn about(command: &Command) -> String {
    escape(
        &command
            .get_about()
            .map(ToString::to_string)
            .unwrap_or_default(),
    )
}

fn table<'a>(arguments: impl Iterator<Item = &'a Arg>) -> String {
    let mut text = String::from("| | |\n|---|---|\n");
    for argument in arguments {
        let help = argument
            .get_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        let values: Vec<String> = argument
            .get_possible_values()
            .iter()
            .filter(|_| argument.get_action().takes_values())
            .map(|value| match value.get_help() {
                Some(help) => format!("`{}` ({})", value.get_name(), escape(&help.to_string())),
                None => format!("`{}`", value.get_name()),
            })
            .collect();
        let values = if values.is_empty() {
            String::new()
        } else {
            format!(": {}", values.join(", "))
        };
        let _ = writeln!(
            text,
            "| {} | {}{values} |",
            spelling(argument),
            escape(&help)
        );
    }
    text
}

/// How an argument is typed.
fn spelling(argument: &Arg) -> String {
    let name = argument
        .get_value_names()
        .and_then(<[_]>::first)
        .map(|name| name.as_str().to_uppercase());
    let name = name.filter(|_| argument.get_action().takes_values());
    if argument.is_positional() {
        return format!("`{}`", name.unwrap_or_default());
    }
    let short = argument.get_short().map(|short| format!("-{short}"));
    let long = argument.get_long().map(|long| format!("--{long}"));
    let flags: Vec<String> = short.into_iter().chain(long).collect();
    let value = name.map(|name| format!(" {name}")).unwrap_or_default();
    format!("`{}{value}`", flags.join("`, `"))
}

/// Text that Markdown shows as it stands, in a table too.
fn escape(text: &str) -> String {
    let mut in_code = false;
    let mut escaped = String::new();
    for character in text.chars() {
        in_code ^= character == '`';
        match character {
            '|' => escaped += "\\|",
            '<' | '*' | '_' if !in_code => {
                escaped.push('\\');
                escaped.push(character);
            }
            '\n' => escaped.push(' '),
            _ => escaped.push(character),
        }
    }
    escaped
}
