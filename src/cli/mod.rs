//! Arguments, dispatch, exit codes. One file a command.

mod bench;
mod completions;
mod crossval;
mod data;
mod doctor;
mod eval;
mod export;
mod filter;
mod filter_words;
mod follow;
mod import;
mod inspect;
mod man;
mod new;
mod predict;
mod runs;
mod schema;
mod serve;
mod serve_device;
mod show;
mod show_words;
mod signals;
mod sweep;
mod train;
mod usage;

use std::time::Instant;

use clap::{ArgAction, Args, CommandFactory as _, Parser, Subcommand};

use crate::config::{Override, is_run_name};
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::kernels::UnknownIsa;
use crate::machine;
use crate::model::{Device, remote};
use crate::report::{self, Output, diagnostics};

/// Describe a convolutional network in TOML; check, inspect, train, evaluate and use it.
#[derive(Debug, Parser)]
#[command(name = "cnn", version = VERSION, max_term_width = 100)]
#[command(after_help = "Start with: cnn train configs/lenet5.toml")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    output: OutputArguments,
}

/// How much is said.
#[derive(Debug, Args)]
struct OutputArguments {
    /// Say nothing but results and errors
    #[arg(long, short, global = true, display_order = 100)]
    quiet: bool,
    /// Say more, for finding faults; twice for more still
    #[arg(short, long, action = ArgAction::Count, global = true, display_order = 101)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Command {
    Train(train::Arguments),
    Crossval(crossval::Arguments),
    Sweep(sweep::Arguments),
    Eval(eval::Arguments),
    Predict(predict::Arguments),
    Serve(serve::Arguments),
    ServeDevice(serve_device::Arguments),
    Show(show::Arguments),
    #[command(subcommand)]
    Runs(runs::Command),
    Inspect(inspect::Arguments),
    Import(import::Arguments),
    Export(export::Arguments),
    Bench(bench::Arguments),
    #[command(subcommand)]
    Data(data::Command),
    Filter(filter::Arguments),
    New(new::Arguments),
    Schema(schema::Arguments),
    Doctor(doctor::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

/// Where to compute, and with how many threads.
#[derive(Debug, Args)]
struct ComputeArguments {
    /// cpu, ndarray, wgpu, wgpu:N or remote:HOST:PORT
    #[arg(long, default_value_t = Device::Cpu, value_parser = device)]
    device: Device,
    /// Threads that compute and prepare pictures [default: all processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

impl ComputeArguments {
    /// Holds the computation to the number of threads and returns it. Comes before everything
    /// that computes, which would start the threads with another number.
    fn start_threads(&self) -> Result<usize> {
        if let Some(unknown) = UnknownIsa::asked() {
            return Err(unknown.error());
        }
        start_threads(self.threads.map_or_else(machine::threads, usize::from))
    }
}

/// Starts as many threads as there are processors, for commands that do not ask how many.
fn start_all_threads() -> Result<usize> {
    start_threads(machine::threads())
}

fn start_threads(threads: usize) -> Result<usize> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    pool.build_global().map_err(|error| {
        Error::config(Diagnostic::error(format!(
            "failed to start {threads} threads: {error}"
        )))
    })?;
    Ok(threads)
}

/// Writes a document as JSON, or a text; returns the exit code of success.
fn write(as_json: bool, text: &str, document: impl FnOnce() -> serde_json::Value) -> Result<u8> {
    let mut output = Output::default();
    if as_json {
        output.write(&report::json::line(&document()))?;
    } else {
        output.write(text)?;
    }
    Ok(0)
}

/// Writes what came of several runs; returns the exit code: that of a stop, else of what could not be written
/// on the way.
fn close(text: &str, stopped: Option<u8>, failed: Option<Error>) -> Result<u8> {
    Output::default().write(text)?;
    match (stopped, failed) {
        (Some(code), _) => Ok(code),
        (None, Some(error)) => Err(error),
        (None, None) => Ok(0),
    }
}

fn device(name: &str) -> std::result::Result<Device, String> {
    name.parse().map_err(|error: Error| {
        let diagnostic = error.diagnostics.into_iter().next();
        diagnostic.map_or_else(String::new, |diagnostic| {
            let notes = diagnostic.notes.join("; ");
            format!("{}; {notes}", diagnostic.message)
        })
    })
}

/// The version with the devices compiled in.
const VERSION: &str = match (cfg!(feature = "wgpu-plain"), cfg!(feature = "remote")) {
    (false, false) => concat!(env!("CARGO_PKG_VERSION"), " (devices: cpu, ndarray)"),
    (true, false) => concat!(env!("CARGO_PKG_VERSION"), " (devices: cpu, ndarray, wgpu)"),
    (false, true) => concat!(
        env!("CARGO_PKG_VERSION"),
        " (devices: cpu, ndarray, remote)"
    ),
    (true, true) => concat!(
        env!("CARGO_PKG_VERSION"),
        " (devices: cpu, ndarray, wgpu, remote)"
    ),
};

/// Reads `KEY=VALUE` of a `--set`.
fn setting(text: &str) -> std::result::Result<Override, String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok(Override {
            option: "--set".to_owned(),
            key: key.trim().to_owned(),
            value: value.trim().to_owned(),
        }),
        _ => Err("expected `KEY=VALUE`, such as `train.epochs=3`".to_owned()),
    }
}

