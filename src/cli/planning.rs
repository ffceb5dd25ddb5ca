//! From the command line to a plan: which tree is read, how, and whether it may be planned.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::args::{Planning, Settings};
use super::{decisions, output};
use crate::compile::{self, Compiled, Files, Options};
use crate::config::{self, Config};
use crate::diagnostics::{Diagnostic, Diagnostics, SourceText};
use crate::discover::Discovery;
use crate::graph::Graph;
use crate::paths;
use crate::plan::Plan;
use crate::publish::Tagging;
use crate::selection::Selection;
use crate::source::{Checkout, Sealer, Tree};

/// A plan, and what it was made from.
pub(super) struct Made {
    pub(super) plan: Plan,
    /// The files that go into each image, by its name; empty for a stored plan.
    pub(super) files: BTreeMap<String, Files>,
    /// The root of the plan on the disk; none in a bare repository.
    pub(super) root: Option<PathBuf>,
    /// Writes the files of the tree that was planned; none for a stored plan.
    pub(super) sealer: Option<Sealer>,
}

/// Makes the plan that will be run: of HEAD, refusing a working tree that differs for a selected
/// image; of the working tree with `--dirty`; of a commit with `--rev`. Warnings are mentioned.
pub(super) fn make(
    directory: &Path,
    planning: &Planning,
    file: Option<&Path>,
) -> Result<Made, Diagnostics> {
    let options = options(planning);
    let checkout = Checkout::open(directory)?;
    if planning.dirty {
        checkout.commit("HEAD")?;
        let mut made = working_tree(&checkout, &options, file)?;
        decisions::apply(&mut made, directory, &checkout, planning, &options)?;
        return Ok(made);
    }
    let tree = checkout.commit(planning.rev.as_deref().unwrap_or("HEAD"))?;
    let mut made = make_of(&checkout, &tree, &options, None)?;
    if planning.rev.is_none() && !checkout.is_bare() {
        refuse_if_dirty(&checkout, &made, &options, file)?;
    }
    decisions::apply(&mut made, directory, &checkout, planning, &options)?;
    Ok(made)
}

