//! `cnn inspect`.

use std::path::PathBuf;

use clap::Args;

use crate::config::Override;
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::load::Project;
use crate::measure;
use crate::report::{Output, inspection, json, measurement};

/// Show shapes, parameters, multiply-adds, memory and receptive fields
///
/// Everything is worked out from the config by the textbook formulas; nothing is computed or
/// allocated.
#[derive(Debug, Args)]
#[command(after_help = "Example: cnn inspect configs/lenet5.toml --batch 64")]
pub(super) struct Arguments {
    /// The config, a TOML file
    config: PathBuf,
    /// Inputs at a time, for the memory figures
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u64).range(1..=1 << 32))]
    batch: u64,
    /// Set one value of the config (repeatable)
    #[arg(long, value_name = "KEY=VALUE", value_parser = super::setting)]
    set: Vec<Override>,
    /// Run one forward pass and one training step, and show what they took
    #[arg(long, conflicts_with = "json")]
    measure: bool,
    /// Where to compute with `--measure`
    #[command(flatten)]
    compute: super::ComputeArguments,
    /// Write one JSON document
    #[arg(long)]
    json: bool,
    /// Write the config with every default written out and blocks unfolded
    #[arg(long, conflicts_with_all = ["json", "batch"])]
    resolved: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let project = Project::read(&arguments.config, &arguments.set)?;
    if arguments.resolved {
        Output::default().write(&project.config.to_toml())?;
        return Ok(0);
    }
    let name = project.config.model.name.clone().unwrap_or_default();
    let batch = usize::try_from(arguments.batch).unwrap_or(usize::MAX);
    let text = if arguments.json {
        json::inspection(&name, &project.plan, batch).map(|value| json::line(&value))
    } else {
        inspection::render(&name, &project.plan, batch)
    };
    let Some(text) = text else {
        let message = format!("a batch of {batch} is too large to count");
        let diagnostic = Diagnostic::error(message).help("choose a smaller `--batch`");
        return Err(Error::config(diagnostic));
    };
    Output::default().write(&text)?;
    if arguments.measure {
        arguments.compute.start_threads()?;
        let measured = measure::measure(&project, arguments.compute.device, batch)?;
        let text = measurement::render(&project.plan, batch, &measured);
        Output::default().write(&text.unwrap_or_default())?;
    }
    Ok(0)
}
