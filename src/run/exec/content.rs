//! Content references in their registries: looked for again directly before they are put, and never replaced.
#![allow(
    clippy::disallowed_methods,
    reason = "a builder writes into a file what it has pushed"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::failure::{Tail, push_failed};
use super::inventory::usable;
use super::log::Log;
use super::tasks::{End, Runner, Way};
use crate::plan::Image;
use crate::run::registry::{Refused, Why, unknown};
use crate::run::retry::{Again, retry};

/// Where BuildKit writes the digest of the image or index that it pushed.
const DIGEST: &str = "containerimage.digest";

impl Runner<'_> {
    /// Lets a builder that does not share the engine's images build and push by digest; the content reference
    /// is put last, if it is still absent. A build may take an hour, in which another run may end.
    ///
    /// # Errors
    /// When the build or the registry fails, or the run is stopped.
    pub(super) fn build_into_registry(&self, image: &Image, log: &mut Log<'_>) -> Result<(), End> {
        let stop = &self.setting.options.stop;
        let file = log.path.with_extension("json");
        let build = || {
            log.tail = Tail::default();
            // Never the digest of an earlier attempt.
            let _ = fs::remove_file(&file);
            let result = self.build(image, Some(&file), log);
            let again = Again::if_it_may_help(log.tail.says_not_pushed());
            result.map_err(|end| (end, again))
        };
        retry(stop, build, |(_, again)| *again).map_err(|(end, _)| end)?;
        if self.was_published_meanwhile(image, log)? {
            return Ok(());
        }
        let failed = |why: &str| End::Failed(push_failed(&image.reference, why, &log.tail));
        let digest = pushed_digest(&file).map_err(|why| failed(&why))?;
        let source = format!("{}@{digest}", image.repository);
        let put = || {
            let results = self.setting.registry.tag(&source, &[&image.reference]);
            results.into_iter().collect::<Result<(), Refused>>()
        };
        match retry(stop, put, Refused::again) {
            Ok(()) => Ok(()),
            // Where tags are immutable, the other run's image stays.
            Err(refused) => {
                let failed = failed(&refused.message);
                self.unless_published(failed, image, log)
            }
        }
    }

    /// Pushes what the engine built, unless another run has put the content reference by now: then that image
    /// is taken. The engine cannot push by digest.
    ///
    /// # Errors
    /// When the registry fails, or the run is stopped.
    pub(super) fn push_from_engine(&self, image: &Image, log: &mut Log<'_>) -> Result<(), End> {
        if !self.was_published_meanwhile(image, log)? {
            match self.transfer(Way::Push, image, log) {
                Err(failed @ End::Failed(_)) => self.unless_published(failed, image, log)?,
                other => return other,
            }
        }
        self.transfer(Way::Pull, image, log)
    }

    /// Whether the image is in its registry by now.
    ///
    /// # Errors
    /// When the registry does not say.
    pub(super) fn is_published(&self, image: &Image) -> Result<bool, Refused> {
        let found = self.setting.registry.look(&image.reference)?;
        Ok(found.is_some_and(|found| usable(image, &found, self.host)))
    }

    /// The failure to put the image into its registry, unless another run has put it there.
    fn unless_published(&self, failed: End, image: &Image, log: &mut Log<'_>) -> Result<(), End> {
        if self.was_published_meanwhile(image, log)? {
            return Ok(());
        }
        Err(failed)
    }

    /// Whether another run has put the image into its registry since this one looked; the log says so.
    ///
    /// # Errors
    /// When the registry does not say: what is there may not be replaced. A repository that may be written to
    /// and not read is one that nothing is in.
    fn was_published_meanwhile(&self, image: &Image, log: &mut Log<'_>) -> Result<bool, End> {
        let look = || self.is_published(image);
        let is_there = match retry(&self.setting.options.stop, look, Refused::again) {
            Ok(is_there) => is_there,
            Err(refused) if refused.why == Why::Denied => false,
            Err(refused) => return Err(End::Failed(unknown(&image.reference, &refused))),
        };
        if is_there {
            log.note("another run has published this content reference: using that image");
        }
        Ok(is_there)
    }
}

/// The digest in the file that a builder wrote; or why there is none.
fn pushed_digest(file: &Path) -> Result<String, String> {
    let none = |why: &str| format!("the builder did not report what it pushed: {why}");
    let text = fs::read_to_string(file).map_err(|error| none(&error.to_string()))?;
    let facts: BTreeMap<String, Value> =
        serde_json::from_str(&text).map_err(|error| none(&error.to_string()))?;
    let digest = facts.get(DIGEST).and_then(Value::as_str);
    Ok(digest.ok_or_else(|| none("no digest"))?.to_owned())
}
