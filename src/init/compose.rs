//! The builds of compose files, of what `docker compose config` prints.

mod lines;
mod required;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::build::{Build, Checker, SAY_IT, Written, extension, row, setting, texts};
use super::evidence::{Reader, is_file, not_asked};
use super::required::VALUE;
use crate::diagnostics::{Code, Diagnostic, Diagnostics, SourceText};
use crate::paths;
use crate::run::evaluate::{Answer, Question, Tool};
use crate::tree::snapshot::Snapshot;
use lines::Line;

/// The names that compose looks for, the first that is there.
pub(super) const NAMES: [&str; 4] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
];

/// The names of files that compose merges into those, the first that is there.
pub(super) const OVERRIDES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// Keys of a build that are part of it.
const TAKEN: [&str; 8] = [
    "context",
    "dockerfile",
    "dockerfile_inline",
    "target",
    "tags",
    "platforms",
    "args",
    "additional_contexts",
];

/// Keys of a build that the configuration has too; `secrets` is one with another form.
const SETTINGS: [&str; 5] = ["ssh", "network", "labels", "cache_from", "cache_to"];

/// How many files that it lacks compose is given, empty.
const MAX_MISSING: usize = 32;

/// How many files one compose file may lead to.
const MAX_NAMED: usize = 256;

/// The builds of the services of compose files, evaluated together, sorted by name. Adds the images of services
/// that build none to `images`.
pub(super) fn builds(
    reader: &mut Reader<'_>,
    files: &[String],
    images: &mut BTreeSet<String>,
    diagnostics: &mut Diagnostics,
) -> Vec<Build> {
    let sources: Vec<SourceText> = files.iter().map(|file| reader.source(file)).collect();
    let mut question = Question {
        tool: Tool::Compose,
        files: files.to_vec(),
        targets: Vec::new(),
        agents: BTreeSet::new(),
        texts: copies(reader.snapshot, files),
    };
    let env = paths::join(paths::folder_of(&files[0]), ".env");
    let mut answer = reader.ask(&question);
    for _ in 0..MAX_MISSING {
        let missing = match &answer {
            Answer::Refused(why) => missing_file(why),
            _ => None,
        };
        let Some(missing) = missing.filter(|file| !question.texts.contains_key(file)) else {
            break;
        };
        // What containers find in their environment is no part of a build.
        question.texts.insert(missing, Vec::new());
        answer = reader.ask(&question);
    }
    let mut required = BTreeSet::new();
    if let Answer::Refused(why) = &answer
        && why.contains("required variable")
    {
        required = required::lacking(&question.texts, &env);
        let mut text = question.texts.remove(&env).unwrap_or_default();
        for name in &required {
            text.extend(format!("\n{name}={VALUE}").into_bytes());
        }
        question.texts.insert(env, text);
        answer = reader.ask(&question);
    }
    let (print, remarks) = match answer {
        Answer::Print(print, remarks) => (print, remarks),
        Answer::Refused(why) => {
            diagnostics.extend(refused(&sources, &why));
            return Vec::new();
        }
        Answer::NotAsked(why) => {
            diagnostics.push(not_asked(Tool::Compose, &sources, &why));
            return Vec::new();
        }
    };
    // What a file says counts more than what it includes or extends says.
    let further = question.texts.keys();
    let further = further.filter(|path| !files.contains(path) && is_yaml(path));
    let further: Vec<SourceText> = further.map(|path| reader.source(path)).collect();
    let all = further.iter().chain(&sources);
    let evaluated = Evaluated {
        lines: all.map(|s| (s, lines::lines(&s.text))).collect(),
        print: &print,
    };
    images.extend(evaluated.images());
    let written = evaluated.written(diagnostics);
    evaluated.report_unset(&remarks, diagnostics);
    diagnostics.extend(required::told(&required, &evaluated.lines));
    evaluated.report_unknown(diagnostics);
    let checker = Checker {
        bases: vec![".".to_owned()],
        scheme: "service:",
        set: files[0].clone(),
        snapshot: reader.snapshot,
    };
    checker.check_all(written, diagnostics)
}

fn is_yaml(path: &str) -> bool {
    matches!(extension(path), "yml" | "yaml")
}

/// Files with the texts that compose needs: those that are named, all that they name, and the variables.
pub(super) fn copies(snapshot: &Snapshot, files: &[String]) -> BTreeMap<String, Vec<u8>> {
    let mut paths: BTreeSet<String> = files.iter().cloned().collect();
    for file in files {
        paths.insert(paths::join(paths::folder_of(file), ".env"));
    }
    let mut left: Vec<String> = files.to_vec();
    while let Some(file) = left.pop().filter(|_| paths.len() < MAX_NAMED) {
        for path in named(snapshot, &file) {
            if paths.insert(path.clone()) {
                left.push(path);
            }
        }
    }
    let texts = paths.into_iter();
    texts
        .filter_map(|path| Some((path.clone(), snapshot.text(&path)?.to_vec())))
        .collect()
}

