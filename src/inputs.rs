//! The input files of an image, as the git tree that holds exactly these (semantics §14–§16).
//!
//! Sources of `COPY`, `ADD` and bind mounts say what is wanted; the ignore file says what is not
//! there at all. A folder that is wanted whole and that no ignore pattern can reach into is taken
//! by its id, without looking inside.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ignore::{self, IgnoreFile, Verdict};
use crate::links::{self, Place};
use crate::snapshot::{Entry, Folder, Node};
use crate::wildcard::{Wildcard, has_wildcards};

/// The files that can reach an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    /// The tree of these files; its root is the build context.
    pub tree: Arc<Folder>,
    /// Of the sources given, the indices of literal paths that are not there, or are ignored.
    pub missing: Vec<usize>,
}

/// Something that a build reads from its context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source<'s> {
    /// Clean path relative to the context; empty for all of it.
    pub path: &'s str,
    /// Whether it is a pattern, that need not match anything.
    pub is_wildcard: bool,
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
        };
        let places: Vec<Option<Place>> = sources
            .iter()
            .map(|source| selection.take(*source))
            .collect();
        let tree = filtered(self.folder, &self.ignore.root(), &selection.wanted);
        let tree = tree.unwrap_or_else(|| Arc::new(Folder::empty()));
        let present = |place: &Place| {
            let mut folder = &*tree;
            for (at, name) in place.iter().enumerate() {
                match folder.entry(name).map(|entry| &entry.node) {
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
        }
    }
}

/// What is wanted of a folder and not ignored; none where nothing is left.
fn filtered(folder: &Folder, ignore: &ignore::Folder<'_>, wanted: &Wanted) -> Option<Arc<Folder>> {
    let mut entries = Vec::new();
    for entry in &folder.entries {
        let inner = wanted.inner.get(&entry.name);
        if !wanted.whole && inner.is_none() {
            continue;
        }
        let name = entry.name();
        let Node::Folder(below) = &entry.node else {
            if !ignore.ignores(&name) {
                entries.push(entry.clone());
            }
            continue;
        };
        let whole = Wanted::all();
        let wanted = match inner {
            Some(inner) if !wanted.whole => inner,
            _ => &whole,
        };
        let ignore = ignore.enter(&name);
        let kept = match ignore.verdict() {
            Verdict::Ignored => None,
            Verdict::Taken if wanted.whole => Some(Arc::clone(below)),
            _ => filtered(below, &ignore, wanted),
        };
        if let Some(kept) = kept {
            entries.push(Entry {
                name: entry.name.clone(),
                node: Node::Folder(kept),
            });
        }
    }
    (!entries.is_empty()).then(|| Arc::new(Folder::new(entries)))
}

/// What is wanted of a folder, before anything is ignored.
#[derive(Debug, Default)]
struct Wanted {
    /// All that is in it, at any depth.
    whole: bool,
    /// By name, where it is not all.
    inner: BTreeMap<Vec<u8>, Wanted>,
}

impl Wanted {
    fn all() -> Self {
        Self {
            whole: true,
            inner: BTreeMap::new(),
        }
    }

    /// Adds the file at a path, or the folder with all that is in it.
    fn add(&mut self, place: &[Vec<u8>]) {
        match place.split_first() {
            None => self.whole = true,
            Some((first, rest)) => self.inner.entry(first.clone()).or_default().add(rest),
        }
    }
}

/// Sources being taken.
struct Selection<'c, 's> {
    context: &'c Context<'s>,
    wanted: Wanted,
}

impl Selection<'_, '_> {
    /// Takes a source and the links on the way to it. Answers where a literal path leads; none
    /// where it leads nowhere.
    fn take(&mut self, source: Source<'_>) -> Option<Place> {
        if !source.is_wildcard {
            let place = self.follow(links::names(source.path))?;
            self.wanted.add(&place);
            return Some(place);
        }
        let components: Vec<&str> = source.path.split('/').collect();
        let literal = components
            .iter()
            .take_while(|part| !is_pattern(part))
            .count();
        let (prefix, rest) = components.split_at(literal);
        let Ok(wildcard) = Wildcard::new(&rest.join("/")) else {
            // The builder will refuse it; until then anything may count.
            self.wanted.whole = true;
            return None;
        };
        let place = self.follow(links::names(&prefix.join("/")))?;
        let mut matches = Vec::new();
        if let Some(folder) = links::folder_at(self.context.folder, &place) {
            matching(folder, &mut Vec::new(), rest.len(), &wildcard, &mut matches);
        }
        for mut matched in matches {
            let path: Place = place.iter().cloned().chain(matched.drain(..)).collect();
            self.wanted.add(&path);
            if let Some(target) = self.follow(path) {
                self.wanted.add(&target);
            }
        }
        Some(place)
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
    for entry in &folder.entries {
        path.push(entry.name.clone());
        if depth == 1 {
            if wildcard.matches(path.join(&b'/')) {
                found.push(path.clone());
            }
        } else if let Node::Folder(inner) = &entry.node {
            matching(inner, path, depth - 1, wildcard, found);
        }
        path.pop();
    }
}

fn join(folder: &str, path: &str) -> String {
    match (folder, path) {
        ("", path) | (path, "") => path.to_owned(),
        (folder, path) => format!("{folder}/{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{File, Snapshot};

    fn source(path: &str) -> Source<'_> {
        Source {
            path,
            is_wildcard: is_pattern(path),
        }
    }

    /// Files of the context; those that end in `@` are links, to `target` in `name@target`.
    #[track_caller]
    fn check(files: &[&str], ignore: &str, sources: &[&str], taken: &[&str], missing: &[usize]) {
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
        let sources: Vec<Source<'_>> = sources.iter().map(|path| source(path)).collect();
        let inputs = context.select(&sources);
        let mut paths = Vec::new();
        inputs.tree.walk(&mut |path, _| paths.push(path.to_owned()));
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
        assert_eq!(context.select(&[source("a")]).tree.id, snapshot.root.id);
        assert_eq!(context.select(&[]).tree.id, Folder::empty().id);
    }
}
