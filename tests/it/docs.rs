//! The documents say what the program does: every diagnostic is explained, links lead somewhere,
//! and the commands that are shown exist.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;
use serde::Deserialize;
use shipwright::diagnostics::Code;

use crate::support::files::files_with;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All of `docs/` and the pages at the top, by path.
fn documents() -> BTreeMap<PathBuf, String> {
    let mut paths = files_with(&root().join("docs"), "md");
    let top = [
        "README.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "CHANGELOG.md",
    ];
    paths.extend(top.map(|name| root().join(name)));
    let texts = paths.into_iter().map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        (path, text)
    });
    texts.collect()
}

#[test]
fn every_diagnostic_is_explained() {
    let index = fs::read_to_string(root().join("docs/diagnostics.md")).unwrap();
    for code in Code::ALL {
        let severity = format!("{:?}", code.severity());
        let page = code.page();
        let head = format!("# `{code}`\n\n**{severity}.** ");
        assert!(
            page.starts_with(&head),
            "docs/diagnostics/{code}.md begins otherwise"
        );
        let row = format!(
            "| [`{code}`](diagnostics/{code}.md) | {} |",
            severity.to_lowercase()
        );
        assert_eq!(index.matches(&row).count(), 1, "docs/diagnostics.md: {row}");
    }
    let pages = files_with(&root().join("docs/diagnostics"), "md").len();
    assert_eq!(pages, Code::ALL.len(), "a page explains what nothing says");
    let text: String = files_with(&root().join("src"), "rs")
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let made = Regex::new(r"Code::(\w+)").unwrap();
    let made: BTreeSet<&str> = made
        .captures_iter(&text)
        .map(|m| m.get(1).unwrap().as_str())
        .collect();
    for code in Code::ALL {
        let name = format!("{code:?}");
        assert!(made.contains(name.as_str()), "nothing says `{code}`");
    }
}

#[test]
fn the_architecture_names_what_is_there() {
    let text = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let places = ["", "src", "src/run"].map(|place| root().join(place));
    let file = Regex::new(r"`(\w[\w/]*(?:\.rs|/))`").unwrap();
    let mut count = 0;
    for named in file.captures_iter(&text) {
        let is_there = places.iter().any(|place| place.join(&named[1]).exists());
        assert!(is_there, "{} is not there", &named[0]);
        count += 1;
    }
    assert!(count > 20, "{count} files and folders are named");

    let module = Regex::new(r"\b([a-z_:]+)::([a-z_]+)\b").unwrap();
    let mut count = 0;
    for named in module.captures_iter(&text) {
        let parent = root().join("src").join(named[1].replace("::", "/"));
        let is_module = parent.join(format!("{}.rs", &named[2])).exists();
        let in_parent = fs::read_to_string(parent.with_extension("rs"));
        let is_in_parent = in_parent.is_ok_and(|text| text.contains(&named[2]));
        assert!(is_module || is_in_parent, "`{}` is not there", &named[0]);
        count += 1;
    }
    assert!(count > 10, "{count} modules are named");
}

/// As GitHub makes it of a heading.
fn anchor(heading: &str) -> String {
    let heading = heading.to_lowercase().replace(' ', "-");
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, '-' | '_');
    heading.chars().filter(kept).collect()
}

