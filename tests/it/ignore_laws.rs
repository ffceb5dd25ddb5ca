//! What must hold for every ignore file and every path.

use proptest::prelude::*;
use shipwright::lang::{Folder, IgnoreFile, Sent, Verdict};

/// Patterns of few letters, so that they often match.
pub(crate) fn pattern() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => "[ab]{1,2}",
        2 => Just("*".to_owned()),
        1 => Just("**".to_owned()),
        1 => "[ab*?]{1,3}",
    ];
    let parts = prop::collection::vec(part, 1..4);
    (prop::bool::weighted(0.3), parts).prop_map(|(exception, parts)| {
        let sign = if exception { "!" } else { "" };
        format!("{sign}{}", parts.join("/"))
    })
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec("[ab]{1,2}", 1..5).prop_map(|parts| parts.join("/"))
}

/// The definition, spelled out: every pattern in order, against the path and its parents.
fn slowly_ignores(patterns: &[String], path: &str) -> bool {
    let mut ignored = false;
    for pattern in patterns {
        let (exception, pattern) = match pattern.strip_prefix('!') {
            Some(pattern) => (true, pattern),
            None => (false, &**pattern),
        };
        let parts: Vec<&str> = path.split('/').collect();
        let hit = (1..=parts.len()).any(|n| {
            let parent = parts[..n].join("/");
            slowly_matches(pattern, &parent)
        });
        if exception == ignored && hit {
            ignored = !exception;
        }
    }
    ignored
}

fn slowly_matches(pattern: &str, path: &str) -> bool {
    let special = |text: &str| text.contains(['*', '?']);
    if let Some(suffix) = pattern.strip_prefix("**")
        && !special(suffix)
    {
        return path.ends_with(suffix) || suffix.strip_prefix('/') == Some(path);
    }
    if let Some(prefix) = pattern.strip_suffix("**")
        && !special(prefix)
    {
        return path.starts_with(prefix);
    }
    backtrack(pattern, path)
}

fn backtrack(pattern: &str, path: &str) -> bool {
    let skip = |path: &str| {
        (0..=path.len())
            .filter(|&n| path.is_char_boundary(n))
            .collect::<Vec<_>>()
    };
    if let Some(rest) = pattern.strip_prefix("**") {
        let rest = rest.strip_prefix('/').unwrap_or(rest);
        return if rest.is_empty() {
            true
        } else {
            backtrack(rest, path)
                || skip(path)
                    .into_iter()
                    .any(|n| path[..n].ends_with('/') && backtrack(rest, &path[n..]))
        };
    }
    match pattern.chars().next() {
        None => path.is_empty(),
        Some('*') => skip(path)
            .into_iter()
            .any(|n| !path[..n].contains('/') && backtrack(&pattern[1..], &path[n..])),
        Some(c) => match path.chars().next() {
            Some(found) if found == c || (c == '?' && found != '/') => {
                backtrack(&pattern[1..], &path[1..])
            }
            _ => false,
        },
    }
}

fn split(pattern: &str) -> (bool, &str) {
    match pattern.strip_prefix('!') {
        Some(pattern) => (true, pattern),
        None => (false, pattern),
    }
}

/// The walk's definition, spelled out (semantics §16.6): the patterns that are known to match a path,
/// from those that are known of the folder that it is in, and whether it is ignored.
pub(crate) fn slowly_decided(patterns: &[String], path: &str) -> (Vec<bool>, bool) {
    let known = match path.rsplit_once('/') {
        Some((folder, _)) => slowly_decided(patterns, folder).0,
        None => vec![false; patterns.len()],
    };
    let mut ignored = false;
    let mut matches = Vec::new();
    for (pattern, known) in patterns.iter().zip(known) {
        let (exception, pattern) = split(pattern);
        let hit = known || exception == ignored && slowly_matches(pattern, path);
        if hit {
            ignored = !exception;
        }
        matches.push(hit);
    }
    (matches, ignored)
}

pub(crate) fn slowly_sent(patterns: &[String], path: &str) -> Sent {
    match (
        slowly_decided(patterns, path).1,
        slowly_ignores(patterns, path),
    ) {
        (true, _) => Sent::Nothing,
        (false, true) => Sent::Empty,
        (false, false) => Sent::Whole,
    }
}

fn folder_of<'f>(file: &'f IgnoreFile, path: &str) -> Folder<'f> {
    path.split('/')
        .fold(file.root(), |folder, name| folder.enter(name).unwrap())
}

proptest! {
    #[test]
    fn agrees_with_the_definition(
        patterns in prop::collection::vec(pattern(), 0..6),
        path in path(),
    ) {
        let (file, problems) = IgnoreFile::parse(&patterns.join("\n"));
        prop_assert_eq!(problems, []);
        prop_assert_eq!(file.ignores(&path), slowly_ignores(&patterns, &path));
    }

    #[test]
    fn a_walk_goes_by_its_definition(
        patterns in prop::collection::vec(pattern(), 0..8),
        folder in path(),
        below in path(),
        others in 0..2,
    ) {
        // With many patterns, those that may match are looked up.
        let others = (0..others * 40).map(|at| format!("c{at}/**/{at}*"));
        let patterns: Vec<String> = others.chain(patterns).collect();
        let (file, _) = IgnoreFile::parse(&patterns.join("\n"));
        let walked = folder_of(&file, &folder);
        prop_assert_eq!(walked.is_ignored(), slowly_decided(&patterns, &folder).1);
        let full = format!("{folder}/{below}");
        let sent = slowly_sent(&patterns, &full);
        let (parent, name) = full.rsplit_once('/').expect("it has two parts");
        prop_assert_eq!(folder_of(&file, parent).sends(name), Ok(sent));
        for (verdict, above) in [(walked.verdict(), &folder), (file.root().verdict(), &full)] {
            match verdict {
                Verdict::Taken => prop_assert_eq!(sent, Sent::Whole, "{} under {}", full, above),
                Verdict::Ignored => prop_assert_eq!(sent, Sent::Nothing, "{} under {}", full, above),
                Verdict::Mixed => {}
            }
        }
    }

    #[test]
    fn any_text_is_read(text in "[ -~é\n]{0,80}", path in "[ -~]{1,20}") {
        let (file, _) = IgnoreFile::parse(&text);
        file.ignores(&path);
        let mut folder = file.root();
        for name in path.split('/') {
            let _ = folder.sends(name);
            let Ok(next) = folder.enter(name) else { break };
            folder = next;
        }
        folder.verdict();
    }
}

#[test]
fn folders_that_no_pattern_reaches_need_no_look() {
    let rows = [
        ("node_modules\n*.log\n", "src", Verdict::Taken),
        ("node_modules\n", "node_modules", Verdict::Ignored),
        ("*\n!src\n", "src", Verdict::Taken),
        ("*\n!src\n", "docs", Verdict::Ignored),
        ("*\n!src/a/b\n", "src", Verdict::Mixed),
        ("*\n!src/a/b\n", "src/a", Verdict::Mixed),
        ("*\n!src/a/b\n", "src/b", Verdict::Ignored),
        ("a/b/**\n", "a", Verdict::Mixed),
        ("a/b/**\n", "c", Verdict::Taken),
        ("**/*.log\n", "src", Verdict::Mixed),
        ("src/*/tmp\n", "src/a/b", Verdict::Taken),
        ("src/*/tmp\n", "src", Verdict::Mixed),
    ];
    for (text, folder, expected) in rows {
        let (file, _) = IgnoreFile::parse(text);
        assert_eq!(
            folder_of(&file, folder).verdict(),
            expected,
            "{text} {folder}"
        );
    }
}
