//! What bake prints of the targets of files.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};

use super::told::Told;
use super::written::Written;
use crate::support::repo::Repo;

/// What a plan adds by itself.
const OWN_LABELS: [&str; 3] = [
    "dev.shipwright.fingerprint",
    "org.opencontainers.image.created",
    "org.opencontainers.image.revision",
];
const OWN_ATTEST: &str = "type=provenance,disabled=true";

pub(super) struct Printed(Value);

/// A target, as bake prints it.
pub(super) struct Target<'p>(&'p Map<String, Value>);

impl Printed {
    /// Of all targets that the files have.
    #[track_caller]
    pub(super) fn of_files(repo: &Repo, files: &[String], written: &Written) -> Self {
        let targets: Vec<&str> = written.labels().collect();
        let mut printed = Self::ask(repo, files, &targets);
        if files.iter().all(|file| file.ends_with("ml")) {
            printed.add_of_compose(repo, files);
        }
        printed.normalize_platforms();
        printed
    }

    /// Writes platforms as BuildKit reads them, which is how a plan has them: `v8` is what arm64 means.
    fn normalize_platforms(&mut self) {
        let targets = self.0["target"].as_object_mut().expect("targets");
        let platforms = targets
            .values_mut()
            .filter_map(|target| target.get_mut("platforms"));
        for platform in platforms.filter_map(Value::as_array_mut).flatten() {
            if *platform == "linux/arm64/v8" {
                *platform = json!("linux/arm64");
            }
        }
    }

    /// Adds what bake leaves out of compose files.
    #[track_caller]
    fn add_of_compose(&mut self, repo: &Repo, files: &[String]) {
        let files = files.iter().flat_map(|file| ["--file", file]);
        let mut arguments = vec!["compose", "--profile", "*"];
        arguments.extend(files);
        arguments.extend(["config", "--format", "json"]);
        let config: Value = serde_json::from_slice(&docker(repo, &arguments)).unwrap();
        for (label, target) in self.0["target"].as_object_mut().expect("targets") {
            let service = &config["services"][label];
            let mut add = |key: &str, value: &Value| {
                if !value.is_null() {
                    target[key] = value.clone();
                }
            };
            if let Some(platform) = service["platform"].as_str() {
                add("platforms", &json!([platform]));
            }
            add("platforms", &service["build"]["platforms"]);
            add("ssh", &service["build"]["ssh"]);
        }
    }

    /// Of what a plan was emitted to.
    #[track_caller]
    pub(super) fn of_plan(repo: &Repo, file: &str) -> Self {
        Self::ask(repo, &[file.to_owned()], &[])
    }

    #[track_caller]
    fn ask(repo: &Repo, files: &[String], targets: &[&str]) -> Self {
        let mut arguments = vec!["buildx", "bake", "--progress", "quiet", "--print"];
        arguments.extend(files.iter().flat_map(|file| ["--file", file]));
        arguments.extend(targets);
        Self(serde_json::from_slice(&docker(repo, &arguments)).unwrap())
    }

    /// The targets that a block makes: itself, or those of its matrix.
    pub(super) fn members(&self, label: &str) -> Vec<String> {
        if self.0["target"][label].is_object() {
            return vec![label.to_owned()];
        }
        let members = self.0["group"][label]["targets"].as_array();
        let members = members.into_iter().flatten();
        members.map(|m| m.as_str().unwrap().to_owned()).collect()
    }

    #[track_caller]
    pub(super) fn target(&self, name: &str) -> Target<'_> {
        Target(self.0["target"][name].as_object().expect(name))
    }

    /// The target that builds an image of a plan: its name ends in digits of the fingerprint.
    #[track_caller]
    pub(super) fn made_of(&self, image: &Value) -> String {
        let fingerprint = image["fingerprint"].as_str().expect("a fingerprint");
        let targets = self.0["target"].as_object().expect("targets");
        let mut names = targets.keys();
        let found = names.find(|name| name.ends_with(&fingerprint[..12]));
        found.expect(fingerprint).clone()
    }
}

impl<'p> Target<'p> {
    pub(super) fn has(&self, key: &str) -> bool {
        // Compose's words have underscores.
        let word = match key {
            "secrets" => "secret".to_owned(),
            "additional_contexts" => "contexts".to_owned(),
            key => key.replace('_', "-"),
        };
        self.0.contains_key(&word)
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.as_str()
    }

    fn pairs(&self, key: &str) -> impl Iterator<Item = (&String, &Value)> {
        self.0
            .get(key)
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
    }

    fn of(&self, key: &str, name: &str) -> Option<&Value> {
        self.0.get(key)?.get(name)
    }

