//! `cnn crossval`.

use std::path::PathBuf;

use clap::Args;

use super::follow::{Follower, ShowArguments, write_report};
use super::{ComputeArguments, ConfigArguments, close, run_name, signals};
use crate::config::Override;
use crate::crossval::{self, Event, Start};
use crate::diagnostic::Result;
use crate::group::{Compute, Recipe};
use crate::report::{self, crossval as report_of, json};

/// Train once for each fold of the training split, and measure on that fold
///
/// Folds are drawn by the seed, of each class alike; samples of equal content are in the same
/// fold. The test split is not touched. Writes a folder below `runs/` with a run for each fold and
/// `folds.csv`.
#[derive(Debug, Args)]
#[command(after_help = "Example: cnn crossval configs/lenet5.toml --folds 5")]
pub(super) struct Arguments {
    /// The config, a TOML file
    #[arg(required_unless_present = "resume", conflicts_with = "resume")]
    config: Option<PathBuf>,
    /// Parts of the training split
    #[arg(long, value_name = "K", default_value_t = 5, value_parser = folds, conflicts_with = "resume")]
    folds: usize,
    /// Set one value of the config (repeatable)
    #[arg(long, value_name = "KEY=VALUE", value_parser = super::setting, conflicts_with = "resume")]
    set: Vec<Override>,
    #[command(flatten)]
    compute: ComputeArguments,
    #[command(flatten)]
    settings: ConfigArguments,
    /// Name of the folder [default: the network's name, `crossval` and a number]
    #[arg(long, value_name = "NAME", conflicts_with = "resume", value_parser = run_name)]
    name: Option<String>,
    /// Go on with one that was stopped: its name or its folder
    #[arg(long, value_name = "CROSSVAL", conflicts_with_all = ["data", "epochs", "batch_size", "seed"])]
    resume: Option<String>,
    #[command(flatten)]
    show: ShowArguments,
    /// Write one JSON document
    #[arg(long)]
    json: bool,
}

fn folds(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(folds @ 2..=1000) => Ok(folds),
        _ => Err("expected a whole number from 2 to 1000".to_owned()),
    }
}

pub(super) fn run(arguments: &Arguments, quiet: bool) -> Result<u8> {
    let threads = arguments.compute.start_threads()?;
    let start = match (&arguments.resume, &arguments.config) {
        (Some(name), _) => Start::Resume(name.clone()),
        (None, config) => {
            let config = config.clone().unwrap_or_default();
            let set = [arguments.set.clone(), arguments.settings.overrides()].concat();
            Start::New {
                recipe: Recipe::read(&config, set)?,
                folds: arguments.folds,
                name: arguments.name.clone(),
            }
        }
    };
    let stop = signals::listen()?;
    let compute = Compute {
        device: arguments.compute.device,
        threads,
        stop: &stop,
    };
    let mut follower = Follower::new(arguments.show, quiet);
    let mut failed = None;
    let summary = crossval::run(&start, compute, &mut |event| match event {
        Event::Fold(fold, of) => {
            if !quiet {
                report::tell(&format!("fold {fold} of {of}\n"));
            }
        }
        Event::Training(event) => follower.follow(&event),
        Event::Done(project, end) => {
            failed = failed
                .take()
                .or(write_report(project, end, threads, None).err());
        }
    })?;
    failed = failed.or(follower.finish().err());
    let text = if arguments.json {
        json::line(&report_of::json(&summary))
    } else {
        report_of::render(&summary)
    };
    close(&text, summary.stopped, failed)
}
