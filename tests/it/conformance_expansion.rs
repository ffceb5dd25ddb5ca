//! Variable expansion, as BuildKit's shell lexer answers.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use shipwright::lang::dockerfile::expand::Lexer;

use crate::rows::{check_all, own, same, shared};
use crate::shared::read;

fn environment(row: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match &row["env"] {
        Value::Array(pairs) => pairs
            .iter()
            .filter_map(|pair| pair.as_str()?.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
        Value::Object(pairs) => pairs.iter().map(|(k, v)| (k.clone(), text(v))).collect(),
        _ => BTreeMap::new(),
    }
}

fn check(row: &Value) -> Result<(), String> {
    let word = row["word"].as_str().ok_or("no word")?;
    let escape = row["escape"].as_str().and_then(|e| e.chars().next());
    let lexer = if row["mode"] == "heredoc-body" {
        Lexer::heredoc_body()
    } else {
        Lexer::new(escape.unwrap_or('\\'))
    };
    let env = environment(row);
    let expects_error = row["error"] == true;
    if row.get("words").is_some() || row["split"] == true {
        return match lexer.words(word, &env) {
            Err(_) => same("error", true, expects_error),
            Ok(expansion) => same("words", json!(expansion.value), row["words"].clone()),
        };
    }
    match lexer.word(word, &env) {
        Err(error) => {
            same("error", true, expects_error)?;
            let message = row["message"].as_str().unwrap_or_default();
            // Where the data has no message, any will do.
            let wanted = if message.is_empty() {
                error.to_string()
            } else {
                message.to_owned()
            };
            same("message", error.to_string(), wanted)
        }
        Ok(expansion) => {
            same("error", false, expects_error)?;
            same("result", expansion.value.as_deref(), row["result"].as_str())?;
            let sorted = |key: &str| {
                let mut names: Vec<&str> = row[key]
                    .as_array()?
                    .iter()
                    .filter_map(Value::as_str)
                    .collect();
                names.sort_unstable();
                Some(json!(names))
            };
            for (key, names) in [
                ("matched", &expansion.names.matched),
                ("unmatched", &expansion.names.unmatched),
            ] {
                if let Some(expected) = sorted(key) {
                    same(key, json!(names), expected)?;
                }
            }
            Ok(())
        }
    }
}

#[test]
fn own_rows() {
    check_all("expansion", &own("shell-expansion/cases.jsonl"), check);
    check_all(
        "expansion, words",
        &own("shell-expansion/words-cases.jsonl"),
        check,
    );
}

#[test]
fn shared_rows() {
    for file in [
        "shell-expansion/cases.jsonl",
        "shell-expansion/words-cases.jsonl",
    ] {
        if let Some(rows) = shared(file) {
            check_all(file, &rows, check);
        }
    }
}

/// Lines `platform|word|result`.
#[test]
fn shared_env_var_test() {
    let Some(text) = read("shell-expansion/envVarTest") else {
        return;
    };
    let env = json!({"PWD": "/home", "SHELL": "bash", "KOREAN": "한국어", "NULL": ""});
    let rows: Vec<Value> = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| line.split('|').map(str::trim).collect::<Vec<_>>())
        .filter(|fields| fields[0] != "W")
        .map(|fields| match fields[2] {
            "error" => json!({"word": fields[1], "env": env, "error": true}),
            result => json!({"word": fields[1], "env": env, "result": result}),
        })
        .collect();
    check_all("envVarTest", &rows, check);
}

/// Lines `word | word,word`, and `ENV name=value` for all lines after it.
#[test]
fn shared_words_test() {
    let Some(text) = read("shell-expansion/wordsTest") else {
        return;
    };
    let mut env: Vec<&str> = Vec::new();
    let mut rows = Vec::new();
    for line in text
        .lines()
        .filter(|l| !l.starts_with('#') && !l.is_empty())
    {
        if let Some(pair) = line.strip_prefix("ENV ") {
            env.push(pair.trim_start());
            continue;
        }
        let (word, words) = line.split_once('|').expect("two fields");
        rows.push(match words.trim_start() {
            "error" => json!({"word": word.trim(), "env": env, "split": true, "error": true}),
            words => json!({
                "word": word.trim(),
                "env": env,
                "words": words.split(',').collect::<Vec<_>>(),
            }),
        });
    }
    check_all("wordsTest", &rows, check);
}
