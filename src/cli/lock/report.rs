//! What moved outside, and which images follow: for people, programs and pull requests.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde::Serialize;

use super::Format;
use crate::config::lock::{Lock, told};
use crate::diagnostics::{counted, escape};
use crate::plan::ReasonKind;
use crate::planner::compile::Compiled;
use crate::planner::decide::{Earlier, reasons};
use crate::planner::{External, ExternalKind};
use crate::run::lock::Entry;

/// Images that a pull request shows before it folds the list.
const IMAGES_SHOWN: usize = 10;

/// Everything that differs. Its fields in this order are the JSON form.
#[derive(Debug, Default, Serialize)]
pub(super) struct Changes {
    /// By section and reference.
    #[serde(rename = "references")]
    pub(super) all: Vec<Change>,
    /// Names of all images that are rebuilt, in build order.
    pub(super) images: Vec<String>,
    /// How many references were resolved.
    #[serde(skip)]
    pub(super) answered: usize,
    /// How many references could not be resolved: of these it is not known whether they have moved.
    #[serde(skip)]
    pub(super) unanswered: usize,
}

/// A reference whose entry differs, or would.
#[derive(Debug, Serialize)]
pub(super) struct Change {
    /// Its key.
    reference: String,
    /// How it differs.
    #[serde(rename = "change")]
    kind: Kind,
    /// What it was.
    from: Option<Content>,
    /// What it is.
    to: Option<Content>,
    /// Names of the images that are rebuilt because of it, in build order.
    images: Vec<String>,
}

/// How an entry differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// It is new.
    Added,
    /// It means other content.
    Moved,
    /// Something else of it differs: platforms, what a server calls its content.
    Changed,
    /// Nothing takes it any more.
    Dropped,
    /// What it names is there no more; the entry stays.
    Gone,
}

/// What a reference means.
#[derive(Debug, Serialize)]
struct Content {
    /// A digest, a checksum or a commit.
    content: String,
    /// When that was made, as it says itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<String>,
}

impl Content {
    fn of(entry: &Entry) -> Self {
        Self {
            content: entry.content().to_owned(),
            created: entry.created().map(str::to_owned),
        }
    }

    /// Its first 12 digits, and the day.
    fn short(&self) -> String {
        told(&self.content, self.created.as_deref())
    }
}

impl Change {
    pub(super) fn new(
        reference: String,
        kind: Kind,
        from: Option<&Entry>,
        to: Option<&Entry>,
    ) -> Self {
        Self {
            reference,
            kind,
            from: from.map(Content::of),
            to: to.map(Content::of),
            images: Vec::new(),
        }
    }

    /// Whether images may follow it.
    pub(super) fn may_rebuild(&self) -> bool {
        !matches!(self.kind, Kind::Dropped | Kind::Gone)
    }

    /// What it was and is, in a few words.
    fn told(&self) -> String {
        let short = |content: &Option<Content>| {
            let content = content.as_ref();
            content.map_or_else(|| "nothing".to_owned(), Content::short)
        };
        match self.kind {
            Kind::Added => format!("added: {}", short(&self.to)),
            Kind::Dropped => "removed: no image uses it".to_owned(),
            Kind::Gone if self.from.is_none() => "does not exist".to_owned(),
            Kind::Gone => format!("no longer exists; was {}", short(&self.from)),
            Kind::Changed => format!("{}, updated", short(&self.to)),
            Kind::Moved => format!("{} → {}", short(&self.from), short(&self.to)),
        }
    }
}

impl Changes {
    /// Whether something means other content than before, or is gone.
    pub(super) fn something_moved(&self) -> bool {
        let mut changes = self.all.iter();
        changes.any(|change| matches!(change.kind, Kind::Moved | Kind::Gone))
    }

