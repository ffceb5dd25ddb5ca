//! The input files of an image, as the git tree that holds exactly these (semantics §14–§16).
//!
//! Sources of `COPY`, `ADD` and bind mounts say what is wanted; the ignore file says what is not
//! there at all. A folder that is wanted whole and that no ignore pattern can reach into is taken
//! by its id, without looking inside.
//!
//! A folder that is copied although all it holds is ignored is an empty folder in the image, and so
//! an empty tree here; git's own trees have none. What a builder might or might not read counts.

mod reach;
mod wanted;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::lang::ignore::IgnoreFile;
use crate::lang::wildcard::{Wildcard, has_wildcards};
use crate::paths::join;
use crate::tree::links::{self, Place};
use crate::tree::snapshot::{Folder, Node};
use wanted::{Filter, Wanted};

pub(crate) use reach::{Reach, Walk};

/// The files that can reach an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    /// The tree of these files; its root is the build context.
    pub tree: Arc<Folder>,
    /// Of the sources given, the indices of literal paths that are not there, or are ignored.
    pub missing: Vec<usize>,
    /// Links on the way to what the sources name whose targets are not known, by path from the root
    /// of the plan.
    pub unread: Vec<String>,
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

/// A build context that inputs are selected from.
pub struct Context<'s> {
    /// Its files.
    pub folder: &'s Folder,
    /// Its path from the root of the plan; empty for the root itself.
    pub path: &'s str,
    /// The targets of symbolic links, by path from the root of the plan.
    pub links: &'s BTreeMap<String, Vec<u8>>,
    /// What is left out before anything is copied.
    pub ignore: &'s IgnoreFile,
}

impl Context<'_> {
    /// Selects what the sources take.
    pub fn select(&self, sources: &[Source<'_>]) -> Inputs {
        let mut selection = Selection {
            context: self,
            wanted: Wanted::default(),
            unread: Vec::new(),
        };
        let places: Vec<Option<Place>> = sources
            .iter()
            .map(|source| selection.take(*source))
            .collect();
        let tree = Arc::new(selection.wanted.of(self.folder, self.ignore));
        let present = |place: &Place| {
            let mut folder = &*tree;
            for (at, name) in place.iter().enumerate() {
                match folder.entry(name).map(|entry| entry.node) {
                    Some(Node::Folder(inner)) => folder = inner,
                    Some(_) => return at + 1 == place.len(),
                    None => return false,
                }
            }
            true
        };
        let missing = sources
            .iter()
            .zip(places)
            .enumerate()
            .filter(|(_, (source, place))| {
                !source.is_wildcard && !place.as_ref().is_some_and(present)
            });
        Inputs {
            missing: missing.map(|(index, _)| index).collect(),
            tree,
            unread: selection.unread,
        }
    }
}

/// Sources being taken.
struct Selection<'c, 's> {
    context: &'c Context<'s>,
    wanted: Wanted,
    unread: Vec<String>,
}

impl Selection<'_, '_> {
    /// Takes a source and the links on the way to it. Answers where a literal path leads; none
    /// where it leads nowhere.
    fn take(&mut self, source: Source<'_>) -> Option<Place> {
        let filter = Filter::new(source.pattern, source.excludes);
        let place = if source.is_wildcard {
            self.take_matching(source.path, &filter)
        } else {
            self.take_from(source.path, &filter)
        };
        let Some(pattern) = source.pattern else {
            return place;
        };
        // Links on the way to a literal path are there too, whatever becomes of them.
        let below = self.follow(links::names(&join(source.path, pattern)));
        if has_wildcards(pattern) { place } else { below }
    }

    /// Takes a literal path.
    fn take_from(&mut self, path: &str, filter: &Filter) -> Option<Place> {
        let place = self.follow(links::names(path))?;
        self.add(&place, filter);
        Some(place)
    }

