//! A picture for terminals.
//!
//! Bases stand on the left, below each what takes from it. An image that takes from several is
//! spelled out once, below the one that it builds on; elsewhere `(*)` stands for what is below it.

use super::state::State;
use super::{Kind, Link, Node, Picture, Titles, title};
use crate::diagnostics::escape;

/// A line that is still to be written.
struct Line {
    node: usize,
    /// What stands before it: the lines of the levels above.
    indent: String,
    /// The node that it hangs on, and whether it is the last one there; none for a root.
    hangs: Option<(usize, bool)>,
}

/// The picture as a tree for the terminal.
pub(super) fn write(picture: &Picture, titles: &Titles, colour: bool) -> String {
    let dependents = picture.dependents();
    let homes: Vec<Option<usize>> = (0..picture.nodes.len())
        .map(|node| home(picture, node))
        .collect();
    let mut roots: Vec<usize> = (0..picture.nodes.len())
        .filter(|&node| homes[node].is_none())
        .collect();
    roots.sort_by_key(|&node| picture.nodes[node].order());
    // A stack of its own, because a chain may be long.
    let mut waiting: Vec<Line> = roots
        .into_iter()
        .rev()
        .map(|node| Line {
            node,
            indent: String::new(),
            hangs: None,
        })
        .collect();
    let mut text = format!("{}\n", titles.heading);
    while let Some(line) = waiting.pop() {
        let node = &picture.nodes[line.node];
        text.push_str(&line.indent);
        let mut below = line.indent;
        if let Some((parent, last)) = line.hangs {
            text.push_str(branch(node.needs[&parent], last));
            below.push_str(if last { "    " } else { "│   " });
        }
        text.push_str(&named(node, colour));
        let link = line.hangs.map(|(parent, _)| node.needs[&parent]);
        // Of an image from elsewhere, what it is stands before what is known of it.
        let told = match (node.remark(), remark(node.kind, link)) {
            (about, what) if about.is_empty() => what.to_owned(),
            (about, what) if node.kind == Kind::External => format!("{what}  {about}"),
            (about, what) => format!("  {about}{what}"),
        };
        text.push_str(&told);
        let children = &dependents[line.node];
        if line.hangs.map(|(parent, _)| parent) == homes[line.node] {
            let parent = line.node;
            let lines = children.iter().enumerate().map(|(at, &node)| Line {
                node,
                indent: below.clone(),
                hangs: Some((parent, at + 1 == children.len())),
            });
            let mut lines: Vec<Line> = lines.collect();
            lines.reverse();
            waiting.append(&mut lines);
        } else if !children.is_empty() {
            text.push_str(" (*)");
        }
        text.push('\n');
    }
    legend(&mut text, picture, colour);
    text
}

/// A node with the sign of what happens to it.
fn named(node: &Node, colour: bool) -> String {
    let look = node.state.look();
    let mut text = escape::name(&node.label()).into_owned();
    if !look.mark.is_empty() {
        text = painted(&format!("{} {text}", look.mark), node.state, colour);
    }
    text
}

fn legend(text: &mut String, picture: &Picture, colour: bool) {
    let entries: Vec<String> = title::states(picture)
        .into_iter()
        .filter(|state| !state.look().mark.is_empty())
        .map(|state| {
            let look = state.look();
            let sign = painted(look.mark, state, colour);
            format!("{sign} {}", look.words)
        })
        .collect();
    if !entries.is_empty() {
        text.push('\n');
        text.push_str(&entries.join("   "));
        text.push('\n');
    }
}

/// A text in the colour of a state.
fn painted(text: &str, state: State, colour: bool) -> String {
    if colour {
        format!("\u{1b}[{}m{text}\u{1b}[0m", state.look().escape)
    } else {
        text.to_owned()
    }
}

/// The need below which a node is spelled out: the one that it builds on, or else what comes
/// latest in the build.
fn home(picture: &Picture, node: usize) -> Option<usize> {
    let needs = picture.nodes[node].needs.iter();
    needs
        .min_by_key(|&(&need, &link)| (link, std::cmp::Reverse(need)))
        .map(|(&need, _)| need)
}

fn branch(link: Link, last: bool) -> &'static str {
    match (link, last) {
        (Link::From | Link::Unknown, false) => "├── ",
        (Link::From | Link::Unknown, true) => "└── ",
        (Link::Copy, false) => "├╌╌ ",
        (Link::Copy, true) => "└╌╌ ",
        (Link::Mount, false) => "├┈┈ ",
        (Link::Mount, true) => "└┈┈ ",
    }
}

fn remark(kind: Kind, link: Option<Link>) -> &'static str {
    match (kind, link) {
        (Kind::LeftOut, _) => " (not in this plan)",
        (Kind::External, _) => " (external)",
        (Kind::Planned, Some(Link::Copy)) => " (COPY --from)",
        (Kind::Planned, Some(Link::Mount)) => " (RUN --mount)",
        (Kind::Planned, _) => "",
    }
}
