//! The same commit gives the same bytes, whatever the circumstances.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::repo::Repo;

const FIXTURE: &str = "\
//- base/Dockerfile
FROM debian:12
COPY . /base
//- base/run.sh +x
//- base/Zeilenende.txt
ä
//- base/link -> run.sh
//- base/İ/ı.txt
//- app/Dockerfile
FROM base
COPY --exclude=*.md . /app
//- app/notes.md
//- app/b/c.txt
";

/// What is typed in a shell at `$REPO`, where `$1` is a new folder and `$PLAN` the command.
const CIRCUMSTANCES: [(&str, &str); 21] = [
    ("as it is", "$PLAN"),
    ("again", "$PLAN"),
    ("from a folder below", "cd base && $PLAN"),
    ("from elsewhere", "cd / && $PLAN -C \"$REPO\""),
    (
        "a path with spaces",
        "git clone -q . \"$1/with spaces\" && cd \"$1/with spaces\" && $PLAN",
    ),
    (
        "depth 1",
        "git clone -q --depth 1 \"file://$REPO\" \"$1/a\" && cd \"$1/a\" && $PLAN",
    ),
    (
        "without the contents of other commits",
        "git config uploadpack.allowFilter true
        git clone -q --filter=blob:none \"file://$REPO\" \"$1/a\" && cd \"$1/a\" && $PLAN",
    ),
    (
        "bare",
        "git clone -q --bare . \"$1/a\" && cd \"$1/a\" && $PLAN",
    ),
    (
        "a worktree",
        "git worktree add -q --detach \"$1/a\" && cd \"$1/a\" && $PLAN",
    ),
    (
        "umask 077",
        "umask 077; git clone -q . \"$1/a\" && cd \"$1/a\" && $PLAN",
    ),
    (
        "a Turkish locale",
        "LC_ALL=tr_TR.UTF-8 LANG=tr_TR.UTF-8 $PLAN",
    ),
    ("another zone", "TZ=Pacific/Apia $PLAN"),
    ("no HOME", "env -u HOME $PLAN"),
    ("after gc", "git gc -q --aggressive --prune=now && $PLAN"),
    (
        "files touched",
        "find . -name '*.txt' -exec touch -d 2001-01-01 {} + && $PLAN",
    ),
    (
        "another owner, as far as one may",
        "chown 1:1 app/b/c.txt 2> \"$1/refused\" || true; chmod g+w app/b; $PLAN",
    ),
    ("one thread", "RAYON_NUM_THREADS=1 $PLAN"),
    ("many threads", "RAYON_NUM_THREADS=16 $PLAN"),
    (
        "an index that is gone",
        "git clone -q . \"$1/a\" && cd \"$1/a\" && rm .git/index && git read-tree HEAD && $PLAN",
    ),
    (
        "in the environment",
        "DOCKER_HOST=x BASE=y TARGETARCH=z NO_COLOR=1 $PLAN",
    ),
    (
        "with --rev",
        "echo >> app/b/c.txt; $PLAN --rev HEAD; git checkout -q app",
    ),
];

#[test]
fn the_same_commit_gives_the_same_bytes() {
    let repo = Repo::new(FIXTURE);
    let program = Path::new(env!("CARGO_BIN_EXE_shipwright"));
    let mut first: Option<String> = None;
    for (name, command) in CIRCUMSTANCES {
        let new = tempfile::tempdir().unwrap();
        let output = Command::new("sh")
            .args(["-ec", command, "sh"])
            .arg(new.path())
            .current_dir(repo.path())
            .envs(Repo::environment())
            .env("REPO", repo.path())
            .env("PLAN", format!("{} plan --branch main", program.display()))
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {errors}");
        let plan = String::from_utf8(output.stdout).unwrap();
        assert!(plan.contains("\"app\""), "{name}: {plan}");
        let first = first.get_or_insert_with(|| plan.clone());
        assert_eq!(&plan, first, "{name}");
    }
}

/// A revert, another branch and other times give the same contents: nothing is built again.
#[test]
fn the_same_contents_elsewhere_are_not_built_again() {
    let repo = Repo::new(FIXTURE);
    repo.git(&["tag", "one"]);
    fs::write(repo.join("base/run.sh"), "changed").unwrap();
    repo.commit("Change");
    repo.git(&["revert", "--no-edit", "HEAD"]);
    repo.branch("other");
    let plan = Command::new(env!("CARGO_BIN_EXE_shipwright"))
        .args(["plan", "--since", "one"])
        .current_dir(repo.path())
        .output()
        .unwrap();
    let plan = String::from_utf8(plan.stdout).unwrap();
    assert_eq!(plan.matches("\"action\": \"retag\"").count(), 2, "{plan}");
}
