//! The fewest patterns that leave out some Dockerfiles and no others.

use std::collections::{BTreeMap, BTreeSet};

use crate::paths::{file_name, folder_of};

/// Patterns that match some of all Dockerfiles and no other: one for a file name that only they have, one for a
/// folder that holds nothing else, else the path.
pub(crate) fn covering<'p>(
    some: &BTreeSet<&'p str>,
    all: impl IntoIterator<Item = &'p str>,
) -> Vec<String> {
    let others: BTreeSet<&str> = all
        .into_iter()
        .filter(|path| !some.contains(path))
        .collect();
    let mut by_name: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for path in some {
        by_name.entry(file_name(path)).or_default().insert(path);
    }
    let mut patterns = BTreeSet::new();
    let mut left = some.clone();
    for (name, paths) in by_name {
        if paths.len() > 1 && !others.iter().any(|path| file_name(path) == name) {
            patterns.insert(format!("**/{}", literal(name)));
            left.retain(|path| !paths.contains(path));
        }
    }
    while let Some(path) = left.first().copied() {
        let mut widest = None;
        let mut folder = folder_of(path);
        while folder != "." {
            let below = |path: &&&str| {
                path.strip_prefix(folder)
                    .is_some_and(|rest| rest.starts_with('/'))
            };
            if others.iter().any(|path| below(&path)) {
                break;
            }
            if left.iter().filter(below).count() > 1 {
                widest = Some(folder);
            }
            folder = folder_of(folder);
        }
        let Some(folder) = widest else {
            patterns.insert(literal(path));
            left.remove(path);
            continue;
        };
        patterns.insert(format!("{}/**", literal(folder)));
        left.retain(|path| {
            !path
                .strip_prefix(folder)
                .is_some_and(|rest| rest.starts_with('/'))
        });
    }
    patterns.into_iter().collect()
}

/// A path as a pattern that matches it alone.
pub(crate) fn literal(path: &str) -> String {
    let mut pattern = String::new();
    for c in path.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '{' | '}' | '\\') {
            pattern.extend(['[', c, ']']);
        } else {
            pattern.push(c);
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_few_as_match_no_other() {
        let check = |some: &[&'static str], others: &[&'static str], expected: &[&str]| {
            let some: BTreeSet<&str> = some.iter().copied().collect();
            let all = some.iter().chain(others).copied().collect::<Vec<_>>();
            assert_eq!(covering(&some, all), expected, "{some:?}");
        };
        let web = "web/Dockerfile";
        check(
            &["a/Dockerfile.x", "b/Dockerfile.x"],
            &[web],
            &["**/Dockerfile.x"],
        );
        check(
            &["a/Dockerfile.x", "b/Dockerfile.x"],
            &["c/Dockerfile.x"],
            &["a/Dockerfile.x", "b/Dockerfile.x"],
        );
        check(
            &["t/a/Dockerfile", "t/b/x.Dockerfile", "s[1]/Dockerfile"],
            &[web],
            &["s[[]1[]]/Dockerfile", "t/**"],
        );
        check(
            &["t/a/Dockerfile", "t/b/Dockerfile"],
            &["t/Dockerfile"],
            &["t/a/Dockerfile", "t/b/Dockerfile"],
        );
    }
}
