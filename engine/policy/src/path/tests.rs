//! Adversarial targets, and the properties that hold for all of them.

mod cases;
mod properties;
