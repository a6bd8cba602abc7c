//! `cnn bench`.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;

use crate::bench::{self, Mode, Options};
use crate::config::Override;
use crate::diagnostic::Result;
use crate::load::Project;
use crate::report::bench::Setting;
use crate::report::{Output, json};

/// Measure how fast a network trains or answers, on made-up pictures
///
/// Runs whole steps of training (forward, loss, backward, optimizer), or forward passes, on one batch that stays in memory, and tells
/// the median: no data is read, so the figures are those of the computation alone.
#[derive(Debug, Args)]
#[command(after_help = "Examples: cnn bench configs/lenet5.toml --batch 256
          cnn bench configs/resnet18.toml --mode infer --batch 1 --layers")]
pub(super) struct Arguments {
    /// The config, a TOML file
    config: PathBuf,
    /// Pictures in one step [default: the config's `train.batch_size`]
    #[arg(long, alias = "batch-size", value_name = "N",
          value_parser = clap::value_parser!(u64).range(1..=1 << 32))]
    batch: Option<u64>,
    /// What to measure: train or infer
    #[arg(long, default_value = "train", value_parser = mode)]
    mode: Mode,
    /// Seconds to measure for, after two steps that warm up; as long again with `--layers`
    #[arg(long, value_name = "S", default_value = "4", value_parser = seconds)]
    seconds: f64,
    #[command(flatten)]
    compute: super::ComputeArguments,
    /// Show what each layer takes forward and backward, and its share of what the machine can do
    #[arg(long)]
    layers: bool,
    /// Write one JSON document
    #[arg(long)]
    json: bool,
    /// Set one value of the config (repeatable)
    #[arg(long, value_name = "KEY=VALUE", value_parser = super::setting)]
    set: Vec<Override>,
}

fn mode(word: &str) -> std::result::Result<Mode, String> {
    let mode = Mode::ALL.into_iter().find(|mode| mode.word() == word);
    mode.ok_or_else(|| "expected train or infer".to_owned())
}

/// The longest time that may be asked for.
const MAX_SECS: f64 = 3600.0;

fn seconds(text: &str) -> std::result::Result<f64, String> {
    let secs = text.parse().ok();
    secs.filter(|secs: &f64| *secs > 0.0 && *secs <= MAX_SECS)
        .ok_or_else(|| format!("expected a number above 0 and up to {MAX_SECS}"))
}

pub(super) fn run(arguments: &Arguments, begin: Instant) -> Result<u8> {
    let threads = arguments.compute.start_threads()?;
    let project = Project::read(&arguments.config, &arguments.set)?;
    let batch = match arguments.batch {
        Some(batch) => usize::try_from(batch).unwrap_or(usize::MAX),
        None => project.config.train.batch_size,
    };
    let options = Options {
        project: &project,
        device: arguments.compute.device,
        mode: arguments.mode,
        batch,
        secs: arguments.seconds,
        layers: arguments.layers,
        begin,
    };
    let measured = bench::bench(&options)?;
    let stem = arguments.config.file_stem().unwrap_or_default();
    let setting = Setting {
        net: &stem.to_string_lossy(),
        mode: options.mode,
        batch,
        threads,
        device: options.device,
    };
    let text = if arguments.json {
        json::line(&setting.to_json(&measured))
    } else {
        setting.render(&measured)
    };
    Output::default().write(&text)?;
    Ok(0)
}
