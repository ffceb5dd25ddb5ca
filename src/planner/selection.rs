//! Which images of a repository are planned: names, globs, content references, and what depends on them.

mod by_content;

use std::collections::{BTreeMap, BTreeSet};

use globset::GlobMatcher;

use crate::diagnostics::{Code, Diagnostic, Diagnostics, nearest};
use crate::paths;
use crate::plan::Plan;
use crate::planner::ImageIndex;
use crate::planner::graph::Graph;
use crate::planner::names::short;

/// What the command line selects. Everything where nothing is named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Images with all that they depend on.
    pub upto: Vec<String>,
    /// Images with all that depends on them, and all that those depend on.
    pub dependents: Vec<String>,
    /// Images alone.
    pub exact: Vec<String>,
    /// Images that are left out, with all that depends on them.
    pub exclude: Vec<String>,
    /// The folder that paths start from, below the root of the plan; empty for the root.
    pub from: String,
}

impl Selection {
    /// The indices of the selected images. `names` are sorted; the graph's indices and those of the paths
    /// of Dockerfiles are theirs.
    ///
    /// # Errors
    /// For every pattern that names no image, with the nearest names.
    pub(crate) fn apply(
        &self,
        names: &[&str],
        dockerfiles: &[&str],
        graph: &Graph,
    ) -> Result<BTreeSet<ImageIndex>, Diagnostics> {
        let mut diagnostics = Diagnostics::new();
        let asked = names.iter().copied().filter(|_| !self.is_everything());
        let positions: BTreeMap<&str, ImageIndex> =
            asked.zip(ImageIndex::first(names.len())).collect();
        let mut find = |patterns: &[String]| -> BTreeSet<ImageIndex> {
            let found = patterns.iter().flat_map(|pattern| {
                // A stored plan names thousands.
                if let Some(position) = positions.get(pattern.as_str()) {
                    return vec![*position];
                }
                let found = self.matching(pattern, names, dockerfiles);
                if found.is_empty() {
                    diagnostics.push(unknown(pattern, names));
                }
                found
            });
            found.collect()
        };
        let (upto, dependents) = (find(&self.upto), find(&self.dependents));
        let (exact, exclude) = (find(&self.exact), find(&self.exclude));
        diagnostics.fail_on_errors()?;
        let mut selected = if self.is_everything_but() {
            ImageIndex::first(names.len()).collect()
        } else {
            let mut selected = graph.with_needs(upto);
            selected.extend(graph.with_needs(graph.with_dependents(dependents)));
            selected.extend(exact);
            selected
        };
        for image in graph.with_dependents(exclude) {
            selected.remove(&image);
        }
        Ok(selected)
    }

    /// The indices of the images that are meant themselves, rather than for being needed; none where
    /// nothing is named, and all are. A pattern that names no image names nothing.
    pub(crate) fn named(
        &self,
        names: &[&str],
        dockerfiles: &[&str],
        graph: &Graph,
    ) -> Option<BTreeSet<ImageIndex>> {
        if self.is_everything_but() {
            return None;
        }
        let find = |patterns: &[String]| -> BTreeSet<ImageIndex> {
            let found = patterns.iter();
            let found = found.flat_map(|pattern| self.matching(pattern, names, dockerfiles));
            found.collect()
        };
        let mut named = graph.with_dependents(find(&self.dependents));
        named.extend(find(&self.upto));
        named.extend(find(&self.exact));
        Some(named)
    }

    /// The names of the images of a plan that are selected, in build order.
    ///
    /// # Errors
    /// As [`Selection::apply`].
    pub(crate) fn of_plan(&self, plan: &Plan) -> Result<Vec<String>, Diagnostics> {
        let (names, graph) = graph_of(plan);
        let selected = self
            .by_name(plan)?
            .apply(&names, &dockerfiles(plan), &graph)?
            .into_iter();
        Ok(selected.map(|index| names[index].to_owned()).collect())
    }

    /// The names of the images of a plan that are meant themselves, as [`Selection::named`] says.
    pub(crate) fn named_in(&self, plan: &Plan) -> Option<BTreeSet<String>> {
        let (names, graph) = graph_of(plan);
        let named = self
            .by_name(plan)
            .ok()?
            .named(&names, &dockerfiles(plan), &graph)?
            .into_iter();
        Some(named.map(|index| names[index].to_owned()).collect())
    }

    /// Whether all images are selected.
    pub(crate) fn is_everything(&self) -> bool {
        self.is_everything_but() && self.exclude.is_empty()
    }

