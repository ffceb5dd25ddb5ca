//! Builds and pushes in parallel, each with its log.
#![allow(
    clippy::disallowed_methods,
    reason = "running docker is the purpose of `exec`"
)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use super::Setting;
use super::command::build_arguments;
use super::engine::{Failed, Host};
use super::failure::{Tail, build_failed};
use super::progress::Progress;
use super::queue::Queue;
use super::work::Work;
use crate::diagnostics::Diagnostic;
use crate::plan::Image;

/// What to do with one image before the readable tags move; one of the two at least.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Task {
    /// Build it under its content reference.
    pub(super) build: bool,
    /// Push its content reference.
    pub(super) push: bool,
}

/// How a task ended.
#[derive(Debug)]
pub(super) enum End {
    Succeeded,
    Failed(Diagnostic),
    Stopped,
}

/// A task that ran.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) end: End,
    pub(super) time: Duration,
    pub(super) log: PathBuf,
}

impl Ran {
    /// Whether everything that was to be done was.
    pub(super) fn succeeded(&self) -> bool {
        matches!(self.end, End::Succeeded)
    }
}

enum Event {
    Line(usize, String),
    Ended(usize, Ran),
}

/// Runs the tasks, as many at once as the options say, none before what it needs has succeeded.
///
/// After a failure nothing new starts, or with `keep_going` nothing that needs what failed; what
/// runs is always waited for. Gives what ran, by position in the plan.
pub(super) fn run_all(
    setting: &Setting<'_>,
    work: &Work<'_>,
    host: &Host,
    tasks: &BTreeMap<usize, Task>,
    progress: &mut dyn Progress,
) -> BTreeMap<usize, Ran> {
    let positions = tasks.keys().copied().collect();
    let mut queue = Queue::new(work.jobs(&positions));
    let mut ran = BTreeMap::new();
    let mut running = 0;
    let mut go_on = true;
    let (sender, events) = mpsc::channel();
    thread::scope(|scope| {
        loop {
            while running < setting.options.jobs.max(1)
                && go_on
                && !setting.options.stop.requested()
            {
                let Some(position) = queue.take() else { break };
                let (task, sender) = (tasks[&position], sender.clone());
                progress.started(&work.plan.images[position].name);
                running += 1;
                scope.spawn(move || {
                    let result = run_one(setting, work, host, position, task, &sender);
                    let _ = sender.send(Event::Ended(position, result));
                });
            }
            if running == 0 {
                break;
            }
            // Never disconnected: this function holds a sender itself.
            let Ok(event) = events.recv() else { break };
            match event {
                Event::Line(position, line) => {
                    progress.line(&work.plan.images[position].name, &line);
                }
                Event::Ended(position, result) => {
                    running -= 1;
                    let name = &work.plan.images[position].name;
                    progress.ended(name, result.succeeded(), result.time);
                    if result.succeeded() {
                        queue.finish(position);
                    } else {
                        go_on = setting.options.keep_going;
                    }
                    ran.insert(position, result);
                }
            }
        }
    });
    ran
}

fn run_one(
    setting: &Setting<'_>,
    work: &Work<'_>,
    host: &Host,
    position: usize,
    task: Task,
    events: &Sender<Event>,
) -> Ran {
    let started = Instant::now();
    let image = &work.plan.images[position];
    let log = log_path(&setting.options.logs, &image.name);
    let mut show = |line: &str| {
        let _ = events.send(Event::Line(position, line.to_owned()));
    };
    let end = match create_log(&log) {
        Err(diagnostic) => End::Failed(diagnostic),
        Ok(file) => {
            let mut log = Log {
                path: &log,
                file,
                tail: Tail::default(),
                show: &mut show,
            };
            let built = if task.build {
                build(setting, work, host, image, &mut log)
            } else {
                Ok(())
            };
            let pushed = built.and_then(|()| {
                if task.push {
                    push(setting, image, &mut log)
                } else {
                    Ok(())
                }
            });
            pushed.err().unwrap_or(End::Succeeded)
        }
    };
    Ran {
        end,
        time: started.elapsed(),
        log,
    }
}