/// Makes the plan that is only looked at: of the working tree as it is, or of a commit with `--rev`
/// and in a bare repository. Warnings are mentioned.
pub(super) fn look(directory: &Path, planning: &Planning) -> Result<Made, Diagnostics> {
    let options = options(planning);
    let checkout = Checkout::open(directory)?;
    let mut made = if planning.rev.is_none() && !checkout.is_bare() {
        working_tree(&checkout, &options, None)?
    } else {
        let tree = checkout.commit(planning.rev.as_deref().unwrap_or("HEAD"))?;
        make_of(&checkout, &tree, &options, None)?
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
    let position = |name: &str| names.iter().position(|other| *other == name);
    let needs = plan.images.iter().enumerate().flat_map(|(index, image)| {
        let needed = image.dependencies.iter();
        needed.filter_map(move |needed| Some((index, position(&needed.image)?)))
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
    let tree = if planning.rev.is_none() && !checkout.is_bare() {
        checkout.working_tree(&output::written(None))?
    } else {
        checkout.commit(planning.rev.as_deref().unwrap_or("HEAD"))?
    };
    match compile(&tree, &options(planning), None)? {
        (Some(_), warnings) => Ok(warnings),
        (None, problems) => Err(problems),
    }
}

/// The first of many names, for a message.
pub(super) fn list<'p>(names: impl IntoIterator<Item = &'p str>) -> String {
    const SHOWN: usize = 10;
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    let more = match names.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", names[..names.len().min(SHOWN)].join(", "))
}

fn working_tree(
    checkout: &Checkout,
    options: &Options,
    file: Option<&Path>,
) -> Result<Made, Diagnostics> {
    let tree = checkout.working_tree(&output::written(file))?;
    let clean = if tree.revision().is_none() {
        None
    } else if tree.changed().is_empty() {
        return make_of(checkout, &tree, options, None);
    } else {
        Some(fingerprints(&checkout.commit("HEAD")?, options))
    };
    make_of(checkout, &tree, options, clean.as_ref())
}

/// Compiles a tree and mentions its warnings.
fn make_of(
    checkout: &Checkout,
    tree: &Tree<'_>,
    options: &Options,
    clean: Option<&BTreeMap<String, String>>,
) -> Result<Made, Diagnostics> {
    let (compiled, diagnostics) = compile(tree, options, clean)?;
    let Some(compiled) = compiled else {
        return Err(diagnostics.without_notes());
    };
    output::remark(checkout, &diagnostics);
    Ok(Made {
        plan: compiled.plan,
        files: compiled.files,
        root: checkout.folder(tree),
        sealer: Some(Sealer::new(checkout, tree)),
    })
}

/// The fingerprints of all images of a tree by name; none where the tree cannot be planned.
pub(super) fn fingerprints(tree: &Tree<'_>, options: &Options) -> BTreeMap<String, String> {
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
    tree: &Tree<'_>,
    options: &Options,
) -> Result<(Option<Compiled>, Diagnostics), Diagnostics> {
    let everything = Options {
        selection: Selection::default(),
        ..options.clone()
    };
    compile(tree, &everything, None)
}

/// Refuses when Docker would send a selected image other files than the plan counts.
fn refuse_if_dirty(
    checkout: &Checkout,
    made: &Made,
    options: &Options,
    file: Option<&Path>,
) -> Result<(), Diagnostics> {
    let tree = checkout.working_tree(&output::written(file))?;
    let changed = tree.changed();
    if changed.is_empty() {
        return Ok(());
    }
    let now = everything(&tree, options)
        .ok()
        .and_then(|(compiled, _)| compiled);
    let mut images = BTreeSet::new();
    let mut paths = BTreeSet::new();
    for image in &made.plan.images {
        let now = now
            .as_ref()
            .and_then(|now| Some((now.plan.image(&image.name)?, &now.files)));
        match now {
            Some((now, _)) if now.fingerprint == image.fingerprint => continue,
            Some((_, files)) => {
                let below = |path: String| paths::join(&image.context, &path);
                let (then, now) = (&made.files[&image.name], &files[&image.name]);
                paths.extend(then.inputs.differences(&now.inputs).into_iter().map(below));
            }
            None => {}
        }
        images.insert(image.name.as_str());
        paths.extend([image.dockerfile.clone(), config::PATH.to_owned()]);
    }
    // An input also differs where another instruction takes it, or none any more.
    paths.retain(|path| changed.contains(&path.as_str()));
    if images.is_empty() {
        return Ok(());
    }
    if paths.is_empty() {
        paths.extend(changed.into_iter().map(str::to_owned));
    }
    let message = format!("the working tree differs from HEAD for {}", list(images));
    Err(Diagnostic::error("dirty", message)
        .help(format!("changed: {}", list(paths.iter().map(String::as_str))))
        .help("commit the changes, plan them as they are with `--dirty`, or plan the commit with `--rev HEAD`")
        .into())
}

/// The phases that read, then the pure ones.
pub(super) fn compile(
    tree: &Tree<'_>,
    options: &Options,
    clean: Option<&BTreeMap<String, String>>,
) -> Result<(Option<Compiled>, Diagnostics), Diagnostics> {
    let config = configuration(tree)?;
    let discovery = Discovery::new(&config);
    let snapshot = tree.snapshot(&|name| discovery.may_be_read(name), &|path| {
        discovery.is_read(path)
    })?;
    if !config.asks_for_git_tags() {
        return Ok(compile::compile(&snapshot, &config, options, clean));
    }
    let options = Options {
        git_tags: tree.git_tags()?,
        ..options.clone()
    };
    Ok(compile::compile(&snapshot, &config, &options, clean))
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
                Diagnostic::error("config-syntax", "the configuration is not UTF-8")
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
