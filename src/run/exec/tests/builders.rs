//! Runs with a builder that has no access to the engine's images.

use super::*;

#[test]
fn a_builder_that_sees_no_local_image_builds_into_the_registry() {
    let team = |options: &mut Options| options.builder = Some("team".to_owned());
    let push = |options: &mut Options| {
        options.builder = Some("team".to_owned());
        options.push = Some(Push::Clean);
    };
    let mut plan = plan(vec![image("a", &[]), image("b", &["a"]), image("c", &[])]);
    let memory = Memory::default();
    let (asked, result) = steps(&memory, &plan, team);
    assert_eq!(
        (asked, result),
        (Vec::new(), Err(vec!["builder-needs-push"]))
    );

    // What nothing else needs may go to the engine.
    plan.images[0].push = false;
    plan.images[2].push = false;
    let (asked, result) = steps(&memory, &plan, push);
    let expected = [
        "build us/a",
        "publish us/a:sw-a",
        "build us/b",
        "publish us/b:sw-b",
        "build us/c:sw-c",
        "tag us/c:main",
        "publish us/b:main",
    ];
    assert_eq!(asked, expected);
    assert_eq!(result.as_deref(), Ok("built a, built b, built c"));
    let published = memory.published.lock().unwrap().clone().into_keys();
    let tagged: Vec<String> = published.filter(|name| !name.contains('@')).collect();
    assert_eq!(tagged, ["us/a:sw-a", "us/b:main", "us/b:sw-b"]);

    // What it needs is there by now.
    plan.images[1].push = false;
    memory.published.lock().unwrap().remove("us/b:sw-b");
    let (asked, result) = steps(&memory, &plan, |options| {
        team(options);
        options.from_registry = Some(true);
        options.wanted = Some(BTreeSet::from(["b".to_owned()]));
    });
    assert_eq!(asked, ["build us/b:sw-b", "tag us/b:main"]);
    assert_eq!(result.as_deref(), Ok("skipped a, built b, skipped c"));
}

#[test]
fn an_image_of_another_engine_is_pushed_for_a_builder_that_needs_it() {
    let mut plan = plan(vec![image("a", &[]), image("b", &["a"])]);
    plan.images[0].push = false;
    plan.images[1].push = false;
    let memory = Memory::default();
    memory.put("us/a:sw-a", found(Some("a"), "amd64"));
    let (asked, result) = steps(&memory, &plan, |options| {
        options.builder = Some("team".to_owned());
        options.push = Some(Push::Clean);
        options.tags = false;
    });
    assert_eq!(asked, ["push us/a:sw-a", "build us/b:sw-b"]);
    assert_eq!(result.as_deref(), Ok("skipped a, built b"));
}
