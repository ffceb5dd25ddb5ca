//! Child processes, each in a process group of its own: a Ctrl-C reaches them through the run alone. None
//! outlives a run that is ended.
#![allow(
    clippy::disallowed_methods,
    reason = "running docker is the purpose of `exec`"
)]

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::stop::Stop;

/// How often a running child is looked after.
const POLL: Duration = Duration::from_millis(20);
/// How long a child may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(5);

/// The groups that run. Signals are for the whole process, and so is this.
static RUNNING: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// A child's group, for as long as it runs.
struct Group(Pid);

impl Group {
    fn of(child: &Child) -> Self {
        let group = Pid::from_child(child);
        running().insert(group.as_raw_nonzero().get());
        Self(group)
    }

    fn send(&self, signal: Signal) {
        let _ = kill_process_group(self.0, signal);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        running().remove(&self.0.as_raw_nonzero().get());
    }
}

fn running() -> std::sync::MutexGuard<'static, BTreeSet<i32>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Kills all that runs.
pub(super) fn kill_all() {
    for group in running().iter().filter_map(|group| Pid::from_raw(*group)) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// Runs the command to its end, and kills it after that time.
///
/// # Errors
/// When the command cannot be started, or takes too long.
pub(super) fn output(command: Command, limit: Duration) -> io::Result<Output> {
    let child = piped(command)?;
    let group = Group::of(&child);
    within(&group, limit, || child.wait_with_output())
}

/// Runs the command to its end, and kills it after that time or where it says more than so many bytes.
///
/// # Errors
/// When the command cannot be started, takes too long or says too much.
pub(super) fn limited(command: Command, limit: Duration, most: u64) -> io::Result<Output> {
    let mut child = piped(command)?;
    let group = Group::of(&child);
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let read = |stream: Option<Box<dyn Read + Send>>| {
        let mut bytes = Vec::new();
        if let Some(stream) = stream {
            let _ = stream.take(most).read_to_end(&mut bytes);
        }
        if bytes.len() as u64 >= most {
            group.send(Signal::KILL);
        }
        bytes
    };
    within(&group, limit, || {
        let (stdout, stderr) = thread::scope(|scope| {
            let stderr = scope.spawn(|| read(err.map(|stream| Box::new(stream) as _)));
            let stdout = read(out.map(|stream| Box::new(stream) as _));
            (stdout, stderr.join().unwrap_or_default())
        });
        let status = child.wait();
        if stdout.len().max(stderr.len()) as u64 >= most {
            return Err(io::Error::other(format!(
                "it printed more than {most} bytes"
            )));
        }
        Ok(Output {
            status: status?,
            stdout,
            stderr,
        })
    })
}

/// Starts the command in a group of its own, with pipes for what it says.
fn piped(mut command: Command) -> io::Result<Child> {
    command.process_group(0);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn()
}

/// What `wait` gives, which ends when the group does; the group is killed after that time.
///
/// # Errors
/// Those of `wait`, and when it took too long.
fn within<T>(
    group: &Group,
    limit: Duration,
    wait: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    let (done, ended) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let watch = scope.spawn(move || {
            let late = ended.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
            if late {
                group.send(Signal::KILL);
            }
            late
        });
        let result = wait();
        drop(done);
        match watch.join() {
            Ok(true) => Err(ErrorKind::TimedOut.into()),
            _ => result,
        }
    })
}

/// Runs the command and gives each line of its standard output and standard error. It is asked to end
/// when `stop` is requested, or after `limit`.
///
/// # Errors
/// When the command cannot be started, or takes too long.
pub(super) fn stream(
    mut command: Command,
    stop: &Stop,
    limit: Option<Duration>,
    line: &mut (dyn FnMut(&str) + Send),
) -> io::Result<ExitStatus> {
    let (reader, writer) = io::pipe()?;
    command.process_group(0);
    command.stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn()?;
    // Holds the writing end, without whose closing the reader would never see the end.
    drop(command);
    thread::scope(|scope| {
        scope.spawn(move || read_lines(reader, line));
        wait(&mut child, stop, limit)
    })
}

fn read_lines(reader: io::PipeReader, line: &mut (dyn FnMut(&str) + Send)) {
    let mut reader = BufReader::new(reader);
    let mut bytes = Vec::new();
    while matches!(reader.read_until(b'\n', &mut bytes), Ok(1..)) {
        line(String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']));
        bytes.clear();
    }
}

/// Waits for the child; once stopped or late, asks its whole group to end, and kills it if that is not
/// heard.
fn wait(child: &mut Child, stop: &Stop, limit: Option<Duration>) -> io::Result<ExitStatus> {
    let group = Group::of(child);
    let started = Instant::now();
    let is_late = || limit.is_some_and(|limit| started.elapsed() > limit);
    let mut asked: Option<Instant> = None;
    loop {
        if let Some(status) = child.try_wait()? {
            if asked.is_some() {
                // Whoever is left would keep the pipe open.
                group.send(Signal::KILL);
            }
            if is_late() && !status.success() {
                return Err(ErrorKind::TimedOut.into());
            }
            return Ok(status);
        }
        match asked {
            None if stop.requested() || is_late() => {
                group.send(Signal::TERM);
                asked = Some(Instant::now());
            }
            Some(moment) if moment.elapsed() > GRACE => group.send(Signal::KILL),
            _ => {}
        }
        thread::sleep(POLL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(script: &str, stopped: bool, expected: &[&str], success: bool) {
        let stop = Stop::new();
        if stopped {
            stop.request();
        }
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let mut lines = Vec::new();
        let status = stream(command, &stop, None, &mut |line| {
            lines.push(line.to_owned());
        });
        assert_eq!(lines, expected);
        assert_eq!(status.expect("sh starts").success(), success);
    }

    #[test]
    fn both_streams_come_line_by_line() {
        check(
            "echo a; echo b >&2; printf 'c\\r\\n\\nd'",
            false,
            &["a", "b", "c", "", "d"],
            true,
        );
        check("printf '\\377\\n'; exit 3", false, &["\u{fffd}"], false);
    }

    #[test]
    fn what_takes_too_long_is_ended() {
        let command = || {
            let mut command = Command::new("sh");
            command.args(["-c", "echo a; sleep 100"]);
            command
        };
        let limit = Duration::from_millis(100);
        let late = |kind| kind == ErrorKind::TimedOut;
        let result = output(command(), limit);
        assert!(result.is_err_and(|error| late(error.kind())));
        let result = stream(command(), &Stop::new(), Some(limit), &mut |_| {});
        assert!(result.is_err_and(|error| late(error.kind())));
        let result = output(Command::new("true"), Duration::from_secs(60));
        assert!(result.is_ok_and(|output| output.status.success()));
    }

    #[test]
    fn stopping_reaches_grandchildren() {
        let started = Instant::now();
        check("sleep 100 & sleep 100", true, &[], false);
        assert!(started.elapsed() < GRACE * 2);
    }
}
