//! Boxed values that one core uses again and again: what a connection needs only while it is busy.

use std::cell::RefCell;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use crate::shelf::Shelf;
use crate::trim::{self, Trim};

/// Free values that an idle core keeps in each pool.
const FREE_KEPT: usize = 4;

/// A bounded store of values, cleared and kept when dropped, freed when idle. A handle: clones
/// share the store. Stays on its core.
pub struct Pool<T> {
    store: Rc<Store<T>>,
}

struct Store<T> {
    free: RefCell<Shelf<Box<T>>>,
    free_max: usize,
    make: fn() -> T,
    clear: fn(&mut T),
}

impl<T: 'static> Pool<T> {
    /// An empty pool that keeps at most `free_max` values. `make` makes one when none is free,
    /// `clear` readies one for reuse.
    pub fn new(free_max: usize, make: fn() -> T, clear: fn(&mut T)) -> Self {
        let free = RefCell::new(Shelf::new());
        let store = Rc::new(Store { free, free_max, make, clear });
        let weak = Rc::downgrade(&store);
        trim::enlist(weak);
        Self { store }
    }

    /// A value, fresh or cleared; goes back when dropped.
    pub fn take(&self) -> Pooled<T> {
        let kept = self.store.free.borrow_mut().take();
        let value = kept.unwrap_or_else(|| Box::new((self.store.make)()));
        Pooled { value: Some(value), store: self.store.clone() }
    }

    /// How many values lie ready.
    pub fn free(&self) -> usize {
        self.store.free.borrow().len()
    }
}

impl<T> Clone for Pool<T> {
    fn clone(&self) -> Self {
        Self { store: self.store.clone() }
    }
}

impl<T> fmt::Debug for Pool<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Pool({} free)", self.store.free.borrow().len())
    }
}

/// A value on loan from a `Pool`.
pub struct Pooled<T> {
    value: Option<Box<T>>,
    store: Rc<Store<T>>,
}

impl<T> Drop for Pooled<T> {
    fn drop(&mut self) {
        let Some(mut value) = self.value.take() else { return };
        let Store { free, free_max, clear, .. } = &*self.store;
        if free.borrow().len() < *free_max {
            clear(&mut value);
            free.borrow_mut().put(value);
        }
        if free.borrow().len() > FREE_KEPT {
            trim::ask();
        }
    }
}

impl<T> Trim for Store<T> {
    fn trim(&self) -> bool {
        let mut out = Vec::new();
        self.free.borrow_mut().trim(FREE_KEPT, &mut out);
        // Dropped with the shelf released: what a value owns may come back to its pool.
        drop(out);
        self.free.borrow().len() > FREE_KEPT
    }
}

impl<T> Deref for Pooled<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_deref().expect("taken only by drop")
    }
}

impl<T> DerefMut for Pooled<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_deref_mut().expect("taken only by drop")
    }
}

impl<T: fmt::Debug> fmt::Debug for Pooled<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool() -> Pool<Vec<u8>> {
        Pool::new(8, || Vec::with_capacity(100), Vec::clear)
    }

    #[test]
    fn a_value_comes_back_cleared_and_keeps_its_memory() {
        let pool = pool();
        let mut value = pool.take();
        value.extend_from_slice(b"of the last request");
        let memory = value.as_ptr();
        drop(value);
        let again = pool.clone().take();
        assert!(again.is_empty());
        assert_eq!(again.as_ptr(), memory);
    }

    #[test]
    fn no_more_is_kept_than_was_said_and_less_when_idle() {
        let pool = pool();
        drop((0..100).map(|_| pool.take()).collect::<Vec<_>>());
        assert_eq!(pool.store.free.borrow().len(), 8);
        while pool.store.trim() {}
        assert_eq!(pool.store.free.borrow().len(), FREE_KEPT);
    }

    #[test]
    fn a_value_may_outlive_its_pool() {
        let value = pool().take();
        assert_eq!(value.capacity(), 100);
    }
}
