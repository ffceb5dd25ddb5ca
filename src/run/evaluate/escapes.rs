//! What bake and compose escape in what they print, so that it can be read as a file again: the values
//! themselves are without.

use serde_json::Value;

/// The attributes of a target in which bake escapes what begins a template, from buildx 0.23 on.
const ESCAPED: [&str; 5] = [
    "annotations",
    "args",
    "dockerfile-inline",
    "extra-hosts",
    "labels",
];

/// Whether a print of bake holds what is an escape if this bake escapes.
pub(super) fn may_be_in_bake(print: &str) -> bool {
    print.contains("$${") || print.contains("%%{")
}

/// The targets as bake prints them, with the values themselves.
#[must_use]
pub fn bake(mut print: Value) -> Value {
    let targets = print.get_mut("target").and_then(Value::as_object_mut);
    for target in targets.into_iter().flat_map(|targets| targets.values_mut()) {
        for attribute in ESCAPED {
            if let Some(value) = target.get_mut(attribute) {
                each_text(value, &|text| {
                    text.replace("$${", "${").replace("%%{", "%{")
                });
            }
        }
    }
    print
}

fn each_text(value: &mut Value, change: &impl Fn(&str) -> String) {
    match value {
        Value::String(text) => *text = change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, change)),
        Value::Object(fields) => fields
            .values_mut()
            .for_each(|field| each_text(field, change)),
        _ => {}
    }
}

/// Whether compose has doubled each `$` in a print: then none stands alone.
pub(super) fn is_compose(print: &str) -> bool {
    print.split(|c| c != '$').all(|run| run.len() % 2 == 0)
}

/// What compose prints, with the values themselves.
pub(super) fn compose(print: &str) -> String {
    print.replace("$$", "$")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn templates_are_escaped_in_some_attributes() {
        let print = json!({"group": {"$${g}": {}}, "target": {"a": {
            "args": {"A": "$$$${x}", "B": "$$", "C": "%%{y}"},
            "annotations": ["k=$${x}"],
            "tags": ["$${x}"],
        }}});
        let expected = json!({"group": {"$${g}": {}}, "target": {"a": {
            "args": {"A": "$$${x}", "B": "$$", "C": "%{y}"},
            "annotations": ["k=${x}"],
            "tags": ["$${x}"],
        }}});
        assert_eq!(bake(print), expected);
        assert!(may_be_in_bake("a$${") && may_be_in_bake("%%{") && !may_be_in_bake("${$$%%"));
        assert_eq!(bake(json!(null)), json!(null));
    }

    #[test]
    fn dollars_of_compose() {
        assert!(is_compose("") && is_compose("$$a $${b} $$$$"));
        assert!(!is_compose("$a $$b") && !is_compose("$$$"));
        assert_eq!(compose("$$a $${b} $$$$"), "$a ${b} $$");
    }
}
