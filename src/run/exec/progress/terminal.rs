//! A live display: how far the run is, and a line for each image at work with the step of its build.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use unicode_width::UnicodeWidthStr;

use super::{Ending, Progress, printable, step};

/// How often the time of each line moves on.
const TICK: Duration = Duration::from_millis(120);
/// Columns that names may take before what stands behind them moves to the right.
const NAMES: usize = 40;

/// Draws on standard error; finished images stay above as plain lines.
pub struct Terminal {
    display: MultiProgress,
    style: ProgressStyle,
    at_work: BTreeMap<String, ProgressBar>,
    header: Option<ProgressBar>,
    counts: Counts,
    /// The widest name so far.
    names: usize,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    all: usize,
    running: usize,
    done: usize,
    failed: usize,
}

impl Counts {
    fn text(self) -> String {
        let Self {
            all,
            running,
            done,
            failed,
        } = self;
        let waiting = all.saturating_sub(done + failed + running);
        let mut text = format!("{done} of {all} done, {running} running, {waiting} waiting");
        if failed > 0 {
            text = format!("{text}, {failed} failed");
        }
        text
    }
}

impl Terminal {
    /// An empty display.
    pub fn new() -> Self {
        let style = ProgressStyle::with_template("{spinner} {prefix} {elapsed:>4} {wide_msg}")
            .expect("the template is sound");
        Self {
            display: MultiProgress::new(),
            style: style.tick_chars("-\\|/ "),
            at_work: BTreeMap::new(),
            header: None,
            counts: Counts::default(),
            names: 0,
        }
    }

    fn show_counts(&self) {
        if let Some(header) = &self.header {
            header.set_message(self.counts.text());
        }
    }
}

impl Default for Terminal {
    fn default() -> Self {
        Self::new()
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

    fn planned(&mut self, tasks: usize) {
        self.counts.all = tasks;
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
        self.names = self.names.max(image.width()).min(NAMES);
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
            Ending::Stopped => {}
        }
        self.show_counts();
        if let Some(bar) = self.at_work.remove(image) {
            bar.finish_and_clear();
            self.display.remove(&bar);
        }
        let (word, image) = (ending.word(), padded(image, self.names));
        let seconds = format!("{:.1}s", time.as_secs_f64());
        let _ = self
            .display
            .println(format!("{word:7}  {image} {seconds:>7}"));
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
        };
        assert_eq!(counts.text(), "12 of 33 done, 4 running, 17 waiting");
        let failed = Counts {
            failed: 2,
            ..counts
        };
        assert_eq!(
            failed.text(),
            "12 of 33 done, 4 running, 15 waiting, 2 failed"
        );
    }

    #[test]
    fn names_line_up_on_the_screen() {
        assert_eq!(padded("数", 4), "数  ");
        assert_eq!(padded("longer", 4), "longer");
    }
}
