//! Patterns of `${name#pattern}`, `${name%pattern}` and `${name/pattern/text}` (semantics §7.5):
//! `*` is any run of characters, `?` any one, neither a line end; `\` takes `*`, `?` and `\` as they
//! are.

use std::borrow::Cow;

use regex::Regex;

use super::machine::LIMIT;
use crate::lang::go::text::{is_digit, is_letter};

/// `value` without the shortest (`greedy`: longest) start that matches.
pub(super) fn strip_prefix(pattern: &str, value: &str, greedy: bool) -> Result<String, String> {
    let regex = compile(pattern, greedy, true)?;
    let end = regex.find(value).map_or(0, |found| found.end());
    Ok(value[end..].to_owned())
}

/// `value` without the shortest (`greedy`: longest) end that matches.
///
/// An expression finds the leftmost match, so both are turned around.
pub(super) fn strip_suffix(pattern: &str, value: &str, greedy: bool) -> Result<String, String> {
    let stripped = strip_prefix(&reverse_pattern(pattern), &reverse(value), greedy)?;
    Ok(reverse(&stripped))
}

/// `value` with the first match, or every one, replaced.
pub(super) fn replace(
    pattern: &str,
    replacement: &str,
    value: &str,
    all: bool,
) -> Result<String, String> {
    let regex = compile(pattern, true, false)?;
    let mut out = String::new();
    let mut copied = 0;
    for found in regex
        .find_iter(value)
        .take(if all { usize::MAX } else { 1 })
    {
        out.push_str(&value[copied..found.start()]);
        if all {
            out.push_str(&fill_template(replacement, found.as_str()));
        } else {
            out.push_str(replacement);
        }
        copied = found.end();
        if out.len() > LIMIT {
            break;
        }
    }
    out.push_str(&value[copied..]);
    Ok(out)
}

fn compile(pattern: &str, greedy: bool, anchored: bool) -> Result<Regex, String> {
    let invalid = |why: &str| format!("invalid pattern ({pattern}) in substitution: {why}");
    let mut expression = String::from(if anchored { "^" } else { "" });
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' => expression.push_str(if greedy { ".*" } else { ".*?" }),
            '?' => expression.push('.'),
            '\\' => match chars.next_if(|next| !matches!(next, '}' | '/')) {
                Some(next @ ('*' | '?' | '\\')) => {
                    expression.push('\\');
                    expression.push(next);
                }
                // The escape of a delimiter belongs to the word around the pattern.
                None if chars.peek().is_some() => {}
                other => {
                    let next = other.unwrap_or(char::REPLACEMENT_CHARACTER);
                    return Err(invalid(&format!("invalid escape '\\{next}'")));
                }
            },
            _ => expression.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    Regex::new(&expression).map_err(|error| invalid(&error.to_string()))
}

fn reverse(text: &str) -> String {
    text.chars().rev().collect()
}

/// The pattern backwards, each escape still before the character that it escapes.
fn reverse_pattern(pattern: &str) -> String {
    let mut units: Vec<(Option<char>, char)> = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match (c, chars.clone().next()) {
            ('\\', Some(next)) => {
                units.push((Some(c), next));
                chars.next();
            }
            _ => units.push((None, c)),
        }
    }
    let backwards = units.into_iter().rev();
    backwards
        .flat_map(|(escape, c)| escape.into_iter().chain([c]))
        .collect()
}

/// BuildKit replaces all matches with Go's `ReplaceAllString`, which reads `$name` in the
/// replacement as a group of the expression. There are none, so all but `$0` vanish.
fn fill_template<'a>(template: &'a str, whole_match: &str) -> Cow<'a, str> {
    if !template.contains('$') {
        return Cow::Borrowed(template);
    }
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        rest = after;
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = group_name(rest) {
            if name == "0" {
                out.push_str(whole_match);
            }
            rest = after;
        } else {
            out.push('$');
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// `name` or `{name}` at the start of `text`, and what follows it.
fn group_name(text: &str) -> Option<(&str, &str)> {
    let (braced, inner) = match text.strip_prefix('{') {
        Some(inner) => (true, inner),
        None => (false, text),
    };
    let end = inner
        .find(|c| !is_letter(c) && !is_digit(c) && c != '_')
        .unwrap_or(inner.len());
    let (name, after) = inner.split_at(end);
    if name.is_empty() {
        None
    } else if braced {
        after.strip_prefix('}').map(|after| (name, after))
    } else {
        Some((name, after))
    }
}
