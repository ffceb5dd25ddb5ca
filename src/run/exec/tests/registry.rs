//! Runs with a registry: what is pushed, fetched, and left as it is there.

use super::*;

#[test]
fn content_is_pushed_as_built_and_tags_at_the_end() {
    let push = |options: &mut Options| options.push = Some(Push::Clean);
    check(
        "",
        push,
        "build a:sw-a, push a:sw-a, build b:sw-b, push b:sw-b, build c:sw-c, push c:sw-c, \
         tag a:main, tag b:main, tag c:main, publish a:main, publish b:main, publish c:main",
        "built a, built b, built c",
    );
    let mut plan = plan(vec![image("a", &[]), image("b", &["a"]), image("c", &[])]);
    plan.images[0].push = false;
    plan.images[2].push = false;
    let memory = Memory::default();
    let (_, result) = steps(&memory, &plan, |_| {});
    assert_eq!(result.as_deref(), Ok("built a, built b, built c"));
    let (asked, result) = steps(&memory, &plan, push);
    assert_eq!(
        asked,
        ["push us/a:sw-a", "push us/b:sw-b", "publish us/b:main"]
    );
    assert_eq!(result.as_deref(), Ok("skipped a, re-tagged b, skipped c"));

    plan.images[0].dirty = true;
    let (asked, result) = steps(&memory, &plan, push);
    assert_eq!((asked, result), (Vec::new(), Err(vec!["dirty-push"])));
    let (_, result) = steps(&memory, &plan, |options| options.push = Some(Push::Dirty));
    assert!(result.is_ok());
}

/// A plan of three images, published from a machine that then lost all of them.
fn published() -> (Plan, Memory) {
    let plan = plan(vec![image("a", &[]), image("b", &["a"]), image("c", &[])]);
    let memory = Memory::default();
    let (_, result) = steps(&memory, &plan, |options| options.push = Some(Push::Clean));
    assert!(result.is_ok());
    memory.images.lock().unwrap().clear();
    (plan, memory)
}

#[test]
fn what_is_published_is_neither_fetched_nor_built_to_be_published_again() {
    let (mut plan, memory) = published();
    let push = |options: &mut Options| options.push = Some(Push::Clean);
    let (asked, result) = steps(&memory, &plan, push);
    assert_eq!(asked, Vec::<String>::new());
    assert_eq!(result.as_deref(), Ok("skipped a, skipped b, skipped c"));

    for image in &mut plan.images {
        image.tags = vec![format!("{}:next", image.repository)];
    }
    let (asked, result) = steps(&memory, &plan, push);
    let expected = [
        "publish us/a:next",
        "publish us/b:next",
        "publish us/c:next",
    ];
    assert_eq!(asked.len(), 3);
    assert!(
        expected
            .iter()
            .all(|step| asked.contains(&(*step).to_owned()))
    );
    assert_eq!(
        result.as_deref(),
        Ok("re-tagged a, re-tagged b, re-tagged c")
    );
    let published = memory.published.lock().unwrap();
    assert_eq!(published["us/a:next"], published["us/a:sw-a"]);
}

#[test]
fn a_published_image_that_says_something_else_is_built() {
    let (plan, memory) = published();
    let mut images = memory.published.lock().unwrap();
    images.get_mut("us/b:sw-b").unwrap().fingerprint = Some("other".into());
    drop(images);
    let (asked, result) = steps(&memory, &plan, |options| options.push = Some(Push::Clean));
    let expected = ["build us/b:sw-b", "push us/b:sw-b", "tag us/b:main"];
    assert_eq!(
        asked, expected,
        "the tag in the registry names the same digest"
    );
    assert_eq!(result.as_deref(), Ok("skipped a, built b, skipped c"));
}

#[test]
fn what_the_engine_lacks_is_fetched_if_asked_for() {
    let fetch = |options: &mut Options| options.from_registry = Some(true);
    let (plan, memory) = published();
    let (asked, result) = steps(&memory, &plan, |_| {});
    assert!(asked[0].starts_with("build"), "no repository names a host");
    assert_eq!(result.as_deref(), Ok("built a, built b, built c"));

    memory.images.lock().unwrap().clear();
    let (asked, result) = steps(&memory, &plan, fetch);
    assert_eq!(
        asked.join(", ").replace("us/", ""),
        "pull a:sw-a, pull b:sw-b, pull c:sw-c, tag a:main, tag b:main, tag c:main"
    );
    assert_eq!(result.as_deref(), Ok("fetched a, fetched b, fetched c"));

    let memory = Memory {
        failing: BTreeSet::from(["registry".to_owned()]),
        ..Memory::default()
    };
    let (_, result) = steps(&memory, &plan, fetch);
    assert_eq!(
        result.as_deref(),
        Ok("built a, built b, built c, [registry-unreadable]"),
        "a warning, and everything is built"
    );
}

#[test]
fn only_what_is_asked_for_is_fetched() {
    let (mut plan, memory) = published();
    let fetch = |wanted: &[&str]| {
        let wanted = wanted.iter().map(|name| (*name).to_owned()).collect();
        move |options: &mut Options| {
            options.from_registry = Some(true);
            options.wanted = Some(wanted);
        }
    };
    let (asked, result) = steps(&memory, &plan, fetch(&["b"]));
    assert_eq!(asked, ["pull us/b:sw-b", "tag us/b:main"]);
    assert_eq!(result.as_deref(), Ok("skipped a, fetched b, skipped c"));

    // What must be built finds its base in the registry.
    plan.images[1].fingerprint = "new".into();
    plan.images[1].reference = "us/b:sw-new".to_owned();
    let label = Fingerprint::LABEL.to_owned();
    plan.images[1].labels.insert(label, "new".to_owned());
    let (asked, result) = steps(&memory, &plan, fetch(&["b"]));
    assert_eq!(asked, ["build us/b:sw-new", "tag us/b:main"]);
    assert_eq!(result.as_deref(), Ok("skipped a, built b, skipped c"));
}

#[test]
fn what_another_machine_kept_is_done_without_where_only_tags_move() {
    let (mut plan, memory) = published();
    plan.images[2].push = false;
    plan.images[2].reference = "us/c:sw-other".to_owned();
    let (asked, result) = steps(&memory, &plan, |options| {
        options.push = Some(Push::Clean);
        options.build = false;
    });
    assert_eq!(asked, Vec::<String>::new());
    assert_eq!(
        result.as_deref(),
        Ok("skipped a, skipped b, skipped c, [not-published]")
    );
}

#[test]
fn what_a_registry_does_not_say_is_not_built_over() {
    let plan = plan(vec![image("a", &[]), image("b", &["a"]), image("c", &[])]);
    let refusing = |what: &str| Memory {
        failing: BTreeSet::from([what.to_owned()]),
        ..Memory::default()
    };
    let push = |options: &mut Options| options.push = Some(Push::Clean);
    let memory = refusing("registry of us/a:sw-a");
    let (asked, result) = steps(&memory, &plan, push);
    assert_eq!(asked, Vec::<String>::new());
    assert_eq!(result, Err(vec!["registry-no-answer"]));

    let (asked, result) = steps(&memory, &plan, |options| {
        push(options);
        options.keep_going = true;
    });
    assert_eq!(asked, ["build us/c:sw-c", "push us/c:sw-c"]);
    let outcomes = "failed a, not built b, built c, [registry-no-answer]";
    assert_eq!(result.as_deref(), Ok(outcomes));

    let (asked, result) = steps(&refusing("us/c"), &plan, push);
    assert_eq!(asked, Vec::<String>::new());
    assert_eq!(result, Err(vec!["push-refused"]));
}
