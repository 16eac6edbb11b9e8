//! What stands in the tables: medians, ratios, promises, notes. How they look is `text`'s and
//! `markdown`'s. Pure.

use super::Subject;
use crate::measure::machine::Machine;
use crate::measure::stats::{SPREAD_MAX, Summary};
use crate::peers::Proxy;
use crate::versus::figure::Figure;
use crate::versus::sheet::Sheet;
use crate::versus::targets::Limit;

/// What a ratio is taken to.
const PEERS: [Proxy; 3] = [Proxy::Envoy, Proxy::HaProxy, Proxy::Floor];

/// All of a run.
pub(super) struct Page {
    /// What it was measured on, and how.
    pub(super) heading: Vec<String>,
    pub(super) tables: Vec<Table>,
    pub(super) notes: Vec<String>,
}

/// Rows of as many cells as the head has; the first cell is the row's name.
pub(super) struct Table {
    pub(super) head: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

pub(super) fn page(sheet: &Sheet, machine: &Machine, subject: &Subject<'_>) -> Page {
    let Machine { processor, cpus, kernel } = machine;
    let percent = SPREAD_MAX * 100.0;
    let heading = vec![
        format!("{processor}, {cpus} CPUs, Linux {kernel}"),
        subject.how.clone(),
        format!("`~`: the rounds lie more than {percent:.0} % of the median apart"),
    ];
    let tables = [medians(sheet), ratios(sheet), promises(sheet, subject.targets)];
    Page {
        heading,
        tables: tables.into_iter().filter(|table| !table.rows.is_empty()).collect(),
        notes: sheet.notes.iter().cloned().chain(sheet.disturbance()).collect(),
    }
}

fn medians(sheet: &Sheet) -> Table {
    let row = |figure: Figure| {
        let unit = figure.unit();
        let cells = sheet
            .proxies
            .iter()
            .map(|&proxy| cell(sheet.summary(proxy, figure), |value| unit.show(value)));
        named(format!("{} [{}]", figure.title(), unit.symbol()), cells)
    };
    Table {
        head: named(
            "median of the rounds".to_owned(),
            sheet.proxies.iter().map(|proxy| proxy.key().to_owned()),
        ),
        rows: sheet.figures().into_iter().map(row).collect(),
    }
}

fn ratios(sheet: &Sheet) -> Table {
    let ours = sheet.proxies.iter().filter(|proxy| proxy.is_ours());
    let pairs: Vec<(Proxy, Proxy)> = ours
        .flat_map(|&ours| PEERS.map(|theirs| (ours, theirs)))
        .filter(|(_, theirs)| sheet.proxies.contains(theirs))
        .collect();
    let row = |figure: Figure| {
        let cells = pairs.iter().map(|&(ours, theirs)| {
            cell(sheet.ratio(ours, theirs, figure), |value| format!("{value:.2}"))
        });
        named(figure.title(), cells)
    };
    let figures = sheet.figures().into_iter().filter(|figure| figure.has_ratio());
    Table {
        head: named(
            "ratio, median of the rounds".to_owned(),
            pairs.iter().map(|(ours, theirs)| format!("{}/{}", ours.key(), short(*theirs))),
        ),
        rows: if pairs.is_empty() { Vec::new() } else { figures.map(row).collect() },
    }
}

fn promises(sheet: &Sheet, targets: &[(Figure, Limit)]) -> Table {
    let ours: Vec<Proxy> = sheet.proxies.iter().copied().filter(|proxy| proxy.is_ours()).collect();
    let verdict = |proxy, figure: Figure, limit: Limit| {
        let Some(verdict) = limit.judge(sheet, proxy, figure) else { return "- ".to_owned() };
        let value = match limit.is_ratio() {
            true => format!("{:.2}", verdict.value),
            false => figure.unit().show(verdict.value),
        };
        let mark = if verdict.is_wide { "~" } else { "" };
        format!("{value}{mark} {}", if verdict.is_met { "met " } else { "MISS" })
    };
    let row = |&(figure, limit): &(Figure, Limit)| {
        let cells = ours.iter().map(|&proxy| verdict(proxy, figure, limit));
        let name = format!("{}: {}", figure.title(), limit.text(figure));
        named(name, cells)
    };
    let has_value = |row: &Vec<String>| row[1..].iter().any(|cell| cell != "- ");
    Table {
        head: named("promised".to_owned(), ours.iter().map(|proxy| proxy.key().to_owned())),
        rows: targets.iter().map(row).filter(has_value).collect(),
    }
}

fn named(name: String, cells: impl Iterator<Item = String>) -> Vec<String> {
    std::iter::once(name).chain(cells).collect()
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
