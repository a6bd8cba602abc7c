//! One test binary: what a user sees of `cnn`, and what its parts must hold to.

#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test may fail where it stands"
)]

mod architecture;
mod command_line;
mod devices;
mod end_to_end;
mod errors;
mod golden_layers;
mod golden_training;
mod goldens;
mod properties;
mod resume;
mod support;
