//! `cnn train`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::follow::{Follower, ShowArguments, write_report};
use super::{ComputeArguments, ConfigArguments, run_name, signals};
use crate::config::Override;
use crate::diagnostic::{Diagnostic, Error, Kind, Result};
use crate::load::Project;
use crate::model::Device;
use crate::report::training::render_end;
use crate::report::{self, Output, json};
use crate::run;
use crate::train::{self, Event, Options, Reason, Target};

/// Train a network
///
/// Writes a run folder below `runs/`: the resolved config, figures of every epoch, checkpoints,
/// and the best weights in `model.safetensors`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cnn train configs/lenet5.toml --set train.epochs=3 --run short
  cnn train configs/lenet5.toml --devices remote:10.0.0.5:7000,remote:10.0.0.6:7000")]
pub(super) struct Arguments {
    /// The config, a TOML file; with `--resume` the run's own if left out
    #[arg(required_unless_present = "resume")]
    config: Option<PathBuf>,
    /// Set one value of the config (repeatable)
    #[arg(long, value_name = "KEY=VALUE", value_parser = super::setting)]
    set: Vec<Override>,
    #[command(flatten)]
    compute: ComputeArguments,
    /// Several devices in place of one: each computes a share of every batch, the first keeps the weights
    #[arg(long, value_name = "DEVICE,…", value_delimiter = ',', conflicts_with = "device",
          value_parser = super::device)]
    devices: Vec<Device>,
    #[command(flatten)]
    settings: ConfigArguments,
    /// Name of the run folder [default: the network's name and a number]
    #[arg(long, value_name = "NAME", conflicts_with = "resume", value_parser = run_name)]
    run: Option<String>,
    /// Go on with a run: its folder, its name, or `latest`
    #[arg(long, value_name = "RUN")]
    resume: Option<String>,
    /// Same seed, same bytes: always so on cpu and ndarray, whether asked for or not
    #[arg(long)]
    deterministic: bool,
    #[command(flatten)]
    show: ShowArguments,
    /// Write events as JSON, one a line
    #[arg(long)]
    json: bool,
}

impl Arguments {
    /// Returns the device that keeps the weights, and those beside it.
    fn devices(&self) -> (Device, &[Device]) {
        match &self.devices[..] {
            [first, others @ ..] => (*first, others),
            [] => (self.compute.device, &[]),
        }
    }

    fn overrides(&self) -> Vec<Override> {
        [self.set.clone(), self.settings.overrides()].concat()
    }
}

pub(super) fn run(arguments: &Arguments, quiet: bool) -> Result<u8> {
    let threads = arguments.compute.start_threads()?;
    let (device, others) = arguments.devices();
    let not_ours = |device: &&Device| matches!(device, Device::Wgpu(_) | Device::Remote(_));
    if arguments.deterministic
        && let Some(other) = [device].iter().chain(others).find(not_ours)
    {
        return Err(Error::config(
            Diagnostic::error(format!("`--deterministic` cannot be promised on `{other}`"))
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
        device,
        others,
        target,
        threads,
        stop: &stop,
        until: None,
        test: true,
    };
    let mut output = Output::default();
    let mut follower = Follower::new(arguments.show, quiet);
    let mut failed = None;
    let mut begun = None;
    let end = train::train(&options, &mut |event: Event| {
        if let Event::Start(start) = &event {
            begun = Some(start.run.clone());
        }
        if !arguments.json {
            return follower.follow(&event);
        }
        if let Some(value) = json::training_event(&event) {
            // Training outlives whoever reads along.
            failed = output.write(&json::line(&value)).err().or(failed.take());
        }
        follower.follow_silently(&event);
    });
    let is_elsewhere = |device: &Device| matches!(device, Device::Remote(_));
    let end = match (end, &begun) {
        (Err(error), Some(run)) if [device].iter().chain(others).any(is_elsewhere) => {
            Err(with_way_on(error, run))
        }
        (end, _) => end,
    };
    if let Err(error) = &end
        && arguments.json
        && begun.is_some()
    {
        // The error itself says more than that its event cannot be written.
        let _ = output.write(&json::line(&json::training_error(error)));
    }
    if end.is_err() {
        follower.leave();
    }
    let end = end?;
    failed = failed.or(follower.finish().err());
    failed = failed.or(write_report(&project, &end, threads, None).err());
    if !arguments.json {
        failed = output.write(&render_end(&end)).err().or(failed);
    }
    match (failed, end.reason) {
        (_, Reason::Stopped(code)) => Ok(code),
        (Some(error), _) => Err(error),
        (None, Reason::Finished | Reason::NoBetter | Reason::Paused | Reason::OutOfTime) => Ok(0),
    }
}

/// Adds to what broke a run off, such as a machine that is gone, how the run goes on.
fn with_way_on(mut error: Error, run: &Path) -> Error {
    if let (Kind::Io, Some(last)) = (error.kind, error.diagnostics.last_mut()) {
        let run = report::plain(&run.display().to_string());
        let help = format!("`cnn train --resume {run}` goes on, on any device");
        last.helps.push(help);
    }
    error
}
