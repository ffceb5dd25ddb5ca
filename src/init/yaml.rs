//! YAML with places, as far as compose files need it: values by key, merge keys followed.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput};

use crate::diagnostics::{Code, Diagnostic, SourceText};

/// A value, and where it stands.
#[derive(Debug)]
pub(super) struct Node {
    value: Value,
    /// Bytes of the file.
    pub(super) span: Range<usize>,
}

#[derive(Debug)]
enum Value {
    /// A scalar; one without quotes may be a number or null.
    Scalar {
        text: String,
        is_plain: bool,
    },
    List(Vec<Rc<Node>>),
    Mapping(Vec<(Rc<Node>, Rc<Node>)>),
}

/// How deep values may be nested.
const MAX_DEPTH: usize = 64;

/// How many entries of a mapping are looked at, those of merge keys included: aliases could make
/// them many.
const MAX_ENTRIES: usize = 10_000;

/// The first document of a file; none where there is none.
///
/// # Errors
/// Where and why it is not YAML.
pub(super) fn parse(source: &SourceText) -> Result<Option<Rc<Node>>, Diagnostic> {
    let starts = source.text.char_indices().map(|(at, _)| at);
    let mut builder = Builder {
        parser: Parser::new_from_str(&source.text),
        starts: starts.chain([source.text.len()]).collect(),
        anchors: BTreeMap::new(),
    };
    builder.document().map_err(|error| {
        let at = builder.byte(*error.marker());
        let message = format!("this is not YAML: {}", error.info());
        Diagnostic::new(Code::UnreadableEvidence, message)
            .at(source, at..at, "")
            .help("`init` goes on without this file")
    })
}

/// Builds values of what the parser finds.
struct Builder<'t> {
    parser: Parser<'t, StrInput<'t>>,
    /// The bytes at which characters begin: the parser counts characters.
    starts: Vec<usize>,
    /// Values that aliases may mean, by the parser's numbers.
    anchors: BTreeMap<usize, Rc<Node>>,
}

impl<'t> Builder<'t> {
    fn document(&mut self) -> Result<Option<Rc<Node>>, ScanError> {
        while let Some((event, span)) = self.next()? {
            if !matches!(
                event,
                Event::Nothing | Event::StreamStart | Event::DocumentStart(_)
            ) {
                return Ok(match event {
                    Event::StreamEnd | Event::DocumentEnd => None,
                    event => Some(self.value(event, span, 0)?),
                });
            }
        }
        Ok(None)
    }

    fn next(&mut self) -> Result<Option<(Event<'t>, Span)>, ScanError> {
        self.parser.next_event().transpose()
    }

    /// The value that begins with an event.
    fn value(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Rc<Node>, ScanError> {
        if depth > MAX_DEPTH {
            return Err(ScanError::new_str(
                span.start,
                "values are nested too deeply",
            ));
        }
        let (value, anchor, end) = match event {
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(node) => return Ok(Rc::clone(node)),
                None => (Value::List(Vec::new()), 0, span.end),
            },
            Event::Scalar(text, style, anchor, _) => {
                let is_plain = style == ScalarStyle::Plain;
                let text = text.into_owned();
                (Value::Scalar { text, is_plain }, anchor, span.end)
            }
            Event::SequenceStart(anchor, _) => {
                let mut items = Vec::new();
                let mut end = span.end;
                while let Some((event, span)) = self.next()? {
                    end = span.end;
                    if event == Event::SequenceEnd {
                        break;
                    }
                    items.push(self.value(event, span, depth + 1)?);
                }
                (Value::List(items), anchor, end)
            }
            Event::MappingStart(anchor, _) => {
                let mut entries = Vec::new();
                let mut end = span.end;
                while let Some((event, span)) = self.next()? {
                    end = span.end;
                    if event == Event::MappingEnd {
                        break;
                    }
                    let key = self.value(event, span, depth + 1)?;
                    if let Some((event, span)) = self.next()? {
                        entries.push((key, self.value(event, span, depth + 1)?));
                    }
                }
                (Value::Mapping(entries), anchor, end)
            }
            _ => (Value::List(Vec::new()), 0, span.end),
        };
        let start = self.byte(span.start);
        let end = self.byte(end).max(start);
        let node = Rc::new(Node {
            value,
            span: start..end,
        });
        if anchor > 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        Ok(node)
    }

    fn byte(&self, marker: Marker) -> usize {
        let end = self.starts.last().copied().unwrap_or_default();
        self.starts.get(marker.index()).copied().unwrap_or(end)
    }
}

