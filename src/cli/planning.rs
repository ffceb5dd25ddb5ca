//! From the command line to a plan: which tree is read, how, and whether it may be planned.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::{Planning, Settings};
use super::checks::{self, Sends};
use super::{decisions, output};
use crate::config::{self, Config};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, SourceText};
use crate::plan::Plan;
use crate::planner::compile::{self, Compiled, Files, Options};
use crate::planner::discover::Discovery;
use crate::planner::generated::Generated;
use crate::planner::graph::Graph;
use crate::planner::inputs::Reach;
use crate::planner::publish::Tagging;
use crate::planner::selection::Selection;
use crate::tree::attributes::LFS;
use crate::tree::source::{Checkout, DiskFiles, Sealer, Tree};

/// A plan, and what it was made from.
pub(super) struct Made {
    pub(super) plan: Plan,
    /// The files that go into each image, by its name; empty for a stored plan.
    pub(super) files: BTreeMap<String, Files>,
    /// Where all inputs come from that count; empty for a stored plan.
    pub(super) reach: Vec<Arc<Reach>>,
    /// The root of the plan on the disk; none in a bare repository.
    pub(super) root: Option<PathBuf>,
    /// Writes the files of the tree that was planned; none for a stored plan.
    pub(super) sealer: Option<Sealer>,
}

/// Makes the plan that will be run: of HEAD, refusing a working tree that differs for a selected
/// image; of the working tree with `--dirty`; of a commit with `--rev`. Warnings are mentioned.
/// Whatever `sends` files to the engine must send those that the plan counts.
pub(super) fn make(
    directory: &Path,
    planning: &Planning,
    file: Option<&Path>,
    sends: Sends,
) -> Result<Made, Diagnostics> {
    let options = options(planning);
    let checkout = Checkout::open(directory)?;
    if planning.dirty {
        checkout.commit("HEAD")?;
        let (tree, mut made) = working_tree(&checkout, &options, file, DiskFiles::All)?;
        refuse_if_missing(&checkout, &tree, &made, false, sends)?;
        decisions::apply(&mut made, directory, &checkout, planning, &options)?;
        return Ok(made);
    }
    let commit = checkout.commit(planning.rev.as_deref().unwrap_or("HEAD"))?;
    let mut made = if planning.rev.is_none() && !checkout.is_bare() {
        let mut tree = commit.counting(DiskFiles::Generated);
        let made = make_of(&checkout, &mut tree, &options, None)?;
        refuse_if_missing(&checkout, &tree, &made, false, sends)?;
        refuse_if_dirty(&checkout, &made, &options, file, sends)?;
        made
    } else {
        let mut tree = commit;
        let made = make_of(&checkout, &mut tree, &options, None)?;
        refuse_if_missing(&checkout, &tree, &made, true, sends)?;
        made
    };
    decisions::apply(&mut made, directory, &checkout, planning, &options)?;
    Ok(made)
}

/// Makes the plan that is only looked at: of the working tree as it is, or of a commit with `--rev`
/// and in a bare repository. Warnings are mentioned.
pub(super) fn look(directory: &Path, planning: &Planning) -> Result<Made, Diagnostics> {
    let options = options(planning);
    let checkout = Checkout::open(directory)?;
    let mut made = if planning.rev.is_none() && !checkout.is_bare() {
        let counts = if planning.dirty {
            DiskFiles::All
        } else {
            DiskFiles::Generated
        };
        working_tree(&checkout, &options, None, counts)?.1
    } else {
        let mut tree = checkout.commit(planning.rev.as_deref().unwrap_or("HEAD"))?;
        make_of(&checkout, &mut tree, &options, None)?
    };
    decisions::apply(&mut made, directory, &checkout, planning, &options)?;
    Ok(made)
}

/// The names that were typed, as full names in build order; all where none was.
pub(super) fn selected(made: &Made, planning: &Planning) -> Result<Vec<String>, Diagnostics> {
    let named = Selection {
        exact: planning.selection.images.clone(),
        ..Selection::default()
    };
    let names: Vec<&str> = made.plan.images.iter().map(|image| &*image.name).collect();
    let selected = named.apply(&names, &Graph::new(names.len(), &BTreeSet::new()))?;
    Ok(selected
        .into_iter()
        .map(|index| names[index].to_owned())
        .collect())
}

/// The names of the planned images that are asked for themselves, rather than for being needed; none
/// where all are.
pub(super) fn named(plan: &Plan, planning: &Planning) -> Option<BTreeSet<String>> {
    let names: Vec<&str> = plan.images.iter().map(|image| &*image.name).collect();
    let positions = names.iter().enumerate();
    let positions: BTreeMap<&str, usize> = positions.map(|(index, name)| (*name, index)).collect();
    let needs = plan.images.iter().enumerate().flat_map(|(index, image)| {
        let needed = image.dependencies.iter();
        needed
            .filter_map(|needed| positions.get(&*needed.image).copied())
            .map(move |needed| (index, needed))
    });
    let graph = Graph::new(names.len(), &needs.collect());
    let named = options(planning).selection.named(&names, &graph)?;
    Some(
        named
            .into_iter()
            .map(|index| names[index].to_owned())
            .collect(),
    )
}

