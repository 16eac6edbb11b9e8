//! `rewrite` and `redirect`: at most one change of the path, and one that fits the route's match.

use crate::document::{Findings, Wrong};
use crate::pattern::{PathMatch, PathRewrite};
use crate::raw::Item;
use crate::raw::target::Target;
use crate::snapshot::Redirect;
use crate::values;

/// The change of the path that was written, if any.
fn path(target: &Item<Target>, matched: &PathMatch, errors: &mut Findings) -> Option<PathRewrite> {
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

/// The change of a rewrite, which must change something.
pub(super) fn rewrite(
    target: &Item<Target>,
    matched: &PathMatch,
    errors: &mut Findings,
) -> Option<PathRewrite> {
    if target.sound && !names_a_place(&target.value) {
        let wrong = Wrong::new("this rewrite changes nothing");
        errors.push(target.span, wrong.help("write `path`, `prefix`, `regex` or `host`"));
    }
    path(target, matched, errors)
}

/// A redirect, which must lead somewhere else.
pub(super) fn redirect(
    target: &Item<Target>,
    matched: &PathMatch,
    errors: &mut Findings,
) -> Redirect {
    let raw = &target.value;
    if target.sound && !names_a_place(raw) && raw.scheme.is_none() && !raw.strip_query {
        let wrong = Wrong::new("this redirect leads to where the request already is");
        let help = "write `scheme`, `host`, `path`, `prefix`, `regex` or `strip_query`";
        errors.push(target.span, wrong.help(help));
    }
    Redirect {
        status: raw.status,
        scheme: raw.scheme.map(Into::into),
        host: raw.host.clone(),
        path: path(target, matched, errors),
        strip_query: raw.strip_query,
    }
}

/// Groups are written as in Envoy; `$1` is what other programs call them, and plain text here.
pub(super) fn warn_of_dollar(target: &Target, warnings: &mut Findings) {
    let Some(substitution) = &target.substitution else { return };
    let group = substitution.value.split('$').skip(1).find_map(|after| {
        let after = after.strip_prefix('{').unwrap_or(after);
        after.chars().next().filter(char::is_ascii_digit)
    });
    if let Some(digit) = group {
        let wrong = Wrong::new("`$` begins no group here: it goes into the path as it stands");
        warnings.push(substitution.span, wrong.help(format!("a group is written \\{digit}")));
    }
}

fn names_a_place(raw: &Target) -> bool {
    let path = raw.path.is_some() || raw.prefix.is_some() || raw.regex.is_some();
    path || raw.substitution.is_some() || raw.host.is_some()
}