fn build(
    setting: &Setting<'_>,
    work: &Work<'_>,
    host: &Host,
    image: &Image,
    log: &mut Log<'_>,
) -> Result<(), End> {
    let sources = setting.contexts.sources(image).map_err(End::Failed)?;
    let pushing = setting.options.push.is_some();
    let bound = work.bound(image);
    let arguments = build_arguments(image, &sources, &bound, &host.builder, pushing);
    let command = setting.engine.command_line(&arguments);
    log.note(&command);
    let stop = &setting.options.stop;
    match setting
        .engine
        .build(&arguments, stop, &mut |line| log.line(line))
    {
        Ok(()) => Ok(()),
        Err(Failed::Stopped) => Err(End::Stopped),
        Err(Failed::Status(status)) => {
            let dockerfile = fs::read_to_string(setting.root.join(&sources.dockerfile)).ok();
            let text = dockerfile.as_deref();
            let diagnostic = build_failed(image, &status, &log.tail, log.path, &command, text);
            Err(End::Failed(diagnostic))
        }
    }
}

fn push(setting: &Setting<'_>, image: &Image, log: &mut Log<'_>) -> Result<(), End> {
    let stop = &setting.options.stop;
    match setting
        .engine
        .push(&image.reference, stop, &mut |line| log.line(line))
    {
        Ok(()) => Ok(()),
        Err(Failed::Stopped) => Err(End::Stopped),
        Err(Failed::Status(status)) => {
            let diagnostic = push_failed(&image.reference, &status, &log.tail);
            let whole = format!("the whole log is in {}", log.path.display());
            Err(End::Failed(diagnostic.help(whole)))
        }
    }
}

/// A reference that a registry did not take.
pub(super) fn push_failed(reference: &str, status: &str, tail: &Tail) -> Diagnostic {
    Diagnostic::error(
        "push-failed",
        format!("cannot push `{reference}` ({status})"),
    )
    .help(format!("docker's last lines\n{}", tail.last()))
}

/// Where the lines of one image go: all to its file, the last to memory, each to the progress.
struct Log<'a> {
    path: &'a Path,
    file: File,
    tail: Tail,
    show: &'a mut (dyn FnMut(&str) + Send),
}

impl Log<'_> {
    fn line(&mut self, line: &str) {
        self.note(line);
        self.tail.push(line);
        (self.show)(line);
    }

    /// A line for the file alone.
    fn note(&mut self, line: &str) {
        // A full disk must not fail a build that succeeds.
        let _ = writeln!(self.file, "{line}");
    }
}

fn create_log(path: &Path) -> Result<File, Diagnostic> {
    let folder = path.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(folder)
        .and_then(|()| File::create(path))
        .map_err(|error| {
            let message = format!("cannot write the log `{}`: {error}", path.display());
            Diagnostic::error("log", message)
        })
}

/// A file of its own for each name: `us/app` is `us+app.log`, what no image name holds is in hexadecimal.
fn log_path(folder: &Path, name: &str) -> PathBuf {
    use std::fmt::Write as _;
    let mut file = String::new();
    for byte in name.bytes() {
        match byte {
            b'/' => file.push('+'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' => file.push(byte.into()),
            _ => {
                let _ = write!(file, "%{byte:02x}");
            }
        }
    }
    folder.join(file + ".log")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_a_log_of_its_own() {
        for (name, file) in [
            ("app", "app.log"),
            ("us/app", "us+app.log"),
            ("us+app", "us%2bapp.log"),
            ("us/app:1.2", "us+app%3a1.2.log"),
            ("../../etc/x", "..+..+etc+x.log"),
        ] {
            assert_eq!(
                log_path(Path::new("logs"), name),
                Path::new("logs").join(file)
            );
        }
    }
}
