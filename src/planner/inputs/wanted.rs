//! What is wanted of a context, and what is left of that once the ignore file has had its say.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::lang::ignore::{self, IgnoreFile, Verdict};
use crate::tree::snapshot::{Folder, Node};

/// What is wanted of a folder, before anything is ignored; of a file, whether it is.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// All that is in it, at any depth.
    whole: bool,
    /// The folder itself, even if nothing is left in it: a builder copies it as an empty one.
    itself: bool,
    /// By name, where it is not all.
    inner: BTreeMap<Vec<u8>, Wanted>,
}

impl Wanted {
    /// Adds all of the context.
    pub(super) fn add_all(&mut self) {
        self.whole = true;
    }

    /// Adds the file at a path, or the folder with all that is in it.
    pub(super) fn add(&mut self, place: &[Vec<u8>]) {
        self.at(place).whole = true;
    }

    /// Adds of the folder at a path what the filter lets through.
    pub(super) fn add_filtered(&mut self, place: &[Vec<u8>], folder: &Folder, filter: &Filter) {
        let wanted = self.at(place);
        wanted.itself = true;
        let include = filter.include.as_ref().map(IgnoreFile::root);
        wanted.narrow(folder, include.as_ref(), &filter.exclude.root());
    }

    fn at(&mut self, place: &[Vec<u8>]) -> &mut Self {
        let mut wanted = self;
        for name in place {
            wanted = wanted.child(name);
        }
        wanted
    }

    fn child(&mut self, name: &[u8]) -> &mut Self {
        self.inner.entry(name.to_vec()).or_default()
    }

    fn narrow(
        &mut self,
        folder: &Folder,
        include: Option<&ignore::Folder<'_>>,
        exclude: &ignore::Folder<'_>,
    ) {
        for entry in folder.entries() {
            let name = entry.name();
            let Node::Folder(below) = entry.node else {
                let included = include.is_none_or(|include| include.ignores(&name));
                if included && !exclude.ignores(&name) {
                    self.child(entry.name).whole = true;
                }
                continue;
            };
            let include = include.map(|include| include.enter(&name));
            let exclude = exclude.enter(&name);
            let wanted = match let_through(include.as_ref(), &exclude) {
                Verdict::Ignored => continue,
                Verdict::Taken => {
                    self.child(entry.name).whole = true;
                    continue;
                }
                Verdict::Mixed => self.child(entry.name),
            };
            wanted.itself |=
                !exclude.is_ignored() && include.as_ref().is_none_or(ignore::Folder::is_ignored);
            wanted.narrow(below, include.as_ref(), &exclude);
        }
    }

    /// What is wanted of the context and not ignored.
    pub(super) fn of(&self, context: &Folder, ignore: &IgnoreFile) -> Folder {
        Folder::new(self.entries(context, &ignore.root()))
    }

    fn entries<'f>(
        &self,
        folder: &'f Folder,
        ignore: &ignore::Folder<'_>,
    ) -> Vec<(&'f [u8], Node)> {
        let all = Self {
            whole: true,
            ..Self::default()
        };
        let mut entries = Vec::new();
        for entry in folder.entries() {
            let inner = self.inner.get(entry.name);
            let wanted = match inner {
                _ if self.whole => &all,
                Some(inner) => inner,
                None => continue,
            };
            let name = entry.name();
            match entry.node {
                Node::Folder(below) => {
                    let kept = wanted.folder(below, &ignore.enter(&name));
                    entries.extend(kept.map(|kept| (entry.name, Node::Folder(kept))));
                }
                _ if ignore.ignores(&name) => {}
                node => entries.push((entry.name, node.to_owned())),
            }
        }
        entries
    }

    /// What is left of a folder. A folder that is wanted and not ignored itself is there even when
    /// all that it holds is ignored; one that is only on the way to something is not.
    fn folder(&self, folder: &Arc<Folder>, ignore: &ignore::Folder<'_>) -> Option<Arc<Folder>> {
        match ignore.verdict() {
            Verdict::Ignored => return None,
            Verdict::Taken if self.whole => return Some(Arc::clone(folder)),
            _ => {}
        }
        let entries = self.entries(folder, ignore);
        let there = (self.whole || self.itself) && !ignore.is_ignored();
        (there || !entries.is_empty()).then(|| Arc::new(Folder::new(entries)))
    }
}

/// Which paths below a source are copied.
#[derive(Debug, Default)]
pub(super) struct Filter {
    /// Those that `--parents` names, as a list of patterns; all where there is none.
    include: Option<IgnoreFile>,
    /// Those that `--exclude` leaves out.
    exclude: IgnoreFile,
}

impl Filter {
    /// A filter; where a builder will refuse the patterns, one that lets everything through.
    pub(super) fn new(include: Option<&str>, excludes: &[String]) -> Self {
        let include = include
            .filter(|pattern| !pattern.is_empty())
            .map(|pattern| IgnoreFile::from_patterns([pattern]));
        let exclude = IgnoreFile::from_patterns(excludes.iter().map(String::as_str));
        Self {
            include: include.and_then(Result::ok),
            exclude: exclude.unwrap_or_default(),
        }
    }

    /// Whether everything is let through.
    pub(super) fn is_open(&self) -> bool {
        self.include.is_none() && self.exclude.is_empty()
    }

    /// Whether a file is let through, by its path from the source.
    pub(super) fn takes(&self, path: &str) -> bool {
        let included = self.include.as_ref().is_none_or(|list| list.ignores(path));
        included && !self.exclude.ignores(path)
    }

    /// How much is let through of what is below a folder, by its path from the source.
    pub(super) fn below(&self, folder: &str) -> Verdict {
        let include = self.include.as_ref().map(|list| list.folder(folder));
        let_through(include.as_ref(), &self.exclude.folder(folder))
    }
}

/// How much is let through of what is below a folder. What an ignore file would leave out is what
/// the list of inclusions takes in.
fn let_through(include: Option<&ignore::Folder<'_>>, exclude: &ignore::Folder<'_>) -> Verdict {
    let included = match include.map(ignore::Folder::verdict) {
        None | Some(Verdict::Ignored) => Verdict::Taken,
        Some(Verdict::Taken) => Verdict::Ignored,
        Some(Verdict::Mixed) => Verdict::Mixed,
    };
    match (included, exclude.verdict()) {
        (Verdict::Ignored, _) | (_, Verdict::Ignored) => Verdict::Ignored,
        (Verdict::Taken, Verdict::Taken) => Verdict::Taken,
        _ => Verdict::Mixed,
    }
}
