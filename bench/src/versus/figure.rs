//! The figures of the tables: what each is called, and its unit.

use crate::cockpit::instrument::Instrument;

/// A load whose cost is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// Closed loop, so many connections.
    Closed(u16),
    /// Closed loop, 64 connections, the origin behind a Unix socket.
    Unix,
    /// Open loop: 2,000 requests a second over 16 connections.
    Paced,
}

/// What is told of a [`Shape`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quantity {
    /// CPU time per request of the whole program, µs.
    Cpu,
    /// Its part in user mode, µs.
    User,
    /// Its part in the kernel, µs.
    System,
    /// The share of the core that the program used.
    Busy,
    /// Answers a second.
    PerSecond,
    /// Median latency, µs.
    P50,
}

/// Which way a bulk body goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// From the origin.
    Down,
    /// To the origin.
    Up,
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Figure {
    /// Of keep-alive requests with 128-byte answers.
    Traffic(Shape, Quantity),
    /// Latency at the fixed open-loop rate, in hundredths of a percent: 5000, 9900, 9990.
    Percentile(u16),
    /// Start to first 200, one upstream.
    Start,
    /// Start to first 200, so many upstreams.
    StartWith(u32),
    /// Resident memory after one request.
    RssIdle,
    /// Resident memory with 5,000 idle connections.
    RssCrowd,
    /// What one of those connections adds.
    PerConnection,
    /// Resident memory with so many upstreams.
    RssWith(u32),
    /// MiB of 1 MiB bodies per CPU second.
    Bulk(Way),
    /// Voluntary context switches a second, without traffic.
    WakeUps,
    /// Resident memory of two cores after one request.
    RssIdleTwo,
    /// What an upstream and its route add to resident memory.
    PerUpstream,
    /// What an upstream that was called adds to that.
    PerCalledUpstream,
    /// System calls for a request, so many connections.
    SystemCalls(u16),
    /// Of `bench cockpit`.
    Cockpit(Instrument),
}

/// What a value is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// µs
    Micros,
    /// ms
    Millis,
    /// A share, shown in %.
    Share,
    /// 1/s
    PerSecond,
    /// MiB
    MiB,
    /// Bytes
    Bytes,
    /// MiB per second of CPU time
    MiBPerCpuSecond,
    /// Pieces
    Count,
    /// So many times as much
    Times,
}

impl Unit {
    /// As the table shows it.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Micros => "µs",
            Self::Millis => "ms",
            Self::Share => "%",
            Self::PerSecond => "/s",
            Self::MiB => "MiB",
            Self::Bytes => "B",
            Self::MiBPerCpuSecond => "MiB/CPU s",
            Self::Count => "n",
            Self::Times => "×",
        }
    }

    /// A value to as many digits as it deserves.
    pub fn show(self, value: f64) -> String {
        let value = if self == Self::Share { value * 100.0 } else { value };
        match value.abs() {
            whole if self == Self::Count && whole.fract() == 0.0 => format!("{value:.0}"),
            small if small < 10.0 => format!("{value:.2}"),
            middle if middle < 100.0 => format!("{value:.1}"),
            _ => format!("{value:.0}"),
        }
    }
}

impl Figure {
    /// In the order of the table's rows.
    pub fn all() -> Vec<Self> {
        use Quantity::{Busy, Cpu, P50, PerSecond, System, User};
        let mut all = Vec::new();
        for connections in [1, 64, 256] {
            for quantity in [Cpu, User, System, Busy, PerSecond, P50] {
                all.push(Self::Traffic(Shape::Closed(connections), quantity));
            }
        }
        for shape in [Shape::Paced, Shape::Unix] {
            all.extend([Cpu, P50].map(|quantity| Self::Traffic(shape, quantity)));
        }
        all.extend([5000, 9900, 9990].map(Self::Percentile));
        all.extend([Way::Down, Way::Up].map(Self::Bulk));
        all.extend([Self::RssIdle, Self::RssCrowd, Self::PerConnection]);
        all.extend([Self::RssWith(1000), Self::RssWith(10_000)]);
        all.extend([Self::Start, Self::StartWith(1000), Self::StartWith(10_000), Self::WakeUps]);
        all.extend([Self::RssIdleTwo, Self::PerUpstream, Self::PerCalledUpstream]);
        all.extend([1, 64].map(Self::SystemCalls));
        all.extend(Instrument::ALL.map(Self::Cockpit));
        all
    }

