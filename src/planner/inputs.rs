//! The input files of an image, as the git tree that holds exactly these (semantics §14–§16).
//!
//! An [`InputSpec`] says what an image takes: its sources of `COPY`, `ADD` and bind mounts, and the
//! ignore file that says what is not there at all. One walk answers it over any [`View`]: over a tree,
//! for what counts, and over the tree with what lies on the disk. What of the disk is taken and does
//! not count is the difference of the two.
//!
//! A folder that is wanted whole and that no ignore pattern can reach into is taken by its id, without
//! looking inside. A folder that is copied although all it holds is ignored is an empty folder in the
//! image, and so an empty tree here; git's own trees have none. What a builder might or might not read
//! counts.

mod filter;
mod outside_tree;
mod picked;
mod resolve;
mod walk;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::lang::dockerfile::stages::ContextSource;
use crate::lang::ignore::IgnoreFile;
use crate::lang::wildcard::{BadPattern, Wildcard, has_wildcards};
use crate::paths::join;
use crate::tree::links::{self, Place};
use crate::tree::snapshot::Folder;
use crate::tree::view::{TreeView, View};
use filter::Filter;

pub(crate) use outside_tree::{Taking, add, add_dockerfiles, outside_tree, places};
pub(crate) use picked::Selected;

/// The files that can reach an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    /// The tree of these files; its root is the build context.
    pub tree: Arc<Folder>,
    /// Of the sources given, the indices of those for which a build would fail: of a literal path
    /// that is not there, or is ignored, and of a pattern in a folder of which nothing is sent, or
    /// that matches a link which leads nowhere.
    pub missing: Vec<usize>,
    /// Links on the way to what the sources name whose targets are not known, by path from the root
    /// of the plan.
    pub unread: Vec<String>,
    /// Whether a pattern of the ignore file is tried whose expression is none: a build fails.
    pub is_refused: bool,
}

/// Something that a build reads from its context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source<'s> {
    /// Clean path relative to the context; empty for all of it.
    pub path: &'s str,
    /// Whether it is a pattern, that need not match anything.
    pub is_wildcard: bool,
    /// Which paths below it are taken (`--parents`): a pattern as in ignore files. All where none.
    pub pattern: Option<&'s str>,
    /// Patterns of what is left out below it (`--exclude`).
    pub excludes: &'s [String],
}

impl Source<'_> {
    /// All of the context.
    pub const ALL: Self = Self {
        path: "",
        is_wildcard: false,
        pattern: None,
        excludes: &[],
    };
}

impl<'s> From<&'s ContextSource> for Source<'s> {
    /// What an instruction reads; all of the context where that is not known.
    fn from(source: &'s ContextSource) -> Self {
        let (path, pattern) = match (&source.parents, &source.path) {
            (_, None) => ("", None),
            (Some(parents), _) => (parents.base.as_str(), Some(parents.pattern.as_str())),
            (None, Some(path)) => (path.as_str(), None),
        };
        Self {
            path,
            is_wildcard: match pattern {
                Some(_) => has_wildcards(path),
                None => source.is_wildcard,
            },
            pattern,
            excludes: &source.excludes,
        }
    }
}

/// What an image takes of one build context, compiled once.
#[derive(Debug)]
pub struct InputSpec {
    /// The build context, from the root of the plan; empty for that root.
    context: String,
    takes: Vec<Take>,
    ignore: IgnoreFile,
    /// What it takes, to tell specs that take the same.
    sources: Vec<OwnedSource>,
    /// Where an ignore file may stand, from the root of the plan: the first that is there is obeyed.
    ignore_files: Vec<String>,
}

/// A [`Source`] to be kept.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct OwnedSource {
    path: String,
    is_wildcard: bool,
    pattern: Option<String>,
    excludes: Vec<String>,
}

impl From<Source<'_>> for OwnedSource {
    fn from(source: Source<'_>) -> Self {
        Self {
            path: source.path.to_owned(),
            is_wildcard: source.is_wildcard,
            pattern: source.pattern.map(str::to_owned),
            excludes: source.excludes.to_vec(),
        }
    }
}

/// What one source takes.
#[derive(Debug)]
struct Take {
    /// The names before the first with a wildcard.
    literal: Place,
    /// What has to match the names after that.
    wildcard: Option<Result<Names, BadPattern>>,
    filter: Filter,
    parents: Option<Parents>,
}

/// A pattern of as many names as a path has.
#[derive(Debug)]
struct Names {
    whole: Wildcard,
    /// Of each name.
    each: Vec<Wildcard>,
}

/// What `--parents` names below a source.
#[derive(Debug)]
enum Parents {
    /// A path that has to be there.
    Path(Place),
    /// A pattern: links that it matches have to lead somewhere.
    Pattern(Option<Names>),
}

