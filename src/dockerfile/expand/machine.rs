//! The lexer proper: one pass over the word with a stack of its own, so that depth costs no call
//! stack, and one buffer that all levels write to, so that depth costs no copying.

use std::ops::Range;

use super::substitute::{self, Modifier, Operand, Outcome};
use super::words::Words;
use super::{Environment, ExpandError, Expansion, Lexer, Names, Value};
use crate::dockerfile::gotext::{is_digit, is_letter, quote};

/// How many bytes an expansion may add to its word. No process can be started with a longer variable
/// (Linux takes 128 KiB), and a few doublings would otherwise fill the memory.
pub(super) const LIMIT: usize = 256 * 1024;

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
    variables: Vec<Range<usize>>,
    names: Names,
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
    };
    match machine.process() {
        Ok(unknown) => {
            let expansion = Expansion {
                value: (!unknown).then_some(machine.out),
                variables: machine.variables,
                names: machine.names,
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

impl<'a> Machine<'a> {
    /// Runs to the end; whether the result is unknown.
    fn process(&mut self) -> Result<bool, String> {
        self.open(Kind::Base, false);
        while let Some(c) = self.peek() {
            let top = self.top();
            let raw = top.raw;
            match (&top.kind, c) {
                (Kind::Quotes, '"')
                | (Kind::Operand { .. } | Kind::Replacement { .. }, '}')
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
        self.out.push_str(text);
        if let Some(words) = self.splitting() {
            words.add_raw(text);
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

    /// What follows a `$`.
    fn dollar(&mut self) -> Result<(), String> {
        if self.peek() != Some('{') {
            let name = self.name();
            if name.is_empty() {
                self.push_char('$');
            } else {
                self.variable(&name);
            }
            return Ok(());
        }
        self.next();
        match self.peek() {
            None => return Err("syntax error: missing '}'".to_owned()),
            Some('{' | '}' | ':') => return Err("syntax error: bad substitution".to_owned()),
            Some(_) => {}
        }
        let name = self.name();
        match self.next() {
            Some('}') => self.variable(&name),
            Some('/') => {
                let all = self.peek() == Some('/');
                if all {
                    self.next();
                }
                self.open(Kind::Pattern { name, all }, true);
            }
            Some(':') => {
                let modifier = Modifier {
                    colon: true,
                    operator: self.next().unwrap_or(char::REPLACEMENT_CHARACTER),
                };
                if matches!(modifier.operator, '#' | '%') {
                    return Err(modifier.unsupported());
                }
                self.open(Kind::Operand { name, modifier }, false);
            }
            other => {
                let modifier = Modifier {
                    colon: false,
                    operator: other.unwrap_or(char::REPLACEMENT_CHARACTER),
                };
                let raw = match modifier.operator {
                    '+' | '-' | '?' => false,
                    '#' | '%' => true,
                    _ => return Err(modifier.unsupported()),
                };
                self.open(Kind::Operand { name, modifier }, raw);
            }
        }
        Ok(())
    }

    /// Reads the name of a variable; empty where none starts here.
    fn name(&mut self) -> String {
        let rest = self.rest;
        let length = match rest.chars().next() {
            Some(first) if is_digit(first) => rest.find(|c| !is_digit(c)).unwrap_or(rest.len()),
            Some('@' | '*' | '#' | '?' | '-' | '$' | '!') => 1,
            _ => rest
                .find(|c| !is_letter(c) && !is_digit(c) && c != '_')
                .unwrap_or(rest.len()),
        };
        let (name, after) = rest.split_at(length);
        self.rest = after;
        name.to_owned()
    }

    /// Looks a variable up and notes what came of it.
    fn look_up(&mut self, name: &str) -> Value<'a> {
        let value = self.env.get(name);
        let names = match value {
            Value::Set(_) => &mut self.names.matched,
            Value::Unset => &mut self.names.unmatched,
            Value::Unknown => &mut self.names.unknown,
        };
        if !names.contains(name) {
            names.insert(name.to_owned());
        }
        value
    }

    /// Notes that a variable without a value stands for an empty text.
    fn note_blank(&mut self, name: &str) {
        self.names.blank.insert(name.to_owned());
    }

    /// Writes a variable's value.
    fn variable(&mut self, name: &str) {
        let start = self.out.len();
        let value = self.look_up(name);
        match value {
            Value::Set(text) => self.out.push_str(text),
            Value::Unset => self.note_blank(name),
            Value::Unknown => {}
        }
        self.deliver(start, value == Value::Unknown);
    }

    /// Ends the frame on top.
    fn close(&mut self) -> Result<(), String> {
        let frame = self.frames.pop().expect("only an open frame is closed");
        let start = frame.start;
        let operand = Operand {
            text: &self.out[start..],
            unknown: frame.unknown,
        };
        match frame.kind {
            Kind::Base => {}
            Kind::Quotes => {
                let base = self.frames.len() == 1;
                if let Some(words) = self.words.as_mut().filter(|_| base) {
                    words.add_raw(operand.text);
                }
                self.doubt(frame.unknown);
            }
            Kind::Operand { name, modifier } => {
                let value = self.env.get(&name);
                let outcome = modifier.apply(&name, value, operand);
                if self.look_up(&name) == Value::Unset && matches!(modifier.operator, '#' | '%') {
                    self.note_blank(&name);
                }
                self.finish(start, frame.unknown, outcome?);
            }
            Kind::Pattern { name, all } => {
                let kind = Kind::Replacement {
                    name,
                    all,
                    pattern_start: start,
                    pattern_unknown: frame.unknown,
                };
                self.open(kind, true);
            }
            Kind::Replacement {
                name,
                all,
                pattern_start,
                pattern_unknown,
            } => {
                let pattern = Operand {
                    text: &self.out[pattern_start..start],
                    unknown: pattern_unknown,
                };
                let outcome = substitute::replace(self.env.get(&name), pattern, operand, all);
                if self.look_up(&name) == Value::Unset {
                    self.note_blank(&name);
                }
                self.finish(pattern_start, false, outcome?);
            }
        }
        Ok(())
    }

    /// Puts the result of a substitution where its parts were.
    fn finish(&mut self, start: usize, operand_unknown: bool, outcome: Outcome) {
        let unknown = match outcome {
            Outcome::Operand => operand_unknown,
            Outcome::Text(text) => {
                self.out.replace_range(start.., &text);
                false
            }
            Outcome::Unknown => {
                self.out.truncate(start);
                true
            }
        };
        self.deliver(start, unknown);
    }

    /// Hands the text from `start` on, the result of a variable, to the frame that is now on top.
    fn deliver(&mut self, start: usize, unknown: bool) {
        let base = self.frames.len() == 1;
        if let Some(words) = self.words.as_mut().filter(|_| base) {
            self.out[start..].chars().for_each(|c| words.add_char(c));
        }
        if let [_]
        | [
            _,
            Frame {
                kind: Kind::Quotes, ..
            },
        ] = self.frames[..]
        {
            self.variables.push(start..self.out.len());
        }
        self.doubt(unknown);
    }

    /// Marks the frame on top as unknown, if so.
    fn doubt(&mut self, unknown: bool) {
        if let Some(top) = self.frames.last_mut() {
            top.unknown |= unknown;
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
