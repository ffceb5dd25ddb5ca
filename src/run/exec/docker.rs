//! The engine behind the `docker` client.
#![allow(
    clippy::disallowed_methods,
    reason = "running docker is the purpose of `exec`"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use serde::Deserialize;

use super::builder;
use super::command::{shell_line, shell_word};
use super::engine::{Engine, Failed, Host};
use super::held::Held;
use super::known::Known;
use super::socket::Socket;
use crate::diagnostics::{Code, Diagnostic};
use crate::run::buildx;
use crate::run::child;
use crate::run::found::Found;
use crate::run::parallel;
use crate::run::policy;
use crate::run::stop::Stop;

/// The first version whose builder knows named contexts.
const OLDEST: u32 = 23;
/// How long the client may take for an answer: its engine may be on another machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a push or a fetch of one image may take.
const TRANSFER: Duration = Duration::from_secs(2 * 60 * 60);

/// The `docker` client, run at the root of a plan.
#[derive(Debug, Clone)]
pub struct Docker {
    /// The client's program: a name on `PATH` or a path.
    program: OsString,
    /// The root of the plan, which the paths of a build are relative to.
    root: PathBuf,
    /// What was learnt of images earlier.
    pub(super) known: Option<Known>,
    /// What builds are held to.
    held: Option<Held>,
    /// Asked for once.
    context: OnceLock<Context>,
}

/// The client's context: how it reaches an engine.
#[derive(Debug, Clone, Default)]
struct Context {
    name: String,
    endpoint: String,
}

impl Docker {
    /// The `docker` on `PATH`.
    pub(crate) fn at(root: impl Into<PathBuf>) -> Self {
        Self::new("docker", root)
    }

    /// That program, a name on `PATH` or a path.
    pub fn new(program: impl Into<OsString>, root: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            root: root.into(),
            known: None,
            held: None,
            context: OnceLock::new(),
        }
    }

    /// What is learnt of images is kept in that file for the next run.
    #[must_use]
    pub(crate) fn remembering(mut self, file: Option<PathBuf>) -> Self {
        self.known = file.map(Known::at);
        self
    }

    /// Builds are held to that source policy.
    #[must_use]
    pub(super) fn holding(mut self, held: Option<Held>) -> Self {
        self.held = held;
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(&self.root).stdin(Stdio::null());
        // These would get into every build, where the plan alone decides.
        for variable in buildx::ENVIRONMENT {
            command.env_remove(variable);
        }
        command
    }

    /// Runs the client to its end.
    pub(super) fn output<'a>(
        &self,
        arguments: impl IntoIterator<Item = &'a str>,
    ) -> Result<Output, Diagnostic> {
        let mut command = self.command();
        command.args(arguments);
        child::output(command, PATIENCE).map_err(|error| match error.kind() {
            io::ErrorKind::TimedOut => {
                unreachable(&format!("nothing, for {} seconds", PATIENCE.as_secs()))
            }
            _ => self.not_started(&error),
        })
    }

    fn not_started(&self, error: &io::Error) -> Diagnostic {
        let program = self.program.to_string_lossy();
        Diagnostic::new(
            Code::DockerMissing,
            format!("cannot run `{program}`: {error}"),
        )
        .help("install the Docker client with buildx")
    }

    fn stream(
        &self,
        arguments: &[&str],
        stop: &Stop,
        limit: Option<Duration>,
        line: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(), Failed> {
        let mut command = self.command();
        command.args(arguments);
        stream(command, stop, limit, line)
    }

    /// The client's context; empty where it does not say, and then other calls fail with the reason.
    fn context(&self) -> &Context {
        self.context.get_or_init(|| {
            let format = "{{.Name}} {{.Endpoints.docker.Host}}";
            let output = self.output(["context", "inspect", "--format", format]);
            let said = output
                .map(|output| text(&output.stdout))
                .unwrap_or_default();
            let (name, endpoint) = said.trim().split_once(' ').unwrap_or_default();
            Context {
                name: name.to_owned(),
                endpoint: endpoint.to_owned(),
            }
        })
    }

    /// The engine's own socket, where the client reaches it over one.
    pub(super) fn socket(&self) -> Option<Socket> {
        Socket::connect(&self.context().endpoint)
    }

    /// What the engine says of itself: over its socket, else by the client.
    fn server(&self) -> Result<Server, Diagnostic> {
        let answer = self.socket().and_then(|socket| socket.get("/version").ok());
        if let Some(server) = answer.and_then(|body| serde_json::from_slice(&body).ok()) {
            return Ok(server);
        }
        let output = self.output(["version", "--format", "{{json .Server}}"])?;
        let server: Option<Server> = serde_json::from_slice(&output.stdout)
            .map_err(|_| unreachable(&text(&output.stderr)))?;
        server.ok_or_else(|| unreachable(&text(&output.stderr)))
    }

    /// Whether the engine's store can hold an image of several platforms.
    fn holds_indexes(&self) -> Result<bool, Diagnostic> {
        let output = self.output(["info", "--format", "{{json .DriverStatus}}"])?;
        Ok(text(&output.stdout).contains("io.containerd.snapshotter"))
    }
}

