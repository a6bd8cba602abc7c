//! `cnn train`.

use std::path::PathBuf;

use clap::Args;

use super::{ComputeArguments, signals};
use crate::config::{Override, is_run_name};
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::files;
use crate::load::Project;
use crate::model::Device;
use crate::report::inspection::Inspection;
use crate::report::training::{Progress, render_end};
use crate::report::{Output, curves, html, json};
use crate::run;
use crate::train::{self, End, Event, Options, Reason, Target};

/// Train a network
///
/// Writes a run folder below `runs/`: the resolved config, figures of every epoch, checkpoints,
/// and the best weights in `model.safetensors`.
#[derive(Debug, Args)]
#[command(after_help = "Example: cnn train configs/lenet5.toml --set train.epochs=3 --run short")]
pub(super) struct Arguments {
    /// The config, a TOML file; with `--resume` the run's own if left out
    #[arg(required_unless_present = "resume")]
    config: Option<PathBuf>,
    /// Data set or path in place of the config's
    #[arg(long, value_name = "SOURCE")]
    data: Option<String>,
    /// Set one value of the config (repeatable)
    #[arg(long, value_name = "KEY=VALUE", value_parser = super::setting)]
    set: Vec<Override>,
    #[command(flatten)]
    compute: ComputeArguments,
    /// Epochs in place of the config's
    #[arg(long, value_name = "N")]
    epochs: Option<String>,
    /// Pictures in one step, in place of the config's
    #[arg(long, value_name = "N")]
    batch_size: Option<String>,
    /// Seed in place of the config's
    #[arg(long, value_name = "N")]
    seed: Option<String>,
    /// Name of the run folder [default: the network's name and a number]
    #[arg(long, value_name = "NAME", conflicts_with = "resume", value_parser = run_name)]
    run: Option<String>,
    /// Go on with a run: its folder, its name, or `latest`
    #[arg(long, value_name = "RUN")]
    resume: Option<String>,
    /// Same seed, same bytes: always so on cpu and ndarray, whether asked for or not
    #[arg(long)]
    deterministic: bool,
    /// Write events as JSON, one a line
    #[arg(long)]
    json: bool,
}

fn run_name(name: &str) -> std::result::Result<String, String> {
    if !is_run_name(name) {
        return Err(
            "a run's name has letters, digits, `-`, `_` and `.`, and is not `latest`".to_owned(),
        );
    }
    Ok(name.to_owned())
}

impl Arguments {
    fn overrides(&self) -> Vec<Override> {
        let mut overrides = self.set.clone();
        let options = [
            ("--epochs", "train.epochs", &self.epochs),
            ("--batch-size", "train.batch_size", &self.batch_size),
            ("--seed", "train.seed", &self.seed),
        ];
        for (option, key, value) in options {
            overrides.extend(value.as_ref().map(|value| Override {
                option: option.to_owned(),
                key: key.to_owned(),
                value: value.clone(),
            }));
        }
        overrides.extend(self.data.as_deref().map(Override::data));
        overrides
    }
}

pub(super) fn run(arguments: &Arguments, quiet: bool) -> Result<u8> {
    let threads = arguments.compute.start_threads()?;
    if arguments.deterministic && matches!(arguments.compute.device, Device::Wgpu(_)) {
        return Err(Error::config(
            Diagnostic::error("`--deterministic` cannot be promised on `wgpu`")
                .help("use `--device cpu`"),
        ));
    }
    let target = match (&arguments.resume, &arguments.run) {
        (Some(resume), _) => Target::Resume(run::find(resume)?),
        (None, Some(name)) => Target::Named(name.clone()),
        (None, None) => Target::New,
    };
    let config = match (&arguments.config, &target) {
        (Some(config), _) => config.clone(),
        (None, Target::Resume(path)) => path.join("config.toml"),
        (None, _) => PathBuf::new(),
    };
    let project = Project::read(&config, &arguments.overrides())?;
    // Until here there is nothing to save: a signal ends the process by itself.
    let stop = signals::listen()?;
    let options = Options {
        project: &project,
        device: arguments.compute.device,
        target,
        threads,
        stop: &stop,
    };
    let mut output = Output::default();
    let mut progress = Progress::new();
    let mut failed = None;
    let end = train::train(&options, &mut |event: Event| {
        if arguments.json {
            if let Some(value) = json::training_event(&event) {
                // Training outlives whoever reads along.
                failed = output.write(&json::line(&value)).err().or(failed.take());
            }
            if !matches!(event, Event::Warning(_)) {
                return;
            }
        }
        if !quiet {
            progress.show(&event);
        }
    })?;
    write_report(&project, &end)?;
    if !arguments.json {
        failed = output.write(&render_end(&end)).err().or(failed);
    }
    match (failed, end.reason) {
        (_, Reason::Stopped(code)) => Ok(code),
        (Some(error), _) => Err(error),
        (None, Reason::Finished | Reason::NoBetter | Reason::OutOfTime) => Ok(0),
    }
}

/// Writes the curves and the page of a run into its folder.
fn write_report(project: &Project, end: &End) -> Result<()> {
    let name = project.config.model.name.clone().unwrap_or_default();
    let train = &project.config.train;
    let shown = Inspection::new(&name, &project.plan, train.batch_size, &train.optimizer);
    let network = shown.render().unwrap_or_default();
    let page = html::render(end, &end.rows, &network, &project.config.to_toml());
    files::write(
        &end.run.join("curves.svg"),
        curves::render(&end.rows).as_bytes(),
    )?;
    files::write(&end.run.join("report.html"), page.as_bytes())
}
