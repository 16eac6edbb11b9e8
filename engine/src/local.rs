//! Answers that the proxy makes by itself: direct responses, redirects, and refusals.
//!
//! What a refusal says comes from `policy::failure`'s one table. Callers: `exchange`, `downstream`.

use std::time::Duration;

use config::snapshot::Route;
use policy::{Failure, Flag};
use rt::{Batch, HeadBuf, Stream, Timer};
use wire::h1;
use wire::message::{Framing, RequestHead};

use crate::decide::Target;
use crate::facts::Facts;
use crate::head;

/// Sent to a client that finds the listener full or the process out of descriptors, before a
/// request of it has been read.
pub(crate) const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    Connection: close\r\nContent-Type: text/plain\r\nContent-Length: 21\r\n\r\n\
    too many connections\n";
/// How long a refused client may take to read why.
const REFUSAL_MAX: Duration = Duration::from_millis(200);

/// An answer of the proxy's own.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    /// Of a redirect.
    pub(crate) location: Option<&'a [u8]>,
    pub(crate) body: &'a [u8],
    /// The circuit breaker refused it: `x-envoy-overloaded: true`.
    pub(crate) overloaded: bool,
    /// What went wrong, in plain English; empty if the peer is not to know.
    pub(crate) reason: &'a [u8],
    /// The route that answers, which may add fields.
    pub(crate) route: Option<&'a Route>,
}

/// The request that is answered.
pub(crate) struct Asked<'a> {
    pub(crate) request: &'a RequestHead,
    pub(crate) target: &'a Target,
    /// The downstream connection.
    pub(crate) stream: &'a Stream,
}

impl<'a> Answer<'a> {
    pub(crate) fn direct(status: u16, body: &'a [u8]) -> Self {
        Self { status, location: None, body, overloaded: false, reason: b"", route: None }
    }

    pub(crate) fn redirect(status: u16, location: &'a [u8]) -> Self {
        Self { location: Some(location), ..Self::direct(status, b"") }
    }

    /// `reason`: what went wrong, for the local application; empty for anybody else.
    pub(crate) fn refusal(failure: &Failure, reason: &'a [u8]) -> Self {
        let status = failure.cause.status();
        Self {
            overloaded: failure.cause.flag() == Flag::UpstreamOverflow,
            reason,
            ..Self::direct(status, h1::reason(status).as_bytes())
        }
    }

    /// With the response edits of the route whose answer it is.
    pub(crate) fn of_route(self, route: &'a Route) -> Self {
        Self { route: Some(route), ..self }
    }

    /// The whole message; without its body for HEAD.
    pub(crate) fn write(&self, asked: &Asked<'_>, keep_alive: bool, date: &[u8]) -> HeadBuf {
        let mut out = HeadBuf::take();
        h1::status_line(&mut out, self.status, h1::reason(self.status).as_bytes());
        self.field(&mut out, "Date", date);
        if let Some(location) = self.location {
            self.field(&mut out, "Location", location);
        }
        if self.overloaded {
            self.field(&mut out, "X-Envoy-Overloaded", b"true");
        }
        if !self.reason.is_empty() {
            self.field(&mut out, "X-Outrigger-Reason", self.reason);
        }
        if !self.is_bodiless() {
            if !self.body.is_empty() {
                self.field(&mut out, "Content-Type", b"text/plain");
            }
            h1::framing_fields(&mut out, Framing::Length(self.body.len() as u64));
        }
        head::connection(&mut out, keep_alive, asked.request.version);
        if let Some(route) = self.route {
            let Asked { request, target, stream } = *asked;
            let facts =
                Facts { request, target, route: &route.name, upstream: "", endpoint: "", stream };
            head::apply(&mut out, &[&route.response_headers], &facts);
        }
        h1::end_of_head(&mut out);
        out.extend_from_slice(self.body_sent(asked.request));
        out
    }

    /// The body as far as it is sent.
    pub(crate) fn body_sent(&self, request: &RequestHead) -> &'a [u8] {
        match self.is_bodiless() || request.method() == b"HEAD" {
            true => b"",
            false => self.body,
        }
    }

    /// RFC 9110 §8.6, §15.4.5: these never have a body.
    fn is_bodiless(&self) -> bool {
        matches!(self.status, 204 | 304)
    }

    /// Writes a field, unless the route removes or replaces it.
    fn field(&self, out: &mut HeadBuf, name: &str, value: &[u8]) {
        let edited = self
            .route
            .is_some_and(|route| head::is_edited(&[&route.response_headers], name.as_bytes()));
        if !edited {
            h1::field(out, name.as_bytes(), value);
        }
    }
}

/// Turns a connection away.
pub(crate) async fn refuse(stream: Stream) {
    let timer = Timer::new();
    timer.set(rt::now() + REFUSAL_MAX);
    let _ = timer
        .race(async {
            stream.send(Batch::from(REFUSAL)).await?;
            stream.finish().await?;
            // Closing with unread bytes would reset the connection and destroy the answer.
            while !stream.recv().await?.is_empty() {}
            std::io::Result::Ok(())
        })
        .await;
}
