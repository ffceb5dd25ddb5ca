//! Bake and compose files, evaluated by bake and compose: `docker buildx bake --print`,
//! `docker compose config`.
//!
//! The files are a stranger's. So the tools see copies of them in a folder of their own, none of the
//! user's variables, and no input; they have a limit of time and of output, fetch nothing, and what
//! they say depends on the files alone.
#![allow(
    clippy::disallowed_methods,
    reason = "bake and compose are asked what their files say"
)]

mod escapes;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::net::UnixListener;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

pub use self::escapes::bake as values_of_bake;
use super::child;

/// How long one evaluation may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many bytes a tool may say.
const MOST: u64 = 16 << 20;

/// Where tools look for programs: the same everywhere, for a file may ask for it.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The tool that evaluates a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    /// `docker buildx bake --print`
    Bake,
    /// `docker compose config`
    Compose,
}

impl Tool {
    /// What people call it.
    pub(crate) fn command(self) -> &'static str {
        match self {
            Self::Bake => "docker buildx bake",
            Self::Compose => "docker compose",
        }
    }
}

/// Files to evaluate together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Who is asked.
    pub tool: Tool,
    /// The files, in the order in which they are merged; paths from the root.
    pub files: Vec<String>,
    /// Targets of bake; its default where empty.
    pub targets: Vec<String>,
    /// The bytes of these files and of others that they may name, by path.
    pub texts: BTreeMap<String, Vec<u8>>,
    /// Where files expect an agent or a key of ssh.
    pub agents: BTreeSet<String>,
}

/// What a tool says of files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// What it prints, paths from the root, and what it remarks, a line each.
    Print(Value, Vec<String>),
    /// Why it refuses them.
    Refused(String),
    /// Why it could not be asked.
    NotAsked(String),
}

/// Asks the tools on this machine.
pub(crate) fn ask(question: &Question) -> Answer {
    match Copies::new(question).and_then(|copies| copies.ask(question)) {
        Ok(answer) => answer,
        Err(error) if error.kind() == io::ErrorKind::TimedOut => Answer::Refused(format!(
            "`{}` does not end within {} seconds",
            question.tool.command(),
            PATIENCE.as_secs()
        )),
        Err(error) => Answer::NotAsked(format!(
            "`{}` cannot be run: {error}",
            question.tool.command()
        )),
    }
}

/// Copies of the files, in a folder that is removed at the end.
struct Copies {
    folder: TempDir,
    /// Whoever asks for an agent finds that there is one.
    _agents: Vec<UnixListener>,
}

impl Copies {
    fn new(question: &Question) -> io::Result<Self> {
        let folder = TempDir::with_prefix("shipwright-")?;
        let root = folder.path().join("root");
        fs::create_dir(&root)?;
        let place = |path: &str| -> io::Result<Option<PathBuf>> {
            let mut parts = Path::new(path).components();
            if !parts.all(|part| matches!(part, Component::Normal(_))) {
                return Ok(None);
            }
            let file = root.join(path);
            fs::create_dir_all(file.parent().unwrap_or(&root))?;
            Ok(Some(file))
        };
        for (path, text) in &question.texts {
            if let Some(file) = place(path)? {
                fs::write(file, text)?;
            }
        }
        let settings = folder.path().join("docker");
        fs::create_dir(&settings)?;
        let plugins = json!({"cliPluginsExtraDirs": plugins()});
        fs::write(settings.join("config.json"), plugins.to_string())?;
        let agent = folder.path().join("agent");
        let mut agents = vec![UnixListener::bind(&agent)?];
        for path in &question.agents {
            if let Some(file) = place(path)? {
                agents.push(UnixListener::bind(file)?);
            }
        }
        Ok(Self {
            folder,
            _agents: agents,
        })
    }

    fn ask(&self, question: &Question) -> io::Result<Answer> {
        let (text, said) = match self.run(question)? {
            Ok(printed) => printed,
            Err(answer) => return Ok(answer),
        };
        let text = match question.tool {
            Tool::Compose if escapes::is_compose(&text) => escapes::compose(&text),
            _ => text,
        };
        Ok(match serde_json::from_str(&text) {
            Ok(print) => {
                let print = match question.tool {
                    Tool::Bake if escapes::may_be_in_bake(&text) && bake_escapes()? => {
                        escapes::bake(print)
                    }
                    _ => print,
                };
                Answer::Print(print, said.lines().map(str::to_owned).collect())
            }
            Err(error) => Answer::Refused(format!(
                "`{}` prints what is no JSON: {error}",
                question.tool.command()
            )),
        })
    }

