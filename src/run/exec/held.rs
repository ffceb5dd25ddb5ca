//! The file by which buildx is told what builds are held to, beside their named contexts.
#![allow(
    clippy::disallowed_methods,
    reason = "the user's policy is read, and that of the run is written beside its logs"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::logs::Logs;
use crate::diagnostics::{Code, Diagnostic};
use crate::plan::Plan;
use crate::run::policy::{Policy, Refusal, VARIABLE};

/// Beside the logs, where it stays for those who repeat a build.
const NAME: &str = "source-policy.json";

/// The source policy of a run; its file is written when the first build needs it.
#[derive(Debug, Clone)]
pub(super) struct Held {
    text: String,
    logs: Logs,
    file: Arc<OnceLock<Result<PathBuf, Diagnostic>>>,
}

impl Held {
    /// That of a plan, with the rules of the user's own; none where the plan holds nothing by a policy.
    ///
    /// # Errors
    /// When the user's cannot be read, is none, or contradicts the plan.
    pub(super) fn of(plan: &Plan, root: &Path, logs: &Logs) -> Result<Option<Self>, Diagnostic> {
        let Some(policy) = Policy::of(&plan.images) else {
            return Ok(None);
        };
        let users = std::env::var_os(VARIABLE).filter(|file| !file.is_empty());
        let text = match users {
            Some(file) => merged(&policy, &root.join(file))?,
            None => policy.text(),
        };
        Ok(Some(Self {
            text,
            logs: logs.clone(),
            file: Arc::default(),
        }))
    }

    /// Its file.
    ///
    /// # Errors
    /// When that cannot be written.
    pub(super) fn file(&self) -> Result<&Path, Diagnostic> {
        let written = self.file.get_or_init(|| {
            let file = self.logs.folder()?.join(NAME);
            fs::write(&file, &self.text).map_err(|error| {
                let message = format!("cannot write `{}`: {error}", file.display());
                Diagnostic::new(Code::LogUnwritable, message)
            })?;
            // buildx runs elsewhere.
            Ok(std::path::absolute(&file).unwrap_or(file))
        });
        written.as_deref().map_err(Clone::clone)
    }
}

fn merged(policy: &Policy<'_>, file: &Path) -> Result<String, Diagnostic> {
    let refuse = |what: String| {
        let message = format!("the source policy `{}` {what}", file.display());
        Diagnostic::new(Code::SourcePolicy, message)
    };
    let text = fs::read_to_string(file).map_err(|error| {
        refuse(format!("cannot be read: {error}")).help(format!("{VARIABLE} names it"))
    })?;
    policy.with(&text).map_err(|refusal| match refusal {
        Refusal::Malformed(why) => {
            refuse(format!("is invalid: {why}")).help(format!("{VARIABLE} names it"))
        }
        Refusal::Both(source) => refuse(format!(
            "has a rule for `{source}`, which the lock file pins"
        ))
        .help("remove the rule, or keep the reference out of the lock file with `\"unlocked\"` in the configuration"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::exec::tests::{image, plan};

    #[test]
    fn the_file_is_written_when_it_is_asked_for() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let logs = Logs::at(folder.path().join("logs"));
        let mut plan = plan(vec![image("app", &[])]);
        let none = Held::of(&plan, folder.path(), &logs).expect("there is no policy");
        assert!(none.is_none());
        let download = ("https://e.com/f".to_owned(), "sha256:1".to_owned());
        plan.images[0].sources.extend([download]);
        let policy = Policy::of(&plan.images).expect("it holds a download");
        let held = Held {
            text: policy.text(),
            logs,
            file: Arc::default(),
        };
        assert!(!folder.path().join("logs").exists());
        let file = held.file().expect("it can be written");
        assert_eq!(
            fs::read_to_string(file).expect("it was written"),
            policy.text()
        );
        assert!(file.is_absolute());

        let users = folder.path().join("users.json");
        let check = |text: &str, expected: &str| {
            fs::write(&users, text).expect("it can be written");
            let said = merged(&policy, &users).map_err(|problem| problem.message);
            let said = said.err().unwrap_or_default();
            assert_eq!(said.replace(&*users.to_string_lossy(), "FILE"), expected);
        };
        check("{}", "");
        check(
            "{",
            "the source policy `FILE` is invalid: EOF while parsing an object at line 1 column 1",
        );
        let gone = merged(&policy, &folder.path().join("none"));
        assert_eq!(
            gone.map_err(|problem| problem.code),
            Err(Code::SourcePolicy)
        );
    }
}
