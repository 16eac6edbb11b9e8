//! The rules that only the whole tree can break: medians, and links between pages.

use std::path::Path;

use super::source::Source;
use super::{Finding, files, read, relative};

/// Lines of code of the median file.
pub const MEDIAN_FILE_LINES_MAX: usize = 200;
/// Lines of the longest of 95 % of all functions.
pub const P95_FUNCTION_LINES_MAX: usize = 45;

/// What the sizes of all files together violate.
pub fn sizes(sources: &[Source]) -> Vec<Finding> {
    let find = |what| Finding { file: ".".to_owned(), line: 0, rule: "sizes", what };
    let mut found = Vec::new();
    let median = quantile(sources.iter().map(Source::code_lines).collect(), 0.5);
    if median > MEDIAN_FILE_LINES_MAX {
        found.push(find(format!("the median file has {median} lines of code")));
    }
    let functions = sources.iter().flat_map(Source::functions);
    let p95 = quantile(functions.map(|function| function.lines).collect(), 0.95);
    if p95 > P95_FUNCTION_LINES_MAX {
        found.push(find(format!("the 95th percentile of functions has {p95} lines")));
    }
    found
}

/// Links of Markdown pages that lead to no file.
pub fn dead_links(root: &Path) -> Vec<Finding> {
    let mut found = Vec::new();
    for page in files(root, "md") {
        let here = page.parent().expect("a file stands in a directory");
        for (line, target) in links(&read(&page)) {
            if !here.join(&target).exists() {
                let what = format!("leads nowhere: {target}");
                found.push(Finding { file: relative(root, &page), line, rule: "link", what });
            }
        }
    }
    found
}

fn quantile(mut values: Vec<usize>, share: f64) -> usize {
    values.sort_unstable();
    let ix = (values.len().saturating_sub(1) as f64 * share).ceil() as usize;
    values.get(ix).copied().unwrap_or(0)
}

/// The relative targets of a page's links, with their lines; fragments cut off, code left out.
fn links(page: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut in_code = false;
    for (ix, line) in page.lines().enumerate() {
        in_code ^= line.trim_start().starts_with("```");
        if in_code {
            continue;
        }
        let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let targets = targets.map(|target| target.split('#').next().unwrap_or_default());
        let relative = targets.filter(|target| !target.is_empty() && !target.contains("://"));
        found.extend(relative.map(|target| (ix + 1, target.to_owned())));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_of_long_files_or_functions_is_found() {
        let long_file = "a();\n".repeat(MEDIAN_FILE_LINES_MAX + 1);
        assert_eq!(sizes(&[Source::new("a.rs", &long_file)]).len(), 1);
        let long_function = format!("fn a() {{\n{}}}", "b();\n".repeat(P95_FUNCTION_LINES_MAX));
        assert_eq!(sizes(&[Source::new("a.rs", &long_function)]).len(), 1);
        assert_eq!(sizes(&[Source::new("a.rs", "fn a() {}")]), []);
    }

    #[test]
    fn relative_links_are_taken_without_fragment_and_urls_are_left() {
        let page = "[a](b.md#c) [d](https://e/f) [g](#h)\n```\n[i](j.md)\n```\n";
        assert_eq!(links(page), [(1, "b.md".to_owned())]);
    }
}
