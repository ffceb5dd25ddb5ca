//! How Go changes case, quotes text and reads bytes, where a Dockerfile's meaning or an error's
//! wording depends on it.

use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;

/// `unicode.ToLower`: one character for one. Rust maps the dotted capital I to two.
pub(crate) fn lower_char(c: char) -> char {
    match c {
        '\u{130}' => 'i',
        _ => c.to_lowercase().next().unwrap_or(c),
    }
}

/// `strconv.Quote`, which `%q` prints.
pub(crate) fn quote(text: &str) -> String {
    static PRINTABLE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$").expect("the pattern is fixed")
    });
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{b}' => quoted.push_str("\\v"),
            c if PRINTABLE.is_match(c.encode_utf8(&mut [0; 4])) => quoted.push(c),
            c => {
                let code = u32::from(c);
                let written = match code {
                    0..=0x7f => write!(quoted, "\\x{code:02x}"),
                    0x80..=0xffff => write!(quoted, "\\u{code:04x}"),
                    _ => write!(quoted, "\\U{code:08x}"),
                };
                written.expect("writing to a string cannot fail");
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_as_go_does() {
        for (text, quoted) in [
            ("a b", r#""a b""#),
            ("\"\\", r#""\"\\""#),
            ("é\u{a0}\u{1}", r#""é\u00a0\x01""#),
            ("\u{feff}\n\u{e0001}", r#""\ufeff\n\U000e0001""#),
        ] {
            assert_eq!(quote(text), quoted);
        }
    }
}
