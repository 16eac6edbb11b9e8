//! A page for a terminal. Pure.

use super::table::{Page, Table};

/// The least columns of characters for a row's name, and for a value.
const NAME: usize = 32;
const CELL: usize = 12;

pub(super) fn render(page: &Page) -> String {
    let mut out = String::new();
    for line in &page.heading {
        out.push_str(&format!("{line}\n"));
    }
    out.push('\n');
    for table in &page.tables {
        lay_out(&mut out, table);
        out.push('\n');
    }
    for note in &page.notes {
        out.push_str(&format!("note: {note}\n"));
    }
    out
}

fn lay_out(out: &mut String, table: &Table) {
    let lines = || std::iter::once(&table.head).chain(&table.rows);
    let width = |column: usize| lines().map(|line| line[column].chars().count()).max();
    let name = width(0).unwrap_or(0).max(NAME);
    for line in lines() {
        out.push_str(&format!("{:<name$}", line[0]));
        for (column, cell) in line.iter().enumerate().skip(1) {
            let wide = (width(column).unwrap_or(0) + 2).max(CELL);
            out.push_str(&format!("{cell:>wide$}"));
        }
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let cells = |cells: &[&str]| cells.iter().map(|&cell| cell.to_owned()).collect();
        let table = Table {
            head: cells(&["median", "uring"]),
            rows: vec![cells(&["a name", "1.00 "]), cells(&["µs", "a long cell, wider"])],
        };
        let page = Page { heading: Vec::new(), tables: vec![table], notes: vec!["one".to_owned()] };
        let rendered = render(&page);
        let lines: Vec<&str> = rendered.lines().collect();
        let wide = |line: &str| line.chars().count();
        assert!(wide(lines[1]) == wide(lines[2]) && wide(lines[2]) == wide(lines[3]), "{rendered}");
        assert_eq!(lines.last(), Some(&"note: one"));
    }
}
