//! What stands in the place of `remote.rs` in a program without that feature.

use burn::tensor;

use crate::diagnostic::{Diagnostic, Error, Result};

/// Says that there are none.
pub(super) fn open(_: &'static str) -> Result<tensor::Device> {
    Err(not_built())
}

/// Says how to have devices of other machines, or several.
pub(crate) fn not_built() -> Error {
    Error::config(
        Diagnostic::error("this `cnn` was built without `remote`")
            .note("devices of other machines, and several at once, need it")
            .help("install it with `cargo install --locked --path . --features remote`"),
    )
}

/// Does work.
///
/// # Errors
/// Those of the work.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    work()
}

/// Finds that none is gone.
///
/// # Errors
/// None.
#[cfg(feature = "serve")]
#[expect(clippy::unnecessary_wraps, reason = "as where there are some")]
pub(crate) fn check() -> Result<()> {
    Ok(())
}

/// Leaves an error of a device as it is.
pub(crate) fn or_lost(error: Error) -> Error {
    error
}
