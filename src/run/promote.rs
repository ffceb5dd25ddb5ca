//! Promotion: what was built, copied to other repositories under the same digests, and its tags moved
//! there. Never builds, and needs no engine.
//!
//! Contents come first, everywhere; the tags follow when every content is where it belongs. So a run that
//! ends in the middle leaves no mixed set of tags, and the next one goes on from there.

use std::collections::{BTreeMap, BTreeSet};

use super::parallel;
use super::registry::{self, HttpRegistry, Registry};
use super::retry::retry;
use super::stop::Stop;
use super::tags;
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::plan::{Image, Plan};

/// How many images are copied at a time.
const COPIES: usize = 4;

/// What is promoted, and where to.
#[derive(Debug)]
pub(crate) struct Promotion<'p> {
    /// The plan as it was built.
    pub source: &'p Plan,
    /// The same plan with the repositories of each target.
    pub targets: &'p [Plan],
    /// The digests that were tested, by content reference, if a report names them.
    pub tested: Option<BTreeMap<String, String>>,
    /// Whether nothing is written.
    pub dry_run: bool,
}

/// What became of an image in one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Promoted {
    /// The image's name.
    pub name: String,
    /// Its content reference in the target.
    pub reference: String,
    /// Whether its content was copied; else it was there.
    pub copied: bool,
    /// The tags that moved.
    pub tags: Vec<String>,
}

/// An image on its way.
struct Step<'p> {
    image: &'p Image,
    source: &'p str,
    target: &'p str,
    tags: &'p [String],
}

/// Copies what the targets lack, then moves the tags. `note` is told what happens.
///
/// # Errors
/// Everything that stands against it. Before anything is written: a content that is nowhere, or is not
/// the one that was tested, a registry that does not answer, a repository that cannot be written to.
/// While contents are copied: no tag has moved. At the end: a tag that a registry refuses.
pub(crate) fn promote(
    promotion: &Promotion<'_>,
    registry: &HttpRegistry,
    stop: &Stop,
    note: &mut dyn FnMut(&str),
) -> Result<Vec<Promoted>, Diagnostics> {
    let steps = steps(promotion);
    let held = held(&steps, registry, stop)?;
    let lacking: Vec<&Step<'_>> = steps
        .iter()
        .filter(|step| !held.contains_key(step.target))
        .collect();
    let sources = sources(&lacking, registry, stop)?;
    differing(promotion, &steps, &held, &sources)?;
    let digests: BTreeMap<&str, &str> = steps
        .iter()
        .filter_map(|step| {
            let digest = held.get(step.target).or_else(|| sources.get(step.source))?;
            Some((step.target, digest.as_str()))
        })
        .collect();
    let moves = moves(&steps, &digests, registry, stop)?;
    let promoted = steps.iter().map(|step| {
        let own = moves.iter().filter(|own| own.source == step.target);
        let own = own.flat_map(|own| &own.targets);
        Promoted {
            name: step.image.name.clone(),
            reference: step.target.to_owned(),
            copied: !held.contains_key(step.target),
            tags: own.map(|tag| (*tag).to_owned()).collect(),
        }
    });
    let promoted: Vec<Promoted> = promoted.collect();
    if promotion.dry_run {
        return Ok(promoted);
    }
    writable(&lacking, &moves, registry, stop)?;
    copy(&lacking, registry, stop, note)?;
    if stop.requested() {
        let message = "stopped before the tags moved";
        return Err(Diagnostic::new(Code::Stopped, message)
            .help("what is copied stays, and the next run continues from there")
            .into());
    }
    let count: usize = moves.iter().map(|step| step.targets.len()).sum();
    if count > 0 {
        note(&format!("moving {count} tags"));
    }
    let revision = &promotion.source.source.revision;
    let (_, refused) = tags::move_all(registry, revision, &moves);
    refused.fail_on_errors()?;
    Ok(promoted)
}

/// Every image that is published, on its way to each target.
fn steps<'p>(promotion: &'p Promotion<'_>) -> Vec<Step<'p>> {
    let sources: BTreeMap<&str, &Image> = promotion
        .source
        .images
        .iter()
        .filter(|image| image.push)
        .map(|image| (&*image.name, image))
        .collect();
    let images = promotion.targets.iter().flat_map(|plan| &plan.images);
    let step = |target: &'p Image| {
        let source = *sources.get(&*target.name)?;
        Some(Step {
            image: source,
            source: &source.reference,
            target: &target.reference,
            tags: &target.tags,
        })
    };
    images.filter_map(step).collect()
}

