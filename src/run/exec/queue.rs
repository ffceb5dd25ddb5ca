//! Which job runs next: a pure queue, without threads or clock.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// A piece of work that needs others to be done first.
#[derive(Debug, Clone)]
pub(super) struct Job<'a> {
    /// Position in the plan; what is needed stands before what needs it.
    pub(super) id: usize,
    /// Breaks ties, so that equal plans run in equal order.
    pub(super) name: &'a str,
    /// Jobs that must succeed first. Ids that are no jobs count as done.
    pub(super) needs: BTreeSet<usize>,
}

/// Jobs that are not finished, those with nothing left to wait for at hand.
///
/// Ready jobs come out by the longest chain of jobs behind them, so that the critical path is never
/// kept waiting, then by name.
#[derive(Debug)]
pub(super) struct Queue<'a> {
    ready: BTreeSet<(Reverse<usize>, &'a str, usize)>,
    /// Jobs that wait, with what they still wait for.
    waiting: BTreeMap<usize, Job<'a>>,
    /// Number of jobs on the longest chain behind each.
    behind: BTreeMap<usize, usize>,
    /// The other direction of `needs`.
    needed_by: BTreeMap<usize, Vec<usize>>,
}

impl<'a> Queue<'a> {
    /// A queue of all these jobs.
    pub(super) fn new(jobs: impl IntoIterator<Item = Job<'a>>) -> Self {
        let mut waiting: BTreeMap<usize, Job<'a>> =
            jobs.into_iter().map(|job| (job.id, job)).collect();
        let ids: BTreeSet<usize> = waiting.keys().copied().collect();
        let mut behind: BTreeMap<usize, usize> = ids.iter().map(|id| (*id, 0)).collect();
        let mut needed_by: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (id, job) in waiting.iter_mut().rev() {
            job.needs.retain(|need| ids.contains(need));
            let chain = behind[id] + 1;
            for need in &job.needs {
                needed_by.entry(*need).or_default().push(*id);
                let longest = behind.entry(*need).or_default();
                *longest = chain.max(*longest);
            }
        }
        let mut queue = Self {
            ready: BTreeSet::new(),
            waiting,
            behind,
            needed_by,
        };
        for id in ids {
            queue.release(id);
        }
        queue
    }

    /// Takes the next job that can run now.
    pub(super) fn take(&mut self) -> Option<usize> {
        self.ready.pop_first().map(|(_, _, id)| id)
    }

    /// The job succeeded: what waited for it alone becomes ready.
    pub(super) fn finish(&mut self, id: usize) {
        for dependent in self.needed_by.remove(&id).unwrap_or_default() {
            if let Some(job) = self.waiting.get_mut(&dependent) {
                job.needs.remove(&id);
            }
            self.release(dependent);
        }
    }

    /// The job failed: what needs it never comes out. Gives how many jobs that are.
    pub(super) fn give_up(&mut self, id: usize) -> usize {
        let dependents = self.needed_by.remove(&id).unwrap_or_default();
        let mut count = 0;
        for dependent in dependents {
            if self.waiting.remove(&dependent).is_some() {
                count += 1 + self.give_up(dependent);
            }
        }
        count
    }

    fn release(&mut self, id: usize) {
        if self
            .waiting
            .get(&id)
            .is_some_and(|job| job.needs.is_empty())
            && let Some(job) = self.waiting.remove(&id)
        {
            self.ready.insert((Reverse(self.behind[&id]), job.name, id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a b<a c<a,b`: names with what they need, in plan order.
    fn queue(text: &str) -> (Vec<&str>, Queue<'_>) {
        let words: Vec<(&str, &str)> = text
            .split(' ')
            .map(|word| word.split_once('<').unwrap_or((word, "")))
            .collect();
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        let jobs: Vec<Job<'_>> = words
            .iter()
            .enumerate()
            .map(|(id, (name, needs))| Job {
                id,
                name,
                needs: needs
                    .split(',')
                    .filter_map(|need| names.iter().position(|name| *name == need))
                    .collect(),
            })
            .collect();
        (names, Queue::new(jobs))
    }

    /// The order in which one worker runs the jobs, `failing` among them without success.
    #[track_caller]
    fn check(text: &str, failing: &[&str], expected: &str) {
        let (names, mut queue) = queue(text);
        let mut order = Vec::new();
        let mut given_up = 0;
        while let Some(id) = queue.take() {
            order.push(names[id]);
            if failing.contains(&names[id]) {
                given_up += queue.give_up(id);
            } else {
                queue.finish(id);
            }
        }
        assert_eq!(order.join(" "), expected, "{text}");
        if !failing.is_empty() {
            assert_eq!(order.len() + given_up, names.len(), "{text}");
        }
    }

    #[test]
    fn the_longest_chain_goes_first_then_the_name() {
        check("b a", &[], "a b");
        check("a z y<z x<y", &[], "z y a x");
        check("a b<a c<a d<b,c", &[], "a b c d");
        check(
            "base leaf1<base leaf2<base mid<base top<mid",
            &[],
            "base mid leaf1 leaf2 top",
        );
    }

    #[test]
    fn what_needs_a_failed_job_never_runs() {
        check("a b<a c", &["a"], "a c");
        check("a b<a c<b d<c e", &["b"], "a b e");
        check("a b c<a,b d<c", &["a", "b"], "a b");
    }

    #[test]
    fn a_circle_stays_out_and_nothing_hangs() {
        check("a b<c c<b", &[], "a");
        check("a<a b", &[], "b");
    }
}
