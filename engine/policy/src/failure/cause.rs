//! All that can go wrong with a connection or a request. What follows from it stands in `table`.

use crate::path::PathFault;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// No route matched.
    NoRoute,
    /// CONNECT, which no listener allows.
    ConnectMethod,
    /// The target's path, or what a rewrite made of it.
    BadPath(PathFault),
    /// The upstream has no endpoint.
    NoEndpoint,

    /// The endpoint answered the connect with RST, or nobody listens on its Unix socket.
    ConnectRefused,
    /// No answer to the connect within `connect_timeout`.
    ConnectTimeout,
    /// No way to the endpoint: no route to host or network, no such Unix socket.
    ConnectUnreachable,
    /// The connection was reset while it was being made.
    ConnectReset,
    /// The connect failed here: no descriptor, no local port, not permitted.
    ConnectFailed,

    /// The connection ended before the response's first byte. The request may have arrived.
    ResetBeforeResponse,
    /// The connection ended inside the response.
    ResetInResponse,
    /// The upstream broke the protocol.
    UpstreamProtocol {
        /// The violated rule, in snake case.
        fault: &'static str,
    },
    /// The whole response did not come within the route's timeout.
    ResponseTimeout,
    /// The upstream sent nothing for longer than the idle timeout.
    ResponseIdle,

    /// The head did not arrive whole within the listener's `head_timeout`.
    HeadTimeout,
    /// The client sent nothing of its request's body for longer than the idle timeout.
    RequestIdle,
    /// The client read nothing of the response for longer than the idle timeout.
    ReaderIdle,
    /// The client closed or reset the connection before the response was whole.
    DownstreamClosed,
    /// The client broke the protocol or a limit.
    DownstreamProtocol {
        /// 4xx, 501 or 505, as the rule's RFC asks for.
        status: u16,
        /// The violated rule, in snake case.
        fault: &'static str,
    },

    /// The upstream's limit of connections.
    OverflowConnections,
    /// The upstream's limit of pending requests.
    OverflowPending,
    /// The upstream's limit of requests.
    OverflowRequests,
    /// No connection became free within `pending_timeout`.
    PendingTimeout,

    /// The process ended before the exchange did: `drain_timeout` has passed, or it was told twice.
    Draining,
    /// A bug: the request's task panicked.
    Internal,
}

impl Cause {
    /// One of each kind: for tests, and for tables that documentation is held to.
    pub const SAMPLES: [Cause; 25] = [
        Cause::NoRoute,
        Cause::ConnectMethod,
        Cause::BadPath(PathFault::Ambiguous),
        Cause::NoEndpoint,
        Cause::ConnectRefused,
        Cause::ConnectTimeout,
        Cause::ConnectUnreachable,
        Cause::ConnectReset,
        Cause::ConnectFailed,
        Cause::ResetBeforeResponse,
        Cause::ResetInResponse,
        Cause::UpstreamProtocol { fault: "bad_status_line" },
        Cause::ResponseTimeout,
        Cause::ResponseIdle,
        Cause::HeadTimeout,
        Cause::RequestIdle,
        Cause::ReaderIdle,
        Cause::DownstreamClosed,
        Cause::DownstreamProtocol { status: 400, fault: "bad_request_line" },
        Cause::OverflowConnections,
        Cause::OverflowPending,
        Cause::OverflowRequests,
        Cause::PendingTimeout,
        Cause::Draining,
        Cause::Internal,
    ];
}
