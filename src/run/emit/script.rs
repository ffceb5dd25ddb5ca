//! What the Makefile and the shell script say: both build, tag and push image by image.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::value::Value;
use serde::Serialize;

use super::check::any_text_holds;
use super::slug::{shortest, slugs};
use super::template::{remark, verbatim};
use crate::plan::{self, Plan};
use crate::run::buildx;

/// The data of `Makefile.j2` and `build.sh.j2`.
#[derive(Debug, Serialize)]
pub(super) struct Script {
    header: Header,
    revision: String,
    /// The plan is of a working tree: a difference from the revision is nothing to stop for.
    dirty: bool,
    /// Variables by which values are written that could not stand everywhere as they are.
    variables: BTreeSet<&'static str>,
    images: Vec<Image>,
    /// Whether pushing pushes anything.
    pushes: bool,
    /// Identifiers of images with no readable tag in a registry.
    kept_local: Vec<String>,
    /// Identifiers of those of which nothing that is pushed needs the content either.
    never_pushed: Vec<String>,
    /// Identifiers of images that differ from the revision.
    changed: Vec<String>,
    /// Identifiers of images that not every engine can hold.
    several_platforms: Vec<String>,
    /// Images whose content has another name before them.
    twins: Vec<Twin>,
}

/// A further name of a content.
#[derive(Debug, Serialize)]
struct Twin {
    /// Identifier of the image.
    id: String,
    /// Identifiers of the images before it that have the same content.
    before: Vec<String>,
}

/// Where the plan comes from, as comments.
#[derive(Debug, Serialize)]
pub(super) struct Header {
    revision: Value,
    branch: Option<Value>,
    since: Option<Value>,
}

#[derive(Debug, Serialize)]
struct Image {
    /// The target, or the word by which the script means the image.
    id: String,
    /// Further names for people.
    aliases: Vec<Alias>,
    title: Value,
    /// The images that this one takes from, and where it says so.
    because: Option<Value>,
    /// Identifiers of the images of the plan that this one takes from.
    needs: Vec<String>,
    /// Folders and files of the checkout that the build reads.
    sources: Vec<String>,
    reference: String,
    fingerprint: String,
    provenance: bool,
    flags: Vec<Flag>,
    cache_to: Vec<String>,
    context: String,
    tags: Vec<String>,
    /// Whether the readable tags go to a registry.
    push: bool,
    /// Whether the content reference does.
    push_content: bool,
}

/// A flag of the build and, where it takes one, its value.
#[derive(Debug, Serialize)]
struct Flag {
    name: Value,
    value: Option<String>,
}

/// A further name of an image.
#[derive(Debug, Serialize)]
struct Alias {
    /// As it stands.
    name: String,
    /// As a target of make.
    target: Value,
    /// As part of the name of a variable of make.
    key: Value,
}

/// What the Makefile says.
pub(super) fn makefile(plan: &Plan) -> Script {
    // Targets that the Makefile has anyway, and files that make would take them for.
    let reserved = [
        "all",
        "push",
        "list",
        "help",
        "makefile",
        "Makefile",
        "GNUmakefile",
    ];
    let names: Vec<&str> = plan
        .images
        .iter()
        .map(|image| image.name.as_str())
        .collect();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._/-".contains(c);
    script(plan, &slugs(&names, allowed, &reserved), &reserved)
}

/// What the shell script says.
pub(super) fn shell(plan: &Plan) -> Script {
    let names: Vec<String> = plan.images.iter().map(|image| image.name.clone()).collect();
    script(plan, &names, &[])
}

fn script(plan: &Plan, ids: &[String], reserved: &[&str]) -> Script {
    let names: Vec<&str> = plan
        .images
        .iter()
        .map(|image| image.name.as_str())
        .collect();
    let taken: BTreeSet<&str> = ids
        .iter()
        .map(String::as_str)
        .chain(reserved.iter().copied())
        .collect();
    let id_of: BTreeMap<&str, &str> = names
        .iter()
        .copied()
        .zip(ids.iter().map(String::as_str))
        .collect();
    let pushed = plan.pushed();
    let images: Vec<Image> = plan
        .images
        .iter()
        .zip(ids)
        .zip(shortest(&names))
        .map(|((image, id), short)| {
            let mut aliases = BTreeSet::from([image.name.as_str(), short]);
            aliases.retain(|alias| !taken.contains(alias));
            let push_content = pushed.contains(image.name.as_str());
            view(plan, image, id, &aliases, &id_of, push_content)
        })
        .collect();
    let ids_where = |wanted: &dyn Fn(&Image) -> bool| {
        images
            .iter()
            .filter(|image| wanted(image))
            .map(|image| image.id.clone())
            .collect()
    };
    let planned_where = |wanted: &dyn Fn(&plan::Image) -> bool| {
        let images = plan.images.iter().zip(ids);
        let wanted = images.filter(|(image, _)| wanted(image));
        wanted.map(|(_, id)| id.clone()).collect()
    };
    Script {
        header: header(plan),
        revision: plan.source.revision.clone(),
        dirty: plan.source.dirty,
        variables: variables(plan),
        pushes: images.iter().any(|image| image.push),
        kept_local: ids_where(&|image| !image.push),
        never_pushed: ids_where(&|image| !image.push_content),
        changed: planned_where(&|image| image.dirty),
        several_platforms: planned_where(&|image| image.platforms.len() > 1),
        twins: twins(plan, ids),
        images,
    }
}

