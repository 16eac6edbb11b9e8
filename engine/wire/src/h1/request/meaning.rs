//! What a request's lines mean together: its framing, its authority, what it expects. The lines are
//! well-formed already.

use crate::h1::semantics::Claims;
use crate::h1::target::{self, Form};
use crate::h1::{Fault, HeadLimits, authority};
use crate::message::{Field, Framing, Known, RequestHead, Span, Version};

use super::METHOD_BYTES_MAX;

/// What is left to settle once the head holds its bytes.
pub(super) struct Meaning {
    form: Form,
    hosts: usize,
    /// The last `Host` in the index.
    host: usize,
}

impl Meaning {
    /// Fills in `head`, except for its bytes, from what httparse found in `bytes`.
    pub(super) fn read(
        bytes: &[u8],
        parsed: &httparse::Request<'_, '_>,
        limits: &HeadLimits,
        head: &mut RequestHead,
    ) -> Result<Meaning, Fault> {
        let method = parsed.method.expect("a complete request has a method").as_bytes();
        let target = parsed.path.expect("a complete request has a target").as_bytes();
        if method.len() > METHOD_BYTES_MAX {
            return Err(Fault::MethodTooLong);
        }
        if target.len() > limits.target_bytes_max {
            return Err(Fault::TargetTooLong);
        }
        let form = target::form(method, target)?;
        head.method = Span::within(bytes, method);
        head.target = Span::within(bytes, target);
        head.version = if parsed.version == Some(0) { Version::Http10 } else { Version::Http11 };

        let index = head.fields.parts().1;
        let claims = Claims::read(bytes, parsed.headers, index)?;
        claims.check_framing(head.version)?;
        head.framing = match claims.content_length {
            _ if claims.chunked => Framing::Chunked,
            Some(length) => Framing::Length(length),
            None => Framing::None,
        };
        head.keep_alive = claims.persists(head.version);
        head.upgrade = claims.upgrade && head.version == Version::Http11;
        if claims.expects {
            settle_expectation(&claims, head)?;
        }
        Ok(Meaning { form, hosts: claims.hosts, host: claims.host })
    }

    /// Makes target, authority and `Host` say one thing (RFC 9112 §3.2.2: the target's host wins).
    pub(super) fn settle(&self, head: &mut RequestHead) -> Result<(), Fault> {
        let host = self.host(head)?;
        let authority = match self.form {
            Form::Origin => {
                head.authority = host;
                return Ok(());
            }
            Form::Authority => head.target,
            Form::Absolute { host_start, host_end } => {
                let path = Span::new(host_end, head.target.len() - host_end);
                let authority = head.target.narrowed(Span::new(host_start, host_end - host_start));
                head.target = origin_form(head, head.target.narrowed(path));
                authority
            }
        };
        head.authority = Some(authority);
        if self.hosts > 0 {
            head.fields.parts().1[self.host].value = authority;
        } else {
            let name = head.fields.store(b"Host");
            let host = Field { name, value: authority, known: Known::Host, hop_by_hop: false };
            head.fields.parts().1.insert(0, host);
        }
        Ok(())
    }

    /// The value of `Host`: exactly one, but in HTTP/1.0 (RFC 9112 §3.2).
    fn host(&self, head: &mut RequestHead) -> Result<Option<Span>, Fault> {
        match self.hosts {
            0 if head.version == Version::Http10 => return Ok(None),
            0 => return Err(Fault::MissingHost),
            1 => {}
            _ => return Err(Fault::RepeatedHost),
        }
        let value = head.fields.parts().1[self.host].value;
        if value.len() > 0 {
            authority::check(head.fields.slice(value))?;
        }
        Ok(Some(value))
    }
}

/// Reads `Expect`, and hides it from the next hop where it means nothing: in HTTP/1.0
/// (RFC 9110 §10.1.1), or without a body to wait for.
fn settle_expectation(claims: &Claims, head: &mut RequestHead) -> Result<(), Fault> {
    if claims.expects_unknown && head.version == Version::Http11 {
        return Err(Fault::UnknownExpectation);
    }
    let has_body = !matches!(head.framing, Framing::None | Framing::Length(0));
    head.expect_continue = head.version == Version::Http11 && has_body;
    for field in head.fields.parts().1 {
        if field.known == Known::Expect {
            field.hop_by_hop = !head.expect_continue;
        }
    }
    Ok(())
}

/// What stands behind the host of an absolute-form target, as origin-form: a missing path is `/`,
/// or `*` for `OPTIONS` (RFC 9112 §3.2.1, §3.2.4).
fn origin_form(head: &mut RequestHead, path: Span) -> Span {
    if head.fields.slice(path).first() == Some(&b'/') {
        return path;
    }
    if path.len() == 0 {
        let asterisk = head.method() == b"OPTIONS";
        return head.fields.store(if asterisk { b"*" } else { b"/" });
    }
    let (bytes, _) = head.fields.parts();
    let start = bytes.len();
    bytes.push(b'/');
    bytes.extend_from_within(path.range());
    Span::new(start, path.len() + 1)
}