impl InputSpec {
    /// The spec of these sources of a context, at a path from the root of the plan.
    pub fn new(context: &str, sources: &[Source<'_>], ignore: &IgnoreFile) -> Self {
        Self {
            context: context.to_owned(),
            takes: sources.iter().map(|source| Take::new(*source)).collect(),
            ignore: ignore.clone(),
            sources: sources.iter().map(|source| (*source).into()).collect(),
            ignore_files: Vec::new(),
        }
    }

    /// The same, where the ignore file may stand at one of these paths.
    pub(crate) fn ignored_by(mut self, files: Vec<String>) -> Self {
        self.ignore_files = files;
        self
    }

    /// Selects what the sources take of a folder, whose links' targets are given by their paths from
    /// the root of the plan.
    pub fn inputs(&self, folder: &Arc<Folder>, links: &BTreeMap<String, Vec<u8>>) -> Inputs {
        let view = TreeView {
            folder,
            path: &self.context,
            links,
        };
        let Ok(selected) = self.select(&view);
        let path = |place: &Place| join(&self.context, &links::path(place));
        Inputs {
            tree: selected.tree(),
            missing: selected.missing,
            unread: selected.unread.iter().map(path).collect(),
            is_refused: selected.is_refused,
        }
    }

    /// Selects what the sources take of a view of the context.
    pub(crate) fn select<'v, V: View<'v>>(
        &self,
        view: &V,
    ) -> Result<Selected<'v, V::Folder>, V::Error> {
        let resolved = resolve::resolve(self, view)?;
        let walked = walk::walk(self, view, &resolved.wanted)?;
        let mut selected = Selected {
            root: walked.root,
            missing: Vec::new(),
            unread: resolved.unread,
            towards: resolved
                .ways
                .iter()
                .map(|way| way.towards.clone())
                .collect(),
            submodules: resolved.submodules,
            is_refused: resolved.is_refused || walked.is_refused,
        };
        if self.ignore.has_bad_expression() && !selected.is_refused {
            selected.is_refused = walk::is_refused(self, view)?;
        }
        let failing = resolved.ways.iter().zip(&self.takes).enumerate();
        let failing = failing.filter(|(_, (way, take))| !way.is_there(take, &selected));
        selected.missing = failing.map(|(index, _)| index).collect();
        Ok(selected)
    }
}

impl Take {
    fn new(source: Source<'_>) -> Self {
        let names: Vec<&str> = source.path.split('/').collect();
        let is_literal = |name: &&&str| !source.is_wildcard || !has_wildcards(name);
        let literal = names.iter().take_while(is_literal).count();
        let (literal, rest) = names.split_at(literal);
        let parents = source.pattern.map(|pattern| {
            if has_wildcards(pattern) {
                // Of how many names a match is, `**` does not say.
                let names = (!pattern.contains("**")).then(|| Names::new(pattern).ok());
                Parents::Pattern(names.flatten())
            } else {
                Parents::Path(links::names(pattern).collect())
            }
        });
        Self {
            literal: links::names(&literal.join("/")).collect(),
            wildcard: (!rest.is_empty()).then(|| Names::new(&rest.join("/"))),
            filter: Filter::new(source.pattern, source.excludes),
            parents,
        }
    }
}

