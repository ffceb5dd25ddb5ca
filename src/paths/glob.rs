//! Glob patterns, of which any text that a configuration holds is compiled or refused.

use globset::{Glob, GlobBuilder, GlobSet};
use regex::bytes::RegexBuilder;

/// How large a compiled pattern may be, in bytes: as the expression of a rule.
const LIMIT: usize = 1 << 20;

/// How many braces a pattern may open. The library that reads it recurses for each.
const BRACES: usize = 100;

/// A glob pattern of paths or references: `*` and `?` do not cross a `/`, `**` does.
///
/// # Errors
/// When it is none, or when it is too large to be compiled.
pub(crate) fn glob(pattern: &str) -> Result<Glob, String> {
    compiled(GlobBuilder::new(pattern).literal_separator(true), pattern)
}

/// A glob pattern of names, in which `*` and `?` cross a `/` too.
///
/// # Errors
/// As [`glob`].
pub(crate) fn glob_of_names(pattern: &str) -> Result<Glob, String> {
    compiled(GlobBuilder::new(pattern).literal_separator(false), pattern)
}

/// The pattern, if it can be compiled: the library panics on one that cannot.
fn compiled(builder: &GlobBuilder<'_>, pattern: &str) -> Result<Glob, String> {
    if pattern.matches('{').count() > BRACES {
        return Err(format!("it has more than {BRACES} braces"));
    }
    let glob = builder.build().map_err(|error| error.kind().to_string())?;
    let expression = RegexBuilder::new(glob.regex()).size_limit(LIMIT).build();
    expression.map_err(|_| "it is too long".to_owned())?;
    Ok(glob)
}

/// Glob patterns of paths or references together, as many as there are.
#[derive(Debug, Default)]
pub(crate) struct Globs(Vec<GlobSet>);

impl Globs {
    /// Those of the patterns that are some.
    pub(crate) fn new<'p>(patterns: impl IntoIterator<Item = &'p str>) -> Self {
        let globs = patterns
            .into_iter()
            .filter_map(|pattern| glob(pattern).ok());
        let mut sets = Vec::new();
        add(&globs.collect::<Vec<_>>(), &mut sets);
        Self(sets)
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(GlobSet::is_empty)
    }

    /// Whether one of them matches.
    pub(crate) fn is_match(&self, path: &str) -> bool {
        self.0.iter().any(|set| set.is_match(path))
    }
}

/// Adds the patterns in as few sets as can be compiled: a set has a limit of its own.
fn add(globs: &[Glob], sets: &mut Vec<GlobSet>) {
    match GlobSet::new(globs) {
        Ok(set) => sets.push(set),
        Err(_) if globs.len() > 1 => {
            let (left, right) = globs.split_at(globs.len() / 2);
            add(left, sets);
            add(right, sets);
        }
        Err(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{Globs, glob, glob_of_names};

    #[test]
    fn what_cannot_be_compiled_is_refused() {
        let nested = format!("{}x{}", "{a,".repeat(101), "}".repeat(101));
        for pattern in [nested, "?".repeat(1 << 20), "[z-a]".to_owned()] {
            assert!(glob(&pattern).is_err(), "{pattern:.20}");
            assert!(glob_of_names(&pattern).is_err(), "{pattern:.20}");
        }
        let wide = format!("{}x", "{a,b}".repeat(100));
        assert!(glob(&wide).is_ok());
    }

    #[test]
    fn many_patterns_lose_none() {
        let patterns: Vec<String> = (0..3000)
            .map(|at| format!("**/{{a{at},b{at}}}*x{{c,d}}?/[ab]*q{at}**"))
            .chain(["a/*".to_owned()])
            .collect();
        let globs = Globs::new(patterns.iter().map(String::as_str));
        for path in ["a/Dockerfile", "l/b7-xd1/a-q7", "b2999xcy/bq2999"] {
            assert!(globs.is_match(path), "{path}");
        }
        assert!(!globs.is_match("b/Dockerfile"));
    }
}
