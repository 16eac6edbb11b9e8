//! `[access_log]`

use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::key::{Default, Form, Key, Section, Value};
use crate::access_log::{LineFilter, LineFormat};
use crate::template::Template;
use crate::values;

/// `[access_log]`
#[derive(Debug, Clone)]
pub(crate) struct AccessLog {
    pub(crate) path: Option<Arc<Path>>,
    pub(crate) format: Option<LineFormat>,
    /// In the file's order.
    pub(crate) json_fields: Vec<(Box<str>, Template)>,
    pub(crate) filter: LineFilter,
}

const DAY: u64 = 24 * 3_600_000;

/// `[access_log]`
pub(crate) static ACCESS_LOG: Section<AccessLog> = Section {
    what: "`access_log`",
    blank: || AccessLog {
        path: None,
        format: None,
        json_fields: Vec::new(),
        filter: LineFilter::default(),
    },
    defaults: OnceLock::new(),
    keys: &[
        Key {
            name: "path",
            value: Value::Text(Form::File, |log, word| {
                log.path = Some(values::file(word.text)?);
                Ok(())
            }),
            default: Default::Required,
            doc: "Where the lines go: a file, which is made if need be, `/dev/stdout`, \
                  `/dev/stderr`, or a named pipe. It is opened again on SIGHUP, on `POST /reload`, \
                  and when it was renamed or removed.",
        },
        Key {
            name: "format",
            value: Value::Text(Form::LineFormat, |log, word| {
                log.format = Some(values::log_format(word.text)?);
                Ok(())
            }),
            default: Default::None,
            doc: "`\"envoy\"`: Envoy's default format; `\"json\"`: one object a line; or a \
                  [template](#templates). Unless written: `\"json\"` if there are `json_fields`, \
                  else `\"envoy\"`.",
        },
        Key {
            name: "json_fields",
            value: Value::Members(|log, name, value| log.json_fields.push((name, value))),
            default: Default::None,
            doc: "The members of a line in JSON, in this order, in place of the usual ones.",
        },
        Key {
            name: "status_min",
            value: Value::Count(100..=599, |log, status| {
                log.filter.status_min = Some(status as u16);
            }),
            default: Default::None,
            doc: "A filter: a response of this status or above has a line.",
        },
        Key {
            name: "duration_min",
            value: Value::Duration(1..=DAY, |log, time| log.filter.duration_min = Some(time)),
            default: Default::None,
            doc: "A filter: a request that took so long has a line.",
        },
        Key {
            name: "flags",
            value: Value::Bool(|log, on| log.filter.flags = on),
            default: Default::Is("false"),
            doc: "A filter: a request with any response flag has a line.",
        },
        Key {
            name: "sample",
            value: Value::Share(|log, share| log.filter.sample = Some(share)),
            default: Default::None,
            doc: "A filter: this share of the requests that no other filter lets through has a \
                  line.",
        },
    ],
};
