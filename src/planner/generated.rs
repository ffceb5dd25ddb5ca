//! `generated` of the configuration: which files belong in images although git ignores them.

use globset::GlobMatcher;

use crate::config::Spanned;
use crate::paths;

/// The patterns, ready to be matched. Paths are from the root of the plan.
#[derive(Debug, Clone, Default)]
pub(crate) struct Generated {
    patterns: Vec<Pattern>,
}

/// One pattern.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    /// As the configuration has it, and where.
    pub(crate) text: Spanned<String>,
    whole: GlobMatcher,
    /// Its names, each as a pattern; up to a `**`.
    names: Vec<GlobMatcher>,
    /// Whether a `**` ends the names, which stands for any others.
    is_open: bool,
}

impl Generated {
    /// Patterns of the configuration, which have been checked.
    pub(crate) fn new(patterns: &[Spanned<String>]) -> Self {
        Self {
            patterns: patterns.iter().filter_map(Pattern::new).collect(),
        }
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// All of them.
    pub(crate) fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// Whether a file is a generated one.
    pub(crate) fn matches(&self, path: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(path))
    }

    /// Whether some pattern could match something below a folder.
    pub(crate) fn enters(&self, folder: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern.meets(folder))
    }
}

impl Pattern {
    fn new(text: &Spanned<String>) -> Option<Self> {
        let matcher = |text: &str| Some(paths::glob(text).ok()?.compile_matcher());
        let pattern = text.value.trim_start_matches('/');
        let names: Vec<&str> = pattern.split('/').collect();
        // A `{a/b,c}` crosses names: they cannot be told apart.
        let is_closed = |name: &&&str| **name != "**" && !name.contains(['{', '}']);
        let closed = names.iter().take_while(is_closed).count();
        Some(Self {
            text: text.clone(),
            whole: matcher(pattern)?,
            names: names[..closed]
                .iter()
                .map(|name| matcher(name))
                .collect::<Option<_>>()?,
            is_open: closed < names.len(),
        })
    }

    /// Whether a file matches.
    pub(crate) fn matches(&self, path: &str) -> bool {
        self.whole.is_match(path)
    }

    /// Whether something that matches could stand at, above or below a path.
    pub(crate) fn meets(&self, path: &str) -> bool {
        let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
        let mut both = self.names.iter().zip(&names);
        let fits = both.all(|(pattern, name)| pattern.is_match(name));
        fits && (self.is_open || names.len() <= self.names.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_pattern_could_match() {
        #[track_caller]
        fn check(pattern: &str, meets: &[&str], not: &[&str]) {
            let text = Spanned {
                value: pattern.to_owned(),
                span: 0..0,
            };
            let generated = Generated::new(&[text]);
            for path in meets {
                assert!(generated.enters(path), "{pattern} meets {path}");
            }
            for path in not {
                assert!(!generated.enters(path), "{pattern} does not meet {path}");
            }
        }
        let jars = "services/*/target/*.jar";
        check(
            jars,
            &[
                "",
                "services",
                "services/a/target",
                "services/a/target/x.jar",
            ],
            &[
                "web",
                "services/a/dist",
                "services/a/target/x.jar/y",
                "services/a/target/x",
            ],
        );
        check("/dist/**", &["dist", "dist/a/b"], &["a"]);
        check("**/*.jar", &["", "a/b"], &[]);
        check("{a,b/c}/d", &["a", "b/c", "x"], &[]);
    }
}
