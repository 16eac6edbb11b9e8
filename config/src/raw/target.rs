//! `rewrite` and `redirect` of a route: which path and host the request is given.

use std::sync::{Arc, OnceLock};

use super::At;
use super::key::{Default, Form, Key, Section, Value};
use crate::pattern::Pattern;
use crate::values;

/// `rewrite` or `redirect`; what is not written stays as the request had it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Target {
    /// Of redirects only.
    pub(crate) status: u16,
    /// Of redirects only.
    pub(crate) scheme: Option<&'static str>,
    pub(crate) host: Option<Arc<str>>,
    pub(crate) path: Option<At<Arc<str>>>,
    pub(crate) prefix: Option<At<Arc<str>>>,
    pub(crate) regex: Option<At<Pattern>>,
    pub(crate) substitution: Option<At<Arc<str>>>,
    /// Of redirects only.
    pub(crate) strip_query: bool,
}

/// `rewrite` of a route.
pub(crate) static REWRITE: Section<Target> = Section {
    what: "`rewrite`",
    blank: Target::default,
    defaults: OnceLock::new(),
    keys: &[PATH, PREFIX, REGEX, SUBSTITUTION, HOST],
};

/// `redirect` of a route.
pub(crate) static REDIRECT: Section<Target> = Section {
    what: "`redirect`",
    blank: Target::default,
    defaults: OnceLock::new(),
    keys: &[
        Key {
            name: "status",
            value: Value::Choice(&[
                ("301", |it| it.status = 301),
                ("302", |it| it.status = 302),
                ("303", |it| it.status = 303),
                ("307", |it| it.status = 307),
                ("308", |it| it.status = 308),
            ]),
            default: Default::Is("301"),
            doc: "The status of the answer.",
        },
        Key {
            name: "scheme",
            value: Value::Choice(&[
                ("\"http\"", |it| it.scheme = Some("http")),
                ("\"https\"", |it| it.scheme = Some("https")),
            ]),
            default: Default::None,
            doc: "The scheme of the new location.",
        },
        HOST,
        PATH,
        PREFIX,
        REGEX,
        SUBSTITUTION,
        Key {
            name: "strip_query",
            value: Value::Bool(|it, on| it.strip_query = on),
            default: Default::Is("false"),
            doc: "Drop the query.",
        },
    ],
};

const HOST: Key<Target> = Key {
    name: "host",
    value: Value::Text(Form::TargetHost, |it, word| {
        it.host = Some(values::target_host(word.text)?);
        Ok(())
    }),
    default: Default::None,
    doc: "The new host, with a port if one is wanted.",
};

const PATH: Key<Target> = Key {
    name: "path",
    value: Value::Text(Form::Path, |it, word| {
        it.path = Some(At { span: word.span, value: values::path(word.text)?.into() });
        Ok(())
    }),
    default: Default::None,
    doc: "The new path, whole. The query stays. One of `path`, `prefix` and `regex`.",
};

const PREFIX: Key<Target> = Key {
    name: "prefix",
    value: Value::Text(Form::Path, |it, word| {
        it.prefix = Some(At { span: word.span, value: values::path(word.text)?.into() });
        Ok(())
    }),
    default: Default::None,
    doc: "What stands in place of the part that the route's `match` named by `path`, `prefix` or \
          `segment`.",
};

const REGEX: Key<Target> = Key {
    name: "regex",
    value: Value::Text(Form::Pattern, |it, word| {
        it.regex = Some(At { span: word.span, value: values::pattern(word.text, false)? });
        Ok(())
    }),
    default: Default::None,
    doc: "Each match of this pattern in the path is replaced by `substitution`.",
};

const SUBSTITUTION: Key<Target> = Key {
    name: "substitution",
    value: Value::Text(Form::Substitution, |it, word| {
        it.substitution = Some(At { span: word.span, value: word.text.into() });
        Ok(())
    }),
    default: Default::None,
    doc: "With `regex`: the new text; `\\1` is the first group, `\\0` the whole match, `\\\\` a \
          backslash.",
};
