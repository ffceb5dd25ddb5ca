//! Go's regular expressions in terms of the `regex` crate's.
//!
//! Patterns that BuildKit matches with an expression are not escaped completely (semantics §16.4), so
//! what an odd one matches depends on Go's dialect. The two dialects are near, and differ in braces
//! that are no repetition, in classes, in escapes, and in what is an error.

use std::fmt::Write as _;

/// The same expression for the `regex` crate; `None` where Go refuses it.
///
/// `\B`, which could match between the bytes of a character, is refused too.
pub(crate) fn translate(expression: &str) -> Option<String> {
    let mut translation = Translation {
        rest: expression,
        out: String::with_capacity(expression.len() + 16),
        operand: Operand::None,
    };
    while !translation.rest.is_empty() {
        translation.step()?;
    }
    Some(translation.out)
}

/// What stands before the place at hand, as a repetition sees it.
#[derive(PartialEq, Eq)]
enum Operand {
    /// Nothing that could be repeated.
    None,
    /// Something that can.
    Single,
    /// Something that is repeated already, which Go allows once.
    Repeated,
}

struct Translation<'a> {
    rest: &'a str,
    out: String,
    operand: Operand,
}

/// A member of a class: a character, or a class of its own in the `regex` crate's syntax.
enum Member {
    Char(char),
    Class(String),
}

impl Translation<'_> {
    fn step(&mut self) -> Option<()> {
        match self.next()? {
            '(' => self.emit("(?:", Operand::None),
            ')' => self.emit(")", Operand::Single),
            '|' => self.emit("|", Operand::None),
            '.' => self.emit(".", Operand::Single),
            '^' => self.emit("^", Operand::Single),
            '$' => self.emit("$", Operand::Single),
            '*' => self.repeat("*")?,
            '?' => self.repeat("?")?,
            '[' => self.class()?,
            '\\' => self.escape()?,
            '{' => match parse_repetition(self.rest) {
                None => self.literal('{'),
                Some((least, most, after)) => {
                    self.rest = after;
                    if least > 1000 || most.is_some_and(|most| most > 1000 || most < least) {
                        return None;
                    }
                    let most = most.map_or_else(String::new, |most| most.to_string());
                    self.repeat(&format!("{{{least},{most}}}"))?;
                }
            },
            c => self.literal(c),
        }
        Some(())
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn emit(&mut self, text: &str, operand: Operand) {
        self.out.push_str(text);
        self.operand = operand;
    }

    fn literal(&mut self, c: char) {
        self.emit(&hex(c), Operand::Single);
    }

    fn repeat(&mut self, operator: &str) -> Option<()> {
        if self.operand != Operand::Single {
            return None;
        }
        self.emit(operator, Operand::Repeated);
        Some(())
    }

    /// What follows a backslash outside of a class.
    fn escape(&mut self) -> Option<()> {
        match self.rest.chars().next()? {
            'A' => self.emit("^", Operand::Single),
            'z' => self.emit("$", Operand::Single),
            'b' => self.emit(r"(?-u:\b)", Operand::Single),
            'Q' => {
                let text = &self.rest[1..];
                let (literal, after) = text.split_once(r"\E").unwrap_or((text, ""));
                literal.chars().for_each(|c| self.literal(c));
                self.rest = after;
                return Some(());
            }
            _ => {
                match self.escaped()? {
                    Member::Char(c) => self.literal(c),
                    Member::Class(class) => self.emit(&class, Operand::Single),
                }
                return Some(());
            }
        }
        self.next();
        Some(())
    }

    /// What follows a backslash anywhere.
    fn escaped(&mut self) -> Option<Member> {
        let c = self.next()?;
        let class = match c {
            'd' => "[0-9]",
            'D' => "[^0-9]",
            's' => r"[\t\n\f\r ]",
            'S' => r"[^\t\n\f\r ]",
            'w' => "[0-9A-Za-z_]",
            'W' => "[^0-9A-Za-z_]",
            'p' | 'P' => return self.unicode_class(c),
            _ => return self.escaped_char(c).map(Member::Char),
        };
        Some(Member::Class(class.to_owned()))
    }

    fn escaped_char(&mut self, c: char) -> Option<char> {
        let octal = |c: char| c.to_digit(8);
        match c {
            'a' => Some('\x07'),
            'f' => Some('\x0c'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'v' => Some('\x0b'),
            'x' => self.hexadecimal(),
            // One digit other than 0 would refer to a group.
            '1'..='7' if self.rest.chars().next().and_then(octal).is_none() => None,
            '0'..='7' => {
                let mut value = octal(c)?;
                for _ in 0..2 {
                    if let Some(digit) = self.rest.chars().next().and_then(octal) {
                        self.next();
                        value = value * 8 + digit;
                    }
                }
                char::from_u32(value)
            }
            _ if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(c),
            _ => None,
        }
    }

    fn hexadecimal(&mut self) -> Option<char> {
        let (digits, after) = match self.rest.strip_prefix('{') {
            Some(inner) => inner.split_once('}')?,
            None => self.rest.split_at_checked(2)?,
        };
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        self.rest = after;
        char::from_u32(u32::from_str_radix(digits, 16).ok()?)
    }

    /// `\pL`, `\p{Greek}` and their negations.
    fn unicode_class(&mut self, p: char) -> Option<Member> {
        let length = if self.rest.starts_with('{') {
            self.rest.find('}')? + 1
        } else {
            self.rest.chars().next()?.len_utf8()
        };
        let (name, after) = self.rest.split_at(length);
        self.rest = after;
        Some(Member::Class(format!("\\{p}{name}")))
    }

    /// What follows a `[`.
    fn class(&mut self) -> Option<()> {
        let mut class = String::from("[");
        if let Some(rest) = self.rest.strip_prefix('^') {
            self.rest = rest;
            class.push('^');
        }
        let mut first = true;
        while first || !self.rest.starts_with(']') {
            first = false;
            let posix = self
                .rest
                .strip_prefix("[:")
                .and_then(|name| name.split_once(":]"));
            if let Some((name, after)) = posix {
                self.rest = after;
                class.push_str(posix_class(name)?);
                continue;
            }
            match self.member()? {
                Member::Class(inner) => class.push_str(&inner),
                Member::Char(low) => {
                    let mut high = low;
                    if self.rest.len() >= 2
                        && self.rest.starts_with('-')
                        && !self.rest.starts_with("-]")
                    {
                        self.next();
                        match self.member_char()? {
                            c if c >= low => high = c,
                            _ => return None,
                        }
                    }
                    write!(class, "{}-{}", hex(low), hex(high)).ok()?;
                }
            }
        }
        self.next();
        class.push(']');
        self.emit(&class, Operand::Single);
        Some(())
    }

    fn member(&mut self) -> Option<Member> {
        match self.next()? {
            '\\' => self.escaped(),
            c => Some(Member::Char(c)),
        }
    }

    fn member_char(&mut self) -> Option<char> {
        match self.next()? {
            '\\' => {
                let c = self.next()?;
                self.escaped_char(c)
            }
            c => Some(c),
        }
    }
}

/// `n}`, `n,}` or `n,m}` at the start of `text`, and what follows.
fn parse_repetition(text: &str) -> Option<(u32, Option<u32>, &str)> {
    let (inner, after) = text.split_once('}')?;
    let number = |digits: &str| {
        let padded = digits.len() > 1 && digits.starts_with('0');
        if padded || digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        // Whatever does not fit is too large anyway.
        Some(digits.parse().unwrap_or(u32::MAX))
    };
    let (least, most) = match inner.split_once(',') {
        None => (number(inner)?, Some(number(inner)?)),
        Some((least, "")) => (number(least)?, None),
        Some((least, most)) => (number(least)?, Some(number(most)?)),
    };
    Some((least, most, after))
}

/// The named class of ASCII characters, for use within a class.
fn posix_class(name: &str) -> Option<&'static str> {
    const NAMES: [(&str, &str, &str); 14] = [
        ("alnum", "[[:alnum:]]", "[[:^alnum:]]"),
        ("alpha", "[[:alpha:]]", "[[:^alpha:]]"),
        ("ascii", "[[:ascii:]]", "[[:^ascii:]]"),
        ("blank", "[[:blank:]]", "[[:^blank:]]"),
        ("cntrl", "[[:cntrl:]]", "[[:^cntrl:]]"),
        ("digit", "[[:digit:]]", "[[:^digit:]]"),
        ("graph", "[[:graph:]]", "[[:^graph:]]"),
        ("lower", "[[:lower:]]", "[[:^lower:]]"),
        ("print", "[[:print:]]", "[[:^print:]]"),
        ("punct", "[[:punct:]]", "[[:^punct:]]"),
        ("space", "[[:space:]]", "[[:^space:]]"),
        ("upper", "[[:upper:]]", "[[:^upper:]]"),
        ("word", "[[:word:]]", "[[:^word:]]"),
        ("xdigit", "[[:xdigit:]]", "[[:^xdigit:]]"),
    ];
    let (plain, negated) = match name.strip_prefix('^') {
        Some(plain) => (plain, true),
        None => (name, false),
    };
    NAMES
        .iter()
        .find(|(known, ..)| *known == plain)
        .map(|(_, class, complement)| if negated { *complement } else { *class })
}

