//! `cnn sweep`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::follow::{Follower, ShowArguments, write_report};
use super::{ComputeArguments, ConfigArguments, close, run_name, signals};
use crate::config::{Metric, Override};
use crate::diagnostic::{Error, Kind, Result};
use crate::group::{Compute, Recipe};
use crate::report::{self, json, sweep as report_of};
use crate::sweep::{self, Axis, Event, Search, Space, Start};

/// Try many settings of a config and write out the best
///
/// Values of `--set`: a list `a,b,c`; a range `a..b`, whole numbers if both ends are; `a..b:log`,
/// even over magnitudes; `a..b:STEP`. Trials are compared by the validation split; the test split
/// is not touched. Writes a folder below `runs/` with a run for each trial, `results.csv` and the
/// config of the best, `best.toml`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: cnn sweep configs/lenet5.toml --set train.optimizer.learning_rate=1e-4..1e-1:log --set train.batch_size=32,64 --trials 20"
)]
pub(super) struct Arguments {
    /// The config, a TOML file
    #[arg(required_unless_present = "resume", conflicts_with = "resume")]
    config: Option<PathBuf>,
    /// Values to try of one key; a single one is the same for all (repeatable)
    #[arg(long, value_name = "KEY=VALUES", value_parser = super::setting, conflicts_with = "resume")]
    #[arg(required_unless_present = "resume")]
    set: Vec<Override>,
    /// How values are chosen [default: grid if all are listed and `--trials` is not given, else random]
    #[arg(long, value_name = "HOW", conflicts_with = "resume")]
    search: Option<SearchArgument>,
    /// Trials to draw [default: 10]
    #[arg(long, value_name = "N", value_parser = count, conflicts_with = "resume")]
    trials: Option<usize>,
    /// Values of each range in a grid
    #[arg(long, value_name = "N", value_parser = count, conflicts_with = "resume")]
    points: Option<usize>,
    /// In halving: one of so many trials goes on after a round, and trains so many times longer
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = eta, conflicts_with = "resume")]
    eta: usize,
    /// What makes a trial the best, of the weights it keeps
    #[arg(long, default_value = "validation_loss", conflicts_with = "resume")]
    metric: MetricArgument,
    #[command(flatten)]
    compute: ComputeArguments,
    #[command(flatten)]
    settings: ConfigArguments,
    /// Name of the folder [default: the network's name, `sweep` and a number]
    #[arg(long, value_name = "NAME", conflicts_with = "resume", value_parser = run_name)]
    name: Option<String>,
    /// Go on with one that was stopped: its name or its folder
    #[arg(long, value_name = "SWEEP", conflicts_with_all = ["data", "epochs", "batch_size", "seed"])]
    resume: Option<String>,
    #[command(flatten)]
    show: ShowArguments,
    /// Write one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SearchArgument {
    /// Every combination
    Grid,
    /// Combinations drawn by the seed
    Random,
    /// Drawn ones, of which only the best of each round train on
    Halving,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
enum MetricArgument {
    ValidationLoss,
    ValidationAccuracy,
}

fn count(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=10_000) => Ok(count),
        _ => Err("expected a whole number from 1 to 10000".to_owned()),
    }
}

fn eta(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(eta @ 2..=100) => Ok(eta),
        _ => Err("expected a whole number from 2 to 100".to_owned()),
    }
}

impl Arguments {
    fn start(&self) -> Result<Start> {
        if let Some(name) = &self.resume {
            return Ok(Start::Resume(name.clone()));
        }
        let mut problems = Vec::new();
        let axes = self.set.iter().filter_map(|setting| {
            let axis = Axis::parse(setting);
            axis.map_err(|problem| problems.push(problem)).ok()
        });
        let axes = axes.collect();
        if !problems.is_empty() {
            return Err(Error {
                kind: Kind::Config,
                diagnostics: problems,
            });
        }
        let config = self.config.clone().unwrap_or_default();
        Ok(Start::New {
            recipe: Recipe::read(&config, self.settings.overrides())?,
            space: Space {
                axes,
                search: self.search.map(|search| match search {
                    SearchArgument::Grid => Search::Grid,
                    SearchArgument::Random => Search::Random,
                    SearchArgument::Halving => Search::Halving,
                }),
                trials: self.trials,
                points: self.points,
                eta: self.eta,
            },
            metric: match self.metric {
                MetricArgument::ValidationLoss => Metric::ValidationLoss,
                MetricArgument::ValidationAccuracy => Metric::ValidationAccuracy,
            },
            name: self.name.clone(),
        })
    }
}

pub(super) fn run(arguments: &Arguments, quiet: bool) -> Result<u8> {
    let threads = arguments.compute.start_threads()?;
    let start = arguments.start()?;
    let stop = signals::listen()?;
    let compute = Compute {
        device: arguments.compute.device,
        threads,
        stop: &stop,
    };
    let tell = |text: String| {
        if !quiet {
            report::tell(&text);
        }
    };
    let mut follower = Follower::new(arguments.show, quiet);
    let mut failed = None;
    let summary = sweep::run(&start, compute, &mut |event| match event {
        Event::Begin(path, search, rounds) => {
            tell(report_of::begin(path, search, &rounds));
        }
        Event::Trial(trial, of) => tell(report_of::trial(trial, of)),
        Event::Training(event) => follower.follow(&event),
        Event::Trained(project, end) => {
            failed = failed
                .take()
                .or(write_report(project, end, threads, None).err());
        }
        Event::Failed(trial) => {
            follower.leave();
            tell(report_of::failure(trial));
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
