//! Small random repositories, the same for the same seed.
//!
//! Their Dockerfiles use what decides over what goes into an image: several images and stages,
//! wildcards, links, mounts, triggers, arguments, stamps, named contexts, contexts that hold other images,
//! ignore files and Dockerfiles that are links. Everything can be built on a real engine, without a network.
//! [`super::edits`] changes them.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};
use shipwright::config::{self, Config};
use shipwright::tree::{File, Snapshot};

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

    /// Yes, one time in `sides`.
    pub(crate) fn one_in(&mut self, sides: usize) -> bool {
        self.below(sides) == 0
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

/// A folder that images take from as the named context `extra`.
pub(crate) const EXTRA: &str = "extra";

/// What a Dockerfile that is a link leads to, in its folder.
pub(crate) const LINKED: &str = "df";

/// Sources that a `COPY` may name, of the files that [`context`] makes.
pub(crate) const SOURCES: [&str; 22] = [
    "a.txt",
    "sub",
    "sub/",
    "sub/c.txt",
    "*.txt",
    "*.md",
    "s*b/?.txt",
    "link.txt",
    "folder",
    "deep/x",
    ".",
    "deep/*",
    "*/*",
    "folder/c.txt",
    "/sub/../a.txt",
    "../../a.txt",
    "[ab].*",
    "[^a].??",
    "deep",
    "sub/nothing*",
    "through",
    "through/e.txt",
];

/// Lines of ignore files.
pub(crate) const IGNORED: [&str; 32] = [
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
    "!deep/**",
    "# a.txt",
    "deep/",
    "/sub/*",
    "!sub/d.*",
    "**",
    "!**/c.txt",
    "*/x",
    "./a.txt",
    "sub/../b.md",
    "!sub",
    "!deep",
    "!deep/x",
    "**/sub",
    "**/deep",
    "**/x",
    "!**/x",
    "sub/**",
    "deep/*",
    "[a-c]*",
    "!*/c.txt",
    "img*/sub",
];

/// Values of arguments and variables, as a Dockerfile writes them.
const VALUES: [&str; 15] = [
    "1",
    "sub",
    "\"a b\"",
    "$A",
    "${B:-deep}",
    "${C:+a.txt}",
    "${A}x$B",
    "'$C'",
    "2",
    "\"deep $UNKNOWN\"",
    "${UNKNOWN:-sub}",
    "${UNKNOWN:+deep}",
    "${A#s}",
    "${B%b}x",
    "${A/s/t}",
];

/// Names that arguments and variables share, so that they meet. The builder sets the last ones.
const NAMES: [&str; 5] = ["A", "B", "C", "EVERYWHERE", "TARGETARCH"];

/// A repository of two to four images. The context of each is its Dockerfile's folder, and the Dockerfile a file.
pub(crate) fn repository(random: &mut Random) -> Files {
    generated(random, false)
}

/// As [`repository`], but contexts may be the whole repository, and Dockerfiles may be links or end their lines as
/// on Windows.
pub(crate) fn odd_repository(random: &mut Random) -> Files {
    generated(random, true)
}

fn generated(random: &mut Random, is_odd: bool) -> Files {
    let mut files = Files::new();
    let count = 2 + random.below(3);
    let mut rules = Vec::new();
    let mut is_wide = false;
    for image in 0..count {
        let folder = format!("img{image}");
        context(random, &format!("{folder}/"), &mut files);
        let mut rule = json!({"match": format!("^{folder}/")});
        let has_extra = random.below(3) == 0;
        if has_extra {
            rule["contexts"] = json!({"extra": EXTRA});
        }
        if random.one_in(3) {
            argument(random, &mut rule, "build_args");
        }
        if random.one_in(6) {
            argument(random, &mut rule, "stamp_args");
        }
        if is_odd && random.one_in(4) {
            is_wide = true;
            rule["context"] = json!(".");
        }
        rules.push(rule);
        let mut text = dockerfile(random, image, has_extra);
        if is_odd && random.one_in(8) {
            text = text.replace('\n', "\r\n");
        }
        let mut name = "Dockerfile";
        if is_odd && random.one_in(8) {
            let target = random.one_of(&["df", "/df", "../df", "sub/../df"]);
            files.insert(format!("{folder}/{name}"), File::Link(target.into()));
            name = LINKED;
        }
        files.insert(format!("{folder}/{name}"), plain(&text));
    }
    if is_wide {
        context(random, "", &mut files);
    }
    context(random, &format!("{EXTRA}/"), &mut files);
    let config = json!({"version": 2, "rules": rules});
    files.insert(config::PATH.to_owned(), plain(&config.to_string()));
    files
}

/// Gives the images of a rule an argument, below the key that says whether it counts; says which.
pub(crate) fn argument(random: &mut Random, rule: &mut Value, key: &str) -> String {
    let name = random.one_of(&NAMES[..4]);
    let value = random.one_of(&["", "2", "sub", "$A", "a b"]);
    rule[key][name] = json!(value);
    format!("{key} of {}: {name}={value}", rule["match"])
}

/// The configuration among the files.
pub(crate) fn config(files: &Files) -> Config {
    let text = text_of(files.get(config::PATH));
    if text.is_empty() {
        return Config::default();
    }
    Config::parse(&text).unwrap_or_else(|_| panic!("a valid configuration"))
}

pub(crate) fn plain(text: &str) -> File {
    File::Plain(text.as_bytes().to_vec())
}

/// The files of a context. `folder` is empty for the root, else it ends in a slash.
fn context(random: &mut Random, folder: &str, files: &mut Files) {
    for path in [
        "a.txt",
        "b.md",
        "sub/c.txt",
        "sub/d.md",
        "deep/x/e.txt",
        "deep/f.md",
        "odd name",
    ] {
        files.insert(format!("{folder}{path}"), plain(path));
    }
    for (path, target) in [
        ("link.txt", "sub/c.txt"),
        ("folder", "/sub"),
        ("through", "sub/../deep/x"),
    ] {
        files.insert(format!("{folder}{path}"), File::Link(target.into()));
    }
    for name in [".dockerignore", "Dockerfile.dockerignore"] {
        if random.below(3) == 0 {
            let lines: Vec<&str> = (0..random.below(4))
                .map(|_| random.one_of(&IGNORED))
                .collect();
            // A specific file that is empty is read in two ways (semantics §16.1): never made.
            let text = format!("{}\n/no-such-file\n", lines.join("\n"));
            files.insert(format!("{folder}{name}"), plain(&text));
        } else if random.one_in(12) {
            files.insert(format!("{folder}{name}"), linked_ignore_file(random));
        }
    }
}

/// An ignore file that is a link: to a file whose text is a path of the context, or out of the folder in which the
/// builder looks.
pub(crate) fn linked_ignore_file(random: &mut Random) -> File {
    let targets = [
        "sub/d.md",
        "/sub/c.txt",
        "../a.txt",
        "nowhere",
        "folder/d.md",
        "../img0/b.md",
    ];
    File::Link(random.one_of(&targets).into())
}

fn dockerfile(random: &mut Random, image: usize, has_extra: bool) -> String {
    let mut text = String::from("ARG EVERYWHERE=1\n");
    if random.one_in(3) {
        let _ = writeln!(
            text,
            "ARG {}={}",
            random.one_of(&NAMES),
            random.one_of(&VALUES)
        );
    }
    let by_argument = image > 0 && random.below(4) == 0;
    if by_argument {
        let _ = writeln!(text, "ARG ON=img{}", random.below(image));
    }
    let stages = 1 + random.below(3);
    for stage in 0..stages {
        let base = match random.below(4) {
            _ if by_argument && stage == 0 => "${ON}".to_owned(),
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
        if has_extra && random.below(2) == 0 {
            text.push_str(&from_extra(random));
            text.push('\n');
        }
    }
    text
}

/// An instruction that takes from the named context `extra`.
fn from_extra(random: &mut Random) -> String {
    let source = random.one_of(&["sub", "a.txt", "*.txt", "/", "folder", "deep/x"]);
    if random.below(3) == 0 {
        let source = source.replace('*', "a");
        return format!(
            "RUN --mount=type=bind,from=extra,source={source},target=/m cp -r /m extra"
        );
    }
    format!("COPY --from=extra {source} extra/")
}

/// An instruction of a stage, on one line.
pub(crate) fn instruction(random: &mut Random, image: usize, stage: usize) -> String {
    let source = random.one_of(&SOURCES);
    let number = random.below(1000);
    match random.below(31) {
        28 => format!("ONBUILD COPY --from=stage0 /etc own{number}"),
        29 => format!(
            "ONBUILD RUN --mount=type=bind,source={},target=/m cp -r /m bound{number}",
            random.one_of(&["sub", "deep", "a.txt"])
        ),
        30 => format!("COPY ${{A:-sub}} $B by{number}/"),
        20..=24 => variable(random),
        25 => format!("RUN env | sort > env{number}"),
        26 => format!(
            "COPY <<{} here{number}\n$A ${{B}} \\$C\nend",
            random.one_of(&["end", "'end'"])
        ),
        27 => format!("COPY [\"odd name\", \"{source}\", \"odd{number}/\"]"),
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
        12 => format!("ARG A{number}=sub\nCOPY $A{number} arg{number}/"),
        13 => format!("ENV SOURCE={}", random.one_of(&["sub", "a.txt", "deep"])),
        14 => format!("COPY ${{SOURCE:-b.md}} env{number}/"),
        15 => {
            let flag = random.one_of(&["--chown=1:2", "--chmod=700", "--link", "--chown=7"]);
            format!("COPY {flag} {source} flag{number}/")
        }
        16 if stage > 0 => {
            let from = random.below(stage);
            format!("RUN --mount=type=bind,from=stage{from},target=/m cp -r /m/w* .")
        }
        17 => random
            .one_of(&[
                "CMD [\"sh\"]",
                "ENTRYPOINT sleep 1",
                "EXPOSE 80/udp",
                "VOLUME /v",
                "USER 0",
                "STOPSIGNAL 9",
                "WORKDIR below",
                "SHELL [\"/bin/sh\", \"-c\"]",
                "HEALTHCHECK NONE",
            ])
            .to_owned(),
        18 => format!("RUN --mount=type=tmpfs,target=/t echo {number} > number"),
        19 => format!("COPY nothing* {source} many{number}/"),
        _ => format!("LABEL l{number}={number}"),
    }
}

/// An instruction that sets or reads an argument or a variable.
pub(crate) fn variable(random: &mut Random) -> String {
    let name = random.one_of(&NAMES);
    let value = random.one_of(&VALUES);
    match random.below(12) {
        10 => format!("ONBUILD ARG {name}={value}"),
        11 => "RUN echo \"$A $B $C\" > values".to_owned(),
        0 => format!("ARG {name}"),
        1 | 2 => format!("ARG {name}={value}"),
        3 => format!("ARG {name}={value} {}={value}", random.one_of(&NAMES)),
        4 | 5 => format!("ENV {name}={value}"),
        6 => format!("ENV {name}={value} {}=${name}", random.one_of(&NAMES)),
        7 => format!("WORKDIR /d/${name}"),
        8 => format!("LABEL l=${{{name}:-none}}"),
        _ => format!("ONBUILD ENV {name}={value}"),
    }
}

/// Another value for the first name that a line of a Dockerfile sets, or none for an argument.
pub(crate) fn other_value(random: &mut Random, line: &str) -> Option<String> {
    let words = line.trim_start_matches("ONBUILD ").split_once(' ');
    let (keyword, rest) = words.filter(|(keyword, _)| ["ARG", "ENV"].contains(keyword))?;
    let name = rest.trim_start().split([' ', '=']).next()?;
    let before = line.split(keyword).next()?;
    let value = random.one_of(&VALUES);
    Some(match random.below(4) {
        0 if keyword == "ARG" => format!("{before}{keyword} {name}"),
        1 if keyword == "ENV" => format!("{before}{keyword} {name} {value}"),
        _ => format!("{before}{keyword} {name}={value}"),
    })
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
