//! Whether the files that a build would be sent are those that its plan counts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::read::{Reading, configuration};
use super::{Request, Sends, State, Workspace, uncommitted};
use crate::config::{self, Config};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Severity, listed};
use crate::paths;
use crate::plan::Plan;
use crate::planner::Options;
use crate::planner::compile::{Compiled, Files};
use crate::planner::generated::Generated;
use crate::planner::inputs::{self, InputSpec, Taking};
use crate::tree::attributes::LFS;
use crate::tree::snapshot::ObjectId;
use crate::tree::source::{Taken, Tree};

impl Workspace {
    /// Refuses a state that cannot be run: files are missing that a selected image takes, or its
    /// builder would be sent others than the plan counts.
    pub(super) fn refuse(
        &self,
        state: &State,
        reading: &Reading<'_>,
        request: &Request,
        sends: Sends,
        remarks: &mut Diagnostics,
    ) -> Result<(), Diagnostics> {
        let Reading {
            tree,
            config,
            compiled,
        } = reading;
        let (plan, files) = (&compiled.plan, &compiled.files);
        let mut problems = lacking(state, reading)?;
        if problems.has_errors() {
            return Err(problems);
        }
        let mut now = None;
        if matches!(state, State::Checkout(_)) {
            now = Some(self.refuse_edits(compiled, request)?);
        }
        if !state.is_commit() {
            problems.extend(checked_out(tree, plan, files, sends)?);
        } else if sends == Sends::Folders && !self.checkout.is_bare() {
            problems.extend(read_otherwise(tree, plan, files));
            problems.extend(ignored(tree, &reaches(plan, files), sends)?);
        }
        if let Some(now) = &now {
            problems.extend(ignored(now, &reaches(plan, files), sends)?);
        }
        if problems.has_errors() {
            return Err(problems);
        }
        remarks.extend(problems);
        if let Some(now) = &now {
            remarks.extend(uncommitted::left_out(now, &request.options.selection));
        }
        if state.is_checked_out() && config.asks_for_branch() && !request.without_tags {
            remarks.extend(no_branch(plan, &request.options));
        }
        Ok(())
    }

    /// Refuses a working tree in which a selected image is another than in the commit; gives that
    /// tree.
    fn refuse_edits(&self, planned: &Compiled, request: &Request) -> Result<Tree<'_>, Diagnostics> {
        let mut tree = self.checkout.working_tree(&self.written)?;
        if tree.changed().is_empty() {
            let config = configuration(&tree)?;
            let generated = Generated::new(&config.generated);
            inputs::add_dockerfiles(&mut tree, &config, &generated)?;
            while inputs::add(&mut tree, &planned.specs, &generated)? {}
            return Ok(tree);
        }
        let paths: Vec<String> = tree.changed().into_iter().map(str::to_owned).collect();
        let options = request.options.of_everything();
        let now = Reading::of(tree, &options, None).value();
        edited(&paths, planned, now.as_ref().map(|now| &now.compiled))?;
        now.map(|now| now.tree).ok_or_else(Diagnostics::new)
    }
}

/// The files that images take and that are not there, or are not what a filter of git's would make of them.
fn lacking(state: &State, reading: &Reading<'_>) -> Result<Diagnostics, Diagnostics> {
    let Reading {
        tree,
        config,
        compiled,
    } = reading;
    let (plan, files) = (&compiled.plan, &compiled.files);
    let mut problems = filtered(plan, files);
    let images = reaches(plan, files);
    problems.extend(missing(tree, config, &images, state.is_commit())?);
    Ok(problems)
}

/// Says all that a run would refuse or warn of.
pub(super) fn tell(
    state: &State,
    reading: &Reading<'_>,
    remarks: &mut Diagnostics,
) -> Result<(), Diagnostics> {
    let Reading { tree, compiled, .. } = reading;
    let (plan, files) = (&compiled.plan, &compiled.files);
    let images = reaches(plan, files);
    let problems = lacking(state, reading)?;
    remarks.extend(problems.into_iter().map(Diagnostic::as_warning));
    if !state.is_commit() {
        remarks.extend(ignored(tree, &images, Sends::Sealed)?);
        remarks.extend(checked_out(tree, plan, files, Sends::Sealed)?);
    }
    Ok(())
}

