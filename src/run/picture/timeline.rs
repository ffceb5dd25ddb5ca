//! The course of a run: what was built when, what waited for what, and which images decided how long all
//! of it took.

use std::collections::BTreeMap;

use serde::Serialize;

use super::cut;
use super::report::Report;
use super::state::State;
use super::title::{duration, plain};
use crate::plan::Plan;

/// Bars that are drawn at most: those of the images that took longest.
const MOST_BARS: usize = 150;
/// Images in the table of the slowest.
const SLOWEST: usize = 15;
/// Where the bars begin, and how wide all time is.
const LEFT: f64 = 280.0;
const WIDTH: f64 = 700.0;
const ROW: usize = 20;
/// Ticks of the axis at most.
const TICKS: f64 = 8.0;
/// Seconds that may lie between two ticks.
const STEPS: [f64; 18] = [
    0.01, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0,
    3600.0, 14400.0,
];

/// What the page shows of a run.
#[derive(Debug, Serialize)]
pub(super) struct Timeline {
    /// Whether the report says when images were started; else each stands as early as it could.
    measured: bool,
    bars: Vec<Bar>,
    ticks: Vec<Tick>,
    /// Images that took time and have no bar.
    left_out: usize,
    height: usize,
    /// Each image here waited for the one before it; the last one ended last.
    critical: Vec<Row>,
    critical_time: String,
    slowest: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Bar {
    name: String,
    /// Position in the plan.
    image: usize,
    class: &'static str,
    critical: bool,
    x: i64,
    y: usize,
    width: i64,
    time: String,
    hint: String,
}

#[derive(Debug, Serialize)]
struct Tick {
    x: i64,
    text: String,
}

/// An image of a table.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    image: usize,
    words: &'static str,
    start: String,
    time: String,
    /// The image that it needs and that ended last.
    waited_for: String,
    /// What passed from then to its start.
    idle: String,
}

/// An image that took time.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: f64,
    end: f64,
    state: State,
    /// The image that it needs and that ended last.
    after: Option<usize>,
}

/// The course of the run that a report tells of; none where nothing took time.
pub(super) fn timeline(
    plan: &Plan,
    report: &Report,
    states: &BTreeMap<&str, State>,
    prefix: &str,
) -> Option<Timeline> {
    let starts: Vec<f64> = plan
        .images
        .iter()
        .filter_map(|image| report.image(image)?.start())
        .collect();
    let first = starts.iter().copied().fold(f64::INFINITY, f64::min);
    let measured = !starts.is_empty();
    let spans = spans(plan, report, states, measured.then_some(first));
    let total = spans.values().map(|span| span.end).fold(0.0, f64::max);
    if total <= 0.0 {
        return None;
    }
    let critical = critical(&spans);
    let mut slowest: Vec<usize> = spans.keys().copied().collect();
    let time = |index: &usize| spans[index].end - spans[index].start;
    slowest.sort_by(|a, b| time(b).total_cmp(&time(a)).then(a.cmp(b)));
    let mut drawn: Vec<usize> = slowest.iter().copied().take(MOST_BARS).collect();
    drawn.sort_by(|a, b| spans[a].start.total_cmp(&spans[b].start).then(a.cmp(b)));
    let name = |index: usize| cut(&plan.images[index].name, prefix);
    let row = |&index: &usize| row(plan, &spans, index, measured);
    let bars = drawn.iter().enumerate().map(|(at, &index)| Bar {
        critical: critical.contains(&index),
        ..bar(name(index), index, spans[&index], at, total)
    });
    let critical_time: f64 = critical.iter().map(time).sum();
    Some(Timeline {
        measured,
        ticks: ticks(total),
        left_out: spans.len() - drawn.len(),
        height: (drawn.len() + 2) * ROW,
        critical: critical.iter().map(row).collect(),
        critical_time: duration(critical_time),
        slowest: slowest.iter().take(SLOWEST).map(row).collect(),
        bars: bars.collect(),
    })
}

/// When each image that took time started and ended, by its position in the plan.
fn spans(
    plan: &Plan,
    report: &Report,
    states: &BTreeMap<&str, State>,
    first: Option<f64>,
) -> BTreeMap<usize, Span> {
    let mut positions: BTreeMap<&str, usize> = BTreeMap::new();
    let mut spans: BTreeMap<usize, Span> = BTreeMap::new();
    for (index, image) in plan.images.iter().enumerate() {
        positions.insert(&image.name, index);
        let Some(told) = report.image(image).filter(|told| told.seconds() > 0.0) else {
            continue;
        };
        let needs = image.dependencies.iter();
        let needs = needs.filter_map(|need| positions.get(&*need.image));
        let after = needs
            .filter_map(|need| Some((*need, spans.get(need)?.end)))
            .max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
        let earliest = after.map_or(0.0, |(_, end)| end);
        let start = match (told.start(), first) {
            (Some(start), Some(first)) => (start - first).max(0.0),
            _ => earliest,
        };
        let span = Span {
            start,
            end: start + told.seconds(),
            state: states[&*image.name],
            after: after.map(|(index, _)| index),
        };
        spans.insert(index, span);
    }
    spans
}

/// From the image that ended last back to one that waited for none, in the order of time.
fn critical(spans: &BTreeMap<usize, Span>) -> Vec<usize> {
    let last = spans
        .iter()
        .max_by(|a, b| a.1.end.total_cmp(&b.1.end).then(b.0.cmp(a.0)));
    let mut path: Vec<usize> = Vec::new();
    let mut next = last.map(|(index, _)| *index);
    while let Some(index) = next {
        path.push(index);
        next = spans[&index].after;
    }
    path.reverse();
    path
}

fn bar(name: &str, index: usize, span: Span, at: usize, total: f64) -> Bar {
    let name = plain(name);
    let look = span.state.look();
    let time = duration(span.end - span.start);
    Bar {
        hint: format!(
            "{name}: {}, {time}, from {}",
            look.words,
            duration(span.start)
        ),
        name,
        image: index,
        class: look.class,
        critical: false,
        x: scaled(span.start, total),
        y: (at + 1) * ROW,
        width: (scaled(span.end, total) - scaled(span.start, total)).max(2),
        time,
    }
}

fn row(plan: &Plan, spans: &BTreeMap<usize, Span>, index: usize, measured: bool) -> Row {
    let span = spans[&index];
    let free = span.after.map_or(0.0, |after| spans[&after].end);
    let if_measured = |seconds: f64| {
        if measured {
            duration(seconds.max(0.0))
        } else {
            String::new()
        }
    };
    Row {
        name: plain(&plan.images[index].name),
        image: index,
        words: span.state.look().words,
        start: if_measured(span.start),
        time: duration(span.end - span.start),
        waited_for: span
            .after
            .map_or_else(String::new, |after| plain(&plan.images[after].name)),
        idle: if_measured(span.start - free),
    }
}

fn ticks(total: f64) -> Vec<Tick> {
    let step = STEPS.into_iter().find(|step| total / step <= TICKS);
    let step = step.unwrap_or(total / TICKS);
    (0..=16_u32)
        .map(|tick| f64::from(tick) * step)
        .take_while(|seconds| *seconds <= total)
        .map(|seconds| Tick {
            x: scaled(seconds, total),
            text: duration(seconds),
        })
        .collect()
}

#[expect(clippy::cast_possible_truncation, reason = "between 0 and the width")]
fn scaled(seconds: f64, total: f64) -> i64 {
    (LEFT + seconds / total * WIDTH).round() as i64
}
