//! The steady-state path of a request through the decisions allocates nothing: buffers and regexes
//! that have served one request serve the next from the memory they have.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use allocation_counter::measure;
use config::pattern::{HeaderMatch, PathMatch, PathRewrite, Pattern, QueryMatch, ValueMatch};
use config::snapshot::{
    Action, Address, Balance, Branch, Endpoint, Forward, HeaderEdits, HostIndex, Limits, Route,
    RouteIx, RouteTable, Upstream, UpstreamIx,
};
use config::template::{Operator, Piece, Template};
use policy::balance::Balancer;
use policy::breaker::{self, Admission, Asker, InUse};
use policy::path::{PathOptions, normalise};
use policy::random::Rng;
use policy::request::{FieldSource, RequestView};
use policy::template::TemplateSource;
use policy::time::{Progress, Timeouts, WaitsFor};
use policy::{Cause, EndpointIx, Failure, headers, retry, rewrite, route, template, time};

struct Fields;

impl FieldSource for Fields {
    fn values(&self, lower_name: &str, each: &mut dyn FnMut(&[u8]) -> bool) {
        if lower_name == "x-version" {
            each(b"41");
        }
    }
}

impl TemplateSource for Fields {
    fn write(&self, _: &Operator, out: &mut Vec<u8>) {
        out.extend_from_slice(b"10.0.0.1:80\r\n");
    }
}

/// All that one request asks for, with the buffers and state that a core keeps for it.
struct Core {
    table: RouteTable,
    balancers: Vec<Balancer>,
    timeouts: Timeouts,
    template: Template,
    target: Vec<u8>,
    rewritten: Vec<u8>,
    value: Vec<u8>,
    rng: Rng,
    now: Instant,
}

impl Core {
    fn exchange(&mut self, target: &[u8]) {
        let options = PathOptions { merge_slashes: true, ..PathOptions::default() };
        let parts = normalise(target, options, &mut self.target).expect("a good path");
        let request = RequestView {
            method: b"GET",
            host: b"Shop.Example:8080",
            path: parts.routing_path(&self.target),
            query: parts.query(&self.target),
            fields: &Fields,
        };
        let ix = route::find(&self.table, &request).expect("the last route takes all");
        let Action::Forward(forward) = &self.table.route(ix).action else { unreachable!() };
        let branch = route::pick_branch(forward, self.rng.draw());
        assert!(branch < forward.split.len());

        self.rewritten.clear();
        let (change, matched) =
            (forward.path.as_ref().expect("all routes rewrite"), &self.table.route(ix).path);
        rewrite::path(change, matched, parts.path(&self.target), &mut self.rewritten)
            .expect("no way up");
        self.value.clear();
        template::render(&self.template, &Fields, &mut self.value);
        assert!(headers::is_dropped_from_untrusted(b"X-Forwarded-For"));

        let limits = Limits { connections: 4, pending: 4, requests: 4 };
        assert_eq!(breaker::admit(&limits, InUse::default(), Asker::FindsIdle), Admission::Reuse);
        for balancer in &mut self.balancers {
            let picked = balancer.pick(&[1, 0, 2], self.rng.draw(), Some(EndpointIx(1)));
            assert!(picked.is_some());
        }
        let progress = Progress {
            waits_for: WaitsFor::Upstream,
            since: self.now,
            request_done: Some(self.now),
        };
        assert_eq!(time::next(&progress, &self.timeouts).at, self.now + Duration::from_secs(15));
        let failure = Failure::from(Cause::ResetBeforeResponse);
        assert!(retry::free_retry(&failure, true, b"GET", true));
    }
}

#[test]
fn a_request_in_steady_state_allocates_nothing() {
    let mut core = core();
    let targets: [&[u8]; 4] = [
        b"/api/v1/items?page=1",
        b"/api/./x/../v1//%69tems;v=2?page=1",
        b"/api/v2/items?page=2",
        b"/other;session=1/x/y/z?page=3",
    ];
    for target in targets {
        core.exchange(target);
    }
    let counted = measure(|| {
        for _ in 0..100 {
            for target in targets {
                core.exchange(target);
            }
        }
    });
    assert_eq!(counted.count_total, 0, "{counted:?}");
}

