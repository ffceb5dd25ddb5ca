//! Many images that stand in the same place, drawn as one: a thousand boxes in a row say less than
//! one that says "a thousand".

use std::collections::{BTreeMap, BTreeSet};

use super::state::State;
use super::{Kind, Link, Node, Picture};

/// More images than this in one place become a group.
const MOST: usize = 12;
/// … of those for which nothing is to be done, where something is for others.
const MOST_UNTOUCHED: usize = 3;
/// A picture in which something is to be done, with more nodes than this, would not be read on one screen: what
/// stays as it is is folded further.
const MOST_BESIDE_TOUCHED: usize = 40;
/// A picture with more nodes than this is folded further, as far as its shape allows.
const MOST_NODES: usize = 120;

/// The same picture, with images of one state as one that nothing takes from and that take the same
/// from the same. Where that is not enough, an image becomes one with all that only it is needed by.
pub(super) fn together(mut picture: Picture) -> Picture {
    let some_touched = picture.nodes.iter().any(|node| node.state.is_touched());
    let most = |state: State| {
        if some_touched && !state.is_touched() {
            MOST_UNTOUCHED
        } else {
            MOST
        }
    };
    picture = alike(&picture, most);
    if some_touched {
        let untouched = |state: State| !state.is_touched();
        picture = folded(picture, MOST_BESIDE_TOUCHED, untouched, most);
    }
    for fewer in [MOST_UNTOUCHED, 1] {
        picture = folded(picture, MOST_NODES, |_| true, |_| fewer);
    }
    picture
}

/// Folds branches until no more nodes than `nodes` are left, or a round is hardly worth it: a long chain would
/// lose a node in each, and be worked on for as many.
fn folded(
    mut picture: Picture,
    nodes: usize,
    folds: impl Fn(State) -> bool,
    most: impl Fn(State) -> usize,
) -> Picture {
    while picture.nodes.len() > nodes {
        let before = picture.nodes.len();
        picture = alike(&branches(&picture, &folds), &most);
        if (before - picture.nodes.len()) * 20 < before {
            break;
        }
    }
    picture
}

/// Leaves that are alike become one where there are more than `most` images of them.
fn alike(picture: &Picture, most: impl Fn(State) -> usize) -> Picture {
    let dependents = picture.dependents();
    let mut places: BTreeMap<(State, &BTreeMap<usize, Link>), Vec<usize>> = BTreeMap::new();
    for (index, node) in picture.nodes.iter().enumerate() {
        if node.kind == Kind::Planned && dependents[index].is_empty() {
            let place = places.entry((node.state, &node.needs)).or_default();
            place.push(index);
        }
    }
    // A group stands where its first image stood.
    let mut leaders = BTreeMap::new();
    for ((state, _), alike) in places {
        if alike.len() > most(state) {
            leaders.extend(alike.iter().map(|&index| (index, alike[0])));
        }
    }
    merged(picture, &leaders)
}

/// An image of such a state becomes one with all that takes from it, if these are leaves of the same state that
/// take from nothing else.
fn branches(picture: &Picture, folds: impl Fn(State) -> bool) -> Picture {
    let dependents = picture.dependents();
    let mut leaders = BTreeMap::new();
    for (index, node) in picture.nodes.iter().enumerate() {
        let is_like_it = |&leaf: &usize| {
            let leaf_node = &picture.nodes[leaf];
            dependents[leaf].is_empty()
                && leaf_node.needs.len() == 1
                && leaf_node.state == node.state
        };
        let leaves = &dependents[index];
        if node.kind == Kind::Planned
            && folds(node.state)
            && !leaves.is_empty()
            && leaves.iter().all(is_like_it)
        {
            leaders.extend(leaves.iter().map(|&leaf| (leaf, index)));
        }
    }
    merged(picture, &leaders)
}

/// The picture in which each node is one with its leader, which stands before it.
fn merged(picture: &Picture, leaders: &BTreeMap<usize, usize>) -> Picture {
    let mut nodes: Vec<Node> = Vec::new();
    let mut moved: BTreeMap<usize, usize> = BTreeMap::new();
    for (index, node) in picture.nodes.iter().enumerate() {
        let leader = leaders.get(&index).filter(|&&leader| leader != index);
        if let Some(&place) = leader.and_then(|leader| moved.get(leader)) {
            moved.insert(index, place);
            nodes[place].absorb(node);
            continue;
        }
        moved.insert(index, nodes.len());
        let needs = node.needs.iter().map(|(need, &link)| (moved[need], link));
        nodes.push(Node {
            needs: needs.collect(),
            ..node.clone()
        });
    }
    Picture {
        nodes,
        prefix: picture.prefix.clone(),
    }
}

impl Node {
    /// Takes in the images of another node of the same place.
    fn absorb(&mut self, other: &Self) {
        self.names.extend_from_slice(&other.names);
        self.images.extend_from_slice(&other.images);
        self.seconds = match (self.seconds, other.seconds) {
            (Some(a), Some(b)) => Some(a + b),
            (one, other) => one.or(other),
        };
        let reasons: BTreeSet<&String> = self.reasons.iter().chain(&other.reasons).collect();
        self.reasons = reasons.into_iter().cloned().collect();
    }
}
