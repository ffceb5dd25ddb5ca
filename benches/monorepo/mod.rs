//! A repository of many images, the same for the same numbers.
//!
//! Teams of ten images: the team's base is built on that of the repository, its services on that of
//! the team. Every tenth image takes a file of another team's, one in three has an ignore file.
//! An image has as many files as there are for each, twenty to a folder.

use std::fmt::Write as _;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Images of a team.
const TEAM: usize = 10;
/// Files in a folder of sources.
const FOLDER: usize = 20;

/// The repository of so many images and files below `folder`; made where it is not there yet.
pub(crate) fn generated(folder: &Path, images: usize, files: usize) -> PathBuf {
    let path = folder.join(format!("monorepo-{images}-{files}"));
    if path.join("made").exists() {
        return path.join("checkout");
    }
    let _ = std::fs::remove_dir_all(&path);
    let checkout = path.join("checkout");
    std::fs::create_dir_all(&checkout).unwrap();
    git(&checkout, &["init", "--quiet", "--initial-branch=main"]);
    import(&checkout, images, files);
    git(&checkout, &["reset", "--quiet", "--hard", "main"]);
    std::fs::write(path.join("made"), "").unwrap();
    checkout
}

fn git(folder: &Path, arguments: &[&str]) {
    let status = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .status();
    assert!(status.unwrap().success(), "git {arguments:?}");
}

fn import(checkout: &Path, images: usize, files: usize) {
    let mut git = Command::new("git")
        .args(["fast-import", "--quiet", "--done"])
        .current_dir(checkout)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stream = BufWriter::new(git.stdin.take().unwrap());
    let start = b"commit refs/heads/main\n\
        committer Test <test@example.com> 1700000000 +0000\ndata 6\nimport\n";
    stream.write_all(start).unwrap();
    let mut put = |path: &str, text: &str| {
        let length = text.len();
        writeln!(stream, "M 100644 inline {path}\ndata {length}\n{text}").unwrap();
    };
    put(
        ".shipwright.json",
        "{\"version\": 2, \"namespace\": \"acme\"}\n",
    );
    put("base/Dockerfile", "FROM scratch\nCOPY . /base\n");
    put("base/file.txt", "base\n");
    for image in 1..images {
        let (team, is_base) = (image / TEAM, image % TEAM == 0 || image == 1);
        let name = if is_base {
            "base".to_owned()
        } else {
            format!("svc{image:05}")
        };
        let folder = format!("team{team:04}/team{team:04}-{name}");
        put(
            &format!("{folder}/Dockerfile"),
            &dockerfile(image, team, is_base),
        );
        put(&format!("{folder}/conf"), &format!("first {image}\n"));
        put(&format!("{folder}/conf2"), &format!("second {image}\n"));
        if image % 3 == 0 {
            let ignored = "# Notes.\n**/*.log\ndocs\n!docs/keep.md\n";
            put(&format!("{folder}/.dockerignore"), ignored);
        }
        for file in 0..(files / images).saturating_sub(4).max(1) {
            let inner = file / FOLDER;
            let ending = if file % 17 == 0 { "log" } else { "txt" };
            let path = format!("{folder}/src/m{inner:02}/f{file:03}.{ending}");
            put(&path, &format!("{image} {file}\n"));
        }
    }
    stream.write_all(b"done\n").unwrap();
    drop(stream);
    assert!(git.wait().unwrap().success());
}

fn dockerfile(image: usize, team: usize, is_base: bool) -> String {
    if is_base {
        return "FROM acme/base\nCOPY . /opt/team\nRUN echo build\n".to_owned();
    }
    let mut text = format!(
        "# Service {image}.\nARG PORT=8080\nFROM acme/team{team:04}-base AS build\n\
        COPY src/ /app/src\nCOPY conf conf2 /app/\nRUN make -C /app \\\n    all\n"
    );
    if image % TEAM == 5 && team > 0 {
        let (other, service) = (team - 1, image - TEAM);
        let taken = format!("acme/team{other:04}-svc{service:05}");
        writeln!(text, "COPY --from={taken} /app/out /app/dep").unwrap();
    }
    text + "FROM acme/base\nCOPY --from=build /app/out /app\nEXPOSE $PORT\nCMD [\"/app/run\"]\n"
}