/// The digests of what the targets hold already, by content reference.
fn held(
    steps: &[Step<'_>],
    registry: &HttpRegistry,
    stop: &Stop,
) -> Result<BTreeMap<String, String>, Diagnostics> {
    let references = steps.iter().map(|step| step.target).collect();
    let mut answers = registry::ask(&references, Some(stop), |reference| {
        registry.digest(reference)
    });
    answers.settle_denied(registry, stop);
    answers.errors().fail_on_errors()?;
    Ok(answers.found)
}

/// The digests of what must be copied, by content reference; each is what its label says.
fn sources(
    lacking: &[&Step<'_>],
    registry: &HttpRegistry,
    stop: &Stop,
) -> Result<BTreeMap<String, String>, Diagnostics> {
    let references = lacking.iter().map(|step| step.source).collect();
    let answers = registry::look(registry, &references, Some(stop));
    let mut problems = answers.errors();
    let mut digests = BTreeMap::new();
    for step in lacking {
        let (name, source) = (&step.image.name, step.source);
        match answers.found.get(source) {
            Some(found) if found.fingerprint.as_ref() == Some(&step.image.fingerprint) => {
                digests.insert(source.to_owned(), found.id.clone());
            }
            Some(_) => {
                let message = format!(
                    "`{source}` does not match the plan: its label has another fingerprint"
                );
                problems.push(
                    Diagnostic::new(Code::ImageMissing, message)
                        .help("nothing was written; build it with `shipwright exec --push`"),
                );
            }
            None if answers.unknown.contains_key(source) => {}
            None => {
                let message = format!("`{name}` does not exist: `{source}`");
                problems.push(
                    Diagnostic::new(Code::ImageMissing, message)
                        .help("nothing was written; build it with `shipwright exec --push`"),
                );
            }
        }
    }
    problems.fail_on_errors()?;
    Ok(digests)
}

/// Refuses what has another digest than the one that was tested, or none that was.
fn differing(
    promotion: &Promotion<'_>,
    steps: &[Step<'_>],
    held: &BTreeMap<String, String>,
    sources: &BTreeMap<String, String>,
) -> Result<(), Diagnostics> {
    let Some(tested) = &promotion.tested else {
        return Ok(());
    };
    let mut problems = Diagnostics::new();
    for step in steps {
        let (place, found) = match held.get(step.target) {
            Some(digest) => (step.target, Some(digest)),
            None => (step.source, sources.get(step.source)),
        };
        let said = tested.get(step.source);
        if found == said && said.is_some() {
            continue;
        }
        let message = match (said, found) {
            (Some(said), Some(found)) => {
                format!("`{place}` refers to {found}, but {said} was tested")
            }
            _ => format!("the report has no digest of `{}`", step.source),
        };
        problems.push(
            Diagnostic::new(Code::NotTested, message).help(
                "nothing was written; test the current image, and pass the report of that run",
            ),
        );
    }
    problems.fail_on_errors()
}

/// The tags that do not name the content yet, by its reference in the target.
fn moves<'s>(
    steps: &[Step<'s>],
    digests: &BTreeMap<&str, &str>,
    registry: &HttpRegistry,
    stop: &Stop,
) -> Result<Vec<tags::Move<'s>>, Diagnostics> {
    let all = steps.iter().flat_map(|step| step.tags);
    let found = tags::digests(registry, &all.map(String::as_str).collect(), stop)?;
    let moves = steps.iter().map(|step| {
        let digest = digests.get(step.target).copied();
        let stale = |tag: &&str| found.get(*tag).map(String::as_str) != digest;
        tags::Move {
            source: step.target,
            targets: step.tags.iter().map(String::as_str).filter(stale).collect(),
        }
    });
    Ok(moves.filter(|step| !step.targets.is_empty()).collect())
}

/// Refuses repositories that cannot be written to, before anything is.
fn writable(
    lacking: &[&Step<'_>],
    moves: &[tags::Move<'_>],
    registry: &HttpRegistry,
    stop: &Stop,
) -> Result<(), Diagnostics> {
    let targets = lacking
        .iter()
        .map(|step| step.target)
        .chain(moves.iter().map(|step| step.source));
    let repositories: BTreeSet<&str> = targets.map(registry::repository).collect();
    let refused = registry::refused_writes(registry, &repositories, stop);
    let problems = refused.iter().map(|(repository, refused)| {
        registry::push_refused(repository, refused, "nothing was written")
    });
    problems.collect::<Diagnostics>().fail_on_errors()
}

/// Copies contents, several at a time, each again where that may help.
fn copy(
    lacking: &[&Step<'_>],
    registry: &HttpRegistry,
    stop: &Stop,
    note: &mut dyn FnMut(&str),
) -> Result<(), Diagnostics> {
    if lacking.is_empty() {
        return Ok(());
    }
    note(&format!("copying {} images", lacking.len()));
    let results = parallel::map(COPIES, lacking, |step| {
        if stop.requested() {
            return Ok(());
        }
        let copy = || registry.copy(step.source, step.target);
        retry(stop, copy, registry::Refused::again).map(drop)
    });
    let problems = lacking.iter().zip(results).filter_map(|(step, result)| {
        let refused = result.err()?;
        let (source, target) = (step.source, step.target);
        let message = format!("cannot copy `{source}` to `{target}`: {}", refused.message);
        Some(
            Diagnostic::new(Code::PushFailed, message)
                .help("no tag was moved; run again to continue"),
        )
    });
    problems.collect::<Diagnostics>().fail_on_errors()
}
