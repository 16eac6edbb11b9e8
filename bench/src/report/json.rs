//! A run as JSON: every round's value, so that others can do their own statistics.

use serde_json::{Map, Value, json};

use super::Subject;
use crate::measure::machine::Machine;
use crate::peers::Proxy;
use crate::versus::figure::Figure;
use crate::versus::sheet::Sheet;
use crate::versus::targets::Limit;

/// The document.
pub fn render(sheet: &Sheet, machine: &Machine, subject: &Subject<'_>) -> Value {
    let figures: Vec<Value> =
        sheet.figures().into_iter().map(|figure| of_figure(sheet, figure)).collect();
    let promised: Vec<Value> =
        subject.targets.iter().map(|&(figure, limit)| of_target(sheet, figure, limit)).collect();
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
        "how": subject.how,
        "figures": figures,
        "promised": promised,
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

fn of_target(sheet: &Sheet, figure: Figure, limit: Limit) -> Value {
    let verdict = |&proxy: &Proxy| {
        let verdict = limit.judge(sheet, proxy, figure)?;
        Some((proxy.key().to_owned(), json!({ "value": verdict.value, "met": verdict.is_met })))
    };
    let ours = sheet.proxies.iter().filter(|proxy| proxy.is_ours());
    let verdicts: Map<String, Value> = ours.filter_map(verdict).collect();
    json!({ "key": figure.key(), "limit": limit.text(figure), "verdicts": verdicts })
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
