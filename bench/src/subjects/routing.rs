//! Routing: the path made normal, and the route found.

use std::fmt::Write;
use std::hint::black_box;

use policy::path::{PathOptions, normalise};
use policy::request::{FieldSource, RequestView};
use policy::route;

use super::{Subject, snapshot};

pub(super) const SUBJECTS: &[Subject] = &[
    Subject { name: "routing/normalise-plain", prepare: normalise_plain },
    Subject { name: "routing/normalise-dots", prepare: normalise_dots },
    Subject { name: "routing/find-only-route", prepare: find_only },
    Subject { name: "routing/find-last-of-10", prepare: find_last_of_10 },
    Subject { name: "routing/find-host-of-1000", prepare: find_host },
    Subject { name: "routing/find-by-header", prepare: find_by_header },
];

fn normalise_plain() -> Box<dyn FnMut()> {
    normalise_target(b"/api/cart/42?expand=items")
}

fn normalise_dots() -> Box<dyn FnMut()> {
    normalise_target(b"/api/./v1/../cart/%7euser/42?expand=items")
}

fn normalise_target(target: &'static [u8]) -> Box<dyn FnMut()> {
    let mut out = Vec::with_capacity(1024);
    Box::new(move || {
        let normalised = normalise(black_box(target), PathOptions::default(), &mut out);
        black_box(normalised.expect("a valid path"));
    })
}

/// The fields of a request.
struct Fields(&'static [(&'static str, &'static [u8])]);

impl FieldSource for Fields {
    fn values(&self, lower_name: &str, each: &mut dyn FnMut(&[u8]) -> bool) {
        let mut named = self.0.iter().filter(|(name, _)| name.eq_ignore_ascii_case(lower_name));
        let _stopped = named.any(|(_, value)| !each(value));
    }
}

fn find_only() -> Box<dyn FnMut()> {
    find("[[routes.t]]\nupstream = \"app\"\n", "shop.example", "/api/cart/42")
}

fn find_last_of_10() -> Box<dyn FnMut()> {
    let mut routes = String::new();
    for index in 0..10 {
        writeln!(
            routes,
            "[[routes.t]]\nmatch = {{ prefix = \"/api/v{index}/\" }}\nupstream = \"app\""
        )
        .expect("a String takes all");
    }
    find(&routes, "shop.example", "/api/v9/cart/42")
}

fn find_host() -> Box<dyn FnMut()> {
    let mut routes = String::new();
    for index in 0..1000 {
        writeln!(routes, "[[routes.t]]\nhost = \"service-{index}.shop.svc\"\nupstream = \"app\"")
            .expect("a String takes all");
    }
    find(&routes, "service-777.shop.svc:8080", "/api/cart/42")
}

fn find_by_header() -> Box<dyn FnMut()> {
    let routes = "\
[[routes.t]]
match = { prefix = \"/\", headers = [{ name = \"x-canary\", exact = \"yes\" }] }
upstream = \"app\"
";
    find(routes, "shop.example", "/api/cart/42")
}

/// Finds the route of a request in the table `t` of `routes`; there must be one.
fn find(routes: &str, host: &'static str, path: &'static str) -> Box<dyn FnMut()> {
    let listener = "[[listeners]]\nname = \"l\"\nlisten = \"127.0.0.1:8080\"\nroutes = \"t\"\n";
    let upstream = "[upstreams.app]\nendpoints = [\"127.0.0.1:9000\"]\n";
    let snapshot = snapshot(&format!("{listener}{routes}{upstream}"));
    let table = snapshot.table(snapshot.listeners[0].table).clone();
    let fields = Fields(&[("Host", b"x"), ("User-Agent", b"client/1.0"), ("X-Canary", b"yes")]);
    Box::new(move || {
        let request = RequestView {
            method: b"GET",
            host: host.as_bytes(),
            path: path.as_bytes(),
            query: Some(b"expand=items"),
            fields: &fields,
        };
        let found = route::find(black_box(&table), black_box(&request));
        black_box(found.expect("the table holds the request's route"));
    })
}
