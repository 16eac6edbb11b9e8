//! What the proxy and the kernel say of the proxy: its metrics, descriptors and memory.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// For a scrape.
const LIMIT: Duration = Duration::from_secs(10);

/// The samples of a scrape, summed over their labels.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Samples(BTreeMap<String, f64>);

impl Samples {
    /// `GET /metrics`.
    pub(super) fn scrape(admin: SocketAddr) -> io::Result<Self> {
        let mut stream = TcpStream::connect_timeout(&admin, LIMIT)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(Self::parse(&text))
    }

    /// Text format 0.0.4. Lines that are no sample are skipped.
    fn parse(text: &str) -> Self {
        let mut sums = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            let Ok(value) = value.parse::<f64>() else { continue };
            let name = series.split('{').next().unwrap_or(series);
            *sums.entry(name.to_owned()).or_insert(0.0) += value;
        }
        Self(sums)
    }

    /// The sum of a metric's samples. Error: the proxy does not tell it.
    pub(super) fn of(&self, name: &str) -> io::Result<f64> {
        let missing = || io::Error::other(format!("/metrics does not tell {name}"));
        self.0.get(name).copied().ok_or_else(missing)
    }
}

/// Descriptors that the process has open.
pub(super) fn descriptors(pid: u32) -> io::Result<usize> {
    Ok(fs::read_dir(format!("/proc/{pid}/fd"))?.count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_summed_over_their_labels() {
        let text = "HTTP/1.1 200 OK\r\n\r\n# TYPE a counter\na{code=\"200\",x=\"y z\"} 3\n\
                    a{code=\"503\"} 4\nb 0.5\nnothing\n";
        let samples = Samples::parse(text);
        assert_eq!(samples.of("a").unwrap(), 7.0);
        assert_eq!(samples.of("b").unwrap(), 0.5);
        assert!(samples.of("c").unwrap_err().to_string().contains("tell c"));
    }
}
