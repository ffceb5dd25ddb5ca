//! A build that a file of the repository defines: what bake and compose files have in common.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value;

use crate::config::{Config, IMAGE_SCHEME};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, SourceText};
use crate::lang::git_source::GitSource;
use crate::lang::reference::Reference;
use crate::paths;
use crate::tree::snapshot::{Node, Snapshot};

/// What to do about a value that is not carried over.
pub(super) const SAY_IT: &str = "add it to .shipwright.json if it matters";

/// A build: a target of a bake file or a service of a compose file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Build {
    /// The first of the files that are evaluated together: the builds of these know each other.
    pub(super) set: String,
    /// The file.
    pub(super) source: SourceText,
    /// Where in it the build is defined.
    pub(super) span: Range<usize>,
    /// The names of the target or service, and of others that make the same image.
    pub(super) labels: Vec<String>,
    /// What kind of thing that is: `target` or `service`.
    pub(super) kind: &'static str,
    /// Path of the Dockerfile, from the root of the plan.
    pub(super) dockerfile: String,
    /// Folder of the build context, from the root of the plan.
    pub(super) context: String,
    /// The stage to build; the last where `None`.
    pub(super) target: Option<String>,
    /// Build arguments.
    pub(super) arguments: BTreeMap<String, String>,
    /// What the image is tagged, in order: references as they are written, variables replaced.
    pub(super) references: Vec<String>,
    /// Further named contexts.
    pub(super) contexts: BTreeMap<String, Bound>,
    /// Platforms to build for.
    pub(super) platforms: Vec<String>,
    /// Further settings, by their keys of the configuration.
    pub(super) settings: BTreeMap<&'static str, Value>,
    /// What the file calls its project: with the label the name of a service's image that has no other.
    pub(super) project: Option<String>,
}

/// What a named context is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Bound {
    /// A folder, from the root of the plan.
    Folder(String),
    /// The reference of an image.
    Image(String),
    /// Another build of the same file, by its label.
    Build(String),
}

impl Build {
    /// Whether two builds make the same image.
    pub(super) fn makes_what(&self, other: &Self) -> bool {
        (&self.dockerfile, &self.context, &self.target)
            == (&other.dockerfile, &other.context, &other.target)
            && self.arguments == other.arguments
            && self.platforms == other.platforms
            && self.settings == other.settings
    }

    /// The line of the file that the build is defined in, from 1.
    pub(super) fn line(&self) -> usize {
        line(&self.source, self.span.start)
    }

    /// The name of the target or service.
    pub(super) fn label(&self) -> &str {
        self.labels.first().map_or("", String::as_str)
    }

    /// What messages call it.
    pub(super) fn title(&self) -> String {
        format!("{} `{}`", self.kind, self.label())
    }
}

/// The line of a byte of a text, from 1.
pub(super) fn line(source: &SourceText, at: usize) -> usize {
    let before = source.text.get(..at).unwrap_or(&source.text);
    1 + before.matches('\n').count()
}

/// The last part of a file's name after a dot.
pub(super) fn extension(path: &str) -> &str {
    let name = paths::file_name(path);
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// A build as it is written, its values known and nothing of it checked yet.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) source: SourceText,
    pub(super) span: Range<usize>,
    pub(super) label: String,
    pub(super) kind: &'static str,
    pub(super) context: Option<String>,
    pub(super) dockerfile: Option<String>,
    pub(super) target: Option<String>,
    pub(super) arguments: BTreeMap<String, String>,
    pub(super) references: Vec<String>,
    pub(super) contexts: BTreeMap<String, String>,
    pub(super) platforms: Vec<String>,
    pub(super) settings: BTreeMap<&'static str, Value>,
    pub(super) project: Option<String>,
}

/// Whether a value says anything that the configuration can say: its texts would be templates there.
pub(super) fn setting(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(entries) => !entries.is_empty(),
        Value::Bool(value) => *value,
        Value::Number(_) => true,
    }
}

/// The texts of a list, or of a text alone; empty ones are none.
pub(super) fn texts(value: Option<&Value>) -> Vec<String> {
    let items = match value {
        Some(Value::Array(items)) => &items[..],
        Some(item) => std::slice::from_ref(item),
        None => &[],
    };
    let texts = items.iter().filter_map(Value::as_str);
    texts
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
        .collect()
}

/// An item that older tools print as a row of fields and newer ones as an object.
pub(super) fn row(value: &Value) -> Option<String> {
    let Value::Object(fields) = value else {
        return value.as_str().map(str::to_owned);
    };
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    let first = ["type", "id"]
        .into_iter()
        .filter_map(|key| Some((key, fields.get(key)?)));
    let others = fields.iter().map(|(key, value)| (key.as_str(), value));
    let others = others.filter(|(key, _)| !matches!(*key, "type" | "id"));
    let fields = first
        .chain(others)
        .map(|(key, value)| format!("{key}={}", text(value)));
    Some(fields.collect::<Vec<_>>().join(","))
}

/// Checks builds as they are written against the files that there are.
pub(super) struct Checker<'s> {
    /// The first of the files that they are written in.
    pub(super) set: String,
    /// Folders that relative paths may start from, the likeliest first.
    pub(super) bases: Vec<String>,
    /// How the value of a named context that is another build begins: `target:`, `service:`.
    pub(super) scheme: &'static str,
    pub(super) snapshot: &'s Snapshot,
}

