//! Builds, fetches and pushes in parallel, each with its log.
#![allow(
    clippy::disallowed_methods,
    reason = "running docker is the purpose of `exec`"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::command::{How, build_arguments};
use super::engine::{Failed, Host};
use super::failure::{Tail, build_failed, fetch_failed, push_failed};
use super::log::Log;
use super::progress::{Ending, Progress};
use super::queue::Queue;
use super::work::Work;
use super::{Setting, log};
use crate::diagnostics::Diagnostic;
use crate::plan::Image;
use crate::run::retry::{Again, retry};

/// What to do with one image before the readable tags move; one of these at least.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Task {
    /// Build it under its content reference.
    pub(super) build: bool,
    /// Fetch its content reference from the registry.
    pub(super) pull: bool,
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
    /// When it began.
    pub(super) start: SystemTime,
    /// How long it took.
    pub(super) time: Duration,
    pub(super) log: Option<PathBuf>,
    /// The last thing that the build printed.
    last_words: Option<String>,
}

impl Ran {
    /// Whether everything that was to be done was.
    pub(super) fn succeeded(&self) -> bool {
        matches!(self.end, End::Succeeded)
    }

    fn ending(&self) -> Ending {
        match self.end {
            End::Succeeded => Ending::Done,
            End::Failed(_) => Ending::Failed,
            End::Stopped => Ending::Stopped,
        }
    }

    /// Why it failed, in one line: where in the Dockerfile, and what the build printed last. All of it is
    /// told when the run is over, which may be much later.
    fn failure(&self) -> Option<String> {
        let End::Failed(problem) = &self.end else {
            return None;
        };
        let (Some(label), Some(words)) = (problem.labels.first(), &self.last_words) else {
            return Some(problem.message.clone());
        };
        let (line, _) = label.start();
        Some(format!("{}:{line}: {words}", label.source.path))
    }
}

enum Event {
    Line(usize, String),
    Ended(usize, Ran),
}

/// Runs tasks: what all of them work with.
#[derive(Clone, Copy)]
pub(super) struct Runner<'a> {
    pub(super) setting: Setting<'a>,
    pub(super) work: &'a Work<'a>,
    pub(super) host: &'a Host,
}

