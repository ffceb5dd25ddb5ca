//! Which bake and compose files are evidence, and what they say of builds.

use std::collections::{BTreeMap, BTreeSet};

use super::build::{self, Build};
use super::required::Arguments;
use super::{Request, bake, compose, references};
use crate::config::Config;
use crate::diagnostics::{Code, Diagnostic, Diagnostics, SourceText, listed};
use crate::paths::{file_name, folder_of};
use crate::planner::align::Paths;
use crate::planner::discover::Discovery;
use crate::planner::texts::read;
use crate::run::evaluate::{Answer, Question, Tool};
use crate::tree::snapshot::{Node, NodeRef, Snapshot};

/// How many sets of files below the root are read.
const MAX_BELOW: usize = 24;

/// How many files that are not read are spelled out.
const SHOWN: usize = 3;

/// What bake and compose files say.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// In the order in which they count.
    pub(super) builds: Vec<Build>,
    /// What services of compose files run and do not build.
    pub(super) images: BTreeSet<String>,
    /// What could not be used, and why.
    pub(super) left_out: Diagnostics,
}

impl Evidence {
    /// The Dockerfiles that are built, whatever they are called.
    pub(crate) fn dockerfiles(&self) -> BTreeSet<String> {
        let builds = self.builds.iter();
        builds.map(|build| build.dockerfile.clone()).collect()
    }
}

/// Files that a tool evaluates together, in the order in which it merges them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Set {
    tool: Tool,
    files: Vec<String>,
}

/// Asks a tool, and says who cannot be asked.
pub(super) struct Reader<'s> {
    pub(super) snapshot: &'s Snapshot,
    ask: &'s mut dyn FnMut(&Question) -> Answer,
}

impl Reader<'_> {
    pub(super) fn source(&self, path: &str) -> SourceText {
        source(self.snapshot, path)
    }

    pub(super) fn ask(&mut self, question: &Question) -> Answer {
        (self.ask)(question)
    }

    /// The one bake file beside those that are known which defines a variable.
    pub(super) fn defining(&self, variable: &str, known: &[String]) -> Option<String> {
        let paths = self.snapshot.texts.keys();
        let mut files =
            paths.filter(|path| build::extension(path) == "hcl" && !known.contains(path));
        let defines = |path: &&String| bake::variables(&self.source(path)).contains(variable);
        let found = files.by_ref().find(defines)?;
        files.find(defines).is_none().then(|| found.clone())
    }
}

/// Says that nobody reads some files.
pub(super) fn not_asked(tool: Tool, sources: &[SourceText], why: &str) -> Diagnostic {
    let files = listed(sources.iter().map(|source| source.path.as_str()));
    let are = if sources.len() == 1 { "is" } else { "are" };
    let message = format!("{files} {are} not read: {why}");
    Diagnostic::new(Code::UnreadableEvidence, message)
        .because_of(why)
        .help(format!(
            "install `{}`, which evaluates such files, and run `shipwright init` again",
            tool.command()
        ))
}

fn source(snapshot: &Snapshot, path: &str) -> SourceText {
    let text = snapshot.text(path).unwrap_or_default();
    SourceText::new(path, String::from_utf8_lossy(text).into_owned())
}

/// Whether the file at a path may be evidence beside the Dockerfiles, or tells one how to read it.
pub(crate) fn is_evidence(path: &str, request: &Request) -> bool {
    let name = file_name(path);
    bake::NAMES.contains(&name)
        || compose::NAMES.contains(&name)
        || compose::OVERRIDES.contains(&name)
        || may_be_bake(path)
        || may_be_compose(path)
        || name == ".env"
        || request.files.iter().any(|file| file == path)
}

/// Whether a file that bake does not look for may be one of it all the same.
fn may_be_bake(path: &str) -> bool {
    match build::extension(path) {
        "hcl" => true,
        "json" => file_name(path).contains("bake"),
        _ => false,
    }
}

/// The same of compose.
fn may_be_compose(path: &str) -> bool {
    matches!(build::extension(path), "yml" | "yaml") && file_name(path).contains("compose")
}

/// Further files that those which are read name, and that are not read yet.
pub(crate) fn named_files(snapshot: &Snapshot, request: &Request) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    let files = sets(snapshot, request).into_iter();
    let files = files.filter(|set| set.tool == Tool::Compose);
    for file in files.flat_map(|set| set.files) {
        named.extend(compose::named(snapshot, &file));
    }
    let is_new = |path: &String| !snapshot.texts.contains_key(path);
    named.into_iter().filter(is_new).collect()
}

/// Reads the evidence beside the Dockerfiles; `ask` asks the tools that evaluate it.
pub fn evidence(
    snapshot: &Snapshot,
    request: &Request,
    ask: &mut dyn FnMut(&Question) -> Answer,
) -> Evidence {
    let mut evidence = Evidence::default();
    let mut reader = Reader { snapshot, ask };
    let at_root = sets(snapshot, request);
    let mut below = Vec::new();
    if request.files.is_empty() {
        below = sets_below(snapshot);
    }
    let mut read = at_root;
    if read.is_empty() && !do_references_name_folders(snapshot) {
        let count = below.len().min(MAX_BELOW);
        read.extend(below.drain(..count));
    }
    // What is included or extended is read with what does so.
    let with_others: BTreeSet<String> = read
        .iter()
        .filter(|set| set.tool == Tool::Compose)
        .flat_map(|set| compose::copies(snapshot, &set.files).into_keys())
        .collect();
    below.retain(|set| !set.files.iter().all(|file| with_others.contains(file)));
    for set in &read {
        let (images, left_out) = (&mut evidence.images, &mut evidence.left_out);
        evidence.builds.extend(match set.tool {
            Tool::Bake => bake::builds(&mut reader, &set.files, left_out),
            Tool::Compose => compose::builds(&mut reader, &set.files, images, left_out),
        });
    }
    evidence.left_out.extend(not_read(&below));
    evidence
}

