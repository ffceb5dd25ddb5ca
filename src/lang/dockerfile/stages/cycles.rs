//! Cycles among stages.

/// What a stage takes from: number of the source, and what says so.
pub(super) type Edge<T> = (usize, T);

/// Looks for a cycle, starting at every node in turn; in the order of the nodes and of their edges.
///
/// Returns the node that the search started at and the edges from there around the cycle. Takes time
/// in proportion to the number of edges, and no call stack.
pub(super) fn find<T: Copy>(edges: &[Vec<Edge<T>>]) -> Option<(usize, Vec<T>)> {
    let mut visited = vec![false; edges.len()];
    let mut on_path = vec![false; edges.len()];
    for start in 0..edges.len() {
        if visited[start] {
            continue;
        }
        visited[start] = true;
        on_path[start] = true;
        // Each entry: a node, which of its edges is next, and the edge that led here.
        let mut path: Vec<(usize, usize, Option<T>)> = vec![(start, 0, None)];
        while let Some((node, next, _)) = path.last_mut() {
            let Some(&(to, label)) = edges[*node].get(*next) else {
                on_path[*node] = false;
                path.pop();
                continue;
            };
            *next += 1;
            if on_path.get(to) == Some(&true) {
                let labels = path.iter().filter_map(|&(_, _, label)| label);
                return Some((start, labels.chain([label]).collect()));
            }
            // Sources from elsewhere have no edges.
            if visited.get(to) == Some(&false) {
                visited[to] = true;
                on_path[to] = true;
                path.push((to, 0, Some(label)));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn names_the_edges() {
        assert_eq!(find(&[vec![(0, 'a')]]), Some((0, vec!['a'])));
        let two = [vec![(1, 'a')], vec![(0, 'b')]];
        assert_eq!(find(&two), Some((0, vec!['a', 'b'])));
        let diamond = [
            vec![],
            vec![(0, 'a')],
            vec![(0, 'b'), (1, 'c')],
            vec![(9, 'd')],
        ];
        assert_eq!(find(&diamond), None);
    }

    #[test]
    fn is_not_limited_by_depth() {
        let chain: Vec<_> = (0..200_000).map(|n| vec![(n + 1, n)]).collect();
        assert_eq!(find(&chain), None);
    }
}
