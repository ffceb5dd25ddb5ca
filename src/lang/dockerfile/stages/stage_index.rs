//! Stages by their place in the file, apart from the other numbers around them: those of sources, which go on
//! beyond the stages, those of needed stages, and lines.

use std::ops::{Index, IndexMut};

/// The place of a stage among all of its Dockerfile, from 0. Lists of all stages are read by it like by a number:
/// `graph.stages[index]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StageIndex(usize);

impl StageIndex {
    /// The place `position`, from 0.
    pub fn new(position: usize) -> Self {
        Self(position)
    }

    /// The place as a number, from 0; also the number of the stage as a source.
    pub fn get(self) -> usize {
        self.0
    }
}

impl<T> Index<StageIndex> for Vec<T> {
    type Output = T;

    fn index(&self, index: StageIndex) -> &T {
        &self[index.0]
    }
}

impl<T> IndexMut<StageIndex> for Vec<T> {
    fn index_mut(&mut self, index: StageIndex) -> &mut T {
        &mut self[index.0]
    }
}
