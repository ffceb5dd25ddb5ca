//! Where the builds of an emitted file take their files from.

use std::collections::{BTreeMap, BTreeSet};

use crate::paths::{file_name, folder_of, in_tree, join};
use crate::planner::Planned;
use crate::run::emit::{Added, Files, Folder, Submodule};
use crate::tree::attributes::LFS;
use crate::tree::snapshot::Node;
use crate::tree::source::Origins;

/// The paths that builds read below each folder of a plan.
type Wanted = BTreeMap<String, BTreeSet<String>>;

/// What make and the shell script are told of the files of a plan.
pub(super) fn of(made: &Planned) -> Files {
    let origins = &made.origins;
    let all_large = large(made);
    let folders = wanted(made).into_iter();
    let folders = folders.filter_map(|(folder, wanted)| {
        let large = below(&all_large, &folder);
        let origin = origin(origins, &folder, &wanted, large);
        Some((folder, origin?))
    });
    let dockerfiles = made.plan.images.iter().map(|image| &image.dockerfile);
    let linked = dockerfiles
        .filter(|path| origins.is_link(path) || origins.is_link(&format!("{path}.dockerignore")));
    Files {
        root: origins.root().to_owned(),
        folders: folders.collect(),
        linked: linked.cloned().collect(),
    }
}

fn wanted(made: &Planned) -> Wanted {
    let mut wanted = Wanted::new();
    for image in &made.plan.images {
        let Some(files) = made.files.get(&image.name) else {
            continue;
        };
        let named = files.contexts.iter();
        let named = named.filter_map(|(name, files)| Some((image.contexts.get(name)?, files)));
        for (folder, files) in named.chain([(&image.context, &files.inputs)]) {
            let paths = wanted.entry(folder.clone()).or_default();
            if made.origins.are_of_commit() {
                continue;
            }
            files.walk(&mut |path, _| {
                paths.insert(path.to_owned());
            });
            paths.insert(".dockerignore".to_owned());
        }
        // Beside those that are inputs: what decides over them.
        let dockerfile = &image.dockerfile;
        for path in [dockerfile.clone(), format!("{dockerfile}.dockerignore")] {
            let own = wanted.entry(folder_of(&path).to_owned()).or_default();
            own.insert(file_name(&path).to_owned());
            let context = format!("{}/", image.context);
            let below = match context.as_str() {
                "./" => Some(path.as_str()),
                context => path.strip_prefix(context),
            };
            if let Some(below) = below {
                let paths = wanted.entry(image.context.clone()).or_default();
                paths.insert(below.to_owned());
            }
        }
    }
    wanted
}

/// The paths whose contents git-lfs keeps.
fn large(made: &Planned) -> BTreeSet<&str> {
    let filters = made.files.values().flat_map(|files| &files.filters);
    let large = filters.filter(|(_, filter)| *filter == LFS);
    large.map(|(path, _)| path.as_str()).collect()
}

/// Those paths that are below a folder, from there.
fn below(paths: &BTreeSet<&str>, folder: &str) -> Vec<String> {
    let paths = paths.iter().filter_map(|path| match folder {
        "." => Some(*path),
        folder => path.strip_prefix(folder)?.strip_prefix('/'),
    });
    paths.map(str::to_owned).collect()
}

/// What there is to say of a folder; nothing where it is the same path of the revision.
fn origin(
    origins: &Origins,
    folder: &str,
    wanted: &BTreeSet<String>,
    large: Vec<String>,
) -> Option<Folder> {
    let origin = origins.of(folder, wanted);
    let submodules = origin.submodules.into_iter().map(|submodule| Submodule {
        path: submodule.path,
        tree: submodule.tree.to_string(),
        objects: submodule.objects,
    });
    let added = origin
        .added
        .into_iter()
        .map(|(path, node): (_, Node)| Added {
            mode: node.mode(),
            id: node.id().to_string(),
            path,
        });
    let described = Folder {
        path: origin.path,
        gone: origin.gone,
        added: added.collect(),
        submodules: submodules.collect(),
        large,
    };
    let usual = Folder {
        path: Some(join(origins.root(), in_tree(folder))),
        ..Folder::default()
    };
    (described != usual).then_some(described)
}
