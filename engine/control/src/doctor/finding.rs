//! What the doctor says: one line a finding, the same for programs, and a summary.

use std::fmt;

use serde_json::{Value, json};

/// All findings, in the order in which a start would meet them.
#[derive(Debug)]
pub struct Report {
    /// One for each thing looked at.
    pub findings: Vec<Finding>,
}

/// One thing looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whether it stands in the way.
    pub verdict: Verdict,
    /// What was looked at.
    pub about: String,
    /// What it is, and what that means for Outrigger.
    pub says: String,
    /// What to do: a command, or the place where it is configured.
    pub remedy: Option<String>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing stands in the way.
    Ok,
    /// It runs, with less than it could have.
    Warn,
    /// It does not start, or does not do what the file says.
    Fail,
}

impl Report {
    /// True if something keeps Outrigger from doing its work.
    pub fn failed(&self) -> bool {
        self.count(Verdict::Fail) > 0
    }

    /// `{"findings": [{verdict, about, says, remedy}], "ok": n, "warn": n, "fail": n}`
    pub fn to_json(&self) -> Value {
        let findings = self.findings.iter().map(Finding::to_json);
        json!({
            "findings": findings.collect::<Vec<_>>(),
            "ok": self.count(Verdict::Ok),
            "warn": self.count(Verdict::Warn),
            "fail": self.count(Verdict::Fail),
        })
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.findings.iter().filter(|finding| finding.verdict == verdict).count()
    }
}

impl Finding {
    pub(super) fn ok(about: impl Into<String>, says: impl Into<String>) -> Self {
        Self { verdict: Verdict::Ok, about: about.into(), says: says.into(), remedy: None }
    }

    pub(super) fn warn(about: impl Into<String>, says: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warn, ..Self::ok(about, says) }
    }

    pub(super) fn fail(about: impl Into<String>, says: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fail, ..Self::ok(about, says) }
    }

    pub(super) fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }

    fn to_json(&self) -> Value {
        let Self { verdict, about, says, remedy } = self;
        json!({ "verdict": verdict.as_str(), "about": about, "says": says, "remedy": remedy })
    }
}

impl Verdict {
    /// As printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verdict, about, says, remedy } = self;
        write!(out, "{:<4}  {about}: {says}", verdict.as_str())?;
        match remedy {
            Some(remedy) => write!(out, "; remedy: {remedy}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(out, "{finding}")?;
        }
        let [ok, warn, fail] =
            [Verdict::Ok, Verdict::Warn, Verdict::Fail].map(|verdict| self.count(verdict));
        writeln!(out, "{ok} ok, {warn} warn, {fail} fail")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let findings = vec![
            Finding::ok("kernel", "Linux 6.18"),
            Finding::warn("backlog", "too long").remedy("sysctl -w a=1"),
        ];
        Report { findings }
    }

    #[test]
    fn a_finding_is_one_line_with_its_remedy_and_the_last_line_counts() {
        let lines = "ok    kernel: Linux 6.18\n\
                     warn  backlog: too long; remedy: sysctl -w a=1\n\
                     1 ok, 1 warn, 0 fail\n";
        assert_eq!(report().to_string(), lines);
    }

    #[test]
    fn programs_get_the_same() {
        let page = report().to_json();
        assert_eq!(page["findings"][1]["verdict"], "warn");
        assert_eq!(page["findings"][1]["remedy"], "sysctl -w a=1");
        assert_eq!((&page["ok"], &page["fail"]), (&json!(1), &json!(0)));
    }

    #[test]
    fn only_a_fail_fails() {
        let mut report = report();
        assert!(!report.failed());
        report.findings.push(Finding::fail("admin", "in use"));
        assert!(report.failed());
    }
}
