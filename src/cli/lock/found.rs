//! What the world outside said about the references of a plan, and what of it goes into the lock file.

use std::collections::{BTreeMap, BTreeSet};

use super::report::taken_at;
use crate::config::lock::{self, Lock, LockedImage};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::planner::{External, ExternalKind};
use crate::run::lock::{Answer, Entry, Question, Section};

/// How many of the lines that take a reference a problem names.
const TAKERS_SHOWN: usize = 3;

/// Who gets the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recipient {
    /// A lock file, whose other entries are written in any case.
    Lock,
    /// A run, which needs them all.
    Run,
}

/// What the world outside said.
pub(super) struct Found {
    recipient: Recipient,
    /// The entries as they are now.
    pub(super) lock: Lock,
    /// Everything that some image takes.
    pub(super) externals: Vec<External>,
    /// What is there no more, by section and key.
    pub(super) gone: BTreeSet<(Section, String)>,
    /// How many references were answered.
    pub(super) answered: usize,
    /// How many could not be.
    pub(super) unanswered: usize,
    /// Of references that could not be asked for, lack a platform, are gone, or would have to be named.
    pub(super) problems: Diagnostics,
}

impl Found {
    /// Nothing asked yet: the entries as they were.
    pub(super) fn of(old: &Lock, recipient: Recipient) -> Self {
        Self {
            recipient,
            lock: old.clone(),
            externals: Vec::new(),
            gone: BTreeSet::new(),
            answered: 0,
            unanswered: 0,
            problems: Diagnostics::new(),
        }
    }

    /// Takes one answer in: an entry, or the problem that there is none.
    pub(super) fn take(&mut self, question: &Question, answer: Answer) {
        let key = &question.key;
        let kept = match (self.recipient, Entry::of(question, &self.lock)) {
            (Recipient::Run, _) => {
                "for an image that only the local engine has, add the reference to `\"unlocked\"` in .shipwright.json"
            }
            (Recipient::Lock, Some(_)) => "its entry is unchanged",
            (Recipient::Lock, None) => "it has no entry",
        };
        match answer {
            Answer::Is(entry) => {
                self.answered += 1;
                entry.put(key, &mut self.lock);
            }
            Answer::Lacks(entry, platforms) => {
                self.answered += 1;
                let is_kept = Entry::of(question, &self.lock).as_ref() == Some(&entry);
                entry.put(key, &mut self.lock);
                let platforms: Vec<&str> = platforms.iter().map(String::as_str).collect();
                let message = format!("`{key}` has no image for {}", platforms.join(", "));
                let mut problem = self.problem(question, Code::LockPlatform, message);
                if is_kept && self.recipient == Recipient::Lock {
                    problem = problem.help(kept);
                }
                self.problems
                    .push(problem.help("build for platforms that it has, or use another base"));
            }
            Answer::Gone => {
                self.gone.insert((question.section, key.clone()));
                let message = format!("`{key}` does not exist (any more)");
                let problem = self.problem(question, Code::LockGone, message);
                self.problems.push(
                    problem
                        .help(kept)
                        .help("a build will not find it either: use another tag or URL"),
                );
            }
            Answer::Unknown(refused) => {
                self.unanswered += 1;
                let message = format!("`{key}` could not be resolved: {}", refused.message);
                let problem = self.problem(question, Code::LockUnanswered, message);
                self.problems.push(match self.recipient {
                    Recipient::Lock if refused.may_pass() => {
                        problem.help(format!("{kept}; run `shipwright lock` again"))
                    }
                    Recipient::Lock => problem.help(kept),
                    Recipient::Run => problem
                        .help(kept)
                        .help("try again later, or without `--pull`"),
                });
            }
        }
    }

    /// A problem of a reference, with the first lines that take it.
    fn problem(&self, question: &Question, code: Code, message: String) -> Diagnostic {
        let mut externals = self.externals.iter();
        let external = externals.find(|external| {
            (section(external), &external.key) == (question.section, &question.key)
        });
        let takers = external.map_or(&[][..], |external| &external.takers);
        let mut lines: Vec<String> = takers.iter().take(TAKERS_SHOWN).map(taken_at).collect();
        if takers.len() > TAKERS_SHOWN {
            lines.push(format!("and {} more", takers.len() - TAKERS_SHOWN));
        }
        let problem = Diagnostic::new(code, message);
        if lines.is_empty() {
            return problem;
        }
        problem.help(format!("it is used by {}", lines.join(", ")))
    }

    /// Drops entries that no image takes, and platforms that nobody builds for.
    pub(super) fn keep_what_is_taken(&mut self) {
        let taken: BTreeMap<(Section, &str), &External> = self
            .externals
            .iter()
            .map(|external| ((section(external), external.key.as_str()), external))
            .collect();
        let lock = &mut self.lock;
        lock.images.retain(|key, image| {
            let external = taken.get(&(Section::Images, key.as_str()));
            external.is_some_and(|external| {
                keep_platforms(image, external);
                true
            })
        });
        lock.downloads
            .retain(|key, _| taken.contains_key(&(Section::Downloads, key.as_str())));
        lock.git
            .retain(|key, _| taken.contains_key(&(Section::Git, key.as_str())));
    }
}

fn keep_platforms(image: &mut LockedImage, external: &External) {
    let is_wanted = |key: &String| {
        let name = key.split(':').next().unwrap_or_default();
        let is_usual = external.any_platform && lock::USUAL_PLATFORMS.contains(&key.as_str());
        is_usual || external.platforms.contains(name) || external.platforms.contains(key)
    };
    let mut wanted = image.platforms.keys().filter(|key| is_wanted(key));
    let is_single = image.platforms.len() == 1;
    if !is_single && wanted.next().is_some() {
        image.platforms.retain(|key, _| is_wanted(key));
    }
}

/// The section of the lock file that has the entry of a reference.
pub(super) fn section(external: &External) -> Section {
    match external.kind {
        ExternalKind::Image | ExternalKind::Frontend => Section::Images,
        ExternalKind::Download => Section::Downloads,
        ExternalKind::Git => Section::Git,
    }
}