    /// The row's name, without its unit.
    pub fn title(self) -> String {
        match self {
            Self::Traffic(shape, quantity) => {
                let at = match shape {
                    Shape::Closed(1) => "1 connection".to_owned(),
                    Shape::Closed(connections) => format!("{connections} connections"),
                    Shape::Unix => "64, Unix origin".to_owned(),
                    Shape::Paced => "2,000/s over 16".to_owned(),
                };
                let what = match quantity {
                    Quantity::Cpu => "CPU/request",
                    Quantity::User => "  in user mode",
                    Quantity::System => "  in the kernel",
                    Quantity::Busy => "core busy",
                    Quantity::PerSecond => "requests",
                    Quantity::P50 => "p50",
                };
                format!("{what}, {at}")
            }
            Self::Percentile(hundredths) => {
                format!("p{}, open loop", f64::from(hundredths) / 100.0)
            }
            Self::Start => "start to first 200".to_owned(),
            Self::StartWith(upstreams) => format!("start, {upstreams} upstreams"),
            Self::RssIdle => "RSS idle".to_owned(),
            Self::RssCrowd => "RSS, 5,000 idle conn.".to_owned(),
            Self::PerConnection => "per idle connection".to_owned(),
            Self::RssWith(upstreams) => format!("RSS, {upstreams} upstreams"),
            Self::Bulk(Way::Down) => "1 MiB answers".to_owned(),
            Self::Bulk(Way::Up) => "1 MiB requests".to_owned(),
            Self::WakeUps => "wake-ups, idle".to_owned(),
            Self::RssIdleTwo => "RSS idle, 2 cores".to_owned(),
            Self::PerUpstream => "per upstream and route".to_owned(),
            Self::PerCalledUpstream => "– once it was called".to_owned(),
            Self::SystemCalls(1) => "system calls, 1 connection".to_owned(),
            Self::SystemCalls(connections) => format!("system calls, {connections} conn."),
            Self::Cockpit(instrument) => instrument.words().0.to_owned(),
        }
    }

    /// What its values are counted in.
    pub fn unit(self) -> Unit {
        match self {
            Self::Traffic(_, Quantity::Busy) => Unit::Share,
            Self::Traffic(_, Quantity::PerSecond) | Self::WakeUps => Unit::PerSecond,
            Self::Traffic(..) | Self::Percentile(_) => Unit::Micros,
            Self::Start | Self::StartWith(_) => Unit::Millis,
            Self::RssIdle | Self::RssIdleTwo | Self::RssCrowd | Self::RssWith(_) => Unit::MiB,
            Self::PerConnection | Self::PerUpstream | Self::PerCalledUpstream => Unit::Bytes,
            Self::SystemCalls(_) => Unit::Count,
            Self::Cockpit(instrument) => instrument.words().2,
            Self::Bulk(_) => Unit::MiBPerCpuSecond,
        }
    }

    /// Whether a ratio to a peer says something: not of a share, nor of parts of another row.
    pub fn has_ratio(self) -> bool {
        use Quantity::{Busy, System, User};
        !matches!(self, Self::Traffic(_, User | System | Busy) | Self::WakeUps | Self::Cockpit(_))
    }

    /// Its name in JSON.
    pub fn key(self) -> String {
        match self {
            Self::Traffic(shape, quantity) => {
                let what = match quantity {
                    Quantity::Cpu => "cpu_us",
                    Quantity::User => "user_us",
                    Quantity::System => "system_us",
                    Quantity::Busy => "busy",
                    Quantity::PerSecond => "per_second",
                    Quantity::P50 => "p50_us",
                };
                match shape {
                    Shape::Closed(connections) => format!("{what}_at_{connections}"),
                    Shape::Unix => format!("{what}_unix"),
                    Shape::Paced => format!("{what}_paced"),
                }
            }
            Self::Percentile(hundredths) => format!("open_p{}_us", f64::from(hundredths) / 100.0),
            Self::Start => "start_ms".to_owned(),
            Self::StartWith(upstreams) => format!("start_ms_{upstreams}_upstreams"),
            Self::RssIdle => "rss_mib_idle".to_owned(),
            Self::RssCrowd => "rss_mib_5000_connections".to_owned(),
            Self::PerConnection => "bytes_per_idle_connection".to_owned(),
            Self::RssWith(upstreams) => format!("rss_mib_{upstreams}_upstreams"),
            Self::Bulk(Way::Down) => "bulk_down_mib_per_cpu_second".to_owned(),
            Self::Bulk(Way::Up) => "bulk_up_mib_per_cpu_second".to_owned(),
            Self::WakeUps => "wake_ups_per_second".to_owned(),
            Self::RssIdleTwo => "rss_mib_idle_2_cores".to_owned(),
            Self::PerUpstream => "bytes_per_upstream".to_owned(),
            Self::PerCalledUpstream => "bytes_per_called_upstream".to_owned(),
            Self::SystemCalls(connections) => format!("system_calls_at_{connections}"),
            Self::Cockpit(instrument) => instrument.words().1.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_rows_share_a_key_or_a_title() {
        let all = Figure::all();
        let keys: HashSet<String> = all.iter().map(|figure| figure.key()).collect();
        let titles: HashSet<String> = all.iter().map(|figure| figure.title()).collect();
        assert_eq!((keys.len(), titles.len()), (all.len(), all.len()));
    }

    #[test]
    fn a_value_shows_about_three_digits() {
        let shown = [0.034, 9.876, 12.34, 123.4, 123_456.0].map(|value| Unit::Micros.show(value));
        assert_eq!(shown, ["0.03", "9.88", "12.3", "123", "123456"]);
        assert_eq!(Unit::Share.show(0.5), "50.0");
    }
}
