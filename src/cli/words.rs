//! Words that people type for a command of another name, and what to type instead.

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::diagnostics::nearest;

/// What people know from other programs, and the tip. Where no command does what the word says, the tip
/// says so.
const TIPS: &[(&[&str], &str)] = &[
    (
        &["apply", "make-all", "go"],
        "`shipwright exec` builds and tags the images of the plan",
    ),
    (
        &["run", "up", "start", "deploy"],
        "`shipwright exec` builds and tags the images; to run containers, use `docker run` or `docker compose up`",
    ),
    (
        &["stop", "down", "restart", "logs", "ps"],
        "shipwright builds images and does not manage containers; use `docker`",
    ),
    (
        &["status", "st"],
        "`shipwright plan --since REV` shows what will be built and why; `shipwright list` shows all images",
    ),
    (
        &["ls", "images", "show"],
        "`shipwright list` shows the images",
    ),
    (
        &["lint", "validate", "verify", "doctor", "test"],
        "`shipwright check` reports problems",
    ),
    (
        &[
            "tree",
            "deps",
            "dependencies",
            "draw",
            "picture",
            "dot",
            "mermaid",
        ],
        "`shipwright graph` draws the dependencies between images",
    ),
    (
        &["clean", "rm", "rmi", "gc", "remove"],
        "`shipwright prune` lists local images that are no longer needed",
    ),
    (
        &["push", "publish"],
        "`shipwright exec --push` pushes what it builds",
    ),
    (
        &["pull", "fetch"],
        "`shipwright exec --from-registry` fetches images that exist instead of building them",
    ),
    (
        &["tag", "retag"],
        "`shipwright exec --no-build` only moves the readable tags",
    ),
    (
        &["make", "makefile"],
        "`shipwright emit make` prints the plan as a Makefile",
    ),
    (
        &["sh", "script"],
        "`shipwright emit sh` prints the plan as a shell script",
    ),
    (
        &["bake", "hcl"],
        "`shipwright emit bake` prints the plan as a bake file",
    ),
    (
        &["export", "generate", "render"],
        "`shipwright emit` prints the plan as a Makefile, a shell script or a bake file",
    ),
    (
        &["compare", "changed", "changes"],
        "`shipwright diff` shows the differences between two revisions",
    ),
    (
        &["files", "context"],
        "`shipwright inputs` lists the files that go into an image",
    ),
    (
        &["config", "setup", "new", "create"],
        "`shipwright init` writes a first .shipwright.json",
    ),
    (
        &["completion"],
        "`shipwright completions SHELL` prints a completion script",
    ),
    (&["version"], "`shipwright --version` prints the version"),
    (
        &["dry-run"],
        "`shipwright exec --dry-run` prints what would be done",
    ),
];

/// Options of other programs, and what to type instead.
const OPTIONS: &[(&[&str], &str)] = &[(
    &["--pull"],
    "`shipwright exec --pull` builds on newer base images; `shipwright lock --update` records them for every plan",
)];

/// Replaces the tips of a command or an option that does not exist by what people probably meant.
pub(super) fn tip(error: &mut clap::Error) {
    let word = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) => Some(word.to_lowercase()),
        _ => None,
    };
    let (word, tips, suggested) = match (
        word(ContextKind::InvalidSubcommand),
        word(ContextKind::InvalidArg),
    ) {
        (Some(word), _) => (word, TIPS, ContextKind::SuggestedSubcommand),
        (None, Some(word)) if error.kind() == ErrorKind::UnknownArgument => {
            // How an option is passed as a value is no answer to a mistyped one.
            error.remove(ContextKind::Suggested);
            (word, OPTIONS, ContextKind::SuggestedArg)
        }
        _ => return,
    };
    let tip = tips.iter().find(|(words, _)| words.contains(&&*word));
    let suggestion = error.remove(suggested);
    let has_suggestion = suggestion.is_some();
    let near = match suggestion {
        _ if tip.is_some() => None,
        Some(ContextValue::Strings(names)) => {
            nearest(&word, names.iter().map(String::as_str)).map(str::to_owned)
        }
        Some(ContextValue::String(name)) => nearest(&word, [name.as_str()]).map(str::to_owned),
        _ => None,
    };
    if let Some((_, tip)) = tip {
        let tip = ContextValue::StyledStrs(vec![StyledStr::from(*tip)]);
        error.insert(ContextKind::Suggested, tip);
    } else if let Some(near) = near {
        error.insert(suggested, ContextValue::String(near));
    } else if has_suggestion && suggested == ContextKind::SuggestedArg {
        // It is written with the option that clap took for the one that was meant.
        error.remove(ContextKind::Usage);
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::cli::args::Arguments;

    /// Every command line in a tip is one; no word is a command itself.
    #[test]
    fn tips_can_be_typed() {
        for (words, tip) in TIPS.iter().chain(OPTIONS) {
            for word in *words {
                assert!(
                    Arguments::command().find_subcommand(word).is_none(),
                    "{word}"
                );
            }
            let lines = tip.split('`').skip(1).step_by(2);
            for line in lines.filter(|line| line.starts_with("shipwright ")) {
                let line = line.replace("SHELL", "zsh");
                let problem = Arguments::try_parse_from(line.split(' ')).err();
                let kind = problem.map(|problem| problem.kind());
                let version = clap::error::ErrorKind::DisplayVersion;
                let whole = line == "shipwright emit" || kind.is_none() || kind == Some(version);
                assert!(whole, "{line}: {kind:?}");
            }
        }
    }

    /// Examples with remarks fit 80 columns, and the remarks line up.
    #[test]
    fn examples_are_for_a_screen() {
        let whole = Arguments::command();
        for command in whole.get_subcommands().chain([&whole]) {
            let help = command.get_after_help().map(ToString::to_string);
            let help = help.unwrap_or_default();
            let examples = help.lines().filter(|line| line.starts_with("  "));
            let mut columns = std::collections::BTreeSet::new();
            for line in examples {
                if line.trim_start().contains("  ") {
                    assert!(line.len() <= 80, "{line}");
                    columns.insert(line.rfind("  "));
                }
            }
            assert!(columns.len() <= 1, "{}: {columns:?}", command.get_name());
        }
    }

    #[test]
    fn a_word_of_another_program_gets_its_tip() {
        for (line, expected) in [
            ("up", Some("`shipwright exec` builds and tags")),
            ("ls", Some("`shipwright list` shows")),
            ("STATUS", Some("`shipwright plan --since REV`")),
            ("plna", Some("a similar subcommand exists: 'plan'\n")),
            ("zzz", None),
            (
                "plan --sicne x",
                Some("a similar argument exists: '--since'"),
            ),
            ("plan --plan x", None),
            ("plan --pull", Some("`shipwright exec --pull` builds on")),
            ("exec --nothing-near", None),
        ] {
            let words = ["shipwright"].into_iter().chain(line.split(' '));
            let mut error = Arguments::try_parse_from(words).unwrap_err();
            tip(&mut error);
            let text = error.to_string();
            let found = text.split_once("tip: ").map(|(_, tip)| tip);
            match (found, expected) {
                (Some(found), Some(expected)) => assert!(found.starts_with(expected), "{text}"),
                (found, expected) => assert_eq!(found, expected, "{text}"),
            }
        }
    }
}
