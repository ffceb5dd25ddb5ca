//! Pages whose commands are run: `console` blocks, whose output is compared, and `sh` blocks, which must succeed.
//!
//! A page is read from top to bottom, in one repository:
//!
//! - a line that ends in `` `PATH`: `` before a fenced block writes that block to the file PATH;
//! - `<!-- files`, a fixture and `-->` write files that the page does not show;
//! - `<!-- run: COMMAND -->` runs a command that the page does not show; `{root}` in it is this checkout;
//! - `<!-- push: NAME CONTENT DAY -->` puts an image of some content, made on that day, into a registry of the test's
//!   own, which `{mirror}` in a `run` names; without the program `docker-registry` the rest is not run;
//! - `<!-- new repository -->` starts anew;
//! - a `console` block holds commands, after `$ `, and what they print. Times are not compared, and a line
//!   `…` stands for any lines;
//! - an `sh` block is a script without output to compare. `<!-- with an engine -->` in the line before runs it on the
//!   engine of this machine, where there is one; `<!-- not run: REASON -->` says why a block cannot be run here.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use regex::Regex;

use super::page_images::PageImages;
use super::{type_in, type_in_for_real};
use crate::support::fake_docker::FakeDocker;
use crate::support::files::{checkout, entries};
use crate::support::own_registry::OwnRegistry;
use crate::support::raw_registry::Raw;
use crate::support::repo::Repo;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn pages_show_what_commands_print() {
    let mut pages = entries(&checkout("docs"));
    pages.retain(|path| {
        path.extension().is_some_and(|extension| extension == "md")
            && has_commands(&fs::read_to_string(path).unwrap())
    });
    pages.push(Path::new(ROOT).join("README.md"));
    pages.sort();
    assert!(!pages.is_empty());
    let failed: Vec<String> = pages.iter().filter_map(|page| replay(page).err()).collect();
    assert!(
        failed.is_empty(),
        "{}\nUPDATE=1 takes what is seen as right",
        failed.join("\n")
    );
}

fn has_commands(text: &str) -> bool {
    text.contains("```console\n") || text.contains("```sh\n")
}

/// Runs the commands of a page; an error shows the blocks that differ.
fn replay(path: &Path) -> Result<(), String> {
    let text = fs::read_to_string(path).unwrap();
    let file = Regex::new(r"`([^`]+)`:$").unwrap();
    let mut machine = Machine::new();
    let mut renewed = String::new();
    let mut wrong = String::new();
    let mut named: Option<String> = None;
    let mut way = Way::Run;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        renewed += line;
        renewed.push('\n');
        if line == "<!-- new repository -->" {
            machine = Machine::new();
        } else if let Some(command) = line.strip_prefix("<!-- run: ") {
            machine.prepare(command.strip_suffix(" -->").expect("one line"));
        } else if let Some(image) = line.strip_prefix("<!-- push: ") {
            machine.push(image.strip_suffix(" -->").expect("one line"));
        } else if line == "<!-- files" {
            let fixture = until(&mut lines, "-->");
            machine.repo.write(&fixture);
            renewed.extend([&*fixture, "-->\n"]);
        } else if line == "```console" {
            let shown = until(&mut lines, "```");
            let seen = machine.run(&shown);
            let kept = if seen.as_ref().is_none_or(|seen| matches(&shown, seen)) {
                shown
            } else {
                let seen = seen.expect("it was run");
                let _ = write!(wrong, "--- {}\n{shown}\n--- seen\n{seen}", path.display());
                seen
            };
            renewed.extend([&*kept, "```\n"]);
        } else if line.starts_with("```") {
            let block = until(&mut lines, "```");
            if let Some(name) = named.take() {
                let target = machine.repo.join(&name);
                fs::create_dir_all(target.parent().unwrap()).unwrap();
                fs::write(target, &block).unwrap();
            } else if line == "```sh" {
                wrong += &machine.script(&block, path, way);
            }
            way = Way::Run;
            renewed.extend([&*block, "```\n"]);
        } else if line.starts_with("<!-- not run: ") {
            way = Way::NotRun;
        } else if line == "<!-- with an engine -->" {
            way = Way::WithEngine;
        } else if !line.is_empty() {
            way = Way::Run;
            named = file.captures(line).map(|found| found[1].to_owned());
        }
    }
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, renewed).unwrap();
        return Ok(());
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// How a script is run.
#[derive(Clone, Copy)]
enum Way {
    Run,
    WithEngine,
    NotRun,
}

