//! Wildcards in sources of `COPY` and `ADD`: Go's `filepath.Match` (semantics §14.5).
//!
//! `*` is any run of bytes without `/`, `?` one character other than `/`, `[a-c]` and `[^a-c]` a
//! character of a class (which may be `/`, as in Go), and `\` takes the next character as it is. `**`
//! is no more than `*`.

use std::fmt;

/// A pattern that is ready to be matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wildcard {
    steps: Vec<Step>,
}

/// What Go says of a pattern that it cannot read.
pub(crate) const MALFORMED: &str = "syntax error in pattern";

/// The pattern is not one: an unclosed or empty class, or a `\` at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadPattern;

impl fmt::Display for BadPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MALFORMED)
    }
}

impl std::error::Error for BadPattern {}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// This byte.
    Byte(u8),
    /// One character, not `/`.
    Any,
    /// One character that is in one of the ranges, or in none of them.
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
    /// Any number of bytes, none of them `/`.
    Run,
}

impl Wildcard {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When it is malformed.
    pub(crate) fn new(pattern: &str) -> Result<Self, BadPattern> {
        let mut steps = Vec::with_capacity(pattern.len());
        let mut rest = pattern;
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            match c {
                '*' if steps.last() == Some(&Step::Run) => {}
                '*' => steps.push(Step::Run),
                '?' => steps.push(Step::Any),
                '[' => {
                    let (class, after) = parse_class(rest)?;
                    steps.push(class);
                    rest = after;
                }
                '\\' => {
                    let c = rest.chars().next().ok_or(BadPattern)?;
                    rest = &rest[c.len_utf8()..];
                    push_literal(&mut steps, c);
                }
                _ => push_literal(&mut steps, c),
            }
        }
        Ok(Self { steps })
    }

    /// Whether the pattern matches all of `name`. Takes at most `pattern × name` steps.
    pub(crate) fn matches(&self, name: impl AsRef<[u8]>) -> bool {
        let name = name.as_ref();
        let (mut step, mut at) = (0, 0);
        // The last `*`: the step after it, and where what it takes ends for now. Earlier ones need
        // no second look: to take less is always at least as good for what follows.
        let mut last_run: Option<(usize, usize)> = None;
        loop {
            if let Some(Step::Run) = self.steps.get(step) {
                step += 1;
                last_run = Some((step, at));
            } else if step == self.steps.len() && at == name.len() {
                return true;
            } else if let Some(width) = self.steps.get(step).and_then(|s| s.width(&name[at..])) {
                step += 1;
                at += width;
            } else {
                match last_run {
                    Some((after, end)) if end < name.len() && name[end] != b'/' => {
                        (step, at) = (after, end + 1);
                        last_run = Some((after, end + 1));
                    }
                    _ => return false,
                }
            }
        }
    }
}

impl Step {
    /// How many bytes at the start of `name` this step takes; `None` where it does not match.
    fn width(&self, name: &[u8]) -> Option<usize> {
        let &first = name.first()?;
        match self {
            Self::Byte(byte) => (first == *byte).then_some(1),
            Self::Any => (first != b'/').then(|| first_char(name).1),
            Self::Class { negated, ranges } => {
                let (c, width) = first_char(name);
                let listed = ranges.iter().any(|&(low, high)| low <= c && c <= high);
                (listed != *negated).then_some(width)
            }
            Self::Run => None,
        }
    }
}

/// Whether a path has characters that make it a pattern.
pub(crate) fn has_wildcards(path: &str) -> bool {
    let mut chars = path.chars();
    while let Some(c) = chars.next() {
        match c {
            '*' | '?' | '[' => return true,
            '\\' => {
                chars.next();
            }
            _ => {}
        }
    }
    false
}

fn push_literal(steps: &mut Vec<Step>, c: char) {
    let mut buffer = [0; 4];
    steps.extend(c.encode_utf8(&mut buffer).bytes().map(Step::Byte));
}

