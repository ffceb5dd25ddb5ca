//! What make and the shell script do, seen by a `docker` that only notes what it is asked.

use std::fs;

use shipwright::plan::Plan;

use super::fixture::{Bench, Runner, TREE, five};

/// Every runner over the five images, the plan first changed by `change`.
#[track_caller]
fn each(change: impl Fn(&mut Plan), check: impl Fn(&mut Bench)) {
    for runner in Runner::ALL {
        let mut bench = Bench::new(runner, TREE);
        let mut plan = five(&bench.head());
        change(&mut plan);
        bench.emit(&plan);
        check(&mut bench);
    }
}

/// How make and the script say the same: the script takes `--push` where make has a target.
fn push(bench: &Bench) -> &'static str {
    if bench.runner == Runner::Make {
        "push"
    } else {
        "--push"
    }
}

const BUILDS: [&str; 5] = [
    "build x/python",
    "build x/shared",
    "build x/service1",
    "build x/service2",
    "build x/admin",
];

const TAGS: [&str; 10] = [
    "tag x/python:main",
    "tag x/python:1",
    "tag x/shared:main",
    "tag x/shared:1",
    "tag x/service1:main",
    "tag x/service1:1",
    "tag x/service2:main",
    "tag x/service2:1",
    "tag x/admin:main",
    "tag x/admin:1",
];

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

fn as_sorted(lines: &[&str]) -> Vec<String> {
    sorted(lines.iter().map(|&line| line.to_owned()).collect())
}

#[test]
fn everything_is_built_in_order_and_then_tagged() {
    each(
        |_| {},
        |bench| {
            bench.runs(&[]);
            let did = bench.did();
            assert_eq!(did[..5], BUILDS, "{:?}", bench.runner);
            assert_eq!(sorted(did[5..].to_vec()), as_sorted(&TAGS));
        },
    );
}

#[test]
fn what_is_there_is_not_built_again() {
    each(
        |_| {},
        |bench| {
            bench.runs(&[]);
            bench.did();
            bench.runs(&[]);
            assert_eq!(sorted(bench.did()), as_sorted(&TAGS), "{:?}", bench.runner);
        },
    );
}

#[test]
fn one_image_brings_what_it_needs_and_nothing_else() {
    for name in ["x/service1", "service1"] {
        each(
            |_| {},
            |bench| {
                bench.runs(&[name]);
                let did = bench.did();
                assert_eq!(did[..3], BUILDS[..3], "{:?}", bench.runner);
                assert_eq!(sorted(did[3..].to_vec()), as_sorted(&TAGS[..6]));
            },
        );
    }
}

#[test]
fn several_images_are_tagged_together() {
    each(
        |_| {},
        |bench| {
            bench.runs(&["service2", "service1"]);
            let did = bench.did();
            assert_eq!(
                sorted(did[..4].to_vec()),
                as_sorted(&BUILDS[..4]),
                "{:?}",
                bench.runner
            );
            assert_eq!(sorted(did[4..].to_vec()), as_sorted(&TAGS[..8]));
        },
    );
}

#[test]
fn a_source_policy_of_the_users_stops_what_cannot_merge_it() {
    let hold = |plan: &mut Plan| {
        let download = ("https://e.com/f".to_owned(), "sha256:1".to_owned());
        plan.images[0].sources.extend([download]);
    };
    let users = (
        "EXPERIMENTAL_BUILDKIT_SOURCE_POLICY",
        "users.json".to_owned(),
    );
    each(hold, |bench| {
        bench.env.push(users.clone());
        let says = "names another source policy: 'shipwright exec' uses both";
        bench.fails(&[], &[says]);
        assert_eq!(bench.did(), [""; 0], "{:?}", bench.runner);
    });
    // Where nothing is held, it is the user's business alone.
    let reference = five(&"0".repeat(40)).images[0].reference.clone();
    each(
        |_| {},
        |bench| {
            fs::write(bench.repo.join("users.json"), "{}").unwrap();
            let path = bench.repo.join("users.json").display().to_string();
            bench.env.push((users.0, path));
            bench.runs(&["python"]);
            assert_eq!(bench.docker.policy(&reference), "{}");
        },
    );
}