    /// Finds the images that follow, by the plans of before and after.
    pub(super) fn follow(&mut self, before: &Compiled, after: &Compiled) {
        let earlier = Earlier {
            revision: String::new(),
            compiled: Some(before.clone()),
        };
        // By reference, the images that take it and are rebuilt for it, and then all that depend on them.
        let mut followers: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for image in &after.plan.images {
            let reasons = reasons(image, &after.files, &earlier);
            if reasons.is_empty() {
                continue;
            }
            self.images.push(image.name.clone());
            for change in &self.all {
                let is_own = reasons.iter().any(|reason| {
                    reason.kind == ReasonKind::Base
                        && reason
                            .detail
                            .strip_prefix(&change.reference)
                            .is_some_and(|rest| rest.starts_with(": "))
                });
                let mut needed = image.dependencies.iter();
                let reached = followers.get(&*change.reference);
                let depends = needed
                    .any(|need| reached.is_some_and(|reached| reached.contains(&*need.image)));
                if is_own || depends {
                    followers
                        .entry(&change.reference)
                        .or_default()
                        .insert(&image.name);
                }
            }
        }
        let followers: BTreeMap<String, BTreeSet<String>> = followers
            .into_iter()
            .map(|(reference, images)| {
                let images = images.into_iter().map(str::to_owned).collect();
                (reference.to_owned(), images)
            })
            .collect();
        for change in &mut self.all {
            let Some(images) = followers.get(&change.reference) else {
                continue;
            };
            let in_order = self.images.iter().filter(|name| images.contains(*name));
            change.images = in_order.cloned().collect();
        }
    }

    pub(super) fn render(&self, format: Format) -> String {
        match format {
            Format::Text => self.to_text(),
            Format::Json => json(self),
            Format::Markdown => self.to_markdown(),
        }
    }

    fn summary(&self) -> String {
        let kinds = [
            (Kind::Added, "added"),
            (Kind::Moved, "moved"),
            (Kind::Changed, "updated"),
            (Kind::Gone, "gone"),
            (Kind::Dropped, "removed"),
        ];
        let count = |kind| self.all.iter().filter(|change| change.kind == kind).count();
        let counts = kinds.map(|(kind, word)| (count(kind), word));
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts: Vec<String> = counts
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        let unanswered = match self.unanswered {
            0 => None,
            count => {
                let references = counted(count, "reference", "references");
                Some(format!("{references} could not be resolved"))
            }
        };
        let follow = match self.images.len() {
            0 => None,
            1 => Some("1 image follows".to_owned()),
            count => Some(format!("{} follow", images(count))),
        };
        let changed = match (counts.is_empty(), self.answered, &unanswered) {
            (false, ..) => Some(counts.join(", ")),
            // Nobody was there who could tell.
            (true, 0, Some(_)) => None,
            (true, ..) => Some("nothing has changed".to_owned()),
        };
        let parts = [changed, follow, unanswered].into_iter().flatten();
        parts.collect::<Vec<_>>().join("; ")
    }

    fn to_text(&self) -> String {
        let mut text = format!("{}\n", self.summary());
        for change in &self.all {
            let follow = match change.images.len() {
                0 => String::new(),
                count => format!(" → {}", images(count)),
            };
            let _ = writeln!(text, "\n{}\n  {}{follow}", change.reference, change.told());
            for name in &change.images {
                let _ = writeln!(text, "    {name}");
            }
        }
        text
    }

    fn to_markdown(&self) -> String {
        let mut text = format!("### Bases: {}\n", self.summary());
        if self.all.is_empty() {
            return text;
        }
        text.push_str("\n| reference | | images |\n|---|---|---|\n");
        for change in &self.all {
            let reference = code(&change.reference);
            let count = change.images.len();
            let _ = writeln!(text, "| {reference} | {} | {count} |", cell(&change.told()));
        }
        for change in self.all.iter().filter(|change| !change.images.is_empty()) {
            let is_long = change.images.len() > IMAGES_SHOWN;
            let _ = writeln!(
                text,
                "\n{} → **{}**\n",
                code(&change.reference),
                images(change.images.len())
            );
            if is_long {
                let _ = writeln!(
                    text,
                    "<details><summary>{}</summary>\n",
                    images(change.images.len())
                );
            }
            for name in &change.images {
                let _ = writeln!(text, "- {}", code(name));
            }
            if is_long {
                text.push_str("\n</details>\n");
            }
        }
        text
    }
}

/// Every reference with its entry and what takes it.
#[derive(Debug, Serialize)]
pub(super) struct List {
    references: Vec<Listed>,
}

#[derive(Debug, Serialize)]
struct Listed {
    reference: String,
    kind: &'static str,
    /// What the lock file has of it.
    locked: Option<Content>,
    /// The platforms that it is built for; with `any`, the engine's own too.
    platforms: Vec<String>,
    /// The lines that take it.
    taken_by: Vec<Place>,
}

