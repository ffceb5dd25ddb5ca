//! One pattern of an ignore file, as moby/patternmatcher understands it (semantics §16.3, §16.4).

use regex::Regex;

use crate::lang::go::regexp;
use crate::lang::wildcard::Wildcard;
use crate::paths;

/// A pattern that is ready to be matched.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    /// Whether it takes back what others ignore (`!`).
    pub(super) exception: bool,
    matcher: Matcher,
    reach: Reach,
}

/// Four ways of matching with different edges, chosen by the pattern's look.
#[derive(Debug, Clone)]
enum Matcher {
    /// Equality.
    Exact(String),
    /// `X**`: every path that starts with X.
    Prefix(String),
    /// `**X`: every path that ends with X; where X starts with `/`, what follows it too.
    Suffix(String),
    /// Everything else.
    Regex(Regex),
}

/// Which folders can have a match below them.
#[derive(Debug, Clone)]
enum Reach {
    /// Any.
    Anywhere,
    /// Those above or below this text, which every match starts with.
    Literal(String),
    /// Those whose components match the first ones of the pattern, component by component; a match
    /// has as many components as the pattern.
    Components(Vec<Wildcard>),
}

impl Pattern {
    /// Compiles a pattern; `None` for one that is empty and so says nothing.
    ///
    /// # Errors
    /// When it is malformed, in the words of patternmatcher.
    pub(super) fn new(text: &str) -> Result<Option<Self>, &'static str> {
        const MALFORMED: &str = "syntax error in pattern";
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let cleaned = paths::clean(text);
        let (exception, pattern) = match cleaned.strip_prefix('!') {
            Some("") => return Err("illegal exclusion pattern: \"!\""),
            Some(pattern) => (true, pattern),
            None => (false, &*cleaned),
        };
        Wildcard::new(pattern).map_err(|_| MALFORMED)?;
        let (matcher, reach) = compile(pattern).ok_or(MALFORMED)?;
        Ok(Some(Self {
            exception,
            matcher,
            reach,
        }))
    }

    /// Whether the pattern matches this very path, parents left aside.
    pub(super) fn matches(&self, path: &str) -> bool {
        match &self.matcher {
            Matcher::Exact(exact) => path == exact,
            Matcher::Prefix(prefix) => path.starts_with(&**prefix),
            Matcher::Suffix(suffix) => {
                path.ends_with(&**suffix) || suffix.strip_prefix('/') == Some(path)
            }
            Matcher::Regex(regex) => regex.is_match(path),
        }
    }

    /// Whether the pattern could match a path below this folder. May say yes where the answer is no.
    pub(super) fn reaches_below(&self, folder: &str) -> bool {
        match &self.reach {
            Reach::Anywhere => true,
            Reach::Literal(literal) => {
                let below = format!("{folder}/");
                literal.starts_with(&below) || below.starts_with(&**literal)
            }
            Reach::Components(components) => {
                let parts: Vec<&str> = folder.split('/').collect();
                parts.len() < components.len()
                    && parts
                        .iter()
                        .zip(components)
                        .all(|(part, c)| c.matches(part))
            }
        }
    }
}

/// How the pattern is matched, and where; `None` where its expression is none.
fn compile(pattern: &str) -> Option<(Matcher, Reach)> {
    match classify(pattern) {
        Look::Exact => Some((
            Matcher::Exact(pattern.to_owned()),
            reach_of_components(pattern)?,
        )),
        Look::Prefix => {
            let prefix = pattern.strip_suffix("**").unwrap_or(pattern);
            Some((
                Matcher::Prefix(prefix.to_owned()),
                Reach::Literal(prefix.to_owned()),
            ))
        }
        Look::Suffix => {
            let suffix = pattern.strip_prefix("**").unwrap_or(pattern);
            Some((Matcher::Suffix(suffix.to_owned()), Reach::Anywhere))
        }
        Look::Regex(expression) => {
            let regex = Regex::new(&regexp::translate(&expression)?).ok()?;
            Some((Matcher::Regex(regex), reach_of_expression(pattern)))
        }
    }
}

/// The way of matching that a pattern's look asks for.
enum Look {
    Exact,
    Prefix,
    Suffix,
    /// With the expression, in Go's dialect.
    Regex(String),
}

fn classify(pattern: &str) -> Look {
    let mut expression = String::from("^");
    let mut look = Look::Exact;
    let mut is_regex = false;
    let mut rest = pattern.chars().peekable();
    let mut first = true;
    while let Some(c) = rest.next() {
        match c {
            '*' if rest.next_if_eq(&'*').is_some() => {
                rest.next_if_eq(&'/');
                if rest.peek().is_some() {
                    expression.push_str("(.*/)?");
                    is_regex = true;
                } else if matches!(look, Look::Exact) && !is_regex {
                    look = Look::Prefix;
                } else {
                    expression.push_str(".*");
                    is_regex = true;
                }
                if first {
                    look = Look::Suffix;
                    is_regex = false;
                }
            }
            '*' => {
                expression.push_str("[^/]*");
                is_regex = true;
            }
            '?' => {
                expression.push_str("[^/]");
                is_regex = true;
            }
            '.' | '+' | '(' | ')' | '$' => {
                expression.push('\\');
                expression.push(c);
            }
            '\\' => {
                expression.push('\\');
                if let Some(next) = rest.next() {
                    expression.push(next);
                    is_regex = true;
                }
            }
            '[' | ']' => {
                expression.push(c);
                is_regex = true;
            }
            // `{`, `|`, `}` and `^` should be escaped, and are not.
            _ => expression.push(c),
        }
        first = false;
    }
    if is_regex {
        expression.push('$');
        Look::Regex(expression)
    } else {
        look
    }
}

/// Where matches of a pattern can be that is matched with an expression.
fn reach_of_expression(pattern: &str) -> Reach {
    // Operators of the expression can make any part optional.
    if pattern.contains(['{', '|', '}', '^']) {
        return Reach::Anywhere;
    }
    if !pattern.contains("**")
        && !pattern.contains(['[', '\\'])
        && let Some(reach) = reach_of_components(pattern)
    {
        return reach;
    }
    let end = pattern.find(['*', '?', '[', '\\', ']']);
    Reach::Literal(pattern[..end.unwrap_or(pattern.len())].to_owned())
}

/// For a pattern without `**` and classes: what it asks of each component.
fn reach_of_components(pattern: &str) -> Option<Reach> {
    let components: Result<Vec<_>, _> = pattern.split('/').map(Wildcard::new).collect();
    components.ok().map(Reach::Components)
}
