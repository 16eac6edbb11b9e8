//! `[access_log]`: where lines go, what they say, which requests have one.
//!
//! Not how a line is rendered (`policy::line`) or written (`control::access_log`).

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::template::Template;
use crate::values;

/// `[access_log]`
#[derive(Debug, Clone, PartialEq)]
pub struct AccessLog {
    /// A file, a named pipe or a device; absolute.
    pub path: Arc<Path>,
    /// What a line says.
    pub format: LineFormat,
    /// Which requests have a line.
    pub filter: LineFilter,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineFormat {
    /// The template, and a line feed.
    Text {
        /// What is rendered.
        template: Template,
        /// As it was written.
        written: Box<str>,
    },
    /// One object, and a line feed.
    Json(Vec<JsonMember>),
}

/// One member of a JSON line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonMember {
    /// Its name.
    pub name: Box<str>,
    /// All that stands before the value: `{"name":`, or `,"name":` behind another member; and the
    /// quote, unless the value is a number.
    pub lead: Box<[u8]>,
    /// One operator alone is a number or `null` where it can be; all else is a string.
    pub value: Template,
}

/// Which requests have a line: those that any of these lets through; all, if there is none.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LineFilter {
    /// A status from here on.
    pub status_min: Option<u16>,
    /// At least so long.
    pub duration_min: Option<Duration>,
    /// Any response flag.
    pub flags: bool,
    /// This share of those that nothing else lets through, 0 to 1.
    pub sample: Option<f64>,
}

/// Envoy's default format.
pub(crate) const ENVOY: &str = "[%START_TIME%] \
    \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" \
    %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% \
    %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" \
    \"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\"";

/// The members of a JSON line unless `json_fields` says otherwise; named as Istio names them.
pub(crate) const JSON: [(&str, &str); 19] = [
    ("start_time", "%START_TIME%"),
    ("method", "%REQ(:METHOD)%"),
    ("path", "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%"),
    ("protocol", "%PROTOCOL%"),
    ("response_code", "%RESPONSE_CODE%"),
    ("response_flags", "%RESPONSE_FLAGS%"),
    ("response_code_details", "%RESPONSE_CODE_DETAILS%"),
    ("bytes_received", "%BYTES_RECEIVED%"),
    ("bytes_sent", "%BYTES_SENT%"),
    ("duration", "%DURATION%"),
    ("upstream_service_time", "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%"),
    ("x_forwarded_for", "%REQ(X-FORWARDED-FOR)%"),
    ("user_agent", "%REQ(USER-AGENT)%"),
    ("request_id", "%REQ(X-REQUEST-ID)%"),
    ("authority", "%REQ(:AUTHORITY)%"),
    ("upstream_host", "%UPSTREAM_HOST%"),
    ("upstream_cluster", "%UPSTREAM_CLUSTER%"),
    ("route_name", "%ROUTE_NAME%"),
    ("downstream_remote_address", "%DOWNSTREAM_REMOTE_ADDRESS%"),
];

impl LineFilter {
    /// No filter is given: every request has a line.
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }
}

impl LineFormat {
    pub(crate) fn envoy() -> Self {
        values::log_format("envoy").expect("a test reads it")
    }
}

impl JsonMember {
    pub(crate) fn new(name: &str, is_first: bool, value: Template) -> Self {
        let quote = if value.is_number() { "" } else { "\"" };
        let begin = if is_first { '{' } else { ',' };
        let lead = format!("{begin}{}:{quote}", serde_json::json!(name));
        Self { name: name.into(), lead: lead.into_bytes().into(), value }
    }
}
