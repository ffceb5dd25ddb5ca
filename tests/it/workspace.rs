//! The library plans a checkout without the command line.

use shipwright::planner::{Purpose, Request, Sends, Workspace};

use crate::support::repo::Repo;

const FIXTURE: &str = "\
//- .gitignore
*.jar
//- .shipwright.json
{\"version\": 2, \"generated\": [\"**/*.jar\"]}
//- a/Dockerfile
FROM scratch
COPY text *.jar /
//- a/text
one
";

/// What a request for each purpose gives: the inputs of the only image, or the code of the first error.
#[track_caller]
fn check(repo: &Repo, request: &dyn Fn(Request) -> Request, expected: [&str; 4]) {
    let workspace = Workspace::open(repo.path()).unwrap();
    let purposes = [
        Purpose::Run(Sends::Sealed),
        Purpose::Run(Sends::Folders),
        Purpose::Inspect,
        Purpose::Check,
    ];
    let seen = purposes.map(|purpose| {
        let outcome = workspace.plan(&request(Request::new(purpose)));
        match outcome.into_result() {
            Ok((planned, _)) => {
                let image = &planned.plan.images[0];
                let mut paths = Vec::new();
                let inputs = &planned.files[&image.name].inputs;
                inputs.walk(&mut |path, _| paths.push(path.to_owned()));
                format!(
                    "{}{}",
                    paths.join(" "),
                    if image.dirty { " dirty" } else { "" }
                )
            }
            Err(problems) => {
                let codes = problems.iter().map(|problem| problem.code.as_str());
                codes.collect::<Vec<_>>().join(" ")
            }
        }
    });
    assert_eq!(seen, expected);
}

#[test]
fn the_purpose_decides_which_tree_is_planned() {
    let repo = Repo::new(FIXTURE);
    let as_it_is: &dyn Fn(Request) -> Request = &|request| request;
    let dirty: &dyn Fn(Request) -> Request = &|request| Request {
        dirty: true,
        ..request
    };
    let head: &dyn Fn(Request) -> Request = &|request| Request {
        revision: Some("HEAD".to_owned()),
        ..request
    };
    let missing = "generated-missing";
    check(&repo, as_it_is, [missing, missing, "text", "text"]);
    std::fs::write(repo.join("a/b.jar"), "jar").unwrap();
    check(&repo, as_it_is, ["b.jar text"; 4]);
    check(&repo, head, [missing, missing, "text", "text"]);
    std::fs::write(repo.join("a/text"), "two").unwrap();
    check(
        &repo,
        as_it_is,
        ["dirty", "dirty", "b.jar text dirty", "b.jar text dirty"],
    );
    check(&repo, dirty, ["b.jar text dirty"; 4]);
    std::fs::write(repo.join("unread"), "").unwrap();
    repo.git(&["checkout", "-q", "a/text"]);
    check(&repo, as_it_is, ["b.jar text"; 4]);
}

#[test]
fn a_file_with_the_flag_of_a_sparse_checkout_is_not_in_its_folder() {
    let repo = Repo::new("//- a/Dockerfile\nFROM scratch\nCOPY . /\n//- a/text\none\n");
    let as_it_is: &dyn Fn(Request) -> Request = &|request| request;
    repo.git(&["update-index", "--skip-worktree", "a/text"]);
    check(&repo, as_it_is, ["Dockerfile text"; 4]);
    std::fs::remove_file(repo.join("a/text")).unwrap();
    let taken = "Dockerfile text";
    check(&repo, as_it_is, [taken, "not-checked-out", taken, taken]);
}
