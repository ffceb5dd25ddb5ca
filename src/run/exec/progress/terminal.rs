//! A live display: a line for each image at work, with the last thing its build said.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::{Ending, Progress, printable};

/// How often the time of each line moves on.
const TICK: Duration = Duration::from_millis(120);

/// Draws on standard error; finished images stay above as plain lines.
pub struct Terminal {
    display: MultiProgress,
    style: ProgressStyle,
    at_work: BTreeMap<String, ProgressBar>,
}

impl Terminal {
    /// An empty display.
    pub fn new() -> Self {
        let style = ProgressStyle::with_template("{spinner} {prefix} {elapsed} {wide_msg}")
            .expect("the template is sound");
        Self {
            display: MultiProgress::new(),
            style: style.tick_chars("-\\|/ "),
            at_work: BTreeMap::new(),
        }
    }
}

impl Default for Terminal {
    fn default() -> Self {
        Self::new()
    }
}

impl Progress for Terminal {
    fn note(&mut self, text: &str) {
        let _ = self.display.println(text);
    }

    fn started(&mut self, image: &str) {
        let bar = self.display.add(ProgressBar::new_spinner());
        bar.set_style(self.style.clone());
        bar.set_prefix(image.to_owned());
        bar.enable_steady_tick(TICK);
        self.at_work.insert(image.to_owned(), bar);
    }

    fn line(&mut self, image: &str, line: &str) {
        if let Some(bar) = self.at_work.get(image) {
            bar.set_message(printable(line));
        }
    }

    fn ended(&mut self, image: &str, ending: Ending, time: Duration) {
        if let Some(bar) = self.at_work.remove(image) {
            bar.finish_and_clear();
            self.display.remove(&bar);
        }
        let word = ending.word();
        let _ = self
            .display
            .println(format!("{word:6} {image} ({:.1}s)", time.as_secs_f64()));
    }
}
