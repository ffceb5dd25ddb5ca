//! Pictures of a plan: which image takes from which, and what happens to each. For terminals (tree),
//! Graphviz (dot), Markdown (mermaid), anything that shows images (svg) and browsers (html).
//!
//! A [`Picture`] is made from the plan alone, so a stored plan is drawn as well as a fresh one; the
//! report of a run may add what became of it. Nodes stand in an order in which no image comes before
//! one that it needs; the same plan gives the same bytes.

mod bases;
mod dot;
mod group;
mod layout;
mod mermaid;
mod page;
mod report;
mod state;
mod svg;
mod timeline;
mod title;
mod tree;

#[cfg(test)]
mod contrast;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub(crate) use self::bases::Locked;
use self::report::ImageReport;
pub(crate) use self::report::Report;
use self::state::State;
use self::title::plain;
use crate::diagnostics::{Code, Diagnostic};
use crate::lang::reference::Reference;
use crate::plan::{Image, Plan, ReasonKind};
use crate::run::review::{self, common_folder};

/// How a picture is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Lines with box characters, bases first.
    Tree,
    /// The language of Graphviz.
    Dot,
    /// A flowchart in the language of mermaid, which Markdown on many sites shows.
    Mermaid,
    /// A drawing that stands by itself.
    Svg,
    /// A page that stands by itself: the drawing with search, causes and the course of a run.
    Html,
}

/// What is drawn.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    /// Whether external base images are drawn too.
    pub external: bool,
    /// What is known of external images, by their full names.
    pub locked: BTreeMap<String, Locked>,
    /// Whether images that stand in the same place are drawn one by one, however many they are.
    pub all: bool,
    /// Whether a tree is coloured with escape sequences.
    pub colour: bool,
}

/// Draws the images of a plan, with what became of them if there is a report.
///
/// # Errors
/// When the report tells of no image as it is in the plan.
pub(crate) fn draw(
    plan: &Plan,
    report: Option<&Report>,
    format: Format,
    options: &Options,
) -> Result<String, Diagnostic> {
    if let Some(report) = report {
        refuse_other(plan, report)?;
    }
    let mut picture = Picture::of(plan, report, options.external.then_some(&options.locked));
    if !options.all {
        picture = group::together(picture);
    }
    let titles = Titles {
        heading: title::heading(
            &picture,
            report.is_some_and(|report| report.dry_run),
            report.map(|report| report.time),
        ),
        source: title::source(plan),
    };
    match format {
        Format::Tree => Ok(tree::write(&picture, &titles, options.colour)),
        Format::Dot => Ok(dot::write(&picture, &titles)),
        Format::Mermaid => Ok(mermaid::write(&picture, &titles)),
        Format::Svg => svg::write(&picture, &titles),
        Format::Html => page::write(plan, report, &picture, &titles, &options.locked),
    }
}

/// Refuses a report of another plan: a picture of it would show nothing.
fn refuse_other(plan: &Plan, report: &Report) -> Result<(), Diagnostic> {
    let mut images = plan.images.iter();
    if plan.images.is_empty() || images.any(|image| report.image(image).is_some()) {
        return Ok(());
    }
    let message = "the report has no image of this plan with the same content";
    Err(Diagnostic::new(Code::BadReport, message)
        .help("draw the plan that was run: `--rev` for its commit, or `--plan` for a stored plan"))
}

/// What stands above a picture.
struct Titles {
    /// How many images, and what happens to them.
    heading: String,
    /// What was planned.
    source: String,
}

/// Images, and what they take from each other.
#[derive(Debug, Default)]
struct Picture {
    /// No node stands before one that it needs.
    nodes: Vec<Node>,
    /// The folders that all names of the repository's images begin with, which the nodes leave out.
    prefix: String,
}

