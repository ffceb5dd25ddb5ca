//! Variable expansion and quote removal in words of a Dockerfile (semantics §7).
//!
//! This is a small language of its own, close to a POSIX shell's and different from it in details.
//! Values that are not known, such as the environment of a base image that nobody has fetched, are
//! never guessed: an expansion that depends on one is *unknown*.

mod machine;
mod pattern;
mod substitute;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;

/// What an environment says of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// It has this value.
    Set(&'a str),
    /// It has none.
    Unset,
    /// It may have one, and nobody here can tell.
    Unknown,
}

/// Where variables are looked up.
pub trait Environment {
    /// The value of a variable.
    fn get(&self, name: &str) -> Value<'_>;
}

impl Environment for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Value<'_> {
        match BTreeMap::get(self, name) {
            Some(value) => Value::Set(value),
            None => Value::Unset,
        }
    }
}

/// The variables that an expansion looked up, by what the environment said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// They had a value.
    pub matched: BTreeSet<String>,
    /// They had none.
    pub unmatched: BTreeSet<String>,
    /// Of those that had none, the ones that stand for an empty text: nothing else is given for the
    /// case, as in `${name:-text}`.
    pub blank: BTreeSet<String>,
    /// Nobody could tell.
    pub unknown: BTreeSet<String>,
}

impl Names {
    /// Those of which another value would give another text: those that stand for an empty text, where there are
    /// any, else those that had a value.
    pub fn deciding(&self) -> &BTreeSet<String> {
        if self.blank.is_empty() {
            &self.matched
        } else {
            &self.blank
        }
    }
}

impl Names {
    /// Whether no variable was looked up.
    pub fn is_empty(&self) -> bool {
        self.matched.is_empty() && self.unmatched.is_empty() && self.unknown.is_empty()
    }
}

/// A part of a text that came from a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FromVariable {
    /// Where it is, in bytes; may be empty.
    pub range: Range<usize>,
    /// The variable's name. What stands there may be a default in place of its value.
    pub name: String,
}

/// What an expansion gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expansion<T> {
    /// The result; `None` where it depends on a value that is unknown.
    pub value: Option<T>,
    /// Which parts of the text came from variables, in order.
    pub variables: Vec<FromVariable>,
    /// What it looked up.
    pub names: Names,
    /// How much was done to match patterns: the length of each times that of its value.
    pub steps: usize,
}

/// Why a word cannot be expanded, in BuildKit's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpandError(String);

impl fmt::Display for ExpandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ExpandError {}

/// How a word is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lexer {
    escape: char,
    /// Whether quotes mean something.
    quotes: bool,
    keep: Keep,
}

/// What stays in the text although it means something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Keep {
    quotes: bool,
    escapes: bool,
    /// All of `$name` and `${name…}` where the name has no value.
    variables: bool,
}

/// Where no variable has a value.
struct Nothing;

impl Environment for Nothing {
    fn get(&self, _: &str) -> Value<'_> {
        Value::Unset
    }
}

impl Lexer {
    /// How words of instructions are read, with the Dockerfile's escape character.
    pub fn new(escape: char) -> Self {
        Self {
            escape,
            quotes: true,
            keep: Keep::default(),
        }
    }

    /// How bodies of heredocs are read: quotes mean nothing, and `\` escapes whatever the
    /// Dockerfile's escape character is.
    pub fn heredoc_body() -> Self {
        Self {
            quotes: false,
            ..Self::new('\\')
        }
    }

    /// How the line of an instruction is read to find heredocs: as it is written, variables left
    /// alone. What may go is quotes, or escapes and quotes.
    pub(super) fn as_written(quotes: bool, escapes: bool) -> Self {
        Self {
            keep: Keep {
                quotes,
                escapes,
                variables: true,
            },
            ..Self::new('\\')
        }
    }

    /// Expands a word to one text; white space in it stays.
    ///
    /// # Errors
    /// When a quote or brace is not closed, a modifier or pattern is none, `${x:?}` says so, or the
    /// result would be unreasonably long.
    pub fn word(self, word: &str, env: &dyn Environment) -> Result<Expansion<String>, ExpandError> {
        machine::run(self, word, env, false).map(|(expansion, _)| expansion)
    }

    /// Splits a text at white space that was not quoted, without any variables.
    ///
    /// # Errors
    /// As [`Lexer::word`].
    pub(super) fn split(self, text: &str) -> Result<Vec<String>, ExpandError> {
        machine::run(self, text, &Nothing, true).map(|(_, words)| words)
    }

