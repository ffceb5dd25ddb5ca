//! The lexer proper: one pass over the word with a stack of its own, so that depth costs no call
//! stack, and one buffer that all levels write to, so that depth costs no copying.

mod dollar;

use super::substitute::Modifier;
use super::words::Words;
use super::{Environment, ExpandError, Expansion, FromVariable, Lexer, Names};
use crate::lang::go::text::quote;

/// How many bytes an expansion may add to its word. No process can be started with a longer variable
/// (Linux takes 128 KiB), and a few doublings would otherwise fill the memory.
pub(super) const LIMIT: usize = 256 * 1024;

/// How many steps the patterns of a word may take: the length of each times that of its value.
const STEPS: usize = 512 * 1024 * 1024;

/// A level of nesting. Its text is the end of the common buffer, from `start` on.
struct Frame {
    kind: Kind,
    /// Where its text starts in the buffer.
    start: usize,
    /// Whether the escape character stays in the text.
    raw: bool,
    /// Whether its text depends on an unknown value.
    unknown: bool,
}

enum Kind {
    /// The word itself.
    Base,
    /// `"…"`.
    Quotes,
    /// `${name` + operator + `…}`.
    Operand { name: String, modifier: Modifier },
    /// `${name/…/`, or with two slashes at first.
    Pattern { name: String, all: bool },
    /// `${name/pattern/…}`; the pattern stands in the buffer before this frame's text.
    Replacement {
        name: String,
        all: bool,
        pattern_start: usize,
        pattern_unknown: bool,
    },
}

struct Machine<'a> {
    lexer: Lexer,
    env: &'a dyn Environment,
    rest: &'a str,
    limit: usize,
    out: String,
    frames: Vec<Frame>,
    /// Only in word-splitting mode.
    words: Option<Words>,
    variables: Vec<FromVariable>,
    names: Names,
    steps: usize,
}

/// Expands `word` to its text and, if `split`, the words of that.
pub(super) fn run(
    lexer: Lexer,
    word: &str,
    env: &dyn Environment,
    split: bool,
) -> Result<(Expansion<String>, Vec<String>), ExpandError> {
    let mut machine = Machine {
        lexer,
        env,
        // BuildKit's scanner skips a byte order mark at the start of every word.
        rest: word.strip_prefix('\u{feff}').unwrap_or(word),
        limit: word.len() + LIMIT,
        out: String::new(),
        frames: Vec::new(),
        words: split.then(Words::default),
        variables: Vec::new(),
        names: Names::default(),
        steps: 0,
    };
    match machine.process() {
        Ok(unknown) => {
            let expansion = Expansion {
                value: (!unknown).then_some(machine.out),
                variables: machine.variables,
                names: machine.names,
                steps: machine.steps,
            };
            let words = machine.words.map(Words::finish);
            Ok((expansion, words.unwrap_or_default()))
        }
        Err(message) => Err(ExpandError(format!(
            "failed to process {}: {}",
            quote(word),
            // An error at the very end of a substitution is reported as the missing end of the
            // outermost one.
            machine.missing_end().unwrap_or(message)
        ))),
    }
}