/// Reads a class after its `[`; returns what follows its `]`.
fn parse_class(text: &str) -> Result<(Step, &str), BadPattern> {
    let (negated, mut rest) = match text.strip_prefix('^') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut ranges = Vec::new();
    loop {
        if !ranges.is_empty()
            && let Some(after) = rest.strip_prefix(']')
        {
            return Ok((Step::Class { negated, ranges }, after));
        }
        let (low, after) = parse_member(rest)?;
        let (high, after) = match after.strip_prefix('-') {
            Some(after) => parse_member(after)?,
            None => (low, after),
        };
        ranges.push((low, high));
        rest = after;
    }
}

/// Reads one character of a class; something must follow it.
fn parse_member(text: &str) -> Result<(char, &str), BadPattern> {
    let text = match text.chars().next() {
        None | Some('-' | ']') => return Err(BadPattern),
        Some('\\') => &text[1..],
        Some(_) => text,
    };
    let c = text.chars().next().ok_or(BadPattern)?;
    let rest = &text[c.len_utf8()..];
    if rest.is_empty() {
        return Err(BadPattern);
    }
    Ok((c, rest))
}

/// The first character and its width; a byte that starts none is U+FFFD of width 1.
fn first_char(bytes: &[u8]) -> (char, usize) {
    let longest = bytes.len().min(4);
    (1..=longest)
        .find_map(|width| {
            let c = std::str::from_utf8(&bytes[..width]).ok()?.chars().next()?;
            Some((c, width))
        })
        .unwrap_or((char::REPLACEMENT_CHARACTER, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the table of Go's own tests.
    #[test]
    fn matches_as_go_does() {
        let rows = [
            ("abc", "abc", true),
            ("*", "abc", true),
            ("*c", "abc", true),
            ("a*", "a", true),
            ("a*", "ab/c", false),
            ("a*/b", "abc/b", true),
            ("a*/b", "a/c/b", false),
            ("a*b*c*d*e*/f", "axbxcxdxe/f", true),
            ("a*b*c*d*e*/f", "axbxcxdxexxx/f", true),
            ("a*b*c*d*e*/f", "axbxcxdxe/xxx/f", false),
            ("a*b*c*d*e*/f", "axbxcxdxexxx/fff", false),
            ("a*b?c*x", "abxbbxdbxebxczzx", true),
            ("a*b?c*x", "abxbbxdbxebxczzy", false),
            ("ab[c]", "abc", true),
            ("ab[b-d]", "abc", true),
            ("ab[e-g]", "abc", false),
            ("ab[^c]", "abc", false),
            ("ab[^e-g]", "abc", true),
            ("a\\*b", "a*b", true),
            ("a\\*b", "ab", false),
            ("a?b", "a☺b", true),
            ("a[^a]b", "a☺b", true),
            ("a???b", "a☺b", false),
            ("[a-ζ]*", "α", true),
            ("*[a-ζ]", "A", false),
            ("a?b", "a/b", false),
            ("a*b", "a/b", false),
            ("[\\]a]", "]", true),
            ("[\\-x]", "x", true),
            ("[x\\-]", "z", false),
            ("*x", "xxx", true),
            ("**", "a/b", false),
            ("a[^x]b", "a/b", true),
            ("", "", true),
        ];
        for (pattern, name, expected) in rows {
            let wildcard = Wildcard::new(pattern).expect(pattern);
            assert_eq!(wildcard.matches(name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn refuses_what_is_malformed() {
        for pattern in [
            "[]a]", "[-]", "[x-]", "[-x]", "\\", "[a-b-c]", "[", "[^", "[^bc", "a[", "a\\", "[\\",
        ] {
            assert_eq!(Wildcard::new(pattern), Err(BadPattern), "{pattern}");
        }
    }

    #[test]
    fn takes_time_in_proportion() {
        let wildcard = Wildcard::new(&"a*".repeat(200)).expect("a pattern");
        assert!(!wildcard.matches("a".repeat(5000) + "/"));
    }
}
