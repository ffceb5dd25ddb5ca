//! Quoting for the languages that a plan is compiled to: any text in, one harmless word out.
//!
//! A quoted value is a whole word: it holds no newline and never ends in a backslash, so that it is
//! harmless in a comment too. What a language cannot carry at all is an error, never a guess.

use std::fmt::Write;

use unicode_normalization::is_nfc;

/// A language that values are quoted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    /// A word of a POSIX shell.
    Sh,
    /// A shell word within a recipe or a variable of GNU make.
    Make,
    /// A string literal of HCL.
    Hcl,
    /// A JSON value.
    Json,
    /// Text of HTML or XML, also between the quotes of an attribute; not within a script or style sheet.
    Html,
}

/// Why a text cannot be quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unquotable {
    /// It holds a NUL, which ends an argument of a process.
    Nul,
    /// HCL turns every string into Unicode normalisation form C, and this one is not.
    NotNormalised,
}

impl std::fmt::Display for Unquotable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Nul => "contains a NUL, which no command line can contain",
            Self::NotNormalised => {
                "is not in Unicode normalization form C, to which bake converts every string"
            }
        })
    }
}

impl Language {
    /// The text as one literal of the language.
    ///
    /// In `sh` and `make` a newline is written as the shell variable `NEWLINE`, and in `make` a `#`
    /// as the variable `HASH`, because neither can stand in every place there: a template that
    /// meets such values defines them.
    ///
    /// # Errors
    /// When the language cannot carry the text.
    pub(super) fn quote(self, text: &str) -> Result<String, Unquotable> {
        if text.contains('\0') && self != Self::Json {
            return Err(Unquotable::Nul);
        }
        match self {
            Self::Sh => Ok(sh(text)),
            Self::Make => Ok(sh(text).replace('$', "$$").replace('#', "$(HASH)")),
            Self::Hcl if is_nfc(text) => Ok(hcl(text)),
            Self::Hcl => Err(Unquotable::NotNormalised),
            Self::Json => Ok(harmless(&serde_json::Value::from(text).to_string())),
            Self::Html => Ok(html(text)),
        }
    }
}

/// JSON without characters that YAML or a log reads otherwise: YAML refuses control characters and takes some
/// for the end of a line, and in the log of a runner `##[` begins a command, wherever it stands.
pub(super) fn harmless(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.replace("##[", "##\\u005b").chars() {
        match character {
            '\u{7f}'..='\u{9f}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                let _ = write!(text, "\\u{:04x}", u32::from(character));
            }
            _ => text.push(character),
        }
    }
    text
}

/// A text for people, harmless within a comment of every language here: one line, no control
/// characters or such that turn the order of others, no backslash that would join the next line to it,
/// and nothing that a CI system takes for a command where the comment is printed.
pub(super) fn comment(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' => {
                line.extend(character.escape_default());
            }
            '[' if line.ends_with("##") => line.push_str("\\u{5b}"),
            _ if character.is_control() => line.extend(character.escape_default()),
            _ => line.push(character),
        }
    }
    line
}

/// Bare where every shell takes it as it is, else within `'…'`.
fn sh(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(plain) {
        return text.to_owned();
    }
    let inner = text.replace('\'', r"'\''").replace('\n', r#"'"$NEWLINE"'"#);
    format!("'{inner}'")
}

/// Within `"…"`, `${` and `%{` doubled, everything that does not print as an escape.
fn hcl(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('"');
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '"' => literal.push_str("\\\""),
            '\\' => literal.push_str("\\\\"),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            '$' | '%' if rest.peek() == Some(&'{') => {
                literal.push(character);
                literal.push(character);
            }
            _ if character.is_control() => {
                let escape = format!("\\u{:04x}", u32::from(character));
                literal.push_str(&escape);
            }
            _ => literal.push(character),
        }
    }
    literal.push('"');
    literal
}

/// Every character that could mean something as a reference. Control characters, which XML cannot hold
/// at all, become U+FFFD.
fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&#34;"),
            '\'' => escaped.push_str("&#39;"),
            '`' => escaped.push_str("&#96;"),
            '\n' | '\t' => escaped.push(character),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ if character.is_control() => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_quotes_what_it_must() {
        // text, sh, make, HCL
        let rows = [
            ("a/b:1", "a/b:1", "a/b:1", r#""a/b:1""#),
            ("", "''", "''", r#""""#),
            ("-x", "'-x'", "'-x'", r#""-x""#),
            ("~", "'~'", "'~'", r#""~""#),
            ("it's", r"'it'\''s'", r"'it'\''s'", r#""it's""#),
            ("$(x)", "'$(x)'", "'$$(x)'", r#""$(x)""#),
            ("${x}", "'${x}'", "'$${x}'", r#""$${x}""#),
            ("%{x}$$${", "'%{x}$$${'", "'%{x}$$$$$${'", r#""%%{x}$$$${""#),
            ("c#", "'c#'", "'c$(HASH)'", r#""c#""#),
            ("a\\", r"'a\'", r"'a\'", r#""a\\""#),
            (
                "a\nb",
                r#"'a'"$NEWLINE"'b'"#,
                r#"'a'"$$NEWLINE"'b'"#,
                r#""a\nb""#,
            ),
            ("\u{1}é", "'\u{1}é'", "'\u{1}é'", "\"\\u0001é\""),
        ];
        for (text, sh, make, hcl) in rows {
            assert_eq!(Language::Sh.quote(text).as_deref(), Ok(sh), "{text:?}");
            assert_eq!(Language::Make.quote(text).as_deref(), Ok(make), "{text:?}");
            assert_eq!(Language::Hcl.quote(text).as_deref(), Ok(hcl), "{text:?}");
        }
        let text = "<a href=\"x\" b='`'>&\n\u{1b}\u{ffff}é";
        let quoted = "&lt;a href=&#34;x&#34; b=&#39;&#96;&#39;&gt;&amp;\n\u{fffd}\u{fffd}é";
        assert_eq!(Language::Html.quote(text).as_deref(), Ok(quoted));
    }

    #[test]
    fn what_cannot_be_carried_is_an_error() {
        let nul = Err(Unquotable::Nul);
        for language in [Language::Sh, Language::Make, Language::Hcl, Language::Html] {
            assert_eq!(language.quote("a\0"), nul);
        }
        assert_eq!(Language::Json.quote("a\0").as_deref(), Ok(r#""a\u0000""#));
        let decomposed = "e\u{301}";
        assert_eq!(
            Language::Hcl.quote(decomposed),
            Err(Unquotable::NotNormalised)
        );
        assert!(Language::Sh.quote(decomposed).is_ok());
    }

    #[test]
    fn a_comment_stays_one_line() {
        assert_eq!(comment("a\nb\\\r\u{2028}é"), "a\\nb\\\\\\r\\u{2028}é");
        assert_eq!(comment("\u{202e}a ##[b]"), "\\u{202e}a ##\\u{5b}b]");
    }
}
