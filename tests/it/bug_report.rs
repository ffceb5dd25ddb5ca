//! `shipwright bug-report`: its snapshot replays, and holds nothing of the repository's own words.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::program;
use crate::support::repo::Repo;

/// The report of a repository.
#[track_caller]
fn report(repo: &Repo) -> String {
    program::run(repo, &["bug-report"])
}

/// The snapshot in a report, as a fixture.
#[track_caller]
fn snapshot(report: &str) -> &str {
    let start = report.find("\n//- ").expect("a snapshot");
    &report[start + 1..]
}

/// How many diagnostics of each code `check` has of a repository, beside those of the checkout alone.
#[track_caller]
fn codes(repo: &Repo) -> BTreeMap<String, usize> {
    let output = program::shipwright(repo, ".")
        .args(["list", "-v"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let mut codes = BTreeMap::new();
    for line in said.lines() {
        if let Some((head, _)) = line.split_once("]: ")
            && let Some((severity, code)) = head.split_once('[')
            && matches!(severity, "error" | "warning")
        {
            *codes.entry(format!("{severity}[{code}]")).or_default() += 1;
        }
    }
    codes
}

/// Everything that people write into a repository, each with `zq` in it, which no word of the languages has.
const ODD: &str = r#"//- .shipwright.json
// zqcomment
{"version": 2, "namespace": "zqspace", "names": {"/zqlib/zq base": "zqspace/zqother"},
 "build_args": {"ZQ_TOKEN": "zq-5ecret+zq/zq=="}, "labels": {"zq.label": "zq\nzqvalue\u007Aq"},
 "secrets": [{"id": "zqid", "env": "ZQENV"}], "images": {"zqspace/zqapp": {"dockerfile": "zqapp/Dockerfile", "epoch": "zq2"}}}
//- zqapp/Dockerfile
# zq a comment
# ##[error]zq
FROM zqspace/zqother:latest AS zqstage
ARG ZQ_TOKEN=zqdefault
ENV ZqEnv=${ZQ_TOKEN:-zqfallback}
RUN --mount=type=secret,id=zqid curl -H "zqheader: $ZQ_TOKEN" https://zquser:zqpass@zq.example.com && \
    C:\zq\nzq
COPY --from=zqstage <<ZQEND /zq/file
zqheredoc zqü
ZQEND
COPY zq.txt zq*.md ./
HEALTHCHECK --interval=1m30s CMD zq --port 8080
//- zqapp/.dockerignore
zqignored/**
!zq.txt
//- zqapp/zq.txt
zq content
//- zqapp/ZqÜ ber.md
zq
//- zqapp/run zq.sh +x
zq
//- zqapp/zqlink -> ../zqlib/zq base
//- zqlib/zq base/Dockerfile
FROM zqregistry.example.com/zq/zq:1.25
COPY zqmissing /
//- .gitattributes
*.zq filter=zqfilter text
//- zqlib/zq base/weird > -> name +x zq
zq
"#;

#[test]
fn nothing_of_the_repository_is_left() {
    let repo = Repo::new(ODD);
    repo.git(&["switch", "--quiet", "--create", "zqbranch"]);
    let report = report(&repo);
    let found: Vec<&str> = report
        .lines()
        .filter(|line| line.to_lowercase().contains("zq"))
        .collect();
    assert!(found.is_empty(), "{found:#?}\n{report}");
    assert!(!report.contains("##["), "{report}");
    for secret in ["8080", "1.25", "30s", "5ecret", "comment", "curl"] {
        assert!(!report.contains(secret), "{secret}: {report}");
    }
    assert!(report.contains("this snapshot:  the same"), "{report}");
    let replayed = Repo::empty();
    replayed.write(snapshot(&report));
    assert_eq!(codes(&replayed), codes(&repo));
}

/// What cannot be planned has a report too.
#[test]
fn errors_replay() {
    for (fixture, code) in [
        (
            "//- a/Dockerfile\nFROM b/c\n//- c/Dockerfile\nFROM b/a\n//- .shipwright.json\n{\"namespace\": \"b\"}\n",
            "error[cycle]",
        ),
        (
            "//- zq/Dockerfile\nFROMM zq\n//- .shipwright.json\n{\"namespace\": \"zq\"}\n",
            "error[dockerfile-syntax]",
        ),
        (
            "//- zq/Dockerfile\nFROM scratch\n//- .shipwright.json\n{\"version\": 2, \"zq\": 1}\n",
            "error[config-unknown-key]",
        ),
        (
            "//- zq/Dockerfile\nFROM scratch\n//- .shipwright.json\n{\"zq\n",
            "error[config-syntax]",
        ),
    ] {
        let repo = Repo::new(fixture);
        let report = report(&repo);
        assert!(report.starts_with("shipwright "), "{report}");
        assert!(report.lines().nth(1).unwrap().contains(code), "{report}");
        assert!(report.contains("this snapshot:  the same"), "{report}");
        assert!(!report.contains("zq"), "{report}");
    }
}

/// Repositories of transcripts, with rules, links, a lock file, ignore files and errors.
#[test]
fn repositories_replay() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/transcripts");
    for case in [
        "cycle",
        "dotnet",
        "duplicates",
        "five",
        "ignore-walk",
        "lfs",
        "links",
        "lock",
        "matrix",
        "monorepo",
        "rule-matrix",
    ] {
        let fixture = fs::read_to_string(folder.join(case).join("repo.txt")).unwrap();
        let report = report(&Repo::new(&fixture));
        assert!(
            report.contains("this snapshot:  the same"),
            "{case}: {report}"
        );
    }
}

/// What replacing words changes is told: a pattern that matches a part of one.
#[test]
fn a_snapshot_that_does_not_replay_is_told() {
    let repo = Repo::new(
        "//- app/Dockerfile\nFROM scratch\nCOPY serv*.py /\n//- app/server.py\n//- .shipwright.json\n{\"namespace\": \"us\"}\n",
    );
    let report = report(&repo);
    assert!(report.contains("waves: 1, input files: 1\nthis snapshot:  images: 1, dependencies: 0, base images: 0, waves: 1, input files: 0"), "{report}");
}

/// Where there is no repository, an error says so, and nothing is written.
#[test]
fn without_a_repository_there_is_no_report() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_shipwright"))
        .args(["bug-report", "-o", "report.txt"])
        .current_dir(folder.path())
        .env("GIT_CEILING_DIRECTORIES", folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("error[no-repository]"));
    assert!(!folder.path().join("report.txt").exists());
}
