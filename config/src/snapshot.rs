//! What the file means: the checked, immutable `Snapshot` that every core reads.
//!
//! No text, no spans, no defaults left to fill in: `check` did all of that. A snapshot is shared by
//! all cores as one `Arc`; each route table and upstream is an `Arc` of its own, so that what a
//! reload did not change keeps its pointer (and with it the per-core state behind it).

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::access_log::AccessLog;
use crate::pattern::{HeaderMatch, PathMatch, PathRewrite, QueryMatch};
use crate::template::Template;

/// The whole configuration, checked.
#[derive(Debug)]
pub struct Snapshot {
    /// xxh64 of the file's bytes, in hex: what `/config_status` and `outrigger_config_hash` show.
    pub hash: Arc<str>,
    /// Limits and life cycle of the process.
    pub process: Process,
    /// The admin listener.
    pub admin: Admin,
    /// The access log; `None`: there is none.
    pub access_log: Option<Arc<AccessLog>>,
    /// Bounds of what `/metrics` shows.
    pub metrics: Metrics,
    /// In the file's order.
    pub listeners: Vec<Arc<Listener>>,
    /// Slots by [`TableIx`]: a table keeps its slot for as long as its name exists.
    pub tables: Vec<Option<Arc<RouteTable>>>,
    /// Slots by [`UpstreamIx`]: an upstream keeps its slot for as long as its name exists.
    pub upstreams: Vec<Option<Arc<Upstream>>>,
}

/// A route table's slot in [`Snapshot::tables`], stable over reloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableIx(pub u32);

/// An upstream's slot in [`Snapshot::upstreams`], stable over reloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UpstreamIx(pub u32);

/// A route's place in its table, in the file's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RouteIx(pub u32);

/// `[process]`
#[derive(Debug, Clone, PartialEq)]
pub struct Process {
    /// `None`: as many as the CPU limit of the cgroup allows. Not reloadable.
    pub workers: Option<usize>,
    /// Not reloadable.
    pub io_engine: IoEngine,
    /// Not reloadable.
    pub pin: Pin,
    /// Downstream connections of the whole process; the admin listener is exempt.
    pub max_connections: usize,
    /// After SIGTERM: how long the process serves as before, while `/ready` is already red.
    pub pre_drain: Duration,
    /// After `pre_drain`: how long requests in flight may take before the process exits anyway.
    pub drain_timeout: Duration,
}

/// Which I/O engine the cores run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IoEngine {
    /// io_uring where the kernel, the seccomp profile and the limits allow it, else epoll.
    #[default]
    Auto,
    /// io_uring, or the process does not start.
    Uring,
    /// epoll.
    Epoll,
}

/// Whether each core is bound to one CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pin {
    /// Bind when the workers fill the affinity mask.
    #[default]
    Auto,
    /// Always bind.
    Always,
    /// Never bind.
    Never,
}

/// `[admin]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// Where the admin listener answers; `None` switches it off.
    pub listen: Option<Address>,
}

/// `[metrics]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metrics {
    /// Lines of `/metrics` at most, a histogram counting as its buckets.
    pub series_max: usize,
    /// Series that did not change for so long are forgotten if the configuration has no name for
    /// them, and to make room; `None`: never.
    pub idle_expiry: Option<Duration>,
}

/// A socket address, of a listener or of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// TCP over IPv4 or IPv6.
    Inet(SocketAddr),
    /// A Unix stream socket's path.
    Unix(Arc<Path>),
}

/// Which way a listener's traffic goes; trust, stripping and signals follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    /// Towards the local application.
    #[default]
    Inbound,
    /// From the local application.
    Outbound,
}

/// `[[listeners]]`
#[derive(Debug, Clone, PartialEq)]
pub struct Listener {
    /// Unique.
    pub name: Arc<str>,
    /// Inbound or outbound.
    pub direction: Direction,
    /// Where it accepts.
    pub listen: Address,
    /// The route table of its requests.
    pub table: TableIx,
    /// listen(2)'s backlog.
    pub backlog: u32,
    /// Connections at once, over all cores.
    pub max_connections: usize,
    /// Whether its requests are in the access log, if there is one.
    pub access_log: bool,
    /// Limits and timeouts of its HTTP/1.1 side.
    pub http: HttpOptions,
}

