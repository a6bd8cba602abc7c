//! `cnn data`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};

use super::signals;
use crate::config::nearest;
use crate::dataset::{self, BUILT_IN};
use crate::diagnostic::{Diagnostic, Error, Kind, Result, in_backticks};
use crate::fetch::{self, Patience, SETS, Set, Settings};
use crate::filter;
use crate::report::{self, Output, data_sets, diagnostics, fetching, json, survey as shown};
use crate::survey::{self, Subject};

/// The data sets: list, fetch, check, measure and look at them
#[derive(Debug, Subcommand)]
#[command(after_help = "Start with: cnn data list")]
pub(super) enum Command {
    List(ListArguments),
    Fetch(FetchArguments),
    Check(CheckArguments),
    Stats(StatsArguments),
    Show(ShowArguments),
}

/// List the data sets that go by a name, and whether they are here
#[derive(Debug, Args)]
#[command(after_help = "Example: cnn data list --json")]
pub(super) struct ListArguments {
    /// Write one JSON document
    #[arg(long)]
    json: bool,
}

/// Fetch a data set by its name into `datasets/`; every file is held to its SHA-256
///
/// What has come stays when it is cut or stopped, and the next start goes on from there. The set
/// appears whole or not at all. `CNN_DATASETS` is the folder in place of `datasets`; proxies are taken
/// from `HTTPS_PROXY`, certificates to trust in place of Mozilla's from `SSL_CERT_FILE`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cnn data fetch mnist
  cnn data fetch cifar10 --mirror https://example.org/mirror --into /data")]
pub(super) struct FetchArguments {
    /// mnist, fashion-mnist, kmnist, cifar10 or cifar100
    name: String,
    /// Address to fetch from in place of the known ones; the names of the files are put behind it
    /// (repeatable)
    #[arg(long, value_name = "URL", value_parser = address)]
    mirror: Vec<String>,
    /// Folder to make the data set's folder in [default: datasets]
    #[arg(long, value_name = "FOLDER")]
    into: Option<PathBuf>,
    /// Write one JSON document
    #[arg(long)]
    json: bool,
}

/// Look for what is wrong: unreadable files, samples that come twice, classes with few samples
///
/// Every sample is decoded. The exit code is 3 if a file cannot be read, or a class has no output in
/// the network of the config. With a config, the splits, the size and the colours are those that a
/// network would be trained with.
#[derive(Debug, Args)]
#[command(after_help = "Example: cnn data check pictures/ --json")]
pub(super) struct CheckArguments {
    #[command(flatten)]
    subject: SubjectArguments,
    /// Write one JSON document
    #[arg(long)]
    json: bool,
}

/// Measure mean and deviation of each channel, sizes of pictures, samples of each class
///
/// Mean and deviation are those of the training split, after `rescale` and, with a config, after
/// `resize`: what `normalize` in `[data]` takes. A channel of one value throughout has the deviation
/// 1, as in training.
#[derive(Debug, Args)]
#[command(after_help = "Example: cnn data stats configs/lenet5.toml")]
pub(super) struct StatsArguments {
    #[command(flatten)]
    subject: SubjectArguments,
    /// Write one JSON document
    #[arg(long)]
    json: bool,
}

/// Draw samples on a sheet, as the network gets them, each with its class
///
/// With a config its padding and, with `--augment`, its random changes are seen; mean and deviation
/// are left out.
#[derive(Debug, Args)]
#[command(after_help = "Example: cnn data show configs/lenet5.toml --augment --out digits.png")]
pub(super) struct ShowArguments {
    #[command(flatten)]
    subject: SubjectArguments,
    /// Samples to draw
    #[arg(long, value_name = "N", default_value_t = 64,
          value_parser = clap::value_parser!(u16).range(1..))]
    count: u16,
    /// Change them at random as `[augment]` of the config says, as in the first epoch
    #[arg(long)]
    augment: bool,
    /// Split to draw from
    #[arg(long, value_enum, default_value_t = SplitArgument::Train)]
    split: SplitArgument,
    /// The picture to write
    #[arg(long, value_name = "FILE.png")]
    out: PathBuf,
    /// Write one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct SubjectArguments {
    /// A data set by its name or path, or a config that names one
    #[arg(value_name = "SOURCE|CONFIG")]
    subject: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SplitArgument {
    Train,
    Validation,
    Test,
}

pub(super) fn run(command: &Command, quiet: bool) -> Result<u8> {
    if !matches!(command, Command::List(_) | Command::Fetch(_)) {
        super::start_all_threads()?;
    }
    match command {
        Command::List(arguments) => list(arguments),
        Command::Fetch(arguments) => run_fetch(arguments, quiet),
        Command::Check(arguments) => check(arguments),
        Command::Stats(arguments) => stats(arguments),
        Command::Show(arguments) => show(arguments, quiet),
    }
}

