//! Git references: the commit that a branch or tag names, by `git ls-remote`.
#![allow(clippy::disallowed_methods, reason = "git asks its hosts itself")]

use std::process::{Command, Stdio};
use std::time::Duration;

use super::{Answer, Entry};
use crate::config::lock::LockedGit;
use crate::run::child;
use crate::run::registry::{Refused, Why};

/// How long a host may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The commit of `URL#REF`, or of the default branch of `URL`.
pub(super) fn ask(key: &str) -> Result<Answer, Refused> {
    let (remote, reference) = key.split_once('#').unwrap_or((key, "HEAD"));
    let mut command = Command::new("git");
    command
        .args(["-c", "protocol.ext.allow=never", "ls-remote", "--", remote])
        .args([reference.to_owned(), format!("{reference}^{{}}")])
        // Nobody is there to be asked for a password.
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ASKPASS", "true")
        .env("SSH_ASKPASS", "true")
        .env("LC_ALL", "C")
        .stdin(Stdio::null());
    if std::env::var_os("GIT_SSH_COMMAND").is_none() && std::env::var_os("GIT_SSH").is_none() {
        command.env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes");
    }
    let output = child::output(command, PATIENCE)
        .map_err(|error| Refused::new(Why::Silent, format!("git did not answer: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let mut lines = said.lines().filter(|line| !line.trim().is_empty());
        let said = lines.next().unwrap_or("it says nothing");
        return Err(Refused::new(Why::Final, format!("git reports: {said}")));
    }
    let listed = String::from_utf8_lossy(&output.stdout);
    Ok(match commit(&listed, reference) {
        Some(commit) => Answer::Is(Entry::Git(LockedGit { commit })),
        None => Answer::Gone,
    })
}

/// The commit that a builder takes of what `ls-remote` lists: of the reference in full, else of the
/// branch, else of the tag, which is peeled.
fn commit(listed: &str, reference: &str) -> Option<String> {
    let of = |name: &str| {
        let mut lines = listed.lines().filter_map(|line| line.split_once('\t'));
        lines.find_map(|(id, found)| (found == name).then(|| id.to_owned()))
    };
    let full = match reference {
        "HEAD" => reference.to_owned(),
        _ => format!("refs/{}", reference.trim_start_matches("refs/")),
    };
    let branch = format!("refs/heads/{}", reference.trim_start_matches("refs/heads/"));
    let tag = format!("refs/tags/{}", reference.trim_start_matches("refs/tags/"));
    let peeled = |name: &str| of(&format!("{name}^{{}}")).or_else(|| of(name));
    peeled(&full)
        .or_else(|| of(&branch))
        .or_else(|| peeled(&tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_comes_before_a_tag_and_a_tag_is_peeled() {
        let listed = "1\tHEAD\n2\trefs/heads/main\n3\trefs/heads/v1\n4\trefs/tags/v1\n\
                      5\trefs/tags/v2\n6\trefs/tags/v2^{}\n7\trefs/x/v3\n";
        for (reference, expected) in [
            ("HEAD", Some("1")),
            ("main", Some("2")),
            ("v1", Some("3")),
            ("refs/tags/v1", Some("4")),
            ("v2", Some("6")),
            ("refs/tags/v2", Some("6")),
            ("refs/x/v3", Some("7")),
            ("x/v3", Some("7")),
            ("v3", None),
        ] {
            assert_eq!(
                commit(listed, reference).as_deref(),
                expected,
                "{reference}"
            );
        }
    }
}
