//! Faults of many files told together.

use crate::diagnostic::{Diagnostic, Error, Kind, Result};

/// How many faults of a kind are told one by one.
pub(super) const MOST_TOLD: usize = 10;

/// Fails if there is any fault; says how many are not told.
pub(super) fn fail_with(faults: Vec<Diagnostic>) -> Result<()> {
    if faults.is_empty() {
        return Ok(());
    }
    Err(Error {
        kind: Kind::Data,
        diagnostics: shortened(faults),
    })
}

/// Keeps the first faults; the last of them says how many more there are.
pub(super) fn shortened(mut faults: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let more = faults.len().saturating_sub(MOST_TOLD);
    faults.truncate(MOST_TOLD);
    if more > 0
        && let Some(last) = faults.last_mut()
    {
        last.notes.push(format!("and {more} more"));
    }
    faults
}