fn hex(c: char) -> String {
    format!("\\x{{{:x}}}", u32::from(c))
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::translate;

    #[test]
    fn means_what_go_means() {
        let rows = [
            ("^a{2}$", "aa", true),
            ("^a{2,}$", "aaaa", true),
            ("^a{b$", "a{b", true),
            ("^a{,2}$", "a{,2}", true),
            ("^a{02}$", "a{02}", true),
            ("^[]a]$", "]", true),
            ("^[[^/]*]$", "^^]", true),
            ("^[a-]$", "-", true),
            (r"^\d[^/]*$", "1x", true),
            (r"^\d$", "٣", false),
            ("^[[:alpha:]-]$", "-", true),
            (r"^\Qa[^/]*\E$", "a[^/]*", true),
            (r"^\101\x41$", "AA", true),
            ("^&&~~--$", "&&~~--", true),
            ("^[a&&b]$", "&", true),
        ];
        for (expression, text, expected) in rows {
            let translated = translate(expression).expect(expression);
            let regex = Regex::new(&translated).expect(&translated);
            assert_eq!(regex.is_match(text), expected, "{expression} {text}");
        }
    }

    #[test]
    fn refuses_what_go_refuses() {
        for expression in [
            "^[b-a]$",
            "^[^/]*{2}$",
            "a|{2}",
            "^a{1001}$",
            "^a{3,2}$",
            r"^\1$",
            r"^\q$",
            r"^\é$",
            "^[[:nope:]]$",
            "^[a$",
            r"^\xzz$",
        ] {
            assert_eq!(translate(expression), None, "{expression}");
        }
    }
}
