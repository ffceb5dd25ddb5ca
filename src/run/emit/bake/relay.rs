//! One image under several references in one Dockerfile: buildx before 0.14.1 binds one of them
//! alone, and the builder refuses the others. Each further reference goes through a target of its own,
//! a relay (semantics §24).

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::diagnostics::{Code, Diagnostic, listed};
use crate::plan::{Dependency, Image, Plan};

/// A target that gives another one's image a second time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::run::emit) struct Relay {
    pub(super) name: String,
    /// Its Dockerfile, in which the other target is called `base`.
    dockerfile: &'static str,
    target: String,
    platforms: Vec<String>,
}

/// Takes all of the image, configuration included.
const WHOLE: &str = "FROM base";
/// Takes the files alone: a `FROM` would run triggers.
const FILES: &str = "FROM scratch\nCOPY --from=base / /";

/// The relays of a plan, and for each image, in order, what its references are bound to.
pub(super) fn relays(
    plan: &Plan,
    target_of: &BTreeMap<&str, &str>,
) -> (Vec<Relay>, Vec<BTreeMap<String, String>>) {
    let mut relays: BTreeMap<String, Relay> = BTreeMap::new();
    let bound = plan.images.iter().map(|image| {
        let mut bound = BTreeMap::new();
        for (name, keys) in by_image(image) {
            let Some(&target) = target_of.get(name) else {
                for key in keys {
                    let content = key.content.as_deref().unwrap_or_default();
                    bound.insert(key.reference.clone(), format!("docker-image://{content}"));
                }
                continue;
            };
            let base = plan.image(name);
            let triggers = base.is_some_and(|base| base.onbuild);
            for (number, key) in ordered(keys).into_iter().enumerate() {
                let value = if number == 0 {
                    target.to_owned()
                } else {
                    let kind = if triggers { "files" } else { "again" };
                    let name = format!("{target}-{kind}-{number}");
                    let relay = Relay {
                        name: name.clone(),
                        dockerfile: if triggers { FILES } else { WHOLE },
                        target: target.to_owned(),
                        platforms: base.map(|base| base.platforms.clone()).unwrap_or_default(),
                    };
                    relays.insert(name.clone(), relay);
                    name
                };
                bound.insert(key.reference.clone(), format!("target:{value}"));
            }
        }
        bound
    });
    let bound = bound.collect();
    (relays.into_values().collect(), bound)
}

/// Images with triggers that are taken by several references in a `FROM`: no relay can stand for one.
pub(in crate::run::emit) fn problems(plan: &Plan) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for image in &plan.images {
        for (name, keys) in by_image(image) {
            let triggers = plan.image(name).is_some_and(|base| base.onbuild);
            let keys: BTreeSet<&str> = keys
                .into_iter()
                .filter(|key| is_from(key))
                .map(|key| key.reference.as_str())
                .collect();
            if triggers && keys.len() > 1 {
                let message = format!(
                    "`{}` is built on `{name}` by several references: {}",
                    image.name,
                    listed(keys)
                );
                problems.push(
                    Diagnostic::new(Code::BakeSeveralReferences, message)
                        .help("buildx before 0.14.1 binds only one of them, and no other target can replace an image with ONBUILD triggers")
                        .help("use one reference in all FROM lines, or run the plan with make, sh or exec"),
                );
            }
        }
    }
    problems
}

/// The references of an image's Dockerfile, each once, by the image that they mean.
fn by_image(image: &Image) -> BTreeMap<&str, Vec<&Dependency>> {
    let mut by_image: BTreeMap<&str, Vec<&Dependency>> = BTreeMap::new();
    for dependency in &image.dependencies {
        by_image
            .entry(&dependency.image)
            .or_default()
            .push(dependency);
    }
    by_image
}

/// First one that a `FROM` takes, if there is one: it is bound without a relay.
fn ordered(mut keys: Vec<&Dependency>) -> Vec<&Dependency> {
    keys.sort_by_key(|key| !is_from(key));
    keys
}

fn is_from(key: &Dependency) -> bool {
    key.via.iter().any(|via| via.instruction == "FROM")
}