#[derive(Debug, Serialize)]
struct Place {
    image: String,
    dockerfile: String,
    instruction: &'static str,
    line: usize,
}

impl List {
    pub(super) fn new(externals: &[External], lock: &Lock) -> Self {
        let listed = externals.iter().map(|external| {
            let mut platforms: Vec<String> = external.platforms.iter().cloned().collect();
            if external.any_platform {
                platforms.push("any".to_owned());
            }
            let entry = Entry::of(&super::find::question(external, false), lock);
            Listed {
                reference: external.key.clone(),
                kind: match external.kind {
                    ExternalKind::Image => "image",
                    ExternalKind::Frontend => "syntax",
                    ExternalKind::Download => "download",
                    ExternalKind::Git => "git",
                },
                locked: entry.as_ref().map(Content::of),
                platforms,
                taken_by: external.takers.iter().map(line).collect(),
            }
        });
        Self {
            references: listed.collect(),
        }
    }

    pub(super) fn render(&self, format: Format) -> String {
        let mut text = String::new();
        match format {
            Format::Json => return json(self),
            Format::Text => {
                for listed in &self.references {
                    let _ = writeln!(text, "{} {}", listed.reference, listed.content());
                    for line in &listed.taken_by {
                        let _ = writeln!(text, "  {}", line.told(escape::name(&line.dockerfile)));
                    }
                }
            }
            Format::Markdown => {
                text.push_str("| reference | locked | used by |\n|---|---|---|\n");
                for listed in &self.references {
                    let lines = listed.taken_by.iter();
                    let lines = lines.map(|line| line.told(code(&line.dockerfile)));
                    let _ = writeln!(
                        text,
                        "| {} | {} | {} |",
                        code(&listed.reference),
                        listed.content(),
                        lines.collect::<Vec<_>>().join("<br>")
                    );
                }
            }
        }
        text
    }
}

impl Listed {
    fn content(&self) -> String {
        let content = self.locked.as_ref().map(Content::short);
        content.unwrap_or_else(|| "not locked".to_owned())
    }
}

impl Place {
    fn told(&self, dockerfile: impl std::fmt::Display) -> String {
        match self.line {
            0 => format!("{} of {}", self.instruction, self.image),
            line => format!("{dockerfile}:{line} {} ({})", self.instruction, self.image),
        }
    }
}

/// The line that takes a reference, for people.
pub(super) fn taken_at(taker: &crate::planner::Taker) -> String {
    line(taker).told(escape::name(&taker.dockerfile))
}

fn line(taker: &crate::planner::Taker) -> Place {
    Place {
        image: taker.image.clone(),
        dockerfile: taker.dockerfile.clone(),
        instruction: taker.instruction,
        line: taker.line,
    }
}

fn images(count: usize) -> String {
    counted(count, "image", "images")
}

fn json(value: &impl Serialize) -> String {
    let mut text =
        serde_json::to_string_pretty(value).expect("these hold nothing that JSON cannot");
    text.push('\n');
    escape::json(&text).into_owned()
}

/// A text as code in a table.
fn code(text: &str) -> String {
    format!("`{}`", cell(&text.replace('`', "")))
}

fn cell(text: &str) -> String {
    text.replace(['\n', '\r'], " ").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_has_changed_only_where_somebody_told() {
        for (answered, unanswered, moved, expected) in [
            (0, 0, 0, "nothing has changed"),
            (2, 0, 0, "nothing has changed"),
            (0, 1, 0, "1 reference could not be resolved"),
            (0, 2, 0, "2 references could not be resolved"),
            (
                3,
                1,
                0,
                "nothing has changed; 1 reference could not be resolved",
            ),
            (3, 0, 1, "1 moved; 2 images follow"),
            (
                3,
                2,
                1,
                "1 moved; 2 images follow; 2 references could not be resolved",
            ),
        ] {
            let change = || Change::new("x".to_owned(), Kind::Moved, None, None);
            let changes = Changes {
                all: std::iter::repeat_with(change).take(moved).collect(),
                images: vec!["a".to_owned(); 2 * moved],
                answered,
                unanswered,
            };
            assert_eq!(changes.summary(), expected);
        }
    }
}
