//! The parts of images for several platforms, each built on a machine of its own: a plan narrowed to one
//! platform, and parts that are joined to whole images.

use std::collections::{BTreeMap, BTreeSet};

use super::Setting;
use super::command::shell_word;
use super::engine::Host;
use super::inventory::{Inventory, says, usable};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::lang::platform::normal;
use crate::lang::tags::part_suffix;
use crate::plan::{Dependency, Image, Plan, part_reference};
use crate::run::found::Found;
use crate::run::registry::{self, Refused, names_host};
use crate::run::retry::retry;

/// How many indexes are made at a time; each takes a few small requests.
const JOINS: usize = 8;

/// [`narrowed`] to the platform that the options name, if they do. What a build takes on another platform
/// too is joined first: of one part, bound alone, a builder takes whatever platform it is of.
///
/// # Errors
/// Those of [`narrowed`], [`left_out`] and [`join`].
pub(super) fn plan_of_parts(
    setting: &Setting<'_>,
    plan: &Plan,
    host: &Host,
    inventory: &mut Inventory,
) -> Result<Option<Plan>, Diagnostics> {
    let Some(platform) = &setting.options.only_platform else {
        return Ok(None);
    };
    let across = across(plan, platform, inventory, host);
    if setting.options.push.is_none() {
        let missing = across.iter().map(|image| {
            let (name, content) = (&image.name, &image.reference);
            let message = format!(
                "a build uses `{name}` on another platform, and `{content}` does not exist"
            );
            Diagnostic::new(Code::DependencyMissing, message)
                .help("push its parts, and use `--push` here: they are joined in the registry")
        });
        missing.collect::<Diagnostics>().fail_on_errors()?;
    }
    join_all(setting, &across.iter().collect::<Vec<_>>(), true, inventory)?;
    let parts = left_out(setting, plan, platform)?;
    narrowed(plan, platform, (inventory, &parts), host).map(Some)
}

/// The plan of what is built for one platform alone: each image that is not whole yet as its part, under
/// the reference of the part and without tags, bound to the parts of what it needs where these are not
/// whole. `inventory` is of the whole plan; `parts` are the parts that there are.
///
/// # Errors
/// When no image is built for that platform.
pub(super) fn narrowed(
    plan: &Plan,
    platform: &str,
    (inventory, parts): (&Inventory, &Inventory),
    host: &Host,
) -> Result<Plan, Diagnostics> {
    let whole = |image: &Image| {
        let usable = |found: &Found| usable(image, found, host);
        inventory.remote.get(&image.reference).is_some_and(usable)
            || inventory.local.get(&image.reference).is_some_and(usable)
    };
    let here = format!("linux/{}", host.architecture);
    let takes_part = |image: &&Image| match &image.platforms[..] {
        [] => normal(&here) == platform,
        asked => asked.iter().any(|asked| normal(asked) == platform),
    };
    let all: BTreeMap<&str, &Image> = plan.images.iter().map(|i| (&*i.name, i)).collect();
    let mut images: Vec<Image> = plan.images.iter().filter(takes_part).cloned().collect();
    if images.is_empty() {
        let message = format!("no image of the plan is built for `{platform}`");
        let help =
            "select an image that is, or add the platform to `platforms` in .shipwright.json";
        return Err(Diagnostic::new(Code::PlatformNotPlanned, message)
            .help(help)
            .into());
    }
    let names: BTreeSet<String> = images.iter().map(|image| image.name.clone()).collect();
    for image in &mut images {
        for dependency in &mut image.dependencies {
            if names.contains(&dependency.image) {
                continue;
            }
            let needed = all.get(&*dependency.image);
            let content = needed.map(|needed| needed.reference.clone());
            dependency.content = dependency.content.take().or(content);
            bind_to_part(dependency, platform, inventory, parts);
        }
        if image.platforms.len() > 1 && !whole(image) {
            narrow(image, platform);
        }
    }
    Ok(Plan::new(plan.source.clone(), images))
}

/// Binds what the plan leaves out to its part, where that is there and the whole is not.
fn bind_to_part(
    dependency: &mut Dependency,
    platform: &str,
    inventory: &Inventory,
    parts: &Inventory,
) {
    let Some(content) = &dependency.content else {
        return;
    };
    let part = part_reference(content, platform);
    let is_there = |inventory: &Inventory, reference: &str| {
        let found = [&inventory.local, &inventory.remote].map(|images| images.get(reference));
        found
            .into_iter()
            .flatten()
            .any(|found| says(found, content))
    };
    if !is_there(inventory, content) && is_there(parts, &part) {
        dependency.content = Some(part);
    }
}