/// Reads the name of a folder below `runs/`.
fn run_name(name: &str) -> std::result::Result<String, String> {
    if !is_run_name(name) {
        return Err(
            "a run's name has letters, digits, `-`, `_` and `.`, and is not `latest`".to_owned(),
        );
    }
    Ok(name.to_owned())
}

/// Settings that have options of their own.
#[derive(Debug, Args)]
struct ConfigArguments {
    /// Data set or path in place of the config's
    #[arg(long, value_name = "SOURCE")]
    data: Option<String>,
    /// Epochs in place of the config's
    #[arg(long, value_name = "N")]
    epochs: Option<String>,
    /// Pictures in one step, in place of the config's
    #[arg(long, value_name = "N")]
    batch_size: Option<String>,
    /// Seed in place of the config's
    #[arg(long, value_name = "N")]
    seed: Option<String>,
}

impl ConfigArguments {
    fn overrides(&self) -> Vec<Override> {
        let options = [
            ("--epochs", "train.epochs", &self.epochs),
            ("--batch-size", "train.batch_size", &self.batch_size),
            ("--seed", "train.seed", &self.seed),
        ];
        let set = options.into_iter().filter_map(|(option, key, value)| {
            Some(Override {
                option: option.to_owned(),
                key: key.to_owned(),
                value: value.clone()?,
            })
        });
        set.chain(self.data.as_deref().map(Override::data))
            .collect()
    }
}

/// Returns the command line as it is declared, with every command and option.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Runs the command line; returns the exit code.
#[must_use]
pub fn run() -> u8 {
    let begin = Instant::now();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            return usage::tell(error);
        }
    };
    start_tracing(arguments.output.verbose);
    let quiet = arguments.output.quiet;
    #[cfg(feature = "remote")]
    remote::hold_panics_back(report::tell);
    match remote::guarded(|| dispatch(arguments.command, quiet, begin)) {
        Ok(code) => code,
        Err(error) => {
            report::tell(&diagnostics::render_error(&error));
            error.kind.exit_code()
        }
    }
}

fn dispatch(command: Command, quiet: bool, begin: Instant) -> Result<u8> {
    #[cfg(unix)]
    signals::let_writes_fail()?;
    match command {
        Command::Train(arguments) => train::run(&arguments, quiet),
        Command::Crossval(arguments) => crossval::run(&arguments, quiet),
        Command::Sweep(arguments) => sweep::run(&arguments, quiet),
        Command::Eval(arguments) => eval::run(&arguments),
        Command::Predict(arguments) => predict::run(&arguments, quiet),
        Command::Serve(arguments) => serve::run(&arguments, quiet),
        Command::ServeDevice(arguments) => serve_device::run(&arguments, quiet),
        Command::Show(arguments) => show::run(&arguments),
        Command::Runs(command) => runs::run(&command, quiet),
        Command::Import(arguments) => import::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments, quiet),
        Command::Bench(arguments) => bench::run(&arguments, begin),
        Command::Data(command) => data::run(&command, quiet),
        Command::Filter(arguments) => filter::run(&arguments, quiet),
        Command::New(arguments) => new::run(&arguments, quiet),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Man(arguments) => man::run(&arguments, quiet),
    }
}

fn start_tracing(verbose: u8) {
    let level = match verbose {
        0 => return,
        1 => tracing::Level::DEBUG,
        _ => tracing::Level::TRACE,
    };
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr);
    // Fails only if called twice.
    let _ = tracing::subscriber::set_global_default(subscriber.finish());
}
