//! An upstream: its endpoints, each address once.

use std::collections::HashSet;

use crate::document::{Findings, Wrong};
use crate::raw::upstream::Upstream as Raw;
use crate::raw::{Item, Name};
use crate::snapshot::{Endpoint, Upstream};

/// The endpoints, in the file's order, and the settings.
pub(super) fn upstream(name: &Name, item: Item<Raw>, warnings: &mut Findings) -> Upstream {
    let raw = item.value;
    let mut seen = HashSet::new();
    for endpoint in &raw.endpoints {
        if let Some(address) = &endpoint.value.address
            && !seen.insert(address)
        {
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