/// Makes of an image its part.
fn narrow(image: &mut Image, platform: &str) {
    let of_platform = |asked: &String| normal(asked) == platform;
    image.reference = part_reference(&image.reference, platform);
    image.platforms.retain(of_platform);
    image.tags.clear();
    let suffix = part_suffix(platform);
    for cache in &mut image.cache_to {
        *cache = cache_of_part(cache, &suffix);
    }
    let own = image.cache_from.iter();
    let own: Vec<String> = own.map(|cache| cache_of_part(cache, &suffix)).collect();
    for cache in own {
        if !image.cache_from.contains(&cache) {
            image.cache_from.push(cache);
        }
    }
}

/// A place of a build cache with a name of its own for a platform, for the jobs of other platforms write
/// theirs at the same time: `ref=` and `scope=` end in the suffix.
fn cache_of_part(cache: &str, suffix: &str) -> String {
    // As for buildx, a text without fields is a reference.
    if !cache.contains('=') {
        return format!("{}{suffix}", with_tag(cache));
    }
    let fields: Vec<String> = cache
        .split(',')
        .map(|field| match field.split_once('=') {
            Some(("ref", reference)) => format!("ref={}{suffix}", with_tag(reference)),
            Some(("scope", scope)) => format!("scope={scope}{suffix}"),
            _ => field.to_owned(),
        })
        .collect();
    fields.join(",")
}

/// A reference with the tag that it means, so that what is appended changes no repository.
fn with_tag(reference: &str) -> String {
    match reference.rsplit_once(':') {
        Some((_, tag)) if !tag.contains('/') => reference.to_owned(),
        _ => format!("{reference}:latest"),
    }
}

/// The parts for one platform of what the plan leaves out, wherever they are.
///
/// # Errors
/// When the engine does not answer, or a registry where the run pushes.
fn left_out(setting: &Setting<'_>, plan: &Plan, platform: &str) -> Result<Inventory, Diagnostics> {
    let options = setting.options;
    let left_out = plan.images.iter().flat_map(|image| &image.dependencies);
    let left_out = left_out.filter_map(|dependency| plan.content_reference(dependency));
    let parts = left_out.map(|content| part_reference(content, platform));
    let parts: BTreeSet<String> = parts.collect();
    let local = setting
        .engine
        .look(&parts.iter().map(String::as_str).collect())?;
    let is_asked = |part: &&str| {
        options.push.is_some() || options.from_registry.unwrap_or_else(|| names_host(part))
    };
    let asked = parts.iter().map(String::as_str).filter(is_asked).collect();
    let mut answers = registry::look(setting.registry, &asked, Some(&options.stop));
    if options.push.is_some() {
        answers.settle_denied(setting.registry, &options.stop);
        answers.errors().fail_on_errors()?;
    }
    Ok(Inventory {
        local,
        remote: answers.found,
        ..Inventory::default()
    })
}

/// Joins the parts of each image that is pushed and is not in its registry, where all of them are; the
/// inventory holds it then. Gives the positions of these images, and where nothing is to be built an error
/// for each part that is missing. Nothing is joined if one is.
///
/// # Errors
/// A registry that does not answer, a part that is not of the image, an index that cannot be put.
pub(super) fn join(
    setting: &Setting<'_>,
    plan: &Plan,
    inventory: &mut Inventory,
) -> Result<BTreeSet<usize>, Diagnostics> {
    let options = setting.options;
    let pushed = plan.pushed();
    let open: Vec<(usize, &Image)> = plan
        .images
        .iter()
        .enumerate()
        .filter(|(_, image)| {
            pushed.contains(&*image.name)
                && image.platforms.len() > 1
                && !inventory.remote.contains_key(&image.reference)
                && !inventory.unknown.contains(&image.reference)
        })
        .collect();
    let images: Vec<&Image> = open.iter().map(|(_, image)| *image).collect();
    let joined = join_all(setting, &images, !options.build, inventory)?;
    let joined = open.iter().filter(|(_, i)| joined.contains(&i.reference));
    Ok(joined.map(|(position, _)| *position).collect())
}

/// Joins the parts of those of the images that have all of them; with `strict` it is an error where one is
/// missing, and then none is joined. Gives the content references of what was joined.
fn join_all(
    setting: &Setting<'_>,
    images: &[&Image],
    strict: bool,
    inventory: &mut Inventory,
) -> Result<BTreeSet<String>, Diagnostics> {
    let options = setting.options;
    let parts: BTreeSet<String> = images
        .iter()
        .flat_map(|image| image.parts())
        .map(|(_, part)| part)
        .collect();
    let asked = parts.iter().map(String::as_str).collect();
    let mut answers = registry::look(setting.registry, &asked, Some(&options.stop));
    answers.settle_denied(setting.registry, &options.stop);
    answers.errors().fail_on_errors()?;
    let mut complete: BTreeMap<&str, &Image> = BTreeMap::new();
    let mut problems = Diagnostics::new();
    for image in images {
        let lacking: Vec<Diagnostic> = image
            .parts()
            .iter()
            .filter_map(|(platform, part)| lacking(image, platform, part, answers.found.get(part)))
            .collect();
        if lacking.is_empty() {
            complete.insert(&image.reference, image);
        } else if strict {
            problems.extend(lacking);
        }
    }
    problems.fail_on_errors()?;
    let complete: Vec<&Image> = complete.into_values().collect();
    put_all(setting, &complete, inventory)?;
    Ok(complete.iter().map(|i| i.reference.clone()).collect())
}