/// What stands in one place of a picture.
#[derive(Debug, Clone)]
struct Node {
    /// What it is.
    kind: Kind,
    /// What happens to its images.
    state: State,
    /// The names of the images, shortened: one, or more for a group.
    names: Vec<String>,
    /// Their positions in the plan; none for images that are not of it.
    images: Vec<usize>,
    /// Why its images are built, by themselves.
    reasons: Vec<String>,
    /// How long they took, where a report says so.
    seconds: Option<f64>,
    /// The full name of an external image.
    base: Option<String>,
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
    /// External images too where something may be known of them.
    fn of(
        plan: &Plan,
        report: Option<&Report>,
        external: Option<&BTreeMap<String, Locked>>,
    ) -> Self {
        let names = plan.images.iter().flat_map(|image| {
            let needed = image.dependencies.iter().map(|needed| &*needed.image);
            needed.chain([&*image.name])
        });
        let prefix = common_folder(names).to_owned();
        let states = state::states(&plan.images, report);
        let mut picture = Self::default();
        let mut known: BTreeMap<(bool, &str), usize> = BTreeMap::new();
        for (position, image) in plan.images.iter().enumerate() {
            let mut needs = BTreeMap::new();
            for dependency in &image.dependencies {
                let index = *known
                    .entry((false, &dependency.image))
                    .or_insert_with(|| picture.add(Kind::LeftOut, cut(&dependency.image, &prefix)));
                let links = dependency.via.iter().map(|via| Link::of(&via.instruction));
                let link = links.min().unwrap_or(Link::Unknown);
                let strongest = needs.entry(index).or_insert(link);
                *strongest = link.min(*strongest);
            }
            for base in image.base_images.iter().filter(|_| external.is_some()) {
                let index = *known.entry((true, base)).or_insert_with(|| {
                    let index = picture.add(Kind::External, &familiar(base));
                    let locked = external.and_then(|locked| locked.get(base));
                    picture.nodes[index].reasons =
                        locked.map(|base| plain(&base.told())).into_iter().collect();
                    picture.nodes[index].base = Some(base.clone());
                    index
                });
                needs.insert(index, Link::Unknown);
            }
            let index = picture.add(Kind::Planned, cut(&image.name, &prefix));
            let told = report.and_then(|report| report.image(image));
            picture.nodes[index] = Node {
                needs,
                state: states[&*image.name],
                images: vec![position],
                reasons: own_reasons(image),
                seconds: told.map(ImageReport::seconds).filter(|time| *time > 0.0),
                ..picture.nodes[index].clone()
            };
            known.insert((false, &image.name), index);
        }
        picture.prefix = plain(&prefix);
        picture
    }

    fn add(&mut self, kind: Kind, name: &str) -> usize {
        self.nodes.push(Node {
            kind,
            state: State::Unknown,
            // No name has control characters, but a stored plan may say anything.
            names: vec![plain(name)],
            images: Vec::new(),
            reasons: Vec::new(),
            seconds: None,
            base: None,
            needs: BTreeMap::new(),
        });
        self.nodes.len() - 1
    }

    /// How many images of the plan are shown.
    fn images(&self) -> usize {
        self.nodes.iter().map(|node| node.images.len()).sum()
    }

    /// How many images of the plan are in one of these states.
    fn count(&self, states: &[State]) -> usize {
        let nodes = self
            .nodes
            .iter()
            .filter(|node| states.contains(&node.state));
        nodes.map(|node| node.images.len()).sum()
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

/// What images that build by themselves are built for, in words.
fn own_reasons(image: &Image) -> Vec<String> {
    let reasons = image.reasons.iter();
    let own = reasons.filter(|reason| reason.is_change() && reason.kind != ReasonKind::Dependency);
    own.map(|reason| match reason.kind {
        // The name stands beside it.
        ReasonKind::New => "new image".to_owned(),
        _ => plain(&review::words(reason)),
    })
    .collect()
}

/// A name without what all names begin with.
fn cut<'n>(name: &'n str, prefix: &str) -> &'n str {
    name.strip_prefix(prefix).unwrap_or(name)
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
        if !self.is_group() {
            return self.names[0].clone();
        }
        format!("{}: {}", self.heading(), self.examples())
    }

    /// The name of an image, or how many are in a group.
    fn heading(&self) -> String {
        if self.is_group() {
            review::images(self.names.len())
        } else {
            self.names[0].clone()
        }
    }

    /// The first images of a group.
    fn examples(&self) -> String {
        const SHOWN: usize = 3;
        let names = self.names.iter().take(SHOWN);
        let short: Vec<&str> = names.map(|n| n.rsplit('/').next().unwrap_or(n)).collect();
        let more = if self.names.len() > SHOWN {
            ", …"
        } else {
            ""
        };
        format!("{}{more}", short.join(", "))
    }

    /// Why it is built or how long that took, in a few words; empty where there is nothing to say.
    fn remark(&self) -> String {
        if let Some(seconds) = self.seconds {
            return title::duration(seconds);
        }
        match &self.reasons[..] {
            [] => String::new(),
            [reason] => reason.clone(),
            [reason, more @ ..] => format!("{reason} and {} more", more.len()),
        }
    }
}
