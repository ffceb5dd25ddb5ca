//! A picture in the language of Graphviz.

use std::fmt::Write;

use super::{Kind, Link, Node, Picture, Titles, title};

const HEAD: &str = "\
// Each arrow leads from an image to one that takes from it:
// solid: FROM; dashed: COPY --from; dotted: RUN --mount. Grey: external base images.
digraph images {
  rankdir=LR;
  labelloc=t;
  fontname=\"Helvetica\";
  node [shape=box, style=\"rounded,filled\", fillcolor=\"#dbe9ff\", color=\"#3b6db3\", fontname=\"Helvetica\", fontsize=11];
  edge [color=\"#3b6db3\", arrowsize=0.7];
";

/// The picture in the language of Graphviz.
pub(super) fn write(picture: &Picture, titles: &Titles) -> String {
    let mut text = HEAD.to_owned();
    let label = format!("{}\n{}", titles.heading, titles.source);
    let _ = writeln!(text, "  label={};", quoted(&label));
    for (index, node) in picture.nodes.iter().enumerate() {
        let mut label = node.label();
        let remark = node.remark();
        if !remark.is_empty() {
            label = format!("{label}\n{remark}");
        }
        let label = quoted(&label);
        let _ = writeln!(text, "  n{index} [label={label}{}];", more(node));
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
    legend(&mut text, picture);
    text.push_str("}\n");
    text
}

/// The attributes of a node besides its label.
fn more(node: &Node) -> String {
    let mut more = match node.kind {
        Kind::Planned => {
            let (fill, stroke) = node.state.look().colours;
            // As all nodes are.
            if fill == "#dbe9ff" {
                String::new()
            } else {
                format!(", fillcolor=\"{fill}\", color=\"{stroke}\"")
            }
        }
        Kind::LeftOut => ", style=\"rounded,dashed\"".to_owned(),
        Kind::External => ", fillcolor=\"#eeeeee\", color=\"#999999\"".to_owned(),
    };
    if node.is_group() {
        more.push_str(", peripheries=2");
    }
    more
}

/// What the colours mean, as boxes of their own below the picture.
fn legend(text: &mut String, picture: &Picture) {
    let states = title::states(picture);
    if states.is_empty() {
        return;
    }
    text.push_str("  subgraph cluster_legend {\n    label=\"\";\n    style=invis;\n");
    for state in states {
        let look = state.look();
        let (fill, stroke) = look.colours;
        let _ = writeln!(
            text,
            "    legend_{} [label={}, fillcolor=\"{fill}\", color=\"{stroke}\", fontsize=9];",
            look.class.replace('-', "_"),
            quoted(look.words)
        );
    }
    text.push_str("  }\n");
}

/// A text in double quotes, which Graphviz shows as it is.
fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", text.replace('\n', "\\n"))
}
