//! `flatten` as a config writes it.

/// Maps to one row of values, channel by channel, row by row.
#[derive(Clone, Debug)]
pub struct Flatten;
