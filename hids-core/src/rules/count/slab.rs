//! Values with numbers, in pages: growing moves nothing, and a place that is free is used again.

use std::ops::{Index, IndexMut};

const PAGE: usize = 1024;

/// Values with numbers.
#[derive(Debug)]
pub(super) struct Slab<T> {
    pages: Vec<Box<[T]>>,
    free: Vec<u32>,
    /// Places that were ever used.
    used: u32,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { pages: Vec::new(), free: Vec::new(), used: 0 }
    }
}

impl<T: Default> Slab<T> {
    pub(super) fn insert(&mut self, value: T) -> u32 {
        let place = self.free.pop().unwrap_or_else(|| {
            if self.used as usize == self.pages.len() * PAGE {
                self.pages.push((0..PAGE).map(|_| T::default()).collect());
            }
            // The limits of what is kept are far below 2^32.
            self.used += 1;
            self.used - 1
        });
        self[place] = value;
        place
    }

    /// Forgets the value; its number is given to another one later.
    pub(super) fn remove(&mut self, place: u32) {
        self[place] = T::default();
        self.free.push(place);
    }
}

impl<T> Index<u32> for Slab<T> {
    type Output = T;

    fn index(&self, place: u32) -> &T {
        &self.pages[place as usize / PAGE][place as usize % PAGE]
    }
}

impl<T> IndexMut<u32> for Slab<T> {
    fn index_mut(&mut self, place: u32) -> &mut T {
        &mut self.pages[place as usize / PAGE][place as usize % PAGE]
    }
}
