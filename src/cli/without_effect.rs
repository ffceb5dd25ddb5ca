//! Options that many commands share, and that mean nothing to some of them: these are refused.

use clap::CommandFactory;
use clap::error::ErrorKind;

use super::args::{Arguments, Command, Planning, Settings};

/// An option, and the commands to use it with instead.
type Useless = (&'static str, &'static str);

const SINCE: Useless = ("--since", "`plan`, `list` or `why`");
const BUILT: Useless = ("--built", "`plan`, `list` or `exec`");
const TAG: Useless = ("--tag", "`plan`, `list` or `exec`");
const NO_DEFAULT_TAGS: Useless = ("--no-default-tags", "`plan`, `list` or `exec`");
const STAMP: Useless = ("--stamp", "`plan`, `emit` or `exec`");

/// The error of a command line with an option that has no effect; none where all that was typed has one.
pub(super) fn refused(command: &Command) -> Option<clap::Error> {
    let (name, useless, typed) = match command {
        // Only content counts.
        Command::Built { planning, .. } => (
            "built",
            &[SINCE, BUILT, TAG, NO_DEFAULT_TAGS, STAMP][..],
            of_plan(planning),
        ),
        Command::Inputs(inputs) => (
            "inputs",
            &[SINCE, BUILT, TAG, NO_DEFAULT_TAGS, STAMP][..],
            of_plan(inputs.planning()),
        ),
        Command::Why { planning } => (
            "why",
            &[BUILT, TAG, NO_DEFAULT_TAGS, STAMP][..],
            of_plan(planning),
        ),
        Command::Check(check) => ("check", &[SINCE, BUILT][..], of_plan(&check.planning)),
        Command::Promote(promote) => ("promote", &[SINCE, BUILT][..], of_plan(&promote.planning)),
        Command::Lock(lock) => ("lock", &[STAMP][..], of_settings(&lock.settings)),
        Command::Prune(pruning) => ("prune", &[STAMP][..], of_settings(&pruning.settings)),
        _ => return None,
    };
    let (option, instead) = useless.iter().find(|(option, _)| typed.contains(option))?;
    let mut whole = Arguments::command();
    whole.build();
    let command = whole.find_subcommand_mut(name)?;
    let message = format!("`{option}` has no effect on `{name}`; use it with {instead}");
    Some(command.error(ErrorKind::ArgumentConflict, message))
}

/// Those of the options that were typed.
fn of_plan(planning: &Planning) -> Vec<&'static str> {
    let mut typed = of_settings(&planning.settings);
    typed.extend(planning.since.is_some().then_some("--since"));
    typed.extend(planning.built.is_some().then_some("--built"));
    typed.extend((!planning.tags.is_empty()).then_some("--tag"));
    typed.extend(planning.no_default_tags.then_some("--no-default-tags"));
    typed
}

fn of_settings(settings: &Settings) -> Vec<&'static str> {
    let stamps = !settings.stamp_args.is_empty();
    stamps.then_some("--stamp").into_iter().collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    /// What is refused, by command; everything else that the command takes is not.
    #[test]
    fn an_option_has_an_effect_or_is_refused() {
        let options = [
            "--since=a",
            "--built=a",
            "--tag=a",
            "--no-default-tags",
            "--stamp=A=a",
            "--branch=a",
            "--build-arg=A=a",
        ];
        for (command, expected) in [
            ("plan", ""),
            ("list", ""),
            ("graph", ""),
            ("exec", ""),
            ("emit make", ""),
            ("built", "--since --built --tag --no-default-tags --stamp"),
            (
                "inputs a",
                "--since --built --tag --no-default-tags --stamp",
            ),
            ("why a", "--built --tag --no-default-tags --stamp"),
            ("check", "--since --built"),
            ("promote --to=a", "--since --built"),
            ("lock", "--stamp"),
            ("prune", "--stamp"),
        ] {
            let is_refused = |option: &&str| {
                let line = format!("shipwright {command} {option}");
                let typed = Arguments::try_parse_from(line.split(' '));
                typed.is_ok_and(|typed| match refused(&typed.command) {
                    None => false,
                    Some(error) => {
                        let text = error.to_string();
                        let name = command.split(' ').next().unwrap();
                        assert!(
                            text.contains(&format!("Usage: shipwright {name} ")),
                            "{text}"
                        );
                        true
                    }
                })
            };
            let refused = options.into_iter().filter(is_refused);
            let refused = refused.map(|option| option.split('=').next().unwrap());
            let refused: Vec<&str> = refused.collect();
            assert_eq!(refused.join(" "), expected, "{command}");
        }
    }
}
