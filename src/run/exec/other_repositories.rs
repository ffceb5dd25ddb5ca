//! Images that the engine holds under another repository: staging's where production's are planned.
//!
//! One content has one set of bytes, wherever it is published. So what exists under the same content
//! tag is tagged, and not built a second time. The tag and the label together say that it is the
//! image; the label alone is inherited by whatever is built on it.

use std::collections::{BTreeMap, BTreeSet};

use super::Setting;
use super::engine::Host;
use super::inventory::{self, Inventory};
use crate::diagnostics::Diagnostics;
use crate::plan::{Image, Plan};

/// Tags what other repositories hold of the images that the engine lacks, and adds it to the inventory.
/// What cannot be tagged is built.
///
/// # Errors
/// When the engine does not answer.
pub(super) fn take(
    plan: &Plan,
    setting: Setting<'_>,
    host: &Host,
    inventory: &mut Inventory,
) -> Result<(), Diagnostics> {
    let mut absent: BTreeMap<&str, Vec<&Image>> = BTreeMap::new();
    for image in &plan.images {
        if !inventory.local.contains_key(&image.reference)
            && let Some(tag) = tag_of(&image.reference)
        {
            absent.entry(tag).or_default().push(image);
        }
    }
    if absent.is_empty() {
        return Ok(());
    }
    let others = setting.engine.tagged(&absent.keys().copied().collect())?;
    if others.is_empty() {
        return Ok(());
    }
    let others: BTreeSet<&str> = others.iter().map(String::as_str).collect();
    let found = setting.engine.look(&others)?;
    let mut taken = BTreeMap::new();
    for (other, found) in &found {
        let images = tag_of(other).and_then(|tag| absent.get(tag));
        for image in images.into_iter().flatten() {
            if inventory::usable(image, found, host) {
                taken
                    .entry(image.reference.as_str())
                    .or_insert((other.as_str(), found));
            }
        }
    }
    let pairs: Vec<(&str, &str)> = taken.iter().map(|(to, (from, _))| (*from, *to)).collect();
    let results = if setting.options.dry_run {
        pairs.iter().map(|_| Ok(())).collect()
    } else {
        setting.engine.tag(&pairs, setting.options.jobs)
    };
    for ((reference, (_, found)), result) in taken.into_iter().zip(results) {
        if result.is_ok() {
            inventory.local.insert(reference.to_owned(), found.clone());
        }
    }
    Ok(())
}

fn tag_of(reference: &str) -> Option<&str> {
    reference.rsplit_once(':').map(|(_, tag)| tag)
}
