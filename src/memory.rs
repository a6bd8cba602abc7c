//! The memory of the machine, and whether a training fits into it.

use crate::diagnostic::{Diagnostic, Error, Result};
use crate::plan::{Dtype, Plan};

/// Refuses a training that would not fit into the memory that is free.
///
/// Where the machine does not tell (only Linux does, in `/proc/meminfo`), nothing is refused.
///
/// # Errors
/// A diagnostic with the largest batch that fits.
pub fn check(plan: &Plan, batch: usize) -> Result<()> {
    match available_bytes() {
        Some(available) => check_against(plan, batch, available),
        None => Ok(()),
    }
}

fn check_against(plan: &Plan, batch: usize, available: u64) -> Result<()> {
    let needed = |batch| {
        let totals = plan.totals(Dtype::F32, batch);
        totals.map_or(u64::MAX, |totals| totals.predicted_training_rss_bytes)
    };
    if needed(batch) <= available {
        return Ok(());
    }
    let message = format!(
        "training with batches of {batch} takes about {} MB, {} MB are free",
        needed(batch) / 1_000_000,
        available / 1_000_000
    );
    // Halving finds a batch that fits within a factor of two of the largest.
    let halves = std::iter::successors(Some(batch / 2), |batch| Some(batch / 2));
    let fitting = halves
        .take_while(|batch| *batch > 0)
        .find(|batch| needed(*batch) <= available);
    let help = match fitting {
        Some(fitting) => format!("set `--batch-size {fitting}`"),
        None => "not even one picture at a time fits: choose smaller layers".to_owned(),
    };
    Err(Error::config(Diagnostic::error(message).help(help)))
}

/// Returns the bytes that a process may still take.
fn available_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find(|line| line.starts_with("MemAvailable:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// Returns the largest resident memory of this process so far, where the system tells it.
#[must_use]
pub fn peak_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// Makes [`peak_bytes`] begin anew, where the system can.
pub fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_batch_that_fits_is_named() {
        let text = "[model]\ninput = [1, 8, 8]\nlayers = [{ type = \"flatten\" }]\n";
        let config = Config::parse("test.toml", text, &[]).config.unwrap();
        let plan = Plan::new(&config.model).unwrap();
        let enough = plan
            .totals(Dtype::F32, 1000)
            .unwrap()
            .predicted_training_rss_bytes;
        assert!(check_against(&plan, 1000, enough).is_ok());
        let error = check_against(&plan, 4000, enough).unwrap_err();
        assert_eq!(error.diagnostics[0].helps, ["set `--batch-size 1000`"]);
        let error = check_against(&plan, 4000, 0).unwrap_err();
        assert!(error.diagnostics[0].helps[0].starts_with("not even one"));
    }
}