/// Everything that there is to say of the tree that [`look`] looks at.
pub(super) fn check(directory: &Path, planning: &Planning) -> Result<Diagnostics, Diagnostics> {
    let checkout = Checkout::open(directory)?;
    let is_commit = planning.rev.is_some() || checkout.is_bare();
    let mut tree = if is_commit {
        checkout.commit(planning.rev.as_deref().unwrap_or("HEAD"))?
    } else {
        checkout.working_tree(&output::written(None))?
    };
    match compile(&mut tree, &options(planning), None)? {
        (Some(compiled), mut warnings) => {
            let images = reaches(&compiled.plan, &compiled.files);
            let mut missing = checks::filtered(&compiled.plan, &compiled.files);
            let config = configuration(&tree)?;
            missing.extend(checks::missing(&tree, &config, &images, is_commit)?);
            warnings.extend(missing.into_iter().map(Diagnostic::as_warning));
            if !is_commit {
                let sends = Sends::Sealed;
                warnings.extend(checks::ignored(&tree, &images, sends)?);
                let (plan, files) = (&compiled.plan, &compiled.files);
                warnings.extend(checks::checked_out(&tree, plan, files, sends)?);
            }
            Ok(warnings)
        }
        (None, problems) => Err(problems),
    }
}

/// The planned images, with where they take their inputs from.
fn reaches<'m>(
    plan: &'m Plan,
    files: &'m BTreeMap<String, Files>,
) -> Vec<(&'m str, &'m [Arc<Reach>])> {
    let images = plan.images.iter().map(|image| image.name.as_str());
    images
        .filter_map(|name| Some((name, &*files.get(name)?.reach)))
        .collect()
}

fn working_tree<'c>(
    checkout: &'c Checkout,
    options: &Options,
    file: Option<&Path>,
    counts: DiskFiles,
) -> Result<(Tree<'c>, Made), Diagnostics> {
    let tree = checkout.working_tree(&output::written(file))?;
    let mut tree = tree.counting(counts);
    let as_committed = tree.changed().is_empty() && counts != DiskFiles::All;
    let clean = if tree.revision().is_none() || as_committed {
        None
    } else {
        let head = checkout.commit("HEAD")?;
        let mut head = head.counting(DiskFiles::Generated);
        Some(fingerprints(&mut head, options))
    };
    let made = make_of(checkout, &mut tree, options, clean.as_ref())?;
    Ok((tree, made))
}

/// Compiles a tree and mentions its warnings.
fn make_of(
    checkout: &Checkout,
    tree: &mut Tree<'_>,
    options: &Options,
    clean: Option<&BTreeMap<String, String>>,
) -> Result<Made, Diagnostics> {
    let (compiled, diagnostics) = compile(tree, options, clean)?;
    let Some(compiled) = compiled else {
        return Err(diagnostics.without_notes());
    };
    output::remark(checkout, &diagnostics);
    let lfs = lfs(&compiled.files);
    Ok(Made {
        plan: compiled.plan,
        files: compiled.files,
        reach: compiled.reach,
        root: checkout.folder(tree),
        sealer: Some(Sealer::new(checkout, tree, lfs)),
    })
}

/// The inputs whose contents git-lfs keeps.
pub(super) fn lfs(files: &BTreeMap<String, Files>) -> BTreeSet<String> {
    let filtered = files.values().flat_map(|files| &files.filters);
    let lfs = filtered.filter(|(_, filter)| *filter == LFS);
    lfs.map(|(path, _)| path.clone()).collect()
}

/// The fingerprints of all images of a tree by name; none where the tree cannot be planned.
pub(super) fn fingerprints(tree: &mut Tree<'_>, options: &Options) -> BTreeMap<String, String> {
    let compiled = everything(tree, options)
        .ok()
        .and_then(|(compiled, _)| compiled);
    let images = compiled.map(|compiled| compiled.plan.images);
    let images = images.unwrap_or_default().into_iter();
    images
        .map(|image| (image.name, image.fingerprint))
        .collect()
}

/// All images of a tree, whatever is selected; none where the tree cannot be planned.
pub(super) fn everything(
    tree: &mut Tree<'_>,
    options: &Options,
) -> Result<(Option<Compiled>, Diagnostics), Diagnostics> {
    let everything = Options {
        selection: Selection::default(),
        ..options.clone()
    };
    compile(tree, &everything, None)
}