fn check(arguments: &CheckArguments) -> Result<u8> {
    let subject = Subject::load(&arguments.subject.subject)?;
    let found = survey::check(&subject)?;
    let text = if arguments.json {
        json::line(&shown::json_check(&subject, &found))
    } else {
        shown::render_check(&subject, &found)
    };
    Output::default().write(&text)?;
    Ok(if found.has_faults() {
        Kind::Data.exit_code()
    } else {
        0
    })
}

fn stats(arguments: &StatsArguments) -> Result<u8> {
    let subject = Subject::load(&arguments.subject.subject)?;
    let stats = survey::stats(&subject)?;
    warn(&subject);
    let text = if arguments.json {
        json::line(&shown::json_stats(&subject, &stats))
    } else {
        shown::render_stats(&subject, &stats)
    };
    Output::default().write(&text)?;
    Ok(0)
}

fn show(arguments: &ShowArguments, quiet: bool) -> Result<u8> {
    check_extension(&arguments.out)?;
    let split = match arguments.split {
        SplitArgument::Train => "train",
        SplitArgument::Validation => "validation",
        SplitArgument::Test => "test",
    };
    let subject = Subject::load(&arguments.subject.subject)?;
    let count = usize::from(arguments.count);
    let sheet = survey::sheet(&subject, split, count, arguments.augment)?;
    warn(&subject);
    filter::write(&arguments.out, &sheet.png)?;
    let text = if arguments.json {
        json::line(&shown::json_sheet(&subject, split, &sheet, &arguments.out))
    } else {
        shown::render_sheet(&subject, split, &sheet)
    };
    Output::default().write(&text)?;
    if !arguments.json && !quiet {
        let path = report::plain(&arguments.out.display().to_string());
        report::tell(&format!("wrote {path}\n"));
    }
    Ok(0)
}

/// Tells of what was passed over.
fn warn(subject: &Subject) {
    let passed_over = subject.warnings();
    for warning in &passed_over {
        report::tell(&diagnostics::render(warning));
    }
}

fn check_extension(path: &Path) -> Result<()> {
    let extension = path.extension();
    if extension.is_some_and(|extension| extension.eq_ignore_ascii_case("png")) {
        return Ok(());
    }
    let message = format!("`--out {}` does not end in `.png`", path.display());
    let help = format!("write `--out {}`", path.with_extension("png").display());
    Err(Error::config(Diagnostic::error(message).help(help)))
}

fn list(arguments: &ListArguments) -> Result<u8> {
    let text = if arguments.json {
        json::line(&data_sets::json_list(BUILT_IN))
    } else {
        data_sets::render_list(BUILT_IN)
    };
    Output::default().write(&text)?;
    Ok(0)
}

fn run_fetch(arguments: &FetchArguments, quiet: bool) -> Result<u8> {
    let set = Set::named(&arguments.name).ok_or_else(|| unknown(&arguments.name))?;
    let settings = Settings {
        mirrors: arguments.mirror.clone(),
        into: arguments
            .into
            .clone()
            .unwrap_or_else(dataset::datasets_folder),
        patience: Patience::default(),
    };
    signals::end_at_once()?;
    let mut progress = fetching::Progress::new(quiet);
    let fetched = fetch::fetch(set, &settings, &mut |event| progress.show(&event));
    progress.end();
    let fetched = fetched?;
    if arguments.json {
        Output::default().write(&json::line(&fetching::json(set, &fetched)))?;
    } else if !quiet {
        report::tell(&fetching::render(set, &fetched));
    }
    Ok(0)
}

fn unknown(name: &str) -> Error {
    let message = format!("no data set to fetch is called `{name}`");
    let names: Vec<&str> = SETS.iter().map(|set| set.name).collect();
    let diagnostic = Diagnostic::error(message).note(format!("there are {}", in_backticks(&names)));
    if BUILT_IN.iter().any(|set| set.embedded && set.name == name) {
        let help = format!("it is part of `cnn`: set `source = \"{name}\"` in `[data]`");
        return Error::config(diagnostic.help(help));
    }
    Error::config(match nearest(name, &names) {
        Some(known) => diagnostic.help(format!("did you mean `{known}`?")),
        None => diagnostic.help("`cnn data list` says what each holds"),
    })
}

fn address(text: &str) -> std::result::Result<String, String> {
    let host = ["http://", "https://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    match host {
        Some(host) if !host.is_empty() => Ok(text.to_owned()),
        _ => Err("expected an address such as `https://example.org/mnist`".to_owned()),
    }
}
