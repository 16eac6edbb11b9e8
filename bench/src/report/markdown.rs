//! A page in Markdown, and its place in a document.

use std::fs;
use std::io;
use std::path::Path;

use super::table::{Page, Table};

pub(super) fn render(page: &Page) -> String {
    let mut out = String::new();
    for line in &page.heading {
        out.push_str(&format!("{line}.\n"));
    }
    for table in &page.tables {
        out.push('\n');
        lay_out(&mut out, table);
    }
    if !page.notes.is_empty() {
        out.push('\n');
    }
    for note in &page.notes {
        out.push_str(&format!("- note: {}\n", note.replace('\n', " ")));
    }
    out
}

fn lay_out(out: &mut String, table: &Table) {
    row(out, &table.head);
    out.push_str(&format!("|---|{}\n", "--:|".repeat(table.head.len() - 1)));
    for cells in &table.rows {
        row(out, cells);
    }
}

fn row(out: &mut String, cells: &[String]) {
    for cell in cells {
        // A row that is part of the one above is indented; Markdown would drop plain spaces.
        let indented = cell.strip_prefix("  ").map(|rest| format!("– {rest}"));
        out.push_str(&format!("| {} ", indented.as_deref().unwrap_or(cell).trim()));
    }
    out.push_str("|\n");
}

/// Replaces what stands in `file` between the lines `<!-- bench NAME -->` and
/// `<!-- end of NAME -->`.
pub(super) fn put(file: &Path, name: &str, page: &str) -> io::Result<()> {
    let text = fs::read_to_string(file)?;
    let missing = || {
        let lines = format!("`{}` and `{}`", begin_line(name), end_line(name));
        io::Error::other(format!("{} has no lines {lines}", file.display()))
    };
    fs::write(file, replace(&text, name, page).ok_or_else(missing)?)
}

fn replace(text: &str, name: &str, page: &str) -> Option<String> {
    let (before, rest) = text.split_once(&begin_line(name))?;
    let (_, after) = rest.split_once(&end_line(name))?;
    Some(format!("{before}{}\n{page}{}{after}", begin_line(name), end_line(name)))
}

fn begin_line(name: &str) -> String {
    format!("<!-- bench {name} -->")
}

fn end_line(name: &str) -> String {
    format!("<!-- end of {name} -->")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_line_under_its_head_and_its_numbers_to_the_right() {
        let cells = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let head = cells(["median", "uring"]);
        let table = Table { head, rows: vec![cells(["  part [µs]", "1.00 "])] };
        let mut out = String::new();
        lay_out(&mut out, &table);
        assert_eq!(out, "| median | uring |\n|---|--:|\n| – part [µs] | 1.00 |\n");
    }

    #[test]
    fn what_stood_between_the_lines_is_replaced_and_nothing_else() {
        let text = "a\n<!-- bench x -->\nold\n<!-- end of x -->\nb\n";
        let new = replace(text, "x", "new\n").unwrap();
        assert_eq!(new, "a\n<!-- bench x -->\nnew\n<!-- end of x -->\nb\n");
        assert_eq!(replace(text, "y", "new\n"), None);
    }
}