impl Engine for Docker {
    fn host(&self, builder: Option<&str>) -> Result<Host, Diagnostic> {
        let server = self.server()?;
        let major: Option<u32> = server
            .version
            .split('.')
            .next()
            .and_then(|m| m.parse().ok());
        if major.is_some_and(|major| major < OLDEST) {
            let message = format!("the Docker engine has version {}", server.version);
            return Err(Diagnostic::new(Code::EngineTooOld, message).help(format!(
                "named contexts, which bind each image to its own base, need {OLDEST} or newer"
            )));
        }
        let own = Host {
            architecture: server.arch,
            // A context of the client has a builder of the same name, which is the engine itself.
            builder: match &*self.context().name {
                "" => "default".to_owned(),
                name => name.to_owned(),
            },
            shares_images: true,
            holds_sources: major.is_none_or(|major| major >= policy::FIRST_ENGINE),
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
            return Err(Diagnostic::new(Code::BuildxMissing, message)
                .help("install the package `docker-buildx` or `docker-buildx-plugin`"));
        }
        if multi_platform && !self.holds_indexes()? {
            let message = "the engine's image store cannot hold an image of several platforms";
            return Err(Diagnostic::new(Code::MultiPlatform, message)
                .help("a separate builder can push it to a registry: `docker buildx create --name NAME`, then `exec --push --builder NAME`")
                .help("or build each platform separately: `exec --push --only-platform P` for each one, then `exec --push --no-build`")
                .help("or with bake: `shipwright emit bake > docker-bake.hcl && PUSH=true docker buildx bake --builder NAME`")
                .help("or switch the engine to the containerd image store, or plan a single platform"));
        }
        Ok(())
    }

    fn look(&self, references: &BTreeSet<&str>) -> Result<BTreeMap<String, Found>, Diagnostic> {
        self.found(references)
    }

    fn tagged(&self, tags: &BTreeSet<&str>) -> Result<BTreeSet<String>, Diagnostic> {
        let references = self.references()?.into_iter();
        let has_tag = |reference: &String| {
            let tag = reference.rsplit_once(':').map(|(_, tag)| tag);
            tag.is_some_and(|tag| tags.contains(tag))
        };
        Ok(references.filter(has_tag).collect())
    }

    fn command_line(&self, arguments: &[String]) -> String {
        let program = self.program.to_string_lossy();
        let words = std::iter::once(&*program).chain(arguments.iter().map(String::as_str));
        let line = shell_line(words);
        match self.held.as_ref().map(Held::file) {
            Some(Ok(file)) => {
                let file = file.to_string_lossy();
                format!("{}={} {line}", policy::VARIABLE, shell_word(&file))
            }
            _ => line,
        }
    }

    fn build(
        &self,
        arguments: &[String],
        stop: &Stop,
        line: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(), Failed> {
        let mut command = self.command();
        if let Some(held) = &self.held {
            let file = held
                .file()
                .map_err(|problem| Failed::Status(problem.message))?;
            command.env(policy::VARIABLE, file);
        }
        command.args(arguments);
        stream(command, stop, None, line)
    }

    fn push(
        &self,
        reference: &str,
        stop: &Stop,
        line: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(), Failed> {
        self.stream(&["push", reference], stop, Some(TRANSFER), line)
    }

    fn pull(
        &self,
        reference: &str,
        stop: &Stop,
        line: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(), Failed> {
        self.stream(&["pull", reference], stop, Some(TRANSFER), line)
    }

    fn tag(&self, pairs: &[(&str, &str)], jobs: usize) -> Vec<Result<(), String>> {
        if let Some(socket) = self.socket() {
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

/// Runs a command to its end, giving each line that it prints.
fn stream(
    command: Command,
    stop: &Stop,
    limit: Option<Duration>,
    line: &mut (dyn FnMut(&str) + Send),
) -> Result<(), Failed> {
    match child::stream(command, stop, limit, line) {
        Ok(status) if status.success() => Ok(()),
        _ if stop.requested() => Err(Failed::Stopped),
        Ok(status) => Err(Failed::Status(status.to_string())),
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            Err(Failed::Status("it took too long".to_owned()))
        }
        Err(error) => Err(Failed::Status(format!("cannot run docker: {error}"))),
    }
}

/// What an engine says of itself, as far as it matters.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Server {
    version: String,
    arch: String,
}

/// An engine that does not answer, and what docker says of it.
pub(super) fn unreachable(stderr: &str) -> Diagnostic {
    let message = "the Docker engine does not answer";
    let said = stderr.trim();
    let diagnostic = Diagnostic::new(Code::EngineUnreachable, message);
    let diagnostic = if said.is_empty() {
        diagnostic
    } else {
        diagnostic.help(format!("docker reports: {said}"))
    };
    diagnostic.help("start it, or select a running one with DOCKER_HOST or `docker context use`")
}

/// What a program printed; bytes that are not UTF-8 become U+FFFD.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
