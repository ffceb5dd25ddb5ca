//! One pattern of an ignore file, as moby/patternmatcher understands it (semantics §16.3, §16.4).

use regex::Regex;

use crate::lang::go::regexp;
use crate::lang::wildcard::{MALFORMED, Wildcard};
use crate::paths;

/// A pattern that is ready to be matched.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    /// Whether it takes back what others ignore (`!`).
    pub(super) exception: bool,
    matcher: Matcher,
    reach: Reach,
    /// A text that every match holds; none where nothing is known.
    pub(super) literal: Option<String>,
    first_name: Option<String>,
}

/// Characters that may stand for others.
const SPECIAL: [char; 9] = ['*', '?', '[', ']', '\\', '{', '|', '}', '^'];

/// A pattern whose expression is none. A build fails on the first path that it is tried on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadExpression;

/// Ways of matching with different edges, chosen by the pattern's shape.
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
    /// What Go takes for no expression.
    Bad,
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
        let (matcher, reach) = compile(pattern).unwrap_or((Matcher::Bad, Reach::Anywhere));
        let literal = match &matcher {
            Matcher::Exact(text) | Matcher::Prefix(text) => Some(text.clone()),
            // At the root, what follows the slash is enough.
            Matcher::Suffix(text) => Some(text.trim_start_matches('/').to_owned()),
            Matcher::Regex(_) => literal_of_expression(without_mark(pattern)),
            Matcher::Bad => None,
        };
        let first = pattern.split('/').next().unwrap_or_default();
        let is_plain = !first.is_empty() && !first.contains(SPECIAL);
        let first_name = (is_plain && !matches!(reach, Reach::Anywhere)).then(|| first.to_owned());
        Ok(Some(Self {
            first_name,
            exception,
            matcher,
            reach,
            literal: literal.filter(|literal| !literal.is_empty()),
        }))
    }

    /// Whether its expression is none.
    pub(super) fn is_bad(&self) -> bool {
        matches!(self.matcher, Matcher::Bad)
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
            Matcher::Bad => false,
        }
    }

    /// The name that each match is below or is itself, where the pattern says it.
    pub(super) fn first_name(&self) -> Option<&str> {
        self.first_name.as_deref()
    }

    /// Whether the pattern could match a path below this folder. May say yes where the answer is no.
    pub(super) fn reaches_below(&self, folder: &str) -> bool {
        match &self.reach {
            Reach::Anywhere => true,
            Reach::Literal(literal) => {
                let rest = literal.strip_prefix(folder);
                rest.is_some_and(|rest| rest.starts_with('/')) || folder.starts_with(&**literal)
            }
            Reach::Components(components) => {
                let mut names = folder.split('/');
                for component in components {
                    match names.next() {
                        None => return true,
                        Some(name) if component.matches(name) => {}
                        Some(_) => return false,
                    }
                }
                false
            }
        }
    }
}

/// How the pattern is matched, and where; `None` where its expression is none.
fn compile(pattern: &str) -> Option<(Matcher, Reach)> {
    match classify(pattern) {
        Shape::Exact => Some((
            Matcher::Exact(pattern.to_owned()),
            reach_of_components(pattern)?,
        )),
        Shape::Prefix => {
            let prefix = pattern.strip_suffix("**").unwrap_or(pattern);
            Some((
                Matcher::Prefix(prefix.to_owned()),
                Reach::Literal(prefix.to_owned()),
            ))
        }
        Shape::Suffix => {
            let suffix = pattern.strip_prefix("**").unwrap_or(pattern);
            Some((Matcher::Suffix(suffix.to_owned()), Reach::Anywhere))
        }
        Shape::Regex(expression) => {
            let regex = Regex::new(&regexp::translate(&expression)?).ok()?;
            Some((
                Matcher::Regex(regex),
                reach_of_expression(without_mark(pattern)),
            ))
        }
    }
}

/// The way of matching that a pattern's shape asks for.
enum Shape {
    Exact,
    Prefix,
    Suffix,
    /// With the expression, in Go's dialect.
    Regex(String),
}

/// A pattern as Go's scanner reads it, which passes over a byte order mark.
fn without_mark(pattern: &str) -> &str {
    pattern.strip_prefix('\u{feff}').unwrap_or(pattern)
}

fn classify(pattern: &str) -> Shape {
    let mut expression = String::from("^");
    let mut shape = Shape::Exact;
    let mut is_regex = false;
    let mut rest = without_mark(pattern).chars().peekable();
    let mut first = true;
    while let Some(c) = rest.next() {
        match c {
            '*' if rest.next_if_eq(&'*').is_some() => {
                rest.next_if_eq(&'/');
                if rest.peek().is_some() {
                    expression.push_str("(.*/)?");
                    is_regex = true;
                } else if matches!(shape, Shape::Exact) && !is_regex {
                    shape = Shape::Prefix;
                } else {
                    expression.push_str(".*");
                    is_regex = true;
                }
                if first {
                    shape = Shape::Suffix;
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
        Shape::Regex(expression)
    } else {
        shape
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

/// The longest text before the first class or escape that every match of an expression holds.
fn literal_of_expression(pattern: &str) -> Option<String> {
    // Operators of the expression can make any part optional.
    if pattern.contains(['{', '|', '}', '^']) {
        return None;
    }
    let end = pattern.find(['[', ']', '\\']).unwrap_or(pattern.len());
    // `**` takes a slash that follows it along.
    let plain = pattern[..end].replace("**/", "*");
    let runs = plain.split(['*', '?']);
    runs.max_by_key(|run| run.len()).map(str::to_owned)
}

/// For a pattern without `**` and classes: what it asks of each component.
fn reach_of_components(pattern: &str) -> Option<Reach> {
    let components: Result<Vec<_>, _> = pattern.split('/').map(Wildcard::new).collect();
    components.ok().map(Reach::Components)
}