    /// Expands a word, then splits it at white space that was not quoted.
    ///
    /// # Errors
    /// As [`Lexer::word`].
    pub fn words(
        self,
        word: &str,
        env: &dyn Environment,
    ) -> Result<Expansion<Vec<String>>, ExpandError> {
        let (expansion, words) = machine::run(self, word, env, true)?;
        Ok(Expansion {
            value: expansion.value.map(|_| words),
            variables: expansion.variables,
            names: expansion.names,
            steps: expansion.steps,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `SET` has a value, names with an `U` first are unknown, all others are unset.
    struct Partly;

    impl Environment for Partly {
        fn get(&self, name: &str) -> Value<'_> {
            match name {
                "SET" => Value::Set("v"),
                "EMPTY" => Value::Set(""),
                _ if name.starts_with('U') => Value::Unknown,
                _ => Value::Unset,
            }
        }
    }

    #[test]
    fn unknown_only_where_it_matters() {
        let rows = [
            ("$U", None),
            ("a${U}b", None),
            ("\"$U\"", None),
            ("'$U'", Some("$U")),
            ("${U:-w}", None),
            ("${U:+w}", None),
            ("${U:+}", Some("")),
            ("${U:+$EMPTY}", Some("")),
            ("${U:+$U}", None),
            ("${U?m}", None),
            ("${U#p}", None),
            ("${U/a/b}", None),
            ("${SET:-$U}", Some("v")),
            ("${SET:+$U}", None),
            ("${NO:-$U}", None),
            ("${NO+$U}", Some("")),
            ("${SET#$U}", None),
            ("${SET/$U/x}", None),
            ("${SET/v/$U}", None),
            ("${SET/v/x}", Some("x")),
        ];
        for (word, expected) in rows {
            let expansion = Lexer::new('\\').word(word, &Partly).expect(word);
            assert_eq!(expansion.value.as_deref(), expected, "{word}");
        }
    }

    #[test]
    fn tells_what_came_from_variables() {
        let rows: [(&str, &[(usize, usize)]); 4] = [
            ("a:$SET", &[(2, 3)]),
            ("\"a$SET\":1$EMPTY", &[(1, 2), (4, 4)]),
            ("${NO:-b$SET}c", &[(0, 2)]),
            ("a$", &[]),
        ];
        for (word, expected) in rows {
            let expansion = Lexer::new('\\').word(word, &Partly).expect(word);
            let ranges = expansion
                .variables
                .iter()
                .map(|v| (v.range.start, v.range.end));
            assert_eq!(ranges.collect::<Vec<_>>(), expected, "{word}");
        }
    }

    #[track_caller]
    fn check_split(quotes: bool, escapes: bool, text: &str, expected: &[&str]) {
        let words = Lexer::as_written(quotes, escapes).split(text);
        assert_eq!(words.expect(text), expected, "{text}");
    }

    #[test]
    fn splits_what_stays_as_it_is_written() {
        let raw = |text, expected: &[&str]| check_split(true, true, text, expected);
        raw("a  b\u{a0}c", &["a", "b", "c"]);
        raw(r#"a' 'b "c d"e"#, &["a' 'b", r#""c d"e"#]);
        raw(r"a\ b \<<E", &[r"a\ b", r"\<<E"]);
        raw("cat << E <<- F", &["cat", "<< E", "<<-", "F"]);
        raw("$A ${B} $$ $1x", &["$A", "${B}", "$$", "$1x"]);
        // The operand clears what stands before it, and its white space splits.
        raw("a${A:-x y}b", &["${A:-x", "y}b"]);
        raw("a\"${A:-x y}\"", &["\"${A:-x y}\""]);
        raw("a${A: <<E}", &["${A:", "<<E}"]);
        // Of two slashes, one is left.
        raw("${A//x/y}", &["${A/x/y}"]);
        raw(r"${A:-\x}${B#\x}", &[r"${B#\x}"]);
        check_split(true, false, r#"\a"b\"""#, &[r#"a"b"""#]);
        check_split(false, false, r#"\a"b\"" '$c'"#, &["ab\"", "$c"]);
    }

    #[test]
    fn says_what_is_missing() {
        let rows = [
            (
                "'a",
                "unexpected end of statement while looking for matching single-quote",
            ),
            ("${A:-'a", "syntax error: missing '}'"),
            ("${A/${B:-\"a", "syntax error: missing '/' in ${}"),
            ("${}", "syntax error: bad substitution"),
            ("${A^}", "unsupported modifier (^) in substitution"),
            ("${A:#}", "unsupported modifier (:#) in substitution"),
        ];
        for (text, message) in rows {
            let error = Lexer::as_written(true, true).split(text).expect_err(text);
            assert!(error.to_string().ends_with(message), "{text}: {error}");
        }
    }

    #[test]
    fn unknown_values_do_not_hide_errors() {
        for word in ["${U%\\q}", "${U:=x}", "${NO:?$U}", "$U'"] {
            assert!(Lexer::new('\\').word(word, &Partly).is_err(), "{word}");
        }
    }

    #[test]
    fn depth_and_growth_are_bounded() {
        let deep = "${a:-x".repeat(100_000) + &"}".repeat(100_000);
        let expansion = Lexer::new('\\')
            .word(&deep, &Partly)
            .expect("it is balanced");
        assert_eq!(expansion.value.map(|text| text.len()), Some(100_000));

        let words = Lexer::as_written(true, true).split(&deep);
        assert_eq!(words.map(|words| words.len()), Ok(1));

        let mut env = BTreeMap::from([("A".to_owned(), "x".repeat(1000))]);
        let doubled = (0..40).try_for_each(|_| {
            let text = Lexer::new('\\').word("$A$A", &env)?.value;
            env.insert("A".to_owned(), text.unwrap_or_default());
            Ok::<_, ExpandError>(())
        });
        assert!(doubled.is_err());
    }
}
