//! `/server_info` and `/config_status`: what runs, and by which configuration.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::core_link::CoreLink;
use crate::shared::{Rejection, Shared};

/// What runs.
pub(super) fn server_info(shared: &Shared) -> Value {
    let about = &shared.about;
    let uptime = about.began.elapsed();
    let (held, admin) = (shared.held.borrow(), shared.admin.borrow());
    let all = held.iter().chain(admin.as_ref().map(|admin| &admin.held));
    let listeners = all.map(|held| (held.name.to_string(), json!(held.local.to_string())));
    let config = shared.config.borrow();
    json!({
        "version": about.version,
        "pid": std::process::id(),
        "state": shared.life.borrow().phase().as_str(),
        "uptime_seconds": uptime.as_secs(),
        "engine": about.engine,
        "engine_fallback": about.engine_fallback,
        "workers": shared.cores.len(),
        "listeners": listeners.collect::<serde_json::Map<_, _>>(),
        "access_log": config.snapshot.access_log.as_ref().map(|log| {
            let figures = shared.access_log.figures();
            json!({
                "path": log.path.display().to_string(),
                "open": figures.is_open.value() == 1,
                "error": figures.error(),
            })
        }),
        "config_hash": *config.snapshot.hash,
        "config_generation": config.generation.0,
    })
}

/// How the last reload went.
pub(super) fn config_status(shared: &Shared) -> Value {
    let config = shared.config.borrow();
    json!({
        "file": config.file.as_ref().map(|file| file.display().to_string()),
        "hash": *config.snapshot.hash,
        "generation": config.generation.0,
        "applied_unix_ms": unix_ms(config.applied),
        "cores": shared.cores.iter().map(core).collect::<Value>(),
        "rejected": config.rejection.as_ref().map(rejection),
        "postponed": config.postponed.as_ref().map(|postponed| {
            json!({ "since_unix_ms": unix_ms(postponed.since), "message": postponed.text })
        }),
        "needs_restart": config.needs_restart,
        "reloads": {
            "applied": config.reloads.applied,
            "rejected": config.reloads.rejected,
            "unchanged": config.reloads.unchanged,
        },
    })
}

/// By which file a core serves, and since when: `null` before it serves at all.
fn core(core: &CoreLink) -> Value {
    let serving = core.serving.get();
    json!({
        "core": core.id.0,
        "generation": serving.map(|serving| serving.generation.0),
        "since_unix_ms": serving.map(|serving| unix_ms(serving.since)),
    })
}

fn rejection(rejection: &Rejection) -> Value {
    json!({
        "at_unix_ms": unix_ms(rejection.at),
        "message": rejection.text,
        "problems": rejection.problems,
    })
}

fn unix_ms(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
