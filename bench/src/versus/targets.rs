//! The figures that Outrigger promises, as limits on the sheet; docs/PERFORMANCE.md explains a
//! miss.

use super::figure::{Figure, Quantity, Shape, Way};
use super::sheet::Sheet;
use crate::peers::Proxy;

/// What a figure is held against.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// At most so many of the figure's unit.
    AtMost(f64),
    /// At most so many times the peer's.
    AtMostTimes(f64, Proxy),
    /// At least so many times the peer's.
    AtLeastTimes(f64, Proxy),
}

/// A promise kept or not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// The value, or the ratio to the peer.
    pub value: f64,
    /// Whether it is within the limit.
    pub is_met: bool,
}

const CPU_AT_64: Figure = Figure::Traffic(Shape::Closed(64), Quantity::Cpu);
const P50_AT_1: Figure = Figure::Traffic(Shape::Closed(1), Quantity::P50);
const CPU_PACED: Figure = Figure::Traffic(Shape::Paced, Quantity::Cpu);

/// One row per promise.
pub const TARGETS: [(Figure, Limit); 15] = [
    (CPU_AT_64, Limit::AtMostTimes(0.20, Proxy::Envoy)),
    (CPU_AT_64, Limit::AtMostTimes(0.80, Proxy::HaProxy)),
    (CPU_AT_64, Limit::AtMostTimes(1.4, Proxy::Floor)),
    (P50_AT_1, Limit::AtMostTimes(1.0, Proxy::HaProxy)),
    (P50_AT_1, Limit::AtMostTimes(0.5, Proxy::Envoy)),
    (Figure::RssIdle, Limit::AtMost(8.0)),
    (Figure::PerConnection, Limit::AtMost(2048.0)),
    (CPU_PACED, Limit::AtMostTimes(0.8, Proxy::HaProxy)),
    (CPU_PACED, Limit::AtMostTimes(0.3, Proxy::Envoy)),
    (Figure::Bulk(Way::Down), Limit::AtLeastTimes(1.0, Proxy::HaProxy)),
    (Figure::Bulk(Way::Up), Limit::AtLeastTimes(1.0, Proxy::HaProxy)),
    (Figure::RssWith(10_000), Limit::AtMost(40.0)),
    (Figure::StartWith(10_000), Limit::AtMost(400.0)),
    (Figure::Start, Limit::AtMost(50.0)),
    (Figure::WakeUps, Limit::AtMost(10.0)),
];

impl Limit {
    /// Holds `proxy`'s `figure` against the limit; `None` without the values that it takes.
    pub fn judge(self, sheet: &Sheet, proxy: Proxy, figure: Figure) -> Option<Verdict> {
        let ratio = |peer| Some(sheet.ratio(proxy, peer, figure)?.median);
        let (value, is_met) = match self {
            Self::AtMost(limit) => {
                let value = sheet.summary(proxy, figure)?.median;
                (value, value <= limit)
            }
            Self::AtMostTimes(limit, peer) => {
                let value = ratio(peer)?;
                (value, value <= limit)
            }
            Self::AtLeastTimes(limit, peer) => {
                let value = ratio(peer)?;
                (value, value >= limit)
            }
        };
        Some(Verdict { value, is_met })
    }

    /// The limit in words.
    pub fn text(self, figure: Figure) -> String {
        match self {
            Self::AtMost(limit) => {
                format!("≤ {} {}", figure.unit().show(limit), figure.unit().symbol())
            }
            Self::AtMostTimes(limit, peer) => format!("≤ {limit:.2} × {}", peer.name()),
            Self::AtLeastTimes(limit, peer) => format!("≥ {limit:.2} × {}", peer.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::versus::trial::Told;

    #[test]
    fn a_limit_judges_the_value_or_the_ratio() {
        let mut sheet = Sheet::new(vec![Proxy::Uring, Proxy::HaProxy]);
        for (proxy, value) in [(Proxy::Uring, 9.0), (Proxy::HaProxy, 10.0)] {
            let told = Told { readings: vec![(Figure::RssIdle, value)], ..Told::default() };
            sheet.add(proxy, 0, &told);
        }
        let judge = |limit: Limit| limit.judge(&sheet, Proxy::Uring, Figure::RssIdle);
        assert_eq!(judge(Limit::AtMost(8.0)), Some(Verdict { value: 9.0, is_met: false }));
        let met = Some(Verdict { value: 0.9, is_met: true });
        assert_eq!(judge(Limit::AtMostTimes(0.9, Proxy::HaProxy)), met);
        let missed = Some(Verdict { value: 0.9, is_met: false });
        assert_eq!(judge(Limit::AtLeastTimes(1.0, Proxy::HaProxy)), missed);
        assert_eq!(judge(Limit::AtMostTimes(1.0, Proxy::Envoy)), None);
    }
}
