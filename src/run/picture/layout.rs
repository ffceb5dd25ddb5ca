//! Where everything stands in a drawing: columns from left to right, bases first.
//!
//! The columns are ours, so that a box stands right of all that it needs, however many pieces the graph
//! falls into. The order within a column and the heights are rust-sugiyama's. It tells the places of
//! nodes and not the ways of edges, so where edges of a node pass a column, they share a waypoint there,
//! which is a node to the library.

use std::collections::BTreeMap;

use rust_sugiyama::configure::{Config, RankingType};
use rust_sugiyama::from_vertices_and_edges;

use super::{Link, Picture};

/// Space between two boxes of a column.
const GAP: f64 = 12.0;
/// Space between two columns, in which the edges run.
const CHANNEL: f64 = 64.0;
/// How high the way of an edge through a column is.
const WAY: f64 = 4.0;
/// Space between two pieces that nothing connects.
const APART: f64 = 14.0;
/// The library calls itself once for each node of a path.
const STACK_PER_NODE: usize = 4 << 10;
/// Below so many nodes any thread's stack is enough.
const FEW_NODES: usize = 400;
/// Below so many nodes the library also swaps neighbors while that removes crossings. In larger graphs it
/// removes one in a hundred or so, and takes most of the time.
const SWAPPED_NODES: usize = 1000;

/// A drawing without its texts.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// The boxes of the nodes, in their order.
    pub boxes: Vec<Place>,
    /// The edges.
    pub routes: Vec<Route>,
    /// The whole width.
    pub width: f64,
    /// The whole height.
    pub height: f64,
}

/// A box: its left upper corner and its size.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// The way of an edge.
#[derive(Debug)]
pub(super) struct Route {
    /// The node that is needed.
    pub from: usize,
    /// The node that needs it.
    pub to: usize,
    /// How.
    pub link: Link,
    /// Pieces that run straight from left to right, through a column each: left end, right end, height.
    pub straight: Vec<(f64, f64, f64)>,
}

/// Lays a picture out; `sizes` are those of its nodes.
pub(super) fn lay_out(picture: &Picture, sizes: &[(f64, f64)]) -> Layout {
    let ranks = ranks(picture);
    let columns = columns(&ranks, sizes);
    let mut heights: Vec<f64> = sizes.iter().map(|(_, height)| *height).collect();
    let mut edges = held(picture, &ranks);
    let mut ways: Vec<(usize, usize, Link, Vec<usize>)> = Vec::new();
    let mut waypoints: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for (to, node) in picture.nodes.iter().enumerate() {
        for (&from, &link) in &node.needs {
            let mut last = from;
            let mut passed = Vec::new();
            for rank in ranks[from] + 1..ranks[to] {
                let waypoint = *waypoints.entry((from, rank)).or_insert_with(|| {
                    let waypoint = push(&mut heights, WAY);
                    edges.push((last, waypoint));
                    waypoint
                });
                passed.push(waypoint);
                last = waypoint;
            }
            edges.push((last, to));
            ways.push((from, to, link, passed));
        }
    }
    let (middles, height) = middles(&heights, &edges);
    let boxes: Vec<Place> = (0..picture.nodes.len())
        .map(|node| {
            let (x, width) = columns[ranks[node]];
            let height = heights[node];
            let y = middles[node] - height / 2.0;
            Place {
                x,
                y,
                width,
                height,
            }
        })
        .collect();
    let routes = ways.into_iter().map(|(from, to, link, waypoints)| {
        let ends = |node: usize| (boxes[node].x, boxes[node].x + boxes[node].width);
        let passed = (ranks[from] + 1..).zip(waypoints).map(|(rank, waypoint)| {
            let (x, width) = columns[rank];
            (x, x + width, middles[waypoint])
        });
        let (_, start) = ends(from);
        let (end, _) = ends(to);
        let straight = [(start, start, middles[from])].into_iter().chain(passed);
        let straight = straight.chain([(end, end, middles[to])]).collect();
        Route {
            from,
            to,
            link,
            straight,
        }
    });
    Layout {
        routes: routes.collect(),
        width: columns.last().map_or(0.0, |(x, width)| x + width),
        boxes,
        height,
    }
}

fn push(heights: &mut Vec<f64>, height: f64) -> usize {
    heights.push(height);
    heights.len() - 1
}

