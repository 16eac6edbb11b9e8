//! Free things kept for reuse, and how many of them lay idle: what every pool of a core is made of.

/// A stack of free things that knows how many it could have done without.
#[derive(Debug)]
pub(crate) struct Shelf<T> {
    free: Vec<T>,
    /// The fewest that lay free since the last trim: nobody missed these.
    idle: usize,
}

impl<T> Shelf<T> {
    pub(crate) const fn new() -> Self {
        Self { free: Vec::new(), idle: 0 }
    }

    pub(crate) fn take(&mut self) -> Option<T> {
        let taken = self.free.pop();
        self.idle = self.idle.min(self.free.len());
        taken
    }

    pub(crate) fn put(&mut self, thing: T) {
        self.free.push(thing);
    }

    pub(crate) fn len(&self) -> usize {
        self.free.len()
    }

    /// Takes away everything: the core ends.
    pub(crate) fn empty(&mut self) -> Vec<T> {
        std::mem::take(&mut self.free)
    }

    /// Takes away half of what lay idle since the last call, down to `floor` free things: an idle
    /// core comes to its floor in a few rounds, a busy one keeps what it uses. Appends to `out`,
    /// for the caller to drop.
    pub(crate) fn trim(&mut self, floor: usize, out: &mut Vec<T>) {
        let excess = self.idle.min(self.free.len().saturating_sub(floor)).div_ceil(2);
        // The oldest lie at the bottom, and are the least likely to be in a cache.
        out.extend(self.free.drain(..excess));
        self.idle = self.free.len();
        if self.free.capacity() > 4 * self.free.len().max(floor) {
            self.free.shrink_to(2 * self.free.len().max(floor));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_shelf_comes_down_to_its_floor_and_a_used_one_stays() {
        let (mut shelf, mut out) = (Shelf::new(), Vec::new());
        (0..1000).for_each(|n| shelf.put(n));
        shelf.trim(8, &mut out);
        assert_eq!(shelf.len(), 1000, "nothing was known to be idle yet");
        for _ in 0..12 {
            shelf.trim(8, &mut out);
        }
        assert_eq!(shelf.len(), 8);
        (0..100).for_each(|n| shelf.put(n));
        shelf.trim(8, &mut out);
        let in_use = shelf.len();
        for _ in 0..12 {
            let used: Vec<_> = (0..in_use).map(|_| shelf.take().unwrap()).collect();
            used.into_iter().for_each(|n| shelf.put(n));
            shelf.trim(8, &mut out);
        }
        assert_eq!(shelf.len(), in_use);
    }
}