impl Checker<'_> {
    /// The builds that can be taken, in order.
    pub(super) fn check_all(
        &self,
        written: Vec<Written>,
        diagnostics: &mut Diagnostics,
    ) -> Vec<Build> {
        let written = written.into_iter();
        written
            .filter_map(|written| self.check(written, diagnostics))
            .collect()
    }

    /// The build, or why it cannot be taken: its context is elsewhere, its Dockerfile is not here.
    fn check(&self, written: Written, diagnostics: &mut Diagnostics) -> Option<Build> {
        let title = format!("{} `{}`", written.kind, written.label);
        let mut refuse = |why: &str, help: &str| {
            let message = format!("{title} is skipped: {why}");
            diagnostics.push(
                Diagnostic::new(Code::BuildLeftOut, message)
                    .at(&written.source, written.span.clone(), "")
                    .help(help),
            );
        };
        let context = written.context.as_deref().unwrap_or(".");
        if is_remote(context) {
            refuse(
                &format!("its context `{context}` is not in this repository"),
                "a plan covers a single checkout",
            );
            return None;
        }
        let file = written.dockerfile.as_deref().unwrap_or("Dockerfile");
        let mut places = self.bases.iter().filter_map(|base| {
            let context = below(base, context)?;
            let dockerfile = below(&context, file)?;
            Some((context, dockerfile))
        });
        let root = &self.snapshot.root;
        let is_there = |(context, dockerfile): &(String, String)| {
            let is_file = matches!(
                root.node(dockerfile),
                Some(Node::File { .. } | Node::Link { .. })
            );
            is_file && root.folder(context).is_some()
        };
        let first = places.clone().next();
        let Some((context, dockerfile)) = places.find(is_there) else {
            let lacks = match first {
                Some((context, _)) if root.folder(&context).is_none() => {
                    format!("there is no folder `{context}` here")
                }
                Some((_, dockerfile)) => format!("there is no file `{dockerfile}` here"),
                None => "one of its paths leads out of the repository".to_owned(),
            };
            refuse(&lacks, "git must track every file of a plan");
            return None;
        };
        let mut contexts = BTreeMap::new();
        for (name, value) in written.contexts {
            let left_out = match (Reference::parse(&name), self.bound(&value)) {
                (Ok(_), Some(bound)) => {
                    contexts.insert(name, bound);
                    continue;
                }
                (Err(error), _) => format!("its name is not a valid reference: {error}"),
                (Ok(_), None) => format!("`{value}` is not in this repository"),
            };
            let message = format!("the context `{name}` of {title} is skipped: {left_out}");
            diagnostics.push(
                Diagnostic::new(Code::ValueLeftOut, message)
                    .at(&written.source, written.span.clone(), "")
                    .help("a named context is a folder of the checkout, an image or another build"),
            );
        }
        let mut settings = BTreeMap::new();
        let mut platforms = Vec::new();
        let wanted = (!written.platforms.is_empty())
            .then(|| ("platforms", Value::from(written.platforms.clone())));
        for (key, value) in written.settings.into_iter().chain(wanted) {
            let Some(problem) = problem_of(key, &value) else {
                if key == "platforms" {
                    platforms.clone_from(&written.platforms);
                } else {
                    settings.insert(key, value);
                }
                continue;
            };
            let message = format!("`{key}` of {title} is not carried over: {problem}");
            diagnostics.push(
                Diagnostic::new(Code::ValueLeftOut, message)
                    .at(&written.source, written.span.clone(), "")
                    .help(SAY_IT),
            );
        }
        Some(Build {
            set: self.set.clone(),
            source: written.source,
            span: written.span,
            labels: vec![written.label],
            kind: written.kind,
            dockerfile,
            context,
            target: written.target,
            arguments: written.arguments,
            references: written.references,
            contexts,
            platforms,
            settings,
            project: written.project,
        })
    }

    fn bound(&self, value: &str) -> Option<Bound> {
        if let Some(image) = value.strip_prefix(IMAGE_SCHEME) {
            let is_legal = Reference::parse(image).is_ok();
            return is_legal.then(|| Bound::Image(image.to_owned()));
        }
        if let Some(build) = value.strip_prefix(self.scheme) {
            return Some(Bound::Build(build.to_owned()));
        }
        if is_remote(value) {
            return None;
        }
        let mut folders = self.bases.iter().filter_map(|base| below(base, value));
        folders
            .find(|folder| self.snapshot.root.folder(folder).is_some())
            .map(Bound::Folder)
    }
}

/// Why the configuration cannot say a setting as it is.
fn problem_of(key: &str, value: &Value) -> Option<String> {
    let text = value.to_string();
    if ["{{", "{%", "{#"].iter().any(|open| text.contains(open)) {
        return Some("it would be a template there".to_owned());
    }
    let config = serde_json::json!({"version": 2, key: value});
    let problems = Config::parse(&config.to_string()).err()?;
    problems
        .iter()
        .next()
        .map(|problem| problem.message.clone())
}

/// Whether a build context is fetched from elsewhere.
fn is_remote(context: &str) -> bool {
    context.contains("://") || context == "-" || !matches!(GitSource::parse(context), Ok(None))
}

/// A path from the root; none where it is absolute or leads out.
fn below(folder: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let path = paths::clean(&paths::join(folder, path));
    (path != ".." && !path.starts_with("../")).then_some(path)
}
