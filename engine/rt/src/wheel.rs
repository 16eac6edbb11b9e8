//! A hierarchical timer wheel: deadlines in ticks in, due keys out. No clock, no allocation once it
//! has grown.
//!
//! Seven levels of 64 slots; a slot of level n spans 64^n ticks (Varghese & Lauck 1987, scheme 7).
//! A deadline moved later is only stored: the entry stays where it is and is placed anew when its
//! slot comes up. Called by `timer`.

use std::task::Waker;

/// Ticks since the wheel began: milliseconds, for `timer`.
pub(crate) type Tick = u64;

/// Bits of a deadline that choose a slot of one level.
const SLOT_BITS: u32 = 6;
const SLOTS: usize = 1 << SLOT_BITS;
/// 64^7 ms are 139 years: no deadline lies beyond the last level.
const LEVELS: usize = 7;
const LAST_TICK: Tick = (1 << (SLOT_BITS * LEVELS as u32)) - 1;
/// No deadline.
const NEVER: Tick = Tick::MAX;
/// No entry, no slot.
const NONE: u32 = u32::MAX;
/// How many entries of a coarse slot are read to learn when the first of them is due.
const LOOK_AHEAD: usize = 16;

/// Names an entry of the wheel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key(u32);

#[derive(Debug)]
struct Entry {
    /// What was asked for last.
    wanted: Tick,
    /// When the entry comes up, never after `wanted`.
    armed: Tick,
    /// The slot it is linked into, `level * 64 + slot`, or `NONE`.
    place: u32,
    prev: u32,
    /// The next of its slot; of a free entry, the next free one.
    next: u32,
    waker: Option<Waker>,
}

/// The wheel.
#[derive(Debug)]
pub(crate) struct Wheel {
    /// Everything due up to here has come up.
    elapsed: Tick,
    entries: Vec<Entry>,
    free: u32,
    first: [u32; SLOTS * LEVELS],
    /// One bit per slot that holds an entry.
    occupied: [u64; LEVELS],
    /// What `next_due` answered, while that holds.
    next_known: Option<Tick>,
}

impl Wheel {
    pub(crate) const fn new() -> Self {
        Self {
            elapsed: 0,
            entries: Vec::new(),
            free: NONE,
            first: [NONE; SLOTS * LEVELS],
            occupied: [0; LEVELS],
            next_known: None,
        }
    }

    /// Makes an entry that is not due at any time.
    pub(crate) fn insert(&mut self) -> Key {
        let (wanted, armed, place) = (NEVER, NEVER, NONE);
        let fresh = Entry { wanted, armed, place, prev: NONE, next: NONE, waker: None };
        if self.free == NONE {
            self.entries.push(fresh);
            return Key(self.entries.len() as u32 - 1);
        }
        let key = self.free;
        self.free = self.entries[key as usize].next;
        self.entries[key as usize] = fresh;
        Key(key)
    }

    /// Forgets an entry. The waker is for the caller to drop, when the wheel is no longer borrowed.
    #[must_use]
    pub(crate) fn remove(&mut self, key: Key) -> Option<Waker> {
        self.unlink(key.0);
        let free = self.free;
        self.free = key.0;
        let entry = &mut self.entries[key.0 as usize];
        entry.next = free;
        entry.waker.take()
    }

    /// Sets when an entry is due; `None` for never. Moving it later, or unsetting it, is a store.
    pub(crate) fn set(&mut self, key: Key, due: Option<Tick>) {
        let wanted = due.map_or(NEVER, |due| due.clamp(self.elapsed, LAST_TICK));
        let entry = &mut self.entries[key.0 as usize];
        entry.wanted = wanted;
        if entry.place != NONE && entry.armed <= wanted {
            self.next_known = self.next_known.map(|next| next.min(wanted));
        } else {
            self.place_anew(key.0);
        }
    }

    /// Who is to be woken when the entry is due. Returns the one before, for the caller to drop.
    #[must_use]
    pub(crate) fn set_waker(&mut self, key: Key, waker: &Waker) -> Option<Waker> {
        let held = &mut self.entries[key.0 as usize].waker;
        match held {
            Some(held) if held.will_wake(waker) => None,
            held => held.replace(waker.clone()),
        }
    }

