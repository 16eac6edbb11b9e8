//! The readings of a whole run, by proxy, figure and round.

use std::collections::BTreeMap;

use super::figure::Figure;
use super::trial::Told;
use crate::load::latency::Latencies;
use crate::measure::machine::FOREIGN_SHARE_MAX;
use crate::measure::stats::{Summary, paired_ratio};
use crate::peers::Proxy;

/// The sheet.
#[derive(Debug, Default)]
pub struct Sheet {
    /// The proxies that take part, in the order of the columns.
    pub proxies: Vec<Proxy>,
    readings: BTreeMap<(Proxy, Figure), Vec<(usize, f64)>>,
    latencies: BTreeMap<Proxy, Latencies>,
    /// How many measurements there were in all.
    measurements: usize,
    /// For each that did not have its CPU to itself: the share that others used.
    foreign_shares: Vec<f64>,
    /// What a reader of the tables must know.
    pub notes: Vec<String>,
}

impl Sheet {
    /// Nothing read yet.
    pub fn new(proxies: Vec<Proxy>) -> Self {
        Self { proxies, ..Self::default() }
    }

    /// Takes in what one trial told.
    pub fn add(&mut self, proxy: Proxy, round: usize, told: &Told) {
        for &(figure, value) in &told.readings {
            self.readings.entry((proxy, figure)).or_default().push((round, value));
        }
        self.measurements += 1;
        self.foreign_shares.extend(told.foreign_share);
        if let Some(latencies) = &told.latencies {
            self.latencies.entry(proxy).or_default().merge(latencies);
        }
    }

    /// Takes in a figure that follows from others.
    pub fn derive(&mut self, proxy: Proxy, round: usize, figure: Figure, value: f64) {
        self.readings.entry((proxy, figure)).or_default().push((round, value));
    }

    /// A cell of the table.
    pub fn summary(&self, proxy: Proxy, figure: Figure) -> Option<Summary> {
        let values: Vec<f64> =
            self.readings(proxy, figure).iter().map(|&(_, value)| value).collect();
        Summary::of(&values)
    }

    /// `ours` ÷ `theirs`, round by round.
    pub fn ratio(&self, ours: Proxy, theirs: Proxy, figure: Figure) -> Option<Summary> {
        paired_ratio(self.readings(ours, figure), self.readings(theirs, figure))
    }

    /// The values of all rounds.
    pub fn readings(&self, proxy: Proxy, figure: Figure) -> &[(usize, f64)] {
        self.readings.get(&(proxy, figure)).map_or(&[], Vec::as_slice)
    }

    /// The rows that at least one proxy has a value for.
    pub fn figures(&self) -> Vec<Figure> {
        let is_there = |figure: &Figure| {
            self.proxies.iter().any(|&proxy| self.readings.contains_key(&(proxy, *figure)))
        };
        Figure::all().into_iter().filter(is_there).collect()
    }

    /// A warning if the machine was not quiet; `None` if it was.
    pub fn disturbance(&self) -> Option<String> {
        let worst = self.foreign_shares.iter().copied().reduce(f64::max)?;
        Some(format!(
            "in {} of {} measurements other programs used more than {:.0} % of the proxy's CPU, up \
             to {:.0} %; stop them and measure again before believing small differences",
            self.foreign_shares.len(),
            self.measurements,
            FOREIGN_SHARE_MAX * 100.0,
            worst * 100.0
        ))
    }

    /// Open-loop latencies of all rounds together.
    pub fn latencies(&self, proxy: Proxy) -> Option<&Latencies> {
        self.latencies.get(&proxy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_those_with_a_value_in_table_order() {
        let mut sheet = Sheet::new(vec![Proxy::Floor, Proxy::Envoy]);
        let told = |figure, value| Told { readings: vec![(figure, value)], ..Told::default() };
        sheet.add(Proxy::Envoy, 0, &told(Figure::WakeUps, 4.0));
        sheet.add(Proxy::Floor, 0, &told(Figure::RssIdle, 2.0));
        sheet.add(Proxy::Floor, 1, &told(Figure::RssIdle, 4.0));
        assert_eq!(sheet.figures(), [Figure::RssIdle, Figure::WakeUps]);
        assert_eq!(sheet.summary(Proxy::Floor, Figure::RssIdle).unwrap().median, 3.0);
        assert_eq!(sheet.summary(Proxy::Envoy, Figure::RssIdle), None);
    }

    #[test]
    fn a_disturbed_run_says_so() {
        let mut sheet = Sheet::new(vec![Proxy::Floor]);
        sheet.add(Proxy::Floor, 0, &Told::default());
        assert_eq!(sheet.disturbance(), None);
        sheet.add(Proxy::Floor, 1, &Told { foreign_share: Some(0.4), ..Told::default() });
        let text = sheet.disturbance().unwrap();
        assert!(text.starts_with("in 1 of 2 measurements") && text.contains("40 %"), "{text}");
    }
}
