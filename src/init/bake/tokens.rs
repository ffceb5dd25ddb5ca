//! The tokens of HCL and JSON, as far as brackets and separators need them: a string or heredoc is one.

use std::ops::Range;

/// How many brackets around a place are looked at.
const MAX_DEPTH: usize = 64;

/// A token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    Text,
    Open(char),
    Close,
    Comma,
    Newline,
    Other(char),
}

/// A token, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
}

/// All tokens of a text. Whatever it is, each byte is looked at a bounded number of times.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let end = at + c.len_utf8();
        let line_end = || at + rest.find('\n').unwrap_or(rest.len());
        let (kind, end) = match c {
            '\n' => (Kind::Newline, end),
            c if c.is_whitespace() => {
                at = end;
                continue;
            }
            '#' => {
                at = line_end();
                continue;
            }
            '/' if rest.starts_with("//") => {
                at = line_end();
                continue;
            }
            '/' if rest.starts_with("/*") => {
                at = rest.find("*/").map_or(text.len(), |length| at + length + 2);
                continue;
            }
            '"' => (Kind::Text, quoted_end(text, end)),
            '<' if rest.starts_with("<<") => match heredoc_end(text, at) {
                Some(end) => (Kind::Text, end),
                None => (Kind::Other(c), end),
            },
            '{' | '[' | '(' => (Kind::Open(c), end),
            '}' | ']' | ')' => (Kind::Close, end),
            ',' => (Kind::Comma, end),
            c if is_word(c) => {
                let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                (Kind::Word, at + length)
            }
            c => (Kind::Other(c), end),
        };
        tokens.push(Token {
            kind,
            span: at..end,
        });
        at = end;
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

