//! `cnn doctor`.

use clap::Args;

use super::write;
use crate::diagnostic::{Kind, Result};
use crate::doctor;
use crate::report;
use crate::report::doctor as shown;

/// Check this machine and folder: devices, threads, memory, data sets, disk, terminal
///
/// Each line is ok, a note, a problem or an error, and below it stands what can be done. Files of data sets are held to their
/// checksums. The exit code is 5 if there is an error, which keeps networks from being trained here.
#[derive(Debug, Args)]
#[command(after_help = "Example: cnn doctor --json")]
pub(super) struct Arguments {
    /// Write one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let checkup = doctor::examine(report::terminal());
    let text = shown::render(&checkup);
    write(arguments.json, &text, || shown::json(&checkup))?;
    Ok(if checkup.can_train() {
        0
    } else {
        Kind::Io.exit_code()
    })
}
