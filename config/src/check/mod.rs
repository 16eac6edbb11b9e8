//! What the file means as a whole: references, duplicates, and the indexed [`Snapshot`].
//!
//! Every value is already parsed and within its bounds (`raw`). Findings of one part do not hide
//! those of the next; a part that `raw` found wrong is not judged again for what it lacks.

mod access_log;
mod hosts;
mod listener;
mod reach;
mod route;
mod slots;
mod target;
mod upstream;

use std::sync::Arc;

use crate::document::{Findings, Wrong};
use crate::raw::At;
use crate::raw::file::File;
use crate::snapshot::{Address, Admin, Snapshot};
use slots::Slots;

/// Builds the snapshot. It is whole only if `errors` is empty afterwards.
pub(crate) fn check(
    file: File,
    hash: Arc<str>,
    previous: Option<&Snapshot>,
    errors: &mut Findings,
    warnings: &mut Findings,
) -> Snapshot {
    let old_tables = previous.map_or(&[][..], |old| &old.tables);
    let names = file.routes.iter().map(|(name, _)| name);
    let mut tables = Slots::assign("route table", names, old_tables);
    let old_upstreams = previous.map_or(&[][..], |old| &old.upstreams);
    let names = file.upstreams.iter().map(|(name, _)| name);
    let mut upstreams = Slots::assign("upstream", names, old_upstreams);

    let old_listeners = previous.map_or(&[][..], |old| &old.listeners);
    let listeners = listener::listeners(&file, &mut tables, old_listeners, errors);
    let own = listeners.iter().map(|listener| listener.listen.clone()).collect();
    let old_log = previous.and_then(|old| old.access_log.as_ref());
    let log = file.access_log;
    let access_log = log.and_then(|log| access_log::access_log(log, old_log, errors, warnings));
    for (name, item) in file.upstreams {
        let upstream = upstream::upstream(&name, item, &own, warnings);
        upstreams.put(&name, upstream);
    }
    for (name, routes) in file.routes {
        let table = route::table(&name, routes, &mut upstreams, errors, warnings);
        tables.put(&name, table);
    }
    if errors.count() == 0 {
        tables.warn_unused("no listener has `routes` of this name", warnings);
        upstreams.warn_unused("no route forwards to it", warnings);
    }
    if let Some(At { span, value: Address::Inet(inet) }) = &file.admin.listen
        && !inet.ip().is_loopback()
    {
        let wrong = Wrong::new(format!("the admin listener at {inet} can be reached from outside"));
        let help = "whoever reaches it may read the configuration and stop the process";
        warnings.push(*span, wrong.help(help));
    }
    Snapshot {
        hash,
        process: file.process,
        admin: Admin { listen: file.admin.listen.map(|listen| listen.value) },
        access_log,
        metrics: file.metrics,
        listeners,
        tables: tables.into_slots(),
        upstreams: upstreams.into_slots(),
    }
}
