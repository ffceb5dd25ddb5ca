//! Settings that differ only in the name of their image, as one template.

use serde_json::Value;

use crate::lang::tags::split_tag;
use crate::planner::names::short;

/// What a template calls the last component of an image's name.
const SHORT: &str = "{{ short }}";

/// A setting with a template in place of the image's short name, where that stands in it as a word.
pub(super) fn template(value: &Value, name: &str) -> Value {
    match value {
        Value::String(text) => {
            let (bare, _) = split_tag(name);
            Value::String(in_text(text, short(bare)))
        }
        Value::Array(items) => items.iter().map(|item| template(item, name)).collect(),
        Value::Object(entries) => {
            let entries = entries.iter();
            let entries = entries.map(|(key, value)| (key.clone(), template(value, name)));
            Value::Object(entries.collect())
        }
        other => other.clone(),
    }
}

fn in_text(text: &str, short: &str) -> String {
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let mut written = String::new();
    let mut end = 0;
    for (at, _) in text.match_indices(short) {
        let (before, after) = (&text[..at], &text[at + short.len()..]);
        if !is_word(before.chars().next_back()) && !is_word(after.chars().next()) {
            written.push_str(&text[end..at]);
            written.push_str(SHORT);
            end = at + short.len();
        }
    }
    written + &text[end..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_a_template_where_it_is_a_word() {
        for (text, name, expected) in [
            (
                "type=registry,ref=acme/cache:api-main",
                "acme/api",
                "type=registry,ref=acme/cache:{{ short }}-main",
            ),
            ("api/api-api", "api", "{{ short }}/{{ short }}-{{ short }}"),
            ("rapid api2 apis", "acme/api", "rapid api2 apis"),
            ("acme/app-1", "acme/app:1", "acme/{{ short }}-1"),
            ("", "api", ""),
        ] {
            let value = serde_json::json!({"a": [text]});
            let expected = serde_json::json!({"a": [expected]});
            assert_eq!(template(&value, name), expected, "{text} {name}");
        }
    }
}
