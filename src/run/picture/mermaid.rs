//! A picture in the language of mermaid.

use std::fmt::Write;

use super::state::State;
use super::{Kind, Link, Picture, Titles, title};

/// More arrows than this a page draws only if it is configured to.
const MOST_ARROWS: usize = 500;

const HEAD: &str = "\
%% Each arrow leads from an image to one that takes from it:
%% solid: FROM; dashed: COPY --from; dotted: RUN --mount. Grey: external base images.
flowchart LR
";

const CLASSES: &str = "  \
  classDef external fill:#eeeeee,stroke:#999999,color:#333333
  classDef leftout fill:#ffffff,stroke-dasharray:4 3,color:#333333
";

/// The picture as a flowchart of Mermaid.
pub(super) fn write(picture: &Picture, titles: &Titles) -> String {
    let arrows: usize = picture.nodes.iter().map(|node| node.needs.len()).sum();
    let mut text = format!("---\ntitle: {}\n---\n", in_yaml(&titles.heading));
    if arrows > MOST_ARROWS {
        let _ = writeln!(
            text,
            "%% {arrows} arrows: set mermaid's `maxEdges` to more than its {MOST_ARROWS}, or select fewer images."
        );
    }
    text.push_str(HEAD);
    let states = title::states(picture);
    let coloured = !states.is_empty();
    for (index, node) in picture.nodes.iter().enumerate() {
        let mut label = quoted(&node.label());
        let remark = node.remark();
        if !remark.is_empty() {
            label = format!("\"{}<br>{}\"", escaped(&node.label()), escaped(&remark));
        }
        let class = match node.kind {
            Kind::Planned if coloured => node.state.look().class,
            Kind::Planned => "",
            Kind::LeftOut => "leftout",
            Kind::External => "external",
        };
        let class = if class.is_empty() {
            String::new()
        } else {
            format!(":::{class}")
        };
        let _ = if node.is_group() {
            writeln!(text, "  n{index}[[{label}]]{class}")
        } else {
            writeln!(text, "  n{index}[{label}]{class}")
        };
    }
    let mut dotted = Vec::new();
    let mut arrow = 0;
    for (index, node) in picture.nodes.iter().enumerate() {
        for (need, link) in &node.needs {
            let line = match link {
                Link::From | Link::Unknown => "-->",
                // The language calls them dotted and draws them dashed.
                Link::Copy | Link::Mount => "-.->",
            };
            let _ = writeln!(text, "  n{need} {line} n{index}");
            if *link == Link::Mount {
                dotted.push(arrow.to_string());
            }
            arrow += 1;
        }
    }
    if !dotted.is_empty() {
        let which = dotted.join(",");
        let _ = writeln!(text, "  linkStyle {which} stroke-dasharray:1 4");
    }
    legend(&mut text, &states);
    let has = |kind| picture.nodes.iter().any(|node| node.kind == kind);
    let classes = CLASSES.lines().zip([Kind::External, Kind::LeftOut]);
    for (class, _) in classes.filter(|&(_, kind)| has(kind)) {
        let _ = writeln!(text, "{class}");
    }
    text
}

/// What the colours mean, as boxes of their own, and the colours themselves.
fn legend(text: &mut String, states: &[State]) {
    if states.is_empty() {
        return;
    }
    text.push_str("  subgraph legend [\" \"]\n");
    for state in states {
        let look = state.look();
        let _ = writeln!(
            text,
            "    legend-{0}[{1}]:::{0}",
            look.class,
            quoted(look.words)
        );
    }
    text.push_str("  end\n");
    for state in states {
        let look = state.look();
        let (fill, stroke) = look.colours;
        let _ = writeln!(
            text,
            "  classDef {} fill:{fill},stroke:{stroke},color:#212529",
            look.class
        );
    }
}

/// A text as a scalar of the front matter.
fn in_yaml(text: &str) -> String {
    // Every JSON string is a YAML scalar.
    serde_json::Value::from(text).to_string()
}

/// A text in double quotes.
fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

/// A text within double quotes. Whatever could mean something there is written by its number.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            c if c.is_alphanumeric() || " ./:_@,…-".contains(c) => escaped.push(c),
            c => {
                let _ = write!(escaped, "#{};", u32::from(c));
            }
        }
    }
    escaped
}
