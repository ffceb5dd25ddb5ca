//! The first lines of an emitted file: where its plan comes from, and what its builds reach.

use std::collections::BTreeSet;

use minijinja::value::Value;
use serde::Serialize;

use super::template::remark;
use crate::plan::{Image, Plan};

/// Comments for people.
#[derive(Debug, Serialize)]
pub(super) struct Header {
    revision: Value,
    branch: Option<Value>,
    since: Option<Value>,
    /// What builds reach beyond the checkout.
    reaches: Vec<Value>,
}

/// Where the plan comes from, and what its builds reach.
pub(super) fn header(plan: &Plan) -> Header {
    let source = &plan.source;
    let reaches: BTreeSet<String> = plan.images.iter().flat_map(reaches).collect();
    Header {
        revision: remark(&source.revision),
        branch: source.branch.as_deref().map(remark),
        since: source.since.as_deref().map(remark),
        reaches: reaches.iter().map(|what| remark(what)).collect(),
    }
}

/// Files, variables, agents and networks that the build of an image is given.
fn reaches(image: &Image) -> Vec<String> {
    let mut reaches = Vec::new();
    for secret in &image.secrets {
        if let Some(src) = &secret.src {
            reaches.push(format!("the file {src}, as a secret"));
        }
        if let Some(env) = &secret.env {
            reaches.push(format!("the variable {env}, as a secret"));
        }
    }
    reaches.extend(image.ssh.iter().map(|ssh| format!("ssh: {ssh}")));
    if image.network == "host" {
        reaches.push("the network of the host".to_owned());
    }
    let caches = image.cache_from.iter().chain(&image.cache_to);
    let local = caches.filter(|cache| cache.split(',').any(|field| field.trim() == "type=local"));
    reaches.extend(local.map(|cache| format!("a cache: {cache}")));
    reaches
}
