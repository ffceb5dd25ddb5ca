//! `shipwright bug-report`: what a maintainer needs to see a problem, and nothing of the repository's own words.

mod neutral;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::args::Output;
use super::complete::revisions;
use super::{output, planning};
use crate::config::{self, Config};
use crate::diagnostics::render::{Style, render};
use crate::diagnostics::{Diagnostics, Outcome, escape};
use crate::paths::{file_name, folder_of, in_tree, join};
use crate::plan::Plan;
use crate::planner::compile::{Files, compile};
use crate::planner::discover::Discovery;
use crate::planner::{Options, Purpose, Request, Workspace};
use crate::tree::attributes;
use crate::tree::snapshot::{File, NodeRef, ObjectId, Revision, Snapshot, linked_file};
use neutral::Neutral;

/// Of which tree, and where it goes.
#[derive(Debug, Args)]
#[command(
    after_help = "The report has the version, the files that the planner reads, and the diagnostics of a plan of them. \
    Paths, names, arguments, comments and all other words of the repository are replaced; read the report before you send it.\n\n\
    Examples:\n  \
    shipwright bug-report -o report.txt\n  \
    shipwright bug-report --rev v1.2            of a commit"
)]
pub(super) struct BugReport {
    /// Report on a commit instead of the working tree
    #[arg(long, value_name = "REV", add = ArgValueCompleter::new(revisions))]
    rev: Option<String>,
    #[command(flatten)]
    output: Output,
}

