//! The `cnn` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(cnn::cli::run())
}
