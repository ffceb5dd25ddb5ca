//! Bake and Compose evaluate their files for `init`: overrides, matrices, functions, includes, profiles,
//! and what they refuse.

use std::fs;

use crate::support::engine::try_docker;
use crate::support::program;
use crate::support::repo::Repo;
use crate::support::skip::skip;

/// Whether both tools are there, or nothing but a loud line.
#[track_caller]
pub(super) fn tools() -> bool {
    for tool in ["buildx", "compose"] {
        if try_docker(&[tool, "version"]).is_err() {
            skip(&format!("docker {tool}"));
            return false;
        }
    }
    true
}

/// The configuration that `init` writes, and what it says.
#[track_caller]
fn init(fixture: &str, files: &[&str]) -> (String, String) {
    let repo = Repo::new(fixture);
    let mut command = program::shipwright(&repo, ".");
    let output = command.arg("init").args(files).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let config = fs::read_to_string(repo.join(".shipwright.json")).unwrap_or_default();
    (config, said)
}

const BAKE: &str = r#"//- docker-bake.hcl
variable "HOME" { default = "none" }
target "app" {
  name = "app-${v}"
  matrix = { v = ["1", "2"] }
  context = "app"
  tags = [substr("xacme/app", 1, -1), "acme/app:${v}"]
  args = {
    V = v
    HOME = HOME
    BAD = nosuchfunction("a")
  }
  secret = ["id=npm,src=npmrc", "id=key,env=KEY"]
  ssh = ["default"]
  network = "none"
  labels = { "org.example.k" = "v" }
  shm-size = "64m"
}
//- docker-bake.override.hcl
variable "HOME" { default = "over" }
//- app/Dockerfile
ARG V
FROM debian:$V
ARG HOME
RUN --mount=type=secret,id=npm echo $HOME
"#;

