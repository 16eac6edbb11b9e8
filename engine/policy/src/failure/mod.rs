//! What went wrong, whose fault it was, and whether the request may be sent again.
//!
//! One value for all who ask: retries, outlier detection, the ledger and the answer to the client
//! read the same [`Failure`]. A new cause is one variant of [`Cause`] and one row of its table.

mod cause;
mod table;

use std::fmt;

pub use cause::Cause;

use crate::Flag;

/// A failure, with everything that follows from its cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// Whose fault it was.
    pub side: Side,
    /// What happened.
    pub cause: Cause,
    /// Whether the request may be sent again.
    pub retry: Retry,
}

/// Whose fault a failure was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The client's. Says nothing about the upstream's health.
    Downstream,
    /// The upstream's: outlier detection counts it.
    Upstream,
    /// The proxy's: its configuration, limits, resources or code.
    Us,
}

/// Whether a request that failed may be sent again. Whether it *is*, `retry` decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retry {
    /// It may have reached the application, or would fail again.
    Never,
    /// If the connection was a reused one, an idempotent request may: the upstream may have closed
    /// it before the request came (RFC 9112 §9.3.1).
    IfReused,
    /// It cannot have reached the application.
    Safe,
}

/// gRPC's status codes, as far as a proxy's own answers need them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum GrpcStatus {
    /// 1
    Cancelled = 1,
    /// 2
    Unknown = 2,
    /// 4
    DeadlineExceeded = 4,
    /// 12
    Unimplemented = 12,
    /// 13
    Internal = 13,
    /// 14
    Unavailable = 14,
}

impl From<Cause> for Failure {
    fn from(cause: Cause) -> Self {
        let facts = table::facts(cause);
        Self { side: facts.side, cause, retry: facts.retry }
    }
}

impl Cause {
    /// The HTTP status of the answer, if the response's head has not been sent yet; 0 where no
    /// answer is ever given, because the client is gone or no longer reads (Envoy logs 0, too).
    pub fn status(self) -> u16 {
        table::facts(self).status
    }

    /// The `grpc-status` of the answer to a gRPC request.
    ///
    /// As Envoy and the gRPC specification map HTTP statuses, except that a timeout is
    /// `DEADLINE_EXCEEDED`: clients retry `UNAVAILABLE`, and this may have reached the application.
    pub fn grpc_status(self) -> GrpcStatus {
        table::facts(self).grpc
    }

    /// Envoy's response flag.
    pub fn flag(self) -> Flag {
        table::facts(self).flag
    }

    /// For metrics and logs: `connect_refused`.
    pub fn as_str(self) -> &'static str {
        table::words(self).0
    }

    /// One clause of plain English without the particulars, which [`Cause`]'s `Display` adds.
    /// Constant text: safe in a header.
    pub fn reason(self) -> &'static str {
        table::words(self).1
    }

    /// The violated protocol rule, in snake case, if the cause is one.
    pub fn fault(self) -> Option<&'static str> {
        match self {
            Cause::BadPath(fault) => Some(fault.as_str()),
            Cause::DownstreamProtocol { fault, .. } | Cause::UpstreamProtocol { fault } => {
                Some(fault)
            }
            _ => None,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.reason())?;
        match self.fault() {
            Some(fault) => write!(out, ": {fault}"),
            None => Ok(()),
        }
    }
}

impl Failure {
    /// Appends what a developer should read in `x-outrigger-reason`: `the upstream refused the
    /// connection (10.0.0.7:8080) after 2 attempts`. `endpoint` is the address tried last,
    /// `attempts` how many were made.
    pub fn explain(&self, endpoint: Option<&dyn fmt::Display>, attempts: u32, out: &mut Vec<u8>) {
        use std::io::Write;
        const NO_FAIL: &str = "writing to a Vec cannot fail";
        write!(out, "{}", self.cause).expect(NO_FAIL);
        if let Some(endpoint) = endpoint {
            write!(out, " ({endpoint})").expect(NO_FAIL);
        }
        if attempts > 1 {
            write!(out, " after {attempts} attempts").expect(NO_FAIL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_a_name_of_its_own() {
        let mut names: Vec<_> = Cause::SAMPLES.iter().map(|cause| cause.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Cause::SAMPLES.len());
    }

    #[test]
    fn an_answer_is_an_error_or_none_at_all() {
        for cause in Cause::SAMPLES {
            let status = cause.status();
            assert!(status == 0 || (400..600).contains(&status), "{cause:?}");
        }
    }

    #[test]
    fn upstream_faults_are_never_answered_as_the_clients() {
        for cause in Cause::SAMPLES {
            let failure = Failure::from(cause);
            match failure.side {
                Side::Upstream => assert!(matches!(cause.status(), 0 | 502..=504), "{cause:?}"),
                Side::Downstream => assert!(cause.status() < 500, "{cause:?}"),
                Side::Us => {}
            }
        }
    }

    #[test]
    fn only_what_never_reached_the_application_is_safe_to_retry() {
        let safe: Vec<_> = Cause::SAMPLES
            .into_iter()
            .filter(|cause| Failure::from(*cause).retry == Retry::Safe)
            .map(Cause::as_str)
            .collect();
        assert_eq!(
            safe,
            [
                "connect_refused",
                "connect_timeout",
                "connect_unreachable",
                "connect_reset",
                "connect_failed",
            ]
        );
    }

    #[test]
    fn reasons_are_header_safe_clauses() {
        for cause in Cause::SAMPLES {
            let reason = cause.reason();
            assert!(reason.bytes().all(|byte| (b' '..0x7f).contains(&byte)), "{reason}");
            assert!(!reason.is_empty() && !reason.ends_with('.'), "{reason}");
        }
    }

    #[test]
    fn flags_are_those_that_envoy_writes() {
        let flag = |cause: Cause| cause.flag().as_str();
        assert_eq!(flag(Cause::NoRoute), "NR");
        assert_eq!(flag(Cause::NoEndpoint), "UH");
        assert_eq!(flag(Cause::Draining), "LR");
        assert_eq!(flag(Cause::ConnectTimeout), "UF");
        assert_eq!(flag(Cause::OverflowPending), "UO");
        assert_eq!(flag(Cause::ResetBeforeResponse), "UC");
        assert_eq!(flag(Cause::ResponseTimeout), "UT");
        assert_eq!(flag(Cause::RequestIdle), "SI");
        assert_eq!(flag(Cause::DownstreamClosed), "DC");
        assert_eq!(flag(Cause::DownstreamProtocol { status: 400, fault: "x" }), "DPE");
        assert_eq!(flag(Cause::UpstreamProtocol { fault: "x" }), "UPE");
    }

    #[test]
    fn a_protocol_fault_keeps_its_own_status_and_name() {
        let cause = Cause::DownstreamProtocol { status: 431, fault: "too_many_fields" };
        assert_eq!(cause.status(), 431);
        assert_eq!(cause.to_string(), "the client broke the protocol: too_many_fields");
    }

    #[test]
    fn a_reason_names_endpoint_and_attempts() {
        let mut out = Vec::new();
        let failure = Failure::from(Cause::ConnectRefused);
        failure.explain(Some(&"10.0.0.7:8080"), 2, &mut out);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "the upstream refused the connection (10.0.0.7:8080) after 2 attempts");
    }
}
