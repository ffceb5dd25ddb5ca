//! Real repositories, recreated from the shared corpus: Dockerfiles, ignore, bake and compose files
//! with their texts, every other file at its path with its mode and a dummy text.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::repo::Repo;
use crate::shared;

/// A real repository, and what its own definition says of its images.
pub(crate) struct Corpus {
    /// The repository, in one commit on `main`.
    pub(crate) repo: Repo,
    /// What it builds: `images` and `edges`.
    pub(crate) truth: Value,
}

impl Corpus {
    /// Recreates a repository with its example configuration; none, with a line that says so, where
    /// the corpus is not there.
    pub(crate) fn new(name: &str) -> Option<Self> {
        let folder = shared::find(&format!("corpus/{name}"))?;
        let files = shared::text(&folder.join("files.tsv.xz"))?;
        let texts = shared::text(&folder.join("texts.jsonl.xz"))?;
        let truth = shared::text(&folder.join("truth.json"))?;
        let repo = Repo::empty();
        import(repo.path(), &commit(name, &files, &texts));
        repo.git(&["reset", "--quiet", "--hard", "main"]);
        Some(Self {
            repo,
            truth: serde_json::from_str(&truth).expect("the truth is JSON"),
        })
    }
}

/// The input of `git fast-import` for one commit of all files.
fn commit(name: &str, files: &str, texts: &str) -> Vec<u8> {
    let rows = texts.lines().map(|line| {
        let row: Value = serde_json::from_str(line).expect("a row is JSON");
        let text = |key: &str| row[key].as_str().expect("a text").to_owned();
        (text("path"), text("text"))
    });
    let texts: BTreeMap<String, String> = rows.collect();
    let mut stream = b"commit refs/heads/main\n\
        committer corpus <corpus@example.com> 1700000000 +0000\ndata 6\nimport\n"
        .to_vec();
    let mut put = |mode: &str, path: &str, text: &str| {
        let path = path.replace('\\', "\\\\").replace('"', "\\\"");
        let length = text.len();
        writeln!(stream, "M {mode} inline \"{path}\"\ndata {length}\n{text}").unwrap();
    };
    for line in files.lines() {
        let [mode, size, path] = line.splitn(3, '\t').collect::<Vec<_>>()[..] else {
            panic!("`{line}` is not mode, size and path");
        };
        match (mode, texts.get(path)) {
            // Another repository at a commit: nothing of it is here.
            ("160000", _) => {}
            (_, Some(text)) => put(mode, path, text),
            ("120000", None) => put(mode, path, "dummy"),
            (_, None) => put(mode, path, &format!("dummy {size} {path}\n")),
        }
    }
    let example = format!(
        "{}/docs/examples/{name}.shipwright.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let config = fs::read_to_string(&example).unwrap_or_else(|e| panic!("{example}: {e}"));
    put("100644", ".shipwright.json", &config);
    stream.extend_from_slice(b"done\n");
    stream
}

fn import(repository: &Path, stream: &[u8]) {
    let mut git = Command::new("git")
        .args(["fast-import", "--quiet", "--done"])
        .current_dir(repository)
        .envs(Repo::environment())
        .stdin(Stdio::piped())
        .spawn()
        .expect("git is installed");
    let mut input = git.stdin.take().expect("it is a pipe");
    input.write_all(stream).expect("git reads it");
    drop(input);
    assert!(git.wait().unwrap().success());
}
