//! A page for a browser in one file: the drawing with search and focus, the causes, all about each image,
//! and the course of a run.
//!
//! It asks for nothing: no network, no other file, no storage. What it may do is fixed by a policy that
//! names its one script and its one style sheet by their hashes.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use minijinja::Value;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::bases::{Base, Locked, bases};
use super::report::ImageReport;
use super::state::{self, State};
use super::svg::{Drawing, STYLE, drawing};
use super::timeline::{Timeline, timeline};
use super::title::{self, plain};
use super::{Kind, Picture, Report, Titles, cut};
use crate::diagnostics::Diagnostic;
use crate::plan::causes;
use crate::plan::{Image, Plan};
use crate::run::emit::template;
use crate::run::review;

const SCRIPT: &str = include_str!("../../../templates/page.js");
const PAGE_STYLE: &str = include_str!("../../../templates/page.css");

/// Images of a cause that are written out.
const IMAGES_SHOWN: usize = 12;

/// The data of the template.
#[derive(Serialize)]
struct View<'p> {
    heading: &'p str,
    source: &'p str,
    policy: String,
    style: Value,
    script: Value,
    drawing: Drawing,
    legend: Vec<Entry>,
    links: Vec<Entry>,
    causes: Vec<Cause>,
    timeline: Option<Timeline>,
    data: Data<'p>,
}

/// An entry of the legend.
#[derive(Serialize)]
struct Entry {
    class: &'static str,
    words: &'static str,
    count: usize,
}

/// A cause, with the images that it makes build.
#[derive(Serialize)]
struct Cause {
    reasons: Vec<String>,
    count: String,
    images: Vec<(usize, String)>,
    more: usize,
}

/// What the script knows.
#[derive(Serialize)]
struct Data<'p> {
    prefix: &'p str,
    images: Vec<Facts<'p>>,
    nodes: Vec<NodeFacts<'p>>,
}

/// What is told of a node that is no image of the plan.
#[derive(Serialize)]
struct NodeFacts<'p> {
    name: &'p str,
    what: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<Base<'p>>,
}

/// All that is told of an image.
#[derive(Serialize)]
struct Facts<'p> {
    name: &'p str,
    node: usize,
    class: &'static str,
    words: &'static str,
    dockerfile: &'p str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'p str>,
    context: &'p str,
    inputs: &'p str,
    fingerprint: &'p str,
    reference: &'p str,
    #[serde(skip_serializing_if = "no_texts")]
    tags: &'p [String],
    #[serde(skip_serializing_if = "no_texts")]
    platforms: &'p [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bases: Vec<Base<'p>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    needs: Vec<Need<'p>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<&'p str>,
}

/// What an image takes from another, and the lines that say so.
#[derive(Serialize)]
struct Need<'p> {
    /// Position in the plan; none for an image that the plan leaves out.
    image: Option<usize>,
    name: &'p str,
    via: Vec<(&'p str, usize)>,
}

fn no_texts(texts: &&[String]) -> bool {
    texts.is_empty()
}

/// Writes the page.
///
/// # Errors
/// None but those of a template that is wrong.
pub(super) fn write(
    plan: &Plan,
    report: Option<&Report>,
    picture: &Picture,
    titles: &Titles,
    locked: &BTreeMap<String, Locked>,
) -> Result<String, Diagnostic> {
    let states = state::states(&plan.images, report);
    let style = format!("{STYLE}{PAGE_STYLE}");
    let view = View {
        heading: &titles.heading,
        source: &titles.source,
        policy: format!(
            "default-src 'none'; img-src data:; style-src {}; script-src {}; base-uri 'none'; form-action 'none'",
            hash(&style),
            hash(SCRIPT)
        ),
        style: template::verbatim(style),
        script: template::verbatim(SCRIPT),
        drawing: drawing(picture, titles, false),
        legend: legend(picture),
        links: title::links(picture)
            .map(|(link, words)| Entry {
                class: super::svg::link_class(link),
                words,
                count: 0,
            })
            .collect(),
        causes: causes(plan, &picture.prefix),
        timeline: report.and_then(|report| timeline(plan, report, &states, &picture.prefix)),
        data: data(plan, report, picture, &states, locked),
    };
    template::render("page.html.j2", view)
}

