//! The request as decisions see it: borrowed, already parsed, its path already normalised.
//!
//! Not the message: that is `wire`'s, which this package does not know. `engine` makes one view
//! per request and passes it to [`crate::route`] (and, one day, to authorisation).

/// A request head, as far as decisions look at it.
#[derive(Clone, Copy)]
pub struct RequestView<'a> {
    /// As it came; methods are case-sensitive (RFC 9110 §9.1).
    pub method: &'a [u8],
    /// `Host`, or the authority of an absolute-form target; empty if there was none.
    pub host: &'a [u8],
    /// [`crate::path::Normalised::routing_path`]: without query and path parameters.
    pub path: &'a [u8],
    /// What followed the first `?`, as it came.
    pub query: Option<&'a [u8]>,
    /// The fields.
    pub fields: &'a dyn FieldSource,
}

/// Where field values come from.
pub trait FieldSource {
    /// Calls `each` with every value of the fields named `lower_name` (lower case; the message's
    /// own letter case does not matter), one line at a time and in order, until `each` is false.
    fn values(&self, lower_name: &str, each: &mut dyn FnMut(&[u8]) -> bool);
}

impl RequestView<'_> {
    /// As [`FieldSource::values`], with HTTP/2's names for what is no field in HTTP/1.1.
    ///
    /// `host` is answered from [`RequestView::host`] too: with an absolute-form target the field is
    /// ignored (RFC 9112 §3.2.2), and a match on it must not say otherwise.
    pub fn values(&self, lower_name: &str, each: &mut dyn FnMut(&[u8]) -> bool) {
        let value = match lower_name {
            ":method" => self.method,
            ":path" => self.path,
            ":authority" | "host" => self.host,
            _ => return self.fields.values(lower_name, each),
        };
        if !value.is_empty() {
            each(value);
        }
    }
}
