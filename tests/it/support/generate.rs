//! Small random repositories, the same for the same seed, and random edits of them.
//!
//! Their Dockerfiles use what decides over what goes into an image: several images and stages,
//! wildcards, links, mounts, triggers, arguments, ignore files. Everything can be built on a real
//! engine, without a network.

use std::collections::BTreeMap;
use std::fmt::Write;

use shipwright::snapshot::{File, Snapshot};

/// Random numbers that depend on the seed alone (`SplitMix64`).
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("less than a usize")
    }

    pub(crate) fn one_of<'t, T: ?Sized>(&mut self, list: &[&'t T]) -> &'t T {
        list[self.below(list.len())]
    }

    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            list.swap(at, self.below(at + 1));
        }
    }
}

/// The files of a repository, by path.
pub(crate) type Files = BTreeMap<String, File>;

/// The base image of images that are built on none of the repository.
const BASE: &str = super::engine::BASE;

/// Sources that a `COPY` may name, of the files that [`context`] makes.
const SOURCES: [&str; 16] = [
    "a.txt",
    "sub",
    "sub/c.txt",
    "*.txt",
    "*.md",
    "s*b/?.txt",
    "link.txt",
    "folder",
    "deep/x",
    ".",
    "deep/*",
    "folder/c.txt",
    "/sub/../a.txt",
    "[ab].*",
    "deep",
    "sub/nothing*",
];

const IGNORED: [&str; 10] = [
    "*.md",
    "**/*.md",
    "sub",
    "deep/x",
    "!sub/c.txt",
    "Dockerfile",
    "link.txt",
    "*",
    "!a.txt",
    "**/e*",
];

/// A repository of two to four images.
pub(crate) fn repository(random: &mut Random) -> Files {
    let mut files = Files::new();
    let count = 2 + random.below(3);
    for image in 0..count {
        let folder = format!("img{image}");
        context(random, &folder, &mut files);
        let text = dockerfile(random, image);
        files.insert(format!("{folder}/Dockerfile"), plain(&text));
    }
    files
}

fn plain(text: &str) -> File {
    File::Plain(text.as_bytes().to_vec())
}

fn context(random: &mut Random, folder: &str, files: &mut Files) {
    for path in [
        "a.txt",
        "b.md",
        "sub/c.txt",
        "sub/d.md",
        "deep/x/e.txt",
        "deep/f.md",
    ] {
        files.insert(format!("{folder}/{path}"), plain(path));
    }
    files.insert(
        format!("{folder}/link.txt"),
        File::Link(b"sub/c.txt".to_vec()),
    );
    files.insert(format!("{folder}/folder"), File::Link(b"/sub".to_vec()));
    if random.below(2) == 0 {
        let lines: Vec<&str> = (0..random.below(4))
            .map(|_| random.one_of(&IGNORED))
            .collect();
        files.insert(format!("{folder}/.dockerignore"), plain(&lines.join("\n")));
    }
}

fn dockerfile(random: &mut Random, image: usize) -> String {
    let mut text = String::from("ARG EVERYWHERE=1\n");
    let stages = 1 + random.below(3);
    for stage in 0..stages {
        let base = match random.below(4) {
            0 | 1 if image > 0 => format!("img{}", random.below(image)),
            2 if stage > 0 => format!("stage{}", random.below(stage)),
            _ => BASE.to_owned(),
        };
        let _ = writeln!(
            text,
            "FROM {base} AS stage{stage}\nWORKDIR /w{image}{stage}"
        );
        for _ in 0..=random.below(4) {
            text.push_str(&instruction(random, image, stage));
            text.push('\n');
        }
    }
    text
}