/// What an HTTP listener accepts, and for how long it waits.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpOptions {
    /// Bytes of a request head, request line and fields: more is 431 (60 KiB by default).
    pub head_bytes_max: usize,
    /// Fields of a request head: more is 431 (100).
    pub fields_max: usize,
    /// Bytes of a request target: more is 414 (8 KiB).
    pub target_bytes_max: usize,
    /// First byte to last byte of a head (10 s).
    pub head_timeout: Duration,
    /// Between two requests of a connection (1 h).
    pub idle_timeout: Duration,
    /// Inside a request, no byte either way (5 min).
    pub stream_idle_timeout: Duration,
    /// Merge `//` in paths before routing.
    pub merge_slashes: bool,
    /// What happens to a path with `%2f` or `%5c` in it.
    pub escaped_slashes: EscapedSlashes,
    /// The pseudonym that `Via` carries both ways; `None` adds no `Via`.
    pub via: Option<Arc<str>>,
    /// Keep the peer's `x-forwarded-*`, `x-envoy-*` and `x-request-id`: it is one of ours.
    pub trust_peer: bool,
    /// Make an `x-request-id` where a request has none.
    pub request_id: bool,
    /// Append the peer's address to `X-Forwarded-For`, and set `X-Forwarded-Proto`.
    pub forwarded: bool,
}

/// Envoy's `path_with_escaped_slashes_action`, less its redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EscapedSlashes {
    /// Leave `%2f` as it is: router and application both see the escaped byte.
    #[default]
    Keep,
    /// Answer 400.
    Reject,
    /// Decode to `/` before anything is decided.
    Unescape,
}

/// `[[routes.NAME]]`: the routes of one name, in the file's order, indexed by host.
#[derive(Debug, PartialEq)]
pub struct RouteTable {
    /// NAME.
    pub name: Arc<str>,
    /// In the file's order.
    pub routes: Vec<Route>,
    /// Which routes may serve a host.
    pub hosts: HostIndex,
}

/// Hosts to routes. The most specific pattern wins, and only its routes are tried, in order, as in
/// Envoy's virtual hosts: exact, then the longest `*.suffix`, the longest `prefix.*`, then `*`.
/// All keys are lower case and without port, unless the pattern named one.
#[derive(Debug, Default, PartialEq)]
pub struct HostIndex {
    /// `shop.example` or `shop.example:8080`
    pub exact: HashMap<Box<str>, Vec<RouteIx>>,
    /// `.example` for `*.example`, longest first
    pub suffixes: Vec<(Box<str>, Vec<RouteIx>)>,
    /// `shop.` for `shop.*`, longest first
    pub prefixes: Vec<(Box<str>, Vec<RouteIx>)>,
    /// `*`, or no host given
    pub any: Vec<RouteIx>,
}

/// One `[[routes.NAME]]`.
#[derive(Debug, PartialEq)]
pub struct Route {
    /// For metrics and logs: the user's `name`, or `TABLE[n]`.
    pub name: Arc<str>,
    /// The host patterns, as written.
    pub hosts: Vec<Box<str>>,
    /// All of them must hold.
    pub path: PathMatch,
    /// Empty: any method.
    pub methods: Vec<Box<str>>,
    /// All of them must hold.
    pub headers: Vec<HeaderMatch>,
    /// All of them must hold.
    pub query: Vec<QueryMatch>,
    /// What happens to a request that matched.
    pub action: Action,
    /// Whole request sent to whole response received (15 s); `None`: no limit.
    pub timeout: Option<Duration>,
    /// No byte either way; `None`: the listener's.
    pub idle_timeout: Option<Duration>,
    /// Changes to the request's fields.
    pub request_headers: HeaderEdits,
    /// Changes to the response's fields.
    pub response_headers: HeaderEdits,
}

/// What a route does.
#[derive(Debug, PartialEq)]
pub enum Action {
    /// Forward to an upstream.
    Forward(Forward),
    /// Answer 3xx.
    Redirect(Redirect),
    /// Answer from the configuration.
    Respond(Respond),
}

