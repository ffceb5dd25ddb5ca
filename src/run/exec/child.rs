//! A child process whose lines are read as they come, and that ends when the run is stopped.
#![allow(
    clippy::disallowed_methods,
    reason = "running docker is the purpose of `exec`"
)]

use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::stop::Stop;

/// How often a running child is looked after.
const POLL: Duration = Duration::from_millis(20);
/// How long a child may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(5);

/// Runs the command in a process group of its own, so that a Ctrl-C reaches it through `stop`
/// alone, and gives each line of its standard output and standard error.
///
/// # Errors
/// When the command cannot be started.
pub(super) fn stream(
    mut command: Command,
    stop: &Stop,
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
        wait(&mut child, stop)
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

/// Waits for the child; once stopped, asks its whole group to end, and kills it if that is not heard.
fn wait(child: &mut Child, stop: &Stop) -> io::Result<ExitStatus> {
    let group = Pid::from_child(child);
    let mut asked: Option<Instant> = None;
    loop {
        if let Some(status) = child.try_wait()? {
            if asked.is_some() {
                // Whoever is left would keep the pipe open.
                let _ = kill_process_group(group, Signal::KILL);
            }
            return Ok(status);
        }
        match asked {
            None if stop.requested() => {
                let _ = kill_process_group(group, Signal::TERM);
                asked = Some(Instant::now());
            }
            Some(moment) if moment.elapsed() > GRACE => {
                let _ = kill_process_group(group, Signal::KILL);
            }
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
        let status = stream(command, &stop, &mut |line| lines.push(line.to_owned()));
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
    fn stopping_reaches_grandchildren() {
        let started = Instant::now();
        check("sleep 100 & sleep 100", true, &[], false);
        assert!(started.elapsed() < GRACE * 2);
    }
}
