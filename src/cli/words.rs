//! Words that people type for a command of another name, and what to type instead.

use clap::CommandFactory;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::args::Arguments;
use crate::diagnostics::nearest;

/// Words, and the tip that all of them get.
type Tip = (&'static [&'static str], &'static str);

/// Letters that a word has at least, so that a mistyped one can be told from any other.
const LONG: usize = 4;

/// What people know from other programs, and the tip. Where no command does what the word says, the tip
/// says so.
const TIPS: &[Tip] = &[
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
const OPTIONS: &[Tip] = &[(
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
    let suggestion = error.remove(suggested);
    let has_suggestion = suggestion.is_some();
    let mut tip = tips.iter().find(|(words, _)| words.contains(&&*word));
    let mut near = None;
    if tip.is_none() {
        let names = match (suggested, suggestion) {
            (ContextKind::SuggestedSubcommand, _) => commands(),
            (_, Some(ContextValue::Strings(names))) => names,
            (_, Some(ContextValue::String(name))) => vec![name],
            _ => Vec::new(),
        };
        near = nearest(&word, names.iter().map(String::as_str)).map(str::to_owned);
        if near.is_none() {
            tip = near_tip(&word, tips);
        }
    }
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

/// What commands are called.
fn commands() -> Vec<String> {
    let whole = Arguments::command();
    let commands = whole.get_subcommands();
    let shown = commands.filter(|command| !command.is_hide_set());
    shown
        .flat_map(|command| {
            std::iter::once(command.get_name()).chain(command.get_visible_aliases())
        })
        .map(str::to_owned)
        .collect()
}

/// The tip of the word that was probably meant. None where the words that are equally near have different
/// tips, or are so short that anything is near.
fn near_tip<'t>(word: &str, tips: &'t [Tip]) -> Option<&'t Tip> {
    let long = |(words, _): &'t Tip| {
        let words = words.iter().copied();
        words.filter(|word| word.len() >= LONG)
    };
    if word.len() < LONG {
        return None;
    }
    let near = tips.iter().filter_map(|tip| {
        let near = nearest(word, long(tip))?;
        Some((strsim::damerau_levenshtein(word, near), tip))
    });
    let near: Vec<(usize, &Tip)> = near.collect();
    let least = near.iter().map(|(distance, _)| *distance).min()?;
    let mut nearest = near.iter().filter(|(distance, _)| *distance == least);
    match (nearest.next(), nearest.next()) {
        (Some((_, tip)), None) => Some(tip),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

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
            // Near to a word of another program.
            ("statsu", Some("`shipwright plan --since REV`")),
            ("pubish", Some("`shipwright exec --push` pushes")),
            ("clena", Some("`shipwright prune` lists")),
            ("buidl", Some("a similar subcommand exists: 'build'\n")),
            // Nearer to a command than to such a word, or as near.
            ("lnit", Some("a similar subcommand exists: 'init'\n")),
            // So short that it is near to several, or near to words with different tips.
            ("rn", None),
            ("pusl", None),
            ("parse-it", None),
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