    /// What the tool prints, and what it says beside that; or why it prints nothing.
    fn run(&self, question: &Question) -> io::Result<Result<(String, String), Answer>> {
        let root = self.folder.path().join("root");
        let Some(docker) = on_path("docker") else {
            let why = "there is no `docker` on PATH".to_owned();
            return Ok(Err(Answer::NotAsked(why)));
        };
        let mut command = Command::new(docker);
        command.current_dir(&root).stdin(Stdio::null()).env_clear();
        command.env("PATH", PATH);
        command.env("DOCKER_CONFIG", self.folder.path().join("docker"));
        command.env("SSH_AUTH_SOCK", self.folder.path().join("agent"));
        command.env("NO_COLOR", "1");
        match question.tool {
            Tool::Bake => {
                command.args(["buildx", "bake", "--progress", "quiet"]);
                for file in &question.files {
                    command.args(["--file", &dashless(file)]);
                }
                command.args(["--print", "--"]).args(&question.targets);
            }
            Tool::Compose => {
                // Files may include others of the network, unless these are off.
                for remote in ["GIT", "OCI"] {
                    command.env(format!("COMPOSE_EXPERIMENTAL_{remote}_REMOTE"), "false");
                }
                command.args(["compose", "--profile", "*"]);
                for file in &question.files {
                    command.args(["--file", &dashless(file)]);
                }
                command.args(["config", "--format", "json"]);
            }
        }
        let output = child::limited(command, PATIENCE, MOST)?;
        let said = String::from_utf8_lossy(&output.stderr);
        let said = self.relative(&said);
        Ok(if output.status.success() {
            let text = String::from_utf8_lossy(&output.stdout);
            Ok((self.relative(&text), said))
        } else {
            Err(Self::refusal(question.tool, &said))
        })
    }

    fn refusal(tool: Tool, said: &str) -> Answer {
        let unknown = ["is not a docker command", "unknown command", "unknown flag"];
        if unknown.iter().any(|words| said.contains(words)) {
            let command = tool.command();
            return Answer::NotAsked(format!("`{command}` is not installed, or too old"));
        }
        Answer::Refused(said.trim().to_owned())
    }

    /// A text in which paths of copies are paths from the root.
    fn relative(&self, text: &str) -> String {
        let root = self.folder.path().join("root");
        let mut text = text.to_owned();
        let resolved = root.canonicalize().unwrap_or_else(|_| root.clone());
        for root in [resolved, root] {
            let root = root.to_string_lossy();
            text = text.replace(&format!("{root}/"), "").replace(&*root, ".");
        }
        text
    }
}

/// Whether bake escapes values that it prints: those before buildx 0.23 do not.
fn bake_escapes() -> io::Result<bool> {
    let (file, text) = (
        "docker-bake.hcl",
        r#"target "default" { dockerfile-inline = "$${" }"#,
    );
    let question = Question {
        tool: Tool::Bake,
        files: vec![file.to_owned()],
        targets: Vec::new(),
        texts: BTreeMap::from([(file.to_owned(), text.as_bytes().to_vec())]),
        agents: BTreeSet::new(),
    };
    let printed = Copies::new(&question)?.run(&question)?;
    Ok(printed.is_ok_and(|(text, _)| escapes::may_be_in_bake(&text)))
}

/// A path that no tool takes for a flag or an URL.
fn dashless(path: &str) -> String {
    format!("./{path}")
}

/// The program of that name which a shell would run.
fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut programs = std::env::split_paths(&path).map(|folder| folder.join(name));
    let found = programs.find(|program| program.is_file())?;
    found.canonicalize().ok().map(|_| found)
}

/// The folders where the user keeps plugins of the client.
fn plugins() -> Vec<String> {
    let home = || std::env::var_os("HOME").filter(|home| !home.is_empty());
    let of_home = || home().map(|home| Path::new(&home).join(".docker").into_os_string());
    let settings: Option<OsString> = std::env::var_os("DOCKER_CONFIG").or_else(of_home);
    let Some(settings) = settings.map(PathBuf::from) else {
        return Vec::new();
    };
    let text = fs::read_to_string(settings.join("config.json")).unwrap_or_default();
    let config: Value = serde_json::from_str(&text).unwrap_or_default();
    let further = config["cliPluginsExtraDirs"].as_array();
    let further = further.into_iter().flatten().filter_map(Value::as_str);
    let own = settings.join("cli-plugins").to_string_lossy().into_owned();
    std::iter::once(own)
        .chain(further.map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_lead_out_are_not_copied() {
        let outside = TempDir::with_prefix("shipwright-test-").unwrap();
        let path = outside.path().join("x");
        let texts = ["../x", "/x", "a/../../x", &path.to_string_lossy()];
        let question = Question {
            tool: Tool::Bake,
            files: Vec::new(),
            targets: Vec::new(),
            agents: BTreeSet::new(),
            texts: texts
                .iter()
                .map(|path| ((*path).to_owned(), b"x".to_vec()))
                .chain([("a/b".to_owned(), b"y".to_vec())])
                .collect(),
        };
        let copies = Copies::new(&question).unwrap();
        assert!(!path.exists());
        assert!(!copies.folder.path().join("x").exists());
        let root = copies.folder.path().join("root");
        assert_eq!(fs::read(root.join("a/b")).unwrap(), b"y");
        assert_eq!(fs::read_dir(root).unwrap().count(), 1);
        assert_eq!(
            copies.relative(&format!("{}/root/a", copies.folder.path().display())),
            "a"
        );
    }
}