/// The end of a quoted text whose inside begins at `at`: what stands in `${…}` may be quoted too.
fn quoted_end(text: &str, at: usize) -> usize {
    // The brackets that are open: none within the text itself, one more for each `${` and `{`.
    let mut open: Vec<usize> = Vec::new();
    let mut depth = 0;
    let bytes = text.as_bytes();
    let mut at = at;
    while let Some(byte) = bytes.get(at) {
        match (byte, depth) {
            (b'\\', 0) => at += 1,
            (b'"', 0) => match open.pop() {
                None => return at + 1,
                Some(before) => depth = before,
            },
            (b'"', _) => {
                open.push(depth);
                depth = 0;
            }
            (b'$' | b'%', 0) if bytes.get(at + 1) == Some(&b'{') => {
                if at > 0 && bytes[at - 1] == *byte {
                    // `$${` is a text.
                    at += 1;
                } else {
                    depth = 1;
                    at += 1;
                }
            }
            (b'\n', 0) if open.is_empty() => return at,
            (b'{', 1..) => depth += 1,
            (b'}', 1..) => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// The end of a heredoc that begins at `at`.
fn heredoc_end(text: &str, at: usize) -> Option<usize> {
    let rest = &text[at + 2..];
    let rest = rest.strip_prefix('-').unwrap_or(rest);
    let (word, body) = rest.split_once('\n')?;
    let word = word.trim_end();
    if word.is_empty() || !word.chars().all(is_word) {
        return None;
    }
    let mut end = text.len() - body.len();
    for line in body.split_inclusive('\n') {
        if line.trim() == word {
            return Some(end + line.trim_end().len());
        }
        end += line.len();
    }
    Some(text.len())
}

/// The innermost element of a list, entry of an object or attribute of a block that holds a place and
/// can be left out: arguments of functions and parts of `for` cannot.
pub(super) fn element_at(text: &str, place: usize) -> Option<Range<usize>> {
    let tokens = tokens(text);
    let mut open: Vec<usize> = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        if token.span.start > place || token.kind == Kind::Newline && token.span.end > place {
            break;
        }
        match token.kind {
            Kind::Open(_) => open.push(index),
            Kind::Close if token.span.end <= place => {
                open.pop();
            }
            _ => {}
        }
    }
    let is_loop = |opened: usize| {
        let mut inside = tokens[opened + 1..].iter();
        let first = inside.find(|token| token.kind != Kind::Newline);
        first.is_some_and(|token| &text[token.span.clone()] == "for")
    };
    for opened in open.into_iter().rev().take(MAX_DEPTH) {
        let kind = tokens[opened].kind;
        if kind == Kind::Open('(') || is_loop(opened) {
            continue;
        }
        let ends_at_newline = kind == Kind::Open('{');
        let found = element(&tokens, opened + 1, place, ends_at_newline);
        if found.is_some() {
            return found;
        }
    }
    element(&tokens, 0, place, true)
}

/// The element among those from a token on that holds a place.
fn element(
    tokens: &[Token],
    from: usize,
    place: usize,
    ends_at_newline: bool,
) -> Option<Range<usize>> {
    let mut depth = 0_usize;
    let (mut start, mut end): (Option<usize>, usize) = (None, 0);
    for token in &tokens[from..] {
        let ends = depth == 0
            && match token.kind {
                Kind::Comma | Kind::Close => true,
                Kind::Newline => ends_at_newline,
                _ => false,
            };
        if ends {
            if let Some(start) = start.filter(|start| *start <= place && place <= end) {
                return Some(start..end);
            }
            if token.kind == Kind::Close || token.span.start > place {
                return None;
            }
            start = None;
            continue;
        }
        match token.kind {
            Kind::Newline => continue,
            Kind::Open(_) => depth += 1,
            Kind::Close => depth -= 1,
            _ => {}
        }
        start.get_or_insert(token.span.start);
        end = token.span.end;
    }
    start
        .filter(|start| *start <= place && place <= end)
        .map(|start| start..end)
}

/// The text without one of its elements, and without a comma that would stand alone.
pub(super) fn without(text: &str, element: &Range<usize>) -> String {
    let after = text[element.end..].trim_start();
    let before = text[..element.start].trim_end();
    let (start, end) = if after.starts_with(',') {
        (element.start, text.len() - after.len() + 1)
    } else if before.ends_with(',') {
        (before.len() - 1, element.end)
    } else {
        (element.start, element.end)
    };
    // Everything else stays in its line and column.
    let blank = |c: char| if c == '\n' { '\n' } else { ' ' };
    let blanks: String = text[start..end]
        .chars()
        .flat_map(|c| std::iter::repeat_n(blank(c), c.len_utf8()))
        .collect();
    format!("{}{blanks}{}", &text[..start], &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let place = text.find('@').unwrap();
        let text = text.replacen('@', "x", 1);
        let element = element_at(&text, place).unwrap();
        let left = without(&text, &element);
        assert_eq!(left.len(), text.len());
        let squeezed: Vec<&str> = left.split_whitespace().collect();
        assert_eq!(squeezed.join(" "), expected, "{text}");
    }

    #[test]
    fn elements_can_be_left_out() {
        check(
            "args = { A = 1, B = f(@), C = 3 }",
            "args = { A = 1, C = 3 }",
        );
        check(
            "args = {\n A = 1\n B = f(\n@)\n C = 3\n}",
            "args = { A = 1 C = 3 }",
        );
        check("tags = [\"a\", @]", "tags = [\"a\" ]");
        check("tags = [@, \"a\"]", "tags = [ \"a\"]");
        check("tags = [for x in y : f(@)]\nz = 1", "z = 1");
        check(
            "target \"a\" {\n tags = f(@)\n b = 2\n}",
            "target \"a\" { b = 2 }",
        );
        check(r#"{"a": {"b": "@", "c": 2}}"#, r#"{"a": { "c": 2}}"#);
        check(
            "a = \"x${f({\"y\" = \"}\"})}\"\nb = @",
            "a = \"x${f({\"y\" = \"}\"})}\"",
        );
        check(
            "# a = {\nb = <<-E\n {\n E\nc = @\nd = 1",
            "# a = { b = <<-E { E d = 1",
        );
    }

    #[test]
    fn any_text_has_tokens() {
        for text in [
            "\"",
            "\"${",
            "<<",
            "<<E",
            "/*",
            "\"\\",
            "}",
            "é\"$${\"",
            "<<E\nx",
        ] {
            let all = tokens(text);
            assert!(
                all.windows(2)
                    .all(|two| two[0].span.end <= two[1].span.start)
            );
            for place in 0..=text.len() {
                let _ = element_at(text, place);
            }
        }
    }
}
