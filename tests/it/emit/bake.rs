//! What bake makes of an emitted file.

use std::fs;
use std::process::Command;

use serde_json::Value;
use shipwright::plan::{Action, Plan};
use shipwright::run::emit::{Files, Format, emit};
use tempfile::TempDir;

use super::fixture::{five, image, plan};
use crate::support::skip::skip;

/// What `docker buildx bake --print` says of a bake file, or nothing where there is no buildx.
#[track_caller]
pub(crate) fn print(text: &str, env: &[(&str, &str)]) -> Option<Value> {
    print_targets(text, &[], env)
}

/// The same of these targets and groups.
#[track_caller]
pub(crate) fn print_targets(text: &str, targets: &[&str], env: &[(&str, &str)]) -> Option<Value> {
    let folder = TempDir::with_prefix("shipwright-bake-").expect("a temporary folder");
    let file = folder.path().join("build.hcl");
    fs::write(&file, text).unwrap();
    let output = Command::new("docker")
        .args(["buildx", "bake", "--print", "-f", "build.hcl"])
        .args(targets)
        .current_dir(folder.path())
        .envs(env.iter().copied())
        .output();
    let there = Command::new("docker").args(["buildx", "version"]).output();
    if !there.is_ok_and(|output| output.status.success()) {
        skip("docker buildx");
        return None;
    }
    let output = output.expect("docker was there");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "bake: {stderr}\n{text}");
    Some(serde_json::from_slice(&output.stdout).expect("bake prints JSON"))
}

/// What bake says of the target of one image of a plan, which is called `<name>-<digits>`.
#[track_caller]
fn target(plan: &Plan, name: &str, env: &[(&str, &str)]) -> Option<Value> {
    let text = emit(plan, &Files::default(), Format::Bake).expect("a plan that bake can carry");
    Some(print(&text, env)?["target"][called(plan, name)].clone())
}

/// The name of an image's target.
#[track_caller]
fn called(plan: &Plan, name: &str) -> String {
    let image = plan.image(name).expect("an image of the plan");
    format!("{}-{}", name.replace('/', "-"), &image.fingerprint[..12])
}

#[test]
fn images_of_the_plan_are_linked_and_others_referred_to() {
    let mut plan = five(&"0".repeat(40));
    let admin = plan.images.last_mut().unwrap();
    let mut left_out = admin.dependencies[0].clone();
    left_out.image = "x/other".to_owned();
    left_out.reference = "x/other:dev".to_owned();
    left_out.content = Some("x/other:sw-1".to_owned());
    admin.dependencies.push(left_out);
    admin.contexts.insert("docs".to_owned(), "docs".to_owned());
    let Some(admin) = target(&plan, "x/admin", &[]) else {
        return;
    };
    let expected = serde_json::json!({
        "docs": "docs",
        "x/other:dev": "docker-image://x/other:sw-1",
        "x/service1": format!("target:{}", called(&plan, "x/service1")),
        "x/shared": format!("target:{}", called(&plan, "x/shared")),
    });
    assert_eq!(admin["contexts"], expected);
    assert_eq!(
        admin["attest"],
        serde_json::json!(["type=provenance,disabled=true"])
    );
}

#[test]
fn what_is_unchanged_only_gets_its_tags() {
    let mut plan = five(&"0".repeat(40));
    plan.images[0].action = Action::Retag;
    let reference = plan.images[0].reference.clone();
    let Some(python) = target(&plan, "x/python", &[]) else {
        return;
    };
    assert_eq!(python["dockerfile-inline"], format!("FROM {reference}"));
    assert_eq!(
        python["tags"],
        serde_json::json!([reference, "x/python:main", "x/python:1"])
    );
    plan.images[0].onbuild = true;
    let python = target(&plan, "x/python", &[]).expect("bake was there");
    assert_eq!(
        python["dockerfile-inline"],
        Value::Null,
        "its triggers would run"
    );
}

#[test]
fn one_target_writes_a_content_reference() {
    // Whether each of two images of one content is pushed, and which of them holds its reference.
    for (pushed, holder) in [
        ([true, true], 0),
        ([false, true], 1),
        ([true, false], 0),
        ([false, false], 0),
    ] {
        let mut images: Vec<_> = ["a/x", "a/y"].map(|name| image(name, "a", &[])).into();
        images[1].reference = images[0].reference.clone();
        for (image, push) in images.iter_mut().zip(pushed) {
            image.push = push;
        }
        let reference = images[0].reference.clone();
        let plan = plan(&"0".repeat(40), images);
        let text = emit(&plan, &Files::default(), Format::Bake).unwrap();
        let Some(printed) = print(&text, &[]) else {
            return;
        };
        for (index, name) in ["a/x", "a/y"].into_iter().enumerate() {
            let tags = printed["target"][called(&plan, name)]["tags"]
                .as_array()
                .unwrap();
            let holds = tags.contains(&Value::from(reference.as_str()));
            assert_eq!(holds, index == holder, "{pushed:?}: {tags:?}");
        }
    }
}

