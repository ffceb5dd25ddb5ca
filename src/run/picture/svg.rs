//! A drawing in SVG: laid out here, written by a template.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::layout::{Place, Route, lay_out};
use super::{Kind, Link, Node, Picture, Titles, title};
use crate::diagnostics::Diagnostic;
use crate::run::emit::template;

/// Width of a character: the font is one of those where all are equally wide.
const CHARACTER: f64 = 7.25;
/// … and of one in small letters.
const SMALL: f64 = 6.1;
/// … and of one in a heading.
const LARGE: f64 = 10.0;
/// Columns of text that a box shows at most.
const MOST_COLUMNS: usize = 34;
/// Space around the drawing.
const MARGIN: f64 = 24.0;
/// Where the drawing begins, below titles and legend.
const TOP: f64 = 104.0;
/// The style sheet of every drawing, also on a page.
pub(super) const STYLE: &str = include_str!("../../../templates/picture.css");

/// The data of the template.
#[derive(Serialize)]
struct View {
    drawing: Drawing,
    style: minijinja::Value,
}

/// What the template writes.
#[derive(Debug, Serialize)]
pub(super) struct Drawing {
    heading: String,
    source: String,
    width: i64,
    height: i64,
    nodes: Vec<Tile>,
    edges: Vec<Line>,
    legend: Vec<Entry>,
    /// Whether it has titles, a legend and a style sheet of its own.
    alone: bool,
}

#[derive(Debug, Serialize)]
struct Tile {
    class: String,
    x: i64,
    y: i64,
    width: i64,
    height: i64,
    /// The name, or how many images.
    name: String,
    name_y: i64,
    /// What stands below it, in small letters.
    below: String,
    below_y: i64,
    /// What a pointer that rests on it shows.
    hint: String,
    group: bool,
}

#[derive(Debug, Serialize)]
struct Line {
    class: &'static str,
    from: usize,
    to: usize,
    path: String,
}

/// An entry of the legend: a box of a class, or a line.
#[derive(Debug, Serialize)]
struct Entry {
    class: &'static str,
    words: &'static str,
    line: bool,
    x: i64,
    text_x: i64,
}

/// Draws a picture that stands by itself.
///
/// # Errors
/// None but those of a template that is wrong.
pub(super) fn write(picture: &Picture, titles: &Titles) -> Result<String, Diagnostic> {
    let view = View {
        drawing: drawing(picture, titles, true),
        style: template::verbatim(STYLE.trim_end()),
    };
    template::render("picture.svg.j2", view)
}

/// What the template writes: a drawing that stands alone, or one for a page that has titles, legend
/// and style sheet.
pub(super) fn drawing(picture: &Picture, titles: &Titles, alone: bool) -> Drawing {
    let names = names(picture);
    let sizes = picture.nodes.iter().zip(&names);
    let sizes: Vec<(f64, f64)> = sizes.map(|(node, name)| size(node, name)).collect();
    let layout = lay_out(picture, &sizes);
    let (top, margin) = if alone { (TOP, MARGIN) } else { (8.0, 8.0) };
    let legend = if alone { legend(picture) } else { Vec::new() };
    let boxes = picture.nodes.iter().zip(names).zip(&layout.boxes);
    let boxes = boxes.map(|((node, name), place)| boxed(node, name, *place, (margin, top)));
    let edges = layout.routes.iter().map(|route| Line {
        class: link_class(route.link),
        from: route.from,
        to: route.to,
        path: path(route, (margin, top)),
    });
    let titles_width = 2.0 * MARGIN
        + (columns(titles.heading.width()) * LARGE).max(columns(titles.source.width()) * CHARACTER);
    let legend_width = legend.last().map_or(0.0, |entry| {
        MARGIN + whole_f64(entry.text_x) + columns(entry.words.width()) * CHARACTER
    });
    let mut width = layout.width + 2.0 * margin;
    if alone {
        width = width.max(titles_width).max(legend_width);
    }
    Drawing {
        heading: titles.heading.clone(),
        source: titles.source.clone(),
        width: whole(width),
        height: whole(layout.height + top + margin),
        nodes: boxes.collect(),
        edges: edges.collect(),
        legend,
        alone,
    }
}

