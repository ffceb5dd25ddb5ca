//! Parts of images for several platforms, built apart and joined.

use super::*;
use crate::run::exec::parts;

/// A chain of three images for two platforms.
fn chain() -> Plan {
    let mut plan = plan(vec![
        image("a", &[]),
        image("b", &["a"]),
        image("c", &["b"]),
    ]);
    for image in &mut plan.images {
        image.platforms = vec!["linux/amd64".to_owned(), "linux/arm64".to_owned()];
        image.cache_to = vec!["type=registry,ref=us/cache,mode=max".to_owned()];
    }
    plan
}

/// The plan of the images of these names alone, as a job makes it.
fn of(plan: &Plan, names: &[&str]) -> Plan {
    let mut part = plan.clone();
    part.images.retain(|image| names.contains(&&*image.name));
    for image in &mut part.images {
        for dependency in &mut image.dependencies {
            if !names.contains(&&*dependency.image) {
                dependency.content = Some(format!("us/{0}:sw-{0}", dependency.image));
            }
        }
    }
    part
}

/// Builds the parts for one platform.
fn only(platform: &str) -> impl FnOnce(&mut Options) + '_ {
    move |options| {
        options.push = Some(Push::Clean);
        options.tags = false;
        options.only_platform = Some(platform.to_owned());
    }
}

/// Joins, and moves the tags.
fn join(options: &mut Options) {
    options.push = Some(Push::Clean);
    options.build = false;
}

#[track_caller]
fn check_steps(
    memory: &Memory,
    plan: &Plan,
    change: impl FnOnce(&mut Options),
    expected: &str,
    outcomes: Result<&str, Vec<&'static str>>,
) {
    let (asked, result) = steps(memory, plan, change);
    assert_eq!(asked.join(", ").replace("us/", ""), expected);
    assert_eq!(result, outcomes.map(str::to_owned));
}

#[test]
fn parts_are_built_on_parts_and_joined() {
    let (plan, memory) = (chain(), Memory::default());
    let nothing = Vec::<String>::new();
    for name in ["a", "b", "c"] {
        for (platform, suffix) in [
            ("linux/amd64", "-linux-amd64"),
            ("linux/arm64", "-linux-arm64"),
        ] {
            let part = of(&plan, &[name]);
            let expected = format!("build {name}:sw-{name}{suffix}, push {name}:sw-{name}{suffix}");
            let built = format!("built {name}");
            check_steps(&memory, &part, only(platform), &expected, Ok(&built));
            // A job that runs again does nothing.
            let (asked, result) = steps(&memory, &part, only(platform));
            assert_eq!(
                (asked, result),
                (nothing.clone(), Ok(format!("skipped {name}")))
            );
            // As on another machine.
            memory.images.lock().unwrap().clear();
        }
    }
    let mut tags: Vec<String> = Vec::new();
    let (asked, result) = steps(&memory, &plan, join);
    tags.extend(asked.iter().filter(|s| s.starts_with("publish")).cloned());
    assert_eq!(result.as_deref(), Ok("joined a, joined b, joined c"));
    assert_eq!(
        tags,
        [
            "publish us/a:main",
            "publish us/b:main",
            "publish us/c:main"
        ]
    );
    let published = memory.published.lock().unwrap();
    for name in ["a", "b", "c"] {
        let part = |suffix: &str| &published[&format!("us/{name}:sw-{name}-linux-{suffix}")].id;
        let whole = format!("{} + {}", part("amd64"), part("arm64"));
        assert_eq!(published[&format!("us/{name}:sw-{name}")].id, whole);
        assert_eq!(published[&format!("us/{name}:main")].id, whole);
    }
    drop(published);
    let again = "skipped a, skipped b, skipped c";
    check_steps(&memory, &plan, join, "", Ok(again));
    check_steps(&memory, &plan, only("linux/arm64"), "", Ok(again));
}

#[test]
fn a_missing_part_and_one_of_another_fingerprint_are_told_and_nothing_moves() {
    let (plan, memory) = (chain(), Memory::default());
    let amd = "build a:sw-a-linux-amd64, push a:sw-a-linux-amd64, build b:sw-b-linux-amd64, \
               push b:sw-b-linux-amd64, build c:sw-c-linux-amd64, push c:sw-c-linux-amd64";
    let built = Ok("built a, built b, built c");
    check_steps(&memory, &plan, only("linux/amd64"), amd, built.clone());
    let missing = "part-missing";
    check_steps(
        &memory,
        &plan,
        join,
        "",
        Err(vec![missing, missing, missing]),
    );
    let arm = amd.replace("amd64", "arm64");
    check_steps(&memory, &plan, only("linux/arm64"), &arm, built);
    let forge = |fingerprint: &str| {
        let mut published = memory.published.lock().unwrap();
        let part = published.get_mut("us/b:sw-b-linux-arm64").unwrap();
        part.fingerprint = Some(fingerprint.into());
    };
    forge("other");
    check_steps(&memory, &plan, join, "", Err(vec!["part-differs"]));
    // A run that may build takes no part of it either.
    let dry = |options: &mut Options| {
        options.push = Some(Push::Clean);
        options.dry_run = true;
    };
    check_steps(&memory, &plan, dry, "", Ok("joined a, built b, joined c"));
    forge("b");
    check_steps(&memory, &plan, dry, "", Ok("joined a, joined b, joined c"));
}

#[test]
fn a_part_is_bound_to_the_whole_where_there_is_one() {
    let plan = chain();
    let mut memory = Memory::default();
    let whole = found(Some("a"), "amd64");
    memory
        .published
        .get_mut()
        .unwrap()
        .insert("us/a:sw-a".to_owned(), whole);
    let inventory = Inventory {
        remote: memory.published.lock().unwrap().clone(),
        ..Inventory::default()
    };
    let none = Inventory::default();
    let narrowed = |platform| parts::narrowed(&plan, platform, (&inventory, &none), &host());
    let part = narrowed("linux/arm64").expect("it is a platform of the plan");
    let references: Vec<&str> = part.images.iter().map(|i| &*i.reference).collect();
    let expected = [
        "us/a:sw-a",
        "us/b:sw-b-linux-arm64",
        "us/c:sw-c-linux-arm64",
    ];
    assert_eq!(references, expected);
    assert_eq!(
        part.images[1].cache_to,
        ["type=registry,ref=us/cache:latest-linux-arm64,mode=max"]
    );
    let codes = narrowed("linux/s390x").map_err(|p| p.iter().map(|d| d.code.as_str()).collect());
    assert_eq!(codes.map(|_| ()), Err(vec!["platform-not-planned"]));
}

#[test]
fn an_image_without_platforms_is_built_on_engines_of_its_own() {
    let mut plan = chain();
    plan.images[0].platforms.clear();
    plan.images[2].platforms.truncate(1);
    let memory = Memory::default();
    let amd = "build a:sw-a, push a:sw-a, build b:sw-b-linux-amd64, push b:sw-b-linux-amd64, \
               build c:sw-c, push c:sw-c";
    check_steps(
        &memory,
        &plan,
        only("linux/amd64"),
        amd,
        Ok("built a, built b, built c"),
    );
    let arm = "build b:sw-b-linux-arm64, push b:sw-b-linux-arm64";
    check_steps(&memory, &plan, only("linux/arm64"), arm, Ok("built b"));
}
