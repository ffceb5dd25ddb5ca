//! Texts with neutral words: every word that is not one of the languages' own becomes another one, the same
//! one everywhere, so that what refers to what stays.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::config;
use crate::lang::dockerfile::Keyword;
use crate::lang::dockerfile::instruction::flags;

/// Words that decide what a plan is, besides keywords, flags and keys: what they mean is public.
const WORDS: &str = "\
    Dockerfile Containerfile dockerignore shipwright json lock gitattributes git \
    in j2 tmpl template erb tpl jinja jinja2 njk ejs hbs mustache gotmpl md txt vendor node modules \
    syntax escape check skip error true false scratch latest none host default docker image io index hub library \
    https http ssh localhost sha256 sha512 refs heads tags v1 v2 \
    type bind cache tmpfs secret source src target dst destination ro rw readonly readwrite rw id uid gid mode size \
    required env sharing shared private locked from security insecure sandbox \
    linux windows darwin amd64 arm64 arm v v5 v6 v7 v8 arm32v5 arm32v6 arm32v7 arm64v8 386 i386 ppc64le s390x riscv64 mips64le wasi wasm \
    BUILDPLATFORM TARGETPLATFORM BUILDOS TARGETOS BUILDARCH TARGETARCH BUILDVARIANT TARGETVARIANT TARGETSTAGE \
    SOURCE DATE EPOCH BUILDKIT SYNTAX INLINE CONTEXT KEEP DIR MULTI PLATFORM SANDBOX HOSTNAME CACHE MOUNT NS \
    PROXY FTP NO ALL AS PATH tcp udp sctp \
    filter lfs diff merge text eol crlf lf binary ident working tree encoding \
    if elif else endif for endfor set branch revision short name version main master sw \
    join split lower upper replace trim first last length and or not is defined \
    external internal off warning";

/// The units of durations and sizes.
const UNITS: [&str; 10] = ["ns", "us", "ms", "s", "m", "h", "b", "k", "kb", "mb"];

/// Lengths of hashes in hexadecimal digits: MD5 to SHA-512.
const HASHES: [usize; 6] = [32, 40, 56, 64, 96, 128];

/// Makes texts neutral. The same word becomes the same word in each text.
pub(super) struct Neutral {
    kept: BTreeSet<String>,
    /// Words in lower case, and the number of each among those of its kind.
    numbers: BTreeMap<(Kind, Vec<u8>), usize>,
    /// How many there are of each kind.
    counts: BTreeMap<Kind, usize>,
}

/// What words must stay, so that what reads them still does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// A word of this length in hexadecimal digits.
    Hash(usize),
    /// A number of this length.
    Number(usize),
    /// Anything else.
    Word,
}

impl Neutral {
    /// One that has seen no text.
    pub(super) fn new() -> Self {
        let mut kept = BTreeSet::new();
        let mut keep = |text: &str| {
            let words = text.split(|c: char| !c.is_ascii_alphanumeric());
            kept.extend(
                words
                    .filter(|word| !word.is_empty())
                    .map(str::to_ascii_lowercase),
            );
        };
        keep(WORDS);
        for keyword in Keyword::ALL {
            keep(keyword.name());
            for flag in flags::of(keyword) {
                keep(flag.name);
            }
        }
        let lock = include_str!("../../../docs/schema/lock.schema.json");
        let lock = serde_json::from_str(lock).expect("the schema of lock files is JSON");
        for schema in [config::schema(), lock] {
            keys(&schema, &mut keep);
        }
        Self {
            kept,
            numbers: BTreeMap::new(),
            counts: BTreeMap::new(),
        }
    }

    /// A text, in ASCII, with the same punctuation and white space.
    pub(super) fn text(&mut self, text: &[u8]) -> String {
        let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
        let mut neutral = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(&first) = rest.first() {
            let length = match first {
                b'\\' => escaped(rest),
                _ => run(rest),
            };
            let (part, after) = rest.split_at(length.max(1));
            rest = after;
            match first {
                // Of what an escape writes as a number, any letter is as good.
                b'\\' if part.len() > 2 => neutral.push_str("\\u0078"),
                b'\\' => neutral.extend(part.iter().map(|&byte| char::from(byte))),
                _ if length > 0 => neutral.push_str(&self.word(part)),
                b'\n' | b'\t' => neutral.push(char::from(first)),
                b'\r' if rest.starts_with(b"\n") => neutral.push('\r'),
                _ if first.is_ascii_control() => neutral.push('?'),
                _ => neutral.push(char::from(first)),
            }
        }
        neutral
    }

    /// A path, in one line, without what a fixture would read otherwise.
    pub(super) fn path(&mut self, path: &[u8]) -> String {
        let path = self.text(path);
        let plain = path.replace(['\n', '\r', '\t', '>'], "-");
        // ` +x` at the end is the mode of a fixture's file.
        plain.replace(" +", " -").trim_end().to_owned()
    }

