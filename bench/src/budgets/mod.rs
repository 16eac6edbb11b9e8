//! `bench budgets`: what an idle or steady proxy may cost at most, as limits that fail a build.
//!
//! Only figures that do not depend on the machine's speed are here: memory, wake-ups, system calls.
//! Allocations are a test (`engine/src/steady_state.rs`), instructions `bench instructions`.

pub(crate) mod system_calls;

use std::time::Duration;

use crate::interrupt::Interrupt;
use crate::peers::Proxy;
use crate::peers::find::Given;
use crate::report::{self, Output, Subject};
use crate::versus::campaign::{Campaign, CampaignError};
use crate::versus::figure::Figure;
use crate::versus::sheet::Sheet;
use crate::versus::targets::Limit;
use crate::versus::trial::Trial;

/// How long system calls are counted.
const WINDOW: Duration = Duration::from_secs(2);

/// Between which numbers of upstreams the memory of one is taken.
const UPSTREAMS: (u32, u32) = (1000, 10_000);

/// What each may be: about a tenth above what it is, so that one call more per request, a field too
/// many per connection or a quarter of a kibibyte per upstream shows.
const LIMITS: [(Figure, Limit); 8] = [
    (Figure::RssIdle, Limit::AtMost(8.0)),
    (Figure::RssIdleTwo, Limit::AtMost(10.0)),
    (Figure::PerConnection, Limit::ByEngine { uring: 960.0, epoll: 1408.0 }),
    (Figure::PerUpstream, Limit::AtMost(2048.0)),
    (Figure::PerCalledUpstream, Limit::AtMost(3456.0)),
    (Figure::WakeUps, Limit::AtMost(10.0)),
    (Figure::SystemCalls(1), Limit::ByEngine { uring: 2.5, epoll: 6.5 }),
    (Figure::SystemCalls(64), Limit::ByEngine { uring: 0.5, epoll: 4.5 }),
];

const TRIALS: [Trial; 8] = [
    Trial::Idle,
    Trial::TwoCores,
    Trial::Crowd,
    Trial::Upstreams(UPSTREAMS.0),
    Trial::Upstreams(UPSTREAMS.1),
    Trial::CalledUpstreams,
    Trial::SystemCalls(1),
    Trial::SystemCalls(64),
];

/// How often.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Interleaved rounds.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    given: Given,
}

/// Why the budgets are not kept, or not known to be.
#[derive(Debug, thiserror::Error)]
pub enum BudgetError {
    /// No figures.
    #[error(transparent)]
    Campaign(#[from] CampaignError),
    /// What it is all about.
    #[error("{0} budgets are broken or could not be measured, see above")]
    Broken(usize),
}

/// Measures, prints, judges.
pub fn run(options: &Options, stop: Interrupt) -> Result<(), BudgetError> {
    let campaign = Campaign {
        rounds: options.rounds.into(),
        window: WINDOW,
        peers: vec![Proxy::Uring, Proxy::Epoll],
        given: options.given.clone(),
    };
    let mut sheet = campaign.run(|_| TRIALS.to_vec(), stop)?;
    derive_upstreams(&mut sheet);
    let how = format!("{} rounds; Outrigger alone on one CPU, two cores on two", options.rounds);
    let subject = Subject { name: "budgets", how, targets: &LIMITS };
    report::print(&sheet, &subject, &options.output).map_err(CampaignError::from)?;
    match broken(&sheet) {
        0 => Ok(()),
        broken => Err(BudgetError::Broken(broken)),
    }
}

/// What an upstream adds, from what some and what many of them take.
fn derive_upstreams(sheet: &mut Sheet) {
    let (few, many) = (Figure::RssWith(UPSTREAMS.0), Figure::RssWith(UPSTREAMS.1));
    for proxy in sheet.proxies.clone() {
        let rounds: Vec<(usize, f64)> = sheet.readings(proxy, few).to_vec();
        for (round, some) in rounds {
            let more = sheet.readings(proxy, many).iter().find(|(other, _)| *other == round);
            let Some(&(_, more)) = more else { continue };
            let each = (more - some) * f64::from(1 << 20) / f64::from(UPSTREAMS.1 - UPSTREAMS.0);
            sheet.derive(proxy, round, Figure::PerUpstream, each);
        }
    }
}

/// A figure that is missing cannot be within its limit.
fn broken(sheet: &Sheet) -> usize {
    let kept = |proxy, (figure, limit): (Figure, Limit)| {
        limit.judge(sheet, proxy, figure).is_some_and(|verdict| verdict.is_met)
    };
    [Proxy::Uring, Proxy::Epoll]
        .into_iter()
        .flat_map(|proxy| LIMITS.map(|limit| kept(proxy, limit)))
        .filter(|kept| !kept)
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_costs_what_nine_thousand_more_take() {
        let mut sheet = Sheet::new(vec![Proxy::Uring]);
        let (few, many) = (Figure::RssWith(1000), Figure::RssWith(10_000));
        sheet.derive(Proxy::Uring, 0, few, 7.0);
        sheet.derive(Proxy::Uring, 0, many, 7.0 + 9000.0 * 1024.0 / f64::from(1 << 20));
        derive_upstreams(&mut sheet);
        let each = sheet.summary(Proxy::Uring, Figure::PerUpstream).unwrap().median;
        assert!((each - 1024.0).abs() < 0.01, "{each}");
    }

    #[test]
    fn a_figure_that_is_missing_breaks_its_budget() {
        let mut sheet = Sheet::new(vec![Proxy::Uring, Proxy::Epoll]);
        assert_eq!(broken(&sheet), 2 * LIMITS.len());
        sheet.derive(Proxy::Uring, 0, Figure::RssIdle, 7.9);
        assert_eq!(broken(&sheet), 2 * LIMITS.len() - 1);
        sheet.derive(Proxy::Epoll, 0, Figure::RssIdle, 8.1);
        assert_eq!(broken(&sheet), 2 * LIMITS.len() - 1);
    }
}
