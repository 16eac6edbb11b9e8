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
    /// `%REQ(NAME)%`, `%REQ(NAME?OTHER)%`: a header of the request; `:method`, `:path`,
    /// `:authority` too.
    Request(RequestField),
    /// `%ROUTE_NAME%`
    RouteName,
    /// `%UPSTREAM_CLUSTER%`: the upstream's name.
    UpstreamCluster,
    /// `%UPSTREAM_HOST%`: the endpoint's address.
    UpstreamHost,
    /// For the access log alone: `check` lets none of these into a header.
    Outcome(OutcomeOperator),
}

/// What is known of a request once it is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutcomeOperator {
    /// `%START_TIME%`: `2016-04-15T20:17:00.310Z`.
    StartTime,
    /// `%RESPONSE_CODE%`; 0 if none was sent.
    ResponseCode,
    /// `%RESPONSE_CODE_DETAILS%`: `via_upstream`, `direct_response`, or the failure's word.
    ResponseCodeDetails,
    /// `%RESPONSE_FLAGS%`
    ResponseFlags,
    /// `%BYTES_RECEIVED%`: of the request's body.
    BytesReceived,
    /// `%BYTES_SENT%`: of the response's body.
    BytesSent,
    /// `%DURATION%`: milliseconds from the first byte received to the last byte sent.
    Duration,
    /// `%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%`: milliseconds from the request sent to the head
    /// received.
    UpstreamServiceTime,
    /// `%UPSTREAM_REQUEST_ATTEMPT_COUNT%`
    UpstreamAttempts,
    /// `%RESP(NAME)%`, `%RESP(NAME?OTHER)%`: a header of the upstream's response.
    Response(FieldName),
}

/// What `%REQ(NAME)%` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestField {
    /// Asked for first.
    pub name: RequestName,
    /// `?OTHER`
    pub or: Option<RequestName>,
}

/// A name in `%REQ(NAME)%`: those that every access log has are told apart once, not with every
/// line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestName {
    /// `:method`
    Method,
    /// `:path`: path and query, as the upstream gets them.
    Path,
    /// `:authority`
    Authority,
    /// `x-envoy-original-path`: what `:path` was, if the route rewrote it.
    OriginalPath,
    /// `x-forwarded-for`
    ForwardedFor,
    /// `x-request-id`
    RequestId,
    /// `user-agent`
    UserAgent,
    /// Any other field. Lower case.
    Other(Box<str>),
}

/// A header, and perhaps another one to be asked for if the first is not there. Lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldName {
    /// Asked for first.
    pub name: Box<str>,
    /// `?OTHER`
    pub or: Option<Box<str>>,
}

impl From<FieldName> for RequestField {
    fn from(FieldName { name, or }: FieldName) -> Self {
        Self { name: RequestName::of(&name), or: or.as_deref().map(RequestName::of) }
    }
}

impl RequestName {
    /// The name in lower case.
    fn of(name: &str) -> Self {
        match name {
            ":method" => Self::Method,
            ":path" => Self::Path,
            ":authority" => Self::Authority,
            "x-envoy-original-path" => Self::OriginalPath,
            "x-forwarded-for" => Self::ForwardedFor,
            "x-request-id" => Self::RequestId,
            "user-agent" => Self::UserAgent,
            other => Self::Other(other.into()),
        }
    }

    /// In lower case.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Method => ":method",
            Self::Path => ":path",
            Self::Authority => ":authority",
            Self::OriginalPath => "x-envoy-original-path",
            Self::ForwardedFor => "x-forwarded-for",
            Self::RequestId => "x-request-id",
            Self::UserAgent => "user-agent",
            Self::Other(name) => name,
        }
    }
}

impl Template {
    /// True if it is one operator alone, and that is a number.
    pub fn is_number(&self) -> bool {
        matches!(self.pieces.as_slice(), [Piece::Operator(operator)] if operator.is_number())
    }
}

impl Operator {
    /// True if its value is a number wherever it has one.
    pub fn is_number(&self) -> bool {
        use OutcomeOperator as Outcome;
        matches!(
            self,
            Operator::Outcome(
                Outcome::ResponseCode
                    | Outcome::BytesReceived
                    | Outcome::BytesSent
                    | Outcome::Duration
                    | Outcome::UpstreamServiceTime
                    | Outcome::UpstreamAttempts
            )
        )
    }
}
