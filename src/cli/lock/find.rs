//! Asks registries and servers for references, until no base shows anything new.

use std::collections::BTreeSet;

use super::found::{Found, Recipient, section};
use super::progress::Progress;
use crate::config::lock::Lock;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::planner::External;
use crate::run::lock::{Entry, Question, Section, World};
use crate::run::registry::HttpRegistry;
use crate::run::stop::Stop;

/// How often a base may show further references by its `ONBUILD` triggers and variables.
const ROUNDS: usize = 8;

/// What images take from elsewhere.
pub(super) struct Taken {
    pub(super) externals: Vec<External>,
    /// The registry to ask first.
    pub(super) mirror: Option<String>,
}

/// What is asked for.
pub(super) trait Inquiry {
    /// What images take from elsewhere, once these facts are known.
    fn taken(&self, lock: &Lock) -> Result<Taken, Diagnostics>;

    /// Whether something stands against asking at all; called once.
    fn check(&self, _externals: &[External]) -> Result<(), Diagnostics> {
        Ok(())
    }

    /// Whether a reference that has an entry is asked for again.
    fn renews(&self, _external: &External) -> bool {
        false
    }

    /// Why a reference without an entry is not asked for.
    fn refused(&self, _external: &External) -> Option<Diagnostic> {
        None
    }
}

/// Asks for all that is missing or to be renewed, until no base shows anything new.
pub(super) fn find(
    inquiry: &impl Inquiry,
    recipient: Recipient,
    old: &Lock,
) -> Result<Found, Diagnostics> {
    let registry = HttpRegistry::new();
    let stop = Stop::new();
    let mut found = Found::of(old, recipient);
    let mut asked: BTreeSet<(Section, String, BTreeSet<String>, bool)> = BTreeSet::new();
    for round in 0..ROUNDS {
        let taken = inquiry.taken(&found.lock)?;
        if round == 0 {
            inquiry.check(&taken.externals)?;
        }
        let mut questions = Vec::new();
        for external in &taken.externals {
            let mut question = question(external, inquiry.renews(external));
            if Entry::of(&question, &found.lock).is_none()
                && let Some(refused) = inquiry.refused(external)
            {
                found.problems.push(refused);
                continue;
            }
            let (section, key) = (question.section, question.key.clone());
            let mut earlier = asked.iter();
            if earlier.any(|(s, k, ..)| (s, k) == (&section, &key)) {
                // One round is enough to renew it.
                question.renew = false;
            }
            let (platforms, any) = (question.platforms.clone(), question.any_platform);
            if asked.insert((section, key, platforms, any)) {
                questions.push(question);
            }
        }
        found.externals = taken.externals;
        if questions.is_empty() {
            break;
        }
        let world = World {
            registry: &registry,
            mirror: taken.mirror.as_deref(),
            stop: &stop,
        };
        let total = questions.len();
        let progress = Progress::new();
        let answers = world.ask(&questions, &found.lock, &|done| progress.show(done, total));
        progress.clear();
        for (question, answer) in questions.into_iter().zip(answers) {
            found.take(&question, answer);
        }
    }
    found.keep_what_is_taken();
    Ok(found)
}

/// The question for a reference.
pub(super) fn question(external: &External, renew: bool) -> Question {
    Question {
        section: section(external),
        key: external.key.clone(),
        platforms: external.platforms.clone(),
        any_platform: external.any_platform,
        renew,
    }
}