/// How a policy names a text that may run or style.
pub(super) fn hash(text: &str) -> String {
    format!("'sha256-{}'", BASE64.encode(Sha256::digest(text)))
}

fn legend(picture: &Picture) -> Vec<Entry> {
    let states = title::states(picture).into_iter();
    states
        .map(|state| Entry {
            class: state.look().class,
            words: state.look().words,
            count: picture.count(&[state]),
        })
        .collect()
}

fn causes(plan: &Plan, prefix: &str) -> Vec<Cause> {
    let built = plan.images.iter();
    let built = built.filter(|image| image.action == crate::plan::Action::Build);
    let positions = positions(plan);
    let causes = causes::first(built.map(|image| (&*image.name, &*image.reasons)));
    let causes = causes.into_iter().map(|cause| {
        let images = cause.images.iter().take(IMAGES_SHOWN);
        Cause {
            reasons: cause
                .reasons
                .iter()
                .map(|reason| plain(&review::words(reason)))
                .collect(),
            count: review::images(cause.images.len()),
            more: cause.images.len().saturating_sub(IMAGES_SHOWN),
            images: images
                .map(|name| (positions[&**name], plain(cut(name, prefix))))
                .collect(),
        }
    });
    causes.collect()
}

fn positions(plan: &Plan) -> BTreeMap<&str, usize> {
    let images = plan.images.iter().enumerate();
    images.map(|(index, image)| (&*image.name, index)).collect()
}

fn data<'p>(
    plan: &'p Plan,
    report: Option<&'p Report>,
    picture: &'p Picture,
    states: &BTreeMap<&str, State>,
    locked: &'p BTreeMap<String, Locked>,
) -> Data<'p> {
    let positions = positions(plan);
    let mut nodes: BTreeMap<usize, usize> = BTreeMap::new();
    for (index, node) in picture.nodes.iter().enumerate() {
        nodes.extend(node.images.iter().map(|&image| (image, index)));
    }
    let images = plan.images.iter().enumerate().map(|(index, image)| {
        let node = nodes[&index];
        Facts {
            bases: bases([image], locked).into_values().collect(),
            ..facts(image, node, states[&*image.name], report, &positions)
        }
    });
    let all = bases(&plan.images, locked);
    let others = picture.nodes.iter().map(|node| NodeFacts {
        name: &node.names[0],
        what: match node.kind {
            Kind::Planned => "",
            Kind::LeftOut => "not in this plan",
            Kind::External => "external image",
        },
        base: node.base.as_ref().and_then(|name| all.get(name).cloned()),
    });
    Data {
        prefix: &picture.prefix,
        images: images.collect(),
        nodes: others.collect(),
    }
}

fn facts<'p>(
    image: &'p Image,
    node: usize,
    state: State,
    report: Option<&'p Report>,
    positions: &BTreeMap<&str, usize>,
) -> Facts<'p> {
    let told = report.and_then(|report| report.image(image));
    let time = told.map(ImageReport::seconds).filter(|time| *time > 0.0);
    let needs = image.dependencies.iter().map(|dependency| Need {
        image: positions.get(&*dependency.image).copied(),
        name: &dependency.image,
        via: dependency
            .via
            .iter()
            .map(|via| (&*via.instruction, via.line))
            .collect(),
    });
    Facts {
        name: &image.name,
        node,
        class: state.look().class,
        words: state.look().words,
        dockerfile: &image.dockerfile,
        target: image.target.as_deref(),
        context: &image.context,
        inputs: &image.inputs,
        fingerprint: &image.fingerprint,
        reference: &image.reference,
        tags: &image.tags,
        platforms: &image.platforms,
        bases: Vec::new(),
        reasons: image.reasons.iter().map(review::words).collect(),
        needs: needs.collect(),
        time: time.map(title::duration),
        digest: told.and_then(|told| told.digest.as_deref()),
    }
}
