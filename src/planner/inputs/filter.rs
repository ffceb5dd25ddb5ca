//! Which paths below a source are copied: `--parents` and `--exclude` (semantics §14.8).

use crate::lang::ignore::{BadExpression, Folder, IgnoreFile, Sent, Verdict};

/// What is let through below a source.
#[derive(Debug, Default)]
pub(super) struct Filter {
    /// Those that `--parents` names, as a list of patterns; all where there is none.
    include: Option<IgnoreFile>,
    /// Those that `--exclude` leaves out; none where there is no pattern.
    exclude: Option<IgnoreFile>,
}

/// A filter at a folder below its source.
#[derive(Debug, Clone)]
pub(super) struct Filtering<'f> {
    include: Option<Folder<'f>>,
    exclude: Option<Folder<'f>>,
}

impl Filter {
    /// A filter; where a builder will refuse the patterns, one that lets everything through.
    pub(super) fn new(include: Option<&str>, excludes: &[String]) -> Self {
        let include = include
            .filter(|pattern| !pattern.is_empty())
            .map(|pattern| IgnoreFile::from_patterns([pattern]));
        let exclude = (!excludes.is_empty())
            .then(|| IgnoreFile::from_patterns(excludes.iter().map(String::as_str)));
        Self {
            include: include.and_then(Result::ok),
            exclude: exclude.and_then(Result::ok),
        }
    }

    /// Whether everything is let through.
    pub(super) fn is_open(&self) -> bool {
        self.include.is_none() && self.exclude.as_ref().is_none_or(IgnoreFile::is_empty)
    }

    /// Whether `--exclude` drops a path below the source, as the checksum of what is copied sees it.
    pub(super) fn drops(&self, path: &str) -> bool {
        self.exclude
            .as_ref()
            .is_some_and(|exclude| exclude.ignores(path))
    }

    /// Whether a file at a path below the source is copied, as far as `--exclude` goes.
    pub(super) fn copies(&self, names: &[Vec<u8>]) -> bool {
        let (Some((last, folders)), Some(exclude)) = (names.split_last(), &self.exclude) else {
            return true;
        };
        let mut at = exclude.list();
        for name in folders {
            match at.enter(&String::from_utf8_lossy(name)) {
                Ok(inner) => at = inner,
                Err(_) => return true,
            }
        }
        at.sends(&String::from_utf8_lossy(last)) != Ok(Sent::Nothing)
    }

    /// The filter at the source itself.
    pub(super) fn root(&self) -> Filtering<'_> {
        Filtering {
            include: self.include.as_ref().map(IgnoreFile::list),
            exclude: self.exclude.as_ref().map(IgnoreFile::list),
        }
    }
}

impl<'f> Filtering<'f> {
    /// The filter in the folder of that name.
    ///
    /// # Errors
    /// When a pattern is tried whose expression is none: a build fails.
    pub(super) fn enter(&self, name: &str) -> Result<Self, BadExpression> {
        let enter = |list: &Option<Folder<'f>>| {
            let inner = list.as_ref().map(|list| list.enter(name));
            inner.transpose()
        };
        Ok(Self {
            include: enter(&self.include)?,
            exclude: enter(&self.exclude)?,
        })
    }

    /// Whether a file of that name is let through.
    ///
    /// # Errors
    /// As for [`Filtering::enter`].
    pub(super) fn takes(&self, name: &str) -> Result<bool, BadExpression> {
        let included = match &self.include {
            Some(include) => include.sends(name)? == Sent::Nothing,
            None => true,
        };
        let excluded = match &self.exclude {
            Some(exclude) => exclude.sends(name)? == Sent::Nothing,
            None => false,
        };
        Ok(included && !excluded)
    }

    /// Whether this folder is let through itself, even if nothing in it is.
    pub(super) fn takes_folder(&self) -> bool {
        !self.exclude.as_ref().is_some_and(Folder::is_ignored)
            && self.include.as_ref().is_none_or(Folder::is_ignored)
    }

    /// How much is let through of what is below this folder. What an ignore file would leave out is
    /// what the list of inclusions takes in.
    pub(super) fn verdict(&self) -> Verdict {
        let included = match self.include.as_ref().map(Folder::verdict) {
            None | Some(Verdict::Ignored) => Verdict::Taken,
            Some(Verdict::Taken) => Verdict::Ignored,
            Some(Verdict::Mixed) => Verdict::Mixed,
        };
        let left = self
            .exclude
            .as_ref()
            .map_or(Verdict::Taken, Folder::verdict);
        match (included, left) {
            (Verdict::Ignored, _) | (_, Verdict::Ignored) => Verdict::Ignored,
            (Verdict::Taken, Verdict::Taken) => Verdict::Taken,
            _ => Verdict::Mixed,
        }
    }
}
