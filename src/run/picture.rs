//! Pictures of a plan: which image takes from which, for terminals (tree), Graphviz (dot) and
//! Markdown (mermaid).
//!
//! A [`Picture`] is made from the plan alone, so a stored plan is drawn as well as a fresh one.
//! Nodes stand in an order in which no image comes before one that it needs; the same plan gives
//! the same bytes.

mod dot;
mod group;
mod mermaid;
mod tree;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::lang::reference::Reference;
use crate::plan::Plan;

/// How a picture is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Lines with box characters, bases first.
    Tree,
    /// The language of Graphviz.
    Dot,
    /// A flowchart in the language of mermaid, which Markdown on many sites shows.
    Mermaid,
}

/// What is drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Whether external base images are drawn too.
    pub external: bool,
    /// Whether images that stand in the same place are drawn one by one, however many they are.
    pub all: bool,
}

/// Draws the images of a plan.
pub(crate) fn draw(plan: &Plan, format: Format, options: Options) -> String {
    let mut picture = Picture::of(plan, options.external);
    if !options.all {
        picture = group::together(&picture);
    }
    match format {
        Format::Tree => tree::write(&picture),
        Format::Dot => dot::write(&picture),
        Format::Mermaid => mermaid::write(&picture),
    }
}

/// Images, and what they take from each other.
#[derive(Debug, Default)]
struct Picture {
    /// No node stands before one that it needs.
    nodes: Vec<Node>,
}

/// What stands in one place of a picture.
#[derive(Debug, Clone)]
struct Node {
    /// What it is.
    kind: Kind,
    /// The names of the images: one, or more for a group.
    names: Vec<String>,
    /// What it takes from: the index of an earlier node, and how.
    needs: BTreeMap<usize, Link>,
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// An image of the plan.
    Planned,
    /// An image of the repository that the plan leaves out, and needs.
    LeftOut,
    /// An image from elsewhere.
    External,
}

/// How an image takes from another: the strongest way, where there are several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Link {
    /// It builds on it.
    From,
    /// It copies from it.
    Copy,
    /// It mounts it.
    Mount,
    /// One of these: a plan does not say how external images are used.
    Unknown,
}

impl Link {
    /// By the instruction that a plan names.
    fn of(instruction: &str) -> Self {
        match instruction {
            "FROM" => Self::From,
            "COPY --from" => Self::Copy,
            "RUN --mount" => Self::Mount,
            _ => Self::Unknown,
        }
    }
}

impl Picture {
    fn of(plan: &Plan, external: bool) -> Self {
        let mut picture = Self::default();
        let mut known: BTreeMap<(bool, String), usize> = BTreeMap::new();
        for image in &plan.images {
            let mut needs = BTreeMap::new();
            for dependency in &image.dependencies {
                let key = (false, dependency.image.clone());
                let index = *known
                    .entry(key)
                    .or_insert_with(|| picture.add(Kind::LeftOut, &dependency.image));
                let links = dependency.via.iter().map(|via| Link::of(&via.instruction));
                let link = links.min().unwrap_or(Link::Unknown);
                let strongest = needs.entry(index).or_insert(link);
                *strongest = link.min(*strongest);
            }
            let bases = image.base_images.iter().filter(|_| external);
            for base in bases {
                let index = *known
                    .entry((true, base.clone()))
                    .or_insert_with(|| picture.add(Kind::External, &familiar(base)));
                needs.insert(index, Link::Unknown);
            }
            let index = picture.add(Kind::Planned, &image.name);
            picture.nodes[index].needs = needs;
            known.insert((false, image.name.clone()), index);
        }
        picture
    }

    fn add(&mut self, kind: Kind, name: &str) -> usize {
        self.nodes.push(Node {
            kind,
            // No name has control characters, but a stored plan may say anything.
            names: vec![name.replace(char::is_control, " ")],
            needs: BTreeMap::new(),
        });
        self.nodes.len() - 1
    }

    /// For each node, those that take from it, by name.
    fn dependents(&self) -> Vec<Vec<usize>> {
        let mut dependents = vec![Vec::new(); self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            for &need in node.needs.keys() {
                dependents[need].push(index);
            }
        }
        for list in &mut dependents {
            list.sort_by_key(|&index| self.nodes[index].order());
        }
        dependents
    }
}

/// The short form of a reference, with as much of a digest as people read.
fn familiar(reference: &str) -> String {
    const DIGITS: usize = 12;
    let shown = Reference::parse(reference)
        .map_or_else(|_| reference.to_owned(), |reference| reference.familiar());
    let digits = shown
        .rsplit_once('@')
        .and_then(|(_, digest)| digest.split_once(':'));
    match digits.and_then(|(_, digits)| digits.get(DIGITS..)) {
        Some(rest) => format!("{}…", &shown[..shown.len() - rest.len()]),
        None => shown,
    }
}

impl Node {
    /// Single images by name, groups after them.
    fn order(&self) -> (bool, &str) {
        (self.is_group(), &self.names[0])
    }

    fn is_group(&self) -> bool {
        self.names.len() > 1
    }

    /// What is written on it.
    fn label(&self) -> String {
        const SHOWN: usize = 3;
        if !self.is_group() {
            return self.names[0].clone();
        }
        let names = self.names.iter().take(SHOWN);
        let short: Vec<&str> = names.map(|n| n.rsplit('/').next().unwrap_or(n)).collect();
        format!("{} images: {}, …", self.names.len(), short.join(", "))
    }
}
