//! `cnn data`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::signals;
use crate::dataset::{self, BUILT_IN};
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::fetch::{self, Patience, SETS, Set, Settings};
use crate::report::{self, Output, data_sets, fetching, json};

/// The data sets: list, fetch, check, measure and look at them
#[derive(Debug, Subcommand)]
#[command(after_help = "Start with: cnn data list")]
pub(super) enum Command {
    List(ListArguments),
    Fetch(FetchArguments),
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

pub(super) fn run(command: &Command, quiet: bool) -> Result<u8> {
    match command {
        Command::List(arguments) => list(arguments),
        Command::Fetch(arguments) => run_fetch(arguments, quiet),
    }
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
    let diagnostic = Diagnostic::error(message).note(format!("there are `{}`", names.join("`, `")));
    if BUILT_IN.iter().any(|set| set.embedded && set.name == name) {
        let help = format!("it is part of `cnn`: set `source = \"{name}\"` in `[data]`");
        return Error::config(diagnostic.help(help));
    }
    let near = names
        .iter()
        .map(|known| (strsim::osa_distance(&name.to_lowercase(), known), known))
        .filter(|(distance, known)| *distance <= known.len() / 2)
        .min();
    Error::config(match near {
        Some((_, known)) => diagnostic.help(format!("did you mean `{known}`?")),
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