    /// The next entry due at or before `now`, with its waker; it is then due never. `None` when all
    /// have been told: the wheel now stands at `now`.
    pub(crate) fn pop_due(&mut self, now: Tick) -> Option<(Key, Option<Waker>)> {
        while let Some((level, slot, start)) = self.first_slot() {
            if start > now {
                break;
            }
            self.elapsed = start;
            let place = level * SLOTS + slot;
            if level > 0 {
                // The whole slot at once, or its rest would stand behind what now lies in finer
                // ones.
                while self.first[place] != NONE {
                    self.place_anew(self.first[place]);
                }
                continue;
            }
            let key = self.first[place];
            if self.entries[key as usize].wanted > start {
                self.place_anew(key);
                continue;
            }
            self.unlink(key);
            let entry = &mut self.entries[key as usize];
            entry.wanted = NEVER;
            return Some((Key(key), entry.waker.take()));
        }
        self.elapsed = self.elapsed.max(now);
        None
    }

    /// When `pop_due` must be called next: exactly, unless many entries share a coarse slot or were
    /// moved later.
    pub(crate) fn next_due(&mut self) -> Option<Tick> {
        if self.next_known.is_none() {
            self.next_known = self.first_slot().map(|slot| self.first_due_in(slot));
        }
        self.next_known
    }

    fn first_due_in(&self, (level, slot, start): (usize, usize, Tick)) -> Tick {
        if level == 0 {
            return start;
        }
        // An entry that was moved beyond its slot must be placed anew before later slots are looked
        // at.
        let mut due = start + (1 << (SLOT_BITS * level as u32));
        let mut key = self.first[level * SLOTS + slot];
        for _ in 0..LOOK_AHEAD {
            let entry = &self.entries[key as usize];
            due = due.min(entry.wanted);
            key = entry.next;
            if key == NONE {
                return due;
            }
        }
        start
    }

    /// The earliest slot that holds an entry. All of a level come up before all of the next.
    fn first_slot(&self) -> Option<(usize, usize, Tick)> {
        let level = self.occupied.iter().position(|&slots| slots != 0)?;
        let slot = self.occupied[level].trailing_zeros();
        let shift = SLOT_BITS * level as u32;
        let block = self.elapsed >> (shift + SLOT_BITS) << (shift + SLOT_BITS);
        Some((level, slot as usize, block + (u64::from(slot) << shift)))
    }

    fn place_anew(&mut self, key: u32) {
        self.unlink(key);
        if self.entries[key as usize].wanted != NEVER {
            self.link(key);
        }
    }

    /// Links an entry by its `wanted`, which is a time and not before `elapsed`.
    fn link(&mut self, key: u32) {
        let armed = self.entries[key as usize].wanted;
        // The level is that of the highest bit in which the deadline differs from the time: so it
        // lies ahead in its block.
        let differ = (armed ^ self.elapsed) | 1;
        let level = differ.ilog2() / SLOT_BITS;
        let slot = (armed >> (SLOT_BITS * level)) as usize % SLOTS;
        let place = level as usize * SLOTS + slot;
        let next = std::mem::replace(&mut self.first[place], key);
        if next != NONE {
            self.entries[next as usize].prev = key;
        }
        let entry = &mut self.entries[key as usize];
        entry.armed = armed;
        entry.place = place as u32;
        (entry.prev, entry.next) = (NONE, next);
        self.occupied[level as usize] |= 1 << slot;
        self.next_known = self.next_known.map(|next| next.min(armed));
    }

