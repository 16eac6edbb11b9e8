//! The access log: members belong to JSON, and some request must have a line.

use std::sync::Arc;

use crate::access_log::{AccessLog, JsonMember, LineFilter, LineFormat};
use crate::document::{Findings, Wrong};
use crate::raw::Item;
use crate::raw::access_log as raw;

/// Each is rendered for every line.
const MEMBERS_MAX: usize = 100;

/// The log; that of `old` if nothing of it changed.
pub(super) fn access_log(
    item: Item<raw::AccessLog>,
    old: Option<&Arc<AccessLog>>,
    errors: &mut Findings,
    warnings: &mut Findings,
) -> Option<Arc<AccessLog>> {
    let Item { span, value: raw, .. } = item;
    let format = match (raw.format, raw.json_fields) {
        (Some(format), members) if members.is_empty() => format,
        (None, members) if members.is_empty() => LineFormat::envoy(),
        (Some(LineFormat::Text { .. }), _) => {
            let wrong = Wrong::new("`json_fields` are for the format \"json\" alone");
            errors.push(span, wrong.help("leave out `format` or `json_fields`"));
            return None;
        }
        (_, members) => {
            if members.len() > MEMBERS_MAX {
                let wrong = format!("there are more than {MEMBERS_MAX} `json_fields`");
                errors.push(span, Wrong::new(wrong));
            }
            let member = |(at, (name, value)): (usize, (Box<str>, _))| {
                JsonMember::new(&name, at == 0, value)
            };
            LineFormat::Json(members.into_iter().enumerate().map(member).collect())
        }
    };
    if raw.filter == (LineFilter { sample: Some(0.0), ..LineFilter::default() }) {
        let wrong = Wrong::new("no request will have a line");
        warnings.push(span, wrong.help("`sample = 0` lets nothing through, nor does another key"));
    }
    let log = AccessLog { path: raw.path?, format, filter: raw.filter };
    Some(match old {
        Some(old) if **old == log => Arc::clone(old),
        _ => Arc::new(log),
    })
}
