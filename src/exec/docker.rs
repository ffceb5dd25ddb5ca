//! The engine behind the `docker` client.
#![allow(
    clippy::disallowed_methods,
    reason = "running docker is the purpose of `exec`"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde::Deserialize;

use super::builder;
use super::child;
use super::command::shell_line;
use super::engine::{Engine, FINGERPRINT_LABEL, Failed, Found, Host};
use super::parallel;
use super::socket::Socket;
use super::stop::Stop;
use crate::diagnostics::Diagnostic;

/// The first version whose builder knows named contexts.
const OLDEST: u32 = 23;
/// How many images one look takes; keeps the command line short.
const BATCH: usize = 500;

/// The `docker` client, run at the root of a plan.
#[derive(Debug, Clone)]
pub struct Docker {
    /// The client's program: a name on `PATH` or a path.
    pub program: OsString,
    /// The root of the plan, which the paths of a build are relative to.
    pub root: PathBuf,
}

impl Docker {
    /// The `docker` on `PATH`.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self {
            program: "docker".into(),
            root: root.into(),
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(&self.root).stdin(Stdio::null());
        // A Ctrl-C in the terminal stops the run at a sound place, not whatever client runs.
        command.process_group(0);
        // buildx would add these to every build, where the plan alone decides.
        command.env_remove("SOURCE_DATE_EPOCH");
        command.env_remove("BUILDX_GIT_LABELS");
        command
    }

    /// Runs the client to its end.
    pub(super) fn output<'a>(
        &self,
        arguments: impl IntoIterator<Item = &'a str>,
    ) -> Result<Output, Diagnostic> {
        self.command()
            .args(arguments)
            .output()
            .map_err(|error| self.not_started(&error))
    }

    fn not_started(&self, error: &io::Error) -> Diagnostic {
        let program = self.program.to_string_lossy();
        Diagnostic::error("docker-missing", format!("cannot run `{program}`: {error}"))
            .help("install the Docker client with buildx")
    }

    fn stream(
        &self,
        arguments: &[&str],
        stop: &Stop,
        line: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(), Failed> {
        let mut command = self.command();
        command.args(arguments);
        match child::stream(command, stop, line) {
            Ok(status) if status.success() => Ok(()),
            _ if stop.requested() => Err(Failed::Stopped),
            Ok(status) => Err(Failed::Status(status.to_string())),
            Err(error) => Err(Failed::Status(format!("cannot run docker: {error}"))),
        }
    }

    /// The engine's own socket, where the client reaches it over one.
    fn socket(&self) -> Option<Socket> {
        let format = "{{.Endpoints.docker.Host}}";
        let output = self
            .output(["context", "inspect", "--format", format])
            .ok()?;
        Socket::connect(text(&output.stdout).trim())
    }

    /// Whether the engine's store can hold an image of several platforms.
    fn holds_indexes(&self) -> Result<bool, Diagnostic> {
        let output = self.output(["info", "--format", "{{json .DriverStatus}}"])?;
        Ok(text(&output.stdout).contains("io.containerd.snapshotter"))
    }

    /// Every reference that the engine knows, in its short form, with the id of its image.
    fn listed(&self) -> Result<BTreeMap<String, String>, Diagnostic> {
        let format = "{{.ID}} {{.Repository}}:{{.Tag}}";
        let output = self.output(["image", "ls", "--no-trunc", "--format", format])?;
        if !output.status.success() {
            return Err(unreachable(&text(&output.stderr)));
        }
        let listed = text(&output.stdout);
        let pairs = listed.lines().filter_map(|line| line.split_once(' '));
        Ok(pairs
            .map(|(id, reference)| (reference.to_owned(), id.to_owned()))
            .collect())
    }

    /// The images of these ids; one that is gone meanwhile is left out.
    fn inspected(&self, ids: &BTreeSet<&str>) -> Result<BTreeMap<String, Found>, Diagnostic> {
        let ids: Vec<&str> = ids.iter().copied().collect();
        let mut found = BTreeMap::new();
        for batch in ids.chunks(BATCH) {
            let fixed = ["image", "inspect", "--format", "{{json .}}"];
            let output = self.output(fixed.iter().chain(batch).copied())?;
            let images = text(&output.stdout);
            for image in images
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok())
            {
                let Inspected {
                    id,
                    architecture,
                    config,
                } = image;
                let labels = config.and_then(|config| config.labels).unwrap_or_default();
                let image = Found {
                    id: id.clone(),
                    fingerprint: labels.get(FINGERPRINT_LABEL).cloned(),
                    architecture,
                };
                found.insert(id, image);
            }
        }
        Ok(found)
    }
}