/// What builds for that platform may take on another platform, and is not whole.
fn across(plan: &Plan, platform: &str, inventory: &Inventory, host: &Host) -> Vec<Image> {
    let is_there = |content: &str| {
        let found = inventory.remote.get(content);
        found.is_some_and(|found| says(found, content))
    };
    let is_built = |image: &&Image| {
        let found = inventory.remote.get(&image.reference);
        !found.is_some_and(|found| usable(image, found, host))
    };
    let mut needed: BTreeMap<&str, Image> = BTreeMap::new();
    let built = plan.images.iter().filter(is_built);
    for dependency in built.flat_map(|image| &image.dependencies) {
        if let Some(content) = plan.content_reference(dependency)
            && let Some(platforms) = dependency.platforms_across(platform)
            && !is_there(content)
        {
            let digits = content.rsplit_once(":sw-").map(|(_, digits)| digits);
            let image = Image {
                name: dependency.image.clone(),
                repository: registry::repository(content).to_owned(),
                reference: content.to_owned(),
                platforms: platforms.to_vec(),
                fingerprint: digits.unwrap_or_default().into(),
                ..Image::default()
            };
            needed.insert(content, image);
        }
    }
    needed.into_values().collect()
}

/// What is wrong with a part, if anything.
fn lacking(image: &Image, platform: &str, part: &str, found: Option<&Found>) -> Option<Diagnostic> {
    let name = &image.name;
    let command = format!(
        "shipwright exec --push --no-tags --only-platform {platform} -e {}",
        shell_word(name)
    );
    match found {
        Some(found) if says(found, &image.reference) => None,
        Some(_) => {
            let message = format!(
                "the part `{part}` of `{name}` does not match the plan: its label has another fingerprint"
            );
            Some(Diagnostic::new(Code::PartDiffers, message).help(format!(
                "no tag was moved; delete it from the registry, then build it: `{command}`"
            )))
        }
        None => {
            let message = format!("the part of `{name}` for {platform} does not exist: `{part}`");
            Some(
                Diagnostic::new(Code::PartMissing, message)
                    .help(format!("no tag was moved; to build the part: `{command}`")),
            )
        }
    }
}

/// Puts the index of each, and looks at what stands there then.
fn put_all(
    setting: &Setting<'_>,
    images: &[&Image],
    inventory: &mut Inventory,
) -> Result<(), Diagnostics> {
    let options = setting.options;
    if !options.dry_run {
        let repositories = images.iter().map(|image| &*image.repository).collect();
        let refused = registry::refused_writes(setting.registry, &repositories, &options.stop);
        let refused = refused.iter().map(|(repository, refused)| {
            registry::push_refused(repository, refused, "no tag was moved")
        });
        refused.collect::<Diagnostics>().fail_on_errors()?;
    }
    let results = crate::run::parallel::map(JOINS, images, |image| {
        let parts = image.parts();
        let parts: Vec<(&str, &str)> = parts.iter().map(|(p, part)| (*p, &**part)).collect();
        let target = (!options.dry_run).then_some(&*image.reference);
        let join = || {
            let id = setting.registry.join(&parts, target)?;
            match target {
                // Another run may have been first.
                Some(target) => setting.registry.look(target),
                None => Ok(Some(Found {
                    id,
                    fingerprint: Some(image.fingerprint.clone()),
                    ..Found::default()
                })),
            }
        };
        retry(&options.stop, join, Refused::again)
    });
    let mut problems = Diagnostics::new();
    for (image, result) in images.iter().zip(results) {
        match result {
            Ok(Some(found)) if says(&found, &image.reference) => {
                inventory.remote.insert(image.reference.clone(), found);
            }
            Ok(_) => problems.push(super::publish::missing(image)),
            Err(refused) => {
                let message = format!(
                    "cannot join the parts of `{}`: {}",
                    image.name, refused.message
                );
                problems.push(
                    Diagnostic::new(Code::JoinFailed, message)
                        .help("no tag was moved; run again to continue"),
                );
            }
        }
    }
    problems.fail_on_errors()
}
