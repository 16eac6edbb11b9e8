//! What follows from each cause: one row of facts and one of words per cause.

use super::GrpcStatus::{
    self, Cancelled, DeadlineExceeded, Internal as Bug, Unavailable, Unimplemented, Unknown,
};
use super::Retry::{self, IfReused, Never, Safe};
use super::Side::{self, Downstream, Upstream, Us};
use super::cause::Cause::{self, *};
use crate::Flag::{
    self, DownstreamConnectionTermination, DownstreamProtocolError, LocalReset, NoHealthyUpstream,
    StreamIdleTimeout, UpstreamConnectionFailure, UpstreamConnectionTermination, UpstreamOverflow,
    UpstreamProtocolError, UpstreamRequestTimeout,
};

/// Everything that the cause alone decides, but for the words.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    pub(super) side: Side,
    pub(super) retry: Retry,
    pub(super) status: u16,
    pub(super) grpc: GrpcStatus,
    pub(super) flag: Flag,
}

pub(super) fn facts(cause: Cause) -> Facts {
    let (side, retry, status, grpc, flag) = match cause {
        NoRoute => (Us, Never, 404, Unimplemented, Flag::NoRoute),
        ConnectMethod => (Downstream, Never, 405, Unimplemented, Flag::NoRoute),
        BadPath(_) => (Downstream, Never, 400, Bug, DownstreamProtocolError),
        NoEndpoint => (Us, Never, 503, Unavailable, NoHealthyUpstream),

        ConnectRefused => (Upstream, Safe, 503, Unavailable, UpstreamConnectionFailure),
        ConnectTimeout => (Upstream, Safe, 503, Unavailable, UpstreamConnectionFailure),
        ConnectUnreachable => (Upstream, Safe, 503, Unavailable, UpstreamConnectionFailure),
        ConnectReset => (Upstream, Safe, 503, Unavailable, UpstreamConnectionFailure),
        ConnectFailed => (Us, Safe, 503, Unavailable, UpstreamConnectionFailure),

        ResetBeforeResponse => {
            (Upstream, IfReused, 503, Unavailable, UpstreamConnectionTermination)
        }
        ResetInResponse => (Upstream, Never, 503, Unavailable, UpstreamConnectionTermination),
        UpstreamProtocol { .. } => (Upstream, Never, 502, Unavailable, UpstreamProtocolError),
        ResponseTimeout => (Upstream, Never, 504, DeadlineExceeded, UpstreamRequestTimeout),
        ResponseIdle => (Upstream, Never, 504, DeadlineExceeded, StreamIdleTimeout),

        HeadTimeout => (Downstream, Never, 408, DeadlineExceeded, StreamIdleTimeout),
        RequestIdle => (Downstream, Never, 408, DeadlineExceeded, StreamIdleTimeout),
        ReaderIdle => (Downstream, Never, 0, DeadlineExceeded, StreamIdleTimeout),
        DownstreamClosed => (Downstream, Never, 0, Cancelled, DownstreamConnectionTermination),
        DownstreamProtocol { status, .. } => {
            (Downstream, Never, status, grpc_of(status), DownstreamProtocolError)
        }

        OverflowConnections => (Us, Never, 503, Unavailable, UpstreamOverflow),
        OverflowPending => (Us, Never, 503, Unavailable, UpstreamOverflow),
        OverflowRequests => (Us, Never, 503, Unavailable, UpstreamOverflow),
        PendingTimeout => (Us, Never, 503, Unavailable, UpstreamOverflow),

        Draining => (Us, Never, 503, Unavailable, LocalReset),
        Internal => (Us, Never, 500, Bug, LocalReset),
    };
    Facts { side, retry, status, grpc, flag }
}

/// A status of `wire`'s faults as gRPC's "HTTP to gRPC Status Code Mapping" has it.
fn grpc_of(status: u16) -> GrpcStatus {
    match status {
        400 => Bug,
        404 => Unimplemented,
        _ => Unknown,
    }
}

/// The cause's name in metrics and logs, and its reason in plain English.
pub(super) fn words(cause: Cause) -> (&'static str, &'static str) {
    match cause {
        NoRoute => ("no_route", "no route matches the request"),
        ConnectMethod => ("connect_method", "CONNECT is not enabled on this listener"),
        BadPath(_) => ("bad_path", "the request's path was refused"),
        NoEndpoint => ("no_endpoint", "the upstream has no endpoint"),

        ConnectRefused => ("connect_refused", "the upstream refused the connection"),
        ConnectTimeout => ("connect_timeout", "connecting to the upstream took too long"),
        ConnectUnreachable => ("connect_unreachable", "the upstream cannot be reached"),
        ConnectReset => ("connect_reset", "the upstream reset the connection being made"),
        ConnectFailed => ("connect_failed", "the proxy could not open a connection"),

        ResetBeforeResponse => {
            ("reset_before_response", "the upstream closed the connection without a response")
        }
        ResetInResponse => {
            ("reset_in_response", "the upstream closed the connection inside its response")
        }
        UpstreamProtocol { .. } => ("upstream_protocol", "the upstream broke the protocol"),
        ResponseTimeout => ("response_timeout", "the upstream's response took too long"),
        ResponseIdle => ("response_idle", "the upstream sent nothing for too long"),

        HeadTimeout => ("head_timeout", "the request's head took too long to arrive"),
        RequestIdle => ("request_idle", "the client sent nothing for too long"),
        ReaderIdle => ("reader_idle", "the client read nothing for too long"),
        DownstreamClosed => ("downstream_closed", "the client closed the connection"),
        DownstreamProtocol { .. } => ("downstream_protocol", "the client broke the protocol"),

        OverflowConnections => ("overflow_connections", "the upstream's connection limit is full"),
        OverflowPending => ("overflow_pending", "too many requests wait for the upstream"),
        OverflowRequests => ("overflow_requests", "the upstream's request limit is full"),
        PendingTimeout => ("pending_timeout", "no connection to the upstream became free in time"),

        Draining => ("draining", "the proxy ended before the request did"),
        Internal => ("internal", "a bug in the proxy ended the request"),
    }
}
