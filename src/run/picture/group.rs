//! Many images that stand in the same place, drawn as one: a thousand boxes in a row say less than
//! one that says "a thousand".

use std::collections::BTreeMap;

use super::{Kind, Link, Node, Picture};

/// More images than this in one place become a group.
const MOST: usize = 32;

/// The same picture, with those images as one that nothing takes from and that take the same from
/// the same.
pub(super) fn together(picture: &Picture) -> Picture {
    let dependents = picture.dependents();
    let mut places: BTreeMap<&BTreeMap<usize, Link>, Vec<usize>> = BTreeMap::new();
    for (index, node) in picture.nodes.iter().enumerate() {
        if node.kind == Kind::Planned && dependents[index].is_empty() {
            places.entry(&node.needs).or_default().push(index);
        }
    }
    // A group stands where its first image stood.
    let mut leader = BTreeMap::new();
    for alike in places.into_values().filter(|alike| alike.len() > MOST) {
        leader.extend(alike.iter().map(|&index| (index, alike[0])));
    }
    let mut grouped = Picture::default();
    let mut moved: BTreeMap<usize, usize> = BTreeMap::new();
    for (index, node) in picture.nodes.iter().enumerate() {
        if let Some(place) = leader.get(&index).and_then(|first| moved.get(first)) {
            grouped.nodes[*place].names.extend_from_slice(&node.names);
            continue;
        }
        moved.insert(index, grouped.nodes.len());
        let needs = node.needs.iter().map(|(need, &link)| (moved[need], link));
        grouped.nodes.push(Node {
            needs: needs.collect(),
            ..node.clone()
        });
    }
    grouped
}
