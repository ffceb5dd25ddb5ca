//! Image references, as distribution/reference answers.

use serde_json::Value;
use shipwright::lang::Reference;

use crate::rows::{check_all, own, same, shared};

fn check(row: &Value) -> Result<(), String> {
    let input = row["input"].as_str().ok_or("no input")?;
    match Reference::parse(input) {
        Err(error) => same(
            "error",
            (true, Some(&*error.to_string())),
            (row["error"] == true, row["message"].as_str()),
        ),
        Ok(reference) => {
            same("error", Some(false), row["error"].as_bool())?;
            let full = reference.clone().with_default_tag().to_string();
            let rows = [
                ("normalized", Some(reference.to_string())),
                ("with_default_tag", Some(full)),
                ("familiar", Some(reference.familiar())),
                ("context_key", Some(reference.context_key())),
                ("domain", Some(reference.domain)),
                ("path", Some(reference.path)),
                ("tag", reference.tag),
                ("digest", reference.digest),
            ];
            rows.iter()
                .try_for_each(|(key, actual)| same(key, actual.as_deref(), row[*key].as_str()))
        }
    }
}

#[test]
fn own_rows() {
    check_all("reference", &own("reference/cases.jsonl"), check);
}

#[test]
fn shared_rows() {
    if let Some(rows) = shared("reference/cases.jsonl") {
        check_all("reference (shared)", &rows, check);
    }
}
