//! Which paths below a source are copied: `--parents` and `--exclude` (semantics §14.8).

use crate::lang::ignore::{BadExpression, Folder, IgnoreFile, Sent, Verdict};

/// What is let through below a source.
#[derive(Debug, Default)]
pub(super) struct Filter {
    /// Those that `--parents` names, as a list of patterns; all where there is none.
    include: Option<IgnoreFile>,
    /// Those that `--exclude` leaves out.
    exclude: IgnoreFile,
}

/// A filter at a folder below its source.
#[derive(Debug, Clone)]
pub(super) struct Filtering<'f> {
    include: Option<Folder<'f>>,
    exclude: Folder<'f>,
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

    /// Whether `--exclude` drops a path below the source, as the checksum of what is copied sees it.
    pub(super) fn drops(&self, path: &str) -> bool {
        self.exclude.ignores(path)
    }

    /// Whether a file at a path below the source is copied, as far as `--exclude` goes.
    pub(super) fn copies(&self, names: &[Vec<u8>]) -> bool {
        let Some((last, folders)) = names.split_last() else {
            return true;
        };
        let mut at = self.exclude.list();
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
            exclude: self.exclude.list(),
        }
    }
}

impl Filtering<'_> {
    /// The filter in the folder of that name.
    ///
    /// # Errors
    /// When a pattern is tried whose expression is none: a build fails.
    pub(super) fn enter(&self, name: &str) -> Result<Self, BadExpression> {
        let include = self.include.as_ref().map(|include| include.enter(name));
        Ok(Self {
            include: include.transpose()?,
            exclude: self.exclude.enter(name)?,
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
        Ok(included && self.exclude.sends(name)? != Sent::Nothing)
    }

    /// Whether this folder is let through itself, even if nothing in it is.
    pub(super) fn takes_folder(&self) -> bool {
        !self.exclude.is_ignored() && self.include.as_ref().is_none_or(Folder::is_ignored)
    }

    /// How much is let through of what is below this folder. What an ignore file would leave out is
    /// what the list of inclusions takes in.
    pub(super) fn verdict(&self) -> Verdict {
        let included = match self.include.as_ref().map(Folder::verdict) {
            None | Some(Verdict::Ignored) => Verdict::Taken,
            Some(Verdict::Taken) => Verdict::Ignored,
            Some(Verdict::Mixed) => Verdict::Mixed,
        };
        match (included, self.exclude.verdict()) {
            (Verdict::Ignored, _) | (_, Verdict::Ignored) => Verdict::Ignored,
            (Verdict::Taken, Verdict::Taken) => Verdict::Taken,
            _ => Verdict::Mixed,
        }
    }
}
