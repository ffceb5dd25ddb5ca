//! The weekly workflows of `docs/lock.md`, run: one pull request, renewed where more has moved.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_norway::Value;
use tempfile::TempDir;

use crate::support::own_registry::OwnRegistry;
use crate::support::program;
use crate::support::raw_registry::Raw;
use crate::support::repo::Repo;

/// What `gh` and `curl` are here: a server that notes each call and the text that it is sent, and that has a
/// request once one was opened.
const SERVER: &str = r#"#!/bin/sh
here=${0%/*}
echo "${0##*/} $*" | sed "s#$TMPDIR/[^ ]*#BODY#g" >>"$here/log"
for word do
  case $word in
    create | POST) : >"$here/open" ;;
    list) [ -e "$here/open" ] && echo 1 || echo 0 ;;
    --get) [ -e "$here/open" ] && echo '[{"id":70,"iid":7,"title":"x"}]' || echo '[]' ;;
    description@*) cp "${word#description@}" "$here/body" ;;
    "$TMPDIR"/*) cp "$word" "$here/body" ;;
  esac
done
"#;

/// The script of a workflow of the page, by the first line of its block.
fn script(file: &str, of: impl Fn(&Value) -> Option<&str>) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/lock.md");
    let page = fs::read_to_string(page).unwrap();
    let block = page.split_once(&format!("```yaml\n# {file}\n"));
    let (_, block) = block.expect("the page has it");
    let (block, _) = block.split_once("\n```\n").expect("the block ends");
    let workflow: Value = serde_norway::from_str(block).expect("it is YAML");
    of(&workflow).expect("it has a script").to_owned()
}

/// A clone, the server that it was cloned from, and programs that stand for the other one.
struct Machine {
    _origin: TempDir,
    clone: Repo,
    programs: TempDir,
    script: String,
}

impl Machine {
    #[track_caller]
    fn new(host: &str, script: String) -> Self {
        let origin = TempDir::with_prefix("shipwright-origin-").unwrap();
        let clone = Repo::new(&format!(
            "//- a/Dockerfile\nFROM {host}/a:1\n//- b/Dockerfile\nFROM {host}/b:1\n"
        ));
        program::run(&clone, &["lock"]);
        clone.commit("Lock");
        let place = origin.path().display().to_string();
        clone.git(&["init", "--quiet", "--bare", &place]);
        clone.git(&["remote", "add", "origin", &place]);
        clone.git(&["push", "--quiet", "origin", "main"]);
        let programs = TempDir::with_prefix("shipwright-programs-").unwrap();
        for name in ["gh", "curl"] {
            let file = programs.path().join(name);
            fs::write(&file, SERVER).unwrap();
            fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self {
            _origin: origin,
            clone,
            programs,
            script,
        }
    }

    /// A run of the workflow on a fresh checkout; gives what was asked of the server.
    #[track_caller]
    fn run(&self) -> Vec<String> {
        self.clone.git(&["switch", "--quiet", "--force", "main"]);
        let _ = Command::new("git")
            .args(["branch", "--quiet", "-D", "bases/main"])
            .current_dir(self.clone.path())
            .output();
        let temporary = TempDir::with_prefix("shipwright-run-").unwrap();
        let path = std::env::var("PATH").expect("a PATH");
        let program = Path::new(env!("CARGO_BIN_EXE_shipwright"))
            .parent()
            .unwrap();
        let programs = self.programs.path();
        let output = Command::new("bash")
            .args(["-euo", "pipefail", "-c", &self.script])
            .current_dir(self.clone.path())
            .envs(Repo::environment())
            .env(
                "PATH",
                format!("{}:{}:{path}", programs.display(), program.display()),
            )
            .env("TMPDIR", temporary.path())
            .env("BRANCH", "main")
            .envs([
                ("CI_API_V4_URL", "https://gitlab.example.com/api/v4"),
                ("CI_PROJECT_ID", "5"),
            ])
            .envs([
                ("BASES_TOKEN", "t"),
                ("CI_SERVER_HOST", "h"),
                ("CI_PROJECT_PATH", "p"),
            ])
            .env("REMOTE", self.clone.git(&["remote", "get-url", "origin"]))
            .output()
            .expect("bash is there");
        program::succeeded(&["the workflow"], &output);
        let log = self.programs.path().join("log");
        let text = fs::read_to_string(&log).unwrap_or_default();
        let _ = fs::remove_file(log);
        text.lines().map(str::to_owned).collect()
    }

    fn body(&self) -> String {
        fs::read_to_string(self.programs.path().join("body")).expect("it was sent")
    }

    /// Asserts how the text of the request begins.
    #[track_caller]
    fn says(&self, start: &str) {
        let body = self.body();
        assert!(body.starts_with(start), "{body}");
    }

    /// The lock file of the branch that the request is for.
    fn proposed(&self) -> String {
        self.clone
            .git(&["fetch", "--quiet", "origin", "bases/main"]);
        self.clone.git(&["show", "FETCH_HEAD:shipwright.lock"])
    }
}

#[track_caller]
fn check(script: String, opens: &str, renews: &str) {
    let Some(mut registry) = OwnRegistry::new() else {
        return;
    };
    registry.start();
    let host = registry.host().to_owned();
    let put = |name: &str, content: &str| {
        let env = [("CONTENT".to_owned(), content.to_owned())].into();
        let put = Raw { host: &host }.base(name, Some("1"), "amd64", &env, &[], None);
        put["digest"].as_str().expect("a digest").to_owned()
    };
    put("a", "first");
    put("b", "first");
    let machine = Machine::new(&host, script);
    assert_eq!(machine.run(), [""; 0], "nothing has moved");

    let moved = put("a", "second");
    let asked = machine.run();
    assert!(
        asked.iter().any(|call| call.starts_with(opens)),
        "{asked:?}"
    );
    machine.says("### Bases: 1 moved; 1 image follows");
    assert!(machine.proposed().contains(&moved));
    assert_eq!(machine.run(), [""; 0], "the request has it");

    let further = put("b", "second");
    let asked = machine.run();
    assert!(
        asked.iter().any(|call| call.starts_with(renews)),
        "{asked:?}"
    );
    assert!(
        !asked.iter().any(|call| call.starts_with(opens)),
        "{asked:?}"
    );
    machine.says("### Bases: 2 moved; 2 images follow");
    let proposed = machine.proposed();
    assert!(proposed.contains(&moved) && proposed.contains(&further));
    let ahead = machine
        .clone
        .git(&["rev-list", "--count", "main..FETCH_HEAD"]);
    assert_eq!(ahead, "1", "one commit, on the branch as it is");
}

#[test]
fn github_gets_one_pull_request() {
    let script = script(".github/workflows/bases.yml", |workflow| {
        workflow["jobs"]["update"]["steps"][1]["run"].as_str()
    });
    check(
        script,
        "gh pr create --head bases/main --base main ",
        "gh pr edit bases/main ",
    );
}

#[test]
fn gitlab_gets_one_merge_request() {
    let script = script(".gitlab-ci.yml", |workflow| {
        workflow["bases"]["script"][0].as_str()
    });
    let ask = "curl --fail --silent --show-error --header PRIVATE-TOKEN: t --request";
    let api = "https://gitlab.example.com/api/v4/projects/5/merge_requests";
    check(
        script,
        &format!("{ask} POST {api} "),
        &format!("{ask} PUT {api}/7 "),
    );
}
