//! A live display: how far the run is, and a line for each image at work with the step of its build.

use std::collections::BTreeMap;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use unicode_width::UnicodeWidthStr;

use super::echo::NoEcho;
use super::{Ending, Progress, printable, step};

/// How often the time of each line moves on.
const TICK: Duration = Duration::from_millis(120);
/// Columns that names may take before what stands behind them moves to the right.
const NAMES: usize = 40;

/// Draws on standard error; finished images stay above as plain lines.
pub(crate) struct Terminal {
    display: MultiProgress,
    style: ProgressStyle,
    at_work: BTreeMap<String, ProgressBar>,
    header: Option<ProgressBar>,
    counts: Counts,
    /// Columns for names.
    names: usize,
    colour: bool,
    _no_echo: NoEcho,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    all: usize,
    running: usize,
    done: usize,
    failed: usize,
    stopped: usize,
    /// Those that need a failed one.
    given_up: usize,
    /// Whether nothing more is started.
    closing: bool,
}

impl Counts {
    fn text(self) -> String {
        let Self {
            all,
            running,
            done,
            failed,
            stopped,
            given_up,
            closing,
        } = self;
        let over = done + failed + stopped + given_up;
        let waiting = all.saturating_sub(over + running);
        let (waiting, wait, given_up) = if closing {
            (waiting + given_up, "not started", 0)
        } else {
            (waiting, "waiting", given_up)
        };
        let mut text = format!("{done} of {all} done");
        // On a narrow screen the end is cut: what went wrong comes first.
        for (count, word) in [
            (failed, "failed"),
            (stopped, "stopped"),
            (given_up, "not built"),
        ] {
            if count > 0 {
                text = format!("{text}, {count} {word}");
            }
        }
        format!("{text}, {running} running, {waiting} {wait}")
    }
}

impl Terminal {
    /// An empty display, in colour or not.
    pub(crate) fn new(colour: bool) -> Self {
        let style = ProgressStyle::with_template("{spinner} {prefix} {elapsed:>4} {wide_msg}")
            .expect("the template is sound");
        Self {
            display: MultiProgress::new(),
            style: style.tick_chars("-\\|/ "),
            at_work: BTreeMap::new(),
            header: None,
            counts: Counts::default(),
            names: 0,
            colour,
            _no_echo: NoEcho::new(),
        }
    }

    fn show_counts(&self) {
        if let Some(header) = &self.header {
            header.set_message(self.counts.text());
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(header) = self.header.take() {
            header.finish_and_clear();
        }
    }
}

impl Progress for Terminal {
    fn note(&mut self, text: &str) {
        let _ = self.display.println(text);
    }

    fn planned(&mut self, images: &[&str]) {
        self.counts.all = images.len();
        let widest = images.iter().map(|image| image.width()).max();
        self.names = widest.unwrap_or(0).min(NAMES);
        let style = ProgressStyle::with_template("[{elapsed_precise}] {wide_msg}")
            .expect("the template is sound");
        let header = self.display.insert(0, ProgressBar::new_spinner());
        header.set_style(style);
        header.enable_steady_tick(TICK);
        self.header = Some(header);
        self.show_counts();
    }

    fn started(&mut self, image: &str) {
        self.counts.running += 1;
        self.show_counts();
        let bar = self.display.add(ProgressBar::new_spinner());
        bar.set_style(self.style.clone());
        bar.set_prefix(padded(image, self.names));
        bar.enable_steady_tick(TICK);
        self.at_work.insert(image.to_owned(), bar);
    }

    fn line(&mut self, image: &str, line: &str) {
        if let (Some(bar), Some(step)) = (self.at_work.get(image), step::step(&printable(line))) {
            bar.set_message(step);
        }
    }

    fn ended(&mut self, image: &str, ending: Ending, time: Duration) {
        self.counts.running = self.counts.running.saturating_sub(1);
        match ending {
            Ending::Done => self.counts.done += 1,
            Ending::Failed => self.counts.failed += 1,
            Ending::Stopped => self.counts.stopped += 1,
        }
        self.show_counts();
        if let Some(bar) = self.at_work.remove(image) {
            bar.finish_and_clear();
            self.display.remove(&bar);
        }
        let (word, image) = (ending.word(), padded(image, self.names));
        let style = match ending {
            _ if !self.colour => Style::new(),
            Ending::Done => AnsiColor::Green.on_default(),
            Ending::Failed => AnsiColor::Red.on_default().bold(),
            Ending::Stopped => AnsiColor::Yellow.on_default(),
        };
        let seconds = format!("{:.1}s", time.as_secs_f64());
        let _ = self
            .display
            .println(format!("{style}{word:7}{style:#}  {image} {seconds:>7}"));
    }

    fn given_up(&mut self, count: usize) {
        self.counts.given_up += count;
        self.show_counts();
    }

    fn closing(&mut self) {
        self.counts.closing = true;
        self.show_counts();
    }
}

/// A name with blanks up to a width on the screen.
fn padded(name: &str, width: usize) -> String {
    let blanks = width.saturating_sub(name.width());
    format!("{name}{}", " ".repeat(blanks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_counts() {
        let counts = Counts {
            all: 33,
            running: 4,
            done: 12,
            failed: 0,
            stopped: 0,
            given_up: 0,
            closing: false,
        };
        assert_eq!(counts.text(), "12 of 33 done, 4 running, 17 waiting");
        let failed = Counts {
            failed: 2,
            ..counts
        };
        assert_eq!(
            failed.text(),
            "12 of 33 done, 2 failed, 4 running, 15 waiting"
        );
        let going_on = Counts {
            given_up: 5,
            ..failed
        };
        assert_eq!(
            going_on.text(),
            "12 of 33 done, 2 failed, 5 not built, 4 running, 10 waiting"
        );
        let closing = Counts {
            stopped: 3,
            running: 1,
            closing: true,
            ..failed
        };
        assert_eq!(
            closing.text(),
            "12 of 33 done, 2 failed, 3 stopped, 1 running, 15 not started"
        );
    }

    #[test]
    fn names_line_up_on_the_screen() {
        assert_eq!(padded("数", 4), "数  ");
        assert_eq!(padded("longer", 4), "longer");
    }
}
