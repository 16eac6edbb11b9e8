//! Names to slots: a name keeps its slot over reloads, and what did not change its pointer.
//!
//! The slot of a name that vanished stays empty for one snapshot, so that what a core still counts
//! under the old snapshot is not taken for another's; then a new name may have it.

use std::collections::HashMap;
use std::sync::Arc;

use crate::document::{Findings, Span, Wrong};
use crate::raw::Name;
use crate::snapshot::{RouteTable, Upstream};
use crate::values::{nearest, quote};

/// What has a name and lives in a slot.
pub(super) trait Named: PartialEq {
    fn name(&self) -> &Arc<str>;
}

impl Named for RouteTable {
    fn name(&self) -> &Arc<str> {
        &self.name
    }
}

impl Named for Upstream {
    fn name(&self) -> &Arc<str> {
        &self.name
    }
}

/// The slots of one kind of thing, filled one by one.
pub(super) struct Slots<'p, T> {
    what: &'static str,
    by_name: HashMap<Arc<str>, Entry>,
    previous: &'p [Option<Arc<T>>],
    slots: Vec<Option<Arc<T>>>,
}

struct Entry {
    slot: u32,
    defined: Span,
    used: bool,
}

impl<'p, T: Named> Slots<'p, T> {
    /// A slot for each name: that of `previous` if it has one.
    pub(super) fn assign<'n>(
        what: &'static str,
        names: impl Iterator<Item = &'n Name>,
        previous: &'p [Option<Arc<T>>],
    ) -> Slots<'p, T> {
        let index = |slot: usize| u32::try_from(slot).expect("a file has fewer names than bytes");
        let taken: HashMap<&str, u32> = previous
            .iter()
            .enumerate()
            .filter_map(|(slot, old)| Some((&**old.as_ref()?.name(), index(slot))))
            .collect();
        let free = previous.iter().enumerate().filter(|(_, old)| old.is_none());
        let mut free = free.map(|(slot, _)| index(slot)).chain(index(previous.len())..);
        let mut by_name = HashMap::new();
        let mut end = previous.len();
        for name in names {
            let slot = taken.get(&*name.text).copied();
            let slot = slot.or_else(|| free.next()).expect("the free slots never end");
            end = end.max(slot as usize + 1);
            by_name.insert(name.text.clone(), Entry { slot, defined: name.span, used: false });
        }
        Slots {
            what,
            by_name,
            previous,
            slots: std::iter::repeat_with(|| None).take(end).collect(),
        }
    }

    /// The slot of a name that the file refers to.
    pub(super) fn resolve(&mut self, name: &Name, errors: &mut Findings) -> Option<u32> {
        if let Some(entry) = self.by_name.get_mut(&name.text) {
            entry.used = true;
            return Some(entry.slot);
        }
        let wrong = Wrong::new(format!("there is no {} {}", self.what, quote(&name.text)));
        let near = match errors.is_full() {
            false => nearest(&name.text, self.by_name.keys().map(|name| &**name)),
            true => None,
        };
        errors.push(
            name.span,
            match near {
                Some(near) => wrong.help(format!("did you mean `{near}`?")),
                None => wrong.help(self.how_to_define(&name.text)),
            },
        );
        None
    }

    fn how_to_define(&self, name: &str) -> String {
        match self.what {
            "upstream" => format!("define it: [upstreams.{name}]"),
            _ => format!("define it: [[routes.{name}]]"),
        }
    }

    /// Fills a slot; if the old value is equal it stays, and with it its pointer.
    pub(super) fn put(&mut self, name: &Name, value: T) {
        let slot = self.by_name[&name.text].slot as usize;
        let old = self.previous.get(slot).and_then(Option::as_ref);
        self.slots[slot] = Some(kept(old, value));
    }

    /// Warns of each name that nothing refers to.
    pub(super) fn warn_unused(&self, why: &str, warnings: &mut Findings) {
        let mut unused: Vec<_> = self.by_name.iter().filter(|(_, entry)| !entry.used).collect();
        unused.sort_by_key(|(_, entry)| entry.defined);
        for (name, entry) in unused {
            let wrong = Wrong::new(format!("{} {} is not used", self.what, quote(name)));
            warnings.push(entry.defined, wrong.help(format!("{why}: use it or take it out")));
        }
    }

    /// The slots, filled.
    pub(super) fn into_slots(self) -> Vec<Option<Arc<T>>> {
        self.slots
    }
}

/// `value`, or the equal `old` one.
pub(super) fn kept<T: PartialEq>(old: Option<&Arc<T>>, value: T) -> Arc<T> {
    match old {
        Some(old) if **old == value => old.clone(),
        _ => Arc::new(value),
    }
}
