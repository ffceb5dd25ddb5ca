//! Random edits of the repositories that [`super::generate`] makes.

use std::fmt::Write;

use shipwright::tree::File;

use shipwright::config;

use super::generate::{
    EXTRA, Files, IGNORED, Random, SOURCES, build_arg, instruction, plain, text_of, variable,
};

/// Changes one thing; says what.
pub(crate) fn edit(random: &mut Random, files: &mut Files) -> String {
    let paths: Vec<&String> = files.keys().filter(|path| path.contains('/')).collect();
    let path = paths[random.below(paths.len())].clone();
    let (folder, below) = path.split_once('/').expect("a folder");
    let folder = folder.to_owned();
    let is_dockerfile = below == "Dockerfile";
    match random.below(12) {
        11 if files.contains_key(config::PATH) && folder != EXTRA => {
            edit_build_arg(random, files, &folder)
        }
        0 => add(random, files, &folder),
        1 if !is_dockerfile => {
            files.remove(&path);
            format!("delete {path}")
        }
        2 => edit_ignore_file(random, files, &folder),
        3..=5 if folder != EXTRA => edit_dockerfile(random, files, &folder),
        6 if !is_dockerfile => change_mode(files, &path),
        7 if !is_dockerfile => {
            let to = format!(
                "{folder}/{}",
                random.one_of(&["r.txt", "sub/r.md", "new/r"])
            );
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
            _ if folder != EXTRA => edit_dockerfile(random, files, &folder),
            _ => add(random, files, &folder),
        },
    }
}

fn is_text(path: &str) -> bool {
    path.contains(".txt") || path.contains(".md")
}

fn add(random: &mut Random, files: &mut Files, folder: &str) -> String {
    let below = random.one_of(&["", "sub/", "deep/x/", "new/", "deep/new/"]);
    let end = random.one_of(&["txt", "md"]);
    let path = format!("{folder}/{below}n{}.{end}", random.below(1000));
    let what = format!("add {path}");
    files.insert(path, plain("new"));
    what
}

fn edit_ignore_file(random: &mut Random, files: &mut Files, folder: &str) -> String {
    let name = random.one_of(&[".dockerignore", "Dockerfile.dockerignore"]);
    let path = format!("{folder}/{name}");
    let line = random.one_of(&IGNORED);
    let mut text = text_of(files.get(&path));
    let _ = write!(text, "\n{line}");
    files.insert(path.clone(), plain(&text));
    format!("{path}: add {line}")
}

/// Gives the images of a folder another build argument, after those that they have.
fn edit_build_arg(random: &mut Random, files: &mut Files, folder: &str) -> String {
    let rule = build_arg(random, folder);
    let text = text_of(files.get(config::PATH));
    let text = text.replace("\n]}", &format!(",\n{rule}\n]}}"));
    files.insert(config::PATH.to_owned(), plain(&text));
    format!("{}: add {rule}", config::PATH)
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
    let path = format!("{folder}/Dockerfile");
    let text = text_of(files.get(&path));
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let stages = lines.iter().position(|line| line.starts_with("FROM"));
    let first = stages.expect("a stage") + 1;
    let at = first + random.below(lines.len() - first + 1);
    let image = folder.trim_start_matches("img").parse().expect("a number");
    let what = match random.below(8) {
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
