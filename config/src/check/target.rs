//! `rewrite` and `redirect`: at most one change of the path, and one that fits the route's match.

use crate::document::{Findings, Span, Wrong};
use crate::pattern::{PathMatch, PathRewrite};
use crate::raw::Item;
use crate::raw::target::Target;
use crate::snapshot::Redirect;
use crate::values;

/// The change of the path that was written, if any.
pub(super) fn path(
    target: &Item<Target>,
    matched: &PathMatch,
    errors: &mut Findings,
) -> Option<PathRewrite> {
    let raw = &target.value;
    let places = [
        raw.path.as_ref().map(|it| it.span),
        raw.prefix.as_ref().map(|it| it.span),
        raw.regex.as_ref().map(|it| it.span),
    ];
    if let Some(second) = places.into_iter().flatten().nth(1) {
        errors.push(
            second,
            Wrong::new("only one of `path`, `prefix` and `regex` can change the path"),
        );
        return None;
    }
    if let Some(prefix) = &raw.prefix {
        if matches!(matched, PathMatch::Regex(_)) {
            let wrong = Wrong::new("there is no prefix to replace: the route matches by `regex`");
            errors.push(prefix.span, wrong.help("use `regex` and `substitution` here"));
        }
        return Some(PathRewrite::Prefix(prefix.value.clone()));
    }
    if let Some(path) = &raw.path {
        return Some(PathRewrite::Full(path.value.clone()));
    }
    match (&raw.regex, &raw.substitution) {
        (Some(regex), Some(substitution)) => {
            match values::substitution(&substitution.value, &regex.value) {
                Ok(text) => {
                    let pattern = regex.value.clone();
                    return Some(PathRewrite::Regex { pattern, substitution: text.into() });
                }
                Err(wrong) => errors.push(substitution.span, wrong),
            }
        }
        (Some(alone), None) if target.sound => {
            errors.push(alone.span, Wrong::new("`regex` needs a `substitution`"));
        }
        (None, Some(alone)) if target.sound => {
            errors.push(alone.span, Wrong::new("`substitution` needs a `regex`"));
        }
        _ => {}
    }
    None
}

/// A redirect, which must lead somewhere else.
pub(super) fn redirect(
    target: &Item<Target>,
    matched: &PathMatch,
    errors: &mut Findings,
) -> Redirect {
    let path = path(target, matched, errors);
    let raw = &target.value;
    let nothing = raw.scheme.is_none() && raw.host.is_none() && path.is_none() && !raw.strip_query;
    let written = raw.regex.is_some() || raw.substitution.is_some() || raw.prefix.is_some();
    if nothing && !written && target.sound {
        push_empty(target.span, "this redirect leads to where the request already is", errors);
    }
    Redirect {
        status: raw.status,
        scheme: raw.scheme.map(Into::into),
        host: raw.host.clone(),
        path,
        strip_query: raw.strip_query,
    }
}

/// Says that a rewrite or a redirect changes nothing.
pub(super) fn push_empty(span: Span, message: &str, errors: &mut Findings) {
    let help = "write at least one of `scheme`, `host`, `path`, `prefix`, `regex`";
    errors.push(span, Wrong::new(message).help(help));
}
