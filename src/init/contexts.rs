//! Build contexts that nobody names: where what a Dockerfile copies is not in its folder, the nearest
//! folder above that has all of it.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::Draft;
use super::planner::Planner;
use crate::diagnostics::{Code, Diagnostics};
use crate::paths::folder_of;
use crate::planner::selection::Selection;

/// How many folders up are looked at.
const MAX_UP: usize = 8;

/// The contexts of Dockerfiles, by path, that the draft names by path and that lack something where
/// they are. `remarks` are those of a plan of `full`.
pub(super) fn found(
    full: &Draft,
    remarks: &Diagnostics,
    planner: &Planner<'_>,
) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut missing = incomplete(remarks);
    missing.retain(|path| full.names.contains_key(path));
    for up in 1..=MAX_UP {
        let tried: BTreeMap<&String, String> = missing
            .iter()
            .filter_map(|path| Some((path, above(folder_of(path), up)?.to_owned())))
            .collect();
        if tried.is_empty() {
            break;
        }
        let selection = Selection {
            exact: tried.keys().map(|path| full.names[*path].clone()).collect(),
            ..Selection::default()
        };
        let draft = with(full, tried.iter().map(|(path, folder)| (*path, folder)));
        let Ok((_, remarks)) = planner.compile(&draft, selection) else {
            continue;
        };
        let still = incomplete(&remarks);
        let complete: BTreeMap<String, String> = tried
            .into_iter()
            .filter(|(path, _)| !still.contains(*path))
            .map(|(path, folder)| (path.clone(), folder))
            .collect();
        missing.retain(|path| !complete.contains_key(path));
        found.extend(complete);
    }
    found
}

/// The Dockerfiles that copy what their contexts lack.
fn incomplete(remarks: &Diagnostics) -> BTreeSet<String> {
    let missing = remarks
        .iter()
        .filter(|remark| remark.code == Code::MissingSource);
    let labels = missing.flat_map(|remark| &remark.labels);
    labels.map(|label| label.source.path.clone()).collect()
}

/// The draft with these contexts, by the paths of Dockerfiles that it names by path.
pub(super) fn with<'c>(
    draft: &Draft,
    contexts: impl IntoIterator<Item = (&'c String, &'c String)>,
) -> Draft {
    let mut changed = draft.clone();
    for (path, folder) in contexts {
        if let Some(name) = draft.names.get(path) {
            let entry = changed.images.entry(name.clone()).or_default();
            entry.context = Some(folder.clone());
        }
    }
    changed
}

/// The folder so many levels above; none above the root.
fn above(folder: &str, up: usize) -> Option<&str> {
    let ends: Vec<usize> = folder.match_indices('/').map(|(at, _)| at).collect();
    match ends.len().checked_sub(up) {
        Some(kept) => Some(&folder[..ends[kept]]),
        None if ends.len() + 1 == up && folder != "." => Some("."),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::above;

    #[test]
    fn folders_above() {
        let rows = [
            ("a/b/c", 1, Some("a/b")),
            ("a/b/c", 2, Some("a")),
            ("a/b/c", 3, Some(".")),
            ("a/b/c", 4, None),
            ("a", 1, Some(".")),
            (".", 1, None),
        ];
        for (folder, up, expected) in rows {
            assert_eq!(above(folder, up), expected, "{folder} {up}");
        }
    }
}
