//! make and the shell script build the files of the revision, whatever lies in the checkout.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use shipwright::plan::Plan;
use shipwright::run::emit::{Added, Files, Folder};

use super::fixture::{Bench, Runner, TREE, five};
use crate::support::repo::Repo;

type Sent = BTreeMap<String, BTreeMap<String, String>>;

/// What the builds of the five images are sent, by image.
#[track_caller]
fn sent(bench: &Bench, plan: &Plan) -> Sent {
    bench.docker.forgets();
    bench.runs(&[]);
    bench.docker.calls();
    let images = plan.images.iter();
    let sent = images.map(|image| (image.name.clone(), bench.docker.sent(&image.reference)));
    sent.collect()
}

#[track_caller]
fn sh(bench: &Bench, script: &str) {
    let done = Command::new("sh")
        .args(["-ec", script])
        .current_dir(bench.repo.path())
        .envs(Repo::environment())
        .output()
        .expect("there is a shell");
    assert!(done.status.success(), "{script}: {done:?}");
}

/// The files of the five images, as their builds are to be sent them.
fn expected() -> [(&'static str, &'static str, &'static str); 4] {
    [
        ("x/python", "run.sh", "755 echo python\n"),
        ("x/service2", "main", "644 yes\n"),
        ("x/service2", "-f.dockerignore", "ignored\n"),
        (
            "x/shared",
            "-f",
            "FROM x/python\nARG WHO=nobody\nRUN echo $WHO >/who\n",
        ),
    ]
}

#[test]
fn nothing_of_the_checkout_gets_in() {
    // What happens to the checkout after the file was emitted.
    let rows = [
        "echo changed > python/run.sh",
        "git update-index --assume-unchanged python/run.sh; echo changed > python/run.sh",
        "git update-index --skip-worktree python/run.sh; echo changed > python/run.sh",
        "echo new > python/new; echo '*' > services/service2/.dockerignore",
        "echo '*.log' > .git/info/exclude; echo leak > python/out.log",
        "git config core.fileMode false; chmod 644 python/run.sh; chmod 600 services/service2/main",
        "git config core.autocrlf true; echo '* text eol=crlf' > .git/info/attributes",
        "git config filter.x.smudge 'cat; echo smudged'; echo '* filter=x ident' > .git/info/attributes",
        "echo other > python/run.sh; git add -A; git commit -qm other; git checkout -q -b another",
        "rm -r python services docker",
        "git sparse-checkout set shared",
        "mkdir -p .git/shipwright/run.0123456789; echo stale > .git/shipwright/run.0123456789/git",
        "mv .git \"$PWD.git\"; echo \"gitdir: $PWD.git\" > .git",
    ];
    let bench = Bench::new(Runner::Dash, TREE);
    let plan = five(&bench.head());
    bench.emit(&plan);
    let before = sent(&bench, &plan);
    for (image, path, text) in expected() {
        assert_eq!(before[image][path], text, "{image} {path}");
    }
    for runner in [Runner::Make, Runner::Dash] {
        for row in rows {
            let bench = Bench::new(runner, TREE);
            bench.emit(&plan);
            sh(&bench, row);
            assert_eq!(sent(&bench, &plan), before, "{runner:?}: {row}");
            sh(&bench, "rm -rf \"$PWD.git\"");
        }
    }
}

#[test]
fn attributes_of_the_revision_convert_nothing() {
    for runner in Runner::ALL {
        let tree = format!("//- .gitattributes\n* text eol=crlf ident\n{TREE}");
        let bench = Bench::new(runner, &tree);
        let plan = five(&bench.head());
        bench.emit(&plan);
        let sent = sent(&bench, &plan);
        for (image, path, text) in expected() {
            assert_eq!(sent[image][path], text, "{runner:?}: {image} {path}");
        }
    }
}

#[test]
fn a_folder_that_the_run_made_goes_with_it() {
    for runner in Runner::ALL {
        let bench = Bench::new(runner, TREE);
        let plan = five(&bench.head());
        bench.emit(&plan);
        let kept = bench.repo.join(".git/shipwright");
        sh(
            &bench,
            "mkdir -p .git/shipwright/run.old .git/shipwright/run.new .git/shipwright/contexts;
             touch -d '2 days ago' .git/shipwright/run.old .git/shipwright/contexts",
        );
        let left = || {
            let entries = fs::read_dir(&kept).unwrap();
            let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            let mut names: Vec<String> = names.collect();
            names.sort();
            names
        };
        bench.runs(&["python"]);
        assert_eq!(left(), ["contexts", "run.new"], "{runner:?}");
        // After a failure, too.
        let mut failing = bench;
        let reference = plan.image("x/shared").unwrap().reference.clone();
        failing.env.push(("FAKE_DOCKER_FAILS", reference));
        failing.fails(&["shared"], &["could not be built"]);
        assert_eq!(left(), ["contexts", "run.new"], "{runner:?}");
    }
}

#[test]
fn a_run_without_a_build_checks_nothing_out() {
    for runner in Runner::ALL {
        let bench = Bench::new(runner, TREE);
        let plan = five(&bench.head());
        bench.emit(&plan);
        bench.runs(&[]);
        // No object of the revision is there any more: nobody reads one.
        sh(&bench, "rm -rf .git/objects/??");
        bench.runs(&[]);
    }
}

#[test]
fn the_variables_of_git_do_not_count() {
    for runner in Runner::ALL {
        let mut bench = Bench::new(runner, TREE);
        let plan = five(&bench.head());
        bench.emit(&plan);
        let before = sent(&bench, &plan);
        let config = bench.repo.join(".git/other");
        fs::write(&config, "[core]\n\tautocrlf = true\n\tfileMode = false\n").unwrap();
        let config = config.display().to_string();
        bench.env.push(("GIT_CONFIG_GLOBAL", config));
        bench.env.push(("GIT_CONFIG_COUNT", "1".to_owned()));
        bench.env.push(("GIT_CONFIG_KEY_0", "core.eol".to_owned()));
        bench.env.push(("GIT_CONFIG_VALUE_0", "crlf".to_owned()));
        bench
            .env
            .push(("GIT_INDEX_FILE", "/nowhere/index".to_owned()));
        assert_eq!(sent(&bench, &plan), before, "{runner:?}");
    }
}

#[test]
fn the_root_of_a_plan_may_be_below_the_top_of_the_checkout() {
    for runner in Runner::ALL {
        let tree = TREE.replace("//- ", "//- below/") + "//- python/Dockerfile\nFROM other\n";
        let mut bench = Bench::new(runner, &tree);
        bench.root = "below";
        let plan = five(&bench.head());
        bench.emit(&plan);
        let sent = sent(&bench, &plan);
        for (image, path, text) in expected() {
            assert_eq!(sent[image][path], text, "{runner:?}: {image} {path}");
        }
        fs::copy(bench.repo.join("below/emitted"), bench.repo.join("emitted")).unwrap();
        bench.docker.forgets();
        bench.root = "";
        bench.fails(&["python"], &["run this at the root of the plan, below"]);
        assert_eq!(bench.did(), Vec::<String>::new());
    }
}

#[test]
fn what_the_revision_has_not_is_an_error() {
    for runner in Runner::ALL {
        let bench = Bench::new(runner, TREE);
        let mut plan = five(&bench.head());
        plan.images[0].context = "elsewhere".to_owned();
        bench.emit(&plan);
        bench.fails(&["python"], &["lacks a part of", "elsewhere"]);
        let plan = five(&"1".repeat(40));
        bench.emit(&plan);
        bench.fails(&["python"], &["lacks a part of", &"1".repeat(40)]);
    }
}

#[test]
fn folders_that_several_images_read_are_written_once() {
    let bench = Bench::new(Runner::Make, TREE);
    let mut plan = five(&bench.head());
    for image in &mut plan.images {
        image.context = ".".to_owned();
    }
    bench.emit(&plan);
    bench.runs(&["-j8"]);
    let calls = bench.docker.calls();
    let builds = calls.iter().filter(|call| call[1] == "build");
    let contexts: Vec<&str> = builds
        .filter_map(|call| call.last())
        .map(String::as_str)
        .collect();
    assert_eq!(contexts, ["RUN/1"; 5]);
    // The file that runs is no part of the revision.
    let sent = bench.docker.sent(&plan.images[0].reference);
    assert!(!sent.contains_key("emitted") && sent.contains_key("services/service2/main"));
}

/// What a plan of the working tree says of its files: `changed` and `new` of `python/`.
fn files_of_the_disk(bench: &Bench) -> Files {
    let added = |path: &str| Added {
        mode: "100644",
        id: bench
            .repo
            .git(&["hash-object", "--no-filters", &format!("python/{path}")]),
        path: path.to_owned(),
    };
    let folder = Folder {
        path: Some("python".to_owned()),
        gone: vec!["run.sh".to_owned()],
        added: vec![added("Dockerfile"), added("deep/new")],
        ..Folder::default()
    };
    Files {
        folders: BTreeMap::from([("python".to_owned(), folder)]),
        ..Files::default()
    }
}

#[test]
fn files_of_the_disk_must_be_as_planned() {
    for runner in Runner::ALL {
        let bench = Bench::new(runner, TREE);
        let mut plan = five(&bench.head());
        plan.source.dirty = true;
        sh(
            &bench,
            "rm python/run.sh; mkdir python/deep; printf 'new\\r\\n' > python/deep/new
             echo FROM scratch > python/Dockerfile; echo not planned > python/other",
        );
        bench.emit_with(&plan, &files_of_the_disk(&bench));
        bench.runs(&["python"]);
        let sent = bench.docker.sent(&plan.images[0].reference);
        let expected = [
            ("-f", "FROM scratch\n"),
            ("Dockerfile", "644 FROM scratch\n"),
            ("deep/new", "644 new\r\n"),
        ];
        let expected = expected.map(|(path, text)| (path.to_owned(), text.to_owned()));
        assert_eq!(sent, BTreeMap::from(expected), "{runner:?}");
        for change in ["echo more >> python/deep/new", "rm python/deep/new"] {
            bench.docker.forgets();
            bench.docker.calls();
            sh(&bench, change);
            bench.fails(&["python"], &["python/deep/new is not as it was planned"]);
            assert_eq!(bench.did(), Vec::<String>::new());
        }
    }
}

#[test]
fn modes_are_those_of_git_whatever_the_umask() {
    let bench = Bench::new(Runner::Dash, TREE);
    let plan = five(&bench.head());
    bench.emit(&plan);
    let mut shell = bench.docker.command("sh", bench.repo.path());
    let done = shell
        .args(["-ec", "umask 077; exec dash emitted service2"])
        .output();
    assert!(done.expect("there is a shell").status.success());
    let reference = &plan.image("x/service2").unwrap().reference;
    assert_eq!(bench.docker.sent(reference)["main"], "644 yes\n");
}

#[test]
fn worktrees_and_bare_and_partial_repositories_have_the_revision_too() {
    let filter =
        "git config uploadpack.allowFilter true; git config uploadpack.allowAnySHA1InWant true
                  git clone -q --no-checkout \"file://$PWD\" .x --filter";
    let rows = [
        "git worktree add -q -b other .x",
        "git clone -q --bare . .x",
        "git clone -q --shared . .x",
        "git clone -q --depth 1 \"file://$PWD\" .x",
        &format!("{filter} blob:none"),
        &format!("{filter} tree:0"),
    ];
    for runner in [Runner::Make, Runner::Dash] {
        let mut bench = Bench::new(runner, TREE);
        let plan = five(&bench.head());
        bench.emit(&plan);
        let before = sent(&bench, &plan);
        for row in rows {
            sh(&bench, row);
            sh(&bench, "cp emitted .x/emitted");
            bench.root = ".x";
            assert_eq!(sent(&bench, &plan), before, "{runner:?}: {row}");
            sh(
                &bench,
                "rm -rf .x; git worktree prune; git branch -qD other 2>/dev/null || true",
            );
        }
    }
}

#[test]
fn a_path_in_a_message_is_no_command_of_a_runner() {
    for runner in Runner::ALL {
        let bench = Bench::new(runner, TREE);
        let mut plan = five(&bench.head());
        plan.source.dirty = true;
        let folder = Folder {
            path: Some("python".to_owned()),
            added: vec![Added {
                mode: "100644",
                id: "1".repeat(40),
                path: "a\n::set-output name=x::y\n##[error]z".to_owned(),
            }],
            ..Folder::default()
        };
        let files = Files {
            folders: BTreeMap::from([("python".to_owned(), folder)]),
            ..Files::default()
        };
        bench.emit_with(&plan, &files);
        let output = bench.run(&["python"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains("is not as it was planned"));
        assert!(!said.contains("##[") && !said.contains("\n::"), "{said}");
    }
}