fn twins(plan: &Plan, ids: &[String]) -> Vec<Twin> {
    let all = plan.twins().into_iter().zip(ids);
    let further = all.filter(|(before, _)| !before.is_empty());
    let twin = |(before, id): (Vec<usize>, &String)| Twin {
        id: id.clone(),
        before: before.into_iter().map(|index| ids[index].clone()).collect(),
    };
    further.map(twin).collect()
}

fn variables(plan: &Plan) -> BTreeSet<&'static str> {
    let colon = plan.images.iter().any(|image| image.name.contains(':'));
    [
        ("NEWLINE", any_text_holds(plan, '\n')),
        ("HASH", any_text_holds(plan, '#')),
        ("COLON", colon),
    ]
    .into_iter()
    .filter_map(|(variable, needed)| needed.then_some(variable))
    .collect()
}

/// Where the plan comes from.
pub(super) fn header(plan: &Plan) -> Header {
    let source = &plan.source;
    Header {
        revision: remark(&source.revision),
        branch: source.branch.as_deref().map(remark),
        since: source.since.as_deref().map(remark),
    }
}

/// What an image takes from others, and where it says so, for a comment:
/// `6sense/python (FROM, line 1), …`.
pub(super) fn because(image: &plan::Image) -> Option<Value> {
    let needs = image.dependencies.iter().map(|dependency| {
        let places = dependency
            .via
            .iter()
            .map(|via| format!("{}, line {}", via.instruction, via.line));
        let places = places.collect::<Vec<_>>().join("; ");
        format!("{} ({places})", dependency.image)
    });
    let needs = needs.collect::<Vec<_>>().join(", ");
    (!needs.is_empty()).then(|| remark(&needs))
}

fn view(
    plan: &Plan,
    image: &plan::Image,
    id: &str,
    aliases: &BTreeSet<&str>,
    id_of: &BTreeMap<&str, &str>,
    push_content: bool,
) -> Image {
    let needs = image
        .dependencies
        .iter()
        .filter_map(|dependency| id_of.get(dependency.image.as_str()));
    Image {
        id: id.to_owned(),
        aliases: aliases.iter().map(|name| alias(name)).collect(),
        title: remark(&image.name),
        because: because(image),
        needs: needs
            .map(|&id| id.to_owned())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect(),
        sources: sources(image),
        reference: image.reference.clone(),
        fingerprint: image.fingerprint.clone(),
        provenance: !buildx::without_provenance(image),
        flags: flags(plan, image),
        cache_to: image.cache_to.clone(),
        context: buildx::local_path(&image.context),
        tags: image.tags.clone(),
        push: image.push,
        push_content,
    }
}

fn flags(plan: &Plan, image: &plan::Image) -> Vec<Flag> {
    let flag = |flag: buildx::Flag| Flag {
        name: verbatim(flag.name),
        value: flag.value,
    };
    buildx::flags(plan, image).into_iter().map(flag).collect()
}

fn alias(name: &str) -> Alias {
    Alias {
        name: name.to_owned(),
        target: verbatim(name.replace(':', "\\:")),
        key: verbatim(name.replace(':', "$(COLON)")),
    }
}

/// The paths whose change could change the build: contexts, and a Dockerfile outside them with the
/// ignore file that may stand beside it.
fn sources(image: &plan::Image) -> Vec<String> {
    let folders = image
        .contexts
        .values()
        .filter(|place| !place.starts_with("docker-image://"));
    let mut sources: BTreeSet<String> = folders.cloned().collect();
    sources.insert(image.context.clone());
    if !sources
        .iter()
        .any(|folder| is_within(&image.dockerfile, folder))
    {
        sources.insert(image.dockerfile.clone());
        sources.insert(format!("{}.dockerignore", image.dockerfile));
    }
    sources.into_iter().collect()
}

fn is_within(path: &str, folder: &str) -> bool {
    folder == "."
        || path
            .strip_prefix(folder)
            .is_some_and(|rest| rest.starts_with('/'))
}