/// Forward to one of some upstreams.
#[derive(Debug, PartialEq)]
pub struct Forward {
    /// At least one; a single upstream is a split of one.
    pub split: Vec<Branch>,
    /// The sum of the branches' weights; above 0, at most `u32::MAX`.
    pub total_weight: u32,
    /// Rewrite of the path.
    pub path: Option<PathRewrite>,
    /// Rewrite of the host.
    pub host: Option<Arc<str>>,
}

/// One branch of a weighted split.
#[derive(Debug, PartialEq)]
pub struct Branch {
    /// Where it goes.
    pub upstream: UpstreamIx,
    /// Its share is `weight / total_weight`.
    pub weight: u32,
    /// Applied before the route's.
    pub request_headers: HeaderEdits,
    /// Applied before the route's.
    pub response_headers: HeaderEdits,
}

/// Envoy's `RedirectAction`: what is `None` stays as the request had it.
#[derive(Debug, PartialEq)]
pub struct Redirect {
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
    /// `http` or `https`.
    pub scheme: Option<Arc<str>>,
    /// Host, with a port if one is wanted.
    pub host: Option<Arc<str>>,
    /// Rewrite of the path.
    pub path: Option<PathRewrite>,
    /// Drop the query.
    pub strip_query: bool,
}

/// A direct response.
#[derive(Debug, PartialEq)]
pub struct Respond {
    /// 200 to 599.
    pub status: u16,
    /// At most 64 KiB.
    pub body: Arc<[u8]>,
}

/// Changes to a head's fields, in this order: remove, set, add.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct HeaderEdits {
    /// Lower-case names.
    pub remove: Vec<Box<str>>,
    /// Replaces all fields of the name. The name as written, and its value.
    pub set: Vec<(Box<str>, Template)>,
    /// Appended to what is there.
    pub add: Vec<(Box<str>, Template)>,
}

/// `[upstreams.NAME]`
#[derive(Debug, Clone, PartialEq)]
pub struct Upstream {
    /// NAME.
    pub name: Arc<str>,
    /// Never empty.
    pub endpoints: Vec<Endpoint>,
    /// How one is chosen.
    pub balance: Balance,
    /// Circuit breaker.
    pub limits: Limits,
    /// TCP or Unix connect (1 s).
    pub connect_timeout: Duration,
    /// How long a pooled connection may be idle (4 s).
    pub idle_timeout: Duration,
    /// Idle connections kept per core and endpoint.
    pub idle_per_core: usize,
    /// Requests on one connection before it is closed; `None`: no limit.
    pub requests_per_connection: Option<u64>,
    /// A pending request waits this long for a connection (1 s).
    pub pending_timeout: Duration,
    /// Bytes of a response head (60 KiB): more is 502 `UPE`.
    pub head_bytes_max: usize,
    /// Fields of a response head (100): more is 502 `UPE`.
    pub fields_max: usize,
}

/// One address of an upstream.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// Where it listens.
    pub address: Address,
    /// Share of the load, 1 to 65,535.
    pub weight: u32,
    /// For zone-aware balancing; carried, not yet used.
    pub zone: Option<Arc<str>>,
}

/// Load-balancing policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Balance {
    /// Smooth weighted round-robin.
    RoundRobin,
    /// The less loaded of two random choices.
    #[default]
    LeastRequest,
    /// Weighted random.
    Random,
}

/// Envoy's circuit breaker thresholds; each is for the whole process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections (1024).
    pub connections: u32,
    /// Requests that wait for a connection (1024).
    pub pending: u32,
    /// Requests in flight (1024).
    pub requests: u32,
}

impl fmt::Display for Address {
    /// As the file writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Inet(inet) => inet.fmt(f),
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Snapshot {
    /// The table in slot `ix`. Panics if the snapshot holds no such table, which `check` excludes.
    pub fn table(&self, ix: TableIx) -> &Arc<RouteTable> {
        self.tables[ix.0 as usize].as_ref().expect("check resolved every table reference")
    }

    /// The upstream in slot `ix`. Panics if there is none, which `check` excludes.
    pub fn upstream(&self, ix: UpstreamIx) -> &Arc<Upstream> {
        self.upstreams[ix.0 as usize].as_ref().expect("check resolved every upstream reference")
    }
}

impl RouteTable {
    /// The route at `ix`.
    pub fn route(&self, ix: RouteIx) -> &Route {
        &self.routes[ix.0 as usize]
    }
}
