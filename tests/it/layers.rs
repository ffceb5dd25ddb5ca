//! The layers of `src/`: each uses only those below it, and no module reaches into a layer above.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

use crate::support::files::{checkout, files_below};

/// The lowest first.
const LAYERS: [&str; 11] = [
    "diagnostics",
    "os",
    "paths",
    "lang",
    "tree",
    "config",
    "plan",
    "planner",
    "run",
    "init",
    "cli",
];

fn height(layer: &str) -> Option<usize> {
    LAYERS.iter().position(|name| *name == layer)
}

/// The layer that a file below `src/` belongs to; none for `lib.rs` and `main.rs`.
fn layer_of(path: &Path) -> Option<String> {
    let first = path.iter().next()?.to_str()?;
    let layer = first.trim_end_matches(".rs");
    (!matches!(layer, "lib" | "main")).then(|| layer.to_owned())
}

/// Imports of `text` by layer: every `crate::<layer>`, however it is written.
fn imports(text: &str) -> Vec<(usize, String)> {
    let single = Regex::new(r"\bcrate::(\w+)").unwrap();
    let group = Regex::new(r"\bcrate::\{").unwrap();
    assert!(
        !group.is_match(text),
        "`use crate::{{…}}` hides what is imported"
    );
    let line = |at: usize| text[..at].matches('\n').count() + 1;
    let found = single.captures_iter(text).map(|found| {
        let name = found.get(1).unwrap();
        (line(name.start()), name.as_str().to_owned())
    });
    found.collect()
}

/// The files that use what only Unix has, each for one thing.
const OF_UNIX: [&str; 7] = [
    "cli/plugin.rs",
    "os.rs",
    "run/child.rs",
    "run/evaluate.rs",
    "run/exec/progress/echo.rs",
    "run/exec/socket.rs",
    "run/stop.rs",
];

/// The imports that go up, by file and line.
fn upward(files: &BTreeMap<PathBuf, String>) -> Vec<String> {
    let mut upward = Vec::new();
    for (path, text) in files {
        let Some(layer) = layer_of(path) else {
            continue;
        };
        let own = height(&layer).unwrap_or_else(|| panic!("src/{} is in no layer", path.display()));
        for (line, import) in imports(text) {
            if height(&import).is_none_or(|import| import > own) {
                upward.push(format!("{}:{line}: {import}", path.display()));
            }
        }
    }
    upward
}

#[test]
fn a_layer_uses_only_those_below_it() {
    let root = checkout("src");
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        (path.strip_prefix(&root).unwrap().to_owned(), text)
    };
    let files: BTreeMap<PathBuf, String> = files_below(&root).into_iter().map(read).collect();
    assert!(files.len() > LAYERS.len(), "src/ was not found");
    assert_eq!(upward(&files), Vec::<String>::new(), "imports that go up");
}

#[test]
fn what_only_unix_has_is_in_few_files() {
    let unix = Regex::new(r"\b(std::os::unix|rustix|signal_hook)::").unwrap();
    let root = checkout("src");
    let mut found: Vec<String> = files_below(&root)
        .into_iter()
        .filter(|path| {
            let text = fs::read_to_string(path).unwrap();
            let program = text.split("#[cfg(test)]").next().unwrap();
            !path.ends_with("tests.rs") && unix.is_match(program)
        })
        .map(|path| path.strip_prefix(&root).unwrap().display().to_string())
        .collect();
    found.sort();
    assert_eq!(found, OF_UNIX);
}

#[test]
fn an_import_that_goes_up_is_seen() {
    #[track_caller]
    fn check(path: &str, text: &str, expected: &[&str]) {
        let files = BTreeMap::from([(PathBuf::from(path), text.to_owned())]);
        assert_eq!(upward(&files), expected, "{path}: {text}");
    }
    check("tree/links.rs", "use crate::tree::snapshot;", &[]);
    check("tree/links.rs", "use crate::paths::join;", &[]);
    check(
        "tree/links.rs",
        "\nfn f() { crate::planner::compile() }",
        &["tree/links.rs:2: planner"],
    );
    check("plan.rs", "//! [`crate::run`]", &["plan.rs:1: run"]);
}
