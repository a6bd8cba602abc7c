//! SIGINT and SIGTERM: the first asks for a stop, the second ends the process at once.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::diagnostic::{Error, Result};
use crate::train::Stop;

/// Listens; the stop carries the exit code of the signal: 130 or 143.
pub(super) fn listen() -> Result<Stop> {
    let stop = Stop::default();
    let asked = Arc::new(AtomicBool::new(false));
    for (signal, exit_code) in [(SIGINT, 130), (SIGTERM, 143)] {
        // The first registered runs first: at the second signal the flag is set already.
        flag::register_conditional_shutdown(signal, exit_code, Arc::clone(&asked))
            .and_then(|_| flag::register(signal, Arc::clone(&asked)))
            .and_then(|_| {
                let code = usize::try_from(exit_code).unwrap_or_default();
                flag::register_usize(signal, stop.flag(), code)
            })
            .map_err(|error| Error::io("listen to", Path::new("signals"), &error))?;
    }
    Ok(stop)
}

/// Takes a file that would grow beyond `ulimit -f` for an error of writing it, which is told; else a signal ends the process
/// without a word.
#[cfg(unix)]
pub(super) fn let_writes_fail() -> Result<()> {
    let too_large = rustix::process::Signal::XFSZ.as_raw();
    flag::register(too_large, Arc::default())
        .map(|_| ())
        .map_err(|error| Error::io("listen to", Path::new("signals"), &error))
}

/// Ends the process at the first signal, with its exit code: for commands that leave nothing half
/// done, however they end.
pub(super) fn end_at_once() -> Result<()> {
    let always = Arc::new(AtomicBool::new(true));
    for (signal, exit_code) in [(SIGINT, 130), (SIGTERM, 143)] {
        flag::register_conditional_shutdown(signal, exit_code, Arc::clone(&always))
            .map_err(|error| Error::io("listen to", Path::new("signals"), &error))?;
    }
    Ok(())
}
