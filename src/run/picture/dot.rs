//! A picture in the language of Graphviz.

use std::fmt::Write;

use super::{Kind, Link, Picture};

const HEAD: &str = "\
// Each arrow leads from an image to one that takes from it:
// solid: FROM; dashed: COPY --from; dotted: RUN --mount. Grey: external base images.
digraph images {
  rankdir=LR;
  node [shape=box, style=\"rounded,filled\", fillcolor=\"#dbe9ff\", color=\"#3b6db3\", fontname=\"Helvetica\", fontsize=11];
  edge [color=\"#3b6db3\", arrowsize=0.7];
";

pub(super) fn write(picture: &Picture) -> String {
    let mut text = HEAD.to_owned();
    for (index, node) in picture.nodes.iter().enumerate() {
        let more = match node.kind {
            Kind::Planned if node.is_group() => ", peripheries=2",
            Kind::Planned => "",
            Kind::LeftOut => ", style=\"rounded,dashed\"",
            Kind::External => ", fillcolor=\"#eeeeee\", color=\"#999999\"",
        };
        let label = quoted(&node.label());
        let _ = writeln!(text, "  n{index} [label={label}{more}];");
    }
    for (index, node) in picture.nodes.iter().enumerate() {
        for (need, link) in &node.needs {
            let style = match link {
                Link::From => "",
                Link::Copy => " [style=dashed]",
                Link::Mount => " [style=dotted]",
                Link::Unknown => " [color=\"#999999\"]",
            };
            let _ = writeln!(text, "  n{need} -> n{index}{style};");
        }
    }
    text.push_str("}\n");
    text
}

/// A text in double quotes, which Graphviz shows as it is.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