/// The warning of a commit that is on no branch as far as is known, where a branch would give tags. A
/// branch that is given, be it empty, is known.
fn no_branch(plan: &Plan, options: &Options) -> Option<Diagnostic> {
    let is_known = plan.source.branch.is_some() || options.branch.is_some();
    if is_known || options.tagging.no_default {
        return None;
    }
    let message = "HEAD is detached, so no branch is known and no branch tag moves";
    let help = "set the branch with `--branch B`, or `--branch \"\"` for none";
    Some(Diagnostic::new(Code::NoBranch, message).help(help))
}

/// An image's name, and what it takes of its contexts.
type Reaching<'a> = (&'a str, &'a [Arc<InputSpec>]);

/// The planned images, with what they take of their contexts.
fn reaches<'m>(plan: &'m Plan, files: &'m BTreeMap<String, Files>) -> Vec<Reaching<'m>> {
    let images = plan.images.iter().map(|image| image.name.as_str());
    images
        .filter_map(|name| Some((name, &*files.get(name)?.specs)))
        .collect()
}

/// Refuses changes of the working tree that reach an image of the plan. `now` is what would be
/// planned with them; none where that cannot be planned.
fn edited(
    changed: &[String],
    planned: &Compiled,
    now: Option<&Compiled>,
) -> Result<(), Diagnostics> {
    let Compiled { plan, files, .. } = planned;
    let mut images = BTreeSet::new();
    let mut paths = BTreeSet::new();
    for image in &plan.images {
        let now = now.and_then(|now| Some((now.plan.image(&image.name)?, &now.files)));
        match now {
            Some((now, _)) if now.fingerprint == image.fingerprint => continue,
            Some((_, now)) => {
                let below = |path: String| paths::join(&image.context, &path);
                let (then, now) = (&files[&image.name], &now[&image.name]);
                paths.extend(then.inputs.differences(&now.inputs).into_iter().map(below));
            }
            None => {}
        }
        images.insert(image.name.as_str());
        paths.extend([image.dockerfile.clone(), config::PATH.to_owned()]);
    }
    // An input also differs where another instruction takes it, or none any more.
    paths.retain(|path| changed.contains(path));
    if images.is_empty() {
        return Ok(());
    }
    if paths.is_empty() {
        paths.extend(changed.iter().cloned());
    }
    let message = format!("the working tree differs from HEAD for {}", listed(images));
    Err(Diagnostic::new(Code::Dirty, message)
        .help(format!("changed: {}", listed(paths.iter().map(String::as_str))))
        .help("commit the changes, plan them as they are with `--dirty`, or plan the commit with `--rev HEAD`")
        .into())
}

