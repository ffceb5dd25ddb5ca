//! What stands above a picture, and the legend below it.

use super::state::State;
use super::{Kind, Link, Picture};
use crate::diagnostics::escape;
use crate::plan::Plan;
use crate::run::review::{self, short, thousands};

/// An entry of the legend of lines: how an image takes from another.
pub(super) const LINKS: [(Link, &str); 4] = [
    (Link::From, "FROM"),
    (Link::Copy, "COPY --from"),
    (Link::Mount, "RUN --mount"),
    (Link::Unknown, "external"),
];

/// How many images there are and what happens to them, in one line.
pub(super) fn heading(picture: &Picture, dry_run: bool, seconds: Option<f64>) -> String {
    let total = picture.images();
    let mut text = review::images(total);
    if !picture.prefix.is_empty() {
        text = format!("{text} in {}", picture.prefix);
    }
    let groups: [(&[State], &str); 10] = [
        (&[State::Cause, State::Follows, State::Missing], "to build"),
        (&[State::Retag], "to re-tag"),
        (&[State::Built], "built"),
        (&[State::Fetched], "fetched"),
        (&[State::Retagged], "re-tagged"),
        (&[State::Skipped], "with nothing to do"),
        (&[State::Failed], "failed"),
        (&[State::Stopped], "stopped"),
        (&[State::NotBuilt], "not started"),
        (&[State::Unknown], "not decided"),
    ];
    let counts: Vec<String> = groups
        .iter()
        .map(|(states, words)| (picture.count(states), words))
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{} {words}", thousands(count)))
        .collect();
    if picture.count(&[State::Unknown]) < total {
        text = format!("{text}: {}", counts.join(", "));
    }
    match seconds {
        _ if dry_run => text + " (dry run)",
        Some(seconds) => format!("{text} in {}", duration(seconds)),
        None => text,
    }
}

/// What was planned, in one line.
pub(super) fn source(plan: &Plan) -> String {
    let source = &plan.source;
    let mut text = plain(short(&source.revision));
    if let Some(branch) = &source.branch {
        text = format!("{} at {text}", plain(branch));
    }
    if source.dirty {
        text.push_str(", with uncommitted changes");
    }
    if let Some(since) = &source.since {
        text = format!("{text}, compared with {}", plain(short(since)));
    }
    text
}

/// The states that a picture shows; none where nothing is known of any image.
pub(super) fn states(picture: &Picture) -> Vec<State> {
    let shown: Vec<State> = State::ALL
        .into_iter()
        .filter(|state| picture.count(&[*state]) > 0)
        .collect();
    if shown == [State::Unknown] {
        return Vec::new();
    }
    shown
}

/// The ways of taking that a picture shows, each with its words.
pub(super) fn links(picture: &Picture) -> impl Iterator<Item = (Link, &'static str)> {
    let shown = |link: Link| {
        let mut needs = picture.nodes.iter().flat_map(|node| node.needs.values());
        needs.any(|&needed| needed == link)
    };
    LINKS.into_iter().filter(move |(link, _)| shown(*link))
}

/// Whether a picture shows images that the plan leaves out.
pub(super) fn leaves_out(picture: &Picture) -> bool {
    let mut nodes = picture.nodes.iter();
    nodes.any(|node| node.kind == Kind::LeftOut)
}

/// A time as people read it.
pub(super) fn duration(seconds: f64) -> String {
    if seconds < 99.95 {
        return format!("{seconds:.1}s");
    }
    // More than any run takes.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and cut off where too large"
    )]
    let seconds = seconds.round() as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, minutes, seconds) => format!("{minutes}m {seconds:02}s"),
        (hours, minutes, _) => format!("{hours}h {minutes:02}m"),
    }
}

/// A text of a stored plan, which may say anything, on one line.
pub(super) fn plain(text: &str) -> String {
    text.replace(escape::is_unsafe, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_strangers_turn_nothing_around() {
        assert_eq!(plain("a\n\u{202e}b"), "a  b");
    }

    #[test]
    fn times_are_for_people() {
        for (seconds, expected) in [
            (0.0, "0.0s"),
            (99.94, "99.9s"),
            (99.96, "1m 40s"),
            (3599.0, "59m 59s"),
            (7322.0, "2h 02m"),
        ] {
            assert_eq!(duration(seconds), expected);
        }
    }
}
