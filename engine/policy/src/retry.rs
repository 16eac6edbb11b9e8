//! Whether a failed attempt may be made again.
//!
//! So far only the free retry: the one that every proxy owes its client when a pooled connection
//! turns out to be dead. Configured retries will stand beside it and read the same [`Failure`].

use crate::Failure;
use crate::failure::Retry;

/// Whether the request may be sent once more, on a *new* connection, without anybody having asked
/// for retries. The caller grants it once per request.
///
/// `reused`: the connection that failed had served a request before, so the upstream may have
/// closed it while the request was on its way (RFC 9112 §9.3.1 foresees this retry). `replayable`:
/// whatever was sent of the request's body can be sent again.
///
/// What may have reached the application is repeated only if its method is idempotent.
pub fn free_retry(failure: &Failure, reused: bool, method: &[u8], replayable: bool) -> bool {
    let harmless = match failure.retry {
        Retry::Never => false,
        Retry::IfReused => is_idempotent(method),
        Retry::Safe => true,
    };
    reused && replayable && harmless
}

/// RFC 9110 §9.2.2. A method that we do not know is not idempotent.
pub fn is_idempotent(method: &[u8]) -> bool {
    matches!(method, b"GET" | b"HEAD" | b"PUT" | b"DELETE" | b"OPTIONS" | b"TRACE")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cause;

    /// Reused connection and replayable request unless said otherwise.
    fn granted(cause: Cause, method: &str) -> bool {
        free_retry(&cause.into(), true, method.as_bytes(), true)
    }

    #[test]
    fn a_dead_pooled_connection_is_forgiven_once_for_idempotent_methods() {
        for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"] {
            assert!(granted(Cause::ResetBeforeResponse, method), "{method}");
        }
        for method in ["POST", "PATCH", "CONNECT", "get", "PURGE", ""] {
            assert!(!granted(Cause::ResetBeforeResponse, method), "{method}");
        }
    }

    #[test]
    fn what_was_never_sent_is_repeated_whatever_its_method() {
        assert!(granted(Cause::ConnectRefused, "POST"));
    }

    #[test]
    fn a_new_connection_is_no_excuse() {
        for cause in Cause::SAMPLES {
            assert!(!free_retry(&cause.into(), false, b"GET", true), "{cause:?}");
        }
    }

    #[test]
    fn a_body_that_is_gone_is_not_repeated() {
        for cause in Cause::SAMPLES {
            assert!(!free_retry(&cause.into(), true, b"PUT", false), "{cause:?}");
        }
    }

    #[test]
    fn nothing_is_repeated_once_a_response_began_or_time_ran_out() {
        for cause in [
            Cause::ResetInResponse,
            Cause::ResponseTimeout,
            Cause::ResponseIdle,
            Cause::UpstreamProtocol { fault: "x" },
            Cause::DownstreamClosed,
            Cause::OverflowRequests,
        ] {
            assert!(!granted(cause, "GET"), "{cause:?}");
        }
    }
}
