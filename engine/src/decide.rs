//! From a request head to what becomes of it: one normalised path, one host, one route.
//!
//! The decisions themselves are `policy`'s; here they meet the message. Caller: `exchange`.

use config::snapshot::{Action, Branch, Forward, HttpOptions, Redirect, Respond, Route, RouteIx};
use config::snapshot::{HeaderEdits, RouteTable};
use policy::path::{Normalised, PathOptions};
use policy::redirect::{Origin, Scheme};
use policy::request::{FieldSource, RequestView};
use policy::{Cause, Failure};
use policy::{path, redirect, rewrite, route};
use wire::h1::Fault;
use wire::message::{Fields, RequestHead};

/// What a route says about a request.
pub(crate) enum Decision<'v> {
    Forward(ForwardTo<'v>),
    Redirect(&'v Redirect),
    Respond(&'v Respond),
}

/// Where a request goes, and what changes on its way.
pub(crate) struct ForwardTo<'v> {
    pub(crate) route: &'v Route,
    pub(crate) forward: &'v Forward,
    pub(crate) branch: &'v Branch,
}

impl<'v> ForwardTo<'v> {
    pub(crate) fn request_edits(&self) -> [&'v HeaderEdits; 2] {
        [&self.branch.request_headers, &self.route.request_headers]
    }

    pub(crate) fn response_edits(&self) -> [&'v HeaderEdits; 2] {
        [&self.branch.response_headers, &self.route.response_headers]
    }
}

/// The fields of a head, as `policy` asks for them.
pub(crate) struct HeadFields<'a>(pub(crate) &'a Fields);

impl FieldSource for HeadFields<'_> {
    fn values(&self, lower_case_name: &str, each: &mut dyn FnMut(&[u8]) -> bool) {
        for value in self.0.all(lower_case_name) {
            if !each(value) {
                return;
            }
        }
    }
}

/// A request's target, normalised: what is matched is what is forwarded.
pub(crate) struct Target {
    /// As `policy::path` lays it out.
    bytes: Vec<u8>,
    parts: Normalised,
    /// Path and query for the upstream, if the route rewrites the path; else empty.
    rewritten: Vec<u8>,
    /// All of it is of the request at hand.
    is_read: bool,
}

impl Target {
    /// Of no request yet.
    pub(crate) fn none() -> Self {
        let mut bytes = Vec::new();
        let parts = path::normalise(b"/", PathOptions::default(), &mut bytes)
            .expect("the root is a normal path");
        Self { bytes, parts, rewritten: Vec::new(), is_read: false }
    }

    /// Normalises the target of `head`.
    pub(crate) fn read(&mut self, head: &RequestHead, http: &HttpOptions) -> Result<(), Failure> {
        self.rewritten.clear();
        let options = PathOptions {
            merge_slashes: http.merge_slashes,
            escaped_slashes: http.escaped_slashes,
        };
        match path::normalise(head.target(), options, &mut self.bytes) {
            Ok(parts) => {
                self.parts = parts;
                self.is_read = true;
                Ok(())
            }
            Err(fault) => {
                *self = Self::none();
                Err(Failure::from(Cause::BadPath(fault)))
            }
        }
    }

    /// Rewrites the path as the route asks for.
    pub(crate) fn rewrite(&mut self, to: &ForwardTo<'_>) -> Result<(), Failure> {
        let Some(rewrite) = &to.forward.path else { return Ok(()) };
        let path = self.parts.path(&self.bytes);
        rewrite::path(rewrite, &to.route.path, path, &mut self.rewritten)
            .map_err(|fault| Failure::from(Cause::BadPath(fault)))?;
        self.rewritten.extend_from_slice(&self.bytes[self.parts.path_len..self.parts.target_len]);
        Ok(())
    }

    /// What the upstream is asked for: path and query.
    pub(crate) fn forwarded(&self) -> &[u8] {
        if self.rewritten.is_empty() { self.parts.target(&self.bytes) } else { &self.rewritten }
    }

    /// What it would have been asked for if the route had rewritten nothing.
    pub(crate) fn original(&self) -> &[u8] {
        self.parts.target(&self.bytes)
    }

    pub(crate) fn is_rewritten(&self) -> bool {
        self.is_read && !self.rewritten.is_empty()
    }

    /// False until `read`, and if the target could not be normalised.
    pub(crate) fn is_read(&self) -> bool {
        self.is_read
    }

    /// Of no request any more; the memory is kept.
    pub(crate) fn clear(&mut self) {
        self.is_read = false;
    }

    fn path(&self) -> &[u8] {
        self.parts.path(&self.bytes)
    }

    fn query(&self) -> Option<&[u8]> {
        self.parts.query(&self.bytes)
    }
}

/// Finds the route of a request, and what it says.
pub(crate) fn decide<'v>(
    table: &'v RouteTable,
    head: &RequestHead,
    target: &Target,
    random: u64,
) -> Result<(RouteIx, Decision<'v>), Failure> {
    let view = RequestView {
        method: head.method(),
        host: head.authority().unwrap_or_default(),
        path: target.parts.routing_path(&target.bytes),
        query: target.query(),
        fields: &HeadFields(&head.fields),
    };
    let ix = route::find(table, &view).ok_or(Failure::from(Cause::NoRoute))?;
    let route = table.route(ix);
    let decision = match &route.action {
        Action::Redirect(redirect) => Decision::Redirect(redirect),
        Action::Respond(respond) => Decision::Respond(respond),
        Action::Forward(forward) => {
            let branch = &forward.split[route::pick_branch(forward, random)];
            Decision::Forward(ForwardTo { route, forward, branch })
        }
    };
    Ok((ix, decision))
}

/// Writes the `Location` of a redirect.
pub(crate) fn location(
    redirect: &Redirect,
    route: &Route,
    head: &RequestHead,
    target: &Target,
    out: &mut Vec<u8>,
) -> Result<(), Failure> {
    let origin = Origin {
        scheme: Scheme::Http,
        host: head.authority().unwrap_or_default(),
        path: target.path(),
        query: target.query(),
    };
    redirect::location(redirect, &route.path, &origin, out)
        .map_err(|fault| Failure::from(Cause::BadPath(fault)))
}

/// What a broken rule of HTTP/1.1 means when a client broke it.
pub(crate) fn downstream_fault(fault: Fault) -> Failure {
    Failure::from(Cause::DownstreamProtocol { status: fault.status(), fault: fault.as_str() })
}
