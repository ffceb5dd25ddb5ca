//! Random edits of the repositories that [`super::generate`] makes.

use std::fmt::Write;

use serde_json::Value;
use shipwright::config;
use shipwright::tree::File;

use super::generate::{
    EXTRA, Files, IGNORED, LINKED, Random, SOURCES, argument, instruction, linked_ignore_file,
    other_value, plain, text_of, variable,
};

/// Changes one thing; says what.
pub(crate) fn edit(random: &mut Random, files: &mut Files) -> String {
    let paths: Vec<&String> = files.keys().filter(|path| *path != config::PATH).collect();
    let path = paths[random.below(paths.len())].clone();
    let (folder, below) = parts(&path);
    let is_image = folder.starts_with("img");
    let is_dockerfile = is_image && (below == "Dockerfile" || below == LINKED);
    match random.below(12) {
        11 => edit_build_arg(random, files),
        0 => add(random, files, folder),
        1 if !is_dockerfile => {
            files.remove(&path);
            format!("delete {path}")
        }
        2 => edit_ignore_file(random, files, folder),
        3..=5 if is_image => edit_dockerfile(random, files, folder),
        6 if !is_dockerfile => change_mode(files, &path),
        7 if !is_dockerfile => {
            let to = random.one_of(&["r.txt", "sub/r.md", "new/r"]);
            let to = format!("{folder}{to}");
            let file = files.remove(&path).expect("one of them");
            files.insert(to.clone(), file);
            format!("move {path} to {to}")
        }
        8 if !is_dockerfile && !below.contains("ignore") => {
            let target = random.one_of(&["a.txt", "sub", "deep", "/deep/x", "nowhere", "../b.md"]);
            files.insert(path.clone(), File::Link(target.into()));
            format!("make {path} a link to {target}")
        }
        _ => match files.get_mut(&path) {
            Some(File::Plain(bytes) | File::Executable(bytes)) if is_text(below) => {
                bytes.extend_from_slice(format!(" {}", random.below(1000)).as_bytes());
                format!("edit {path}")
            }
            _ if is_image => edit_dockerfile(random, files, folder),
            _ => add(random, files, folder),
        },
    }
}

/// The folder of a context, empty for the root and else with a slash at its end; and the path below it.
fn parts(path: &str) -> (&str, &str) {
    match path.split_once('/') {
        Some((folder, below)) if folder == EXTRA || folder.starts_with("img") => {
            (&path[..=folder.len()], below)
        }
        _ => ("", path),
    }
}

fn is_text(path: &str) -> bool {
    path.contains(".txt") || path.contains(".md")
}

fn add(random: &mut Random, files: &mut Files, folder: &str) -> String {
    let below = random.one_of(&["", "sub/", "deep/x/", "new/", "deep/new/"]);
    let end = random.one_of(&["txt", "md"]);
    let path = format!("{folder}{below}n{}.{end}", random.below(1000));
    let what = format!("add {path}");
    files.insert(path, plain("new"));
    what
}

fn edit_ignore_file(random: &mut Random, files: &mut Files, folder: &str) -> String {
    let name = random.one_of(&[".dockerignore", "Dockerfile.dockerignore"]);
    let path = format!("{folder}{name}");
    if random.one_in(5) {
        files.insert(path.clone(), linked_ignore_file(random));
        return format!("make {path} a link");
    }
    let line = random.one_of(&IGNORED);
    let mut text = text_of(files.get(&path));
    let _ = write!(text, "\n{line}");
    files.insert(path.clone(), plain(&text));
    format!("{path}: add {line}")
}

/// Gives the images of one rule another build argument.
fn edit_build_arg(random: &mut Random, files: &mut Files) -> String {
    let text = text_of(files.get(config::PATH));
    let mut config: Value = serde_json::from_str(&text).expect("as it was written");
    let rules = config["rules"].as_array_mut().expect("a list");
    let at = random.below(rules.len());
    let what = argument(random, &mut rules[at], "build_args");
    files.insert(config::PATH.to_owned(), plain(&config.to_string()));
    what
}

fn change_mode(files: &mut Files, path: &str) -> String {
    let file = files.get_mut(path).expect("one of them");
    *file = match file {
        File::Plain(bytes) => File::Executable(std::mem::take(bytes)),
        File::Executable(bytes) => File::Plain(std::mem::take(bytes)),
        File::Link(_) | File::EmptyFolder => plain("no link any more"),
    };
    format!("change the mode of {path}")
}

fn edit_dockerfile(random: &mut Random, files: &mut Files, folder: &str) -> String {
    let mut path = format!("{folder}Dockerfile");
    if let Some(File::Link(_)) = files.get(&path) {
        path = format!("{folder}{LINKED}");
    }
    let text = text_of(files.get(&path));
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let stages = lines.iter().position(|line| line.starts_with("FROM"));
    let first = stages.expect("a stage") + 1;
    let at = first + random.below(lines.len() - first + 1);
    let number = folder.trim_start_matches("img").trim_end_matches('/');
    let image = number.parse().expect("a number");
    let what = match random.below(11) {
        8..=10 => {
            let at = random.below(lines.len());
            let count = lines.len();
            let mut from_there = (0..count).map(|further| (at + further) % count);
            let other = |at: usize| Some((at, other_value(random, lines[at].as_str())?));
            let (at, line) = from_there.find_map(other).expect("an argument");
            let what = format!("{path}: `{}` becomes `{line}`", lines[at]);
            lines[at] = line;
            what
        }
        6 | 7 => {
            lines.insert(at, variable(random));
            format!("{path}: add `{}`", lines[at])
        }
        0 => {
            lines.insert(at, "# A comment.".to_owned());
            format!("{path}: add a comment")
        }
        1 => {
            lines.insert(at, instruction(random, image, 0));
            format!("{path}: add `{}`", lines[at])
        }
        2 if at < lines.len() && !lines[at].starts_with("FROM") => {
            format!("{path}: remove `{}`", lines.remove(at))
        }
        3 => {
            lines.splice(..1, ["ARG  EVERYWHERE=2".to_owned()]);
            format!("{path}: change an argument that nothing reads")
        }
        4 if at + 1 < lines.len() && !lines[at].starts_with("FROM") => {
            let next = lines.remove(at + 1);
            lines.insert(at, next);
            format!("{path}: swap `{}` and `{}`", lines[at], lines[at + 1])
        }
        _ => {
            let has_default = |line: &&mut String| line.starts_with("ARG A") && line.contains('=');
            if let Some(line) = lines.iter_mut().find(has_default) {
                let (name, value) = line.split_once('=').expect("a default");
                let value = match value {
                    "1" => "2",
                    _ => random.one_of(&SOURCES),
                };
                *line = format!("{name}={value}");
                format!("{path}: change the default to `{line}`")
            } else {
                lines.insert(at, "USER 0:0".to_owned());
                format!("{path}: add `USER 0:0`")
            }
        }
    };
    files.insert(path, plain(&lines.join("\n")));
    what
}
