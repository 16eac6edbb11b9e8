//! What the operators of header templates stand for, in one request.

use std::io::Write as _;

use config::template::Operator;
use policy::template::TemplateSource;
use rt::{Peer, Stream};
use wire::message::RequestHead;

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
            Operator::DownstreamRemoteAddress => write_display(out, self.stream.peer()),
            Operator::DownstreamRemoteAddressWithoutPort => match self.stream.peer() {
                Peer::Inet(address) => write_display(out, &address.ip()),
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
            Operator::Request(name) => out.extend_from_slice(self.request_field(name)),
            Operator::RouteName => out.extend_from_slice(self.route.as_bytes()),
            Operator::UpstreamCluster => out.extend_from_slice(self.upstream.as_bytes()),
            Operator::UpstreamHost => out.extend_from_slice(self.endpoint.as_bytes()),
        }
    }
}

impl Facts<'_> {
    /// The first line of a field, or one of HTTP/2's names for what is no field in HTTP/1.1.
    fn request_field<'s>(&'s self, name: &'s str) -> &'s [u8] {
        match name {
            ":method" => self.request.method(),
            ":path" => self.target.forwarded(),
            ":authority" => self.request.authority().unwrap_or_default(),
            _ => self.request.fields.all(name).next().unwrap_or_default(),
        }
    }
}

fn write_display(out: &mut Vec<u8>, value: &dyn std::fmt::Display) {
    write!(out, "{value}").expect("writing to a buffer does not fail");
}
