//! Text as BuildKit quotes it in its messages: a Go string literal.

use std::fmt::Write as _;

/// `text` between double quotes, with what cannot be printed escaped as Go's `%q` does.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x0b' => out.push_str("\\v"),
            ' '..='~' => out.push(c),
            _ => push_other(&mut out, c),
        }
    }
    out.push('"');
    out
}

/// A character that is not printable ASCII: as it is where people can see it, else by its number.
fn push_other(out: &mut String, c: char) {
    let written = match u32::from(c) {
        code @ 0..=0x7f => write!(out, "\\x{code:02x}"),
        code if c.is_control() || c.is_whitespace() || c == '\u{feff}' => {
            if code > 0xffff {
                write!(out, "\\U{code:08x}")
            } else {
                write!(out, "\\u{code:04x}")
            }
        }
        _ => write!(out, "{c}"),
    };
    written.expect("writing to a string does not fail");
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn quotes_as_go_does() {
        let rows = [
            ("", r#""""#),
            ("a b", r#""a b""#),
            ("\"\\", r#""\"\\""#),
            ("\t\n\x01\x7f", r#""\t\n\x01\x7f""#),
            ("é☺\u{a0}\u{feff}", r#""é☺\u00a0\ufeff""#),
        ];
        for (text, expected) in rows {
            assert_eq!(quoted(text), expected);
        }
    }
}