impl Machine<'_> {
    /// Runs to the end; whether the result is unknown.
    fn process(&mut self) -> Result<bool, String> {
        self.open(Kind::Base, self.lexer.keep.escapes);
        while let Some(c) = self.peek() {
            let top = self.top();
            let raw = top.raw;
            match (&top.kind, c) {
                (Kind::Quotes, '"') => {
                    self.next();
                    self.keep_quote(c);
                    self.close()?;
                }
                (Kind::Operand { .. } | Kind::Replacement { .. }, '}')
                | (Kind::Pattern { .. }, '/') => {
                    self.next();
                    self.close()?;
                }
                (_, '$') => {
                    self.next();
                    self.dollar()?;
                }
                (Kind::Quotes, _) => self.quoted_char(raw),
                (_, '\'') if self.lexer.quotes => self.single_quotes()?,
                (_, '"') if self.lexer.quotes => {
                    self.next();
                    self.open(Kind::Quotes, raw);
                    self.keep_quote(c);
                }
                (_, '<') => self.less_than(),
                (_, c) if c == self.lexer.escape => {
                    self.next();
                    if raw {
                        self.push_raw_char(c);
                    }
                    if let Some(c) = self.next() {
                        self.push_raw_char(c);
                    }
                }
                (_, c) => {
                    self.next();
                    self.push_char(c);
                }
            }
            if self.out.len() > self.limit {
                return Err(format!("the result is longer than {} bytes", self.limit));
            }
        }
        match self.top().kind {
            Kind::Base => Ok(self.top().unknown),
            Kind::Quotes => Err(unclosed("double-quote")),
            // `missing_end` words this.
            _ => Err(unclosed("}")),
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn top(&self) -> &Frame {
        self.frames.last().expect("the base frame is never closed")
    }

    fn open(&mut self, kind: Kind, raw: bool) {
        let substitution = !matches!(kind, Kind::Base | Kind::Quotes);
        if substitution && let Some(words) = &mut self.words {
            // BuildKit has one buffer for the word at hand, and an operand starts by clearing it:
            // `EXPOSE 80${X:-90}` exposes 90.
            words.clear_current();
        }
        self.frames.push(Frame {
            kind,
            start: self.out.len(),
            raw,
            unknown: false,
        });
    }

    /// The words, if what is written now goes there directly.
    fn splitting(&mut self) -> Option<&mut Words> {
        if self.frames.len() == 1 {
            self.words.as_mut()
        } else {
            None
        }
    }

    /// Adds a quote, if quotes stay.
    fn keep_quote(&mut self, quote: char) {
        if self.lexer.keep.quotes {
            self.out.push(quote);
        }
    }

    /// Adds a character that may be white space between words.
    fn push_char(&mut self, c: char) {
        self.out.push(c);
        if let Some(words) = self.splitting() {
            words.add_char(c);
        }
    }

    /// Adds a character that white space rules do not apply to.
    fn push_raw_char(&mut self, c: char) {
        self.out.push(c);
        if let Some(words) = self.splitting() {
            words.add_raw(c.encode_utf8(&mut [0; 4]));
        }
    }

    /// One character between double quotes.
    fn quoted_char(&mut self, raw: bool) {
        let Some(mut c) = self.next() else {
            return;
        };
        let escape = self.lexer.escape;
        if c == escape {
            if raw {
                self.out.push(c);
            }
            match self.peek() {
                None => return,
                Some(next) if next == '"' || next == '$' || next == escape => {
                    self.next();
                    c = next;
                }
                Some(_) => {}
            }
        }
        self.out.push(c);
    }

    fn single_quotes(&mut self) -> Result<(), String> {
        self.next();
        let Some((text, after)) = self.rest.split_once('\'') else {
            self.rest = "";
            return Err(unclosed("single-quote"));
        };
        self.rest = after;
        let start = self.out.len();
        self.keep_quote('\'');
        self.out.push_str(text);
        self.keep_quote('\'');
        if self.frames.len() == 1
            && let Some(words) = &mut self.words
        {
            words.add_raw(&self.out[start..]);
        }
        Ok(())
    }

    /// `<<` of a heredoc keeps the blanks after it in its word.
    fn less_than(&mut self) {
        let rest = self.rest;
        let length = rest.strip_prefix("<<").map_or(1, |after| {
            rest.len() - after.trim_start_matches(['\t', '\r', ' ']).len()
        });
        let (text, after) = rest.split_at(length);
        self.rest = after;
        self.out.push_str(text);
        if let Some(words) = self.splitting() {
            words.add_raw(text);
        }
    }

    /// What the outermost open substitution lacks, if the word ends here.
    fn missing_end(&self) -> Option<String> {
        if !self.rest.is_empty() {
            return None;
        }
        self.frames.iter().find_map(|frame| match frame.kind {
            Kind::Base | Kind::Quotes => None,
            Kind::Pattern { .. } => Some("syntax error: missing '/' in ${}".to_owned()),
            Kind::Operand { .. } | Kind::Replacement { .. } => {
                Some("syntax error: missing '}'".to_owned())
            }
        })
    }
}

fn unclosed(what: &str) -> String {
    format!("unexpected end of statement while looking for matching {what}")
}
