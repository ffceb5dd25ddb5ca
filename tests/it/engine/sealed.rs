//! Sealed contexts on a real engine: what is built is what was planned, whatever the checkout does.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use crate::support::engine::{self, Contents, Engine, contents};
use crate::support::program::{self, shipwright};
use crate::support::repo::Repo;

/// The fixture with `us/` put below the engine's prefix.
#[track_caller]
fn checkout(engine: &Engine, fixture: &str) -> Repo {
    let ours = engine.repository("us");
    Repo::new(&format!(
        "{}//- .shipwright.json\n{{\"version\": 2, \"namespace\": \"{ours}\"}}\n",
        fixture.replace("us/", &format!("{ours}/"))
    ))
}

#[track_caller]
fn held(engine: &Engine, name: &str) -> Contents {
    contents(&engine.repository(&format!("us/{name}")))
}

#[test]
fn the_checkout_may_change_while_images_are_built() {
    let Some(engine) = engine::engine() else {
        return;
    };
    let fixture = "\
//- slow/Dockerfile
FROM local/busybox:1
RUN echo now; sleep 2
//- app/Dockerfile
FROM us/slow
COPY . /app
//- app/text
planned
//- app/gone
planned
";
    let repo = checkout(&engine, fixture);
    let quiet = checkout(&engine, fixture);
    program::run(&quiet, &["exec", "--quiet", "--tag", "quiet", "app"]);
    let expected = held(&engine, "app:quiet");
    engine.clear();

    // Not from the cache, or the first build would be over at once.
    repo.write("//- slow/Dockerfile\nFROM local/busybox:1\nRUN echo now ; sleep 2\n");
    repo.commit("Start");
    let mut child = shipwright(&repo, ".")
        .args(["exec", "-j1", "--tag", "tested"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program was built");
    let stderr = BufReader::new(child.stderr.take().expect("it is piped"));
    for line in stderr.lines() {
        let line = line.expect("the program prints UTF-8");
        if line.contains("slow | ") && line.ends_with("now") {
            repo.branch("other");
            repo.write(
                "//- app/text\nchanged\n//- app/more\nnew\n//- app/Dockerfile\nFROM scratch\n",
            );
            repo.git(&["rm", "--quiet", "app/gone"]);
            repo.commit("Change everything");
            repo.write("//- app/text\nchanged again\n");
        }
    }
    assert!(child.wait().expect("it ends").success());
    assert_eq!(held(&engine, "app:tested").files, expected.files);
}

#[test]
fn a_stored_plan_is_built_from_its_revision() {
    let Some(engine) = engine::engine() else {
        return;
    };
    let repo = checkout(
        &engine,
        "//- base/Dockerfile\nFROM local/busybox:1\nONBUILD COPY text /taken\n\
         //- app/Dockerfile\nFROM us/base\nARG WHAT=text\nCOPY ${WHAT} /app\n\
         //- app/text\nplanned\n//- app/other\nother\n",
    );
    program::run(
        &repo,
        &["plan", "--build-arg", "WHAT=other", "-o", ".git/plan.json"],
    );
    program::run(&repo, &["exec", "--quiet", "--build-arg", "WHAT=other"]);
    let expected = held(&engine, "app:main");
    engine.clear();

    repo.write("//- app/text\ncommitted\n//- app/Dockerfile\nFROM scratch\n");
    repo.commit("Change everything");
    repo.write("//- app/other\nedited\n");
    program::run(&repo, &["exec", "--quiet", "--plan", ".git/plan.json"]);
    assert_eq!(held(&engine, "app:main"), expected);
    assert!(expected.files.contains_key("/taken"));
}

#[test]
fn modes_are_those_that_git_knows() {
    let Some(engine) = engine::engine() else {
        return;
    };
    let repo = checkout(
        &engine,
        "//- app/Dockerfile\nFROM local/busybox:1\nCOPY . /app\n\
         //- app/dir/text\nx\n//- app/dir/run +x\nx\n//- app/link -> dir/run\n",
    );
    let script = "umask 077; chmod 700 app app/dir; chmod 600 app/dir/text; mkdir app/dir/empty; exec \"$@\"";
    let mut command = Command::new("sh");
    command.args([
        "-c",
        script,
        "sh",
        env!("CARGO_BIN_EXE_shipwright"),
        "exec",
        "--quiet",
    ]);
    let output = command
        .current_dir(repo.path())
        .envs(Repo::environment())
        .process_group(0)
        .output()
        .expect("sh is there");
    program::succeeded(&["exec"], &output);
    let files = held(&engine, "app:main").files;
    let modes: Vec<(&str, u32)> = files
        .iter()
        .filter(|(path, _)| path.starts_with("/app"))
        .map(|(path, file)| (path.as_str(), file.mode & 0o777))
        .collect();
    let expected = [
        ("/app", 0o755),
        ("/app/Dockerfile", 0o644),
        ("/app/dir", 0o755),
        ("/app/dir/run", 0o755),
        ("/app/dir/text", 0o644),
        ("/app/link", 0o777),
    ];
    assert_eq!(modes, expected);
    assert_eq!(files["/app/link"].link.as_deref(), Some("dir/run"));
}

#[test]
fn ignored_files_stay_out_and_ignore_files_work_once() {
    let Some(engine) = engine::engine() else {
        return;
    };
    // The Dockerfile's own ignore file wins over the context's, which is then a file like others.
    let repo = checkout(
        &engine,
        "\
//- app/Dockerfile
FROM local/busybox:1
COPY . /app
//- app/Dockerfile.dockerignore
*.log
!kept.log
//- app/.dockerignore
text
//- app/text
x
//- app/a.log
x
//- app/kept.log
x
",
    );
    program::run(&repo, &["exec", "--quiet", "--tag", "sealed"]);
    program::run(
        &repo,
        &[
            "exec",
            "--quiet",
            "--tag",
            "plain",
            "--unsealed",
            "--epoch",
            "1",
        ],
    );
    let sealed = held(&engine, "app:sealed");
    let paths: Vec<&String> = sealed
        .files
        .keys()
        .filter(|path| path.starts_with("/app/"))
        .collect();
    let expected = [
        "/app/.dockerignore",
        "/app/Dockerfile",
        "/app/Dockerfile.dockerignore",
        "/app/kept.log",
        "/app/text",
    ];
    assert_eq!(paths, expected);
    assert_eq!(
        sealed.files,
        held(&engine, "app:plain").files,
        "as docker itself does it"
    );
}

#[test]
fn a_plan_of_a_subfolder_and_of_the_working_tree() {
    let Some(engine) = engine::engine() else {
        return;
    };
    let ours = engine.repository("us");
    let repo = Repo::new(&format!(
        "\
//- Dockerfile
FROM scratch
//- deep/.shipwright.json
{{\"version\": 2, \"namespace\": \"{ours}\"}}
//- deep/app/Dockerfile
FROM local/busybox:1
COPY text new* /
//- deep/app/text
committed
"
    ));
    repo.write(
        "//- deep/app/text\nchanged\n//- deep/app/new\nuntracked\n//- deep/other\nnothing\n",
    );
    let refused = shipwright(&repo, "deep/app")
        .arg("exec")
        .output()
        .expect("the program was built");
    assert_eq!(refused.status.code(), Some(1));
    let dirty = shipwright(&repo, "deep/app")
        .args(["exec", "--quiet", "--dirty"])
        .output()
        .expect("the program was built");
    program::succeeded(&["exec", "--dirty"], &dirty);
    let changed = held(&engine, "app:main-dirty");
    assert!(changed.files.contains_key("/new"));

    let committed = shipwright(&repo, "deep")
        .args(["exec", "--quiet", "--rev", "HEAD"])
        .output()
        .expect("the program was built");
    program::succeeded(&["exec", "--rev"], &committed);
    let files = held(&engine, "app:main").files;
    assert!(!files.contains_key("/new"));
    assert_ne!(files["/text"].sha256, changed.files["/text"].sha256);
}
