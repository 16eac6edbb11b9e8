//! What the proxy says of itself on its admin listener, asked by a blocking client.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::line::{Line, rest};
use crate::load::get;

/// Between two questions for the same.
const ASK_AGAIN: Duration = Duration::from_millis(10);

/// `GET`s a page; its body. Error: no answer within the patience of a [`Line`], or none with 200.
pub(crate) fn fetch(admin: SocketAddr, path: &str) -> io::Result<String> {
    let mut line = Line::open(admin)?;
    line.send(&get(path))?;
    let mut answer = Vec::new();
    let status = line.answer(|bytes| answer.extend_from_slice(bytes))?;
    let text = String::from_utf8_lossy(&answer);
    match text.split_once("\r\n\r\n") {
        Some((_, body)) if status == 200 => Ok(body.to_owned()),
        _ => Err(io::Error::other(format!("{path} answered {status}: {text}"))),
    }
}

/// `/metrics`: the samples of a scrape, summed over their labels.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Samples {
    sums: BTreeMap<String, f64>,
    /// How many there are.
    pub(crate) series: usize,
}

impl Samples {
    /// Asks for them.
    pub(crate) fn scrape(admin: SocketAddr) -> io::Result<Self> {
        Ok(Self::parse(&fetch(admin, "/metrics")?))
    }

    /// Text format 0.0.4. Lines that are no sample are skipped.
    fn parse(text: &str) -> Self {
        let mut samples = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            let Ok(value) = value.parse::<f64>() else { continue };
            let name = series.split('{').next().unwrap_or(series);
            *samples.sums.entry(name.to_owned()).or_insert(0.0) += value;
            samples.series += 1;
        }
        samples
    }

    /// The sum of a metric's samples. Error: the proxy does not tell it.
    pub(crate) fn of(&self, name: &str) -> io::Result<f64> {
        let missing = || io::Error::other(format!("/metrics does not tell {name}"));
        self.sums.get(name).copied().ok_or_else(missing)
    }
}

/// `/config_status`: which file is in force where.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ConfigStatus {
    /// Of the configuration in force.
    pub(crate) generation: u64,
    /// Files that took effect since the start.
    pub(crate) applied: u64,
    /// By core: its generation, and since when, in milliseconds since 1970.
    pub(crate) cores: Vec<(u64, u64)>,
    /// Why the file as last read is not in force.
    pub(crate) rejected: Option<String>,
}

impl ConfigStatus {
    /// Asks for it.
    pub(crate) fn ask(admin: SocketAddr) -> io::Result<Self> {
        let text = fetch(admin, "/config_status")?;
        Self::parse(&text).ok_or_else(|| io::Error::other(format!("/config_status says {text}")))
    }

    /// Asks until all cores serve by `generation` or a later one.
    pub(crate) fn once_in_force(
        admin: SocketAddr,
        generation: u64,
        limit: Duration,
    ) -> io::Result<Self> {
        let asked = Instant::now();
        loop {
            let status = Self::ask(admin)?;
            if status.cores.iter().all(|&(serving, _)| serving >= generation) {
                return Ok(status);
            }
            if let Some(why) = status.rejected {
                return Err(io::Error::other(format!("the file is refused: {why}")));
            }
            if asked.elapsed() > limit {
                let text = format!("generation {generation} is not in force after {limit:?}");
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
            rest(ASK_AGAIN);
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let told: Value = serde_json::from_str(text).ok()?;
        let of_core =
            |core: &Value| Some((core["generation"].as_u64()?, core["since_unix_ms"].as_u64()?));
        Some(Self {
            generation: told["generation"].as_u64()?,
            applied: told["reloads"]["applied"].as_u64()?,
            rejected: told["rejected"]["message"].as_str().map(str::to_owned),
            cores: told["cores"].as_array()?.iter().map(of_core).collect::<Option<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_summed_over_their_labels() {
        let text = "# TYPE a counter\na{code=\"200\",x=\"y z\"} 3\n\
                    a{code=\"503\"} 4\nb 0.5\nnothing\n";
        let samples = Samples::parse(text);
        assert_eq!(samples.of("a").unwrap(), 7.0);
        assert_eq!(samples.of("b").unwrap(), 0.5);
        assert_eq!(samples.series, 3);
        assert!(samples.of("c").unwrap_err().to_string().contains("tell c"));
    }

    #[test]
    fn a_status_tells_every_core() {
        let text = r#"{"generation": 3, "reloads": {"applied": 2, "rejected": 0},
            "rejected": {"message": "no"}, "cores":
            [{"core": 0, "generation": 3, "since_unix_ms": 17},
             {"core": 1, "generation": 2, "since_unix_ms": 5}]}"#;
        let cores = vec![(3, 17), (2, 5)];
        let rejected = Some("no".to_owned());
        let status = ConfigStatus { generation: 3, applied: 2, cores, rejected };
        assert_eq!(ConfigStatus::parse(text), Some(status));
        assert_eq!(ConfigStatus::parse("{}"), None);
    }
}
