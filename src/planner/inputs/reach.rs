//! Where an image takes its inputs from, asked of files that are in no tree: those that git ignores,
//! and those of submodules.
//!
//! [`Context::select`] chooses among files that are there. A [`Reach`] is the same choice as a
//! question, so that a walk over a disk looks only where something could be taken.

use super::wanted::Filter;
use super::{Context, Source, is_pattern};
use crate::lang::ignore::{self, IgnoreFile, Verdict};
use crate::lang::wildcard::Wildcard;
use crate::paths::join;
use crate::tree::links::{self, Place};

/// What an image takes of one build context, there or not. All paths are from the root of the plan.
#[derive(Debug)]
pub struct Reach {
    /// The build context; empty for the root.
    context: String,
    takes: Vec<Take>,
    ignore: IgnoreFile,
}

/// What one source takes.
#[derive(Debug)]
struct Take {
    /// Where its literal beginning leads.
    place: Vec<String>,
    /// What has to match as many names after that.
    wildcard: Option<(Wildcard, usize)>,
    filter: Filter,
}

impl Reach {
    /// The reach of these sources.
    pub fn of(context: &Context<'_>, sources: &[Source<'_>]) -> Self {
        Self {
            context: context.path.to_owned(),
            takes: sources
                .iter()
                .map(|source| Take::of(context, *source))
                .collect(),
            ignore: context.ignore.clone(),
        }
    }

    /// The build context; empty for the root.
    pub fn context(&self) -> &str {
        &self.context
    }

    /// Whether a file at this path would be an input.
    pub fn takes(&self, path: &str) -> bool {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        self.at(folder).is_some_and(|at| at.takes(name))
    }

    /// Whether anything at or below this path could be an input.
    pub fn reaches(&self, path: &str) -> bool {
        self.takes(path)
            || self
                .at(path)
                .is_some_and(|at| at.verdict() != Verdict::Ignored)
    }

    /// The paths that sources name, as far as these have no wildcard.
    pub fn places(&self) -> impl Iterator<Item = String> + '_ {
        let places = self.takes.iter().map(|take| take.place.join("/"));
        places.map(|place| join(&self.context, &place))
    }

    /// Starts a walk at the root of the plan.
    pub fn root(&self) -> Walk<'_> {
        Walk {
            reach: self,
            above: &self.context,
            path: String::new(),
            ignore: self.ignore.root(),
        }
    }

    /// The walk's state at a folder; none outside of the context and the way to it.
    fn at(&self, folder: &str) -> Option<Walk<'_>> {
        let names = folder.split('/').filter(|name| !name.is_empty());
        names
            .into_iter()
            .try_fold(self.root(), |walk, name| walk.enter(name))
    }
}

/// A folder on a walk, as one reach sees it.
#[derive(Debug, Clone)]
pub struct Walk<'r> {
    reach: &'r Reach,
    /// Names that are left on the way down to the context; empty within it.
    above: &'r str,
    /// From the context.
    path: String,
    ignore: ignore::Folder<'r>,
}

impl<'r> Walk<'r> {
    /// The next folder on the way to the context; none within it.
    pub fn next(&self) -> Option<&'r str> {
        let first = self.above.split('/').next();
        first.filter(|name| !name.is_empty())
    }

    /// The folder of that name in this one; none where that is not on the way to the context.
    pub fn enter(&self, name: &str) -> Option<Self> {
        if let Some(next) = self.next() {
            return (next == name).then(|| Self {
                above: self.above[next.len()..].trim_start_matches('/'),
                ..self.clone()
            });
        }
        Some(Self {
            path: join(&self.path, name),
            ignore: self.ignore.enter(name),
            ..*self
        })
    }

    /// Whether a file of that name in this folder would be an input.
    pub fn takes(&self, name: &str) -> bool {
        let path = join(&self.path, name);
        self.above.is_empty()
            && !self.ignore.ignores(name)
            && self.reach.takes.iter().any(|take| take.takes(&path))
    }

    /// How much of what is below this folder would be an input: [`Verdict::Taken`] for all of it,
    /// [`Verdict::Ignored`] for nothing.
    pub fn verdict(&self) -> Verdict {
        if !self.above.is_empty() {
            return Verdict::Mixed;
        }
        let ignored = self.ignore.verdict();
        if ignored == Verdict::Ignored {
            return Verdict::Ignored;
        }
        let mut all = self.reach.takes.iter().map(|take| take.below(&self.path));
        if all.clone().all(|verdict| verdict == Verdict::Ignored) {
            Verdict::Ignored
        } else if all.any(|verdict| verdict == Verdict::Taken) {
            ignored
        } else {
            Verdict::Mixed
        }
    }
}

impl Take {
    fn of(context: &Context<'_>, source: Source<'_>) -> Self {
        let filter = Filter::new(source.pattern, source.excludes);
        let names: Vec<&str> = source.path.split('/').collect();
        let is_literal = |name: &&&str| !source.is_wildcard || !is_pattern(name);
        let literal = names.iter().take_while(is_literal).count();
        let (prefix, rest) = names.split_at(literal);
        // A pattern that is none: the builder will refuse it, and until then anything may count.
        let wildcard = match Wildcard::new(&rest.join("/")) {
            Ok(wildcard) if !rest.is_empty() => Some((wildcard, rest.len())),
            _ => None,
        };
        let place = follow(context, prefix).into_iter();
        Self {
            place: place
                .map(|name| String::from_utf8_lossy(&name).into_owned())
                .collect(),
            wildcard,
            filter,
        }
    }