/// Refuses when files are missing that a selected image takes; mentions what else there is to say.
fn refuse_if_missing(
    checkout: &Checkout,
    tree: &Tree<'_>,
    made: &Made,
    of_commit: bool,
    sends: Sends,
) -> Result<(), Diagnostics> {
    let images = reaches(&made.plan, &made.files);
    let mut problems = checks::filtered(&made.plan, &made.files);
    problems.extend(checks::missing(
        tree,
        &configuration(tree)?,
        &images,
        of_commit,
    )?);
    if !of_commit {
        problems.extend(checks::checked_out(tree, &made.plan, &made.files, sends)?);
    }
    if problems.has_errors() {
        return Err(problems);
    }
    output::remark(checkout, &problems);
    Ok(())
}

/// Refuses when Docker would send a selected image other files than the plan counts.
fn refuse_if_dirty(
    checkout: &Checkout,
    made: &Made,
    options: &Options,
    file: Option<&Path>,
    sends: Sends,
) -> Result<(), Diagnostics> {
    let mut tree = checkout.working_tree(&output::written(file))?;
    if tree.changed().is_empty() {
        let reach: Vec<Arc<Reach>> = made.reach.clone();
        tree.add(&reach, &Generated::new(&configuration(&tree)?.generated))?;
    } else {
        let now = everything(&mut tree, options)
            .ok()
            .and_then(|(compiled, _)| compiled);
        checks::changed(&tree.changed(), &made.plan, &made.files, now.as_ref())?;
    }
    let ignored = checks::ignored(&tree, &reaches(&made.plan, &made.files), sends)?;
    if ignored.has_errors() {
        return Err(ignored);
    }
    output::remark(checkout, &ignored);
    Ok(())
}

/// The phases that read, then the pure ones; again where images take files that no tree holds.
pub(super) fn compile(
    tree: &mut Tree<'_>,
    options: &Options,
    clean: Option<&BTreeMap<String, String>>,
) -> Result<(Option<Compiled>, Diagnostics), Diagnostics> {
    let config = match configuration(tree) {
        Err(problems)
            if problems
                .iter()
                .any(|problem| problem.code == Code::MissingObject) =>
        {
            // All that a partial clone lacks, as far as that can be known without it.
            let usual = Config::default();
            let usual = Discovery::new(&usual);
            let is_config = |path: &str| path == config::PATH;
            tree.snapshot(
                &|name| usual.may_be_read(name) || name == config::PATH.as_bytes(),
                &|path| usual.is_read(path) || is_config(path),
            )?;
            return Err(problems);
        }
        config => config?,
    };
    let compiled = compile_files(tree, &config, options, clean)?;
    let Some(first) = &compiled.0 else {
        return Ok(compiled);
    };
    if tree.add(&first.reach, &Generated::new(&config.generated))? {
        return compile_files(tree, &config, options, clean);
    }
    Ok(compiled)
}

fn compile_files(
    tree: &Tree<'_>,
    config: &Config,
    options: &Options,
    clean: Option<&BTreeMap<String, String>>,
) -> Result<(Option<Compiled>, Diagnostics), Diagnostics> {
    let discovery = Discovery::new(config);
    let snapshot = tree.snapshot(&|name| discovery.may_be_read(name), &|path| {
        discovery.is_read(path)
    })?;
    if !config.asks_for_git_tags() {
        return Ok(compile::compile(&snapshot, config, options, clean));
    }
    let options = Options {
        git_tags: tree.git_tags()?,
        ..options.clone()
    };
    Ok(compile::compile(&snapshot, config, &options, clean))
}

fn configuration(tree: &Tree<'_>) -> Result<Config, Diagnostics> {
    let Some(bytes) = tree.read(config::PATH)? else {
        return Ok(Config::default());
    };
    match String::from_utf8(bytes) {
        Ok(text) => Config::parse(&text),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            let source = SourceText::new(config::PATH, text);
            Err(
                Diagnostic::new(Code::ConfigSyntax, "the configuration is not UTF-8")
                    .at(&source, valid..valid + 1, "")
                    .into(),
            )
        }
    }
}

/// What was typed, as the planner takes it.
pub(super) fn options(planning: &Planning) -> Options {
    let selection = &planning.selection;
    Options {
        branch: planning.branch.clone(),
        tagging: Tagging {
            added: planning.tags.clone(),
            no_default: planning.no_default_tags,
        },
        selection: Selection {
            upto: [&selection.images[..], &selection.upto].concat(),
            dependents: selection.dependents.clone(),
            exact: selection.exact.clone(),
            exclude: selection.exclude.clone(),
        },
        ..options_of(&planning.settings)
    }
}

/// What images are built with, as the planner takes it; all images are selected.
pub(super) fn options_of(settings: &Settings) -> Options {
    let from_environment = std::env::var("SW_NAMESPACE").ok().filter(|n| !n.is_empty());
    Options {
        namespace: settings.namespace.clone().or(from_environment),
        build_args: settings.build_args.iter().cloned().collect(),
        stamp_args: settings.stamp_args.iter().cloned().collect(),
        platforms: settings.platforms.clone(),
        repository: settings.repository.clone(),
        epoch: settings.epoch.clone(),
        ..Options::default()
    }
}
