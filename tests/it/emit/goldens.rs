//! The emitted files of a small plan, as people would see them.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use shipwright::emit::{Format, emit};
use shipwright::plan::Plan;

use super::bake::print;

/// The folder of a golden: a plan, and what it compiles to.
fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("snapshots")
        .join(name)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The file is as the plan beside it compiles today; `UPDATE=1` writes it instead.
#[track_caller]
fn check(name: &str, format: Format, file: &str) {
    let plan = read(&folder(name).join("plan.json"));
    let plan = Plan::from_json(&plan).expect("a plan");
    let actual = emit(&plan, format).expect("a plan that every format can carry");
    let path = folder(name).join(file);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, actual).expect("a folder that can be written");
        return;
    }
    let expected = read(&path);
    assert_eq!(
        actual,
        expected,
        "{} differs: if that is right, run with UPDATE=1",
        path.display()
    );
}

#[test]
fn a_plan_is_read_and_written_without_change() {
    let text = read(&folder("6sense").join("plan.json"));
    assert_eq!(Plan::from_json(&text).expect("a plan").to_json(), text);
}

#[test]
fn emitted_files_are_as_they_were() {
    check("6sense", Format::Make, "Makefile");
    check("6sense", Format::Sh, "build.sh");
    check("6sense", Format::Bake, "docker-bake.hcl");
}

/// A tool reads the golden and finds nothing wrong; where there is no such tool, a loud line.
#[track_caller]
fn reads(words: &[&str], file: &str) {
    let mut command = Command::new(words[0]);
    command
        .args(&words[1..])
        .arg(file)
        .current_dir(folder("6sense"));
    command.env_remove("MAKEFLAGS").env_remove("MAKELEVEL");
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "SKIPPED: {}: {error}", words[0]);
            return;
        }
    };
    let (stdout, stderr) = (&output.stdout, &output.stderr);
    let said = [
        String::from_utf8_lossy(stdout),
        String::from_utf8_lossy(stderr),
    ]
    .concat();
    assert!(output.status.success(), "{words:?} {file}: {said}");
}

#[test]
fn emitted_files_are_what_their_tools_read() {
    reads(
        &["make", "--dry-run", "--warn-undefined-variables", "-f"],
        "Makefile",
    );
    reads(&["dash", "-n"], "build.sh");
    reads(&["busybox", "sh", "-n"], "build.sh");
    reads(&["shellcheck"], "build.sh");
    print(&read(&folder("6sense").join("docker-bake.hcl")), &[]);
}