    fn unlink(&mut self, key: u32) {
        let entry = &mut self.entries[key as usize];
        if entry.place == NONE {
            return;
        }
        let place = std::mem::replace(&mut entry.place, NONE) as usize;
        let (prev, next) = (entry.prev, entry.next);
        if next != NONE {
            self.entries[next as usize].prev = prev;
        }
        if prev != NONE {
            self.entries[prev as usize].next = next;
        } else {
            self.first[place] = next;
            if next == NONE {
                self.occupied[place / SLOTS] &= !(1 << (place % SLOTS));
            }
        }
        self.next_known = None;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Set(usize, u64),
        Clear(usize),
        Replace(usize),
        Advance(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let far = prop_oneof![0..70u64, 0..5_000u64, 0..400_000u64, 0..2_000_000_000u64];
        let on = prop_oneof![0..3u64, 0..70u64, 0..5_000u64, 0..20_000_000u64];
        let step = prop_oneof![
            6 => (0..12usize, far).prop_map(|(i, d)| Step::Set(i, d)),
            1 => (0..12usize).prop_map(Step::Clear),
            1 => (0..12usize).prop_map(Step::Replace),
            4 => on.prop_map(Step::Advance),
        ];
        prop::collection::vec(step, 1..200)
    }

    proptest! {
        /// Against a sorted map: what comes up is exactly what is due, and `next_due` is never
        /// late.
        #[test]
        fn agrees_with_a_sorted_model(steps in steps()) {
            let mut wheel = Wheel::new();
            let mut keys: Vec<Key> = (0..12).map(|_| wheel.insert()).collect();
            let mut model: BTreeMap<usize, Tick> = BTreeMap::new();
            let mut now = 0;
            for step in steps {
                match step {
                    Step::Set(i, after) => {
                        wheel.set(keys[i], Some(now + after));
                        model.insert(i, now + after);
                    }
                    Step::Clear(i) => {
                        wheel.set(keys[i], None);
                        model.remove(&i);
                    }
                    Step::Replace(i) => {
                        let _ = wheel.remove(keys[i]);
                        keys[i] = wheel.insert();
                        model.remove(&i);
                    }
                    Step::Advance(by) => {
                        now += by;
                        let mut due = Vec::new();
                        while let Some((key, _)) = wheel.pop_due(now) {
                            due.push(keys.iter().position(|k| *k == key).unwrap());
                        }
                        due.sort_unstable();
                        let expected: Vec<usize> =
                            model.iter().filter(|(_, at)| **at <= now).map(|(i, _)| *i).collect();
                        prop_assert_eq!(&due, &expected);
                        model.retain(|_, at| *at > now);
                    }
                }
                let first = model.values().min().copied();
                match (wheel.next_due(), first) {
                    (Some(told), Some(first)) => prop_assert!(told <= first.max(now)),
                    (None, Some(_)) => prop_assert!(false, "a deadline was forgotten"),
                    _ => {}
                }
            }
        }

        /// A timer that is left alone costs one wake-up, however far it is.
        #[test]
        fn a_lone_timer_is_told_exactly(start in 0..10_000_000u64, after in 0..4_000_000_000u64) {
            let mut wheel = Wheel::new();
            prop_assert!(wheel.pop_due(start).is_none());
            let key = wheel.insert();
            wheel.set(key, Some(start + after));
            prop_assert_eq!(wheel.next_due(), Some(start + after));
            prop_assert!(after == 0 || wheel.pop_due(start + after - 1).is_none());
            prop_assert_eq!(wheel.pop_due(start + after).map(|(due, _)| due), Some(key));
            prop_assert_eq!(wheel.next_due(), None);
        }
    }

    #[test]
    fn a_deadline_moved_later_costs_one_needless_wake() {
        let mut wheel = Wheel::new();
        let key = wheel.insert();
        wheel.set(key, Some(15_000));
        for now in 0..5_000 {
            wheel.set(key, Some(now + 15_000));
            assert!(wheel.pop_due(now).is_none());
        }
        let mut wakes = 0;
        while let Some(next) = wheel.next_due() {
            wakes += 1;
            if wheel.pop_due(next).is_some() {
                assert_eq!(next, 4_999 + 15_000);
            }
        }
        assert!(wakes <= 3, "{wakes} wakes");
    }

    #[test]
    fn entries_are_reused() {
        let mut wheel = Wheel::new();
        for tick in 0..1_000 {
            let key = wheel.insert();
            wheel.set(key, Some(tick));
            let _ = wheel.remove(key);
        }
        assert_eq!(wheel.entries.len(), 1);
        assert_eq!(wheel.next_due(), None);
    }
}