#[test]
fn the_counter_counts() {
    assert_eq!(measure(|| drop(std::hint::black_box(Box::new(1)))).count_total, 1);
}

fn core() -> Core {
    let second = Duration::from_secs(1);
    Core {
        table: table(),
        balancers: balancers(),
        timeouts: Timeouts { idle: 300 * second, route: Some(15 * second) },
        template: Template {
            pieces: vec![
                Piece::Literal(Arc::from(*b"from ")),
                Piece::Operator(Operator::DownstreamRemoteAddress),
            ],
        },
        target: Vec::new(),
        rewritten: Vec::new(),
        value: Vec::new(),
        rng: Rng::new(1),
        now: Instant::now(),
    }
}

/// Routes of every kind of condition; the requests above take the second, third and last.
fn table() -> RouteTable {
    let regex = |source| Pattern(regex::bytes::Regex::new(source).expect("a good pattern"));
    let number = ValueMatch::Range { start: 40, end: 50 };
    let page = |value: ValueMatch| vec![QueryMatch { name: "page".into(), value }];
    let mut routes: Vec<Route> = vec![
        route_to(PathMatch::Exact("/none".into())),
        route_to(PathMatch::Segment("/api/v1".into())),
        route_to(PathMatch::Regex(regex("^(?:/api/v[0-9]+/.*)$"))),
        route_to(PathMatch::Prefix("/".into())),
    ];
    routes[1].headers.push(HeaderMatch { name: "x-version".into(), value: number, invert: false });
    routes[1].query = page(ValueMatch::Exact((*b"1").into()));
    routes[2].query = page(ValueMatch::Regex(regex("^(?:[0-9]+)$")));
    let any: Vec<RouteIx> = (0..4).map(RouteIx).collect();
    let hosts = HostIndex {
        exact: HashMap::from([("cart.example".into(), any.clone())]),
        suffixes: vec![(".example".into(), any.clone())],
        prefixes: vec![("shop.".into(), any.clone())],
        any,
    };
    RouteTable { name: "test".into(), routes, hosts }
}

fn route_to(path: PathMatch) -> Route {
    let branch = |weight| Branch {
        upstream: UpstreamIx(0),
        weight,
        request_headers: HeaderEdits::default(),
        response_headers: HeaderEdits::default(),
    };
    Route {
        name: "test".into(),
        hosts: Vec::new(),
        path,
        methods: vec!["GET".into()],
        headers: Vec::new(),
        query: Vec::new(),
        action: Action::Forward(Forward {
            split: vec![branch(90), branch(10)],
            total_weight: 100,
            path: Some(PathRewrite::Prefix("/new".into())),
            host: None,
        }),
        timeout: None,
        idle_timeout: None,
        request_headers: HeaderEdits::default(),
        response_headers: HeaderEdits::default(),
    }
}

/// Every policy, with equal and with other weights.
fn balancers() -> Vec<Balancer> {
    let second = Duration::from_secs(1);
    let endpoint = |weight| Endpoint {
        address: Address::Inet(([127, 0, 0, 1], 80).into()),
        weight,
        zone: None,
    };
    let upstream = |balance, weights: [u32; 3]| Upstream {
        name: "test".into(),
        endpoints: weights.map(endpoint).into(),
        balance,
        limits: Limits { connections: 1, pending: 1, requests: 1 },
        connect_timeout: second,
        idle_timeout: second,
        idle_per_core: 1,
        requests_per_connection: None,
        pending_timeout: second,
        head_bytes_max: 1,
        fields_max: 1,
    };
    let policies = [Balance::RoundRobin, Balance::LeastRequest, Balance::Random];
    let both = |balance| [[1, 1, 1], [3, 2, 1]].map(|weights| upstream(balance, weights));
    policies.into_iter().flat_map(both).map(|upstream| Balancer::new(&upstream, 3)).collect()
}
