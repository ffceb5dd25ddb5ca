//! Plans that were stored: read, and held against the repository before they are run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::args::Stored;
use super::output;
use super::planning::{self, Made};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, listed};
use crate::plan::{Image, Plan};
use crate::planner::compile::{Compiled, Options};
use crate::planner::images;
use crate::planner::publish::Tagging;
use crate::planner::selection::Selection;
use crate::tree::source::{Checkout, DiskFiles, Sealer, Tree};

/// A plan that was stored, or one that is made now.
pub(super) fn or_made(
    directory: &Path,
    stored: &Stored,
    make: impl FnOnce() -> Result<Made, Diagnostics>,
) -> Result<Made, Diagnostics> {
    let Some(file) = stored.file(directory) else {
        return make();
    };
    let plan = read(&file)?;
    let checkout = Checkout::open(directory).ok();
    let root = checkout.and_then(|checkout| {
        let tree = checkout.commit(&plan.source.revision).ok()?;
        checkout.folder(&tree)
    });
    Ok(Made {
        plan,
        files: BTreeMap::new(),
        reach: Vec::new(),
        root,
        sealer: None,
    })
}

/// A plan in a file; `-` is standard input.
pub(super) fn read(file: &Path) -> Result<Plan, Diagnostic> {
    let text = if file.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(file)
    };
    let name = file.display();
    let text = text.map_err(|error| {
        Diagnostic::new(
            Code::Unreadable,
            format!("`{name}` cannot be read: {error}"),
        )
    })?;
    Plan::from_json(&text).map_err(|error| {
        Diagnostic::new(Code::BadPlan, format!("`{name}`: {error}"))
            .help("make a new one with `shipwright plan`")
    })
}

/// The files of a stored plan's images: from its revision, wherever HEAD is; from the working tree
/// if that was planned, which must not have changed since.
///
/// # Errors
/// When the repository does not hold the revision, or gives other images than the plan says.
pub(super) fn with_files(directory: &Path, file: &Path) -> Result<Made, Diagnostics> {
    let plan = read(file)?;
    let checkout = Checkout::open(directory)?;
    let mut tree = if plan.source.dirty {
        // The plan's own file was not there when it was made.
        let tree = checkout.working_tree(&output::written(Some(file)))?;
        refuse_other_revision(&tree, &plan)?;
        tree.counting(DiskFiles::All)
    } else {
        let commit = checkout.commit(&plan.source.revision)?;
        commit.counting(DiskFiles::Generated)
    };
    let plan = Arc::new(plan);
    let options = Options {
        tagging: Tagging {
            added: Vec::new(),
            no_default: true,
        },
        selection: Selection {
            exact: plan.images.iter().map(|image| image.name.clone()).collect(),
            ..Selection::default()
        },
        planned: Some(Arc::clone(&plan)),
        ..Options::default()
    };
    let (compiled, problems) = planning::compile(&mut tree, &options, None)?;
    // What it warns of was said when the plan was made.
    let Some(compiled) = compiled else {
        return Err(problems.without_notes());
    };
    refuse_differences(&plan, &compiled)?;
    Ok(Made {
        root: checkout.folder(&tree),
        sealer: Some(Sealer::new(
            &checkout,
            &tree,
            planning::lfs(&compiled.files),
        )),
        files: compiled.files,
        reach: compiled.reach,
        plan: Arc::unwrap_or_clone(plan),
    })
}

/// Holds each image of the plan against what its repository gives. The commit fixes everything but
/// what the plan itself says; a working tree may have changed in anything that is counted.
fn refuse_differences(plan: &Plan, now: &Compiled) -> Result<(), Diagnostics> {
    let mut problems = Diagnostics::new();
    let mut changed = BTreeSet::new();
    for image in &plan.images {
        let Some(same) = now.plan.image(&image.name) else {
            continue;
        };
        if image.dirty && same.fingerprint != image.fingerprint {
            changed.insert(image.name.as_str());
        } else if same.inputs != image.inputs {
            let how = format!(
                "holds the inputs {}, the plan says {}",
                same.inputs, image.inputs
            );
            problems.push(images::differs(image, &how));
        }
    }
    if !changed.is_empty() {
        let message = format!("{} changed since this plan was made", listed(changed));
        problems.push(
            Diagnostic::new(Code::ChangedMeanwhile, message)
                .help("a plan of a working tree holds until a file is changed: make a new one, or `exec --dirty`")
                .help("one that was made with an epoch cannot be stored: commit first"),
        );
    }
    if problems.has_errors() {
        return Err(problems);
    }
    Ok(())
}

fn refuse_other_revision(tree: &Tree<'_>, plan: &Plan) -> Result<(), Diagnostic> {
    let head = tree.revision().map(|revision| revision.id.to_string());
    if head.as_deref() == Some(plan.source.revision.as_str()) {
        return Ok(());
    }
    let revision = &plan.source.revision;
    let message = format!("this plan is of revision {revision}, which is not checked out");
    Err(Diagnostic::new(Code::OtherRevision, message).help(format!(
        "check it out: `git checkout {revision}`, or make a new plan"
    )))
}

/// Refuses a plan that is to be run from the folders of the working tree where these are not what
/// was planned: another commit is checked out, or files of its images have changed.
pub(super) fn check_folders(directory: &Path, plan: &Plan) -> Result<(), Diagnostics> {
    let checkout = Checkout::open(directory)?;
    let tree = checkout.working_tree(&[])?;
    refuse_other_revision(&tree, plan)?;
    let mut paths = BTreeSet::new();
    for image in plan.images.iter().filter(|image| !image.dirty) {
        paths.extend(reached(image, tree.changed()));
    }
    if paths.is_empty() {
        return Ok(());
    }
    Err(Diagnostic::new(
        Code::Dirty,
        "the working tree differs from this plan's revision",
    )
    .help(format!("changed: {}", listed(paths)))
    .help("commit or stash the changes, or make a new plan")
    .into())
}

/// The changed paths that may belong to an image.
fn reached<'p>(image: &Image, changed: Vec<&'p str>) -> Vec<&'p str> {
    let folders = image.contexts.values().chain([&image.context]);
    let folders: Vec<String> = folders.map(|folder| format!("{folder}/")).collect();
    let mut paths = changed;
    paths.retain(|path| {
        let mut folders = folders.iter();
        folders.any(|folder| folder == "./" || path.starts_with(folder))
            || *path == image.dockerfile
    });
    paths
}