/// What is written on each node: the last part of a name, if no other image's name ends in it.
fn names(picture: &Picture) -> Vec<String> {
    fn last(name: &str) -> &str {
        name.rsplit('/').next().unwrap_or(name)
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for node in picture
        .nodes
        .iter()
        .filter(|node| node.kind != Kind::External)
    {
        for name in &node.names {
            *counts.entry(last(name)).or_default() += 1;
        }
    }
    let names = picture.nodes.iter().map(|node| {
        let name = node.heading();
        if node.is_group() || node.kind == Kind::External || counts[last(&name)] > 1 {
            shortened(&name)
        } else {
            shortened(last(&name))
        }
    });
    names.collect()
}

/// How large the box of a node has to be.
fn size(node: &Node, name: &str) -> (f64, f64) {
    let name = columns(name.width()) * CHARACTER;
    let below = below(node);
    let small = columns(below.width()) * SMALL;
    let height = if below.is_empty() { 30.0 } else { 44.0 };
    (name.max(small).max(72.0) + 28.0, height)
}

/// The second line of a box: examples of a group, or why or how long.
fn below(node: &Node) -> String {
    let remark = node.remark();
    let text = match node.seconds {
        Some(_) if node.is_group() => format!("{} · {remark}", node.examples()),
        _ if node.is_group() => node.examples(),
        _ => remark,
    };
    shortened(&text)
}

fn boxed(node: &Node, name: String, place: Place, (left, top): (f64, f64)) -> Tile {
    let kind = match node.kind {
        Kind::Planned => node.state.look().class,
        Kind::LeftOut => "left-out",
        Kind::External => "external",
    };
    let below = below(node);
    let y = top + place.y;
    let (name_y, below_y) = if below.is_empty() {
        (place.height / 2.0 + 4.0, 0.0)
    } else {
        (place.height / 2.0 - 3.0, place.height / 2.0 + 13.0)
    };
    Tile {
        class: kind.to_owned(),
        x: whole(left + place.x),
        y: whole(y),
        width: whole(place.width),
        height: whole(place.height),
        name,
        name_y: whole(y + name_y),
        below,
        below_y: whole(y + below_y),
        hint: hint(node),
        group: node.is_group(),
    }
}

/// All that there is to say of a node, in lines.
fn hint(node: &Node) -> String {
    const SHOWN: usize = 30;
    let mut lines: Vec<&str> = node.names.iter().take(SHOWN).map(String::as_str).collect();
    let more = node.names.len().saturating_sub(SHOWN);
    let more = format!("… and {more} more");
    if node.names.len() > SHOWN {
        lines.push(&more);
    }
    match node.kind {
        Kind::Planned if node.state.look().mark.is_empty() => {}
        Kind::Planned => lines.push(node.state.look().words),
        Kind::LeftOut => lines.push("not in this plan"),
        Kind::External => lines.push("external image"),
    }
    lines.extend(node.reasons.iter().take(SHOWN).map(String::as_str));
    lines.join("\n")
}

/// From box to box: straight through columns, in curves between them.
fn path(route: &Route, (left, top): (f64, f64)) -> String {
    let mut text = String::new();
    let mut last: Option<(f64, f64)> = None;
    for &(start, end, y) in &route.straight {
        let (start, end, y) = (left + start, left + end, top + y);
        match last {
            None => {
                let _ = write!(text, "M{} {}", whole(end), whole(y));
            }
            Some((x, before)) => {
                let middle = whole(f64::midpoint(x, start));
                let (before, y) = (whole(before), whole(y));
                let start = whole(start);
                if before == y {
                    let _ = write!(text, "H{start}");
                } else {
                    let _ = write!(text, "C{middle} {before} {middle} {y} {start} {y}");
                }
                if whole(end) != start {
                    let _ = write!(text, "H{}", whole(end));
                }
            }
        }
        last = Some((end, y));
    }
    text
}

/// What colours and lines mean.
fn legend(picture: &Picture) -> Vec<Entry> {
    let states = title::states(picture).into_iter().map(|state| {
        let look = state.look();
        (look.class, look.words, false)
    });
    let left_out = title::leaves_out(picture).then_some(("left-out", "not in this plan", false));
    let links = title::links(picture).map(|(link, words)| (link_class(link), words, true));
    let mut x = MARGIN;
    let entries = states.chain(left_out).chain(links);
    let entries = entries.map(|(class, words, line)| {
        let text_x = x + 26.0;
        let entry = Entry {
            class,
            words,
            line,
            x: whole(x),
            text_x: whole(text_x),
        };
        x = text_x + columns(words.width()) * SMALL + 22.0;
        entry
    });
    entries.collect()
}

/// The class of an arrow in the style sheet.
pub(super) fn link_class(link: Link) -> &'static str {
    match link {
        Link::From => "from",
        Link::Copy => "copy",
        Link::Mount => "mount",
        Link::Unknown => "unknown",
    }
}

/// A text as long as a box can show.
fn shortened(text: &str) -> String {
    if text.width() <= MOST_COLUMNS {
        return text.to_owned();
    }
    let mut short = String::new();
    for c in text.chars() {
        if short.width() + 2 > MOST_COLUMNS {
            break;
        }
        short.push(c);
    }
    short + "…"
}

/// A number of columns; exact, for no text is that long.
#[expect(clippy::cast_precision_loss, reason = "no text has so many columns")]
fn columns(count: usize) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "no drawing is so large")]
fn whole_f64(number: i64) -> f64 {
    number as f64
}

/// Whole units are as exact as a drawing of text needs, and the same on every machine.
#[expect(clippy::cast_possible_truncation, reason = "no drawing is so large")]
fn whole(length: f64) -> i64 {
    length.round() as i64
}
