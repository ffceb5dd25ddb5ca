//! The variables of compose files: `$NAME`, `${NAME:-default}` and their like, and the file `.env`
//! that gives them values. The environment is not asked: what is written must not depend on it.

use std::collections::{BTreeMap, BTreeSet};

/// The variables that are known.
#[derive(Debug, Default)]
pub(super) struct Variables(BTreeMap<String, String>);

/// A text with its variables replaced.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Interpolated {
    /// The text.
    pub(super) text: String,
    /// The variables that have neither value nor default, and stand for nothing.
    pub(super) unset: BTreeSet<String>,
}

/// How deep defaults within defaults are followed.
const MAX_DEPTH: usize = 16;

impl Variables {
    /// Reads a file `.env`: `NAME=value` a line, `export` before it, comments, quotes. Lines that are
    /// none of these mean nothing.
    pub(super) fn parse(text: &str) -> Self {
        let mut variables = Self::default();
        for line in text.lines() {
            let line = line.trim();
            let line = line.strip_prefix("export ").unwrap_or(line);
            let Some((name, value)) = line.split_once('=') else {
                continue;
            };
            let name = name.trim();
            if !is_name(name) {
                continue;
            }
            let value = variables.value(value.trim());
            variables.0.insert(name.to_owned(), value);
        }
        variables
    }

    /// The value of a variable.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    /// The value that stands on a line, without quotes and comment; lines before it may be named.
    fn value(&self, text: &str) -> String {
        if let Some(rest) = text.strip_prefix('\'') {
            return rest.split('\'').next().unwrap_or_default().to_owned();
        }
        let text = match text.strip_prefix('"') {
            Some(rest) => rest.split('"').next().unwrap_or_default(),
            None => text.split(" #").next().unwrap_or_default().trim_end(),
        };
        self.interpolate(text).text
    }

    /// A text of a compose file with its variables replaced. What is no variable stays as it is.
    pub(super) fn interpolate(&self, text: &str) -> Interpolated {
        let mut result = Interpolated::default();
        self.replace(text, &mut result, 0);
        result
    }

    fn replace(&self, text: &str, result: &mut Interpolated, depth: usize) {
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            result.text.push_str(before);
            rest = after;
            if let Some(after) = rest.strip_prefix('$') {
                result.text.push('$');
                rest = after;
            } else if let Some(after) = rest.strip_prefix('{') {
                let Some(end) = closing(after) else {
                    result.text.push_str("${");
                    rest = after;
                    continue;
                };
                self.expression(&after[..end], result, depth);
                rest = &after[end + 1..];
            } else {
                let end = name_end(rest);
                if end == 0 {
                    result.text.push('$');
                } else {
                    self.plain(&rest[..end], result);
                    rest = &rest[end..];
                }
            }
        }
        result.text.push_str(rest);
    }

    /// What stands between braces: a name, and what to do with its value.
    fn expression(&self, text: &str, result: &mut Interpolated, depth: usize) {
        let (name, operator) = text.split_at(name_end(text));
        let value = self.0.get(name).map(String::as_str);
        let filled = value.filter(|value| !value.is_empty());
        // `:` before the sign counts an empty value as none.
        let (operator, value) = match operator.strip_prefix(':') {
            Some(operator) => (operator, filled),
            None => (operator, value),
        };
        let alternative = |result: &mut Interpolated| {
            if depth < MAX_DEPTH {
                self.replace(&operator[1..], result, depth + 1);
            }
        };
        match (operator.chars().next(), value) {
            (Some('-' | '?'), Some(value)) => result.text.push_str(value),
            (Some('-'), None) | (Some('+'), Some(_)) => alternative(result),
            (Some('+'), None) => {}
            _ => self.plain(name, result),
        }
    }

    fn plain(&self, name: &str, result: &mut Interpolated) {
        match self.0.get(name) {
            Some(value) => result.text.push_str(value),
            None => {
                result.unset.insert(name.to_owned());
            }
        }
    }
}

/// Where a name at the beginning of a text ends.
fn name_end(text: &str) -> usize {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return 0;
    }
    text.find(|c| !is_part(c)).unwrap_or(text.len())
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && name_end(text) == text.len()
}

/// The brace that closes one that stands before the text.
fn closing(text: &str) -> Option<usize> {
    let mut open = 0;
    for (at, c) in text.char_indices() {
        match c {
            '{' => open += 1,
            '}' if open == 0 => return Some(at),
            '}' => open -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced_as_compose_does() {
        let env = "# comment\nTAG=1.2\nexport EMPTY=\nQUOTED=\"a # b\" # c\nRAW='$TAG'\nUSES=${TAG}-x # y\n\
            not a line\n1BAD=x\n";
        let variables = Variables::parse(env);
        let rows = [
            ("plain", "plain", ""),
            ("$TAG-${TAG}", "1.2-1.2", ""),
            ("${QUOTED}|${RAW}|${USES}", "a # b|$TAG|1.2-x", ""),
            ("${EMPTY:-d}|${EMPTY-d}", "d|", ""),
            ("${NONE:-${TAG}}", "1.2", ""),
            ("${NONE:-a${NO}b}", "ab", "NO"),
            ("${TAG:+set}${NONE:+set}${EMPTY+e}", "sete", ""),
            ("${TAG:?needed}${NONE?needed}", "1.2", "NONE"),
            ("$NONE", "", "NONE"),
            ("$$TAG", "$TAG", ""),
            ("a$", "a$", ""),
            ("${TAG", "${TAG", ""),
            ("$1 ${}", "$1 ", ""),
        ];
        for (text, expected, unset) in rows {
            let found = variables.interpolate(text);
            assert_eq!(found.text, expected, "{text}");
            let names: Vec<&str> = found
                .unset
                .iter()
                .map(String::as_str)
                .filter(|n| !n.is_empty())
                .collect();
            assert_eq!(names.join(" "), unset, "{text}");
        }
    }
}