impl Names {
    fn new(pattern: &str) -> Result<Self, BadPattern> {
        Ok(Self {
            whole: Wildcard::new(pattern)?,
            each: pattern
                .split('/')
                .map(Wildcard::new)
                .collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::snapshot::{File, Node, Snapshot};

    fn source(path: &str) -> Source<'_> {
        Source {
            path,
            is_wildcard: has_wildcards(path),
            pattern: None,
            excludes: &[],
        }
    }

    /// Files of the context; those that end in `@` are links, to `target` in `name@target`.
    #[track_caller]
    fn check(files: &[&str], ignore: &str, sources: &[&str], taken: &[&str], missing: &[usize]) {
        let sources: Vec<Source<'_>> = sources.iter().map(|path| source(path)).collect();
        check_sources(files, ignore, &sources, taken, missing);
    }

    /// Empty folders are listed with a `/`.
    #[track_caller]
    fn check_sources(
        files: &[&str],
        ignore: &str,
        sources: &[Source<'_>],
        taken: &[&str],
        missing: &[usize],
    ) {
        let files = files.iter().map(|file| match file.split_once('@') {
            Some((path, target)) => (path, File::Link(target.into())),
            None => (*file, File::Plain(file.as_bytes().to_vec())),
        });
        let snapshot = Snapshot::of_files(None, files);
        let (ignore, problems) = IgnoreFile::parse(ignore);
        assert!(problems.is_empty());
        let spec = InputSpec::new("", sources, &ignore);
        let inputs = spec.inputs(&snapshot.root, &snapshot.links);
        let mut paths = Vec::new();
        inputs.tree.walk(&mut |path, node| {
            let slash = if matches!(node, Node::Folder(_)) {
                "/"
            } else {
                ""
            };
            paths.push(format!("{path}{slash}"));
        });
        assert_eq!(paths, taken);
        assert_eq!(inputs.missing, missing);
    }

    #[test]
    fn takes_what_sources_name() {
        let files = ["a", "b/c", "b/d/e", "f.txt", "g.txt", "h/f.txt"];
        check(&files, "", &[], &[], &[]);
        check(&files, "", &[""], &files, &[]);
        check(&files, "", &["a", "b/d"], &["a", "b/d/e"], &[]);
        check(&files, "", &["b", "b/c"], &["b/c", "b/d/e"], &[]);
        check(&files, "", &["*.txt"], &["f.txt", "g.txt"], &[]);
        check(
            &files,
            "",
            &["*/f.txt", "b/?"],
            &["b/c", "b/d/e", "h/f.txt"],
            &[],
        );
        check(
            &files,
            "",
            &["nothing", "b/x", "a/x", "*.md"],
            &[],
            &[0, 1, 2],
        );
    }

    #[test]
    fn leaves_out_what_is_ignored() {
        let files = ["a", "b/c", "b/d/e", "f.txt"];
        check(
            &files,
            "b/d\n*.txt",
            &["", "f.txt", "b"],
            &["a", "b/c"],
            &[1],
        );
        check(&files, "*\n!b/c", &["", "b/d"], &["b/c"], &[1]);
        check(&files, "b\n", &["b", "b/c"], &[], &[0, 1]);
    }

    #[test]
    fn follows_links_and_takes_them_along() {
        let files = [
            "l@real",
            "real/x",
            "m@../l/x",
            "n@/real",
            "o@o",
            "p/q@../real",
            "r@gone",
        ];
        check(&files, "", &["l/x"], &["l", "real/x"], &[]);
        check(&files, "", &["l"], &["l", "real/x"], &[]);
        check(&files, "", &["m"], &["l", "m", "real/x"], &[]);
        check(&files, "", &["n/x", "p/q"], &["n", "p/q", "real/x"], &[]);
        check(&files, "", &["o", "r"], &["o", "r"], &[0, 1]);
        check(
            &files,
            "",
            &["?"],
            &["l", "m", "n", "o", "p/q", "r", "real/x"],
            &[0],
        );
        check(&files, "", &["l*"], &["l", "real/x"], &[]);
        check(&files, "real", &["l*", "l"], &["l"], &[0, 1]);
    }

    #[test]
    fn a_folder_of_ignored_files_is_copied_empty() {
        let files = ["a/b/x.md", "a/c", "d/x.md", "e/x.md"];
        check(&files, "**/*.md", &["a"], &["a/b/", "a/c"], &[]);
        check(&files, "**/*.md\ne", &[""], &["a/b/", "a/c", "d/"], &[]);
        check(&files, "**/*.md", &["d", "e/x.md"], &["d/"], &[1]);
    }

    #[test]
    fn excludes_are_relative_to_the_source() {
        let files = ["a/b/x.md", "a/c", "a/x.md", "x.md", "l@a"];
        let check = |path: &str, excludes: &[&str], taken: &[&str]| {
            let excludes: Vec<String> = excludes.iter().map(ToString::to_string).collect();
            let source = Source {
                excludes: &excludes,
                ..source(path)
            };
            check_sources(&files, "", &[source], taken, &[]);
        };
        check("a", &["x.md"], &["a/b/x.md", "a/c"]);
        check("a", &["**/x.md"], &["a/b/", "a/c"]);
        check("l", &["b"], &["a/c", "a/x.md", "l"]);
        check("", &["a", "!a/c", "l"], &["a/c", "x.md"]);
        check("*", &["*.md", "b"], &["a/c", "l", "x.md"]);
        check("x.md", &["*"], &["x.md"]);
    }

    #[test]
    fn parents_take_what_their_pattern_matches() {
        let files = ["a/b/x.md", "a/b/y", "a/c/x.md", "l@a", "x.md"];
        let check = |path: &str, pattern: &str, taken: &[&str], missing: &[usize]| {
            let source = Source {
                pattern: Some(pattern),
                ..source(path)
            };
            check_sources(&files, "", &[source], taken, missing);
        };
        check("", "a/b", &["a/b/x.md", "a/b/y"], &[]);
        check("", "**/x.md", &["a/b/x.md", "a/c/x.md", "x.md"], &[]);
        check("a", "*/x.md", &["a/b/x.md", "a/c/x.md"], &[]);
        // The link is followed for what is sent, and not for what is copied.
        check("l", "c", &["a/c/x.md", "l"], &[0]);
        check(
            "*",
            "?",
            &["a/b/x.md", "a/b/y", "a/c/x.md", "l", "x.md"],
            &[],
        );
        check("", "a/nothing", &[], &[0]);
        check("", "l/b", &[], &[0]);
        check("", "l", &["l"], &[]);
        check(
            "",
            "",
            &["a/b/x.md", "a/b/y", "a/c/x.md", "l", "x.md"],
            &[0],
        );
    }

    #[test]
    fn a_folder_taken_whole_keeps_its_id() {
        let files = ["a/b/c", "a/d"].map(|path| (path, File::Plain(Vec::new())));
        let snapshot = Snapshot::of_files(None, files);
        let (ignore, _) = IgnoreFile::parse("x");
        let id = |sources: &[Source<'_>]| {
            let spec = InputSpec::new("", sources, &ignore);
            spec.inputs(&snapshot.root, &snapshot.links).tree.id()
        };
        assert_eq!(id(&[source("a")]), snapshot.root.id());
        assert_eq!(id(&[]), Folder::empty().id());
    }
}
