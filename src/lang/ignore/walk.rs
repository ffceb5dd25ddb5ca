//! What a client lists of a context, folder by folder: patternmatcher's `MatchesUsingParentResults`
//! (semantics §16.6).
//!
//! A pattern is tried on a path only where it could change the decision so far. What is below a folder
//! knows of the patterns that were found to match that folder, and of no others: an exception that
//! names a folder which was not ignored brings nothing back, and a pattern that names a folder which
//! was ignored already does nothing below an exception.

use std::sync::Arc;

use super::{BadExpression, IgnoreFile};

/// A folder on a walk through a context: what is known of everything below it.
#[derive(Debug, Clone)]
pub struct Folder<'f> {
    file: &'f IgnoreFile,
    path: String,
    /// Whether it is itself ignored.
    ignored: bool,
    /// The patterns that are known to match it, in order.
    known: Vec<u32>,
    /// The patterns that match it or a folder above, as opening a file sees it; none where nothing is
    /// opened, or opening decides the same, as it does without exceptions.
    above: Option<Vec<u32>>,
    /// The patterns that could match something below it.
    live: Arc<[u32]>,
}

/// What an ignore file says of all that is below a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing of it is ignored.
    Taken,
    /// All of it is ignored.
    Ignored,
    /// It depends: look into the folder.
    Mixed,
}

/// What a client sends of a file or link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// Nothing: it is not listed.
    Nothing,
    /// It is listed, but a regular file cannot be opened and arrives without content.
    Empty,
    /// All of it.
    Whole,
}

impl<'f> Folder<'f> {
    /// The top of a build context; `opens` asks of each file, too, whether a client can open it.
    pub(super) fn root(file: &'f IgnoreFile, opens: bool) -> Self {
        let count = u32::try_from(file.patterns.len()).unwrap_or(u32::MAX);
        Self {
            file,
            path: String::new(),
            ignored: false,
            known: Vec::new(),
            above: opens.then(Vec::new),
            live: (0..count).collect(),
        }
    }

    /// The folder of that name in this one.
    ///
    /// # Errors
    /// When a pattern is tried on it whose expression is none.
    pub fn enter(&self, name: &str) -> Result<Folder<'f>, BadExpression> {
        let path = self.join(name);
        let may_match = self.file.lookup.may_match(&path, &self.live);
        let (known, ignored) = self.decide(&path, &may_match)?;
        let above = self
            .above
            .as_ref()
            .map(|above| self.matching(&path, above, &may_match));
        let reaches = |at: &u32| self.file.patterns[*at as usize].reaches_below(&path);
        let live = if self.path.is_empty() {
            let near = self.file.lookup.may_reach(name, &self.live);
            near.into_iter().filter(reaches).collect()
        } else if self.live.iter().all(reaches) {
            Arc::clone(&self.live)
        } else {
            self.live.iter().copied().filter(reaches).collect()
        };
        Ok(Folder {
            file: self.file,
            path,
            ignored,
            known,
            above,
            live,
        })
    }

    /// What is sent of the file or link of that name in this folder.
    ///
    /// # Errors
    /// When a pattern is tried on it whose expression is none.
    pub fn sends(&self, name: &str) -> Result<Sent, BadExpression> {
        if self.live.is_empty() && self.above.is_none() {
            return Ok(if self.ignored {
                Sent::Nothing
            } else {
                Sent::Whole
            });
        }
        let path = self.join(name);
        let may_match = self.file.lookup.may_match(&path, &self.live);
        if self.decide(&path, &may_match)?.1 {
            return Ok(Sent::Nothing);
        }
        let opens = self.above.as_ref().is_none_or(|above| {
            let matching = self.matching(&path, above, &may_match);
            !self.is_ignored_by(matching.last())
        });
        Ok(if opens { Sent::Whole } else { Sent::Empty })
    }

    /// Whether this folder is itself ignored. The root is not.
    pub fn is_ignored(&self) -> bool {
        self.ignored
    }

    /// What holds for everything below this folder, the folder itself left aside.
    pub fn verdict(&self) -> Verdict {
        if self.is_certain(self.known.last(), self.ignored) {
            let Some(above) = &self.above else {
                return if self.ignored {
                    Verdict::Ignored
                } else {
                    Verdict::Taken
                };
            };
            if self.ignored {
                return Verdict::Ignored;
            }
            let opens = !self.is_ignored_by(above.last());
            if opens && self.is_certain(above.last(), false) {
                return Verdict::Taken;
            }
        }
        Verdict::Mixed
    }

    /// Whether no pattern after the last one that matches could change what that one decided.
    fn is_certain(&self, last: Option<&u32>, ignored: bool) -> bool {
        let after = last.map_or(0, |last| self.live.partition_point(|at| at <= last));
        self.live[after..].iter().all(|at| {
            let pattern = &self.file.patterns[*at as usize];
            pattern.exception != ignored && !pattern.is_bad()
        })
    }

    /// The patterns that are known to match a path in this folder, and whether it is ignored.
    fn decide(&self, path: &str, may_match: &[u32]) -> Result<(Vec<u32>, bool), BadExpression> {
        let (mut known, mut ignored) = (Vec::new(), false);
        for (at, is_known) in merged(&self.known, may_match) {
            let pattern = &self.file.patterns[at as usize];
            if !is_known {
                if pattern.exception != ignored {
                    continue;
                }
                if pattern.is_bad() {
                    return Err(BadExpression);
                }
                if !pattern.matches(path) {
                    continue;
                }
            }
            known.push(at);
            ignored = !pattern.exception;
        }
        Ok((known, ignored))
    }

    /// The patterns that match a path in this folder or a folder above it.
    fn matching(&self, path: &str, above: &[u32], may_match: &[u32]) -> Vec<u32> {
        let matches = |at: u32| self.file.patterns[at as usize].matches(path);
        let all = merged(above, may_match);
        let matching = all.filter(|&(at, is_above)| is_above || matches(at));
        matching.map(|(at, _)| at).collect()
    }

    fn is_ignored_by(&self, last: Option<&u32>) -> bool {
        last.is_some_and(|at| !self.file.patterns[*at as usize].exception)
    }

    fn join(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}/{name}", self.path)
        }
    }
}

/// The patterns of two lists in order, each with whether it is in the first.
fn merged<'l>(first: &'l [u32], second: &'l [u32]) -> impl Iterator<Item = (u32, bool)> + 'l {
    let (mut first, mut second) = (
        first.iter().copied().peekable(),
        second.iter().copied().peekable(),
    );
    std::iter::from_fn(move || match (first.peek(), second.peek()) {
        (Some(a), Some(b)) if b < a => second.next().map(|at| (at, false)),
        (Some(a), b) => {
            if b == Some(a) {
                second.next();
            }
            first.next().map(|at| (at, true))
        }
        (None, _) => second.next().map(|at| (at, false)),
    })
}