    fn texts(&self, key: &str) -> BTreeSet<&'p str> {
        let items = self.0.get(key).and_then(Value::as_array);
        items
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }

    /// The fields of each secret; a type says nothing that these do not.
    fn secrets(&self) -> BTreeSet<BTreeSet<&str>> {
        let fields = |row: &'p str| row.split(',').filter(|field| !field.starts_with("type="));
        let rows = self.texts("secret").into_iter();
        rows.map(|row| fields(row).collect()).collect()
    }

    fn context(&self) -> String {
        clean(self.text("context").unwrap_or("."))
    }

    fn dockerfile(&self) -> String {
        let file = self.text("dockerfile").unwrap_or("Dockerfile");
        clean(&format!("{}/{file}", self.context()))
    }

    /// The keys that another says otherwise or not at all.
    pub(super) fn missing_in(
        &self,
        other: &Target<'_>,
        repo: &Repo,
        told: &Told,
        label: &str,
    ) -> Vec<String> {
        let mut missing = Vec::new();
        for key in self.0.keys() {
            let is_same = match key.as_str() {
                "tags" => true,
                "context" => self.context() == other.context(),
                "dockerfile" => self.dockerfile() == other.dockerfile(),
                "target" => {
                    let target = self.text("target");
                    target == other.text("target")
                        || other.text("target").is_none()
                            && target == last_stage(repo, &self.dockerfile()).as_deref()
                }
                "args" => self.pairs(key).all(|(name, value)| {
                    other.of(key, name) == Some(value) || told.of_argument(name, value, label)
                }),
                "labels" => self
                    .pairs(key)
                    .all(|(name, value)| other.of(key, name) == Some(value)),
                "contexts" => {
                    for (name, value) in self.pairs(key) {
                        let (value, bound) = (value.as_str(), other.of(key, name));
                        let bound = bound.and_then(Value::as_str);
                        let is_same = match value.and_then(|value| value.split_once(':')) {
                            Some(("target" | "service", _)) => {
                                bound.is_some_and(|bound| bound.starts_with("target:"))
                            }
                            Some(("docker-image", image)) => {
                                bound.is_some_and(|bound| bound.ends_with(image.trim_matches('/')))
                            }
                            Some(_) => bound == value,
                            None => bound.map(clean) == value.map(clean),
                        };
                        missing.extend((!is_same).then(|| name.clone()));
                    }
                    true
                }
                "secret" => self.secrets() == other.secrets(),
                _ => self.0.get(key) == other.0.get(key),
            };
            missing.extend((!is_same).then(|| key.clone()));
        }
        missing
    }

    /// What this one says and another, which it was made of, does not.
    pub(super) fn inventions(&self, original: &Target<'_>) -> Vec<String> {
        let mut invented = Vec::new();
        for (key, ours) in self.0 {
            match key.as_str() {
                "tags" | "context" | "dockerfile" | "output" => {}
                "attest" => {
                    let mut ours = self.texts(key);
                    ours.remove(OWN_ATTEST);
                    let further = ours.difference(&original.texts(key)).count();
                    invented.extend((further > 0).then(|| key.clone()));
                }
                "args" | "labels" | "contexts" => {
                    for (name, value) in self.pairs(key) {
                        let is_known = original.pairs(key).any(|(known, _)| known == name);
                        let is_own = OWN_LABELS.contains(&name.as_str());
                        let is_edge = value.as_str().is_some_and(|v| v.starts_with("target:"));
                        if !(is_known || is_own || key == "contexts" && is_edge) {
                            invented.push(format!("{key} {name}"));
                        }
                    }
                }
                "secret" => {
                    let is_new = self.secrets() != original.secrets();
                    invented.extend(is_new.then(|| key.clone()));
                }
                key => {
                    let is_new = original.0.get(key) != Some(ours);
                    invented.extend(is_new.then(|| key.to_owned()));
                }
            }
        }
        invented
    }
}

/// What docker prints, in an environment of its own, in which there is an agent of ssh.
#[track_caller]
fn docker(repo: &Repo, arguments: &[&str]) -> Vec<u8> {
    let agent = repo.join("agent");
    let _ = fs::remove_file(&agent);
    let _agent = UnixListener::bind(&agent).unwrap();
    let mut command = Command::new("docker");
    command.current_dir(repo.path()).stdin(Stdio::null());
    command.env_clear().env("PUSH", "true");
    command.env("SSH_AUTH_SOCK", "agent");
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    let output = command.args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    output.stdout
}

/// A path without `.` and `..`.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The name of the last stage of a Dockerfile.
#[track_caller]
fn last_stage(repo: &Repo, path: &str) -> Option<String> {
    let text = fs::read_to_string(repo.join(path)).expect(path);
    let mut lines = text.lines().rev();
    let line = lines.find(|line| line.starts_with("FROM "))?;
    line.split_once(" AS ").map(|(_, name)| name.to_owned())
}
