//! The templates of `docs/templates/`: the tools that they are for start exactly what was built.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_norway::Value;
use shipwright::diagnostics::SourceText;
use shipwright::plan::Plan;
use shipwright::run::emit::{Known, emit_template};
use tempfile::TempDir;

use super::goldens;
use super::tools::reads;
use crate::support::engine::try_docker;
use crate::support::program;
use crate::support::repo::Repo;
use crate::support::skip::skip;

const TEMPLATES: [&str; 3] = [
    "compose.override.yaml.j2",
    "kustomization.yaml.j2",
    "values.yaml.j2",
];

/// The plan of the example, as if it were pushed to a registry, and a digest for each image.
fn pushed() -> (Plan, BTreeMap<String, String>) {
    let mut plan = Plan::from_json(&goldens::planned()).unwrap();
    let mut digests = BTreeMap::new();
    for image in &mut plan.images {
        // A registry with a port: the tag does not begin at the first colon.
        image.repository = format!("registry.example.com:5000/{}", image.name);
        image.reference = format!("{}:sw-{}", image.repository, &image.fingerprint[..32]);
        let digest = format!("sha256:{}", image.fingerprint);
        digests.insert(image.reference.clone(), digest);
    }
    (plan, digests)
}

/// What a template makes of the plan; with digests, if a report has told them.
#[track_caller]
fn rendered(name: &str, plan: &Plan, digests: Option<&BTreeMap<String, String>>) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/templates");
    let text = fs::read_to_string(folder.join(name)).expect("a template");
    let template = SourceText::new(name, text);
    let known = Known {
        digests: digests.cloned().unwrap_or_default(),
        ..Known::default()
    };
    let rendered = emit_template(plan, &known, &template);
    rendered.expect("a plan that the template can carry")
}

/// Every template, with and without digests: `found` gives the image that the tool takes for each
/// image of the plan, or nothing where there is no such tool.
#[track_caller]
fn check(name: &str, found: impl Fn(&Plan, &str) -> Option<BTreeMap<String, String>>) {
    let (plan, digests) = pushed();
    for told in [None, Some(&digests)] {
        let text = rendered(name, &plan, told);
        let Some(found) = found(&plan, &text) else {
            return;
        };
        let expected = plan.images.iter().map(|image| {
            let reference = match told {
                Some(digests) => format!("{}@{}", image.repository, digests[&image.reference]),
                None => image.reference.clone(),
            };
            (image.name.clone(), reference)
        });
        assert_eq!(found, expected.collect(), "{text}");
    }
}

/// The last part of an image's name.
fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::with_prefix("shipwright-deployment-").expect("a temporary folder");
    for (name, text) in files {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    folder
}

#[test]
fn compose_starts_what_was_built() {
    if try_docker(&["compose", "version"]).is_err() {
        return skip("docker compose");
    }
    check("compose.override.yaml.j2", |plan, overriding| {
        let services = plan.images.iter().map(|image| {
            let (service, name) = (last(&image.name), &image.name);
            format!("  {service}:\n    image: {name}\n    build: .\n")
        });
        let compose = format!("services:\n{}", services.collect::<String>());
        let files = [
            ("compose.yaml", compose.as_str()),
            ("compose.override.yaml", overriding),
        ];
        let folder = folder(&files);
        let words = ["docker", "compose", "config", "--format"];
        let merged: Value = serde_norway::from_str(&reads(&words, folder.path(), "json")?).unwrap();
        let image = |name: &String| text(&merged["services"][last(name)]["image"]);
        let names = plan.images.iter().map(|image| image.name.clone());
        Some(names.map(|name| (name.clone(), image(&name))).collect())
    });
}

#[test]
fn kustomize_puts_what_was_built_into_manifests() {
    check("kustomization.yaml.j2", |plan, component| {
        let pods = plan.images.iter().map(|image| {
            let (pod, name) = (last(&image.name), &image.name);
            format!(
                "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {pod}}}\n\
                 spec: {{containers: [{{name: main, image: {name}}}]}}\n"
            )
        });
        let pods: String = pods.collect();
        let files = [
            ("overlay/pods.yaml", pods.as_str()),
            (
                "overlay/kustomization.yaml",
                "resources: [pods.yaml]\ncomponents: [../images]\n",
            ),
            ("images/kustomization.yaml", component),
        ];
        let folder = folder(&files);
        let built = reads(&["kubectl", "kustomize"], folder.path(), "overlay")?;
        let mut found = BTreeMap::new();
        for pod in serde_norway::Deserializer::from_str(&built) {
            let pod = Value::deserialize(pod).expect("a manifest");
            let name = text(&pod["metadata"]["name"]);
            let image = plan.images.iter().find(|image| last(&image.name) == name);
            let container = &pod["spec"]["containers"][0];
            found.insert(image.unwrap().name.clone(), text(&container["image"]));
        }
        Some(found)
    });
}

#[test]
fn values_for_helm_name_what_was_built() {
    check("values.yaml.j2", |plan, values| {
        let values: Value = serde_norway::from_str(values).expect("YAML");
        let found = plan.images.iter().map(|image| {
            let value = &values["images"][image.name.as_str()];
            assert_eq!(text(&value["repository"]), image.repository);
            let tagged = format!("{}:{}", image.repository, text(&value["tag"]));
            assert_eq!(tagged, image.reference);
            (image.name.clone(), text(&value["image"]))
        });
        Some(found.collect())
    });
}

#[test]
fn a_name_never_becomes_structure() {
    let (mut plan, _) = pushed();
    plan.images.truncate(1);
    plan.images[0].name = "a\": {x: y}\n#".to_owned();
    for name in TEMPLATES {
        let text = rendered(name, &plan, None);
        let file: Value = serde_norway::from_str(&text).expect("YAML");
        let images = file.get("images").or(file.get("services")).unwrap();
        let count = images.as_mapping().map_or(0, serde_norway::Mapping::len);
        let count = images.as_sequence().map_or(count, Vec::len);
        assert_eq!(count, 1, "{text}");
    }
}

#[test]
fn a_report_gives_the_digests_of_this_content_alone() {
    let repo = Repo::new("//- api/Dockerfile\nFROM scratch\n//- web/Dockerfile\nFROM scratch\n");
    let plan = Plan::from_json(&program::run(&repo, &["plan"])).unwrap();
    let [api, web] = &plan.images[..] else {
        panic!("two images");
    };
    let digest = format!("sha256:{}", "1".repeat(64));
    let told = |name: &str, reference: &str| {
        serde_json::json!({"name": name, "reference": reference, "outcome": "built", "time": 0.1,
            "digest": digest, "tags": []})
    };
    let report = serde_json::json!({"version": 1, "succeeded": true, "time": 0.1, "problems": [],
        "images": [told(&api.name, &api.reference), told(&web.name, "of:another-content")]});
    fs::write(repo.join("report.json"), report.to_string()).unwrap();
    let template =
        "{% for image in images %}{{ image.digest|default(image.reference) }}\n{% endfor %}";
    fs::write(repo.join("images.j2"), template).unwrap();
    let words = ["emit", "--template", "images.j2", "--report", "report.json"];
    let expected = format!("{digest}\n{}\n", web.reference);
    assert_eq!(program::run(&repo, &words), expected);
}