/// The files here that a compose file may name, by `extends`, `include` or `env_file`, and by the like
/// in these.
pub(super) fn named(snapshot: &Snapshot, file: &str) -> BTreeSet<String> {
    let text = String::from_utf8_lossy(snapshot.text(file).unwrap_or_default());
    let words = text.split(|c: char| c.is_whitespace() || "\"'[]{},=".contains(c));
    let folder = paths::folder_of(file);
    let is_like = |word: &&str| {
        let name = paths::file_name(word);
        [".yml", ".yaml", ".env"]
            .iter()
            .any(|end| name.ends_with(end))
            || name.starts_with(".env")
    };
    words
        .filter(is_like)
        .map(|word| paths::clean(&paths::join(folder, word)))
        .filter(|path| is_file(snapshot, path))
        .collect()
}

/// The file that compose looks for and that is not there; none of those outside the checkout.
fn missing_file(why: &str) -> Option<String> {
    let (_, rest) = why.split_once("env file ")?;
    let (path, _) = rest.split_once(" not found")?;
    let is_below = !path.starts_with('/') && path.split('/').all(|part| part != "..");
    is_below.then(|| path.to_owned())
}

fn refused(sources: &[SourceText], why: &str) -> Option<Diagnostic> {
    let line = why.lines().last().unwrap_or_default();
    let message = format!("Compose refuses this file: {line}");
    let number = line.split_once("line ").map(|(_, rest)| rest);
    let number = number.and_then(|rest| {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        rest[..digits].parse::<usize>().ok()?.checked_sub(1)
    });
    let named = sources.iter().find(|source| line.contains(&source.path));
    let source = named.or(sources.first())?;
    let start: usize = match number {
        Some(before) => source
            .text
            .split_inclusive('\n')
            .take(before)
            .map(str::len)
            .sum(),
        None => 0,
    };
    Some(
        Diagnostic::new(Code::UnreadableEvidence, message)
            .at(source, start..start, "")
            .help("`init` continues without this file"),
    )
}

/// What compose says of its files.
struct Evaluated<'e> {
    lines: Vec<(&'e SourceText, Vec<Line>)>,
    print: &'e Value,
}

