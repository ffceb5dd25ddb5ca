//! The planner: a pure function from a snapshot and options to a plan.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::config::Config;
use crate::config::lock::{self, Lock, LockFile};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Outcome, SourceText};
use crate::lang::fingerprint::Fingerprint;
use crate::plan::Plan;
use crate::planner::assemble::Assembly;
use crate::planner::contents::{self, Contents};
use crate::planner::discover::Discovery;
use crate::planner::external::{self, External, Locks};
use crate::planner::fingerprint::Manifest;
use crate::planner::graph::{Graph, Order};
use crate::planner::images::{self, Definition, Overrides};
use crate::planner::inputs::InputSpec;
use crate::planner::names::{self, Namer};
use crate::planner::publish::Publisher;
use crate::planner::resolve::{self, Parsed, Resolved, Settings};
use crate::planner::texts::{read, texts};
use crate::planner::unreadable;
use crate::planner::{ImageIndex, Options};
use crate::tree::snapshot::{Folder, ObjectId, Revision, Snapshot};

/// A plan, and the files that go into its images.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The plan.
    pub plan: Plan,
    /// By the image's name, what its build reads.
    pub files: BTreeMap<String, Files>,
    /// What is taken of all contexts whose content counts here: by the planned images, and by what
    /// these need.
    pub specs: Vec<Arc<InputSpec>>,
    /// What all images take from the world outside.
    pub externals: Vec<External>,
    /// Names of the planned images, and of all that these depend on.
    pub needed: BTreeSet<String>,
    /// What the lock file of the tree says, where there is one.
    pub lock: Option<LockFile>,
    /// The registry that locked images are taken from, in place of their own.
    pub mirror: Option<String>,
}

/// What the build of an image reads.
#[derive(Debug, Clone)]
pub struct Files {
    /// The input files, below the build context.
    pub inputs: Arc<Folder>,
    /// The files of named contexts that are folders, by the contexts' names.
    pub contexts: BTreeMap<String, Arc<Folder>>,
    /// What says which these are.
    pub specs: Vec<Arc<InputSpec>>,
    /// Those that git puts through a filter, by path from the root of the plan, and which.
    pub filters: BTreeMap<String, String>,
    /// The bytes of the Dockerfile.
    pub dockerfile: Vec<u8>,
    /// Everything that can change the image, as its fingerprint counts it.
    pub manifest: Manifest,
}

/// Compiles a snapshot to a plan. `clean` holds the fingerprints, by name, that images have in the
/// commit: one that has another is dirty. None where the snapshot is the commit.
pub fn compile(
    snapshot: &Snapshot,
    config: &Config,
    options: &Options,
    clean: Option<&BTreeMap<String, Fingerprint>>,
) -> Outcome<Compiled> {
    let files = SourceFiles {
        snapshot,
        read: &BTreeMap::new(),
    };
    compile_files(files, config, options, clean)
}

/// The files of a repository, of which several plans may be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SourceFiles<'f> {
    /// All files.
    pub snapshot: &'f Snapshot,
    /// The Dockerfiles among them that were read before, by path; the others are read for each plan.
    pub read: &'f BTreeMap<&'f str, Parsed<'f>>,
}

/// [`compile`], where Dockerfiles were read before.
pub(crate) fn compile_files(
    files: SourceFiles<'_>,
    config: &Config,
    options: &Options,
    clean: Option<&BTreeMap<String, Fingerprint>>,
) -> Outcome<Compiled> {
    Outcome::of(|diagnostics| {
        let compiled = selected_by_name(files, config, options, clean, diagnostics)
            .and_then(|options| run(files, config, &options, clean, diagnostics));
        config.weigh(diagnostics);
        compiled
    })
}

/// The options with names in place of content references, which only a plan of everything knows.
fn selected_by_name<'o>(
    files: SourceFiles<'_>,
    config: &Config,
    options: &'o Options,
    clean: Option<&BTreeMap<String, Fingerprint>>,
    diagnostics: &mut Diagnostics,
) -> Result<Cow<'o, Options>, Diagnostics> {
    if !options.selection.has_content_references() {
        return Ok(Cow::Borrowed(options));
    }
    let mut said = Diagnostics::new();
    let all = run(files, config, &options.of_everything(), clean, &mut said);
    if all.is_err() || said.has_errors() {
        diagnostics.extend(said);
    }
    let selection = options.selection.by_name(&all?.plan)?;
    let options = options.clone();
    Ok(Cow::Owned(Options {
        selection,
        ..options
    }))
}

