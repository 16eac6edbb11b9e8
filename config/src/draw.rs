//! Problems drawn as rustc draws its own.
//!
//! `Problems::draw` calls it; what is said stands in the problem, here is only the drawing.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::problems::{Problem, Problems, Severity};

/// All of them, and a last line that counts those which were not kept.
pub(crate) fn problems(problems: &Problems, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut out = String::new();
    for problem in problems {
        out.push_str(&renderer.render(&[group(problem)]));
        out.push_str("\n\n");
    }
    if problems.omitted > 0 {
        out.push_str(&format!("and {} more\n", problems.omitted));
    } else if !out.is_empty() {
        out.pop();
    }
    out
}

fn group(problem: &Problem) -> Group<'_> {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = level.primary_title(problem.message.as_str()).element(snippet(problem));
    if let Some(help) = &problem.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    group
}

/// The line, with the problem's path under the part that is meant.
fn snippet(problem: &Problem) -> Snippet<'_, annotate_snippets::Annotation<'_>> {
    let text = problem.excerpt.text.as_str();
    let mut mark = AnnotationKind::Primary.span(problem.excerpt.marked.clone());
    if !problem.path.is_empty() {
        mark = mark.label(problem.path.as_str());
    }
    Snippet::source(text).line_start(problem.line).path(problem.file.as_str()).annotation(mark)
}
