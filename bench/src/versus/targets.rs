//! Limits on the figures of a sheet, and what `versus` promises; docs/PERFORMANCE.md explains a
//! miss. `cockpit` and `budgets` have lists of their own.

use super::figure::{Figure, Quantity, Shape, Way};
use super::sheet::Sheet;
use crate::measure::stats::Summary;
use crate::peers::Proxy;

/// What a figure is held against.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// At most so many of the figure's unit.
    AtMost(f64),
    /// The same, for each engine.
    ByEngine {
        /// On io_uring.
        uring: f64,
        /// On epoll.
        epoll: f64,
    },
    /// At least so many of the figure's unit.
    AtLeast(f64),
    /// None in any round.
    Zero,
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
    /// Whether the rounds disagree too much to believe it to the last digit.
    pub is_wide: bool,
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
        let own = || sheet.summary(proxy, figure);
        let ratio = |peer| sheet.ratio(proxy, peer, figure);
        let (summary, is_met): (Summary, fn(f64, f64) -> bool) = match self {
            Self::Zero => {
                let sum = sheet.readings(proxy, figure).iter().map(|&(_, value)| value).sum();
                let is_met = sum == 0.0;
                return own().map(|_| Verdict { value: sum, is_met, is_wide: false });
            }
            Self::AtMost(_) | Self::ByEngine { .. } => (own()?, |value, limit| value <= limit),
            Self::AtLeast(_) => (own()?, |value, limit| value >= limit),
            Self::AtMostTimes(_, peer) => (ratio(peer)?, |value, limit| value <= limit),
            Self::AtLeastTimes(_, peer) => (ratio(peer)?, |value, limit| value >= limit),
        };
        let is_met = is_met(summary.median, self.bound(proxy));
        Some(Verdict { value: summary.median, is_met, is_wide: summary.is_wide() })
    }

    fn bound(self, proxy: Proxy) -> f64 {
        match self {
            Self::ByEngine { uring, epoll } => {
                if proxy == Proxy::Uring {
                    uring
                } else {
                    epoll
                }
            }
            Self::AtMost(limit) | Self::AtLeast(limit) => limit,
            Self::AtMostTimes(limit, _) | Self::AtLeastTimes(limit, _) => limit,
            Self::Zero => 0.0,
        }
    }

    /// Whether what it judges is a ratio to a peer.
    pub fn is_ratio(self) -> bool {
        matches!(self, Self::AtMostTimes(..) | Self::AtLeastTimes(..))
    }

    /// The limit in words.
    pub fn text(self, figure: Figure) -> String {
        let unit = figure.unit();
        let shown = |limit| format!("{} {}", unit.show(limit), unit.symbol());
        match self {
            Self::AtMost(limit) => format!("≤ {}", shown(limit)),
            Self::ByEngine { uring, epoll } => {
                format!("≤ {} / {}", unit.show(uring), shown(epoll))
            }
            Self::AtLeast(limit) => format!("≥ {}", shown(limit)),
            Self::Zero => "0".to_owned(),
            Self::AtMostTimes(limit, peer) => format!("≤ {limit:.2} × {}", peer.name()),
            Self::AtLeastTimes(limit, peer) => format!("≥ {limit:.2} × {}", peer.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::versus::trial::Told;

    fn verdict(value: f64, is_met: bool) -> Verdict {
        Verdict { value, is_met, is_wide: false }
    }

    #[test]
    fn one_failure_in_one_round_is_no_zero() {
        let mut sheet = Sheet::new(vec![Proxy::Uring]);
        let judge = |sheet: &Sheet| Limit::Zero.judge(sheet, Proxy::Uring, Figure::Start);
        assert_eq!(judge(&sheet), None);
        for (round, failed) in [0.0, 1.0, 0.0].into_iter().enumerate() {
            sheet.derive(Proxy::Uring, round, Figure::Start, failed);
        }
        assert_eq!(judge(&sheet), Some(verdict(1.0, false)));
    }

    #[test]
    fn each_engine_has_its_own_limit() {
        let mut sheet = Sheet::new(vec![Proxy::Uring, Proxy::Epoll]);
        let limit = Limit::ByEngine { uring: 1.0, epoll: 3.0 };
        for (proxy, is_met) in [(Proxy::Uring, false), (Proxy::Epoll, true)] {
            sheet.derive(proxy, 0, Figure::WakeUps, 2.0);
            let expected = Some(verdict(2.0, is_met));
            assert_eq!(limit.judge(&sheet, proxy, Figure::WakeUps), expected);
        }
    }

    #[test]
    fn a_limit_judges_the_value_or_the_ratio() {
        let mut sheet = Sheet::new(vec![Proxy::Uring, Proxy::HaProxy]);
        for (proxy, value) in [(Proxy::Uring, 9.0), (Proxy::HaProxy, 10.0)] {
            let told = Told { readings: vec![(Figure::RssIdle, value)], ..Told::default() };
            sheet.add(proxy, 0, &told);
        }
        let judge = |limit: Limit| limit.judge(&sheet, Proxy::Uring, Figure::RssIdle);
        assert_eq!(judge(Limit::AtMost(8.0)), Some(verdict(9.0, false)));
        let met = Some(verdict(0.9, true));
        assert_eq!(judge(Limit::AtMostTimes(0.9, Proxy::HaProxy)), met);
        let missed = Some(verdict(0.9, false));
        assert_eq!(judge(Limit::AtLeastTimes(1.0, Proxy::HaProxy)), missed);
        assert_eq!(judge(Limit::AtMostTimes(1.0, Proxy::Envoy)), None);
    }
}