impl Runner<'_> {
    /// Runs the tasks, as many at once as the options say, none before what it needs has succeeded.
    ///
    /// After a failure nothing new starts, or with `keep_going` nothing that needs what failed; what
    /// runs is always waited for. Gives what ran, by position in the plan.
    pub(super) fn run_all(
        &self,
        tasks: &BTreeMap<usize, Task>,
        progress: &mut dyn Progress,
    ) -> BTreeMap<usize, Ran> {
        let options = self.setting.options;
        let name = |position: usize| self.work.plan.images[position].name.as_str();
        let positions = tasks.keys().copied().collect();
        let mut queue = Queue::new(self.work.jobs(&positions));
        let mut ran = BTreeMap::new();
        let mut running = 0;
        let mut go_on = true;
        let names: Vec<&str> = tasks.keys().map(|&position| name(position)).collect();
        progress.planned(&names);
        let (sender, events) = mpsc::channel();
        thread::scope(|scope| {
            loop {
                while running < options.jobs.max(1) && go_on && !options.stop.requested() {
                    let Some(position) = queue.take() else { break };
                    let (task, sender) = (tasks[&position], sender.clone());
                    progress.started(name(position));
                    running += 1;
                    scope.spawn(move || {
                        let result = self.run_one(position, task, &sender);
                        let _ = sender.send(Event::Ended(position, result));
                    });
                }
                if running == 0 {
                    break;
                }
                if !go_on || options.stop.requested() {
                    progress.closing();
                }
                // Never disconnected: this function holds a sender itself.
                let Ok(event) = events.recv() else { break };
                match event {
                    Event::Line(position, line) => progress.line(name(position), &line),
                    Event::Ended(position, result) => {
                        running -= 1;
                        progress.ended(name(position), result.ending(), result.time);
                        if result.succeeded() {
                            queue.finish(position);
                        } else {
                            go_on = go_on && options.keep_going;
                            progress.given_up(queue.give_up(position));
                            if let Some(failure) = result.failure() {
                                progress.note(&failure);
                            }
                        }
                        ran.insert(position, result);
                    }
                }
            }
        });
        ran
    }

    fn run_one(&self, position: usize, task: Task, events: &Sender<Event>) -> Ran {
        let (start, started) = (SystemTime::now(), Instant::now());
        let image = &self.work.plan.images[position];
        let mut show = |line: &str| {
            let _ = events.send(Event::Line(position, line.to_owned()));
        };
        let logs = self.setting.options.logs.folder();
        let path = logs.map(|folder| log::path(folder, &image.name));
        let mut last_words = None;
        let end = path
            .clone()
            .and_then(|path| Log::create(path, &mut show))
            .map_err(End::Failed)
            .and_then(|mut log| {
                let result = self.run_task(image, task, &mut log);
                last_words = log.tail.last_words();
                result
            });
        Ran {
            end: end.err().unwrap_or(End::Succeeded),
            start,
            time: started.elapsed(),
            log: path.ok(),
            last_words,
        }
    }

    fn run_task(&self, image: &Image, task: Task, log: &mut Log<'_>) -> Result<(), End> {
        // A builder that does not share the engine's images pushes what it has built itself.
        let pushed_as_built = task.build && task.push && !self.host.shares_images;
        if pushed_as_built {
            self.build_into_registry(image, log)?;
        } else if task.build {
            self.build(image, None, log)?;
        }
        if task.pull {
            self.transfer(Way::Pull, image, log)?;
        }
        if task.push && !pushed_as_built {
            self.push_from_engine(image, log)?;
        }
        Ok(())
    }

    /// Builds an image into the engine; or into its registry by digest, which `pushed` is to name.
    ///
    /// # Errors
    /// When the build fails or is stopped.
    pub(super) fn build(
        &self,
        image: &Image,
        pushed: Option<&Path>,
        log: &mut Log<'_>,
    ) -> Result<(), End> {
        let Setting {
            root,
            engine,
            contexts,
            options,
            ..
        } = self.setting;
        let sources = contexts.sources(image).map_err(End::Failed)?;
        let dockerfile = root.join(&sources.dockerfile);
        let how = How {
            builder: &self.host.builder,
            pushed,
            no_cache: options.no_cache,
            pushing: options.push.is_some(),
            entitlements: &options.entitlements,
        };
        let arguments = build_arguments(self.work.plan, image, sources, how);
        let command = engine.command_line(&arguments);
        log.note(&command);
        let result = engine.build(&arguments, &options.stop, &mut |line| log.line(line));
        result.map_err(|failed| match failed {
            Failed::Stopped => End::Stopped,
            Failed::Status(status) => {
                let text = fs::read_to_string(dockerfile).ok();
                End::Failed(build_failed(
                    image,
                    &status,
                    &log.tail,
                    &log.path,
                    &command,
                    text.as_deref(),
                ))
            }
        })
    }

    /// Pushes or pulls the content reference, again where that may help.
    ///
    /// # Errors
    /// When that fails, or the run is stopped.
    pub(super) fn transfer(&self, way: Way, image: &Image, log: &mut Log<'_>) -> Result<(), End> {
        let (engine, stop) = (self.setting.engine, &self.setting.options.stop);
        let attempt = || {
            log.tail = Tail::default();
            let mut line = |line: &str| log.line(line);
            let result = match way {
                Way::Push => engine.push(&image.reference, stop, &mut line),
                Way::Pull => engine.pull(&image.reference, stop, &mut line),
            };
            result.map_err(|failed| match failed {
                Failed::Stopped => (End::Stopped, Again::Never),
                Failed::Status(status) => {
                    let say = match way {
                        Way::Push => push_failed,
                        Way::Pull => fetch_failed,
                    };
                    let problem = say(&image.reference, &status, &log.tail)
                        .help(format!("the whole log is in {}", log.path.display()));
                    // What another run has put meanwhile is taken instead.
                    let is_there = || self.is_published(image) == Ok(true);
                    let is_final = log.tail.says_denied() || (way == Way::Push && is_there());
                    let again = Again::if_it_may_help(!is_final);
                    (End::Failed(problem), again)
                }
            })
        };
        let result = retry(stop, attempt, |(_, again)| *again);
        result.map_err(|(end, _)| end)
    }
}

/// To the registry or from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Push,
    Pull,
}
