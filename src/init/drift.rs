//! `shipwright init --check`: whether the evidence still agrees with the configuration.

use std::collections::{BTreeMap, BTreeSet};

use super::build::Build;
use super::evidence::Evidence;
use super::naming::Named;
use super::planner::{Images, Planner};
use super::{Builds, Request, settle, texts, wanted};
use crate::config::Config;
use crate::diagnostics::{Code, Diagnostic, Diagnostics, listed};
use crate::lang::reference::Reference;
use crate::plan::{Image, Plan};
use crate::planner::Options;
use crate::planner::compile::{SourceFiles, compile_files};
use crate::planner::discover::Discovery;
use crate::planner::names::{Namer, short};
use crate::planner::texts::read;
use crate::tree::snapshot::Snapshot;

/// How evidence and configuration differ.
#[derive(Debug, Clone)]
pub(crate) struct Drift {
    /// How many images the configuration plans.
    pub images: usize,
    /// The differences; none where the two agree.
    pub differences: Diagnostics,
}

/// Compares. The snapshot has the texts of [`super::init`] and those that the configuration names.
///
/// # Errors
/// When the configuration cannot be planned.
pub(crate) fn drift(
    snapshot: &Snapshot,
    request: &Request,
    evidence: &Evidence,
    config: &Config,
) -> Result<Drift, Diagnostics> {
    read(texts(snapshot, &evidence.builds).iter(), |read| {
        let files = SourceFiles {
            snapshot,
            read: &read,
        };
        compare(&Planner { files }, request, evidence, config)
    })
}

/// Compares, with Dockerfiles that were read.
fn compare(
    planner: &Planner<'_>,
    request: &Request,
    evidence: &Evidence,
    config: &Config,
) -> Result<Drift, Diagnostics> {
    let snapshot = planner.files.snapshot;
    let outcome = compile_files(planner.files, config, &Options::default(), None);
    let (compiled, _) = outcome.into_result()?;
    let plan = compiled.plan;
    let excluded = excluded(snapshot, config, &plan);
    let mut builds = Builds::default();
    let wanted_builds = evidence.builds.iter().cloned();
    for build in wanted_builds.filter(|build| !excluded.contains(&build.dockerfile)) {
        builds.add(build, &mut Diagnostics::new());
    }
    let namespace = config.namespace.as_ref().map(|n| n.value.clone());
    let mut build_args = request.build_args.clone();
    for (name, value) in &config.settings.build.build_args {
        build_args
            .entry(name.clone())
            .or_insert_with(|| value.text.clone());
    }
    let request = Request {
        namespace: request.namespace.clone().or(namespace),
        build_args,
        ..request.clone()
    };
    let (wanted, _) = wanted(
        planner.files,
        &request,
        (&builds, &evidence.images),
        &excluded,
    );
    let full = settle::in_full(&wanted, &excluded);
    let fresh = planner.plan(&full).ok();
    let comparison = Comparison {
        plan: &plan,
        fresh: fresh
            .iter()
            .flat_map(|plan| &plan.images)
            .map(|image| (image.name.as_str(), image))
            .collect(),
    };
    let mut differences = Diagnostics::new();
    differences.extend(
        wanted
            .images
            .iter()
            .filter_map(|named| comparison.of_build(named)),
    );
    let unnamed = by_default(config, &plan).into_iter();
    let mut unnamed: Vec<(&Image, String, &String)> = unnamed
        .filter_map(|(image, default)| {
            let name = wanted.plain.get(&image.dockerfile)?;
            (*name != default).then_some((image, default, name))
        })
        .collect();
    if let (false, Some(fresh)) = (unnamed.is_empty(), &fresh) {
        // Nor does `init` give all of them another name.
        let images = Images::of(fresh.clone());
        let draft = settle::shortest(full, &wanted, &excluded, &images, planner);
        let names = planner
            .images(&draft)
            .map(|images| images.names_by_dockerfile());
        let names = names.unwrap_or_default();
        unnamed.retain(|(image, default, _)| names.get(&image.dockerfile) != Some(default));
    }
    for (image, default, name) in unnamed {
        let message = format!(
            "no rule names `{}`: it makes `{default}`, and references or similar paths suggest `{name}`",
            image.dockerfile
        );
        differences.push(
            Diagnostic::new(Code::EvidenceDiffers, message)
                .help("add a rule or a name to .shipwright.json, or exclude the Dockerfile"),
        );
    }
    Ok(Drift {
        images: plan.images.len(),
        differences,
    })
}

/// The Dockerfiles that the configuration leaves out.
fn excluded(snapshot: &Snapshot, config: &Config, plan: &Plan) -> BTreeSet<String> {
    let planned: BTreeSet<&String> = plan.images.iter().map(|image| &image.dockerfile).collect();
    let default = Config::default();
    let usual = Discovery::new(&default).find(snapshot).dockerfiles;
    let found: BTreeSet<String> = Discovery::new(config)
        .find(snapshot)
        .dockerfiles
        .into_iter()
        .collect();
    let left_out = usual.into_iter().filter(|path| !found.contains(path));
    left_out.filter(|path| !planned.contains(path)).collect()
}

