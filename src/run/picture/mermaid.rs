//! A picture in the language of mermaid.

use std::fmt::Write;

use super::{Kind, Link, Picture};

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

pub(super) fn write(picture: &Picture) -> String {
    let arrows: usize = picture.nodes.iter().map(|node| node.needs.len()).sum();
    let mut text = String::new();
    if arrows > MOST_ARROWS {
        let _ = writeln!(
            text,
            "%% {arrows} arrows: set mermaid's `maxEdges` to more than its {MOST_ARROWS}, or select fewer images."
        );
    }
    text.push_str(HEAD);
    for (index, node) in picture.nodes.iter().enumerate() {
        let label = quoted(&node.label());
        let _ = match node.kind {
            Kind::Planned if node.is_group() => writeln!(text, "  n{index}[[{label}]]"),
            Kind::Planned => writeln!(text, "  n{index}[{label}]"),
            Kind::LeftOut => writeln!(text, "  n{index}[{label}]:::leftout"),
            Kind::External => writeln!(text, "  n{index}[{label}]:::external"),
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
    let has = |kind| picture.nodes.iter().any(|node| node.kind == kind);
    let classes = CLASSES.lines().zip([Kind::External, Kind::LeftOut]);
    for (class, _) in classes.filter(|&(_, kind)| has(kind)) {
        let _ = writeln!(text, "{class}");
    }
    text
}

/// A text in double quotes. Whatever could mean something there is written by its number.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            c if c.is_alphanumeric() || " ./:_@,…-".contains(c) => quoted.push(c),
            c => {
                let _ = write!(quoted, "#{};", u32::from(c));
            }
        }
    }
    quoted + "\""
}
