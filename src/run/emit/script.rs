//! What the Makefile and the shell script say: both build, tag and push image by image.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::value::Value;
use serde::Serialize;

use super::check::held_by_texts;
use super::files::Files;
use super::folders::{Folders, Needs, Place, Places, Written};
use super::header::{Header, header};
use super::quote::Language;
use super::slug::{shortest, slugs};
use super::template::{remark, verbatim};
use crate::lang::fingerprint::Fingerprint;
use crate::plan::{self, Plan};
use crate::run::buildx;
use crate::run::policy::Policy;

/// The data of `Makefile.j2` and `build.sh.j2`.
#[derive(Debug, Serialize)]
pub(super) struct Script {
    header: Header,
    revision: String,
    /// The root of the plan as `git rev-parse --show-prefix` says it.
    prefix: String,
    /// The same, for people.
    place: String,
    /// Names of the variables that would get into builds.
    environment: Value,
    /// The lines of the source policy that builds are held to; none where nothing is.
    policy: Vec<String>,
    /// Variables by which values are written that could not stand everywhere as they are.
    variables: BTreeSet<&'static str>,
    images: Vec<Image>,
    /// The folders that builds read.
    folders: Vec<Written>,
    #[serde(flatten)]
    needs: Needs,
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
    same_content: Vec<SameContent>,
}

/// A further name of a content.
#[derive(Debug, Serialize)]
struct SameContent {
    /// Identifier of the image.
    id: String,
    /// Identifiers of the images before it that have the same content.
    before: Vec<String>,
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
    /// Numbers of the folders that the build reads.
    folders: BTreeSet<usize>,
    reference: String,
    fingerprint: Fingerprint,
    provenance: bool,
    flags: Vec<Flag>,
    cache_to: Vec<String>,
    context: Value,
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
    value: Option<Value>,
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
pub(super) fn makefile(plan: &Plan, files: &Files) -> Script {
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
    let ids = slugs(&names, allowed, &reserved);
    script(plan, files, Language::Make, &ids, &reserved)
}

/// What the shell script says.
pub(super) fn shell(plan: &Plan, files: &Files) -> Script {
    let names: Vec<String> = plan.images.iter().map(|image| image.name.clone()).collect();
    script(plan, files, Language::Sh, &names, &[])
}

fn script(
    plan: &Plan,
    files: &Files,
    language: Language,
    ids: &[String],
    reserved: &[&str],
) -> Script {
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
    let mut folders = Folders::new(files);
    let mut readers: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    let images: Vec<Image> = plan
        .images
        .iter()
        .zip(ids)
        .zip(shortest(&names))
        .map(|((image, id), short)| {
            let mut aliases = BTreeSet::from([image.name.as_str(), short]);
            aliases.retain(|alias| !taken.contains(alias));
            let places = folders.of(image);
            for number in places.folders() {
                readers.entry(number).or_default().push(id.clone());
            }
            let needs = image.dependencies.iter();
            let needs = needs.filter_map(|need| id_of.get(need.image.as_str()));
            let needs: BTreeSet<String> = needs.map(|&id| id.to_owned()).collect();
            Image {
                id: id.clone(),
                aliases: aliases.iter().map(|name| alias(name)).collect(),
                title: remark(&image.name),
                because: because(image),
                needs: needs.into_iter().collect(),
                folders: places.folders(),
                reference: image.reference.clone(),
                fingerprint: image.fingerprint.clone(),
                provenance: !buildx::without_provenance(image),
                flags: flags(plan, image, &places, language),
                cache_to: image.cache_to.clone(),
                context: at(&places.context, "", language),
                tags: image.tags.clone(),
                push: image.push,
                push_content: pushed.contains(image.name.as_str()),
            }
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
        prefix: match files.root.as_str() {
            "" => String::new(),
            root => format!("{root}/"),
        },
        place: match files.root.as_str() {
            "" => "the top of the checkout".to_owned(),
            root => root.to_owned(),
        },
        environment: verbatim(lines(" ", " \\\n  ")),
        policy: policy(plan),
        variables: variables(plan, files),
        pushes: images.iter().any(|image| image.push),
        kept_local: ids_where(&|image| !image.push),
        never_pushed: ids_where(&|image| !image.push_content),
        changed: planned_where(&|image| image.dirty),
        several_platforms: planned_where(&|image| image.platforms.len() > 1),
        same_content: same_content(plan, ids),
        folders: folders.written(&readers),
        needs: Needs::of(files),
        images,
    }
}

/// The lines of the source policy that the builds of a plan are held to; none where nothing is.
pub(super) fn policy(plan: &Plan) -> Vec<String> {
    Policy::of(&plan.images).map_or_else(Vec::new, |policy| policy.lines())
}

/// The variables that would get into builds, some on a line.
pub(super) fn lines(between: &str, break_line: &str) -> String {
    let lines = buildx::ENVIRONMENT
        .chunks(3)
        .map(|names| names.join(between));
    lines.collect::<Vec<_>>().join(break_line)
}

fn same_content(plan: &Plan, ids: &[String]) -> Vec<SameContent> {
    let all = plan.same_content().into_iter().zip(ids);
    let further = all.filter(|(before, _)| !before.is_empty());
    let copy = |(before, id): (Vec<usize>, &String)| SameContent {
        id: id.clone(),
        before: before.into_iter().map(|index| ids[index].clone()).collect(),
    };
    further.map(copy).collect()
}

fn variables(plan: &Plan, files: &Files) -> BTreeSet<&'static str> {
    let colon = plan.images.iter().any(|image| image.name.contains(':'));
    let held = held_by_texts(plan, files, &['\n', '#']);
    [
        ("NEWLINE", held.contains(&'\n')),
        ("HASH", held.contains(&'#')),
        ("COLON", colon),
    ]
    .into_iter()
    .filter_map(|(variable, needed)| needed.then_some(variable))
    .collect()
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

/// The flags of the build, with the folders of the run in place of those of the checkout.
fn flags(plan: &Plan, image: &plan::Image, places: &Places, language: Language) -> Vec<Flag> {
    let value = |name: &str, value: String| match (name, value.split_once('=')) {
        ("--file", _) => at(&places.dockerfile, "", language),
        ("--build-context", Some((key, _))) if places.named.contains_key(key) => {
            at(&places.named[key], &format!("{key}="), language)
        }
        _ => Value::from(value),
    };
    let flag = |flag: buildx::Flag| Flag {
        name: verbatim(flag.name),
        value: flag.value.map(|text| value(flag.name, text)),
    };
    buildx::flags(plan, image).into_iter().map(flag).collect()
}

/// A place below the folder of the run, as a word of a recipe or of the script.
fn at(place: &Place, before: &str, language: Language) -> Value {
    // What cannot be quoted was refused before.
    let quoted = |text: &str| language.quote(text).unwrap_or_default();
    let before = if before.is_empty() {
        String::new()
    } else {
        quoted(before)
    };
    let path = match place.path.as_str() {
        "" => String::new(),
        path => format!("/{}", quoted(path)),
    };
    let dollar = if language == Language::Make {
        "$$"
    } else {
        "$"
    };
    let number = place.number;
    verbatim(format!("{before}\"{dollar}SHIPWRIGHT_RUN\"/{number}{path}"))
}

fn alias(name: &str) -> Alias {
    Alias {
        name: name.to_owned(),
        target: verbatim(name.replace(':', "\\:")),
        key: verbatim(name.replace(':', "$(COLON)")),
    }
}
