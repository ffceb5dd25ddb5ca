//! A plan for people: how much there is to build, why, and what follows from it.
//!
//! Counts come first. Then each first cause has the images that it makes build: those that it
//! concerns by itself, and those that only follow. Long lists are folded to the width of the screen.

mod fold;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

use crate::diagnostics::escape;
use crate::plan::causes::{self, Cause};
use crate::plan::{Action, Image, Plan, Reason, ReasonKind};
pub(super) use fold::common_folder;
use fold::in_lines;

/// Reasons of one cause that are written out.
const REASONS_SHOWN: usize = 4;

/// Lines that a list of images may take.
const LINES_SHOWN: usize = 3;

const BUILD: Style = AnsiColor::Green.on_default().bold();
const CAUSE: Style = AnsiColor::Yellow.on_default().bold();
const FAINT: Style = Style::new().dimmed();
const PLAIN: Style = Style::new();

/// How a text is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screen {
    /// Columns of a line.
    pub width: usize,
    /// Whether colours are wanted.
    pub colour: bool,
}

/// The plan as text; every line ends with a newline.
pub(crate) fn review(plan: &Plan, screen: Screen) -> String {
    let review = Review {
        plan,
        screen,
        common: common_folder(plan.images.iter().map(|image| &*image.name)),
    };
    let mut text = review.counts();
    let causes = review.causes();
    if causes.is_empty() {
        review.waves(&mut text);
    } else {
        for cause in &causes {
            review.cause(&mut text, cause);
        }
    }
    review.retagged(&mut text);
    text
}

struct Review<'p> {
    plan: &'p Plan,
    screen: Screen,
    /// What all names begin with; lists leave it out.
    common: &'p str,
}

impl Review<'_> {
    /// How many images there are, and what happens to them, in one line.
    fn counts(&self) -> String {
        let count = |action| self.having(action).count();
        let parts = [
            (Action::Build, "to build", BUILD),
            (Action::Ensure, "to use or build", BUILD),
            (Action::Retag, "to re-tag", PLAIN),
        ];
        let (plain, painted): (Vec<String>, Vec<String>) = parts
            .into_iter()
            .map(|(action, words, style)| (count(action), words, style))
            .filter(|(count, ..)| *count > 0)
            .map(|(count, words, style)| {
                let text = format!("{} {words}", thousands(count));
                let painted = self.paint(style, &text);
                (text, painted)
            })
            .unzip();
        let total = images(self.plan.images.len());
        let source = &self.plan.source;
        let mut of = short(&source.revision).to_owned();
        if let Some(branch) = &source.branch {
            of = format!("{branch} at {of}");
        }
        if source.dirty {
            of.push_str(", with uncommitted changes");
        }
        if let Some(since) = &source.since {
            let _ = write!(of, ", compared with {}", short(since));
        }
        let of = format!("({of})");
        let (plain, painted) = if plain.is_empty() {
            (total.clone(), total)
        } else {
            let plain = format!("{total}: {}", plain.join(", "));
            (plain, format!("{total}: {}", painted.join(", ")))
        };
        // Where a line does not hold both, what was planned stands below.
        let fits = plain.width() + 1 + of.width() <= self.screen.width;
        let between = if fits { ' ' } else { '\n' };
        format!("{painted}{between}{}\n", self.paint(FAINT, &of))
    }

    /// The first causes of the images that are built.
    fn causes(&self) -> Vec<Cause> {
        let built = self.having(Action::Build);
        causes::first(built.map(|image| (&*image.name, &*image.reasons)))
    }

    /// A cause, the images that it concerns by itself, and those that follow.
    fn cause(&self, text: &mut String, cause: &Cause) {
        text.push('\n');
        let shown = cause.reasons.iter().take(REASONS_SHOWN);
        for reason in shown {
            let line = fold::cut(&words(reason), self.screen.width);
            let _ = writeln!(text, "{}", self.paint(CAUSE, &line));
        }
        let more = cause.reasons.len().saturating_sub(REASONS_SHOWN);
        if more > 0 {
            let _ = writeln!(text, "{}", self.paint(CAUSE, &format!("and {more} more")));
        }
        let concerned: BTreeSet<&str> = self
            .having(Action::Build)
            .filter(|image| own(image).eq(cause.reasons.iter()))
            .map(|image| &*image.name)
            .collect();
        let (own, follow): (Vec<&str>, Vec<&str>) = cause
            .images
            .iter()
            .map(String::as_str)
            .partition(|name| concerned.contains(name));
        self.list(text, "build", BUILD, &own);
        self.list(text, "then", PLAIN, &follow);
    }

    /// Where nothing is known about what exists: all images, by wave.
    fn waves(&self, text: &mut String) {
        let mut waves: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        for image in self.having(Action::Ensure) {
            waves.entry(image.wave).or_default().push(&image.name);
        }
        if waves.is_empty() {
            return;
        }
        text.push('\n');
        for (wave, names) in &waves {
            self.list(text, &format!("wave {wave}"), PLAIN, names);
        }
        let hint = "`--since REV` compares with a revision and shows what changed and why";
        let _ = write!(text, "\n{}\n", self.paint(FAINT, hint));
    }

    fn retagged(&self, text: &mut String) {
        let names: Vec<&str> = self
            .having(Action::Retag)
            .map(|image| &*image.name)
            .collect();
        if !names.is_empty() {
            text.push('\n');
            self.list(text, "re-tag", FAINT, &names);
        }
    }

    /// Names under a heading, folded.
    fn list(&self, text: &mut String, heading: &str, style: Style, names: &[&str]) {
        if names.is_empty() {
            return;
        }
        let names: Vec<&str> = names
            .iter()
            .map(|name| name.strip_prefix(self.common).unwrap_or(name))
            .collect();
        let lines = in_lines(&names, self.screen.width.saturating_sub(10), LINES_SHOWN);
        for (index, line) in lines.iter().enumerate() {
            let heading = if index == 0 { heading } else { "" };
            let heading = self.paint(style, &format!("{heading:<6}"));
            let _ = writeln!(text, "  {heading}  {line}");
        }
    }

    fn having(&self, action: Action) -> impl Iterator<Item = &Image> {
        let images = self.plan.images.iter();
        images.filter(move |image| image.action == action)
    }

    fn paint(&self, style: Style, text: &str) -> String {
        if self.screen.colour {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
}

/// The reasons of an image that are not another image's.
fn own(image: &Image) -> impl Iterator<Item = &Reason> {
    let reasons = image.reasons.iter();
    reasons.filter(|reason| reason.kind != ReasonKind::Dependency)
}

/// A reason in words.
pub(super) fn words(reason: &Reason) -> String {
    let kind = match &reason.kind {
        ReasonKind::Input => "file",
        ReasonKind::Dockerfile => "instruction",
        ReasonKind::BuildArg => "build argument",
        ReasonKind::New => "new image",
        ReasonKind::Missing => "not built yet:",
        kind => return format!("{kind} {}", reason.detail),
    };
    format!("{kind} {}", escape::name(&reason.detail))
}

/// `1 image`, `2 images`.
pub(super) fn images(count: usize) -> String {
    match count {
        1 => "1 image".to_owned(),
        count => format!("{} images", thousands(count)),
    }
}

/// A number with commas.
pub(super) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The first 12 digits of a commit.
pub(super) fn short(revision: &str) -> &str {
    revision.get(..12).unwrap_or(revision)
}
