//! Boxed values that one core uses again and again: what a connection needs only while it is busy.

use std::cell::RefCell;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

/// A bounded store of values, cleared and kept when dropped. A handle: clones share the store.
pub struct Pool<T> {
    shelf: Rc<Shelf<T>>,
}

struct Shelf<T> {
    free: RefCell<Vec<Box<T>>>,
    free_max: usize,
    make: fn() -> T,
    clear: fn(&mut T),
}

impl<T> Pool<T> {
    /// An empty pool that keeps at most `free_max` values. `make` makes one when none is free, `clear` readies one for reuse.
    pub fn new(free_max: usize, make: fn() -> T, clear: fn(&mut T)) -> Self {
        let free = RefCell::new(Vec::new());
        Self { shelf: Rc::new(Shelf { free, free_max, make, clear }) }
    }

    /// A value, fresh or cleared; goes back when dropped.
    pub fn take(&self) -> Pooled<T> {
        let kept = self.shelf.free.borrow_mut().pop();
        let value = kept.unwrap_or_else(|| Box::new((self.shelf.make)()));
        Pooled { value: Some(value), shelf: self.shelf.clone() }
    }

    /// How many values lie ready.
    pub fn free(&self) -> usize {
        self.shelf.free.borrow().len()
    }
}

impl<T> Clone for Pool<T> {
    fn clone(&self) -> Self {
        Self { shelf: self.shelf.clone() }
    }
}

impl<T> fmt::Debug for Pool<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Pool({} free)", self.free())
    }
}

/// A value on loan from a `Pool`.
pub struct Pooled<T> {
    value: Option<Box<T>>,
    shelf: Rc<Shelf<T>>,
}

impl<T> Drop for Pooled<T> {
    fn drop(&mut self) {
        let Some(mut value) = self.value.take() else { return };
        if self.shelf.free.borrow().len() < self.shelf.free_max {
            (self.shelf.clear)(&mut value);
            self.shelf.free.borrow_mut().push(value);
        }
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
