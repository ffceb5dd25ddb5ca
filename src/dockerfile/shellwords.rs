//! Words of a line as BuildKit's shell lexer cuts them where it looks for heredocs: no variable is
//! set, and what is unset stays as it is written.
//!
//! The lexer nests (a quote in a `${…}` in a quote …), so it keeps its state on a stack of its own:
//! no input can exhaust the program's.

use super::gotext::{is_digit, is_letter};

/// How the lexer treats what it removes elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Quotes and escapes stay: a whole line.
    Raw,
    /// Quotes stay, escapes go: a heredoc's name, to see what is quoted.
    Quotes,
    /// Quotes and escapes go: a heredoc's name.
    Plain,
}

impl Mode {
    fn keeps_quotes(self) -> bool {
        self != Self::Plain
    }
}

/// Cuts a text into words. The escape character is always the backslash here. An error is what
/// BuildKit says about an unbalanced quote or brace.
pub(super) fn words(input: &str, mode: Mode) -> Result<Vec<String>, String> {
    // Go's scanner drops a byte order mark at the start.
    let input = input.strip_prefix('\u{feff}').unwrap_or(input);
    Lexer::new(input, mode).run()
}

const MISSING_BRACE: &str = "syntax error: missing '}'";
const MISSING_SLASH: &str = "syntax error: missing '/' in ${}";

fn unbalanced(quote: &str) -> String {
    format!("unexpected end of statement while looking for matching {quote}")
}

fn unsupported(modifier: &str) -> String {
    format!("unsupported modifier ({modifier}) in substitution")
}

/// A construct that the lexer is inside of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frame {
    /// The part of a `${…}` up to its closing brace. Whether escapes stay.
    Brace { raw_escapes: bool },
    /// The pattern of a `${name/pattern/…}`, up to the slash.
    Pattern,
    /// A double-quoted text. Whether escapes stay.
    Quote { raw_escapes: bool },
}

/// What becomes of white space in the piece that is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spaces {
    /// It separates words: outside of quotes, and in variables.
    Separate,
    /// It belongs to the word: in quotes and behind `<<`.
    Keep,
}

struct Lexer<'i> {
    rest: &'i str,
    mode: Mode,
    frames: Vec<Frame>,
    words: Vec<String>,
    word: String,
    /// What the outermost construct does with white space.
    spaces: Spaces,
    /// Where in `word` the outermost construct starts.
    outer: usize,
}

impl<'i> Lexer<'i> {
    fn new(input: &'i str, mode: Mode) -> Self {
        Self {
            rest: input,
            mode,
            frames: Vec::new(),
            words: Vec::new(),
            word: String::new(),
            spaces: Spaces::Separate,
            outer: 0,
        }
    }

    fn run(mut self) -> Result<Vec<String>, String> {
        loop {
            let step = match self.frames.last().copied() {
                None if self.rest.is_empty() => break,
                None => {
                    self.outer = self.word.len();
                    self.spaces = Spaces::Separate;
                    self.unquoted(self.mode == Mode::Raw)
                }
                Some(frame) => self.framed(frame),
            };
            step.map_err(|message| self.missing().map_or(message, str::to_owned))?;
        }
        self.end_word();
        Ok(self.words)
    }

    /// At the end of the text, the outermost `${…}` decides what is said to be missing.
    fn missing(&self) -> Option<&'static str> {
        let at_end = self.rest.is_empty();
        self.frames.iter().find_map(|frame| match frame {
            Frame::Brace { .. } if at_end => Some(MISSING_BRACE),
            Frame::Pattern if at_end => Some(MISSING_SLASH),
            _ => None,
        })
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn eat(&mut self, c: char) -> bool {
        let eaten = self.peek() == Some(c);
        if eaten {
            self.next();
        }
        eaten
    }

    fn end_word(&mut self) {
        if !self.word.is_empty() {
            self.words.push(std::mem::take(&mut self.word));
            self.outer = 0;
        }
    }

    fn put(&mut self, c: char) {
        if self.spaces == Spaces::Separate && c.is_whitespace() {
            self.end_word();
        } else {
            self.word.push(c);
        }
    }