/// Files that git ignores and that builds would be sent: an error where they are.
fn ignored(
    tree: &Tree<'_>,
    images: &[Reaching<'_>],
    sends: Sends,
) -> Result<Diagnostics, Diagnostic> {
    let mut diagnostics = Diagnostics::new();
    for found in inputs::outside_tree(tree, images)? {
        let images = listed(found.images.iter().map(String::as_str));
        let paths = listed(found.paths.iter().map(String::as_str));
        let message = format!("git ignores files that {images} would copy: {paths}");
        let leave = "to exclude them: remove them, or add them to `.dockerignore`";
        let count = "to include them: list them under `\"generated\"` in .shipwright.json, or plan the working tree with `--dirty`";
        let mut found = Diagnostic::new(Code::IgnoredInput, message);
        found = match sends {
            Sends::Sealed => found.help("the plan of a commit does not include them, and `shipwright exec` does not send them"),
            Sends::Folders => found.help("the plan does not include them, but a build from these folders would send them"),
        };
        found = found.help(leave).help(count);
        if sends == Sends::Folders {
            found.severity = Severity::Error;
            found = found.help("or run the plan with `shipwright exec`, which does not send them");
        }
        diagnostics.push(found);
    }
    Ok(diagnostics)
}

/// Inputs that only a filter could make: what it makes of them is not in git.
fn filtered(plan: &Plan, files: &BTreeMap<String, Files>) -> Diagnostics {
    let mut by_filter: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for image in &plan.images {
        for (path, filter) in files
            .get(&image.name)
            .iter()
            .flat_map(|files| &files.filters)
        {
            if filter != LFS {
                by_filter.entry(filter).or_default().insert(path);
            }
        }
    }
    let errors = by_filter.into_iter().map(|(filter, paths)| {
        let message = format!(
            "git applies the filter `{filter}` to inputs: {}",
            listed(paths)
        );
        Diagnostic::new(Code::FilteredInput, message)
            .help("the filtered files are in no commit, so a plan cannot include them")
            .help("exclude them with `.dockerignore`, or remove the filter in `.gitattributes`")
    });
    let mut diagnostics = Diagnostics::new();
    diagnostics.extend(errors);
    diagnostics
}

/// Refuses folders that Docker would read otherwise than the plan counts them.
fn read_otherwise(tree: &Tree<'_>, plan: &Plan, files: &BTreeMap<String, Files>) -> Diagnostics {
    let taken = taken(plan, files);
    let deciding: BTreeSet<_> = plan
        .images
        .iter()
        .flat_map(|image| {
            let named = image.contexts.values();
            let named = named.filter(|place| !place.starts_with("docker-image://"));
            let named = named.map(|folder| (None, folder.as_str()));
            named.chain([(Some(image.dockerfile.as_str()), image.context.as_str())])
        })
        .collect();
    let deciding: Vec<_> = deciding.into_iter().collect();
    let filters = filters(files);
    let filter = |path: &str| filters.get(path).copied();
    let found = tree.read_otherwise(&taken, &deciding, &filter);
    let sealed = "`emit bake --sealed -o DIR` writes them as they are in git; make, sh and `shipwright exec` always read them from git";
    let mut diagnostics = Diagnostics::new();
    for (paths, what, help) in [
        (
            &found.contents,
            "Docker would read other contents from the checkout than git has",
            "check them out again, or plan them as they are with `--dirty`",
        ),
        (
            &found.modes,
            "Docker would read other modes from the checkout than git has",
            "git has 644 or 755 for a file, and 755 for a folder: `chmod`, and a umask of 022",
        ),
        (
            &found.unknown,
            "Docker would use ignore files that are not in git",
            "commit them, or remove them",
        ),
    ] {
        if !paths.is_empty() {
            let message = format!("{what}: {}", listed(paths.iter().map(String::as_str)));
            let problem = Diagnostic::new(Code::ReadOtherwise, message);
            diagnostics.push(problem.help(help).help(sealed));
        }
    }
    diagnostics
}

/// The inputs of a plan by folder, each once.
fn taken<'p>(plan: &'p Plan, files: &'p BTreeMap<String, Files>) -> Vec<Taken<'p>> {
    let mut taken: BTreeMap<(&str, ObjectId), Taken<'_>> = BTreeMap::new();
    for image in &plan.images {
        let Some(files) = files.get(&image.name) else {
            continue;
        };
        let named = files.contexts.iter();
        let named = named.filter_map(|(name, folder)| Some((image.contexts.get(name)?, folder)));
        for (path, folder) in named.chain([(&image.context, &files.inputs)]) {
            taken.insert((path, folder.id()), (path, folder));
        }
    }
    taken.into_values().collect()
}

/// The filters of inputs, by path from the root of the plan.
fn filters(files: &BTreeMap<String, Files>) -> BTreeMap<&str, &str> {
    let filters = files.values().flat_map(|files| &files.filters);
    filters
        .map(|(path, filter)| (path.as_str(), filter.as_str()))
        .collect()
}

/// Inputs that are not in the folders of the working tree as git has them.
fn checked_out(
    tree: &Tree<'_>,
    plan: &Plan,
    files: &BTreeMap<String, Files>,
    sends: Sends,
) -> Result<Diagnostics, Diagnostic> {
    let taken = taken(plan, files);
    let filters = filters(files);
    let filter = |path: &str| filters.get(path).copied();
    let found = tree.checked_out(&taken, &filter)?;
    let mut diagnostics = Diagnostics::new();
    if sends == Sends::Folders {
        diagnostics.extend(read_otherwise(tree, plan, files));
    }
    let names = |paths: &BTreeSet<String>| listed(paths.iter().map(String::as_str));
    if sends == Sends::Folders && !found.absent.is_empty() {
        let message = format!("the sparse checkout lacks inputs: {}", names(&found.absent));
        diagnostics.push(
            Diagnostic::new(Code::NotCheckedOut, message)
                .help("a build from these folders would miss them: `git sparse-checkout add DIR`, or `git update-index --no-skip-worktree FILE` and `git checkout FILE`")
                .help(
                    "or run the plan with `shipwright exec`, which does not need them checked out",
                ),
        );
    }
    if sends == Sends::Folders && !found.pointers.is_empty() {
        let message = format!("inputs are git-lfs pointers: {}", names(&found.pointers));
        diagnostics.push(
            Diagnostic::new(Code::LfsMissing, message)
                .help("a build from these folders would be sent the pointers: `git lfs pull`"),
        );
    }
    if sends == Sends::Sealed && !found.converted.is_empty() {
        let message = format!(
            "git converts inputs on checkout: {}",
            names(&found.converted)
        );
        diagnostics.push(
            Diagnostic::new(Code::ConvertedInput, message)
                .help("the plan uses the contents in git, and make, sh and `shipwright exec` send those; with a bake file, Docker reads the checkout")
                .help("in `.gitattributes`, `* -text` disables conversion, `* eol=lf` keeps line ends"),
        );
    }
    if !found.alike.is_empty() {
        let message = format!("names differ only in case: {}", names(&found.alike));
        diagnostics.push(
            Diagnostic::new(Code::CaseConflict, message)
                .help("this file system does not distinguish them: the checkout has only one of the files, and Docker is sent that one"),
        );
    }
    Ok(diagnostics)
}

/// What would have to be here and is not: generated files, and submodules. `of_commit` is a plan for
/// which the working tree does not matter.
fn missing(
    tree: &Tree<'_>,
    config: &Config,
    images: &[Reaching<'_>],
    of_commit: bool,
) -> Result<Diagnostics, Diagnostic> {
    let mut diagnostics = tree.submodule_problems(&Taking::new(tree, images), of_commit)?;
    let generated = Generated::new(&config.generated);
    if generated.is_empty() {
        return Ok(diagnostics);
    }
    let mut places: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (name, specs) in images {
        for spec in *specs {
            let of_spec = inputs::places(tree, spec)?;
            places.entry(name).or_default().extend(of_spec);
        }
    }
    for pattern in generated.patterns() {
        let concerned = places
            .iter()
            .filter(|(_, places)| places.iter().any(|place| pattern.meets(place)));
        let concerned: Vec<_> = concerned.collect();
        if concerned.is_empty() {
            continue;
        }
        let names = listed(concerned.iter().map(|(name, _)| **name));
        let text = &pattern.text.value;
        let mut error = if of_commit {
            let message =
                format!("a commit has no generated files, but {names} may copy some of `{text}`");
            Diagnostic::new(Code::GeneratedMissing, message)
                .help("generate them, then plan HEAD in a checkout")
        } else {
            let places = concerned.iter().flat_map(|(_, places)| *places);
            let absent: BTreeSet<&String> = places
                .filter(|place| pattern.meets(place) && !tree.has(place))
                .collect();
            let is_made = || {
                let found = tree.find_on_disk(&|path| pattern.matches(path), &|folder| {
                    pattern.meets(folder)
                });
                !found.is_empty()
            };
            if absent.is_empty() && is_made() {
                continue;
            }
            let message = if absent.is_empty() {
                format!("no file matches `{text}`, but {names} may copy some")
            } else {
                let absent = listed(absent.iter().map(|path| path.as_str()));
                format!("generated files that {names} would copy are missing: {absent}")
            };
            Diagnostic::new(Code::GeneratedMissing, message).help("generate them first")
        };
        if let Some(source) = &config.source {
            error = error.at(source, pattern.text.span.clone(), "");
        }
        diagnostics.push(error);
    }
    Ok(diagnostics)
}