/// A repository, and an engine that builds nothing.
struct Machine {
    repo: Repo,
    docker: FakeDocker,
    registry: Option<OwnRegistry>,
    /// Whether what the page needs is there.
    runs: bool,
}

impl Machine {
    fn new() -> Self {
        let repo = Repo::empty();
        let docker = FakeDocker::new();
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        docker.answer_from(&tests.join("cases/answers"));
        if std::env::var_os("UPDATE").is_some() {
            docker.record();
        }
        Self {
            repo,
            docker,
            registry: None,
            runs: true,
        }
    }

    fn push(&mut self, image: &str) {
        if self.registry.is_none() && self.runs {
            self.registry = OwnRegistry::new();
            match &mut self.registry {
                Some(registry) => registry.start(),
                None => self.runs = false,
            }
        }
        let Some(registry) = &self.registry else {
            return;
        };
        let words: Vec<&str> = image.split(' ').collect();
        let [name, content, day] = words[..] else {
            panic!("`{image}` is not a name, a content and a day");
        };
        let (repository, tag) = name.rsplit_once(':').expect("a tag");
        let raw = Raw {
            host: registry.host(),
        };
        let env = [("CONTENT".to_owned(), content.to_owned())].into();
        let created = format!("{day}T00:00:00Z");
        let images = ["amd64", "arm64"]
            .map(|name| raw.base(repository, None, name, &env, &[], Some(&created)));
        raw.index(repository, Some(tag), &images);
    }

    fn prepare(&self, command: &str) {
        if !self.runs {
            return;
        }
        let mirror = self.registry.as_ref().map_or("", OwnRegistry::host);
        let command = command.replace("{root}", ROOT).replace("{mirror}", mirror);
        let seen = type_in(&self.repo, &self.docker, &command);
        assert!(!seen.contains("\n[exit "), "{seen}");
    }

    /// Runs a block as a script; gives what is seen if a command of it fails.
    fn script(&self, block: &str, page: &Path, way: Way) -> String {
        let block = format!("set -e\n{block}");
        let seen = match way {
            Way::Run if self.runs => type_in(&self.repo, &self.docker, &block),
            Way::WithEngine => match PageImages::new(&self.repo) {
                Some(_images) => type_in_for_real(&self.repo, &block),
                None => return String::new(),
            },
            Way::Run | Way::NotRun => return String::new(),
        };
        if seen.contains("\n[exit ") {
            format!("--- {}: a block of sh fails\n{seen}", page.display())
        } else {
            String::new()
        }
    }

    /// Runs the commands of a block; gives what is seen, or nothing where they cannot be run here.
    fn run(&self, shown: &str) -> Option<String> {
        let commands = self.runs.then_some(shown)?;
        let seen = commands
            .lines()
            .filter_map(|line| line.strip_prefix("$ "))
            .map(|command| type_in(&self.repo, &self.docker, command))
            .collect();
        Some(seen)
    }
}

/// The lines before the next that ends the block.
fn until<'a>(lines: &mut impl Iterator<Item = &'a str>, end: &str) -> String {
    lines
        .take_while(|line| *line != end)
        .flat_map(|line| [line, "\n"])
        .collect()
}

/// Whether a block shows what was seen.
fn matches(shown: &str, seen: &str) -> bool {
    let time = Regex::new(r"\b\d+\.\ds\b").unwrap();
    let pattern = regex::escape(&time.replace_all(shown, "TIME"));
    let pattern = format!("^{}$", pattern.replace("…\n", "(?:.*\n)*"));
    Regex::new(&pattern)
        .unwrap()
        .is_match(&time.replace_all(seen, "TIME"))
}

#[test]
fn blocks_may_leave_out_lines_and_times() {
    let seen = "$ run\none\ntwo\nbuilt 0.1s\n";
    assert!(matches("$ run\n…\nbuilt 2.0s\n", seen));
    assert!(!matches("$ run\n…\nfound 2.0s\n", seen));
    assert!(!matches("$ run\none\nbuilt 0.1s\n", seen));
}
