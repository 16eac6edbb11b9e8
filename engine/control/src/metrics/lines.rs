//! Writing one family in Prometheus' text format 0.0.4, or in OpenMetrics 1.0.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>
//! <https://prometheus.io/docs/specs/om/open_metrics_spec/>

use std::fmt::Write;

use signals::Distribution;

use super::{Format, Metric};

const NO_FAIL: &str = "writing to a String cannot fail";

/// The lines of one family. `HELP` and `TYPE` come with the first sample.
pub(crate) struct Lines<'p> {
    metric: &'static Metric,
    format: Format,
    page: &'p mut String,
    begun: bool,
}

impl<'p> Lines<'p> {
    pub(crate) fn new(metric: &'static Metric, format: Format, page: &'p mut String) -> Self {
        Self { metric, format, page, begun: false }
    }

    /// One sample. `labels` are the values of the metric's labels, in order.
    pub(crate) fn value(&mut self, labels: &[&str], value: u64) {
        self.sample("", labels, "");
        writeln!(self.page, " {value}").expect(NO_FAIL);
    }

    /// One sample in seconds.
    pub(crate) fn seconds(&mut self, labels: &[&str], value_us: u64) {
        self.sample("", labels, "");
        writeln!(self.page, " {}", seconds(value_us)).expect(NO_FAIL);
    }

    /// The buckets, sum and count of one histogram, in seconds.
    pub(crate) fn histogram(&mut self, labels: &[&str], times: &Distribution) {
        for (bound_us, below) in times.cumulative() {
            self.sample("_bucket", labels, &self.bound(bound_us));
            writeln!(self.page, " {below}").expect(NO_FAIL);
        }
        self.sample("_bucket", labels, "+Inf");
        writeln!(self.page, " {}", times.count()).expect(NO_FAIL);
        self.sample("_sum", labels, "");
        writeln!(self.page, " {}", seconds(times.sum_us())).expect(NO_FAIL);
        self.sample("_count", labels, "");
        writeln!(self.page, " {}", times.count()).expect(NO_FAIL);
    }

    /// Name and labels of one sample, with `le` if it is a bucket.
    fn sample(&mut self, suffix: &str, labels: &[&str], le: &str) {
        let Metric { name, labels: names, .. } = self.metric;
        debug_assert_eq!(labels.len(), names.len(), "{name}");
        self.begin();
        self.page.push_str(name);
        self.page.push_str(suffix);
        let mut open = '{';
        for (name, value) in names.iter().zip(labels) {
            self.label(open, name, value);
            open = ',';
        }
        if !le.is_empty() {
            self.label(open, "le", le);
            open = ',';
        }
        if open == ',' {
            self.page.push('}');
        }
    }

    /// OpenMetrics wants `1.0` where the text format is content with `1`.
    fn bound(&self, bound_us: u64) -> String {
        let whole = bound_us.is_multiple_of(1_000_000) && self.format == Format::OpenMetrics;
        seconds(bound_us) + if whole { ".0" } else { "" }
    }

    fn begin(&mut self) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let Metric { name, kind, help, .. } = self.metric;
        let name = match self.format {
            Format::Text => name,
            Format::OpenMetrics => name.strip_suffix("_total").unwrap_or(name),
        };
        writeln!(self.page, "# HELP {name} {help}").expect(NO_FAIL);
        writeln!(self.page, "# TYPE {name} {}", kind.as_str()).expect(NO_FAIL);
    }

    fn label(&mut self, open: char, name: &str, value: &str) {
        self.page.push(open);
        self.page.push_str(name);
        self.page.push_str("=\"");
        for char in value.chars() {
            match char {
                '\\' => self.page.push_str("\\\\"),
                '"' => self.page.push_str("\\\""),
                '\n' => self.page.push_str("\\n"),
                _ => self.page.push(char),
            }
        }
        self.page.push('"');
    }
}

/// Microseconds as decimal seconds, exactly.
fn seconds(value_us: u64) -> String {
    let (whole, rest) = (value_us / 1_000_000, value_us % 1_000_000);
    if rest == 0 {
        return whole.to_string();
    }
    let text = format!("{whole}.{rest:06}");
    text.trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Kind;

    static METRIC: Metric = Metric {
        name: "outrigger_test_total",
        kind: Kind::Counter,
        labels: &["name"],
        help: "A test.",
        write: |_, _| {},
    };

    #[test]
    fn label_values_cannot_break_out_of_their_quotes() {
        let mut page = String::new();
        Lines::new(&METRIC, Format::Text, &mut page).value(&["a\"b\\c\nd"], 1);
        assert!(page.ends_with("outrigger_test_total{name=\"a\\\"b\\\\c\\nd\"} 1\n"), "{page}");
    }

    #[test]
    fn a_family_without_samples_leaves_no_line() {
        let mut page = String::new();
        let _ = Lines::new(&METRIC, Format::Text, &mut page);
        assert_eq!(page, "");
    }

    #[test]
    fn seconds_are_exact() {
        for (us, text) in
            [(0, "0"), (50, "0.00005"), (1_500_000, "1.5"), (60_000_000, "60"), (1, "0.000001")]
        {
            assert_eq!(seconds(us), text);
        }
    }
}
