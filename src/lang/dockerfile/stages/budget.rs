//! How much the expansions of one build may add and compare together. A few lines can double a value again and
//! again, or match a long pattern with a long value a thousand times.

use std::cell::Cell;

/// How many bytes all expansions of a build together may add to their words.
const LIMIT: usize = 64 * 1024 * 1024;

/// How many characters of a pattern and a value may meet for each byte of that.
const STEPS: usize = 8;

/// What is taken of it.
#[derive(Debug, Default)]
pub(super) struct Budget(Cell<usize>);

impl Budget {
    /// Whether more was taken than there was, which has been said.
    pub(super) fn is_spent(&self) -> bool {
        self.0.get() > LIMIT
    }

    /// Takes what an expansion has added to a word, and the steps of its patterns.
    ///
    /// # Errors
    /// When there is not as much left.
    pub(super) fn take(&self, added: usize, steps: usize) -> Result<(), String> {
        let taken = self
            .0
            .get()
            .saturating_add(added)
            .saturating_add(steps / STEPS);
        self.0.set(taken);
        if self.is_spent() {
            return Err(format!(
                "the values of variables, and the patterns that take parts of them, are longer than {LIMIT} bytes together"
            ));
        }
        Ok(())
    }
}
