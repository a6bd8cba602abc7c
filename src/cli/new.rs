//! `cnn new`.

use std::path::Path;

use clap::Args;

use crate::diagnostic::Result;
use crate::report::{self, Output, templates};
use crate::template::{self, TEMPLATES};

/// Write a starter config
///
/// NAME becomes the network's name, and the file is NAME.toml. A file that is there is never
/// overwritten.
#[derive(Debug, Args)]
#[command(after_help = "Example: cnn new digits --template mnist-small")]
pub(super) struct Arguments {
    /// Name of the network, or of the file
    #[arg(required_unless_present = "list")]
    name: Option<String>,
    /// The network to start from; --list tells which there are
    #[arg(long, value_name = "TEMPLATE", default_value = "lenet5")]
    template: String,
    /// List the templates
    #[arg(long, conflicts_with_all = ["name", "template"])]
    list: bool,
}

pub(super) fn run(arguments: &Arguments, quiet: bool) -> Result<u8> {
    let Some(name) = arguments.name.as_deref().filter(|_| !arguments.list) else {
        Output::default().write(&templates::render(TEMPLATES))?;
        return Ok(0);
    };
    let path = template::create(Path::new(name), &arguments.template)?;
    if !quiet {
        let path = report::plain(&path.display().to_string());
        report::tell(&format!("wrote {path}: try `cnn inspect {path}`\n"));
    }
    Ok(0)
}
