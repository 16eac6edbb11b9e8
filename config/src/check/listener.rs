//! Listeners: unique names, addresses that do not collide, route tables that exist.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use super::slots::{Slots, kept};
use crate::document::{Findings, Wrong};
use crate::raw::file::File;
use crate::raw::{At, Name};
use crate::snapshot::{Address, Direction, HttpOptions, Listener, RouteTable, TableIx};
use crate::values::quote;

/// Each has a socket for every worker, and is compared with all others.
const LISTENERS_MAX: usize = 1000;

/// The listeners in the file's order; those of `old` that did not change keep their pointer.
pub(super) fn listeners(
    file: &File,
    tables: &mut Slots<'_, RouteTable>,
    old: &[Arc<Listener>],
    errors: &mut Findings,
) -> Vec<Arc<Listener>> {
    let mut names: HashMap<&str, &Name> = HashMap::new();
    let mut taken: Vec<&Address> = file.admin.listen.iter().map(|admin| &admin.value).collect();
    let mut listeners = Vec::with_capacity(file.listeners.len());
    if let Some(item) = file.listeners.get(LISTENERS_MAX) {
        let wrong = format!("there are more than {LISTENERS_MAX} listeners");
        errors.push(item.span, Wrong::new(wrong).help("each has a socket for every worker"));
    }
    for item in file.listeners.iter().take(LISTENERS_MAX) {
        let raw = &item.value;
        if let Some(name) = &raw.name
            && names.insert(&name.text, name).is_some()
        {
            let wrong = Wrong::new(format!("there is another listener {}", quote(&name.text)));
            errors.push(name.span, wrong.help("give one of them another name"));
        }
        if let Some(listen) = &raw.listen {
            if let Some(other) = taken.iter().find(|other| collide(&listen.value, other)) {
                errors.push(listen.span, collision(listen, other, file));
            }
            taken.push(&listen.value);
        }
        let table = raw.routes.as_ref().and_then(|name| tables.resolve(name, errors));
        let (Some(name), Some(listen), Some(table)) = (&raw.name, &raw.listen, table) else {
            continue;
        };
        let trust_peer = raw.trust_peer.unwrap_or(raw.direction == Direction::Outbound);
        let listener = Listener {
            name: name.text.clone(),
            direction: raw.direction,
            listen: listen.value.clone(),
            table: TableIx(table),
            backlog: raw.backlog,
            max_connections: raw.max_connections,
            access_log: raw.access_log,
            http: HttpOptions { trust_peer, ..raw.http.clone() },
        };
        let old = old.iter().find(|old| old.name == listener.name);
        listeners.push(kept(old, listener));
    }
    listeners
}

/// True if the second bind would fail, or would take a part of the first one's connections.
fn collide(one: &Address, other: &Address) -> bool {
    match (one, other) {
        (Address::Unix(one), Address::Unix(other)) => one == other,
        (Address::Inet(one), Address::Inet(other)) => {
            let all = |all: &SocketAddr, one: &SocketAddr| {
                all.ip().is_unspecified() && (all.is_ipv6() || one.is_ipv4())
            };
            let same_ip = one.ip() == other.ip() || all(one, other) || all(other, one);
            one.port() != 0 && one.port() == other.port() && same_ip
        }
        _ => false,
    }
}

fn collision(listen: &At<Address>, other: &Address, file: &File) -> Wrong {
    let admin = file.admin.listen.as_ref().is_some_and(|admin| admin.value == *other);
    let whose = if admin { "the admin listener" } else { "another listener" };
    Wrong::new(format!("{} collides with {whose} at {other}", listen.value))
        .help("give one of them another port")
}
