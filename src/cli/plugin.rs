//! `docker shipwright`: this program as a plugin of the docker client, under the name `docker-shipwright`.
//!
//! Docker asks for `docker-cli-plugin-metadata`, and calls with its own arguments before the command's name.
//! What these say goes into the environment, where every `docker` that is started later looks.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use serde_json::json;

use super::{complete, output};

/// The file name by which docker finds the plugin.
const FILE: &str = "docker-shipwright";
/// What docker puts before.
const NAME: &str = "shipwright";

/// Answers docker, where it calls.
pub(super) fn answered(typed: &[OsString]) -> Option<ExitCode> {
    let first = typed.get(1).map(OsString::as_os_str);
    if first == Some(OsStr::new("docker-cli-plugin-metadata")) {
        return Some(print(&(metadata() + "\n")));
    }
    let program = Path::new(typed.first()?).file_name()?;
    if program != FILE {
        return None;
    }
    Some(match Call::of(&typed[1..]) {
        Ok(Call::Complete(words)) => print(&completions(words)),
        Ok(Call::Run {
            arguments,
            environment,
        }) => start(&arguments, environment),
        Err(option) => {
            output::eprint(&format!(
                "error: `docker {option}` has no effect on shipwright; set DOCKER_CERT_PATH, or use a context\n"
            ));
            ExitCode::from(2)
        }
    })
}

fn print(text: &str) -> ExitCode {
    match output::write(text, None) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn metadata() -> String {
    let metadata = json!({
        "SchemaVersion": "0.1.0",
        "Vendor": "Shipwright",
        "Version": env!("SHIPWRIGHT_VERSION"),
        "ShortDescription": "Build the images of a git checkout in order, and only what changed",
    });
    metadata.to_string()
}

/// A candidate per line, as docker's own completion prints them, and whether files are meant too.
fn completions(mut words: Vec<OsString>) -> String {
    words.insert(0, NAME.into());
    let mut text = String::new();
    for (value, help) in complete::candidates(words) {
        let help = help.lines().next().unwrap_or_default();
        let _ = writeln!(text, "{value}\t{help}");
    }
    // Docker's words for "also files" and "only these".
    let directive = if text.is_empty() { ":0" } else { ":4" };
    text + directive + "\n"
}

/// What docker wants.
#[derive(Debug, PartialEq, Eq)]
enum Call {
    /// What the last of these words may become.
    Complete(Vec<OsString>),
    /// To run the program with these arguments; a variable without a value is removed.
    Run {
        arguments: Vec<OsString>,
        environment: Vec<(&'static str, Option<OsString>)>,
    },
}

impl Call {
    /// # Errors
    /// An option of docker's that cannot be passed on.
    fn of(typed: &[OsString]) -> Result<Self, String> {
        let mut environment = Vec::new();
        let mut words = typed.iter().peekable();
        while let Some(word) = words.next_if(|word| word.to_string_lossy().starts_with('-')) {
            let text = word.to_string_lossy().into_owned();
            let (option, value) = match text.split_once('=') {
                Some((option, value)) => (option.to_owned(), Some(OsString::from(value))),
                None => (text.clone(), None),
            };
            let mut value = || value.clone().or_else(|| words.next().cloned());
            match option.as_str() {
                "-c" | "--context" => {
                    environment.push(("DOCKER_CONTEXT", value()));
                    environment.push(("DOCKER_HOST", None));
                }
                "-H" | "--host" => {
                    environment.push(("DOCKER_HOST", value()));
                    environment.push(("DOCKER_CONTEXT", None));
                }
                "--config" => environment.push(("DOCKER_CONFIG", value())),
                "--tlsverify" => environment.push(("DOCKER_TLS_VERIFY", Some("1".into()))),
                "-l" | "--log-level" => drop(value()),
                "--tls" | "--tlscacert" | "--tlscert" | "--tlskey" => return Err(option),
                "-D" | "--debug" => {}
                // The program's own: `--help`, `--version`.
                _ => {
                    let mut arguments = vec![word.clone()];
                    arguments.extend(words.filter(|word| *word != NAME).cloned());
                    return Ok(Self::Run {
                        arguments,
                        environment,
                    });
                }
            }
        }
        let mut arguments: Vec<OsString> = words.cloned().collect();
        let is = |at: usize, word: &str| arguments.get(at).is_some_and(|typed| typed == word);
        if is(0, "__complete") || is(0, "__completeNoDesc") {
            let from = if is(1, NAME) { 2 } else { 1 };
            return Ok(Self::Complete(arguments.split_off(from)));
        }
        let wants_help = is(0, "help");
        if wants_help {
            arguments.remove(0);
        }
        if arguments.first().is_some_and(|word| word == NAME) {
            arguments.remove(0);
        }
        if wants_help {
            arguments.push("--help".into());
        }
        Ok(Self::Run {
            arguments,
            environment,
        })
    }
}

/// Becomes the program itself.
fn start(arguments: &[OsString], environment: Vec<(&'static str, Option<OsString>)>) -> ExitCode {
    let error = match std::env::current_exe() {
        Ok(program) => {
            let mut command = Command::new(program);
            command.arg0(NAME).args(arguments);
            for (name, value) in environment {
                match value {
                    Some(value) => command.env(name, value),
                    None => command.env_remove(name),
                };
            }
            command.exec()
        }
        Err(error) => error,
    };
    output::eprint(&format!("error: shipwright cannot be started: {error}\n"));
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is typed, the arguments that become of it, and the environment.
    type Row<'r> = (&'r str, &'r str, Vec<(&'r str, Option<OsString>)>);

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn what_docker_says_before_the_name_goes_into_the_environment() {
        let context = ("DOCKER_CONTEXT", Some("x".into()));
        let host = ("DOCKER_HOST", Some("ssh://h".into()));
        let rows: [Row<'static>; 7] = [
            ("shipwright plan -q", "plan -q", vec![]),
            ("plan", "plan", vec![]),
            (
                "--context x shipwright plan",
                "plan",
                vec![context.clone(), ("DOCKER_HOST", None)],
            ),
            (
                "-D --context=x shipwright",
                "",
                vec![context, ("DOCKER_HOST", None)],
            ),
            (
                "-H ssh://h -l debug shipwright exec",
                "exec",
                vec![host, ("DOCKER_CONTEXT", None)],
            ),
            ("help shipwright plan", "plan --help", vec![]),
            ("--version", "--version", vec![]),
        ];
        for (typed, arguments, environment) in rows {
            let expected = Call::Run {
                arguments: words(arguments),
                environment,
            };
            assert_eq!(Call::of(&words(typed)), Ok(expected), "{typed}");
        }
        let complete = Call::of(&words("__complete shipwright pl"));
        assert_eq!(complete, Ok(Call::Complete(words("pl"))));
        let refused = Call::of(&words("--tlscert=a shipwright plan"));
        assert_eq!(refused, Err("--tlscert".to_owned()));
    }
}
