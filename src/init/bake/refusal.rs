//! What bake says where it refuses files.

pub(super) fn error_line(said: &str) -> Option<&str> {
    let mut lines = said.lines().rev();
    lines.find(|line| line.starts_with("ERROR: "))
}

/// What bake says, in one line.
pub(super) fn said(why: &str) -> String {
    let line = error_line(why).or_else(|| why.lines().last());
    let line = line.unwrap_or_default();
    stable(line.strip_prefix("ERROR: ").unwrap_or(line))
}

/// What bake says, without the guesses that differ from run to run.
pub(super) fn stable(said: &str) -> String {
    let said = said
        .split_once(", and ")
        .filter(|(_, rest)| rest.contains("other diagnostic"))
        .map_or(said, |(said, _)| said);
    let said = said
        .split_once(" Did you mean")
        .map_or(said, |(said, _)| said);
    said.trim_end_matches(['.', ' ']).to_owned()
}

/// Whether HCL says by its summary that a text is not HCL, rather than that a value cannot be computed.
pub(super) fn is_of_syntax(problem: &str) -> bool {
    const SUMMARIES: [&str; 20] = [
        "Argument or block definition required",
        "Extra characters",
        "Invalid 'for' expression",
        "Invalid argument name",
        "Invalid attribute name",
        "Invalid block definition",
        "Invalid character",
        "Invalid escape sequence",
        "Invalid expression; Expected",
        "Invalid multi-line string",
        "Invalid single-argument block definition",
        "Invalid string literal",
        "Missing attribute",
        "Missing close",
        "Missing item separator",
        "Missing key/value separator",
        "Missing newline",
        "Unbalanced",
        "Unclosed",
        "Unterminated",
    ];
    SUMMARIES.iter().any(|summary| problem.starts_with(summary))
}

/// The file that bake looks for and that is not there; none of those outside the checkout.
pub(super) fn missing_file(why: &str) -> Option<String> {
    let line = error_line(why)?;
    let (_, rest) = line.split_once("stat ")?;
    let (path, _) = rest.split_once(": ")?;
    let path = path.strip_prefix("./").unwrap_or(path);
    let is_below = !path.starts_with(['/', '~']) && path.split('/').all(|part| part != "..");
    (is_below && !path.is_empty()).then(|| path.to_owned())
}

/// The file that bake takes for a key of ssh and cannot read as one.
pub(super) fn no_key(why: &str) -> Option<String> {
    let (_, rest) = error_line(why)?.split_once("failed to parse ")?;
    let (path, _) = rest.split_once(": ssh: ")?;
    Some(path.strip_prefix("./").unwrap_or(path).to_owned())
}

pub(super) fn unknown_variable(why: &str) -> Option<&str> {
    let (_, rest) = error_line(why)?.split_once("There is no variable named \"")?;
    rest.split_once('"').map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_bake_says_is_the_same_in_each_run() {
        let rows = [
            (
                "x\nERROR: a.hcl:1,22-25: Call to unknown function; There is no function named \"foo\". Did you mean \"pow\"?, and 3 other diagnostic(s)",
                "a.hcl:1,22-25: Call to unknown function; There is no function named \"foo\"",
            ),
            ("ERROR: failed to find target x", "failed to find target x"),
            ("", ""),
        ];
        for (why, expected) in rows {
            assert_eq!(said(why), expected);
        }
    }

    #[test]
    fn problems_of_syntax() {
        let rows = [
            (
                "Unclosed configuration block; There is no closing brace",
                true,
            ),
            ("Missing item separator; Expected a comma", true),
            (
                "Missing required argument; The argument \"x\" is required",
                false,
            ),
            (
                "Call to unknown function; There is no function named \"x\"",
                false,
            ),
            (
                "Invalid template interpolation value; Cannot include it",
                false,
            ),
        ];
        for (problem, expected) in rows {
            assert_eq!(is_of_syntax(problem), expected, "{problem}");
        }
    }

    #[test]
    fn files_that_are_missed() {
        let rows = [
            (
                "ERROR: failed to stat ./y: stat ./y: no such file",
                Some("y"),
            ),
            (
                "ERROR: failed to stat a/y: stat a/y: no such file",
                Some("a/y"),
            ),
            ("ERROR: failed to stat /y: stat /y: no such file", None),
            ("ERROR: failed to stat ../y: stat ../y: no such file", None),
            ("ERROR: x", None),
        ];
        for (why, expected) in rows {
            assert_eq!(missing_file(why).as_deref(), expected, "{why}");
        }
    }
}
