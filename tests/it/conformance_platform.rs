//! Platforms, as containerd answers.

use shipwright::lang::Platform;

use crate::rows::{check_all, own, same};

#[test]
fn own_rows() {
    check_all("platform", &own("platform/cases.jsonl"), |row| {
        let parsed = Platform::parse(row["input"].as_str().ok_or("no input")?).ok();
        let normalized = parsed.as_ref().map(|p| p.normalized().to_string());
        let parsed = parsed.map(|p| p.to_string());
        same("error", Some(parsed.is_none()), row["error"].as_bool())?;
        same("parsed", parsed.as_deref(), row["parsed"].as_str())?;
        same(
            "normalized",
            normalized.as_deref(),
            row["normalized"].as_str(),
        )
    });
}