#[test]
fn no_readable_tag_moves_after_a_failure() {
    each(
        |_| {},
        |bench| {
            let plan = five(&bench.head());
            let service2 = &plan.image("x/service2").unwrap().reference;
            bench.env.push(("FAKE_DOCKER_FAILS", service2.clone()));
            let said = [
                "x/service2:sw-",
                "could not be built; no readable tag was moved",
            ];
            bench.fails(&[], &said);
            assert!(bench.did().iter().all(|line| line.starts_with("build ")));
            if bench.runner == Runner::Make {
                bench.fails(&["-k", "-j4", "admin", "service2"], &said);
                let tried = as_sorted(&["build x/admin", "build x/service2"]);
                assert_eq!(sorted(bench.did()), tried);
                bench.fails(&["push"], &said);
            } else {
                bench.fails(&["--push"], &said);
            }
            assert!(!bench.did().iter().any(|line| line.starts_with("tag")));
            bench.runs(&["admin"]);
        },
    );
}

#[test]
fn an_image_that_only_looks_right_is_built_again() {
    each(
        |_| {},
        |bench| {
            let plan = five(&bench.head());
            bench.runs(&["python"]);
            bench.docker.holds(&plan.images[1].reference, "another");
            bench.did();
            bench.runs(&["shared"]);
            assert_eq!(bench.did()[0], "build x/shared", "{:?}", bench.runner);
        },
    );
}

#[test]
fn contents_are_pushed_before_readable_tags() {
    each(
        |_| {},
        |bench| {
            bench.runs(&[push(bench), "service1"]);
            let registry = bench.docker.registry();
            let is_content = |reference: &String| reference.contains(":sw-");
            assert_eq!(
                registry.iter().take_while(|r| is_content(r)).count(),
                3,
                "{registry:?}"
            );
            assert_eq!(registry.len(), 9);
            bench.did();
            bench.runs(&[push(bench), "service1"]);
            let pushed = bench.did();
            let again = pushed
                .iter()
                .filter(|line| line.starts_with("push"))
                .count();
            assert_eq!(again, 6, "a content reference was pushed again: {pushed:?}");
        },
    );
}

#[test]
fn what_is_not_to_be_pushed_is_pushed_only_as_content_that_is_needed() {
    each(
        |plan| {
            for name in ["x/shared", "x/admin"] {
                plan.images
                    .iter_mut()
                    .find(|image| image.name == name)
                    .unwrap()
                    .push = false;
            }
        },
        |bench| {
            bench.runs(&[push(bench)]);
            let pushed: Vec<String> = bench
                .did()
                .into_iter()
                .filter(|line| line.starts_with("push "))
                .collect();
            let expected = [
                "push x/python",
                "push x/python:1",
                "push x/python:main",
                "push x/service1",
                "push x/service1:1",
                "push x/service1:main",
                "push x/service2",
                "push x/service2:1",
                "push x/service2:main",
                "push x/shared",
            ];
            assert_eq!(sorted(pushed), as_sorted(&expected), "{:?}", bench.runner);
        },
    );
}

#[test]
fn an_image_with_uncommitted_changes_is_pushed_only_on_demand() {
    each(
        |plan| {
            plan.source.dirty = true;
            plan.images[2].dirty = true;
        },
        |bench| {
            bench.fails(
                &[push(bench)],
                &["x/service1 differ", "SHIPWRIGHT_PUSH_DIRTY=1"],
            );
            assert_eq!(bench.did(), Vec::<String>::new());
            bench.runs(&[push(bench), "service2"]);
            bench.env.push(("SHIPWRIGHT_PUSH_DIRTY", "1".to_owned()));
            bench.runs(&[push(bench)]);
        },
    );
}

#[test]
fn cache_is_written_when_pushing() {
    each(
        |plan| plan.images[0].cache_to = vec!["type=registry,ref=a b}".to_owned()],
        |bench| {
            let cached = |bench: &Bench| {
                let calls = bench.docker.calls();
                let words = calls.concat();
                words
                    .iter()
                    .skip_while(|word| *word != "--cache-to")
                    .nth(1)
                    .cloned()
            };
            bench.runs(&["python"]);
            assert_eq!(cached(bench), None);
            fs::remove_file(bench.repo.join("emitted")).unwrap();
            let mut plan = five(&bench.head());
            plan.images[0].cache_to = vec!["type=registry,ref=a b}".to_owned()];
            plan.images[0].reference = "x/python:sw-2".to_owned();
            bench.emit(&plan);
            bench.runs(&["python", push(bench)]);
            assert_eq!(cached(bench).as_deref(), Some("type=registry,ref=a b}"));
        },
    );
}

#[test]
fn an_unknown_image_is_refused() {
    each(|_| {}, |bench| bench.fails(&["service3"], &["service3"]));
}

#[test]
fn a_plan_without_images_does_nothing() {
    each(
        |plan| plan.images.clear(),
        |bench| {
            bench.runs(&[]);
            assert_eq!(bench.did(), Vec::<String>::new());
        },
    );
}

