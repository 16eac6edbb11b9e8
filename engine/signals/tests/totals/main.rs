//! From outcomes on the cores to totals by name: what is counted, and what bounds it.

mod bounds;
mod levels;
mod merge;
mod world;
