//! Images by their place in a list, apart from the other numbers of a planner: stages, waves, lines.

use std::ops::{Index, IndexMut};

/// The place of an image, from 0, in a list of all images: of those that are defined, which are sorted
/// by name, or of those of a plan. Such lists are read by it like by a number: `resolved[index]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageIndex(usize);

impl ImageIndex {
    /// The place `position`, from 0.
    pub fn new(position: usize) -> Self {
        Self(position)
    }

    /// The place as a number, from 0.
    pub fn get(self) -> usize {
        self.0
    }

    /// The places of so many images, in order.
    pub fn first(count: usize) -> impl Iterator<Item = Self> {
        (0..count).map(Self)
    }
}

impl<T> Index<ImageIndex> for [T] {
    type Output = T;

    fn index(&self, index: ImageIndex) -> &T {
        &self[index.0]
    }
}

impl<T> IndexMut<ImageIndex> for [T] {
    fn index_mut(&mut self, index: ImageIndex) -> &mut T {
        &mut self[index.0]
    }
}

impl<T> Index<ImageIndex> for Vec<T> {
    type Output = T;

    fn index(&self, index: ImageIndex) -> &T {
        &self[index.0]
    }
}

impl<T> IndexMut<ImageIndex> for Vec<T> {
    fn index_mut(&mut self, index: ImageIndex) -> &mut T {
        &mut self[index.0]
    }
}