/// An instruction of a stage.
pub(crate) fn instruction(random: &mut Random, image: usize, stage: usize) -> String {
    let source = random.one_of(&SOURCES);
    let number = random.below(1000);
    match random.below(12) {
        0..=3 => format!("COPY {source} to{number}/"),
        4 => format!("COPY {source} {} to{number}/", random.one_of(&SOURCES)),
        5 => format!("ADD {source} add{number}/"),
        6 => {
            let source = random.one_of(&["sub", "deep/x", "a.txt", "", "folder"]);
            format!("RUN --mount=type=bind,source={source},target=/m cp -r /m m{number}")
        }
        7 => format!("ARG A{number}=1\nRUN echo \"$A{number}\" > arg"),
        8 => format!("ENV E{number}=a{number}"),
        9 if stage > 0 => format!("COPY --from=stage{} / /copied{number}", random.below(stage)),
        10 if image > 0 => format!("COPY --from=img{} / /img{number}", random.below(image)),
        11 => format!("ONBUILD COPY {source} onbuild{number}/"),
        _ => format!("LABEL l{number}={number}"),
    }
}

/// Changes one thing; says what.
pub(crate) fn edit(random: &mut Random, files: &mut Files) -> String {
    let paths: Vec<String> = files.keys().cloned().collect();
    let path = paths[random.below(paths.len())].clone();
    let number = random.below(1000);
    let folder = path.split('/').next().expect("a folder").to_owned();
    let name = path.rsplit('/').next().expect("a name");
    match (random.below(8), name) {
        (0, _) => {
            let below = random.one_of(&["", "sub/", "deep/x/", "new/", "deep/new/"]);
            let end = random.one_of(&["txt", "md"]);
            let path = format!("{folder}/{below}n{number}.{end}");
            let what = format!("add {path}");
            files.insert(path, plain("new"));
            what
        }
        (1, name) if name != "Dockerfile" => {
            files.remove(&path);
            format!("delete {path}")
        }
        (2, _) => {
            let path = format!("{folder}/.dockerignore");
            let line = random.one_of(&IGNORED);
            let mut text = text_of(files.get(&path));
            let _ = write!(text, "\n{line}");
            files.insert(path.clone(), plain(&text));
            format!("{path}: add {line}")
        }
        (3 | 4, _) => edit_dockerfile(random, files, &folder),
        (5, _) => match files.get_mut(&path) {
            Some(file @ File::Plain(_)) if name != "Dockerfile" => {
                let File::Plain(bytes) = file.clone() else {
                    unreachable!()
                };
                *file = File::Executable(bytes);
                format!("chmod +x {path}")
            }
            _ => edit_dockerfile(random, files, &folder),
        },
        _ => match files.get_mut(&path) {
            Some(File::Link(target)) => {
                *target = random
                    .one_of(&["a.txt", "sub", "deep", "/deep/x", "nowhere"])
                    .into();
                format!("point {path} elsewhere")
            }
            Some(File::Plain(bytes) | File::Executable(bytes))
                if name.contains(".txt") || name.contains(".md") =>
            {
                bytes.extend_from_slice(format!(" {number}").as_bytes());
                format!("edit {path}")
            }
            _ => edit_dockerfile(random, files, &folder),
        },
    }
}

fn edit_dockerfile(random: &mut Random, files: &mut Files, folder: &str) -> String {
    let path = format!("{folder}/Dockerfile");
    let text = text_of(files.get(&path));
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let at = 2 + random.below(lines.len() - 1);
    let image = folder.trim_start_matches("img").parse().expect("a number");
    let what = match random.below(5) {
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
        _ => {
            if let Some(line) = lines.iter_mut().find(|line| line.starts_with("ARG A")) {
                *line = line.replace("=1", "=2");
                format!("{path}: change the default of `{line}`")
            } else {
                lines.insert(at, "USER 0:0".to_owned());
                format!("{path}: add `USER 0:0`")
            }
        }
    };
    files.insert(path, plain(&lines.join("\n")));
    what
}

pub(crate) fn text_of(file: Option<&File>) -> String {
    match file {
        Some(File::Plain(bytes) | File::Executable(bytes)) => {
            String::from_utf8(bytes.clone()).expect("generated as text")
        }
        _ => String::new(),
    }
}

/// The snapshot of these files.
pub(crate) fn snapshot(files: &Files) -> Snapshot {
    let files = files
        .iter()
        .map(|(path, file)| (path.as_str(), file.clone()));
    Snapshot::of_files(None, files)
}
