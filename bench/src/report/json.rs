//! A run as JSON: every round's value, so that others can do their own statistics.

use serde_json::{Map, Value, json};

use crate::measure::machine::Machine;
use crate::peers::Proxy;
use crate::versus::Options;
use crate::versus::figure::Figure;
use crate::versus::sheet::Sheet;

/// The document.
pub fn render(sheet: &Sheet, machine: &Machine, options: &Options) -> Value {
    let figures: Vec<Value> =
        sheet.figures().into_iter().map(|figure| of_figure(sheet, figure)).collect();
    let curves: Map<String, Value> = sheet
        .proxies
        .iter()
        .filter_map(|&proxy| Some((proxy.key().to_owned(), json!(sheet.latencies(proxy)?.curve()))))
        .collect();
    json!({
        "machine": {
            "processor": machine.processor,
            "cpus": machine.cpus,
            "kernel": machine.kernel,
        },
        "rounds": options.rounds,
        "seconds": options.seconds,
        "latency_rate_per_second": options.rate,
        "figures": figures,
        "latency_curves_percentile_us": curves,
        "notes": sheet.notes,
        "disturbance": sheet.disturbance(),
    })
}

fn of_figure(sheet: &Sheet, figure: Figure) -> Value {
    let programs: Map<String, Value> = sheet
        .proxies
        .iter()
        .filter_map(|&proxy| Some((proxy.key().to_owned(), of_cell(sheet, proxy, figure)?)))
        .collect();
    json!({
        "key": figure.key(),
        "title": figure.title().trim(),
        "unit": figure.unit().symbol(),
        "programs": programs,
    })
}

fn of_cell(sheet: &Sheet, proxy: Proxy, figure: Figure) -> Option<Value> {
    let summary = sheet.summary(proxy, figure)?;
    let rounds: Vec<f64> = sheet.readings(proxy, figure).iter().map(|&(_, value)| value).collect();
    Some(json!({
        "median": summary.median,
        "spread": summary.spread,
        "wide": summary.is_wide(),
        "rounds": rounds,
    }))
}
