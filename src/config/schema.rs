//! The configuration as JSON Schema.

use serde_json::{Value as Json, json};

use super::settings::Settings;
use super::table::{self, Row};
use super::{Config, KEYS_1, VERSION};

/// The JSON Schema of `.shipwright.json`, for editors.
pub fn schema() -> Json {
    let old = Config::ROWS.iter().filter(|row| KEYS_1.contains(&row.key));
    let mut old = version(old, &[json!(1), json!(2)]);
    old["properties"][VERSION]["description"] = json!("The version of the format; default: 1.");
    let mut new = version(Config::ROWS.iter().chain(Settings::top_rows()), &[json!(2)]);
    new["required"] = json!([VERSION]);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:shipwright:schema:config:2",
        "title": "Configuration of Shipwright: .shipwright.json",
        "type": "object",
        "if": {"properties": {"version": {"const": 2}}, "required": ["version"]},
        "then": new,
        "else": old,
    })
}

/// An object with these keys, the version among them.
fn version<'r>(rows: impl Iterator<Item = &'r Row>, versions: &[Json]) -> Json {
    let mut schema = table::schema(rows);
    let properties = &mut schema["properties"];
    properties["$schema"] = json!({"type": "string"});
    properties[VERSION] = json!({"description": "The version of the format.", "enum": versions});
    schema
}

/// The tables of `docs/configuration.md` say what the rows say. With `UPDATE=1` in the environment, they are
/// written anew.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::rules::{ImageKeys, RuleKeys};
    use crate::config::table::Flag;

    const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");

    fn keys(rows: &[Row]) -> String {
        let line = |row: &Row| format!("| `{}` | {} |\n", row.key, row.doc.trim());
        let lines: String = rows.iter().map(line).collect();
        format!("| key | meaning |\n|---|---|\n{lines}")
    }

    fn settings() -> String {
        let line = |row: &Row| {
            let place = if row.is(Flag::Narrow) {
                "rule, image"
            } else {
                "top, rule, image"
            };
            let levels = if row.merges { "yes" } else { "" };
            let counts = if row.is(Flag::Counts) { "yes" } else { "" };
            let (key, doc) = (row.key, row.doc.trim());
            format!("| `{key}` | {place} | {levels} | {counts} | {doc} |\n")
        };
        let lines: String = Settings::rows().map(line).collect();
        format!("| key | level | merged | counts | meaning |\n|---|---|---|---|---|\n{lines}")
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "reads and renews a document")]
    fn the_tables_of_the_documentation() {
        let found = std::fs::read_to_string(DOCUMENT).unwrap();
        let mut wanted = found.clone();
        for (name, table) in [
            ("top", keys(Config::ROWS)),
            ("settings", settings()),
            ("rule", keys(RuleKeys::ROWS)),
            ("image", keys(ImageKeys::ROWS)),
        ] {
            let mark = format!("<!-- keys: {name} -->\n");
            let start = wanted.find(&mark).expect(name) + mark.len();
            let end = start + wanted[start..].find("<!-- end -->").expect(name);
            wanted.replace_range(start..end, &table);
        }
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(DOCUMENT, &wanted).unwrap();
            return;
        }
        assert!(
            found == wanted,
            "docs/configuration.md differs from the tables of keys: run with UPDATE=1"
        );
    }
}