/// Finds the Dockerfiles, and reads those that were not read before.
fn run(
    files: SourceFiles<'_>,
    config: &Config,
    options: &Options,
    clean: Option<&BTreeMap<String, Fingerprint>>,
    diagnostics: &mut Diagnostics,
) -> Result<Compiled, Diagnostics> {
    let discovery = Discovery::new(config);
    let found = discovery.find(files.snapshot);
    diagnostics.extend(discovery.remarks(&found));
    let texts = texts(files.snapshot, found, diagnostics)?;
    let known = |path: &String| files.read.get_key_value(path.as_str());
    let unread = texts.iter().filter(|(path, _)| known(path).is_none());
    read(unread, |parsed| {
        let mut parsed = parsed;
        let known = texts.keys().filter_map(known);
        parsed.extend(known.map(|(path, known)| (*path, *known)));
        phases(
            files.snapshot,
            config,
            options,
            clean,
            (&texts, &parsed),
            diagnostics,
        )
    })
}

/// The phases after the Dockerfiles are read, a line each.
fn phases(
    snapshot: &Snapshot,
    config: &Config,
    options: &Options,
    clean: Option<&BTreeMap<String, Fingerprint>>,
    (texts, parsed): (&BTreeMap<String, SourceText>, &BTreeMap<&str, Parsed<'_>>),
    diagnostics: &mut Diagnostics,
) -> Result<Compiled, Diagnostics> {
    diagnostics.extend(unreadable::errors(parsed));
    let namer = Namer::new(config, options.namespace.as_deref())?;
    diagnostics.extend(names::unused(config, texts.keys()));
    let over = Overrides {
        build_args: &options.build_args,
        stamp_args: &options.stamp_args,
        platforms: &options.platforms,
        repository: options.repository.as_deref(),
        epoch: options.epoch.as_deref(),
    };
    let definitions = images::define(texts, snapshot, config, &namer, over, diagnostics)?;
    if diagnostics.has_errors() {
        return Err(Diagnostics::new());
    }

    let file = match &options.lock {
        None => lock_file(snapshot)?,
        Some(_) => None,
    };
    let in_tree = file.as_ref().map(|file| &file.lock);
    let locks = Locks::new(options.lock.as_deref().or(in_tree), config);
    let settings = Settings {
        config,
        namespace: namer.namespace(),
        locks: &locks,
        without_hints: options.without_hints,
    };
    let mut resolved = resolve::resolve(&definitions, parsed, &settings, diagnostics)?;
    let (_, order) = ordered(&resolved)?;
    resolve::refine(&mut resolved, &order, &settings, diagnostics)?;
    let (graph, order) = ordered(&resolved)?;
    let root = &snapshot.root;
    resolve::infer_contexts(&mut resolved, root, diagnostics);
    resolve::external_triggers(&resolved, root, &locks, diagnostics);
    diagnostics.extend(resolve::unused_arguments(
        &resolved,
        config,
        &options.build_args,
    ));

    let names: Vec<&str> = definitions
        .iter()
        .map(|image| image.name.as_str())
        .collect();
    let dockerfiles: Vec<&str> = definitions
        .iter()
        .map(|image| image.dockerfile.as_str())
        .collect();
    let selected = options.selection.apply(&names, &dockerfiles, &graph)?;
    let counted = graph.with_needs(selected.iter().copied());
    let sequence = order
        .sequence
        .iter()
        .copied()
        .filter(|image| counted.contains(image));
    let externals = external::all(resolved.iter(), &locks);
    if let Some(file) = &file {
        let images = counted.iter().map(|&index| &resolved[index]);
        let missing = external::missing(images, &locks);
        missing.fail_on_errors()?;
        // Other arguments and platforms than those of the configuration may take other things.
        if options.build_args.is_empty() && options.platforms.is_empty() {
            diagnostics.extend(external::unused(file, &externals));
        }
    }
    let contents = contents::of_all(snapshot, &resolved, sequence, &locks, diagnostics);
    let publisher = Publisher {
        source: config.source.as_ref(),
        revision: &revision(snapshot, options),
        tagging: &options.tagging,
        default_branch: config.default_branch(),
        git_tags: &options.git_tags,
    };
    let assembly = Assembly {
        publisher: &publisher,
        clean,
        resolved: &resolved,
        contents: &contents,
        locks: &locks,
        mirror: config.mirror.as_ref().map(|mirror| mirror.value.as_str()),
    };
    let images = order
        .sequence
        .iter()
        .copied()
        .filter(|image| selected.contains(image));
    let mut plan = assembly.plan(images, diagnostics)?;
    plan.source.epoch = options.epoch.clone().unwrap_or_default();
    plan.source.options = options.recorded();
    let specs = contents.values().flat_map(|contents| &contents.specs);
    let specs = specs.cloned().collect();
    let planned = contents
        .into_iter()
        .filter(|(index, _)| selected.contains(index))
        .map(|(index, contents)| (&definitions[index], contents));
    let files = files_of(planned, snapshot);
    Ok(Compiled {
        plan,
        files,
        specs,
        externals,
        needed: counted
            .iter()
            .map(|&index| definitions[index].name.clone())
            .collect(),
        lock: file,
        mirror: config.mirror.as_ref().map(|mirror| mirror.value.clone()),
    })
}

/// The lock file, where the tree has one.
fn lock_file(snapshot: &Snapshot) -> Result<Option<LockFile>, Diagnostics> {
    let Some(bytes) = snapshot.text(lock::PATH) else {
        return Ok(None);
    };
    // What is not UTF-8 is in no text that is right.
    Lock::parse(&String::from_utf8_lossy(bytes)).map(Some)
}

/// What the builds of images read, by name.
fn files_of<'a>(
    images: impl Iterator<Item = (&'a Definition, Contents)>,
    snapshot: &Snapshot,
) -> BTreeMap<String, Files> {
    let files = images.map(|(definition, contents)| {
        let dockerfile = snapshot.text(&definition.dockerfile).unwrap_or_default();
        let files = Files {
            inputs: contents.inputs,
            contexts: contents.contexts,
            specs: contents.specs,
            filters: contents.filters,
            dockerfile: dockerfile.to_vec(),
            manifest: contents.manifest,
        };
        (definition.name.clone(), files)
    });
    files.collect()
}

/// The commit that images are tagged and labelled with. Before the first one, git's id for none.
fn revision(snapshot: &Snapshot, options: &Options) -> Revision {
    let none = Revision {
        id: ObjectId([0; 20]),
        timestamp: 0,
        branch: None,
    };
    let mut revision = snapshot.revision.clone().unwrap_or(none);
    // An empty one says that there is none.
    let branch = options.branch.clone().or(revision.branch);
    revision.branch = branch.filter(|branch| !branch.is_empty());
    revision
}

fn ordered(resolved: &[Resolved<'_>]) -> Result<(Graph, Order), Diagnostics> {
    let needs = ImageIndex::first(resolved.len())
        .zip(resolved)
        .flat_map(|(index, image)| image.needs.keys().map(move |need| (index, need.image)));
    let graph = Graph::new(resolved.len(), &needs.collect());
    match graph.order() {
        Ok(order) => Ok((graph, order)),
        Err(cycles) => {
            let mut problems = Diagnostics::new();
            problems.extend(cycles.iter().map(|cycle| cyclic(cycle, resolved)));
            Err(problems)
        }
    }
}

/// A cycle, with the place of every edge.
fn cyclic(cycle: &[ImageIndex], resolved: &[Resolved<'_>]) -> Diagnostic {
    let name = |index: ImageIndex| resolved[index].definition.name.as_str();
    let around = cycle.iter().chain(&cycle[..1]);
    let path: Vec<String> = around.map(|&index| format!("`{}`", name(index))).collect();
    let message = format!("images depend on each other: {}", path.join(" → "));
    let mut diagnostic = Diagnostic::new(Code::Cycle, message);
    for (at, &index) in cycle.iter().enumerate() {
        let next = cycle[(at + 1) % cycle.len()];
        let image = &resolved[index];
        let mut needs = image.needs.iter().filter(|(need, _)| need.image == next);
        let span = needs.find_map(|(_, places)| places.values().next().copied());
        let label = format!("`{}` needs `{}`", name(index), name(next));
        diagnostic = diagnostic.at(image.source, span.unwrap_or_default().range(), label);
    }
    diagnostic
        .help("remove one of these references, or give it the tag or digest of a published image")
}