/// The images that nothing but their folder names, where there are rules, with that name.
fn by_default<'p>(config: &Config, plan: &'p Plan) -> Vec<(&'p Image, String)> {
    let Ok(namer) = Namer::new(config, None) else {
        return Vec::new();
    };
    let has_rule = |path: &str| config.rules.iter().any(|rule| rule.groups(path).is_some());
    let images = plan.images.iter();
    let unnamed = images.filter(|image| {
        let path = &image.dockerfile;
        !has_rule(path)
            && namer.configured(path).is_none()
            && !config.images.contains_key(&image.name)
    });
    let named = unnamed.filter_map(|image| Some((image, namer.name(&image.dockerfile).ok()?.name)));
    named.filter(|(image, name)| image.name == *name).collect()
}

struct Comparison<'c> {
    plan: &'c Plan,
    /// The images that the evidence makes today, by their names.
    fresh: BTreeMap<&'c str, &'c Image>,
}

impl Comparison<'_> {
    /// How a build differs from what is planned.
    fn of_build(&self, named: &Named) -> Option<Diagnostic> {
        let build = &named.build;
        let images = self.plan.images.iter();
        let of_file: Vec<&Image> = images
            .filter(|image| image.dockerfile == build.dockerfile)
            .collect();
        let differs = |message: String| {
            Diagnostic::new(Code::EvidenceDiffers, message)
                .at(&build.source, build.span.clone(), "")
                .help("change .shipwright.json, or print a new one to compare with: `shipwright init -o -`")
        };
        if of_file.is_empty() {
            return Some(differs(format!(
                "{} builds `{}`, but no image of the plan does",
                build.title(),
                build.dockerfile
            )));
        }
        let fresh = self.fresh.get(named.name.as_str());
        let is_same = |image: &&&Image| {
            fresh.is_some_and(|fresh| fresh.fingerprint == image.fingerprint)
                || differences(build, image).is_empty()
        };
        let same: Vec<&Image> = of_file.iter().filter(is_same).copied().collect();
        if same.is_empty() {
            let nearest = of_file
                .iter()
                .min_by_key(|image| (is_called(named, image), differences(build, image).len()));
            let called = of_file.iter().find(|image| is_called(named, image));
            let image = called.or(nearest)?;
            return Some(differs(format!(
                "{} differs from `{}`: {}",
                build.title(),
                image.name,
                differences(build, image).join(", ")
            )));
        }
        if build.references.is_empty() || same.iter().any(|image| is_called(named, image)) {
            return None;
        }
        Some(differs(format!(
            "{} names its image `{}`, but the configuration names it {}",
            build.title(),
            build.references[0],
            listed(same.iter().map(|image| image.name.as_str()))
        )))
    }
}

/// Whether an image has one of the names of a build, whatever its namespace is.
fn is_called(named: &Named, image: &Image) -> bool {
    let last = |text: &str| {
        let reference = Reference::parse(text).ok()?;
        Some(short(&reference.repository()).to_owned())
    };
    let references = named.build.references.iter().map(String::as_str);
    let wanted: BTreeSet<String> = references
        .chain([named.name.as_str()])
        .chain(named.aliases.iter().map(String::as_str))
        .filter_map(last)
        .collect();
    let given = [&image.name, &image.repository];
    given
        .into_iter()
        .filter_map(|name| last(name))
        .any(|name| wanted.contains(&name))
}

/// What of a build is otherwise in an image. What the image does not say is its Dockerfile's own.
fn differences(build: &Build, image: &Image) -> Vec<String> {
    let mut differences = Vec::new();
    if let (Some(wanted), Some(target)) = (&build.target, &image.target)
        && wanted != target
    {
        differences.push(format!("target `{wanted}` instead of `{target}`"));
    }
    if build.context != image.context {
        differences.push(format!(
            "context `{}` instead of `{}`",
            build.context, image.context
        ));
    }
    for (key, value) in &build.arguments {
        if let Some(known) = image.build_args.get(key).filter(|known| *known != value) {
            differences.push(format!(
                "argument `{key}` is `{value}` instead of `{known}`"
            ));
        }
    }
    if !build.platforms.is_empty() && !image.platforms.is_empty() {
        let set = |platforms: &[String]| platforms.iter().cloned().collect::<BTreeSet<_>>();
        if set(&build.platforms) != set(&image.platforms) {
            differences.push(format!(
                "platforms {} instead of {}",
                listed(build.platforms.iter().map(String::as_str)),
                listed(image.platforms.iter().map(String::as_str))
            ));
        }
    }
    differences
}