#[test]
fn links_lead_somewhere() {
    let link = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    let documents = documents();
    let mut broken = Vec::new();
    for (path, text) in &documents {
        for found in link.captures_iter(text) {
            let target = &found[1];
            if target.contains("://") {
                continue;
            }
            let (file, place) = target.split_once('#').unwrap_or((target, ""));
            let file = match file {
                "" => path.clone(),
                _ => path.parent().unwrap().join(file),
            };
            let leads = file.is_file()
                && (place.is_empty()
                    || fs::read_to_string(&file).is_ok_and(|text| has_place(&text, place)));
            // The book has nothing but `docs/`.
            let book = root().join("docs");
            let leaves = path.starts_with(&book)
                && !file.canonicalize().is_ok_and(|file| {
                    file.starts_with(book.canonicalize().expect("the folder of the book"))
                });
            if !leads || leaves {
                broken.push(format!("{}: {target}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Whether a heading outside blocks of code has the anchor.
fn has_place(text: &str, place: &str) -> bool {
    let mut in_block = false;
    text.lines().any(|line| {
        in_block ^= line.starts_with("```");
        let heading = line.trim_start_matches('#');
        !in_block && heading != line && anchor(heading.trim_start()) == place
    })
}

/// The table of contents has every page once, the diagnostics in the order of their page. With `UPDATE=1` in the
/// environment its list of diagnostics is written anew.
#[test]
fn the_book_has_every_page() {
    let docs = root().join("docs");
    let diagnostics = fs::read_to_string(docs.join("diagnostics.md")).unwrap();
    let row = Regex::new(r"(?m)^\| (\[)`(.*)`(\]\(diagnostics/.*\.md\)) ").unwrap();
    let mut rows = String::new();
    for found in row.captures_iter(&diagnostics) {
        rows.extend(["  - ", &found[1], &found[2], &found[3], "\n"]);
    }
    let file = docs.join("SUMMARY.md");
    let found = fs::read_to_string(&file).unwrap();
    let start = found.find("  - [").expect("the diagnostics");
    let end = start + found[start..].find("\n- [").expect("a page after them") + 1;
    let wanted = format!("{}{rows}{}", &found[..start], &found[end..]);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&file, &wanted).unwrap();
    } else {
        assert!(
            found == wanted,
            "docs/SUMMARY.md lists other diagnostics than docs/diagnostics.md: run with UPDATE=1"
        );
    }
    let link = Regex::new(r"\]\(([^)]+)\)").unwrap();
    let mut listed: Vec<PathBuf> = link
        .captures_iter(&wanted)
        .map(|found| docs.join(&found[1]))
        .collect();
    listed.push(file);
    listed.sort();
    assert_eq!(listed, files_with(&docs, "md"));
}

/// A document that names a file of the source means one that is there.
#[test]
fn source_files_that_are_named_exist() {
    let named = Regex::new(r"`((?:[a-z0-9_]+/)*[a-z0-9_]+\.rs)`").unwrap();
    let sources: Vec<PathBuf> = ["src", "tests/it", "benches", "fuzz/fuzz_targets"]
        .iter()
        .flat_map(|folder| files_with(&root().join(folder), "rs"))
        .collect();
    let mut wrong = Vec::new();
    for (path, text) in documents() {
        for found in named.captures_iter(&text) {
            if !sources.iter().any(|file| file.ends_with(&found[1])) {
                wrong.push(format!("{}: {}", path.display(), &found[1]));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn help(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_shipwright"))
        .args(arguments)
        .arg("--help")
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Every `shipwright COMMAND` in a block of code is a command, and every long option of it is one.
#[test]
fn commands_that_are_shown_exist() {
    let shown = Regex::new(r"shipwright (?:-C \S+ )?([a-z][a-z-]*)([^|&>#\n`]*)").unwrap();
    let option = Regex::new(r"--[a-z][a-z-]*").unwrap();
    let commands = help(&[]);
    let mut wrong = Vec::new();
    for (path, text) in documents() {
        // It shows the commands of another program.
        if path.ends_with("from-python-shipwright.md") {
            continue;
        }
        let mut in_block = false;
        for line in text.lines() {
            if line.starts_with("```") {
                in_block = !in_block;
            }
            for found in shown.captures_iter(line) {
                let is_code = in_block
                    || line.starts_with("    ")
                    || line[..found.get(0).unwrap().start()].ends_with('`');
                if !is_code {
                    continue;
                }
                let command = &found[1];
                let known = matches!(command, "parse" | "build")
                    || commands.contains(&format!("\n  {command} "));
                let options = if known {
                    help(&[command])
                } else {
                    String::new()
                };
                let unknown = option
                    .find_iter(&found[2])
                    .any(|option| !options.contains(option.as_str()));
                if !known || unknown {
                    wrong.push(format!("{}: {}", path.display(), &found[0]));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The help of the program names every command that the guide or the README explains.
#[test]
fn every_command_is_in_a_document() {
    let help = help(&[]);
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands = commands.take_while(|line| !line.is_empty());
    let texts: String = documents().into_values().collect();
    let missing: Vec<&str> = commands
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .filter(|command| {
            !texts.contains(&format!("shipwright {command}"))
                && !texts.contains(&format!("`{command}`"))
        })
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Workflows, the action, hooks and issue templates are YAML.
#[test]
fn files_for_other_services_can_be_read() {
    let mut paths = files_with(&root().join(".github"), "yml");
    let others = [
        "action.yml",
        ".pre-commit-hooks.yaml",
        "templates/shipwright/template.yml",
    ];
    paths.extend(others.map(|name| root().join(name)));
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        for document in serde_norway::Deserializer::from_str(&text) {
            let read = serde_norway::Value::deserialize(document);
            assert!(read.is_ok(), "{}: {read:?}", path.display());
        }
    }
}

#[test]
fn the_problem_matcher_reads_what_is_printed() {
    let file = root().join("docs/ci/shipwright-problem-matcher.json");
    let text = fs::read_to_string(file).unwrap();
    let matcher: serde_json::Value = serde_json::from_str(&text).unwrap();
    let pattern = |at: usize| {
        let pattern = &matcher["problemMatcher"][0]["pattern"][at]["regexp"];
        Regex::new(pattern.as_str().unwrap()).unwrap()
    };
    let repo = crate::support::repo::Repo::empty();
    repo.write("//- a b/Dockerfile\nFROM scratch\nRUNN false\n");
    let output = crate::support::program::shipwright(&repo, ".")
        .args(["check", "-q", "--namespace", "us"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let mut lines = said.lines();
    let first = pattern(0).captures(lines.next().unwrap()).unwrap();
    assert_eq!((&first[1], &first[2]), ("error", "dockerfile-syntax"));
    let place = pattern(1).captures(lines.next().unwrap()).unwrap();
    assert_eq!((&place[1], &place[2]), ("a b/Dockerfile", "2"));
}