    fn put_all(&mut self, text: &str) {
        for c in text.chars() {
            self.put(c);
        }
    }

    /// Keeps white space if nothing else encloses this.
    fn keep_spaces(&mut self) {
        if self.frames.is_empty() {
            self.spaces = Spaces::Keep;
        }
    }

    /// One step inside a construct.
    fn framed(&mut self, frame: Frame) -> Result<(), String> {
        match (frame, self.peek()) {
            (Frame::Quote { .. }, None) => Err(unbalanced("double-quote")),
            (Frame::Quote { .. }, Some('"')) => {
                self.next();
                if self.mode.keeps_quotes() {
                    self.put('"');
                }
                self.frames.pop();
                Ok(())
            }
            (Frame::Quote { .. }, Some('$')) => self.dollar(),
            (Frame::Quote { raw_escapes }, Some(_)) => {
                self.quoted(raw_escapes);
                Ok(())
            }
            (Frame::Pattern, None) => Err(MISSING_SLASH.into()),
            (Frame::Brace { .. }, None) => Err(MISSING_BRACE.into()),
            (Frame::Pattern, Some('/')) => {
                self.next();
                self.put('/');
                self.frames.pop();
                self.enter(Frame::Brace { raw_escapes: true });
                Ok(())
            }
            (Frame::Brace { .. }, Some('}')) => {
                self.next();
                self.put('}');
                self.frames.pop();
                Ok(())
            }
            (Frame::Pattern, Some(_)) => self.unquoted(true),
            (Frame::Brace { raw_escapes }, Some(_)) => self.unquoted(raw_escapes),
        }
    }

    /// Starts a part of a `${…}`. BuildKit uses one buffer for the words of all levels, so what the
    /// current word held before the outermost construct is lost.
    fn enter(&mut self, frame: Frame) {
        self.word.drain(..self.outer);
        self.outer = 0;
        self.frames.push(frame);
    }

    /// One character, or the start of a construct, outside of quotes.
    fn unquoted(&mut self, raw_escapes: bool) -> Result<(), String> {
        match self.peek() {
            Some('$') => return self.dollar(),
            Some('<') => self.less(),
            Some('\'') => return self.single_quote(),
            Some('"') => {
                self.next();
                self.keep_spaces();
                if self.mode.keeps_quotes() {
                    self.put('"');
                }
                self.frames.push(Frame::Quote { raw_escapes });
            }
            Some('\\') => {
                self.next();
                self.keep_spaces();
                if raw_escapes {
                    self.put('\\');
                }
                if let Some(c) = self.next() {
                    self.put(c);
                }
            }
            Some(c) => {
                self.next();
                self.put(c);
            }
            None => {}
        }
        Ok(())
    }

    /// One character between double quotes.
    fn quoted(&mut self, raw_escapes: bool) {
        let Some(c) = self.next() else { return };
        if c != '\\' {
            self.put(c);
            return;
        }
        if raw_escapes {
            self.put('\\');
        }
        match self.peek() {
            Some(escaped @ ('"' | '$' | '\\')) => {
                self.next();
                self.put(escaped);
            }
            Some(_) => self.put('\\'),
            None => {}
        }
    }

    fn single_quote(&mut self) -> Result<(), String> {
        self.keep_spaces();
        let Some((text, after)) = self.rest[1..].split_once('\'') else {
            self.rest = "";
            return Err(unbalanced("single-quote"));
        };
        self.rest = after;
        let quote = self.mode.keeps_quotes().then_some('\'');
        if let Some(c) = quote {
            self.put(c);
        }
        self.put_all(text);
        if let Some(c) = quote {
            self.put(c);
        }
        Ok(())
    }

    /// `<`, or `<<` with the blanks behind it, which belong to the word.
    fn less(&mut self) {
        self.keep_spaces();
        self.next();
        self.put('<');
        if self.eat('<') {
            self.put('<');
            while let Some(c @ ('\t' | '\r' | ' ')) = self.peek() {
                self.next();
                self.put(c);
            }
        }
    }

