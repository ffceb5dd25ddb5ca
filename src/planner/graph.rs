//! The order of images: waves, what needs what, and the cycles that allow no order.
//!
//! Images are known here by their places in a list. Where that is in the order of the images' names, ties
//! break by name.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use petgraph::algo::{kosaraju_scc, toposort};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use crate::planner::ImageIndex;

/// Which images need which.
#[derive(Debug)]
pub(crate) struct Graph {
    /// An edge leads from what is needed to what needs it.
    graph: DiGraph<(), ()>,
}

/// A build order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Order {
    /// The wave of every image, in the order of the list: 0 where it needs none, else one more than its highest need.
    pub waves: Vec<usize>,
    /// All images, by wave, then by index.
    pub sequence: Vec<ImageIndex>,
}

impl Graph {
    /// A graph of `images` images; each pair is an image and one that it needs.
    pub(crate) fn new(images: usize, needs: &BTreeSet<(ImageIndex, ImageIndex)>) -> Self {
        let mut graph = DiGraph::with_capacity(images, needs.len());
        for _ in 0..images {
            graph.add_node(());
        }
        for &(image, needed) in needs {
            graph.add_edge(node(needed), node(image), ());
        }
        Self { graph }
    }

    /// The build order.
    ///
    /// # Errors
    /// When there is none: one cycle for each strongly connected component of images, as short as
    /// any in it. Each image of a cycle needs the next, the last needs the first.
    pub(crate) fn order(&self) -> Result<Order, Vec<Vec<ImageIndex>>> {
        let Ok(sorted) = toposort(&self.graph, None) else {
            return Err(self.cycles());
        };
        let mut waves = vec![0; self.graph.node_count()];
        for node in sorted {
            let needed = self.graph.neighbors_directed(node, petgraph::Incoming);
            let highest = needed.map(|needed| waves[needed.index()] + 1).max();
            waves[node.index()] = highest.unwrap_or(0);
        }
        let mut sequence: Vec<ImageIndex> = ImageIndex::first(waves.len()).collect();
        sequence.sort_by_key(|&image| (waves[image], image));
        Ok(Order { waves, sequence })
    }

    /// The images given and all that they need, at any distance.
    pub(crate) fn with_needs(
        &self,
        images: impl IntoIterator<Item = ImageIndex>,
    ) -> BTreeSet<ImageIndex> {
        self.reach(images, petgraph::Incoming)
    }

    /// The images given and all that need them, at any distance.
    pub(crate) fn with_dependents(
        &self,
        images: impl IntoIterator<Item = ImageIndex>,
    ) -> BTreeSet<ImageIndex> {
        self.reach(images, petgraph::Outgoing)
    }

    fn reach(
        &self,
        images: impl IntoIterator<Item = ImageIndex>,
        direction: petgraph::Direction,
    ) -> BTreeSet<ImageIndex> {
        let mut reached: BTreeSet<ImageIndex> = images.into_iter().collect();
        let mut waiting: Vec<ImageIndex> = reached.iter().copied().collect();
        while let Some(image) = waiting.pop() {
            for next in self.graph.neighbors_directed(node(image), direction) {
                if reached.insert(image_of(next)) {
                    waiting.push(image_of(next));
                }
            }
        }
        reached
    }

    fn cycles(&self) -> Vec<Vec<ImageIndex>> {
        let mut cycles: Vec<Vec<ImageIndex>> = kosaraju_scc(&self.graph)
            .into_iter()
            .filter_map(|component| {
                let component: BTreeSet<ImageIndex> = component.into_iter().map(image_of).collect();
                let first = *component.first()?;
                self.shortest_cycle(first, &component)
            })
            .collect();
        cycles.sort();
        cycles
    }

    /// The shortest way from an image along its needs back to itself, within a component.
    fn shortest_cycle(
        &self,
        start: ImageIndex,
        component: &BTreeSet<ImageIndex>,
    ) -> Option<Vec<ImageIndex>> {
        let mut came_from = BTreeMap::new();
        let mut waiting = VecDeque::from([start]);
        while let Some(image) = waiting.pop_front() {
            let edges = self.graph.edges_directed(node(image), petgraph::Incoming);
            let mut needs: Vec<ImageIndex> = edges.map(|edge| image_of(edge.source())).collect();
            needs.sort_unstable();
            for need in needs {
                if need == start {
                    let mut cycle = vec![image];
                    while let Some(before) = came_from.get(&cycle[cycle.len() - 1]) {
                        cycle.push(*before);
                    }
                    cycle.reverse();
                    return Some(cycle);
                }
                if component.contains(&need) && !came_from.contains_key(&need) {
                    came_from.insert(need, image);
                    waiting.push_back(need);
                }
            }
        }
        None
    }
}

fn node(image: ImageIndex) -> NodeIndex {
    NodeIndex::new(image.get())
}

fn image_of(node: NodeIndex) -> ImageIndex {
    ImageIndex::new(node.index())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn graph(images: usize, needs: impl IntoIterator<Item = (usize, usize)>) -> Graph {
        let pairs = needs.into_iter();
        let pairs = pairs.map(|(image, need)| (ImageIndex::new(image), ImageIndex::new(need)));
        Graph::new(images, &pairs.collect())
    }

    fn numbers(images: impl IntoIterator<Item = ImageIndex>) -> Vec<usize> {
        images.into_iter().map(ImageIndex::get).collect()
    }

    #[test]
    fn waves_then_index() {
        // 3 ← 0, 3 ← 2 ← 1, 4 alone
        let order = graph(5, [(0, 3), (2, 3), (1, 2)]).order().unwrap();
        assert_eq!(order.waves, [1, 2, 1, 0, 0]);
        assert_eq!(numbers(order.sequence), [3, 4, 0, 2, 1]);
    }

    #[test]
    fn every_component_shows_a_shortest_cycle() {
        let needs = [(0, 1), (1, 2), (2, 0), (1, 0), (3, 3), (4, 0)];
        let cycles = graph(5, needs).order().unwrap_err();
        let cycles: Vec<_> = cycles.into_iter().map(numbers).collect();
        assert_eq!(cycles, [vec![0, 1], vec![3]]);
    }

    #[test]
    fn reaches_both_ways() {
        let graph = graph(4, [(1, 0), (2, 1), (3, 0)]);
        let image = ImageIndex::new;
        assert_eq!(numbers(graph.with_needs([image(2)])), [0, 1, 2]);
        assert_eq!(numbers(graph.with_dependents([image(1)])), [1, 2]);
    }

    #[test]
    fn a_chain_of_ten_thousand_needs_no_deep_stack() {
        let needs: Vec<_> = (1..10_000).map(|i| (i, i - 1)).collect();
        let order = graph(10_000, needs.clone()).order().unwrap();
        assert_eq!(order.waves[9_999], 9_999);
        let mut ring = needs;
        ring.push((0, 9_999));
        assert_eq!(graph(10_000, ring).order().unwrap_err()[0].len(), 10_000);
    }

    proptest! {
        #[test]
        fn an_order_or_a_cycle(
            needs in proptest::collection::btree_set((0_usize..8, 0_usize..8), 0..20),
        ) {
            match graph(8, needs.clone()).order() {
                Ok(order) => for (image, needed) in needs {
                    prop_assert!(order.waves[image] > order.waves[needed]);
                },
                Err(cycles) => for cycle in cycles.into_iter().map(numbers) {
                    for (at, image) in cycle.iter().enumerate() {
                        let next = cycle[(at + 1) % cycle.len()];
                        prop_assert!(needs.contains(&(*image, next)));
                    }
                },
            }
        }
    }
}
