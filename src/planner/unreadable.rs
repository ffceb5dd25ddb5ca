//! What is wrong in Dockerfiles, and which files have the name of one and are none.

use std::collections::{BTreeMap, BTreeSet};

use super::discover::patterns;
use crate::config;
use crate::diagnostics::{Code, Diagnostic, Diagnostics, SourceText};
use crate::lang::dockerfile::Keyword;
use crate::paths::file_name;
use crate::planner::resolve::Parsed;

/// What templates have in their lines and no instruction begins with.
const MARKS: [&str; 6] = ["{{", "{%", "{#", "<%", "${{", "@@"];

/// How many patterns a message spells out.
const SHOWN: usize = 3;

/// What a file is that builders refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// A Dockerfile with mistakes.
    Mistaken,
    /// A template: a line that is wrong has its marks.
    Template,
    /// A part of one, for others to include: it has no `FROM`.
    Fragment,
    /// Something else: not even its first line is an instruction, or nearly one.
    Foreign,
}

/// An error for each mistake in a Dockerfile, with what to do where the file is none, and one for each file that
/// is none, all of a kind with one cause.
pub(super) fn errors(all: &BTreeMap<&str, Parsed<'_>>) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    let mut none: BTreeMap<Kind, Vec<(&str, Diagnostic)>> = BTreeMap::new();
    for (path, Parsed { source, dockerfile }) in all {
        let mut errors = dockerfile
            .all_errors()
            .map(|error| error.diagnostic(source))
            .peekable();
        let Some(first) = errors.peek() else { continue };
        match kind(source, first) {
            Kind::Mistaken => {
                // Once a file is enough.
                let mut errors = errors.map(|error| error.because_of(*path));
                diagnostics.extend(
                    errors
                        .next()
                        .map(|error| excluding(error, &[patterns::literal(path)])),
                );
                diagnostics.extend(errors);
            }
            kind => none
                .entry(kind)
                .or_default()
                .extend(errors.next().map(|error| (*path, error))),
        }
    }
    for (kind, files) in none {
        let paths: BTreeSet<&str> = files.iter().map(|(path, _)| *path).collect();
        let all = all.keys().copied();
        let excluded = patterns::covering(&paths, all);
        let mut is_first = true;
        for (path, mut error) in files {
            if kind == Kind::Template {
                let name = file_name(path);
                error.message = format!(
                    "`{name}` is a template, not a Dockerfile: {}",
                    error.message
                );
            }
            let error = error.because_of(format!("{kind:?}"));
            diagnostics.push(if is_first {
                excluding(error, &excluded)
            } else {
                error
            });
            is_first = false;
        }
    }
    diagnostics
}

/// Adds how files that are no Dockerfiles are left out.
pub(super) fn excluding(error: Diagnostic, excluded: &[String]) -> Diagnostic {
    let what = if excluded.len() == 1 {
        "this is not a Dockerfile"
    } else {
        "these are not Dockerfiles"
    };
    if excluded.len() > SHOWN {
        return error.help(format!(
            "or, if {what}: `shipwright init` leaves them out with `dockerfiles.exclude`"
        ));
    }
    let excluded: Vec<String> = excluded
        .iter()
        .map(|pattern| serde_json::Value::from(pattern.as_str()).to_string())
        .collect();
    error.help(format!(
        r#"or, if {what}: `{{"version": 2, "dockerfiles": {{"exclude": [{}]}}}}` in {}"#,
        excluded.join(", "),
        config::PATH
    ))
}

/// There is no Dockerfile, at the most templates of some.
pub(super) fn no_dockerfile(templates: &[String]) -> Diagnostic {
    let Some(first) = templates.first() else {
        return Diagnostic::new(Code::NoDockerfile, "there is no Dockerfile here")
            .help("Dockerfiles are named `Dockerfile`, `Dockerfile.<suffix>` or `<name>.Dockerfile`, and git must not ignore them")
            .help("`git add` and commit new ones, or use another folder with `-C DIR`");
    };
    let message = match templates.len() {
        1 => format!("there is no Dockerfile here, only a template: `{first}`"),
        count => {
            format!("there is no Dockerfile here, only {count} templates, such as `{first}`")
        }
    };
    of_templates(Code::NoDockerfile, message)
}

/// That Dockerfiles must be made of templates before they can be planned.
pub(super) fn of_templates(code: Code, message: String) -> Diagnostic {
    Diagnostic::new(code, message)
        .help("generate the Dockerfiles, then commit them, or plan them with `--dirty`")
        .help(format!(
            r#"if git ignores these: `{{"version": 2, "generated": ["**/Dockerfile"]}}` in {}, and `--dirty`"#,
            config::PATH
        ))
}

fn kind(source: &SourceText, first: &Diagnostic) -> Kind {
    let Some(label) = first.labels.first() else {
        return Kind::Mistaken;
    };
    let start = label.span.start.min(source.text.len());
    let (before, from) = source.text.split_at(start);
    let line = from.lines().next().unwrap_or_default();
    if MARKS.iter().any(|mark| line.contains(mark)) {
        return Kind::Template;
    }
    let is_silent = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    let first_word = |line: &str| {
        line.split_whitespace()
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    let is_instruction = |word: String| {
        Keyword::ALL
            .iter()
            .any(|known| known.name().eq_ignore_ascii_case(&word))
    };
    let is_near = !label.message.is_empty();
    if before.lines().all(is_silent) && !is_near && !is_instruction(first_word(line)) {
        return Kind::Foreign;
    }
    let is_from = |line: &str| first_word(line).eq_ignore_ascii_case(Keyword::From.name());
    if source.text.lines().any(is_from) || is_near {
        Kind::Mistaken
    } else {
        Kind::Fragment
    }
}
