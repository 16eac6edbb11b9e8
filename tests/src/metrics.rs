//! A scrape of `/metrics`, as much of Prometheus text 0.0.4 as the tests ask about.

use std::fmt;

/// All samples of one scrape.
#[derive(Debug, Default)]
pub struct Metrics {
    samples: Vec<Sample>,
}

/// One line of a scrape.
#[derive(Debug, PartialEq)]
pub struct Sample {
    /// The metric's name.
    pub name: String,
    /// In order.
    pub labels: Vec<(String, String)>,
    /// As printed.
    pub value: f64,
}

impl Metrics {
    /// Takes a page apart; panics on a line that is neither comment nor sample.
    #[track_caller]
    pub fn parse(page: &str) -> Metrics {
        let lines = page.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        Metrics { samples: lines.map(sample).collect() }
    }

    /// The sum of all samples of this name that carry all of these labels; 0 without any.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.matching(name, labels).map(|sample| sample.value).sum()
    }

    /// The samples of this name that carry all of these labels.
    pub fn matching<'a>(
        &'a self,
        name: &'a str,
        labels: &'a [(&'a str, &'a str)],
    ) -> impl Iterator<Item = &'a Sample> {
        let named = self.samples.iter().filter(move |sample| sample.name == name);
        named.filter(move |sample| labels.iter().all(|(key, value)| sample.has(key, value)))
    }
}

impl Sample {
    /// The value of a label.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.labels.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    fn has(&self, key: &str, value: &str) -> bool {
        self.label(key) == Some(value)
    }
}

impl fmt::Display for Metrics {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Sample { name, labels, value } in self.samples.iter().filter(|one| one.value != 0.0) {
            writeln!(out, "{name}{labels:?} {value}")?;
        }
        Ok(())
    }
}

/// `name{label="value",…} 12`
#[track_caller]
fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line}"));
    let value = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
    let (name, labels) = match series.split_once('{') {
        Some((name, rest)) => (name, parse_labels(rest.strip_suffix('}').expect("braces pair"))),
        None => (series, Vec::new()),
    };
    Sample { name: name.to_owned(), labels, value }
}

/// `a="x",b="y"`; none of the tests' values holds an escape.
fn parse_labels(text: &str) -> Vec<(String, String)> {
    let Some(text) = text.trim_end_matches(',').strip_suffix('"') else { return Vec::new() };
    let pairs = text.split("\",").map(|pair| pair.split_once("=\"").expect("a label"));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_taken_apart_and_summed() {
        let page =
            "# HELP a b\n# TYPE a counter\na{x=\"1\",y=\"\"} 2\na{x=\"2\",y=\"q\"} 3\nb 1.5\n";
        let metrics = Metrics::parse(page);
        assert_eq!(metrics.sum("a", &[]), 5.0);
        assert_eq!(metrics.sum("a", &[("x", "2"), ("y", "q")]), 3.0);
        assert_eq!(metrics.sum("b", &[]), 1.5);
        assert_eq!(metrics.sum("c", &[]), 0.0);
    }
}
