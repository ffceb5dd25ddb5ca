//! The same small step for many things, on several threads.
#![allow(
    clippy::disallowed_methods,
    reason = "running docker is the purpose of `exec`"
)]

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What `step` gives for each item, in the order of the items, on `jobs` threads.
pub(super) fn map<T: Sync, R: Send>(
    jobs: usize,
    items: &[T],
    step: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(usize, R)>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..jobs.min(items.len()).max(1) {
            scope.spawn(|| {
                while let index = next.fetch_add(1, Ordering::Relaxed)
                    && let Some(item) = items.get(index)
                {
                    let result = step(item);
                    let mut results = results.lock().expect("no thread panics with the lock");
                    results.push((index, result));
                }
            });
        }
    });
    let mut results = results
        .into_inner()
        .expect("no thread panics with the lock");
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn results_keep_the_order_of_the_items() {
        let items: Vec<usize> = (0..100).collect();
        for jobs in [0, 1, 4] {
            let doubled = super::map(jobs, &items, |item| item * 2);
            assert!(
                doubled
                    .iter()
                    .copied()
                    .eq(items.iter().map(|item| item * 2)),
                "{jobs}"
            );
        }
    }
}
