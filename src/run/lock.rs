//! Asks the world outside what references mean now, for a lock file: registries, servers and git hosts.
//!
//! Nothing is asked twice, and of what has not moved one request says so. What cannot be asked keeps its
//! entry, and the others go on.

mod check;
mod downloads;
mod git;
mod images;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::config::lock::{Lock, LockedDownload, LockedGit, LockedImage};
use crate::run::parallel;
use crate::run::registry::{HttpRegistry, Refused};
use crate::run::retry::{Again, retry};
use crate::run::stop::Stop;
pub(crate) use check::Trouble;
use downloads::Downloads;

/// How many questions are under way at a time; they wait more than they work.
const QUESTIONS: usize = 8;

/// What a reference is, by the section of the lock file that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Section {
    /// `images`
    Images,
    /// `downloads`
    Downloads,
    /// `git`
    Git,
}

/// A reference to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    /// The section of its entry.
    pub(crate) section: Section,
    /// The key of its entry.
    pub(crate) key: String,
    /// The platforms that the entry must have.
    pub(crate) platforms: BTreeSet<String>,
    /// Whether it must have those too that an engine is likely to have.
    pub(crate) any_platform: bool,
    /// Whether an entry that is there is asked for anew.
    pub(crate) renew: bool,
}

/// What became of a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Its entry, the one that was there or another.
    Is(Entry),
    /// Its registry or server has none such.
    Gone,
    /// It was not answered.
    Unknown(Refused),
    /// It exists, and lacks a platform that is built for; the entry that was there if it has that platform,
    /// else what there is.
    Lacks(Entry, BTreeSet<String>),
}

/// An entry of a lock file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Of `images`.
    Image(LockedImage),
    /// Of `downloads`.
    Download(LockedDownload),
    /// Of `git`.
    Git(LockedGit),
}

/// What asks.
pub(crate) struct World<'w> {
    /// The registries.
    pub(crate) registry: &'w HttpRegistry,
    /// A registry that mirrors the others, and is asked first.
    pub(crate) mirror: Option<&'w str>,
    /// The wish to stop.
    pub(crate) stop: &'w Stop,
}

impl World<'_> {
    /// The answer to each question, in their order. `progress` is told how many there are so far.
    pub(crate) fn ask(
        &self,
        questions: &[Question],
        lock: &Lock,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Vec<Answer> {
        let downloads = Downloads::new();
        let step = |question: &Question| self.one(question, lock, &downloads);
        let answers = self.each(questions, host, step, progress);
        let answers = answers.into_iter();
        answers
            .map(|answer| answer.unwrap_or_else(Answer::Unknown))
            .collect()
    }

    /// What a step gives for each item, several at a time and each again where that may help; `host` says
    /// who is asked.
    fn each<Q: Sync, T: Send>(
        &self,
        items: &[Q],
        host: impl Fn(&Q) -> String + Sync,
        step: impl Fn(&Q) -> Result<T, Refused> + Sync,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Vec<Result<T, Refused>> {
        let silent: Mutex<BTreeMap<String, Refused>> = Mutex::default();
        let done = AtomicUsize::new(0);
        parallel::map(QUESTIONS, items, |item| {
            let host = host(item);
            let known = || silent.lock().expect("no thread panics").get(&host).cloned();
            let step = || match known() {
                // A host that does not answer costs one wait, not one for each reference.
                Some(refused) => Err(refused),
                None => step(item),
            };
            let again = |refused: &Refused| match known() {
                Some(_) => Again::Never,
                None => refused.again(),
            };
            let result = retry(self.stop, step, again);
            if let Err(refused) = &result
                && refused.is_of_host()
            {
                let mut silent = silent.lock().expect("no thread panics");
                silent.insert(host.clone(), refused.clone());
            }
            progress(done.fetch_add(1, Ordering::Relaxed) + 1);
            result
        })
    }

    fn one(
        &self,
        question: &Question,
        lock: &Lock,
        downloads: &Downloads,
    ) -> Result<Answer, Refused> {
        let key = &question.key;
        match question.section {
            Section::Images => self.image(question, lock.images.get(key)),
            Section::Downloads => match lock.downloads.get(key) {
                Some(old) if !question.renew => Ok(Answer::Is(Entry::Download(old.clone()))),
                old => downloads.ask(key, old),
            },
            Section::Git => match lock.git.get(key) {
                Some(old) if !question.renew => Ok(Answer::Is(Entry::Git(old.clone()))),
                _ => git::ask(key),
            },
        }
    }
}

/// Who is asked, so that one that is silent is asked no further.
fn host(question: &Question) -> String {
    let key = &question.key;
    match question.section {
        Section::Images => host_of_image(key),
        Section::Downloads | Section::Git => {
            let rest = key.split_once("://").map_or(key.as_str(), |(_, rest)| rest);
            let host = rest.split(['/', ':']).next();
            host.unwrap_or_default().to_owned()
        }
    }
}

/// The same for the full name of an image.
fn host_of_image(name: &str) -> String {
    name.split('/').next().unwrap_or_default().to_owned()
}

impl Entry {
    /// Puts it into a lock file.
    pub(crate) fn put(self, key: &str, lock: &mut Lock) {
        let key = key.to_owned();
        match self {
            Self::Image(image) => drop(lock.images.insert(key, image)),
            Self::Download(download) => drop(lock.downloads.insert(key, download)),
            Self::Git(git) => drop(lock.git.insert(key, git)),
        }
    }

    /// The entry of a reference, where there is one.
    pub(crate) fn of(question: &Question, lock: &Lock) -> Option<Self> {
        let key = &question.key;
        match question.section {
            Section::Images => lock.images.get(key).cloned().map(Self::Image),
            Section::Downloads => lock.downloads.get(key).cloned().map(Self::Download),
            Section::Git => lock.git.get(key).cloned().map(Self::Git),
        }
    }

    /// What the reference names: a digest, a checksum or a commit.
    pub(crate) fn content(&self) -> &str {
        match self {
            Self::Image(image) => &image.digest,
            Self::Download(download) => &download.checksum,
            Self::Git(git) => &git.commit,
        }
    }

    /// When that was made, as it says itself.
    pub(crate) fn created(&self) -> Option<&str> {
        match self {
            Self::Image(image) => image.created(),
            Self::Download(download) => download.modified.as_deref(),
            Self::Git(_) => None,
        }
    }
}
