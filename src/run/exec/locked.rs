//! Before the first build: the locked bases that builds rely on, held against their registries.
//!
//! What a registry said once is true of a digest for good, so it is remembered and not asked again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::known::Known;
use super::options::Options;
use super::work::Work;
use crate::config::lock::{LockFile, LockedImage};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::lang::digest::Digest;
use crate::run::lock::{Trouble, World};
use crate::run::registry::HttpRegistry;

/// What a plan relies on of a lock file.
#[derive(Debug, Clone)]
pub struct Locked {
    /// The file.
    pub file: LockFile,
    /// The names of the locked images that each image of the plan takes, by its name.
    pub taken: BTreeMap<String, BTreeSet<String>>,
    /// A registry that mirrors the others, and is asked first.
    pub mirror: Option<String>,
    /// A file to keep what was found right.
    pub known: PathBuf,
}

/// What the remembered file says of an entry that was found right.
const RIGHT: &str = "right";

/// Holds the entries of all bases of what is to be built against their registries. Gives warnings for
/// those whose registry cannot be asked.
///
/// # Errors
/// For each entry that its registry does not have, or of which it says something else.
pub(super) fn check(work: &Work<'_>, options: &Options) -> Result<Vec<Diagnostic>, Diagnostics> {
    let Some(locked) = &options.locked else {
        return Ok(Vec::new());
    };
    let images = &locked.file.lock.images;
    let builds = work.builds.iter();
    let builds = builds.filter_map(|position| locked.taken.get(&work.plan.images[*position].name));
    let names: BTreeSet<&str> = builds.flatten().map(String::as_str).collect();
    let facts: BTreeMap<&str, String> = names
        .into_iter()
        .filter_map(|name| Some((name, fact(name, images.get(name)?))))
        .collect();
    let file = Known::at(locked.known.clone());
    let mut known = file.read();
    let asked: Vec<&str> = facts
        .iter()
        .filter(|(_, fact)| !known.contains_key(*fact))
        .map(|(name, _)| *name)
        .collect();
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let world = World {
        registry: &HttpRegistry::new(),
        mirror: locked.mirror.as_deref(),
        stop: &options.stop,
    };
    let troubles = world.check(&locked.file.lock, &asked);
    let in_doubt: BTreeSet<&str> = troubles.iter().map(|(name, _)| *name).collect();
    let right = asked.iter().filter(|name| !in_doubt.contains(*name));
    known.extend(right.map(|name| (facts[name].clone(), RIGHT.to_owned())));
    // Entries of other revisions stay known: branches are built in turn.
    file.write(&known, &known.keys().map(String::as_str).collect());

    let mut errors = Diagnostics::new();
    let mut warnings = Vec::new();
    for (name, trouble) in troubles {
        match trouble {
            Trouble::Unknown(refused) => {
                let message = format!(
                    "the entry of `{name}` in the lock file could not be compared with its registry: {}",
                    refused.message
                );
                warnings.push(
                    Diagnostic::new(Code::LockUnchecked, message)
                        .because_of("unchecked")
                        .help("builds use the entry without this check"),
                );
            }
            Trouble::Gone => {
                let digest = &images[name].digest;
                let message = format!(
                    "`{name}` is locked to {digest}, which its registry does not have (any more)"
                );
                errors.push(
                    placed(Code::LockGone, message, name, &locked.file)
                        .help(format!("`shipwright lock --update {name}` locks what it has now"))
                        .help("or name a registry that has the locked image: `\"mirror\"` in the configuration"),
                );
            }
            Trouble::Differs(what) => {
                let message = format!(
                    "the entry of `{name}` in the lock file differs from its registry: {what}"
                );
                errors.push(
                    placed(Code::LockDiffers, message, name, &locked.file).help(format!(
                        "`shipwright lock --update {name}` rewrites the entry"
                    )),
                );
            }
        }
    }
    if errors.is_empty() {
        Ok(warnings)
    } else {
        Err(errors)
    }
}

/// A problem of an entry, with its place.
fn placed(code: Code, message: String, name: &str, file: &LockFile) -> Diagnostic {
    let span = file.keys.get(name).cloned().unwrap_or_default();
    Diagnostic::new(code, message).at(&file.source, span, "")
}

/// What is remembered of an entry: all that it says.
fn fact(name: &str, entry: &LockedImage) -> String {
    let entry = serde_json::to_string(entry).expect("an entry holds nothing that JSON cannot");
    Digest::of(format!("{name}\n{entry}").as_bytes()).into()
}
