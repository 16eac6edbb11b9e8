//! Texts with `%OPERATORS%` in them, as in Envoy's header formatters and access logs.

use std::sync::Arc;

/// A parsed text: its literal pieces and operators in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// In order; adjacent literals are one.
    pub pieces: Vec<Piece>,
}

/// One piece of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Copied.
    Literal(Arc<[u8]>),
    /// Looked up for each request; `-` where there is nothing.
    Operator(Operator),
}

/// What Envoy's access-log operators of the same names stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operator {
    /// `%DOWNSTREAM_REMOTE_ADDRESS%`: ip:port of the peer.
    DownstreamRemoteAddress,
    /// `%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%`
    DownstreamRemoteAddressWithoutPort,
    /// `%DOWNSTREAM_LOCAL_ADDRESS%`: ip:port that the peer connected to.
    DownstreamLocalAddress,
    /// `%PROTOCOL%`: `HTTP/1.0` or `HTTP/1.1`.
    Protocol,
    /// `%REQ(NAME)%`, lower case; `:method`, `:path`, `:authority` too.
    Request(Box<str>),
    /// `%ROUTE_NAME%`
    RouteName,
    /// `%UPSTREAM_CLUSTER%`: the upstream's name.
    UpstreamCluster,
    /// `%UPSTREAM_HOST%`: the endpoint's address.
    UpstreamHost,
}
