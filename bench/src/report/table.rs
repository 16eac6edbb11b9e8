//! The tables: medians, ratios, promises, notes.

use std::fmt::Write;

use crate::measure::machine::Machine;
use crate::measure::stats::{SPREAD_MAX, Summary};
use crate::peers::Proxy;
use crate::versus::Options;
use crate::versus::sheet::Sheet;
use crate::versus::targets::{Limit, TARGETS};

/// Columns of characters for a row's name.
const NAME: usize = 32;
/// For a value.
const CELL: usize = 12;
/// What a ratio is taken to.
const PEERS: [Proxy; 3] = [Proxy::Envoy, Proxy::HaProxy, Proxy::Floor];

/// All of a run.
pub fn render(sheet: &Sheet, machine: &Machine, options: &Options) -> String {
    let mut out = String::new();
    heading(&mut out, machine, options);
    medians(&mut out, sheet);
    ratios(&mut out, sheet);
    promises(&mut out, sheet);
    notes(&mut out, sheet);
    out
}

fn heading(out: &mut String, machine: &Machine, options: &Options) {
    let Machine { processor, cpus, kernel } = machine;
    line(out, &format!("{processor}, {cpus} CPUs, Linux {kernel}"));
    let text = format!(
        "{} rounds of {} s; each proxy alone on one CPU, load and origin on another; latency at \
         {}/s",
        options.rounds, options.seconds, options.rate
    );
    line(out, &text);
    let percent = SPREAD_MAX * 100.0;
    line(out, &format!("`~`: the rounds lie more than {percent:.0} % of the median apart\n"));
}

fn medians(out: &mut String, sheet: &Sheet) {
    row(out, "median of the rounds", sheet.proxies.iter().map(|proxy| proxy.key().to_owned()));
    for figure in sheet.figures() {
        let unit = figure.unit();
        let name = format!("{} [{}]", figure.title(), unit.symbol());
        let cells = sheet
            .proxies
            .iter()
            .map(|&proxy| cell(sheet.summary(proxy, figure), |value| unit.show(value)));
        row(out, &name, cells);
    }
    out.push('\n');
}

fn ratios(out: &mut String, sheet: &Sheet) {
    let pairs: Vec<(Proxy, Proxy)> = sheet
        .proxies
        .iter()
        .filter(|proxy| proxy.is_ours())
        .flat_map(|&ours| PEERS.map(|theirs| (ours, theirs)))
        .filter(|(_, theirs)| sheet.proxies.contains(theirs))
        .collect();
    if pairs.is_empty() {
        return;
    }
    let names = pairs.iter().map(|(ours, theirs)| format!("{}/{}", ours.key(), short(*theirs)));
    row(out, "ratio, median of the rounds", names);
    for figure in sheet.figures().into_iter().filter(|figure| figure.has_ratio()) {
        let cells = pairs.iter().map(|&(ours, theirs)| {
            cell(sheet.ratio(ours, theirs, figure), |value| format!("{value:.2}"))
        });
        row(out, &figure.title(), cells);
    }
    out.push('\n');
}

fn promises(out: &mut String, sheet: &Sheet) {
    let ours: Vec<Proxy> = sheet.proxies.iter().copied().filter(|proxy| proxy.is_ours()).collect();
    if ours.is_empty() {
        return;
    }
    row(out, "promised", ours.iter().map(|proxy| proxy.key().to_owned()));
    for (figure, limit) in TARGETS {
        let name = format!("{}: {}", figure.title(), limit.text(figure));
        let cells: Vec<String> = ours
            .iter()
            .map(|&proxy| match limit.judge(sheet, proxy, figure) {
                Some(verdict) => {
                    let value = match limit {
                        Limit::AtMost(_) => figure.unit().show(verdict.value),
                        _ => format!("{:.2}", verdict.value),
                    };
                    format!("{value} {}", if verdict.is_met { "met " } else { "MISS" })
                }
                None => "-".to_owned(),
            })
            .collect();
        if cells.iter().any(|cell| cell != "-") {
            wide_row(out, &name, cells);
        }
    }
    out.push('\n');
}

fn notes(out: &mut String, sheet: &Sheet) {
    for note in sheet.notes.iter().chain(&sheet.disturbance()) {
        line(out, &format!("note: {note}"));
    }
}

/// A value, with a mark if the rounds disagree; `-` if there is none.
fn cell(summary: Option<Summary>, show: impl Fn(f64) -> String) -> String {
    match summary {
        Some(summary) if summary.is_wide() => format!("{}~", show(summary.median)),
        Some(summary) => format!("{} ", show(summary.median)),
        None => "- ".to_owned(),
    }
}

fn short(proxy: Proxy) -> &'static str {
    match proxy {
        Proxy::HaProxy => "hapr",
        other => other.key(),
    }
}

fn row(out: &mut String, name: &str, cells: impl Iterator<Item = String>) {
    write!(out, "{name:<NAME$}").expect("a String takes all");
    for cell in cells {
        write!(out, "{cell:>CELL$}").expect("a String takes all");
    }
    out.push('\n');
}

fn wide_row(out: &mut String, name: &str, cells: Vec<String>) {
    write!(out, "{name:<56}").expect("a String takes all");
    for cell in cells {
        write!(out, "{cell:>14}").expect("a String takes all");
    }
    out.push('\n');
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}