    /// The images that a pattern names, or else a path.
    fn matching(&self, pattern: &str, names: &[&str], dockerfiles: &[&str]) -> Vec<ImageIndex> {
        let is_path = matches!(pattern, "." | "..")
            || pattern.starts_with("./")
            || pattern.starts_with("../")
            || pattern.ends_with('/');
        let named = if is_path {
            Vec::new()
        } else {
            matching(pattern, names)
        };
        if named.is_empty() && !pattern.is_empty() {
            at_path(
                &paths::clean(&paths::join(&self.from, pattern)),
                dockerfiles,
            )
        } else {
            named
        }
    }

    /// Whether only exclusions are said, if anything.
    fn is_everything_but(&self) -> bool {
        self.upto.is_empty() && self.dependents.is_empty() && self.exact.is_empty()
    }
}

/// The Dockerfiles of a plan's images.
fn dockerfiles(plan: &Plan) -> Vec<&str> {
    let images = plan.images.iter();
    images.map(|image| image.dockerfile.as_str()).collect()
}

/// The images of a Dockerfile, or else of those in a folder, or else of those anywhere below it.
fn at_path(path: &str, dockerfiles: &[&str]) -> Vec<ImageIndex> {
    let by = |matches: &dyn Fn(&str) -> bool| -> Vec<ImageIndex> {
        let all = ImageIndex::first(dockerfiles.len()).zip(dockerfiles);
        let found = all.filter(|(_, dockerfile)| matches(dockerfile));
        found.map(|(index, _)| index).collect()
    };
    let mut found = by(&|dockerfile| dockerfile == path);
    if found.is_empty() {
        found = by(&|dockerfile| paths::folder_of(dockerfile) == path);
    }
    if found.is_empty() {
        let below = format!("{path}/");
        found = by(&|dockerfile| path == "." || dockerfile.starts_with(&below));
    }
    found
}

/// The names of a plan's images, and what these need of each other.
fn graph_of(plan: &Plan) -> (Vec<&str>, Graph) {
    let names: Vec<&str> = plan.images.iter().map(|image| &*image.name).collect();
    let indices = || ImageIndex::first(names.len());
    let positions: BTreeMap<&str, ImageIndex> = names.iter().copied().zip(indices()).collect();
    let needs = indices().zip(&plan.images).flat_map(|(index, image)| {
        let needed = image.dependencies.iter();
        needed
            .filter_map(|needed| positions.get(&*needed.image).copied())
            .map(move |needed| (index, needed))
    });
    let graph = Graph::new(names.len(), &needs.collect());
    (names, graph)
}

/// The images that a pattern names: by full name, else by short name; a glob may name many.
fn matching(pattern: &str, names: &[&str]) -> Vec<ImageIndex> {
    let by = |matches: &dyn Fn(&str) -> bool| -> Vec<ImageIndex> {
        let all = ImageIndex::first(names.len()).zip(names);
        all.filter(|(_, name)| matches(name))
            .map(|(index, _)| index)
            .collect()
    };
    if pattern.contains(['*', '?']) {
        let Some(glob) = glob(pattern) else {
            return Vec::new();
        };
        return by(&|name| glob.is_match(name) || glob.is_match(short(name)));
    }
    let full = by(&|name| name == pattern);
    if full.is_empty() {
        by(&|name| short(name) == pattern)
    } else {
        full
    }
}

/// Whether a pattern matches a whole name. Unlike in paths, `*` takes `/` too: `us/*` is all below `us`.
fn glob(pattern: &str) -> Option<GlobMatcher> {
    Some(paths::glob_of_names(pattern).ok()?.compile_matcher())
}

