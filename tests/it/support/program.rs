//! The program itself, run in a checkout as a person would.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use super::repo::Repo;

/// The program in that folder of the checkout, with nothing of the machine's git configuration.
pub(crate) fn shipwright(repo: &Repo, folder: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shipwright"));
    command.current_dir(repo.join(folder));
    command.envs(Repo::environment());
    for name in ["SW_NAMESPACE", "GITHUB_ACTIONS"] {
        command.env_remove(name);
    }
    command
}

/// Runs the program at the top of the checkout, which must go well; gives its standard output.
#[track_caller]
pub(crate) fn run(repo: &Repo, arguments: &[&str]) -> String {
    let output = shipwright(repo, ".")
        .args(arguments)
        .output()
        .expect("the program was built");
    succeeded(arguments, &output);
    String::from_utf8(output.stdout).expect("the program prints UTF-8")
}

/// Panics with what was said unless the process succeeded.
#[track_caller]
pub(crate) fn succeeded(what: &[&str], output: &Output) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what:?}: {stderr}");
}

/// The text of every file below a folder by its path there, as a fixture for [`Repo`].
#[track_caller]
pub(crate) fn fixture_of(folder: &Path) -> String {
    let mut fixture = String::new();
    add(folder, "", &mut fixture);
    fixture
}

fn add(folder: &Path, prefix: &str, fixture: &mut String) {
    let mut entries: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("its entries can be read").path())
        .collect();
    entries.sort();
    for path in entries {
        let name = path
            .file_name()
            .expect("an entry has a name")
            .to_string_lossy();
        if path.is_dir() {
            add(&path, &format!("{prefix}{name}/"), fixture);
        } else {
            let text = std::fs::read_to_string(&path).expect("the examples are text");
            let mode = path.metadata().expect("it is there").permissions().mode();
            let executable = if mode & 0o100 == 0 { "" } else { " +x" };
            fixture.push_str(&["//- ", prefix, &name, executable, "\n"].concat());
            fixture.push_str(&text);
        }
    }
}