    /// Takes what a pattern matches. Answers where its literal beginning leads.
    fn take_matching(&mut self, path: &str, filter: &Filter) -> Option<Place> {
        let components: Vec<&str> = path.split('/').collect();
        let literal = components
            .iter()
            .take_while(|part| !is_pattern(part))
            .count();
        let (prefix, rest) = components.split_at(literal);
        let Ok(wildcard) = Wildcard::new(&rest.join("/")) else {
            // The builder will refuse it; until then anything may count.
            self.wanted.add_all();
            return None;
        };
        let place = self.follow(links::names(&prefix.join("/")))?;
        let mut matches = Vec::new();
        if let Some(folder) = links::folder_at(self.context.folder, &place) {
            matching(folder, &mut Vec::new(), rest.len(), &wildcard, &mut matches);
        }
        for mut matched in matches {
            let path: Place = place.iter().cloned().chain(matched.drain(..)).collect();
            if let Some(target) = self.follow(path) {
                self.add(&target, filter);
            }
        }
        Some(place)
    }

    /// Adds what stands at a place. Patterns are for what is below a folder: a builder copies a
    /// file that is named itself whatever they say.
    fn add(&mut self, place: &[Vec<u8>], filter: &Filter) {
        let context = self.context.folder;
        match links::folder_at(context, place) {
            Some(folder) if !filter.is_open() => self.wanted.add_filtered(place, folder, filter),
            _ => self.wanted.add(place),
        }
    }

    /// Where a path leads when the links on it are followed, which are themselves wanted.
    fn follow(&mut self, names: impl IntoIterator<Item = Vec<u8>>) -> Option<Place> {
        let context = self.context;
        let target = |place: &Place| {
            let path = join(context.path, &links::path(place));
            context.links.get(&path).cloned()
        };
        let way = links::follow(context.folder, names, &target);
        for link in way.links {
            self.wanted.add(&link);
            let path = join(context.path, &links::path(&link));
            if !context.links.contains_key(&path) {
                self.unread.push(path);
            }
        }
        way.end
    }
}

/// Whether a component of a pattern has to be matched: it has a wildcard, or a backslash that quotes
/// something.
fn is_pattern(component: &str) -> bool {
    has_wildcards(component) || component.contains('\\')
}

/// Paths below a folder, of exactly `depth` names, that a wildcard matches.
fn matching(
    folder: &Folder,
    path: &mut Vec<Vec<u8>>,
    depth: usize,
    wildcard: &Wildcard,
    found: &mut Vec<Vec<Vec<u8>>>,
) {
    for entry in folder.entries() {
        path.push(entry.name.to_vec());
        if depth == 1 {
            if wildcard.matches(path.join(&b'/')) {
                found.push(path.clone());
            }
        } else if let Node::Folder(inner) = entry.node {
            matching(inner, path, depth - 1, wildcard, found);
        }
        path.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::snapshot::{File, Snapshot};

    fn source(path: &str) -> Source<'_> {
        Source {
            path,
            is_wildcard: is_pattern(path),
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
        let context = Context {
            folder: &snapshot.root,
            path: "",
            links: &snapshot.links,
            ignore: &ignore,
        };
        let inputs = context.select(sources);
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
            &[],
        );
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
        check("l", "c", &["a/c/x.md", "l"], &[]);
        check("*", "y", &["a/", "l", "x.md"], &[]);
        check("", "a/nothing", &[], &[0]);
    }

    #[test]
    fn a_folder_taken_whole_keeps_its_id() {
        let files = ["a/b/c", "a/d"].map(|path| (path, File::Plain(Vec::new())));
        let snapshot = Snapshot::of_files(None, files);
        let (ignore, _) = IgnoreFile::parse("x");
        let context = Context {
            folder: &snapshot.root,
            path: "",
            links: &snapshot.links,
            ignore: &ignore,
        };
        assert_eq!(context.select(&[source("a")]).tree.id(), snapshot.root.id());
        assert_eq!(context.select(&[]).tree.id(), Folder::empty().id());
    }
}
