//! An upstream: its endpoints, each address once.

use std::collections::HashSet;

use crate::document::{Findings, Wrong};
use crate::raw::upstream::Upstream as Raw;
use crate::raw::{Item, Name};
use crate::snapshot::{Address, Endpoint, Upstream};

/// The endpoints, in the file's order, and the settings. `own` are the addresses of the listeners.
pub(super) fn upstream(
    name: &Name,
    item: Item<Raw>,
    own: &HashSet<Address>,
    warnings: &mut Findings,
) -> Upstream {
    let raw = item.value;
    let mut seen = HashSet::new();
    for endpoint in &raw.endpoints {
        let Some(address) = &endpoint.value.address else { continue };
        if own.contains(address) {
            let wrong = Wrong::new("this endpoint is one of our own listeners");
            let help = "a request that comes back to its own route goes round for ever";
            warnings.push(endpoint.span, wrong.help(help));
        }
        if !seen.insert(address) {
            let wrong = Wrong::new("this upstream has the same endpoint twice");
            warnings.push(endpoint.span, wrong.help("for a larger share use its `weight`"));
        }
    }
    let endpoints = raw.endpoints.into_iter().filter_map(|item| {
        let endpoint = item.value;
        Some(Endpoint { address: endpoint.address?, weight: endpoint.weight, zone: endpoint.zone })
    });
    Upstream { name: name.text.clone(), endpoints: endpoints.collect(), ..raw.settings }
}
