//! Variables and substitutions: from a `$` to the text that stands for it.

use super::{Frame, Kind, Machine, STEPS};
use crate::lang::dockerfile::expand::substitute::{self, Modifier, Operand, Outcome};
use crate::lang::dockerfile::expand::{FromVariable, Value};
use crate::lang::go::text::{is_digit, is_letter};

impl<'a> Machine<'a> {
    /// What follows a `$`.
    pub(super) fn dollar(&mut self) -> Result<(), String> {
        if self.peek() == Some('{') {
            self.next();
            return self.braces();
        }
        let name = self.name();
        if name.is_empty() {
            self.push_char('$');
        } else {
            self.variable(&name, ["$", ""]);
        }
        Ok(())
    }

    /// What follows a `${`.
    fn braces(&mut self) -> Result<(), String> {
        match self.peek() {
            None => return Err("syntax error: missing '}'".to_owned()),
            Some('{' | '}' | ':') => return Err("syntax error: bad substitution".to_owned()),
            Some(_) => {}
        }
        let name = self.name();
        match self.next() {
            Some('}') => self.variable(&name, ["${", "}"]),
            Some('/') => {
                let all = self.peek() == Some('/');
                if all {
                    self.next();
                }
                let written = format!("${{{name}/");
                self.open(Kind::Pattern { name, all }, true);
                self.keep_variable(&written);
            }
            next => {
                let colon = next == Some(':');
                let next = if colon { self.next() } else { next };
                let operator = next.unwrap_or(char::REPLACEMENT_CHARACTER);
                let modifier = Modifier { colon, operator };
                let raw = match operator {
                    '#' | '%' if !colon => true,
                    '#' | '%' => return Err(modifier.unsupported()),
                    '+' | '-' | '?' => false,
                    // What is wrong with it is said after its operand.
                    _ if colon => false,
                    _ => return Err(modifier.unsupported()),
                };
                let written = format!("${{{name}{modifier}");
                self.open(Kind::Operand { name, modifier }, raw);
                self.keep_variable(&written);
            }
        }
        Ok(())
    }

    /// Adds a part of a substitution as it is written, if variables stay.
    fn keep_variable(&mut self, written: &str) {
        if self.lexer.keep.variables {
            self.out.push_str(written);
        }
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

    /// Writes the value of a variable that is written between `marks`.
    fn variable(&mut self, name: &str, marks: [&str; 2]) {
        let start = self.out.len();
        let value = self.look_up(name);
        match value {
            Value::Set(text) => self.out.push_str(text),
            Value::Unset if self.lexer.keep.variables => {
                self.out.extend([marks[0], name, marks[1]]);
            }
            Value::Unset => self.note_blank(name),
            Value::Unknown => {}
        }
        self.deliver(name, start, value == Value::Unknown);
    }

    /// Ends the frame on top.
    pub(super) fn close(&mut self) -> Result<(), String> {
        let frame = self.frames.pop().expect("only an open frame is closed");
        let start = frame.start;
        let keep = self.lexer.keep.variables;
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
            Kind::Operand { name, .. } if keep => {
                self.out.push('}');
                self.deliver(&name, start, false);
            }
            Kind::Replacement {
                name,
                pattern_start,
                ..
            } if keep => {
                self.out.push('}');
                self.deliver(&name, pattern_start, false);
            }
            Kind::Operand { name, modifier } => {
                let value = self.env.get(&name);
                if matches!(modifier.operator, '#' | '%') {
                    spend(&mut self.steps, value, operand)?;
                }
                let outcome = modifier.apply(&name, value, operand);
                if self.look_up(&name) == Value::Unset && matches!(modifier.operator, '#' | '%') {
                    self.note_blank(&name);
                }
                self.finish(&name, start, frame.unknown, outcome?);
            }
            Kind::Pattern { name, all } => {
                let kind = Kind::Replacement {
                    name,
                    all,
                    pattern_start: start,
                    pattern_unknown: frame.unknown,
                };
                self.keep_variable("/");
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
                let value = self.env.get(&name);
                spend(&mut self.steps, value, pattern)?;
                let outcome = substitute::replace(value, pattern, operand, all);
                if self.look_up(&name) == Value::Unset {
                    self.note_blank(&name);
                }
                self.finish(&name, pattern_start, false, outcome?);
            }
        }
        Ok(())
    }

    /// Puts the result of a substitution where its parts were.
    fn finish(&mut self, name: &str, start: usize, operand_unknown: bool, outcome: Outcome) {
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
        self.deliver(name, start, unknown);
    }

    /// Hands the text from `start` on, the result of a variable of this name, to the frame that is now on top.
    fn deliver(&mut self, name: &str, start: usize, unknown: bool) {
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
            self.variables.push(FromVariable {
                range: start..self.out.len(),
                name: name.to_owned(),
            });
        }
        self.doubt(unknown);
    }

    /// Marks the frame on top as unknown, if so.
    fn doubt(&mut self, unknown: bool) {
        if let Some(top) = self.frames.last_mut() {
            top.unknown |= unknown;
        }
    }
}

/// Takes the steps that a pattern needs for a value.
fn spend(steps: &mut usize, value: Value<'_>, pattern: Operand<'_>) -> Result<(), String> {
    let Value::Set(text) = value else {
        return Ok(());
    };
    *steps = steps.saturating_add(text.len().saturating_mul(pattern.text.len()));
    if *steps > STEPS {
        return Err("the pattern and its value are too long".to_owned());
    }
    Ok(())
}