impl Engine for Docker {
    fn host(&self, builder: Option<&str>) -> Result<Host, Diagnostic> {
        let output = self.output(["version", "--format", "{{json .}}"])?;
        let versions: Versions = serde_json::from_slice(&output.stdout)
            .map_err(|_| unreachable(&text(&output.stderr)))?;
        let Some(server) = versions.server else {
            return Err(unreachable(&text(&output.stderr)));
        };
        let major: Option<u32> = server
            .version
            .split('.')
            .next()
            .and_then(|m| m.parse().ok());
        if major.is_some_and(|major| major < OLDEST) {
            let message = format!("the Docker engine is of version {}", server.version);
            return Err(Diagnostic::error("engine-too-old", message).help(format!(
                "named contexts, which bind each image to its own base, need {OLDEST} or newer"
            )));
        }
        let own = Host {
            architecture: server.arch,
            // A context of the client has a builder of the same name, which is the engine itself.
            builder: versions
                .client
                .context
                .unwrap_or_else(|| "default".to_owned()),
            shares_images: true,
        };
        let Some(name) = builder.filter(|name| *name != own.builder) else {
            return Ok(own);
        };
        let inspected = self.output(["buildx", "inspect", name])?;
        if !inspected.status.success() {
            return Err(builder::unknown(name, &text(&inspected.stderr)));
        }
        builder::chosen(name, &text(&inspected.stdout), own)
    }

    fn check_builds(&self, multi_platform: bool) -> Result<(), Diagnostic> {
        let buildx = self.output(["buildx", "version"])?;
        if !buildx.status.success() {
            let message = "the Docker client has no `buildx`";
            return Err(Diagnostic::error("buildx-missing", message)
                .help("install its plugin, `docker-buildx` or `docker-buildx-plugin` by package"));
        }
        if multi_platform && !self.holds_indexes()? {
            let message = "the engine's image store cannot hold an image of several platforms";
            return Err(Diagnostic::error("multi-platform", message)
                .help("a builder of its own puts it into a registry: `docker buildx create --name NAME`, then `exec --push --builder NAME`")
                .help("so does bake: `shipwright emit bake > docker-bake.hcl && PUSH=true docker buildx bake --builder NAME`")
                .help("or switch the engine to the containerd image store, or plan one platform"));
        }
        Ok(())
    }

    fn look(&self, references: &BTreeSet<&str>) -> Result<BTreeMap<String, Found>, Diagnostic> {
        let listed = self.listed()?;
        let wanted: BTreeMap<&str, &str> = references
            .iter()
            .filter_map(|reference| Some((*reference, listed.get(short_form(reference))?.as_str())))
            .collect();
        let found = self.inspected(&wanted.values().copied().collect())?;
        Ok(wanted
            .into_iter()
            .filter_map(|(reference, id)| Some((reference.to_owned(), found.get(id)?.clone())))
            .collect())
    }

    fn command_line(&self, arguments: &[String]) -> String {
        let program = self.program.to_string_lossy();
        shell_line(std::iter::once(&*program).chain(arguments.iter().map(String::as_str)))
    }

    fn build(
        &self,
        arguments: &[String],
        stop: &Stop,
        line: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(), Failed> {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.stream(&arguments, stop, line)
    }

    fn push(
        &self,
        reference: &str,
        stop: &Stop,
        line: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(), Failed> {
        self.stream(&["push", reference], stop, line)
    }

    fn pull(
        &self,
        reference: &str,
        stop: &Stop,
        line: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(), Failed> {
        self.stream(&["pull", reference], stop, line)
    }

    fn tag(&self, pairs: &[(&str, &str)], jobs: usize) -> Vec<Result<(), String>> {
        if let Some(mut socket) = self.socket() {
            let tag = |(source, target): &(&str, &str)| socket.tag(source, target);
            return pairs.iter().map(tag).collect();
        }
        parallel::map(jobs, pairs, |(source, target)| {
            let output = self.output(["tag", source, target]);
            let output = output.map_err(|diagnostic| diagnostic.message)?;
            if output.status.success() {
                Ok(())
            } else {
                Err(text(&output.stderr).trim().to_owned())
            }
        })
    }
}

/// `docker version --format '{{json .}}'`, as far as it matters.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Versions {
    client: Client,
    server: Option<Server>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Client {
    context: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Server {
    version: String,
    arch: String,
}

/// One line of `docker image inspect --format '{{json .}}'`, as far as it matters.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    id: String,
    #[serde(default)]
    architecture: String,
    config: Option<Config>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    labels: Option<BTreeMap<String, String>>,
}

/// An engine that does not answer, and what docker says of it.
pub(super) fn unreachable(stderr: &str) -> Diagnostic {
    let message = "the Docker engine does not answer";
    let said = stderr.trim();
    let diagnostic = Diagnostic::error("engine-unreachable", message);
    let diagnostic = if said.is_empty() {
        diagnostic
    } else {
        diagnostic.help(format!("docker says: {said}"))
    };
    diagnostic.help("start it, or point DOCKER_HOST or `docker context use` at one that runs")
}

/// A reference as the engine lists it: without Docker Hub's name, which goes without saying.
pub(super) fn short_form(reference: &str) -> &str {
    let path = ["docker.io/", "index.docker.io/"]
        .iter()
        .find_map(|hub| reference.strip_prefix(hub))
        .unwrap_or(reference);
    match path.strip_prefix("library/") {
        Some(official) if !official.contains('/') => official,
        _ => path,
    }
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_looked_up_as_the_engine_lists_them() {
        for (reference, listed) in [
            ("us/app:1", "us/app:1"),
            ("docker.io/us/app:1", "us/app:1"),
            ("docker.io/library/app:1", "app:1"),
            ("index.docker.io/us/app:1", "us/app:1"),
            ("library/app:1", "app:1"),
            ("127.0.0.1:5000/app:1", "127.0.0.1:5000/app:1"),
        ] {
            assert_eq!(short_form(reference), listed, "{reference}");
        }
    }
}