    /// `$name` or the start of `${…}`.
    fn dollar(&mut self) -> Result<(), String> {
        self.next();
        self.put('$');
        if !self.eat('{') {
            self.name();
            return Ok(());
        }
        self.put('{');
        match self.peek() {
            None => return Err(MISSING_BRACE.into()),
            Some('{' | '}' | ':') => return Err("syntax error: bad substitution".into()),
            Some(_) => {}
        }
        self.name();
        let raw_escapes = match self.next() {
            Some('}') => {
                self.put('}');
                return Ok(());
            }
            Some(c @ ('+' | '-' | '?' | '#' | '%')) => {
                self.put(c);
                matches!(c, '#' | '%')
            }
            Some(':') => {
                self.put(':');
                let Some(c) = self.next() else {
                    return Err(MISSING_BRACE.into());
                };
                if matches!(c, '#' | '%') {
                    return Err(unsupported(&format!(":{c}")));
                }
                self.enter(Frame::Brace { raw_escapes: false });
                self.put(c);
                return Ok(());
            }
            Some('/') => {
                // Of `//` one slash is left, as in BuildKit.
                self.eat('/');
                self.put('/');
                self.enter(Frame::Pattern);
                return Ok(());
            }
            Some(c) => return Err(unsupported(c.encode_utf8(&mut [0; 4]))),
            None => return Err(unsupported("\u{fffd}")),
        };
        self.enter(Frame::Brace { raw_escapes });
        Ok(())
    }

    /// A variable's name: digits, one special character, or letters, digits and `_`.
    fn name(&mut self) {
        match self.peek() {
            Some(c) if is_digit(c) => self.put_while(is_digit),
            Some(c @ ('@' | '*' | '#' | '?' | '-' | '$' | '!')) => {
                self.next();
                self.put(c);
            }
            _ => self.put_while(|c| is_letter(c) || is_digit(c) || c == '_'),
        }
    }

    fn put_while(&mut self, belongs: impl Fn(char) -> bool) {
        while let Some(c) = self.peek().filter(|c| belongs(*c)) {
            self.next();
            self.put(c);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expected: &[&str]) {
        assert_eq!(words(input, Mode::Raw).expect("balanced"), expected);
    }

    #[test]
    fn cuts_words() {
        check("a  b\u{a0}c", &["a", "b", "c"]);
        check(r#"a' 'b "c d"e"#, &["a' 'b", r#""c d"e"#]);
        check(r"a\ b \<<E", &[r"a\ b", r"\<<E"]);
        check("cat << E <<- F", &["cat", "<< E", "<<-", "F"]);
        check("$A ${B} $$ $1x", &["$A", "${B}", "$$", "$1x"]);
    }

    #[test]
    fn braces_lose_what_stands_before_and_split_at_spaces() {
        check("a${A:-x y}b", &["${A:-x", "y}b"]);
        check("a\"${A:-x y}\"", &["\"${A:-x y}\""]);
        check("a${A: <<E}", &["${A:", "<<E}"]);
        check("${A//x/y}", &["${A/x/y}"]);
        check(r"${A:-\x}${B#\x}", &[r"${B#\x}"]);
    }

    #[test]
    fn says_what_is_missing() {
        for (input, message) in [
            (
                "'a",
                "unexpected end of statement while looking for matching single-quote",
            ),
            ("${A:-'a", MISSING_BRACE),
            ("${A/${B:-\"a", MISSING_SLASH),
            ("${}", "syntax error: bad substitution"),
            ("${A^}", "unsupported modifier (^) in substitution"),
            ("${A:#}", "unsupported modifier (:#) in substitution"),
        ] {
            assert_eq!(words(input, Mode::Raw), Err(message.to_owned()), "{input}");
        }
    }

    #[test]
    fn nests_without_recursion() {
        let deep = "${A:-".repeat(200_000) + &"}".repeat(200_000);
        assert_eq!(words(&deep, Mode::Raw).map(|w| w.len()), Ok(1));
    }
}
