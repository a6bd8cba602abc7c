//! `flatten`: the computation.

use burn::module::Module;

use super::{Pass, Value};

/// Maps to one row of values, channel by channel, row by row.
#[derive(Module, Debug)]
pub(super) struct Flatten {}

impl Flatten {
    pub(super) fn new() -> Self {
        Self {}
    }

    #[expect(clippy::unused_self, reason = "every layer has the same form")]
    pub(super) fn forward(&self, value: Value, _: Pass) -> Value {
        Value::Row(value.into_row())
    }
}