/// The sets of files that were named, else those at the root.
fn sets(snapshot: &Snapshot, request: &Request) -> Vec<Set> {
    if request.files.is_empty() {
        return sets_in(snapshot, ".");
    }
    let is_bake = |path: &&String| matches!(build::extension(path), "hcl" | "json");
    let (bake, compose): (Vec<&String>, Vec<&String>) = request.files.iter().partition(is_bake);
    [(Tool::Bake, bake), (Tool::Compose, compose)]
        .into_iter()
        .filter(|(_, files)| !files.is_empty())
        .map(|(tool, files)| Set {
            tool,
            files: files.into_iter().cloned().collect(),
        })
        .collect()
}

/// What bake and compose read by themselves in a folder.
fn sets_in(snapshot: &Snapshot, folder: &str) -> Vec<Set> {
    let there = |name: &str| {
        let path = crate::paths::join(folder, name);
        snapshot.texts.contains_key(&path).then_some(path)
    };
    let bake: Vec<String> = bake::NAMES.into_iter().filter_map(there).collect();
    let first = compose::NAMES.into_iter().find_map(there);
    let over = compose::OVERRIDES.into_iter().find_map(there);
    let compose: Vec<String> = match first {
        Some(first) => [first].into_iter().chain(over).collect(),
        None => Vec::new(),
    };
    [(Tool::Bake, bake), (Tool::Compose, compose)]
        .into_iter()
        .filter(|(_, files)| !files.is_empty())
        .map(|(tool, files)| Set { tool, files })
        .collect()
}

/// The sets of files below the root that define builds, those of bake first; and files with names of
/// their own anywhere.
fn sets_below(snapshot: &Snapshot) -> Vec<Set> {
    let mut folders: BTreeSet<&str> = BTreeSet::new();
    let mut others = Vec::new();
    for path in snapshot.texts.keys() {
        let name = file_name(path);
        if bake::NAMES.contains(&name) || compose::NAMES.contains(&name) {
            folders.insert(folder_of(path));
            continue;
        }
        let tool = if may_be_bake(path) && bake::has_targets(&source(snapshot, path)) {
            Tool::Bake
        } else if may_be_compose(path) && !compose::OVERRIDES.contains(&name) {
            Tool::Compose
        } else {
            continue;
        };
        others.push(Set {
            tool,
            files: vec![path.clone()],
        });
    }
    folders.remove(".");
    let in_folders = folders.iter().flat_map(|folder| sets_in(snapshot, folder));
    let found = in_folders.chain(others);
    let builds = |set: &Set| {
        set.tool == Tool::Bake
            || set.files.iter().any(|file| {
                let text = source(snapshot, file).text;
                text.contains("build:") && text.contains("services:")
            })
    };
    let mut sets: Vec<Set> = found.filter(builds).collect();
    sets.sort_by_key(|set| {
        (
            set.tool,
            set.files[0].matches('/').count(),
            set.files[0].clone(),
        )
    });
    sets
}

/// Whether references of Dockerfiles tell what other Dockerfiles are called.
fn do_references_name_folders(snapshot: &Snapshot) -> bool {
    let config = Config::default();
    let dockerfiles = Discovery::new(&config).find(snapshot).dockerfiles;
    let texts: BTreeMap<String, SourceText> = dockerfiles
        .iter()
        .map(|path| (path.clone(), source(snapshot, path)))
        .collect();
    let used = read(texts.iter(), |read| {
        references::used(&read, &[], &Arguments::new())
    });
    let spoken = references::spoken(&used, &[], &BTreeSet::new());
    !Paths::new(texts.keys()).find(&spoken).is_empty()
}

/// Notes of bake and compose files that are not read, as bake and compose themselves do not read them.
fn not_read(below: &[Set]) -> Diagnostics {
    let mut notes = Diagnostics::new();
    let Some(first) = below.first() else {
        return notes;
    };
    let files: Vec<&str> = below
        .iter()
        .flat_map(|set| set.files.iter().map(String::as_str))
        .collect();
    let shown = listed(files.iter().copied().take(SHOWN));
    let more = files.len().saturating_sub(SHOWN);
    let message = match (files.len(), more) {
        (1, _) => format!("{shown} was not read, because it was not named"),
        (_, 0) => format!("{shown} were not read, because they were not named"),
        _ => format!("{shown} and {more} more files were not read, because they were not named"),
    };
    let help = format!("to use one: `shipwright init {}`", first.files.join(" "));
    notes.push(Diagnostic::new(Code::EvidenceNotRead, message).help(help));
    notes
}

/// Whether there is a file at a path.
pub(super) fn is_file(snapshot: &Snapshot, path: &str) -> bool {
    let node: Option<NodeRef<'_>> = snapshot.root.node(path);
    matches!(node.map(NodeRef::to_owned), Some(Node::File { .. }))
}
