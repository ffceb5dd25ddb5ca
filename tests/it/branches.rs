//! Which branch the files for CI systems pass on: one of this repository, or none.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;
use serde::Deserialize;
use serde_norway::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The words that the component for GitLab starts the program with, in a job with these variables.
#[track_caller]
fn component(run: &str, branch: Option<&str>) -> Vec<String> {
    let text = fs::read_to_string(root().join("templates/shipwright/template.yml")).unwrap();
    let documents = serde_norway::Deserializer::from_str(&text);
    let job = documents.map(|one| Value::deserialize(one).unwrap()).last();
    let job = job.expect("a component");
    let script = job["shipwright"]["script"][0].as_str().expect("a line");
    let mut shell = Command::new("sh");
    shell.args([
        "-euc",
        "shipwright() { printf '%s\\n' \"$@\"; }; eval \"$0\"",
        script,
    ]);
    shell.env_remove("CI_COMMIT_BRANCH").env("RUN", run);
    if let Some(branch) = branch {
        shell.env("CI_COMMIT_BRANCH", branch);
    }
    let output = shell.output().expect("there is a shell");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn the_component_names_a_branch_where_there_is_one() {
    let push = ["exec", "--push"];
    assert_eq!(component("exec --push", None), push);
    assert_eq!(component("exec --push", Some("")), push);
    for branch in ["main", "a/b", "$(reboot) `x` * \"'"] {
        let expected = [&push[..], &["--branch", branch]].concat();
        assert_eq!(component("exec --push", Some(branch)), expected);
    }
}

/// The pages, and the files that repositories take over from here.
fn files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = [
        "action.yml",
        "templates/shipwright/template.yml",
        "README.md",
    ]
    .map(|file| root().join(file))
    .to_vec();
    let pages = fs::read_dir(root().join("docs")).unwrap();
    let pages = pages.map(|entry| entry.unwrap().path());
    files.extend(pages.filter(|path| path.extension().is_some_and(|end| end == "md")));
    files
}

#[test]
fn no_file_passes_the_branch_of_a_pull_request() {
    let passes = Regex::new(
        r"(?m)^ *(?:- )?[A-Z]+: .*(?:head_ref|HEAD_REF|SOURCE_BRANCH_NAME)|--branch[ =]\S*(?:head_ref|HEAD_REF|SOURCE_BRANCH_NAME)",
    )
    .unwrap();
    let github = Regex::new(r"\bBRANCH: (\$\{\{ .*github\..*)").unwrap();
    let mut count = 0;
    for file in files() {
        let text = fs::read_to_string(&file).unwrap();
        let found = passes.find(&text).map(|found| found.as_str().to_owned());
        assert_eq!(found, None, "{}", file.display());
        for found in github.captures_iter(&text) {
            let ours = "${{ startsWith(github.ref, 'refs/heads/') && github.ref_name || '' }}";
            assert_eq!(&found[1], ours, "{}", file.display());
            count += 1;
        }
    }
    assert!(count >= 4, "{count} workflows");
}