#[test]
fn pushing_is_asked_for_by_a_variable() {
    let mut plan = five(&"0".repeat(40));
    plan.images[0].cache_to = vec!["type=inline".to_owned()];
    plan.images[1].push = false;
    plan.images[2].dirty = true;
    // target, output without and with PUSH
    let rows = [
        ("x/python", "type=docker", "type=registry"),
        ("x/shared", "type=docker", "type=docker"),
        ("x/service1", "type=docker", "type=docker"),
    ];
    for (name, local, pushed) in rows {
        let Some(printed) = target(&plan, name, &[]) else {
            return;
        };
        assert_eq!(printed["output"], serde_json::json!([local]), "{name}");
        assert_eq!(printed["cache-to"], Value::Null);
        let printed = target(&plan, name, &[("PUSH", "true")]).expect("bake was there");
        assert_eq!(printed["output"], serde_json::json!([pushed]), "{name}");
    }
}

#[test]
fn every_image_has_a_target_of_its_own() {
    let names = ["a/default", "a/x", "b/x", "a-x", "c/y.z", "c/y_z", "d/y:z"];
    let images = names.map(|name| image(name, "a", &[])).into();
    let text = emit(
        &plan(&"0".repeat(40), images),
        &Files::default(),
        Format::Bake,
    )
    .unwrap();
    let Some(printed) = print(&text, &[]) else {
        return;
    };
    let targets = printed["target"].as_object().unwrap();
    let tags: Vec<&str> = targets
        .values()
        .filter_map(|target| target["tags"][1].as_str())
        .collect();
    assert_eq!(tags.len(), names.len(), "{:?}", targets.keys());
}

#[test]
fn groups_have_the_names_for_people() {
    let names = [
        "a/default",
        "a/x",
        "b/x",
        "a-x",
        "c/y.z",
        "c/y_z",
        "d/y:z",
        "e/only",
    ];
    let images = names.map(|name| image(name, "a", &[])).into();
    let plan = plan(&"0".repeat(40), images);
    let text = emit(&plan, &Files::default(), Format::Bake).unwrap();
    let Some(printed) = print(&text, &[]) else {
        return;
    };
    let groups = printed["group"].as_object().unwrap();
    let groups: Vec<&str> = groups.keys().map(String::as_str).collect();
    // bake prints the groups that it was asked for.
    assert_eq!(groups, ["default"]);
    // `a/x` and `a-x` look alike, as `c/y.z` and `d/y:z` do.
    for (name, is_there) in [
        ("only", true),
        ("y_z", true),
        ("b-x", true),
        ("a-x", false),
        ("y-z", false),
        ("x", false),
    ] {
        let group = format!("group \"{name}\" {{");
        assert_eq!(text.contains(&group), is_there, "{name}");
    }
}

/// The text of the bake file.
#[track_caller]
fn print_of(plan: &Plan) -> String {
    emit(plan, &Files::default(), Format::Bake).expect("a plan that bake can carry")
}

#[test]
fn no_other_file_has_the_name_of_a_target() {
    let plan = five(&"0".repeat(40));
    let text = print_of(&plan);
    let folder = TempDir::with_prefix("shipwright-bake-").expect("a temporary folder");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("docker-bake.hcl", &text);
    write(
        "compose.yaml",
        "services:\n  python:\n    build: {context: ., target: development, args: {MODE: debug}}\n",
    );
    write(
        "docker-bake.override.hcl",
        "target \"shared\" {\n  target = \"development\"\n}\n",
    );
    // Nobody names the file, so that bake reads all three.
    let output = Command::new("docker")
        .args(["buildx", "bake", "--print"])
        .current_dir(folder.path())
        .output();
    let Ok(output) = output else { return };
    if print(&text, &[]).is_none() {
        return;
    }
    let printed: Value = serde_json::from_slice(&output.stdout).expect("bake prints JSON");
    for image in &plan.images {
        let target = &printed["target"][called(&plan, &image.name)];
        assert_eq!(
            target["target"],
            serde_json::json!(image.target),
            "{target}"
        );
        assert_eq!(target["args"]["MODE"], Value::Null);
    }
}

#[test]
fn one_image_under_several_references_goes_through_relays() {
    let via = |instruction: &str| {
        vec![shipwright::plan::Via {
            instruction: instruction.to_owned(),
            line: 1,
        }]
    };
    for (onbuild, dockerfile) in [
        (false, "FROM base"),
        (true, "FROM scratch\nCOPY --from=base / /"),
    ] {
        let mut plan = five(&"0".repeat(40));
        plan.images[0].onbuild = onbuild;
        let shared = &mut plan.images[1].dependencies;
        shared[0].via = via("COPY --from");
        let mut from = shared[0].clone();
        from.reference = "x/python:1".to_owned();
        from.via = via("FROM");
        shared.push(from);
        let Some(printed) = print(&print_of(&plan), &[]) else {
            return;
        };
        let (python, shared) = (called(&plan, "x/python"), called(&plan, "x/shared"));
        let contexts = &printed["target"][shared]["contexts"];
        let kind = if onbuild { "files" } else { "again" };
        let relay = format!("{python}-{kind}-1");
        // The one of the FROM is bound without a relay.
        assert_eq!(contexts["x/python:1"], format!("target:{python}"));
        assert_eq!(contexts["x/python"], format!("target:{relay}"));
        let relay = &printed["target"][relay];
        assert_eq!(relay["dockerfile-inline"], dockerfile);
        assert_eq!(relay["contexts"]["base"], format!("target:{python}"));
        let group = &printed["group"]["default"]["targets"];
        assert_eq!(group.as_array().unwrap().len(), 5, "a relay is no image");
    }
}
