//! Where things stand in a compose file: the keys above each line, by its indentation. Compose reads
//! the file; this only finds places to mark.

use std::ops::Range;

/// A line with the keys that lead to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// `services`, `app`, `build`, …; of an item of a list the keys of the list.
    pub(super) keys: Vec<String>,
    /// The line's own key, or its item.
    pub(super) key: Range<usize>,
    /// What stands after the key.
    pub(super) value: Range<usize>,
    text: String,
    is_item: bool,
}

/// The lines of a text that say something.
pub(super) fn lines(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut above: Vec<(usize, String)> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let content = line.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let (is_item, content, indent) = match content.strip_prefix("- ") {
            Some(item) => (true, item.trim_start(), indent + 1),
            None => (false, content, indent),
        };
        let begin = start + line.find(content).unwrap_or_default();
        above.retain(|(other, _)| *other < indent);
        let (key, value) = match content.split_once(':') {
            Some((key, value)) if value.is_empty() || value.starts_with([' ', '\t']) => {
                (Some(key.trim_end()), value.trim())
            }
            _ => (None, content),
        };
        let value_at = begin + content.len() - value.len();
        let mut keys: Vec<String> = above.iter().map(|(_, key)| key.clone()).collect();
        let mut own = begin..begin + content.len();
        if let Some(key) = key.filter(|_| !is_item) {
            let name = key.trim_matches(['"', '\'']).to_owned();
            keys.push(name.clone());
            above.push((indent, name));
            own = begin..begin + key.len();
        }
        lines.push(Line {
            keys,
            key: own,
            value: value_at..value_at + value.len(),
            text: value.to_owned(),
            is_item,
        });
    }
    lines
}

impl Line {
    /// Whether it is a part of what a service builds.
    pub(super) fn is_of_build(&self) -> bool {
        let keys: Vec<&str> = self.keys.iter().map(String::as_str).collect();
        match keys.as_slice() {
            ["services", _, key, ..] => matches!(*key, "build" | "image" | "platform"),
            [first, ..] => first.starts_with("x-"),
            [] => false,
        }
    }

    /// Whether it asks for a variable.
    pub(super) fn asks_for(&self, name: &str) -> bool {
        let mut parts = self.text.split('$').skip(1);
        parts.any(|part| {
            let part = part.strip_prefix('{').unwrap_or(part);
            let rest = part.strip_prefix(name);
            rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        })
    }

    /// The build arguments that have a name here and no value.
    pub(super) fn bare_arguments(&self) -> Vec<(String, Range<usize>)> {
        let is_name = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        let last = self.keys.last().map(String::as_str);
        let before = self.keys.iter().rev().nth(1).map(String::as_str);
        let plain = |text: &str| text.trim().trim_matches(['"', '\'']).to_owned();
        if last == Some("args") {
            let inside = self
                .text
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'));
            let items: Vec<&str> = match inside {
                Some(inside) => inside.split(',').collect(),
                None if self.is_item => vec![&self.text],
                None => Vec::new(),
            };
            let names = items.into_iter().map(plain).filter(|name| is_name(name));
            return names.map(|name| (name, self.value.clone())).collect();
        }
        let name = last.unwrap_or_default();
        let is_empty = matches!(self.text.as_str(), "" | "~" | "null");
        if before == Some("args") && is_empty && is_name(name) && !self.is_item {
            return vec![(name.to_owned(), self.key.clone())];
        }
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "x-args: &a\n  args: [ONE, \"TWO=2\", 'THREE']\nservices:\n  # app:\n  \"app\":\n    image: acme/${NAME:-x}\n    build:\n      args:\n        - FOUR\n        - FIVE=$SIX\n      network: host\n  web:\n    build: {context: .}\n    environment:\n      A: $SEVEN\n    args:\n      EIGHT:\n      NINE: 9\n";

    #[test]
    fn keys_lead_to_lines() {
        let lines = lines(TEXT);
        let keys = ["services", "app", "build", "network"];
        let line = lines.iter().find(|line| line.keys == keys).unwrap();
        assert_eq!(&TEXT[line.key.clone()], "network");
        assert_eq!(&TEXT[line.value.clone()], "host");
        let line = lines.iter().find(|line| line.keys == keys[..2]).unwrap();
        assert_eq!(&TEXT[line.key.clone()], "\"app\"");
    }

    #[test]
    fn variables_and_arguments() {
        let lines = lines(TEXT);
        let asked = |name: &str| {
            let mut lines = lines.iter();
            lines.any(|line| line.is_of_build() && line.asks_for(name))
        };
        assert!(asked("NAME") && asked("SIX"));
        assert!(!asked("SEVEN") && !asked("NAM") && !asked("FOUR"));
        let bare = lines.iter().flat_map(Line::bare_arguments);
        let bare: Vec<String> = bare.map(|(name, _)| name).collect();
        assert_eq!(bare, ["ONE", "THREE", "FOUR", "EIGHT"]);
    }
}
