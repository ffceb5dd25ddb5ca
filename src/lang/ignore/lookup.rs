//! Which of many patterns may match a path, found by the texts that their matches must hold.
//!
//! A context of 100,000 files with an ignore file of 20,000 lines is two thousand million pairs.

use std::borrow::Cow;
use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, MatchKind};

use super::pattern::Pattern;

/// Fewer patterns are tried one by one.
const FEW: usize = 32;

/// The patterns of an ignore file by their literals.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    /// None where there are few patterns.
    literals: Option<AhoCorasick>,
    /// The patterns of each literal.
    of_literal: Vec<Vec<u32>>,
    /// Patterns without one.
    others: Vec<u32>,
    /// Patterns whose matches are at or below a name at the root, by that name.
    of_first_name: BTreeMap<String, Vec<u32>>,
    /// Those of which that is not known.
    anywhere: Vec<u32>,
}

impl Lookup {
    /// Where there are few patterns, nothing is looked up: all are tried.
    pub(super) fn new(patterns: &[Pattern]) -> Self {
        if patterns.len() <= FEW {
            return Self::default();
        }
        let mut lookup = Self::default();
        let mut places = BTreeMap::new();
        for (at, pattern) in (0..).zip(patterns) {
            match pattern.first_name() {
                Some(name) => lookup.of_first_name.entry(name.to_owned()).or_default(),
                None => &mut lookup.anywhere,
            }
            .push(at);
            let Some(literal) = &pattern.literal else {
                lookup.others.push(at);
                continue;
            };
            let next = lookup.of_literal.len();
            let place = *places.entry(literal.as_str()).or_insert(next);
            if place == next {
                lookup.of_literal.push(Vec::new());
            }
            lookup.of_literal[place].push(at);
        }
        let mut literals = vec![""; places.len()];
        for (literal, place) in places {
            literals[place] = literal;
        }
        let build = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .build(literals);
        // Fails beyond four billion states: no file of patterns is as long.
        lookup.literals = build.ok();
        lookup
    }

    /// Of these patterns, in order, those that may match a path; others do not.
    pub(super) fn may_match<'l>(&self, path: &str, among: &'l [u32]) -> Cow<'l, [u32]> {
        let Some(literals) = &self.literals else {
            return Cow::Borrowed(among);
        };
        let found = literals.find_overlapping_iter(path);
        let found = found.flat_map(|found| &self.of_literal[found.pattern().as_usize()]);
        let mut found: Vec<u32> = found.chain(&self.others).copied().collect();
        found.sort_unstable();
        found.dedup();
        Cow::Owned(found)
    }

    /// Of these patterns, in order, those that may match something in or below a folder at the root;
    /// others do not.
    pub(super) fn may_reach(&self, folder: &str, among: &[u32]) -> Vec<u32> {
        if self.literals.is_none() {
            return among.to_vec();
        }
        let first = self.of_first_name.get(folder).into_iter().flatten();
        let mut found: Vec<u32> = first.chain(&self.anywhere).copied().collect();
        found.sort_unstable();
        found
    }
}
