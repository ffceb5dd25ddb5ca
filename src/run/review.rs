//! A plan for people: how much there is to build, why, and what follows from it.
//!
//! Counts come first. Then each first cause has the images that it makes build: those that it
//! concerns by itself, and those that only follow. Long lists are folded to the width of the screen.

mod fold;
mod step;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

use super::exec::Report;
use crate::diagnostics::escape;
use crate::plan::causes::{self, Cause};
use crate::plan::{Image, Plan, Reason, ReasonKind};
pub(super) use fold::{common_folder, cut, in_lines};
use step::{BUILD, FAINT, PLAIN, Step};

/// Reasons of one cause that are written out.
const REASONS_SHOWN: usize = 4;

/// Lines that a list of images may take.
const LINES_SHOWN: usize = 3;

/// Columns that headings of lists take at least.
const HEADING: usize = 6;

const CAUSE: Style = AnsiColor::Yellow.on_default().bold();

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
    let items = plan.images.iter();
    let items = items.map(|image| Item {
        image,
        step: image.action.into(),
    });
    Review::new(plan, items.collect(), screen).text(&[])
}

/// What a run of the plan would do, as a dry run found it; every line ends with a newline.
pub(crate) fn review_of_run(plan: &Plan, report: &Report, screen: Screen) -> String {
    let items = report.images.iter().filter_map(|row| {
        let image = plan.image(&row.name)?;
        Some(Item {
            image,
            step: row.outcome.into(),
        })
    });
    let tags = report.images.iter().flat_map(|row| &row.tags);
    let tags = tags.map(|tag| tag.rsplit(':').next().unwrap_or(tag));
    let mut seen = BTreeSet::new();
    let tags: Vec<&str> = tags.filter(|tag| seen.insert(*tag)).collect();
    Review::new(plan, items.collect(), screen).text(&tags)
}

/// An image, and what will happen to it.
struct Item<'p> {
    image: &'p Image,
    step: Step,
}

impl<'p> Item<'p> {
    /// What has changed, if that is known.
    fn changes(&self) -> impl Iterator<Item = &'p Reason> {
        self.image
            .reasons
            .iter()
            .filter(|reason| reason.is_change())
    }

    /// The reasons that are not another image's.
    fn own(&self) -> impl Iterator<Item = &Reason> {
        self.changes()
            .filter(|reason| reason.kind != ReasonKind::Dependency)
    }
}

struct Review<'p> {
    plan: &'p Plan,
    items: Vec<Item<'p>>,
    screen: Screen,
    /// What all names begin with; lists leave it out.
    common: &'p str,
}

impl<'p> Review<'p> {
    fn new(plan: &'p Plan, items: Vec<Item<'p>>, screen: Screen) -> Self {
        Self {
            plan,
            screen,
            common: common_folder(items.iter().map(|item| &*item.image.name)),
            items,
        }
    }

    /// All of it, with the tags that will move, if that is known.
    fn text(&self, tags: &[&str]) -> String {
        let mut text = self.counts();
        for cause in self.causes() {
            self.cause(&mut text, &cause);
        }
        self.missing(&mut text);
        self.waves(&mut text);
        self.others(&mut text, tags);
        self.hint(&mut text);
        text
    }

    /// How many images there are, and what happens to them, in one line where that fits.
    fn counts(&self) -> String {
        let mut text = images(self.items.len());
        let mut column = text.width();
        let mut between = ":";
        for step in Step::ALL {
            let count = self.having(step).count();
            if count == 0 {
                continue;
            }
            let part = format!("{} {}", thousands(count), step.words());
            text.push_str(between);
            column += between.len() + 1 + part.width();
            if column >= self.screen.width {
                text.push_str("\n ");
                column = 2 + part.width();
            }
            text.push(' ');
            text.push_str(&self.paint(step.style(), &part));
            between = ",";
        }
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
        let of = cut(&format!("({of})"), self.screen.width);
        // Where a line does not hold both, what was planned stands below.
        let fits = column + 1 + of.width() <= self.screen.width;
        let between = if fits { ' ' } else { '\n' };
        format!("{text}{between}{}\n", self.paint(FAINT, &of))
    }

    /// The first causes of the images that are built.
    fn causes(&self) -> Vec<Cause> {
        let built = self.having(Step::Build);
        causes::first(built.map(|item| (&*item.image.name, &*item.image.reasons)))
    }

