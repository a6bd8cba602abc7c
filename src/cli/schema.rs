//! `cnn schema`.

use clap::Args;

use crate::config;
use crate::diagnostic::Result;
use crate::report::{Output, reference, schema};

/// Write the JSON Schema of configs
///
/// An editor that knows it checks and completes a config while it is written: put
/// `#:schema PATH` in its first line.
#[derive(Debug, Args)]
#[command(after_help = "Example: cnn schema > schema.json")]
pub(super) struct Arguments {
    /// Write the reference of layers in Markdown instead
    #[arg(long)]
    layers: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let language = config::describe();
    let text = if arguments.layers {
        reference::render(&language)
    } else {
        schema::render(&language)
    };
    Output::default().write(&text)?;
    Ok(0)
}
