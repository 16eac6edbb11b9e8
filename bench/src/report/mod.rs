//! Printing a sheet: tables for people, JSON for programs, Markdown and SVG for the documents.

pub mod json;
pub mod svg;

mod markdown;
mod table;
mod text;

use std::io;
use std::path::PathBuf;

use crate::measure::machine::Machine;
use crate::versus::figure::Figure;
use crate::versus::sheet::Sheet;
use crate::versus::targets::Limit;

/// What a command with a sheet can be asked to print.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Output {
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
    /// Also write the tables into this Markdown file, between the two lines that bear the command's
    /// name.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// What the tables are about.
#[derive(Debug)]
pub struct Subject<'a> {
    /// The command.
    pub name: &'a str,
    /// How it was measured, in a line.
    pub how: String,
    /// What is promised.
    pub targets: &'a [(Figure, Limit)],
}

/// Prints the sheet as asked. Errors: those of the Markdown file.
pub fn print(sheet: &Sheet, subject: &Subject<'_>, output: &Output) -> io::Result<()> {
    let machine = Machine::read();
    let page = table::page(sheet, &machine, subject);
    if output.json {
        println!("{:#}", json::render(sheet, &machine, subject));
    } else {
        print!("{}", text::render(&page));
    }
    if let Some(file) = &output.markdown {
        markdown::put(file, subject.name, &markdown::render(&page))?;
        eprintln!("wrote {}", file.display());
    }
    Ok(())
}