    /// A cause, the images that it concerns by itself, and those that follow.
    fn cause(&self, text: &mut String, cause: &Cause) {
        text.push('\n');
        let shown = cause.reasons.iter().take(REASONS_SHOWN);
        for reason in shown {
            self.because(text, &words(reason));
        }
        let more = cause.reasons.len().saturating_sub(REASONS_SHOWN);
        if more > 0 {
            self.because(text, &format!("and {more} more"));
        }
        let concerned: BTreeSet<&str> = self
            .having(Step::Build)
            .filter(|item| item.own().eq(cause.reasons.iter()))
            .map(|item| &*item.image.name)
            .collect();
        let (own, follow): (Vec<&str>, Vec<&str>) = cause
            .images
            .iter()
            .map(String::as_str)
            .partition(|name| concerned.contains(name));
        self.list(text, "build", BUILD, &own);
        self.list(text, "then", PLAIN, &follow);
    }

    /// Images that are built for no other reason than that they do not exist: those that need no build of
    /// another image, and those that follow.
    fn missing(&self, text: &mut String) {
        let built = self.having(Step::Build);
        let built: BTreeSet<&str> = built.map(|item| &*item.image.name).collect();
        let missing = self.having(Step::Build);
        let missing = missing.filter(|item| item.changes().next().is_none());
        let (follow, own): (Vec<&Image>, Vec<&Image>) =
            missing.map(|item| item.image).partition(|image| {
                let mut needed = image.dependencies.iter();
                needed.any(|needed| built.contains(&*needed.image))
            });
        if own.is_empty() && follow.is_empty() {
            return;
        }
        text.push('\n');
        self.because(text, "not built yet");
        let names = |images: Vec<&'p Image>| images.into_iter().map(|image| &*image.name);
        self.list(text, "build", BUILD, &names(own).collect::<Vec<_>>());
        self.list(text, "then", PLAIN, &names(follow).collect::<Vec<_>>());
    }

    /// Where nothing is known about what exists: all images, by wave.
    fn waves(&self, text: &mut String) {
        let mut waves: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        for item in self.having(Step::Ensure) {
            let wave = waves.entry(item.image.wave).or_default();
            wave.push(&item.image.name);
        }
        if waves.is_empty() {
            return;
        }
        text.push('\n');
        for (wave, names) in &waves {
            self.list(text, &format!("wave {wave}"), PLAIN, names);
        }
    }

    /// The images that are not built, and the tags.
    fn others(&self, text: &mut String, tags: &[&str]) {
        let mut lists = String::new();
        for step in Step::ALL {
            let names = self.having(step).map(|item| &*item.image.name);
            if let Some(heading) = step.heading() {
                self.list(&mut lists, heading, FAINT, &names.collect::<Vec<_>>());
            }
        }
        self.list(&mut lists, "tags", FAINT, tags);
        if !lists.is_empty() {
            text.push('\n');
            text.push_str(&lists);
        }
    }

    /// How to learn why images are built, where that is not known.
    fn hint(&self, text: &mut String) {
        let is_unexplained = |item: &Item<'_>| {
            matches!(item.step, Step::Build | Step::Ensure) && item.changes().next().is_none()
        };
        if self.plan.source.since.is_none() && self.items.iter().any(is_unexplained) {
            let hint = "`--since REV` compares with a revision and shows what changed and why";
            let _ = write!(text, "\n{}\n", self.paint(FAINT, hint));
        }
    }

    /// A line that says why.
    fn because(&self, text: &mut String, words: &str) {
        let line = cut(words, self.screen.width);
        let _ = writeln!(text, "{}", self.paint(CAUSE, &line));
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
        let margin = heading.width().max(HEADING);
        let width = self.screen.width.saturating_sub(margin + 4);
        for (index, line) in in_lines(&names, width, LINES_SHOWN).iter().enumerate() {
            let heading = if index == 0 { heading } else { "" };
            let heading = self.paint(style, &format!("{heading:<margin$}"));
            let _ = writeln!(text, "  {heading}  {line}");
        }
    }

    fn having(&self, step: Step) -> impl Iterator<Item = &Item<'p>> {
        self.items.iter().filter(move |item| item.step == step)
    }

    fn paint(&self, style: Style, text: &str) -> String {
        if self.screen.colour {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
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

#[cfg(test)]
mod tests;