#[test]
fn bake_evaluates_its_files() {
    if !tools() {
        return;
    }
    let (config, said) = init(BAKE, &[]);
    insta::assert_snapshot!(config, @r#"
    {
      "version": 2,
      "images": {
        "acme/app:1": {"dockerfile": "app/Dockerfile", "build_args": {"V": "1"}},
        "acme/app:2": {"dockerfile": "app/Dockerfile", "build_args": {"V": "2"}}
      },
      "build_args": {"HOME": "over"},
      "labels": {"org.example.k": "v"},
      "secrets": [{"id": "npm", "src": "npmrc"}, {"id": "key", "env": "KEY"}],
      "ssh": ["default"]
    }
    "#);
    for part in ["nosuchfunction", "`shm-size`", "`network`"] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
}

const COMPOSE: &str = r"//- compose.yaml
include: [more/compose.yaml]
services:
  app:
    image: acme/app:${TAG:-x}
    env_file: [.env.secret]
    build:
      context: app
      args: [V, HOME]
      secrets: [npm]
    profiles: [never]
secrets:
  npm: {environment: NPM_TOKEN}
//- compose.override.yaml
services:
  app:
    build:
      network: none
//- .env
V=12
//- more/compose.yaml
services:
  tool:
    image: acme/tool
    build: ../tool
//- app/Dockerfile
ARG V
FROM debian:$V
FROM acme/tool
//- tool/Dockerfile
FROM scratch
";

#[test]
fn compose_evaluates_its_files() {
    if !tools() {
        return;
    }
    let (config, said) = init(COMPOSE, &[]);
    insta::assert_snapshot!(config, @r#"
    {
      "version": 2,
      "namespace": "acme",
      "images": {"acme/app": {"build_args": {"V": "12"}, "network": "none", "secrets": [{"id": "npm", "env": "NPM_TOKEN"}]}}
    }
    "#);
    assert!(said.contains("`HOME` takes its value"), "{said}");
}

#[test]
fn what_is_escaped_in_files_is_read_without_escapes() {
    if !tools() {
        return;
    }
    let dockerfile = "//- app/Dockerfile\nFROM debian\nARG A\nRUN echo $A\n";
    let expected = r#""build_args": {"A": "$a $${b} 1$"}"#;
    let bake = "//- docker-bake.hcl\ntarget \"app\" {\n  context = \"app\"\n  args = { A = \"$a $$${b} 1$\" }\n}\n";
    let compose = "//- compose.yaml\nservices:\n  app:\n    build:\n      context: app\n      args: {A: \"$$a $$$${b} 1$$\"}\n";
    for file in [bake, compose] {
        let (config, said) = init(&format!("{file}{dockerfile}"), &[]);
        assert!(config.contains(expected), "{file}{config}{said}");
    }
}

#[test]
fn compose_reads_the_rest_of_a_file_with_required_variables() {
    if !tools() {
        return;
    }
    let (config, said) = init(
        r"//- compose.yaml
services:
  app:
    image: acme/app:${TAG:?set TAG}
    build:
      context: app
      args:
        V: ${DEBIAN:?which one}
    environment:
      PASSWORD: ${PASSWORD:?none}
  web:
    image: acme/web:${TAG:?set TAG}
    build: web
//- app/Dockerfile
ARG V=12
FROM debian:$V
//- web/Dockerfile
FROM acme/app
",
        &[],
    );
    insta::assert_snapshot!(config, @r#"
    {
      "version": 2,
      "namespace": "acme",
      "build_args": {"V": "set-me"}
    }
    "#);
    for part in ["`DEBIAN` has no value", "`TAG` has no value"] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    assert!(!said.contains("`PASSWORD`"), "{said}");
}

#[test]
fn a_file_that_bake_cannot_parse_is_not_read_in_pieces() {
    if !tools() {
        return;
    }
    let targets = [
        "target \"app\" {\n  context = \"app\n  tags = [\"acme/app\"]\n}\n",
        "target \"app\" {\n  context = \"app\"\n  tags = [\"acme/app\" \"acme/x\"]\n}\n",
        "target \"app\" {\n  context = \"app\"\n",
        "target 'app' {\n  context = 'app'\n}\n",
        "target app:\n  context: app\n",
    ];
    for target in targets {
        let more = "target \"web\" {\n  context = \"app\"\n  tags = [\"acme/web\"]\n}\n";
        let fixture =
            format!("//- docker-bake.hcl\n{target}{more}//- app/Dockerfile\nFROM debian\n");
        let (config, said) = init(&fixture, &[]);
        assert!(!config.contains("acme"), "{config}");
        assert_eq!(said.matches("warning[").count(), 1, "{said}");
        assert!(said.contains("bake cannot parse this file: "), "{said}");
    }
}

#[test]
fn files_with_names_of_their_own_are_read_where_nothing_else_says_a_name() {
    if !tools() {
        return;
    }
    let dockerfiles =
        "//- apps/web_1.Dockerfile\nFROM debian\n//- apps/db_1.Dockerfile\nFROM debian\n";
    for (file, text) in [
        (
            "bakefiles/1.docker-bake.json",
            r#"{"target": {"web": {"dockerfile": "apps/web_1.Dockerfile", "tags": ["acme/web:1"]}}}"#,
        ),
        (
            "deploy/web.compose.yml",
            "services:\n  web:\n    image: acme/web:1\n    build:\n      context: ..\n      dockerfile: apps/web_1.Dockerfile\n",
        ),
    ] {
        let (config, said) = init(&format!("//- {file}\n{text}\n{dockerfiles}"), &[]);
        assert!(config.contains("acme/web"), "{file}: {config}{said}");
        // Where a file that bake looks for says the names, the other is named.
        let usual = "//- docker-bake.hcl\ntarget \"default\" {\n  dockerfile = \"apps/db_1.Dockerfile\"\n  tags = [\"acme/db:1\"]\n}\n";
        let fixture = format!("{usual}//- {file}\n{text}\n{dockerfiles}");
        let (config, said) = init(&fixture, &[]);
        assert!(
            config.contains("acme/db") && !config.contains("acme/web"),
            "{config}{said}"
        );
        let note =
            format!("note[evidence-not-read]: `{file}` was not read, because it was not named");
        assert!(said.contains(&note), "{said}");
    }
    // A workflow with such a name is nothing of compose.
    let workflow = "//- ci/compose-test.yml\njobs:\n  build:\n    steps: []\n";
    let (_, said) = init(&format!("{workflow}{dockerfiles}"), &[]);
    assert!(!said.contains("compose-test"), "{said}");
}