    fn word(&mut self, word: &[u8]) -> String {
        let lower = word.to_ascii_lowercase();
        let text = String::from_utf8_lossy(word);
        if self.kept.contains(&*String::from_utf8_lossy(&lower)) {
            return text.into_owned();
        }
        if let Some(quantity) = self.quantity(&text) {
            return quantity;
        }
        let is_hash = HASHES.contains(&lower.len()) && lower.iter().all(u8::is_ascii_hexdigit);
        if is_hash {
            let length = lower.len();
            let number = self.number(Kind::Hash(length), lower);
            return format!("{number:0length$x}");
        }
        // A pattern such as `app*` matches `app1`, so that both begin with the same word.
        let letters = word.iter().take_while(|byte| byte.is_ascii_alphabetic());
        let (letters, digits) = word.split_at(letters.count());
        if !letters.is_empty() && !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) {
            let digits = self.digits(&String::from_utf8_lossy(digits));
            return self.word(letters) + &digits;
        }
        let number = self.number(Kind::Word, lower);
        let has = |is: fn(&u8) -> bool| word.iter().any(is);
        let name = name_of(number);
        match (has(u8::is_ascii_uppercase), has(u8::is_ascii_lowercase)) {
            (false, _) => format!("wd{name}"),
            (true, false) => format!("wd{name}").to_ascii_uppercase(),
            (true, true) if word[0].is_ascii_uppercase() => format!("Wd{name}"),
            (true, true) => format!("wD{name}"),
        }
    }

    /// Numbers, each with a unit or alone, such as `8080` and `1m30s`; none where it is no such word.
    fn quantity(&mut self, word: &str) -> Option<String> {
        let (mut quantity, mut rest) = (String::new(), word);
        while !rest.is_empty() {
            let digits = rest
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(rest.len());
            let (number, after) = rest.split_at(digits);
            let letters = after
                .find(|c: char| c.is_ascii_digit())
                .unwrap_or(after.len());
            let (unit, after) = after.split_at(letters);
            if number.is_empty() || !unit.is_empty() && !UNITS.contains(&unit) {
                return None;
            }
            quantity.push_str(&self.digits(number));
            quantity.push_str(unit);
            rest = after;
        }
        Some(quantity)
    }

    /// A number of as many digits, all of them from 1 to 7, so that what must be octal is. One digit tells
    /// nothing.
    fn digits(&mut self, number: &str) -> String {
        if number.len() == 1 {
            return number.to_owned();
        }
        let mut left = self.number(Kind::Number(number.len()), number.into());
        let mut digits = Vec::new();
        while left > 0 || digits.len() < number.len() {
            digits.push(char::from(b'1' + u8::try_from(left % 7).expect("below 7")));
            left /= 7;
        }
        digits.iter().rev().collect()
    }

    fn number(&mut self, kind: Kind, word: Vec<u8>) -> usize {
        let count = self.counts.entry(kind).or_default();
        *self.numbers.entry((kind, word)).or_insert_with(|| {
            *count += 1;
            *count
        })
    }
}

/// A number from 1 on in letters, each twice: `aa` to `zz`, then `aaaa`. Digits would run into those of a word that
/// has some, and two words that differ in one letter would count as misspelt.
fn name_of(mut number: usize) -> String {
    let mut letters = String::new();
    while number > 0 {
        number -= 1;
        let letter = char::from(b'a' + u8::try_from(number % 26).expect("below 26"));
        letters.extend([letter, letter]);
        number /= 26;
    }
    letters
}

/// The names of all properties of a schema, and the texts that it lists.
fn keys(schema: &Value, keep: &mut impl FnMut(&str)) {
    match schema {
        Value::Object(members) => {
            for (key, value) in members {
                match (key.as_str(), value) {
                    ("properties", Value::Object(properties)) => {
                        properties.keys().for_each(|key| keep(key));
                    }
                    ("enum", Value::Array(values)) => {
                        values.iter().filter_map(Value::as_str).for_each(&mut *keep);
                    }
                    _ => {}
                }
                keys(value, keep);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| keys(value, keep)),
        _ => {}
    }
}

/// The length of the word that a text begins with; 0 where it begins with none. Letters beyond ASCII are words
/// for themselves.
fn run(text: &[u8]) -> usize {
    let is_part: fn(&u8) -> bool = match text.first() {
        Some(byte) if byte.is_ascii() => u8::is_ascii_alphanumeric,
        _ => |byte| !byte.is_ascii(),
    };
    text.iter().take_while(|byte| is_part(byte)).count()
}

/// The length of the escape that a text begins with, of JSON or of a regular expression: with what it
/// escapes, where that is one letter or a number of four digits.
fn escaped(text: &[u8]) -> usize {
    match text.get(1) {
        Some(b'u') if text.len() >= 6 && text[2..6].iter().all(u8::is_ascii_hexdigit) => 6,
        Some(byte) if b"\\ntrbfdDwWsS".contains(byte) => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::Neutral;

    #[track_caller]
    fn check(text: &str, neutral: &str) {
        assert_eq!(Neutral::new().text(text.as_bytes()), neutral);
    }

    #[test]
    fn words_of_the_languages_stay_and_others_do_not() {
        check(
            "FROM acme/python:3.11 AS build\n",
            "FROM wdaa/wdbb:3.11 AS build\n"
                .replace("11", "12")
                .as_str(),
        );
        check(
            "COPY --from=acme --chown=me:me a/ /srv\n",
            "COPY --from=wdaa --chown=wdbb:wdbb wdcc/ /wddd\n",
        );
        check("ARG Key=key KEY=kEy\n", "ARG Wdaa=wdaa WDAA=wDaa\n");
        check(
            "{\"build_args\": {\"A\": \"b\\nc\"}}",
            "{\"build_args\": {\"WDAA\": \"wdbb\\nwdcc\"}}",
        );
        check(
            "HEALTHCHECK --interval=30s --timeout=1m30s",
            "HEALTHCHECK --interval=12s --timeout=1m12s",
        );
        check("ü\u{7}\\u00fcx", "wdaa?\\u0078wdbb");
        check("COPY app* app1 App12 b1c", "COPY wdaa* wdaa1 Wdaa12 wdbb");
        check("FROM arm64v8/x:v3", "FROM arm64v8/wdaa:v3");
        check("COPY --chmod=0644 a b", "COPY --chmod=1112 wdaa wdbb");
    }

    #[test]
    fn hashes_stay_hashes() {
        let hash = "ab".repeat(32);
        let neutral = format!("debian@sha256:{hash}");
        check(&neutral, &format!("wdaa@sha256:{:064x}", 1));
    }
}
