//! The plan of the example in `docs/` and what it compiles to, as people would see them.

use std::fs;
use std::path::{Path, PathBuf};

use shipwright::plan::Plan;
use shipwright::run::emit::{Files, Format, emit, emit_stable};

use super::bake::print;
use super::tools::reads;
use crate::support::program;
use crate::support::repo::Repo;

/// The folder of the goldens: a plan, and what it compiles to.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/6sense")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The plan that is printed for the example, committed on a branch.
#[track_caller]
pub(crate) fn planned() -> String {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/6sense");
    let repo = Repo::new(&program::fixture_of(&example));
    repo.branch("feature/login");
    program::run(&repo, &["plan"])
}

/// The golden is as it is made today; `UPDATE=1` writes it instead.
#[track_caller]
pub(crate) fn check(file: &str, actual: &str) {
    let path = folder().join(file);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, actual).expect("a folder that can be written");
        return;
    }
    assert_eq!(
        actual,
        read(&path),
        "{} differs: if that is right, run with UPDATE=1",
        path.display()
    );
}

#[test]
fn the_example_is_planned_and_emitted_as_it_was() {
    let text = planned();
    let plan = Plan::from_json(&text).expect("a plan");
    assert_eq!(plan.to_json(), text, "read and written without change");
    check("plan.json", &text);
    for (format, file) in [
        (Format::Make, "Makefile"),
        (Format::Sh, "build.sh"),
        (Format::Bake, "docker-bake.hcl"),
        (Format::Github, "github.txt"),
        (Format::Gitlab, "gitlab.yml"),
    ] {
        let emitted = emit(&plan, &Files::default(), format);
        check(file, &emitted.expect("a plan that every format can carry"));
    }
    let committed = emit_stable(&plan).expect("a plan that a bake file can carry");
    check("docker-bake.stable.hcl", &committed);
}

#[test]
fn emitted_files_are_what_their_tools_read() {
    for (words, file) in [
        (
            &["make", "--dry-run", "--warn-undefined-variables", "-f"][..],
            "Makefile",
        ),
        (&["dash", "-n"], "build.sh"),
        (&["busybox", "sh", "-n"], "build.sh"),
        (&["shellcheck"], "build.sh"),
    ] {
        reads(words, &folder(), file);
    }
    for file in ["docker-bake.hcl", "docker-bake.stable.hcl"] {
        print(&read(&folder().join(file)), &[]);
    }
}