    /// Whether a file at this path of the context is taken.
    fn takes(&self, path: &str) -> bool {
        match self.rest(path) {
            Rest::Below(rest) => rest.is_empty() || self.filter.takes(&rest),
            Rest::Above | Rest::Beside => false,
        }
    }

    /// What is taken of all that is below this path of the context.
    fn below(&self, folder: &str) -> Verdict {
        match self.rest(folder) {
            Rest::Below(rest) => self.filter.below(&rest),
            Rest::Above => Verdict::Mixed,
            Rest::Beside => Verdict::Ignored,
        }
    }

    fn rest(&self, path: &str) -> Rest {
        let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
        let common = self.place.iter().zip(&names).take_while(|(a, b)| a == b);
        let common = common.count();
        if common < self.place.len() {
            let is_above = common == names.len();
            return if is_above { Rest::Above } else { Rest::Beside };
        }
        let names = &names[common..];
        let Some((wildcard, depth)) = &self.wildcard else {
            return Rest::Below(names.join("/"));
        };
        match names.get(..*depth) {
            None => Rest::Above,
            Some(matched) if wildcard.matches(matched.join("/")) => {
                Rest::Below(names[*depth..].join("/"))
            }
            Some(_) => Rest::Beside,
        }
    }
}

/// Where a path stands to what a source names.
enum Rest {
    /// It is that, or below it: the path from there.
    Below(String),
    /// It is on the way to that.
    Above,
    /// It has nothing to do with it.
    Beside,
}

/// Where a literal path leads; as far as it is there, links are followed.
fn follow(context: &Context<'_>, names: &[&str]) -> Place {
    let target = |place: &Place| {
        let path = join(context.path, &links::path(place));
        context.links.get(&path).cloned()
    };
    let place: Place = names
        .iter()
        .filter(|name| !name.is_empty())
        .map(|name| name.as_bytes().to_vec())
        .collect();
    for there in (0..=place.len()).rev() {
        let way = links::follow(context.folder, place[..there].to_vec(), &target);
        if let Some(end) = way.end {
            return [&end, &place[there..]].concat();
        }
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::snapshot::{File, Snapshot};
    use Verdict::{Ignored, Mixed, Taken};

    /// A context `c` that holds a folder `real`, and a link `l` to it.
    #[track_caller]
    fn check(source: Source<'_>, ignore: &str, takes: &[(&str, bool)], below: &[(&str, Verdict)]) {
        let files = [
            ("c/real/x", File::Plain(Vec::new())),
            ("c/l", File::Link("real".into())),
        ];
        let snapshot = Snapshot::of_files(None, files);
        let (ignore, _) = IgnoreFile::parse(ignore);
        let context = Context {
            folder: snapshot.root.folder("c").expect("it is there"),
            path: "c",
            links: &snapshot.links,
            ignore: &ignore,
        };
        let reach = Reach::of(&context, &[source]);
        for (path, expected) in takes {
            assert_eq!(reach.takes(path), *expected, "{path}");
        }
        for (path, expected) in below {
            let verdict = reach.at(path).map_or(Ignored, |at| at.verdict());
            assert_eq!(verdict, *expected, "below {path}");
        }
    }

    fn source(path: &str) -> Source<'_> {
        Source {
            path,
            is_wildcard: is_pattern(path),
            pattern: None,
            excludes: &[],
        }
    }

    #[test]
    fn a_whole_context() {
        check(
            source(""),
            "",
            &[
                ("c/new", true),
                ("c/a/b", true),
                ("new", false),
                ("cc/a", false),
            ],
            &[("", Mixed), ("c", Taken), ("c/a", Taken), ("d", Ignored)],
        );
        check(
            source(""),
            "dist\n**/*.log\n!dist/keep",
            &[
                ("c/a.log", false),
                ("c/dist/a", false),
                ("c/dist/keep", true),
            ],
            &[("c/a", Mixed), ("c/dist", Mixed)],
        );
        check(
            source(""),
            "dist",
            &[],
            &[("c/dist", Ignored), ("c/dist/a", Ignored)],
        );
    }

    #[test]
    fn what_a_source_names() {
        check(
            source("dist/app.jar"),
            "",
            &[("c/dist/app.jar", true), ("c/dist/other", false)],
            &[("c", Mixed), ("c/dist", Mixed), ("c/other", Ignored)],
        );
        check(
            source("l/new"),
            "",
            &[("c/real/new/a", true), ("c/l/new", false)],
            &[("c/real/new", Taken)],
        );
        check(
            source("dist/*.jar"),
            "",
            &[
                ("c/dist/a.jar", true),
                ("c/dist/a", false),
                ("c/dist/d.jar/x", true),
            ],
            &[
                ("c/dist", Mixed),
                ("c/dist/d.jar", Taken),
                ("c/dist/d", Ignored),
            ],
        );
    }

    #[test]
    fn what_flags_leave() {
        let excludes = ["node_modules".to_owned(), "*.log".to_owned()];
        let excluding = Source {
            excludes: &excludes,
            ..source("")
        };
        check(
            excluding,
            "",
            &[("c/a", true), ("c/a.log", false)],
            &[("c/node_modules", Ignored), ("c/a", Taken)],
        );
        let parents = Source {
            pattern: Some("**/x.md"),
            ..source("")
        };
        check(
            parents,
            "",
            &[("c/a/x.md", true), ("c/a/y.md", false)],
            &[("c/a", Mixed)],
        );
    }
}
