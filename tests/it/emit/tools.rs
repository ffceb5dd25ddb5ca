//! The tools that emitted files are for, and what they say of a file.

use std::path::Path;
use std::process::Command;

use crate::support::skip::skip;

/// The tools read a file in a folder and find nothing wrong with it. Gives what it printed, or
/// nothing where there is no such tool.
#[track_caller]
pub(crate) fn reads(words: &[&str], folder: &Path, file: &str) -> Option<String> {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).arg(file).current_dir(folder);
    // A make around this test run is not to reach the one within it.
    command.env_remove("MAKEFLAGS").env_remove("MAKELEVEL");
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => {
            skip(&format!("{}: {error}", words[0]));
            return None;
        }
    };
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{words:?} {file}: {stdout}{stderr}"
    );
    Some(stdout)
}