fn unknown(pattern: &str, names: &[&str]) -> Diagnostic {
    let diagnostic = Diagnostic::new(Code::UnknownImage, format!("no image matches `{pattern}`"));
    let shorts = names.iter().map(|name| short(name));
    match nearest(pattern, names.iter().copied().chain(shorts)) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic.help("`shipwright list` shows all names"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 5] = [
        "a/admin",
        "a/python",
        "a/service1",
        "a/service2",
        "a/shared",
    ];

    const DOCKERFILES: [&str; 5] = [
        "services/admin/Dockerfile",
        "bases/Dockerfile.python",
        "services/service1/Dockerfile",
        "services/service2/Dockerfile",
        "bases/Dockerfile.shared",
    ];

    /// python ← shared ← service1, service2; service1 ← admin
    fn graph() -> Graph {
        let needs = [(4, 1), (2, 4), (3, 4), (0, 2)];
        let needs = needs.map(|(image, need)| (ImageIndex::new(image), ImageIndex::new(need)));
        Graph::new(NAMES.len(), &BTreeSet::from(needs))
    }

    #[track_caller]
    fn check(selection: &Selection, expected: &[&str]) {
        let graph = graph();
        let selected = selection
            .apply(&NAMES, &DOCKERFILES, &graph)
            .map_err(|d| format!("{d:?}"));
        let found: Vec<&str> = selected
            .unwrap()
            .into_iter()
            .map(|i| short(NAMES[i]))
            .collect();
        assert_eq!(found, expected);
    }

    fn patterns(patterns: &[&str]) -> Vec<String> {
        patterns.iter().map(|&p| p.to_owned()).collect()
    }

    #[test]
    fn unions_then_exclusions() {
        let everything = Selection::default();
        check(
            &everything,
            &["admin", "python", "service1", "service2", "shared"],
        );
        let upto = Selection {
            upto: patterns(&["service2"]),
            ..everything.clone()
        };
        check(&upto, &["python", "service2", "shared"]);
        let dependents = Selection {
            dependents: patterns(&["a/service1"]),
            ..everything.clone()
        };
        check(&dependents, &["admin", "python", "service1", "shared"]);
        let exact = Selection {
            exact: patterns(&["service*"]),
            ..everything.clone()
        };
        check(&exact, &["service1", "service2"]);
        let exclude = Selection {
            exclude: patterns(&["service1"]),
            ..everything
        };
        check(&exclude, &["python", "service2", "shared"]);
    }

    #[test]
    fn what_is_only_needed_is_not_named() {
        let graph = graph();
        for (upto, dependents, exact, expected) in [
            (&[][..], &[][..], &[][..], None),
            (&["admin"], &[], &["shared"], Some(vec![0, 4])),
            (&["a/serv*", "gone"], &[], &[], Some(vec![2, 3])),
            (&[], &["service1"], &[], Some(vec![0, 2])),
        ] {
            let selection = Selection {
                upto: patterns(upto),
                dependents: patterns(dependents),
                exact: patterns(exact),
                exclude: patterns(&["python"]),
                from: String::new(),
            };
            let named = selection.named(&NAMES, &DOCKERFILES, &graph);
            let named = named.map(|named| named.into_iter().map(ImageIndex::get).collect());
            assert_eq!(named, expected, "{selection:?}");
        }
    }

    #[test]
    fn paths_select_from_where_one_stands() {
        for (from, path, expected) in [
            ("", "services/service1", &["service1"][..]),
            ("", "./services/service1/Dockerfile", &["service1"]),
            ("", "bases/", &["python", "shared"]),
            ("", "services", &["admin", "service1", "service2"]),
            ("services", "service1/", &["service1"]),
            ("services/admin", ".", &["admin"]),
            (
                "services/admin",
                "../../bases/Dockerfile.python",
                &["python"],
            ),
            ("services", "python", &["python"]),
            (
                "",
                ".",
                &["admin", "python", "service1", "service2", "shared"],
            ),
        ] {
            let selection = Selection {
                exact: patterns(&[path]),
                from: from.to_owned(),
                ..Selection::default()
            };
            check(&selection, expected);
        }
        let outside = Selection {
            exact: patterns(&["../x", "service", ""]),
            ..Selection::default()
        };
        let graph = Graph::new(NAMES.len(), &BTreeSet::new());
        let problems = outside.apply(&NAMES, &DOCKERFILES, &graph).unwrap_err();
        assert_eq!(problems.iter().count(), 3);
    }

    #[test]
    fn an_unknown_name_is_told_the_nearest() {
        let selection = Selection {
            exact: patterns(&["servce1", "zzz"]),
            ..Selection::default()
        };
        let graph = Graph::new(NAMES.len(), &BTreeSet::new());
        let diagnostics = selection.apply(&NAMES, &DOCKERFILES, &graph).unwrap_err();
        let help: Vec<&str> = diagnostics.iter().map(|d| d.help[0].as_str()).collect();
        assert_eq!(
            help,
            [
                "did you mean `service1`?",
                "`shipwright list` shows all names"
            ]
        );
    }

    #[test]
    fn globs() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "ab/bc", true),
            ("a*c", "abcd", false),
            ("a?c", "abc", true),
            ("*b*", "abc", true),
            ("**a", "bba", true),
            ("{a,b}*", "bc", true),
        ] {
            let glob = glob(pattern).expect("a pattern");
            assert_eq!(glob.is_match(text), expected, "{pattern} {text}");
        }
        assert!(glob("a*[").is_none());
    }
}
