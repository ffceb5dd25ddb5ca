//! Runs on the engine alone: what is built, tagged and skipped.

use super::*;

#[test]
fn everything_is_built_then_every_tag_moves() {
    check(
        "",
        |_| {},
        "build a:sw-a, build b:sw-b, build c:sw-c, tag a:main, tag b:main, tag c:main",
        "built a, built b, built c",
    );
}

#[test]
fn a_failure_moves_no_tag() {
    let nothing_new = "build a:sw-a";
    check(
        "us/a:sw-a",
        |_| {},
        nothing_new,
        "failed a, not built b, not built c, [build-failed]",
    );
    check(
        "us/a:sw-a",
        |options| options.keep_going = true,
        "build a:sw-a, build c:sw-c",
        "failed a, not built b, built c, [build-failed]",
    );
}

#[test]
fn each_flag_leaves_out_its_part() {
    check(
        "",
        |options| options.tags = false,
        "build a:sw-a, build b:sw-b, build c:sw-c",
        "built a, built b, built c",
    );
    check(
        "",
        |options| options.dry_run = true,
        "",
        "built a, built b, built c",
    );
    check(
        "",
        |options| options.stop.request(),
        "",
        "not built a, not built b, not built c, [stopped]",
    );
}

#[test]
fn a_second_run_does_only_what_is_left() {
    let mut plan = plan(vec![image("a", &[]), image("b", &["a"])]);
    let memory = Memory::default();
    let (_, result) = steps(&memory, &plan, |_| {});
    assert_eq!(result.as_deref(), Ok("built a, built b"));
    let (asked, result) = steps(&memory, &plan, |_| {});
    assert_eq!(asked, Vec::<String>::new());
    assert_eq!(result.as_deref(), Ok("skipped a, skipped b"));

    plan.images[0].tags.push("us/a:other".to_owned());
    let (asked, result) = steps(&memory, &plan, |options| options.build = false);
    assert_eq!(asked, ["tag us/a:other"]);
    assert_eq!(result.as_deref(), Ok("re-tagged a, skipped b"));

    plan.images[1].fingerprint = "changed".into();
    let (asked, _) = steps(&memory, &plan, |options| options.tags = false);
    assert_eq!(
        asked,
        ["build us/b:sw-b"],
        "its content reference names another image"
    );
    let (asked, result) = steps(&memory, &plan, |options| options.build = false);
    assert_eq!((asked, result), (Vec::new(), Err(vec!["image-missing"])));
}

#[test]
fn what_another_repository_holds_is_tagged_instead_of_built() {
    for (reference, fingerprint, expected) in [
        ("stage/a:sw-a", Some("a"), "tag us/a:sw-a, tag us/a:main"),
        ("stage/a:sw-a", Some("b"), "build us/a:sw-a, tag us/a:main"),
        ("stage/a:sw-a", None, "build us/a:sw-a, tag us/a:main"),
        ("stage/a:main", Some("a"), "build us/a:sw-a, tag us/a:main"),
    ] {
        let memory = Memory::default();
        memory.put(reference, found(fingerprint, "amd64"));
        let plan = plan(vec![image("a", &[])]);
        let (asked, _) = steps(&memory, &plan, |_| {});
        assert_eq!(asked.join(", "), expected, "{reference} {fingerprint:?}");
    }
}