#[test]
fn make_builds_in_parallel_and_in_order() {
    let bench = Bench::new(Runner::Make, TREE);
    bench.emit(&five(&bench.head()));
    bench.runs(&["-j8"]);
    let did = bench.did();
    assert_eq!(did[..2], BUILDS[..2]);
    assert_eq!(sorted(did[..5].to_vec()), as_sorted(&BUILDS));
    assert_eq!(sorted(did[5..].to_vec()), as_sorted(&TAGS));
}

#[test]
fn what_has_two_names_is_built_once() {
    each(
        |plan| {
            let [.., service1, service2, _] = &mut plan.images[..] else {
                panic!("five images");
            };
            service2.reference.clone_from(&service1.reference);
            service2.fingerprint.clone_from(&service1.fingerprint);
        },
        |bench| {
            let in_parallel: &[&str] = match bench.runner {
                Runner::Make => &["-j8"],
                _ => &[],
            };
            bench.runs(in_parallel);
            let built = bench.did().into_iter();
            let built = built.filter(|call| call == "build x/service1");
            assert_eq!(built.count(), 1, "{:?}", bench.runner);
        },
    );
    let bench = Bench::new(Runner::Make, TREE);
    let mut plan = five(&bench.head());
    plan.images[3].reference = plan.images[2].reference.clone();
    bench.emit(&plan);
    bench.runs(&["service2"]);
    assert!(bench.did().contains(&"tag x/service2:main".to_owned()));
}

#[test]
fn the_environment_adds_nothing_to_a_build() {
    each(
        |_| {},
        |bench| {
            for variable in [
                "BUILDX_BUILDER",
                "SOURCE_DATE_EPOCH",
                "BUILDX_GIT_LABELS",
                "DOCKER_DEFAULT_PLATFORM",
                "BUILDX_NO_DEFAULT_ATTESTATIONS",
                "BUILDX_BAKE_FILE",
            ] {
                bench.env.push((variable, "1".to_owned()));
            }
            bench.env.push(("CDPATH", ".:/".to_owned()));
            bench.runs(&["python"]);
            assert_eq!(bench.did()[0], "build x/python", "{:?}", bench.runner);
        },
    );
}

#[test]
fn several_platforms_need_an_engine_that_holds_them() {
    let change = |plan: &mut Plan| {
        plan.images[1].platforms = vec!["linux/amd64".to_owned(), "linux/arm64".to_owned()];
    };
    each(change, |bench| {
        let graph_driver = r#"[["Backing Filesystem","extfs"]]"#;
        bench
            .env
            .push(("FAKE_DOCKER_STORE", graph_driver.to_owned()));
        let said = [
            "error: the engine's image store cannot hold images of several platforms: x/shared",
            "PUSH=true docker buildx bake -f FILE --builder NAME",
        ];
        bench.fails(&[], &said);
        assert_eq!(bench.did(), Vec::<String>::new(), "{:?}", bench.runner);
        bench.runs(&["python"]);
        let containerd = r#"[["driver-type","io.containerd.snapshotter.v1"]]"#;
        bench.env = vec![("FAKE_DOCKER_STORE", containerd.to_owned())];
        bench.runs(&[]);
    });
}

#[test]
fn a_dry_run_prints_commands_that_a_shell_takes_back() {
    for runner in [Runner::Dash, Runner::Busybox] {
        let bench = Bench::new(runner, TREE);
        let mut plan = five(&bench.head());
        let values = [
            "it's",
            "a  b\\",
            "$(touch pwned)",
            "",
            "two\nlines\n",
            "-n",
            "é",
        ];
        for (index, value) in values.iter().enumerate() {
            plan.images[0]
                .build_args
                .insert(format!("A{index}"), (*value).to_owned());
        }
        bench.emit(&plan);
        let printed = bench.run(&["-n", "python"]);
        assert!(printed.status.success() && printed.stderr.is_empty());
        assert_eq!(
            bench.docker.calls(),
            Vec::<Vec<String>>::new(),
            "a dry run runs nothing"
        );
        fs::write(bench.repo.join("printed"), printed.stdout).unwrap();
        let status = bench
            .docker
            .command("sh", bench.repo.path())
            .arg("printed")
            .status();
        assert!(status.unwrap().success());
        let printed = bench.docker.calls();
        bench.docker.forgets();
        fs::remove_file(bench.repo.join("printed")).unwrap();
        bench.runs(&["python"]);
        let mut real = bench.docker.calls();
        real.retain(|call| call[0] != "image");
        assert_eq!(printed, real);
        assert!(!bench.repo.join("pwned").exists());
    }
}
