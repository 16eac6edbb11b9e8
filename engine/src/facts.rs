//! What operators stand for while a request is under way. What is known of it only when it is over
//! is `exchange::settle`'s.

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};

use config::template::{Operator, RequestField, RequestName};
use policy::line::push_number;
use policy::template::TemplateSource;
use rt::{Peer, Stream};
use wire::message::{Known, RequestHead};

use crate::decide::Target;

pub(crate) struct Facts<'a> {
    pub(crate) request: &'a RequestHead,
    pub(crate) target: &'a Target,
    /// Names; empty where there is none.
    pub(crate) route: &'a str,
    pub(crate) upstream: &'a str,
    pub(crate) endpoint: &'a str,
    /// The downstream connection.
    pub(crate) stream: &'a Stream,
}

impl TemplateSource for Facts<'_> {
    fn write(&self, operator: &Operator, out: &mut Vec<u8>) {
        match operator {
            Operator::DownstreamRemoteAddress => match self.stream.peer() {
                Peer::Inet(SocketAddr::V4(address)) => {
                    write_ip(out, IpAddr::V4(*address.ip()));
                    out.push(b':');
                    push_number(out, u64::from(address.port()));
                }
                peer => write_display(out, peer),
            },
            Operator::DownstreamRemoteAddressWithoutPort => match self.stream.peer() {
                Peer::Inet(address) => write_ip(out, address.ip()),
                Peer::Unix => {}
            },
            Operator::DownstreamLocalAddress => {
                if let Ok(local) = self.stream.local() {
                    write_display(out, &local);
                }
            }
            Operator::Protocol => {
                out.extend_from_slice(self.request.version.as_str().as_bytes());
            }
            Operator::Request(RequestField { name, or }) => {
                let value = match (self.request_field(name), or) {
                    (b"", Some(or)) => self.request_field(or),
                    (value, _) => value,
                };
                out.extend_from_slice(value);
            }
            Operator::RouteName => out.extend_from_slice(self.route.as_bytes()),
            Operator::UpstreamCluster => out.extend_from_slice(self.upstream.as_bytes()),
            Operator::UpstreamHost => out.extend_from_slice(self.endpoint.as_bytes()),
            // The configuration's check lets none of them into a header.
            Operator::Outcome(_) => {}
        }
    }
}

impl Facts<'_> {
    /// The first line of a field, or one of HTTP/2's names for what is no field in HTTP/1.1.
    pub(crate) fn request_field<'s>(&'s self, name: &'s RequestName) -> &'s [u8] {
        let fields = &self.request.fields;
        let value = match name {
            RequestName::Method => return self.request.method(),
            RequestName::Path => return self.target.forwarded(),
            RequestName::OriginalPath if self.target.is_rewritten() => {
                return self.target.original();
            }
            RequestName::Authority => self.request.authority(),
            RequestName::OriginalPath => fields.all("x-envoy-original-path").next(),
            RequestName::ForwardedFor => fields.first(Known::XForwardedFor),
            RequestName::RequestId => fields.first(Known::XRequestId),
            RequestName::UserAgent => fields.first(Known::UserAgent),
            RequestName::Other(name) => fields.all(name).next(),
        };
        value.unwrap_or_default()
    }
}

/// Without `fmt` for what most addresses are.
pub(crate) fn write_ip(out: &mut Vec<u8>, ip: IpAddr) {
    let IpAddr::V4(ip) = ip else { return write_display(out, &ip) };
    for (at, byte) in ip.octets().into_iter().enumerate() {
        if at > 0 {
            out.push(b'.');
        }
        push_number(out, u64::from(byte));
    }
}

fn write_display(out: &mut Vec<u8>, value: &dyn std::fmt::Display) {
    write!(out, "{value}").expect("writing to a buffer does not fail");
}
