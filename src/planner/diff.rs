//! What changes between two plans, grouped by first cause.

mod render;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::plan::causes::{self, Cause};
use crate::plan::{Image, Plan, Reason, ReasonKind};
use crate::planner::compile::Files;
use crate::planner::decide::{self, Earlier};

/// What changes from one plan to another. Its fields in this order are the JSON form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Diff {
    /// The revision of the first plan, 40 hexadecimal digits; `-dirty` where it is a working tree's.
    pub from: String,
    /// The revision of the second plan.
    pub to: String,
    /// First causes, those that reach most images first.
    pub causes: Vec<Cause>,
    /// Images that are not the same in both: those of the second plan in build order, then those
    /// that are gone.
    pub images: Vec<Change>,
    /// How many images are the same in both.
    pub unchanged: usize,
}

/// An image that is not the same in both plans.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_field_names, reason = "the key of the JSON")]
pub(crate) struct Change {
    /// Its name.
    pub name: String,
    /// How it changes.
    pub change: Kind,
    /// For one that moved, its name and Dockerfile in the first plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<Place>,
    /// Why, for one that changed.
    pub reasons: Vec<Reason>,
}

/// Where an image is defined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Place {
    /// Its name.
    pub name: String,
    /// Path of its Dockerfile.
    pub dockerfile: String,
}

/// How an image changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Its fingerprint differs.
    Changed,
    /// It is only in the second plan.
    New,
    /// It is only in the first plan.
    Gone,
    /// It has the same fingerprint under another name, or from another Dockerfile.
    Moved,
}

impl Diff {
    /// What changes from a plan to another. Where both were compiled here, `compiled` gives what is
    /// needed to say exactly why; else the plans themselves have to do.
    pub(crate) fn new(
        old: &Plan,
        new: &Plan,
        compiled: Option<(&Earlier, &BTreeMap<String, Files>)>,
    ) -> Self {
        let mut images = Vec::new();
        let mut moved = BTreeSet::new();
        for image in &new.images {
            let change = match old.image(&image.name) {
                Some(then) if then.fingerprint != image.fingerprint => {
                    let reasons = match compiled {
                        Some((earlier, files)) => decide::reasons(image, files, earlier),
                        None => plan_reasons((old, then), (new, image)),
                    };
                    change(image, Kind::Changed, None, reasons)
                }
                Some(then) if then.dockerfile != image.dockerfile => {
                    change(image, Kind::Moved, Some(then), Vec::new())
                }
                Some(_) => continue,
                None => {
                    let then = old.images.iter().find(|then| {
                        then.fingerprint == image.fingerprint
                            && new.image(&then.name).is_none()
                            && !moved.contains(then.name.as_str())
                    });
                    moved.extend(then.map(|then| then.name.as_str()));
                    let kind = then.map_or(Kind::New, |_| Kind::Moved);
                    change(image, kind, then, Vec::new())
                }
            };
            images.push(change);
        }
        let unchanged = new.images.len() - images.len();
        let gone = old
            .images
            .iter()
            .filter(|then| new.image(&then.name).is_none() && !moved.contains(then.name.as_str()));
        images.extend(gone.map(|then| change(then, Kind::Gone, None, Vec::new())));
        Self {
            from: revision(old),
            to: revision(new),
            causes: causes::first(images.iter().map(|image| (&*image.name, &*image.reasons))),
            images,
            unchanged,
        }
    }

    /// Whether the plans have the same images.
    pub(crate) fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// Names of the images that change in this way.
    fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Change> {
        self.images.iter().filter(move |image| image.change == kind)
    }
}

fn revision(plan: &Plan) -> String {
    let dirty = if plan.source.dirty { "-dirty" } else { "" };
    format!("{}{dirty}", plan.source.revision)
}

fn change(image: &Image, kind: Kind, was: Option<&Image>, reasons: Vec<Reason>) -> Change {
    Change {
        name: image.name.clone(),
        change: kind,
        was: was.map(|was| Place {
            name: was.name.clone(),
            dockerfile: was.dockerfile.clone(),
        }),
        reasons,
    }
}

/// Why an image differs, as far as two plans alone can say.
fn plan_reasons((old, then): (&Plan, &Image), (new, now): (&Plan, &Image)) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if then.platforms != now.platforms {
        reasons.push(Reason::new(ReasonKind::Platform, now.platforms.join(", ")));
    }
    let names: BTreeSet<&String> = then
        .build_args
        .keys()
        .chain(now.build_args.keys())
        .collect();
    let changed = names
        .into_iter()
        .filter(|name| then.build_args.get(*name) != now.build_args.get(*name));
    reasons.extend(changed.map(|name| Reason::new(ReasonKind::BuildArg, name)));
    if then.base_images != now.base_images {
        reasons.push(Reason::new(ReasonKind::Base, now.base_images.join(", ")));
    }
    if then.inputs != now.inputs {
        reasons.push(Reason::new(
            ReasonKind::Input,
            format!("files below {}", now.context),
        ));
    }
    let content = |plan: &Plan, image: &Image, name: &str| {
        let dependency = image
            .dependencies
            .iter()
            .find(|dependency| dependency.image == name);
        dependency
            .and_then(|dependency| plan.content_reference(dependency))
            .map(str::to_owned)
    };
    let names: BTreeSet<&String> = now
        .dependencies
        .iter()
        .map(|dependency| &dependency.image)
        .collect();
    let changed = names
        .into_iter()
        .filter(|name| content(old, then, name) != content(new, now, name));
    let needed: Vec<Reason> = changed
        .map(|name| Reason::new(ReasonKind::Dependency, name))
        .collect();
    if reasons.is_empty() && needed.is_empty() {
        reasons.push(Reason::new(ReasonKind::Dockerfile, &now.dockerfile));
    }
    reasons.extend(needed);
    reasons
}
