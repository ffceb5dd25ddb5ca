//! Text from a repository on its way to people: nothing in it reaches a terminal, a log or a CI runner
//! as a command. The last step before anything is printed.
//!
//! Control characters and those that turn the direction of text become escapes (`\x1b`, `\n`,
//! `\u{202e}`). A line that a CI runner would take for a command (`::` after blanks, `##[…]` and
//! `##vso[…]` anywhere) is broken by a backslash.

use std::borrow::Cow;
use std::fmt::Write;

/// A name on one line: line ends are escaped too.
pub(crate) fn name(text: &str) -> Cow<'_, str> {
    escape(text, &|c| is_unsafe(c))
}

/// A text of several lines, each safe for terminals; tabs stay.
pub(crate) fn lines(text: &str) -> Cow<'_, str> {
    escape(text, &|c| is_unsafe(c) && !matches!(c, '\n' | '\t'))
}

/// What was rendered for a terminal of texts that [`name`] and [`lines`] have been over, and of source
/// lines, in which the renderer replaces escapes: styles stay.
pub(crate) fn rendered(text: &str) -> String {
    let text = escape(text, &|c| {
        is_unsafe(c) && !matches!(c, '\n' | '\t' | '\u{1b}')
    });
    without_commands(&text).into_owned()
}

/// Lines for whatever standard output or standard error is, without any that a CI runner obeys. What
/// styles a terminal stays: it is the program's own once [`lines`] has been over what is not.
pub(crate) fn without_commands(text: &str) -> Cow<'_, str> {
    if !text.contains("::") && !text.contains("##") {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        // Three colons, as before the second file of a diagnostic, begin no command.
        let start = line.find("::").filter(|at| is_blank(&line[..*at]));
        let start = start.filter(|at| !line[*at..].starts_with(":::"));
        let (blank, rest) = line.split_at(start.unwrap_or(0));
        safe.push_str(blank);
        if start.is_some() {
            safe.push('\\');
        }
        let mut rest = rest;
        while let Some(at) = rest.find("##") {
            let (before, after) = rest.split_at(at + 1);
            safe.push_str(before);
            let word = after[1..].trim_start_matches(|c: char| c.is_ascii_alphanumeric());
            if word.starts_with('[') {
                safe.push('\\');
            }
            rest = after;
        }
        safe.push_str(rest);
    }
    Cow::Owned(safe)
}

/// Text that a program wrote as JSON, whose strings are the only place where such characters stand: the
/// same values, in characters that every terminal and runner takes for themselves.
pub(crate) fn json(text: &str) -> Cow<'_, str> {
    let unsafe_in_json = |c: char| is_unsafe(c) && !matches!(c, '\n' | '\t' | '\r');
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t' | b'\r');
    let has_unsafe = || !text.bytes().all(is_plain) && text.contains(unsafe_in_json);
    if memchr::memmem::find(text.as_bytes(), b"##").is_none() && !has_unsafe() {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if unsafe_in_json(c) || c == '#' && safe.ends_with('#') {
            let _ = write!(safe, "\\u{:04x}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// A path as git quotes it where lines are read by programs: as it is, or in double quotes with the
/// escapes of C.
pub(crate) fn quoted(path: &str) -> Cow<'_, str> {
    let special = |c: char| is_unsafe(c) || matches!(c, '"' | '\\');
    if !path.contains(special) {
        return Cow::Borrowed(path);
    }
    let mut text = String::from("\"");
    for c in path.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            '\r' => text.push_str("\\r"),
            c if is_unsafe(c) => {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    let _ = write!(text, "\\{byte:03o}");
                }
            }
            c => text.push(c),
        }
    }
    text.push('"');
    Cow::Owned(text)
}

fn escape<'t>(text: &'t str, is_escaped: &dyn Fn(char) -> bool) -> Cow<'t, str> {
    if !text.contains(is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            c if !is_escaped(c) => safe.push(c),
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            c if u32::from(c) < 0x100 => {
                let _ = write!(safe, "\\x{:02x}", u32::from(c));
            }
            c => {
                let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
            }
        }
    }
    Cow::Owned(safe)
}

/// Control characters, and those that end lines or turn the direction of text.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

/// Whether a reader of commands passes over this before one: blanks and what styles a terminal.
fn is_blank(text: &str) -> bool {
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let Some(style) = rest.strip_prefix("\u{1b}[") else {
            return rest.is_empty();
        };
        rest = style.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        rest = rest.strip_prefix('m').unwrap_or(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_command_a_terminal() {
        assert_eq!(name("a\u{1b}]0;x\u{7}\n\u{9b}b"), r"a\x1b]0;x\x07\n\x9bb");
        assert_eq!(name("\u{202e}ä\u{2066}"), r"\u{202e}ä\u{2066}");
        assert_eq!(lines("a\tb\r\nc\u{7f}"), "a\tb\\r\nc\\x7f");
        assert_eq!(lines("plain 数\n"), "plain 数\n");
    }

    #[test]
    fn lines_that_command_a_runner() {
        let rows = [
            ("a::b\n c: ##[x\n", "a::b\n c: #\\#[x\n"),
            ("::error::x\n  ::y", "\\::error::x\n  \\::y"),
            ("\u{1b}[1m::x", "\u{1b}[1m\\::x"),
            ("\u{a0}::x", "\u{a0}\\::x"),
            (" ::: a:1", " ::: a:1"),
            ("x ##vso[y] ###[ ## [", "x #\\#vso[y] ##\\#[ ## ["),
            ("## Title", "## Title"),
        ];
        for (text, safe) in rows {
            assert_eq!(without_commands(text), safe);
        }
    }

    #[test]
    fn json_keeps_its_values() {
        let value = "##[x]\u{202e}\u{9b}\u{7f}###";
        let text = serde_json::to_string_pretty(&[value]).unwrap();
        let safe = json(&text);
        assert!(!safe.contains("##") && !safe.contains(is_unsafe_but_lines));
        assert_eq!(serde_json::from_str::<[String; 1]>(&safe).unwrap(), [value]);
    }

    fn is_unsafe_but_lines(c: char) -> bool {
        is_unsafe(c) && c != '\n'
    }

    #[test]
    fn paths_on_lines_of_their_own() {
        assert_eq!(quoted("a b/ä"), "a b/ä");
        assert_eq!(quoted("a\n\"\\\u{1b}"), r#""a\n\"\\\033""#);
        assert_eq!(quoted("\u{202e}"), r#""\342\200\256""#);
    }
}