impl Evaluated<'_> {
    fn services(&self) -> impl Iterator<Item = (&String, &Value, &Map<String, Value>)> {
        let services = self.print["services"].as_object();
        let services = services.into_iter().flatten();
        services.filter_map(|(name, service)| Some((name, service, service["build"].as_object()?)))
    }

    /// The images of services that build none.
    fn images(&self) -> impl Iterator<Item = String> {
        let services = self.print["services"].as_object();
        let services = services.into_iter().flat_map(Map::values);
        let services = services.filter(|service| service["build"].is_null());
        services.filter_map(|service| Some(service["image"].as_str()?.to_owned()))
    }

    /// Where the last of the files that say it has these keys, or the first of them that it has.
    fn place(&self, keys: &[&str]) -> (SourceText, std::ops::Range<usize>) {
        for length in (1..=keys.len()).rev() {
            for (source, lines) in self.lines.iter().rev() {
                let mut lines = lines.iter();
                if let Some(line) = lines.find(|line| line.keys == keys[..length]) {
                    return ((*source).clone(), line.key.clone());
                }
            }
        }
        let source = self.lines.last().map(|(source, _)| (*source).clone());
        (source.unwrap_or_else(|| SourceText::new("", "")), 0..0)
    }

    fn written(&self, diagnostics: &mut Diagnostics) -> Vec<Written> {
        let mut found = Vec::new();
        for (name, service, build) in self.services() {
            let (source, span) = self.place(&["services", name]);
            if build.contains_key("dockerfile_inline") {
                let (source, span) = self.place(&["services", name, "build", "dockerfile_inline"]);
                let message = format!("service `{name}` is skipped: its Dockerfile is inline");
                let diagnostic = Diagnostic::new(Code::BuildLeftOut, message)
                    .at(&source, span, "")
                    .because_of("its Dockerfile is inline")
                    .help("move it to a file that git tracks");
                diagnostics.push(diagnostic);
                continue;
            }
            let text = |value: &Value| {
                let text = value.as_str()?.trim();
                (!text.is_empty()).then(|| text.to_owned())
            };
            let map = |key: &str| -> BTreeMap<String, String> {
                let pairs = build.get(key).and_then(Value::as_object);
                let pairs = pairs.into_iter().flatten();
                pairs
                    .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
                    .collect()
            };
            let image = text(&service["image"]);
            // A tag whose variable has no value is none.
            let image = image.map(|image| {
                let image = image.strip_suffix(VALUE).unwrap_or(&image);
                image.trim_end_matches(':').to_owned()
            });
            let mut platforms = texts(build.get("platforms"));
            if platforms.is_empty() {
                platforms.extend(text(&service["platform"]));
            }
            let mut settings = BTreeMap::new();
            for key in SETTINGS {
                let value = match build.get(key) {
                    Some(Value::Array(items)) => {
                        Value::from(items.iter().filter_map(row).collect::<Vec<_>>())
                    }
                    Some(value) => value.clone(),
                    None => continue,
                };
                if setting(&value) {
                    settings.insert(key, value);
                }
            }
            if let Some(secrets) = self.secrets(build) {
                settings.insert("secrets", secrets);
            }
            let project = image.is_none().then(|| self.project()).flatten();
            self.report_keys(name, build, diagnostics);
            let context = build.get("context").and_then(text);
            found.push(Written {
                source,
                span,
                label: name.to_owned(),
                kind: "service",
                context,
                dockerfile: build.get("dockerfile").and_then(text),
                target: build.get("target").and_then(text),
                arguments: map("args"),
                references: image.into_iter().chain(texts(build.get("tags"))).collect(),
                contexts: map("additional_contexts"),
                platforms,
                settings,
                project,
            });
        }
        found
    }

    /// What the files call their project; compose takes the name of its folder otherwise.
    fn project(&self) -> Option<String> {
        let mut lines = self.lines.iter().rev().flat_map(|(_, lines)| lines);
        lines.find(|line| line.keys == ["name"])?;
        Some(self.print["name"].as_str()?.to_owned())
    }

    /// The secrets of a build as the configuration has them: where their values are stands elsewhere.
    fn secrets(&self, build: &Map<String, Value>) -> Option<Value> {
        let secrets = build.get("secrets")?.as_array()?.iter();
        let secrets = secrets.filter_map(|secret| {
            let name = secret["source"].as_str()?;
            let id = secret["target"].as_str().unwrap_or(name);
            let defined = &self.print["secrets"][name];
            if let Some(variable) = defined["environment"].as_str() {
                return Some(json!({"id": id, "env": variable}));
            }
            let file = defined["file"].as_str()?;
            Some(json!({"id": id, "src": file}))
        });
        let secrets: Vec<Value> = secrets.collect();
        (!secrets.is_empty()).then(|| Value::from(secrets))
    }

    fn report_keys(&self, name: &str, build: &Map<String, Value>, diagnostics: &mut Diagnostics) {
        let is_carried = |key: &str| TAKEN.contains(&key) || SETTINGS.contains(&key);
        for (key, value) in build {
            let is_secret = key == "secrets" && self.secrets(build).is_some();
            if is_carried(key) || is_secret || key.starts_with("x-") || !setting(value) {
                continue;
            }
            let (source, span) = self.place(&["services", name, "build", key]);
            let message = format!("`{key}` of service `{name}` is not carried over");
            let diagnostic = Diagnostic::new(Code::ValueLeftOut, message)
                .at(&source, span, "")
                .because_of(format!("{key} of a service"))
                .help(SAY_IT);
            diagnostics.push(diagnostic);
        }
    }

    /// Tells of variables that have no value, where builds ask for them.
    fn report_unset(&self, remarks: &[String], diagnostics: &mut Diagnostics) {
        let unset: BTreeSet<&str> = remarks
            .iter()
            .filter_map(|line| {
                let (_, rest) = line.split_once("The \\\"")?;
                let (name, rest) = rest.split_once("\\\" variable")?;
                rest.contains("is not set").then_some(name)
            })
            .collect();
        for name in unset {
            let asks = |line: &&Line| line.is_of_build() && line.asks_for(name);
            let mut files = self.lines.iter();
            let Some((source, line)) =
                files.find_map(|(source, lines)| Some((*source, lines.iter().find(asks)?)))
            else {
                continue;
            };
            let env = paths::join(paths::folder_of(&source.path), ".env");
            let message = format!("`{name}` has neither a value in `{env}` nor a default");
            diagnostics.push(
                Diagnostic::new(Code::ValueLeftOut, message)
                    .at(source, line.value.clone(), "")
                    .help("it is empty here, as for Compose; the environment is not read"),
            );
        }
    }

    /// Tells of arguments whose value the environment gives.
    fn report_unknown(&self, diagnostics: &mut Diagnostics) {
        for (source, lines) in &self.lines {
            for (name, span) in lines.iter().flat_map(Line::bare_arguments) {
                let mut services = self.services();
                if services.any(|(_, _, build)| {
                    !build.get("args").is_none_or(|args| args[&name].is_null())
                }) {
                    continue;
                }
                let message = format!("`{name}` takes its value from the environment of the build");
                let help =
                    format!(r#"to fix it: `"build_args": {{"{name}": "…"}}` in .shipwright.json"#);
                diagnostics.push(
                    Diagnostic::new(Code::ValueLeftOut, message)
                        .at(source, span, "")
                        .help(help),
                );
            }
        }
    }
}
