//! Printing a sheet: tables for people, JSON for programs, SVG for the documents. Pure.

pub mod json;
pub mod svg;
pub mod table;
