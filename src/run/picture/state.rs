//! What happens to an image, as a plan decides or a report tells, and how each case is shown.

use std::collections::BTreeMap;

use super::report::Report;
use crate::plan::{Action, Image, ReasonKind};

/// What happens to an image. The order is that of legends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    /// It is built, because something of its own changed.
    Cause,
    /// It is built, because an image that it needs is.
    Follows,
    /// It is built, because it does not exist.
    Missing,
    /// It exists; readable tags are moved to it.
    Retag,
    /// It was built.
    Built,
    /// It was fetched from its registry.
    Fetched,
    /// It existed, and readable tags were moved to it.
    Retagged,
    /// It existed, and there was nothing to do.
    Skipped,
    /// Its build or its push failed.
    Failed,
    /// Its build was stopped.
    Stopped,
    /// It was not started.
    NotBuilt,
    /// Nobody knows.
    Unknown,
}

/// How a state is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// Its name in style sheets and in the languages of pictures.
    pub class: &'static str,
    /// What a legend says.
    pub words: &'static str,
    /// The sign before a name in a text; empty where nothing is known.
    pub mark: &'static str,
    /// Colours of the box and of its border, in formats that have no style sheet.
    pub colours: (&'static str, &'static str),
    /// The parameters of the escape sequence that colours a terminal.
    pub escape: &'static str,
}

impl State {
    /// Every state, in the order of legends.
    pub(super) const ALL: [Self; 12] = [
        Self::Cause,
        Self::Follows,
        Self::Missing,
        Self::Retag,
        Self::Built,
        Self::Fetched,
        Self::Retagged,
        Self::Skipped,
        Self::Failed,
        Self::Stopped,
        Self::NotBuilt,
        Self::Unknown,
    ];

    /// How it is drawn.
    pub(super) fn look(self) -> Look {
        let (class, words, mark, colours, escape) = match self {
            Self::Cause => (
                "cause",
                "changed: build",
                "●",
                ("#ffd8a8", "#b54708"),
                "1;33",
            ),
            Self::Follows => (
                "follows",
                "follows: build",
                "◐",
                ("#fff3cd", "#b8860b"),
                "33",
            ),
            Self::Missing => (
                "missing",
                "missing: build",
                "◆",
                ("#ffe3e3", "#a8556b"),
                "35",
            ),
            Self::Retag => (
                "retag",
                "unchanged: re-tag",
                "○",
                ("#f1f3f5", "#adb5bd"),
                "2",
            ),
            Self::Built => ("built", "built", "✔", ("#d3f9d8", "#2b8a3e"), "32"),
            Self::Fetched => ("fetched", "fetched", "↓", ("#d0ebff", "#1864ab"), "36"),
            Self::Retagged => ("retagged", "re-tagged", "○", ("#f1f3f5", "#adb5bd"), "2"),
            Self::Skipped => ("skipped", "nothing to do", "·", ("#f8f9fa", "#ced4da"), "2"),
            Self::Failed => ("failed", "failed", "✘", ("#ffc9c9", "#c92a2a"), "1;31"),
            Self::Stopped => ("stopped", "stopped", "■", ("#ffdeeb", "#a61e4d"), "31"),
            Self::NotBuilt => ("not-built", "not started", "–", ("#ffffff", "#868e96"), "2"),
            Self::Unknown => ("plain", "not decided", "", ("#dbe9ff", "#3b6db3"), "0"),
        };
        Look {
            class,
            words,
            mark,
            colours,
            escape,
        }
    }

    /// Whether work was or is to be done for it that a review should not overlook.
    pub(super) fn is_touched(self) -> bool {
        !matches!(
            self,
            Self::Retag | Self::Retagged | Self::Skipped | Self::NotBuilt | Self::Unknown
        )
    }

    /// What the plan says of an image.
    fn planned(image: &Image) -> Self {
        let has = |kinds: &[ReasonKind]| {
            let mut reasons = image.reasons.iter();
            reasons.any(|reason| kinds.contains(&reason.kind))
        };
        match image.action {
            Action::Ensure => Self::Unknown,
            Action::Retag => Self::Retag,
            Action::Build => {
                let inherited = [ReasonKind::Dependency, ReasonKind::Missing];
                let mut reasons = image.reasons.iter();
                if reasons.any(|reason| !inherited.contains(&reason.kind)) {
                    Self::Cause
                } else if has(&[ReasonKind::Dependency]) {
                    Self::Follows
                } else {
                    Self::Missing
                }
            }
        }
    }

    /// What a report says by its word; unknown words may come from a newer program.
    fn reported(outcome: &str) -> Self {
        match outcome {
            "built" => Self::Built,
            "fetched" => Self::Fetched,
            "retagged" => Self::Retagged,
            "skipped" => Self::Skipped,
            "failed" => Self::Failed,
            "stopped" => Self::Stopped,
            "not-built" => Self::NotBuilt,
            _ => Self::Unknown,
        }
    }
}

/// The state of every image of a plan, by name. A report counts for images with the very content
/// reference that it names, and outweighs what the plan says.
pub(super) fn states<'p>(images: &'p [Image], report: Option<&Report>) -> BTreeMap<&'p str, State> {
    let states = images.iter().map(|image| {
        let state = match report {
            Some(report) => report
                .image(image)
                .map_or(State::Unknown, |told| State::reported(&told.outcome)),
            None => State::planned(image),
        };
        (image.name.as_str(), state)
    });
    states.collect()
}
