//! Diagnostics as SARIF 2.1.0 (Static Analysis Results Interchange Format), which code scanning reads.
//!
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>

use serde_json::{Value, json};

use super::{from_top, pretty};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Label};
use crate::lang::percent;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// One run with all diagnostics. Paths are from the top of the checkout, of which `root` is the root of
/// the plan.
pub(super) fn write(diagnostics: &Diagnostics, root: &str) -> String {
    let rules: Vec<Value> = Code::ALL.iter().map(|code| rule(*code)).collect();
    let results: Vec<Value> = diagnostics.iter().map(|one| result(one, root)).collect();
    pretty(&json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "shipwright",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    }))
}

/// What a code means, from its page: the first sentence, the first paragraph and the whole.
fn rule(code: Code) -> Value {
    let page = code.page();
    let mut paragraphs = page.split("\n\n").filter(|text| !text.starts_with('#'));
    let first = paragraphs.next().unwrap_or_default().replace('\n', " ");
    // Pages begin with the severity, as in `**Error.** There is …`; it has a key of its own.
    let first = first.trim_start_matches("**");
    let first = first
        .split_once(".** ")
        .map_or(first, |(_, rest)| rest)
        .trim();
    let sentence = first.split_inclusive(". ").next().unwrap_or(first).trim();
    json!({
        "id": code.as_str(),
        "shortDescription": {"text": sentence},
        "fullDescription": {"text": first},
        "help": {"text": page, "markdown": page},
        "defaultConfiguration": {"level": code.severity().as_str()},
    })
}

fn result(diagnostic: &Diagnostic, root: &str) -> Value {
    let mut text = diagnostic.message.clone();
    for help in &diagnostic.help {
        text.push('\n');
        text.push_str(help);
    }
    let mut labels = diagnostic.labels.iter();
    let first: Vec<Value> = labels
        .next()
        .map(|label| location(label, root))
        .into_iter()
        .collect();
    let mut result = json!({
        "ruleId": diagnostic.code.as_str(),
        "ruleIndex": diagnostic.code.index(),
        "level": diagnostic.severity.as_str(),
        "message": {"text": text},
        "locations": first,
    });
    let related: Vec<Value> = labels.map(|label| location(label, root)).collect();
    if !related.is_empty() {
        result["relatedLocations"] = related.into();
    }
    result
}

fn location(label: &Label, root: &str) -> Value {
    let ((line, column), (end_line, end_column)) = (label.start(), label.end());
    let path = from_top(root, &label.source.path);
    let mut location = json!({
        "physicalLocation": {
            "artifactLocation": {"uri": percent::encode_path(&path), "uriBaseId": "%SRCROOT%"},
            "region": {
                "startLine": line,
                "startColumn": column,
                "endLine": end_line,
                "endColumn": end_column,
            },
        },
    });
    if !label.message.is_empty() {
        location["message"] = json!({"text": label.message});
    }
    location
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::SourceText;

    /// What SARIF 2.1.0 asks of a log: §3.13 (log), §3.14 (run), §3.19 (rules), §3.27 (results), §3.30
    /// (regions).
    #[test]
    fn a_log_is_as_the_standard_has_it() {
        let source = SourceText::new("a b/Dockerfile", "FROM é\nRUN false\n");
        let mut diagnostics = Diagnostics::new();
        let failed = Diagnostic::new(Code::BuildFailed, "`a` failed");
        diagnostics.push(
            failed
                .at(&source, 5..7, "")
                .at(&source, 8..17, "here")
                .help("look"),
        );
        diagnostics.push(Diagnostic::new(Code::NoBranch, "none"));
        let log: Value = serde_json::from_str(&write(&diagnostics, "deep")).unwrap();
        assert_eq!(log["version"], "2.1.0");
        let run = &log["runs"][0];
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        assert_eq!(rules.len(), Code::ALL.len());
        for rule in rules {
            for key in ["shortDescription", "fullDescription", "help"] {
                let text = rule[key]["text"].as_str().unwrap();
                assert!(!text.is_empty() && !text.starts_with("**"), "{rule}");
            }
        }
        let results = run["results"].as_array().unwrap();
        for result in results {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(rules[index]["id"], result["ruleId"]);
        }
        let first = &results[0];
        let place = &first["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "deep/a%20b/Dockerfile");
        let region = json!({"startLine": 1, "startColumn": 6, "endLine": 1, "endColumn": 7});
        assert_eq!(place["region"], region);
        assert_eq!(first["relatedLocations"][0]["message"]["text"], "here");
        assert_eq!(first["message"]["text"], "`a` failed\nlook");
        assert_eq!(
            (&first["level"], &results[1]["level"]),
            (&json!("error"), &json!("warning"))
        );
        assert_eq!(results[1]["locations"], json!([]));
    }
}