/// Writes the report. A repository that cannot be planned has one too.
///
/// # Errors
/// When there is no repository, or the report cannot be written.
pub(super) fn run(directory: &Path, arguments: &BugReport) -> Result<(), Diagnostics> {
    let file = arguments.output.file(directory);
    let workspace = planning::open(directory, file.as_deref())?;
    let namespace = planning::namespace();
    let request = Request {
        revision: arguments.rev.clone(),
        options: Options {
            namespace: namespace.clone(),
            ..Options::default()
        },
        ..Request::new(Purpose::Inspect)
    };
    let planned = workspace.plan(&request);
    let diagnostics = planned.diagnostics().clone();
    let plan = planned.value().map(|planned| (planned.plan, planned.files));
    let original = summary(plan.as_ref(), &diagnostics);

    let mut report = format!(
        "shipwright {}, {} {}\nthe repository: {original}\n",
        env!("SHIPWRIGHT_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH,
    );
    let mut neutral = Neutral::new();
    match read(&workspace, arguments.rev.as_deref()) {
        Ok(snapshot) => {
            let files = files(&snapshot, &mut neutral);
            let namespace = namespace.map(|namespace| neutral.text(namespace.as_bytes()));
            let branch = snapshot
                .revision
                .as_ref()
                .and_then(|revision| revision.branch.as_ref());
            let branch = branch.map(|branch| neutral.path(branch.as_bytes()));
            let replayed = replay(&files, namespace.clone(), branch.clone());
            let found = replayed.diagnostics().clone();
            let replayed = summary(replayed.value().as_ref(), &found);
            let is_same = if replayed == original {
                "the same"
            } else {
                &*replayed
            };
            let _ = writeln!(report, "this snapshot:  {is_same}");
            for (name, value) in [("branch", branch), ("SW_NAMESPACE", namespace)] {
                if let Some(value) = value {
                    let _ = writeln!(report, "{name}: {value}");
                }
            }
            let _ = write!(
                report,
                "\n{}{}",
                render(&found, Style::default()),
                fixture(&files)
            );
        }
        // Its message may hold words of the repository; the codes are above.
        Err(_) => report.push_str("this snapshot:  none, because the files cannot be read\n"),
    }
    let report = escape::without_commands(&report);
    Ok(output::write(&report, file.as_deref())?)
}

/// A plan, and what the build of each image reads.
type Planned = (Plan, BTreeMap<String, Files>);

/// How large a plan is, and how many diagnostics there are of each code.
fn summary(planned: Option<&Planned>, diagnostics: &Diagnostics) -> String {
    let mut parts = Vec::new();
    match planned {
        Some((plan, files)) => {
            let images = &plan.images;
            let dependencies: usize = images.iter().map(|image| image.dependencies.len()).sum();
            let bases: usize = images.iter().map(|image| image.base_images.len()).sum();
            let waves = images.iter().map(|image| image.wave + 1).max().unwrap_or(0);
            let mut inputs = 0;
            for files in files.values() {
                let folders = files.contexts.values().chain([&files.inputs]);
                folders.for_each(|folder| folder.walk(&mut |_, _| inputs += 1));
            }
            parts.push(format!(
                "images: {}, dependencies: {dependencies}, base images: {bases}, waves: {waves}, input files: {inputs}",
                images.len()
            ));
        }
        None => parts.push("no plan".to_owned()),
    }
    let mut counts = BTreeMap::<String, usize>::new();
    for one in diagnostics {
        let code = format!("{}[{}]", one.severity.as_str(), one.code);
        *counts.entry(code).or_default() += 1;
    }
    parts.extend(
        counts
            .iter()
            .map(|(code, count)| format!("{code}: {count}")),
    );
    parts.join(", ")
}

/// The tree, with the texts that the planner reads, as far as a configuration that can be read names them.
fn read(workspace: &Workspace, revision: Option<&str>) -> Result<Snapshot, Diagnostics> {
    let tree = workspace.tree(revision)?;
    let text = tree.read(config::PATH)?;
    let config = text
        .as_deref()
        .map(|text| Config::parse(&String::from_utf8_lossy(text)));
    let config = config.and_then(Result::ok).unwrap_or_default();
    let discovery = Discovery::new(&config);
    let snapshot = tree.snapshot(
        &|name| discovery.may_be_read(name) || name == config::PATH.as_bytes(),
        &|path| discovery.is_read(path) || path == config::PATH,
    )?;
    Ok(snapshot)
}

/// The files of a snapshot with neutral paths and texts, those that the planner does not read empty.
fn files(snapshot: &Snapshot, neutral: &mut Neutral) -> BTreeMap<String, File> {
    let mut files = BTreeMap::new();
    let attributes = &snapshot.attributes;
    let linked: BTreeMap<String, &[u8]> = snapshot
        .links
        .keys()
        .filter_map(|link| {
            let (target, _) = linked_file(&snapshot.root, &snapshot.links, link)?;
            Some((target, snapshot.text(link)?))
        })
        .collect();
    snapshot.root.walk(&mut |path, node| {
        let text = || {
            let from_top = join(&attributes.root, path);
            let folder = in_tree(folder_of(&from_top));
            let is_attributes = file_name(path) == attributes::FILE;
            let attributes = attributes.by_folder.get(folder).filter(|_| is_attributes);
            attributes
                .map(Vec::as_slice)
                .or_else(|| snapshot.text(path))
                .or_else(|| linked.get(path).copied())
                .unwrap_or_default()
        };
        let name = neutral.path(path.as_bytes());
        let file = match node {
            NodeRef::File { executable, .. } => {
                let text = body(&neutral.text(text()));
                if executable {
                    File::Executable(text)
                } else {
                    File::Plain(text)
                }
            }
            NodeRef::Link { .. } => {
                let target = snapshot.links.get(path).map(Vec::as_slice);
                File::Link(neutral.path(target.unwrap_or_default()).into_bytes())
            }
            _ => return,
        };
        files.insert(name, file);
    });
    files
}

/// A text as a fixture can hold it: whole lines, none of which begins a file.
fn body(text: &str) -> Vec<u8> {
    let lines = text.split_inclusive('\n').map(|line| {
        let space = if line.starts_with("//- ") { " " } else { "" };
        let end = if line.ends_with('\n') { "" } else { "\n" };
        [space, line, end].concat()
    });
    lines.collect::<String>().into_bytes()
}

/// What the planner makes of the files alone.
fn replay(
    files: &BTreeMap<String, File>,
    namespace: Option<String>,
    branch: Option<String>,
) -> Outcome<Planned> {
    let revision = Revision {
        id: ObjectId([0; 20]),
        timestamp: 0,
        branch,
    };
    let listed = files
        .iter()
        .map(|(path, file)| (path.as_str(), file.clone()));
    let mut snapshot = Snapshot::of_files(Some(revision), listed);
    snapshot.at_top = true;
    let all = snapshot.texts.iter();
    let attributes = all.filter(|(path, _)| file_name(path) == attributes::FILE);
    let by_folder =
        attributes.map(|(path, text)| (in_tree(folder_of(path)).to_owned(), text.clone()));
    snapshot.attributes.by_folder = by_folder.collect();
    Outcome::of(|remarks| {
        let config = match snapshot.text(config::PATH) {
            Some(text) => Config::parse(&String::from_utf8_lossy(text))?,
            None => Config::default(),
        };
        let options = Options {
            namespace,
            ..Options::default()
        };
        let compiled = compile(&snapshot, &config, &options, None).remarked(remarks)?;
        Ok((compiled.plan, compiled.files))
    })
}

/// The files as the tests' fixtures are written: a heading for each, then its text.
fn fixture(files: &BTreeMap<String, File>) -> String {
    let mut fixture = String::new();
    for (path, file) in files {
        let (more, text) = match file {
            File::Plain(text) => (String::new(), &**text),
            File::Executable(text) => (" +x".to_owned(), &**text),
            File::Link(target) => (format!(" -> {}", String::from_utf8_lossy(target)), &[][..]),
            File::EmptyFolder => continue,
        };
        let _ = write!(
            fixture,
            "//- {path}{more}\n{}",
            String::from_utf8_lossy(text)
        );
    }
    fixture
}
