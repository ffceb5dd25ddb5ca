//! The search for the ways in which references speak of Dockerfiles.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::shape::is_separator;
use super::{File, Found, Paths, Shape, Spoken};

/// How many ways are looked at closely, of those that most references suggest.
const MAX_SHAPES: usize = 160;

/// How many ways may be found in one repository.
const MAX_FOUND: usize = 6;

/// How well a way explains: the greater, the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Worth {
    names: usize,
    /// Dockerfiles that another way means already, by other names.
    meant: std::cmp::Reverse<usize>,
    exact: usize,
    ambiguous: std::cmp::Reverse<usize>,
    cost: std::cmp::Reverse<usize>,
}

/// What it costs to take the name of a folder for a constant: more than to say that folder.
const FOLDER_AS_CONSTANT: usize = 5;

impl Worth {
    /// `meant` are the Dockerfiles that earlier ways mean.
    fn of(found: &Found, meant: &BTreeSet<&String>) -> Self {
        let again: BTreeSet<&String> = found
            .means
            .values()
            .filter(|path| meant.contains(path))
            .collect();
        let shape = &found.shape;
        let folder = usize::from(shape.begins_with_folder(&found.within));
        Self {
            names: found.names(),
            meant: std::cmp::Reverse(again.len()),
            exact: found.means.len() - found.pins.len(),
            ambiguous: std::cmp::Reverse(found.ambiguous),
            cost: std::cmp::Reverse(shape.cost() + folder * FOLDER_AS_CONSTANT),
        }
    }
}

impl Found {
    /// Whether it gives a Dockerfile the name that an earlier way gives it, but for a constant end: of two
    /// such versions one is built of something else.
    fn retags(&self, before: &[Self]) -> bool {
        let paths: BTreeSet<&String> = self.means.values().collect();
        before.iter().any(|earlier| {
            let mut both = earlier.means.values().filter(|path| paths.contains(path));
            both.any(|path| {
                let file = File::new(path);
                let stem = |way: &Self| {
                    let name = way.shape.name(&file)?;
                    name.strip_suffix(&*way.shape.end).map(str::to_owned)
                };
                self.shape.end != earlier.shape.end && stem(self) == stem(earlier)
            })
        })
    }
}

impl Paths<'_> {
    /// The ways in which references speak of these files, the one that explains most first.
    pub(crate) fn find(&self, spoken: &[Spoken]) -> Vec<Found> {
        Search::new(self, spoken).run()
    }

    /// The ways in which a reference, as people write it, may be made of one of the paths.
    fn suggested_by(&self, text: &str) -> BTreeSet<Shape> {
        let separators = || text.match_indices(is_separator).map(|(at, _)| at);
        let mut shapes = BTreeSet::new();
        for start in std::iter::once(0).chain(separators().map(|at| at + 1)) {
            let ends = separators().chain([text.len()]);
            for end in ends.filter(|end| *end > start) {
                for &(reading, first) in self.by_text.get(&text[start..end]).into_iter().flatten() {
                    self.readings[reading].add_shapes(text, start, first, &mut shapes);
                }
            }
        }
        shapes
    }
}

/// A search, which finds one way after the other: what is known of a way and of a reference is kept.
struct Search<'s> {
    paths: &'s Paths<'s>,
    spoken: &'s [Spoken],
    /// What the references say, with and without their tags.
    said: BTreeSet<String>,
    /// By reference, the ways in which it may be made of a path.
    suggested: Vec<BTreeSet<Shape>>,
    /// By way, how many of the references that are left suggest it.
    counts: BTreeMap<Shape, usize>,
    /// By way, the names that it gives files.
    names: BTreeMap<Shape, BTreeMap<String, Vec<usize>>>,
    /// The references that no way explains yet.
    left: BTreeSet<usize>,
}

impl<'s> Search<'s> {
    fn new(paths: &'s Paths<'_>, spoken: &'s [Spoken]) -> Self {
        let texts =
            |reference: &Spoken| BTreeSet::from([reference.full(), reference.repository.clone()]);
        let suggested: Vec<BTreeSet<Shape>> = spoken
            .par_iter()
            .map(|reference| {
                let texts = texts(reference);
                let shapes = texts.iter().flat_map(|text| paths.suggested_by(text));
                shapes.collect()
            })
            .collect();
        let mut counts = BTreeMap::new();
        for shape in suggested.iter().flatten() {
            match counts.get_mut(shape) {
                Some(count) => *count += 1,
                None => {
                    counts.insert(shape.clone(), 1);
                }
            }
        }
        Self {
            paths,
            spoken,
            said: spoken.iter().flat_map(texts).collect(),
            suggested,
            counts,
            names: BTreeMap::new(),
            left: (0..spoken.len()).collect(),
        }
    }

    fn run(mut self) -> Vec<Found> {
        let mut found: Vec<Found> = Vec::new();
        while found.len() < MAX_FOUND {
            let Some(best) = self.best(&found) else {
                break;
            };
            for index in best.means.keys() {
                self.take(*index);
            }
            found.push(best);
        }
        found
    }

    /// Takes a reference away, which is explained.
    fn take(&mut self, index: usize) {
        if !self.left.remove(&index) {
            return;
        }
        for shape in &self.suggested[index] {
            if let Some(count) = self.counts.get_mut(shape) {
                *count -= 1;
            }
        }
    }

    /// The way that explains most of the references that are left with least, after those that were found
    /// `before`.
    fn best(&mut self, before: &[Found]) -> Option<Found> {
        // One name beside others that fit another way is a coincidence, unless it is theirs in another registry.
        let anywhere_before: BTreeSet<Shape> = before
            .iter()
            .filter_map(|found| found.shape.in_any_registry())
            .collect();
        let is_like = |found: &Found| {
            let anywhere = found.shape.in_any_registry();
            anywhere.is_some_and(|shape| anywhere_before.contains(&shape))
        };
        let meant: BTreeSet<&String> = before.iter().flat_map(|way| way.means.values()).collect();
        let is_more = |found: &Found| before.is_empty() || found.names() > 1 || is_like(found);
        let mut suggested: Vec<(&Shape, usize)> = self
            .counts
            .iter()
            .map(|(shape, count)| (shape, *count))
            .filter(|(_, count)| *count > 0)
            .collect();
        suggested.sort_by_key(|(shape, count)| (usize::MAX - count, shape.cost()));
        let mut all: Vec<(Worth, Found)> = Vec::new();
        for (shape, count) in suggested.into_iter().take(MAX_SHAPES) {
            let most = all.iter().map(|(worth, _)| worth.names).max();
            // What few suggest explains few, but for files without a suffix.
            if most.is_some_and(|most| count * 4 < most) {
                break;
            }
            let names = self.names.entry(shape.clone());
            let names = names.or_insert_with(|| self.paths.named(shape, &self.said));
            let found = self.paths.explained(shape, names, self.spoken, &self.left);
            if let Some(found) = found.filter(|found| is_more(found) && !found.retags(before)) {
                all.push((Worth::of(&found, &meant), found));
            }
        }
        all.sort_by(|(worth, found), (other, otherwise)| {
            let order = other.cmp(worth);
            order.then_with(|| found.shape.cmp(&otherwise.shape))
        });
        let mut all = all.into_iter();
        let (worth, mut best) = all.next()?;
        let equal = all.take_while(|(other, _)| *other == worth);
        let others = equal.filter(|(_, other)| other.means != best.means);
        best.rivals = others.map(|(_, other)| other.means).collect();
        Some(best)
    }
}