impl Node {
    /// The value at a key of a mapping.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let mut entries = self.entries();
        entries.find_map(|(_, name, value)| (name == key).then_some(value))
    }

    /// The entries of a mapping, in order, those of merge keys (`<<`) last; none of what is no
    /// mapping. A key that appears twice is the first.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&Self, &str, &Self)> {
        let mut entries: Vec<(&Self, &str, &Self)> = Vec::new();
        let mut merged = vec![self];
        let mut left = MAX_ENTRIES;
        while let Some(node) = merged.pop() {
            let mut more: Vec<&Self> = Vec::new();
            match &node.value {
                Value::Mapping(mapping) => {
                    for (key, value) in mapping {
                        left = left.saturating_sub(1);
                        match &key.value {
                            Value::Scalar { text, .. } if text == "<<" => more.push(value),
                            Value::Scalar { text, .. }
                                if entries.iter().all(|(_, known, _)| known != text) =>
                            {
                                entries.push((key, text, value));
                            }
                            _ => {}
                        }
                    }
                }
                Value::List(items) if !std::ptr::eq(node, self) => {
                    more.extend(items.iter().map(|item| &**item));
                }
                _ => {}
            }
            left = left.saturating_sub(more.len());
            if left == 0 {
                break;
            }
            merged.extend(more.into_iter().rev());
        }
        entries.into_iter()
    }

    /// The items of a list; none of what is no list.
    pub(super) fn items(&self) -> impl Iterator<Item = &Self> {
        let items = match &self.value {
            Value::List(items) => items.as_slice(),
            _ => &[],
        };
        items.iter().map(|item| &**item)
    }

    /// The text of a scalar, numbers as compose writes them (`3.10` is `3.1`); none of null and of
    /// what is no scalar.
    pub(super) fn text(&self) -> Option<String> {
        let Value::Scalar { text, is_plain } = &self.value else {
            return None;
        };
        if !is_plain {
            return Some(text.clone());
        }
        if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL") {
            return None;
        }
        let is_decimal = text.contains('.')
            && text
                .bytes()
                .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+'));
        match text.parse::<f64>() {
            Ok(number) if is_decimal => Some(number.to_string()),
            _ => Some(text.clone()),
        }
    }

    /// Whether the value is a mapping.
    pub(super) fn is_mapping(&self) -> bool {
        matches!(self.value, Value::Mapping(_))
    }

    /// Whether the value is a list.
    pub(super) fn is_list(&self) -> bool {
        matches!(self.value, Value::List(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, keys: &[&str], expected: Option<&str>) {
        let document = parse(&SourceText::new("x", text)).unwrap().unwrap();
        let mut node = Some(&*document);
        for key in keys {
            node = node.and_then(|node| node.get(key));
        }
        assert_eq!(node.and_then(Node::text).as_deref(), expected, "{text}");
    }

    #[test]
    fn values_by_key() {
        check("a: {b: c}", &["a", "b"], Some("c"));
        check("a: 3.10", &["a"], Some("3.1"));
        check("a: '3.10'", &["a"], Some("3.10"));
        check("a: 1.2.3", &["a"], Some("1.2.3"));
        check("a: 0644", &["a"], Some("0644"));
        check("a: true", &["a"], Some("true"));
        check("a: ~", &["a"], None);
        check("a:", &["a"], None);
        check("a: !override b", &["a"], Some("b"));
        check("a: [b]", &["a"], None);
        check("[a]", &["a"], None);
    }

    #[test]
    fn merge_keys_and_aliases() {
        let text = "x: &x {a: 1, b: 1}\ny: &y {<<: *x, b: 2}\nz: {<<: [*y, {c: 3}], d: 4}\n";
        check(text, &["z", "a"], Some("1"));
        check(text, &["z", "b"], Some("2"));
        check(text, &["z", "c"], Some("3"));
        check(text, &["z", "d"], Some("4"));
        check("a: &a b\nc: *a", &["c"], Some("b"));
    }

    #[test]
    fn places_are_bytes() {
        let text = "é: ü # x\nb: [c]\n";
        let document = parse(&SourceText::new("x", text)).unwrap().unwrap();
        let places: Vec<&str> = document
            .entries()
            .map(|(_, _, value)| &text[value.span.clone()])
            .collect();
        assert_eq!(places, ["ü", "[c]"]);
    }

    #[test]
    fn aliases_of_aliases_are_not_followed_for_ever() {
        let mut text = "a0: &a0 {k: v}\n".to_owned();
        for depth in 1..30 {
            let before = depth - 1;
            let line =
                format!("a{depth}: &a{depth} {{<<: [*a{before}, *a{before}, *a{before}]}}\n");
            text.push_str(&line);
        }
        let document = parse(&SourceText::new("x", text)).unwrap().unwrap();
        assert_eq!(document.get("a29").unwrap().entries().count(), 1);
    }
}
