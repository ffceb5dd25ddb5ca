//! Git sources, as BuildKit answers.

use shipwright::lang::GitSource;

use crate::rows::{check_all, own, same};

#[test]
fn own_rows() {
    check_all("git-ref", &own("git-ref/cases.jsonl"), |row| {
        let parsed = GitSource::parse(row["input"].as_str().ok_or("no input")?);
        let is_git = !matches!(parsed, Ok(None));
        same("is_git", Some(is_git), row["is_git"].as_bool())?;
        match parsed {
            Ok(None) => Ok(()),
            Err(message) => same("error", Some(&*message), row["error"].as_str()),
            Ok(Some(source)) => {
                same("error", None, row["error"].as_str())?;
                same("remote", Some(&*source.remote), row["remote"].as_str())?;
                same("ref", Some(&*source.reference), row["ref"].as_str())?;
                same("subdir", Some(&*source.subdir), row["subdir"].as_str())?;
                same(
                    "checksum",
                    Some(&*source.checksum),
                    row["checksum"].as_str(),
                )?;
                same(
                    "local",
                    Some(source.looks_local),
                    row["treated_as_local_by_ADD"].as_bool(),
                )
            }
        }
    });
}