/// The column of each node: right of all that it needs; one that needs nothing stands as near as can
/// be to what takes from it.
fn ranks(picture: &Picture) -> Vec<usize> {
    let mut ranks = vec![0; picture.nodes.len()];
    let mut nearest = vec![usize::MAX; picture.nodes.len()];
    for (index, node) in picture.nodes.iter().enumerate() {
        let needs = node.needs.keys().map(|&need| ranks[need] + 1);
        ranks[index] = needs.max().unwrap_or(0);
        for &need in node.needs.keys() {
            nearest[need] = nearest[need].min(ranks[index]);
        }
    }
    for (index, node) in picture.nodes.iter().enumerate() {
        if node.needs.is_empty() && nearest[index] != usize::MAX {
            ranks[index] = nearest[index] - 1;
        }
    }
    ranks
}

/// Edges that are not drawn and hold in its column what needs nothing and stands right of the first one.
///
/// The library puts a node right of the last that an edge leads from, and what no edge leads to into the first
/// column. Something needs such a node together with another of its column, and what that one needs
/// stands a column before both.
fn held(picture: &Picture, ranks: &[usize]) -> Vec<(usize, usize)> {
    let mut held = BTreeMap::new();
    for node in &picture.nodes {
        for &late in node.needs.keys() {
            if ranks[late] == 0 || !picture.nodes[late].needs.is_empty() {
                continue;
            }
            let beside = node
                .needs
                .keys()
                .filter(|need| ranks[**need] == ranks[late]);
            let before = beside.flat_map(|need| picture.nodes[*need].needs.keys());
            if let Some(&before) = before
                .into_iter()
                .find(|need| ranks[**need] + 1 == ranks[late])
            {
                held.entry(late).or_insert(before);
            }
        }
    }
    held.into_iter()
        .map(|(late, before)| (before, late))
        .collect()
}

/// Left end and width of each column: as wide as its widest box.
fn columns(ranks: &[usize], sizes: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut widths: BTreeMap<usize, f64> = BTreeMap::new();
    for (&rank, &(width, _)) in ranks.iter().zip(sizes) {
        let widest = widths.entry(rank).or_default();
        *widest = widest.max(width);
    }
    let count = widths.keys().last().map_or(0, |last| last + 1);
    let mut x = 0.0;
    let columns = (0..count).map(|rank| {
        let width = widths.get(&rank).copied().unwrap_or(0.0);
        let left = x;
        x += width + CHANNEL;
        (left, width)
    });
    columns.collect()
}

/// The height at which the middle of each node stands, and the height of all.
fn middles(heights: &[f64], edges: &[(usize, usize)]) -> (Vec<f64>, f64) {
    let mut pieces = placed(heights, edges);
    // The library gives nodes in the order of a hash map.
    for piece in &mut pieces {
        piece.sort_by_key(|(node, _)| *node);
    }
    pieces.sort_by_key(|piece| (std::cmp::Reverse(piece.len()), piece.first().map(|n| n.0)));
    let mut middles = vec![0.0; heights.len()];
    let mut top = 0.0;
    for piece in pieces {
        let upper = |(node, middle): &(usize, f64)| middle - heights[*node] / 2.0;
        let lower = |(node, middle): &(usize, f64)| middle + heights[*node] / 2.0;
        let first = piece.iter().map(upper).fold(f64::INFINITY, f64::min);
        let last = piece.iter().map(lower).fold(f64::NEG_INFINITY, f64::max);
        for (node, middle) in piece {
            middles[node] = top + middle - first;
        }
        top += last - first + APART;
    }
    (middles, (top - APART).max(0.0))
}

/// The nodes of each piece of the graph with the height that the library gives them.
fn placed(heights: &[f64], edges: &[(usize, usize)]) -> Vec<Vec<(usize, f64)>> {
    let id = |node: usize| u32::try_from(node).expect("fewer nodes than a plan can hold");
    // The library draws from top to bottom: what is high here is wide there.
    let vertices = heights.iter().enumerate();
    let vertices: Vec<(u32, (f64, f64))> = vertices
        .map(|(node, height)| (id(node), (*height, 1.0)))
        .collect();
    let edges: Vec<(u32, u32)> = edges.iter().map(|&(a, b)| (id(a), id(b))).collect();
    let config = Config {
        vertex_spacing: GAP,
        // Every edge leads from a column to the next already.
        ranking_type: RankingType::Up,
        transpose: vertices.len() < SWAPPED_NODES,
        ..Config::default()
    };
    let place = || from_vertices_and_edges(&vertices, &edges, &config);
    let pieces = if vertices.len() < FEW_NODES {
        place()
    } else {
        let stack = (8 << 20) + vertices.len() * STACK_PER_NODE;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .stack_size(stack);
        match pool.build() {
            Ok(pool) => pool.install(place),
            Err(_) => place(),
        }
    };
    let nodes = pieces.into_iter().map(|(nodes, ..)| nodes);
    nodes
        .map(|nodes| nodes.into_iter().map(|(node, (x, _))| (node, x)).collect())
        .collect()
}
