//! `cnn runs`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};

use super::follow::write_report;
use super::{ComputeArguments, write};
use crate::dataset::Samples;
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::evaluate::{self, Split};
use crate::files;
use crate::load::Project;
use crate::model::Device;
use crate::model_file;
use crate::report::runs as shown;
use crate::report::{self, Output, diagnostics, json};
use crate::run::MODEL;
use crate::runs::{self, Order, Past};

/// What was trained: list runs, show one, compare several, write a report, remove
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  cnn runs list --sort accuracy
  cnn runs compare lenet5-1 lenet5-2 --svg curves.svg")]
pub(super) enum Command {
    List(ListArguments),
    Show(ShowArguments),
    Compare(CompareArguments),
    Report(ReportArguments),
    Rm(RemoveArguments),
}

/// List all runs, those of sweeps and cross-validations too
///
/// Accuracy and loss are those of the best weights on the test split, or where there is none on the validation split.
#[derive(Debug, Args)]
#[command(after_help = "Example: cnn runs list --filter lenet5 --sort accuracy --limit 5")]
pub(super) struct ListArguments {
    /// What runs are put in order by: the last trained, the last begun, the best or the longest first
    #[arg(long, value_enum, default_value_t = SortArgument::Latest)]
    sort: SortArgument,
    /// Only runs whose name, network or data holds this text, in capitals or not
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Only runs of this status: `finished`, `stopped`, `running`, `killed`, …
    #[arg(long)]
    status: Option<String>,
    /// So many runs at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Write JSON, a line a run
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SortArgument {
    Latest,
    Started,
    Name,
    Accuracy,
    Loss,
    Time,
}

/// Show one run in full
#[derive(Debug, Args)]
#[command(after_help = "Example: cnn runs show lenet5-1")]
pub(super) struct ShowArguments {
    /// A run folder, its name, or `latest`
    #[arg(default_value = "latest")]
    run: String,
    /// Write one JSON document
    #[arg(long)]
    json: bool,
}

/// Put runs side by side: figures, the settings in which they differ, curves over each other
#[derive(Debug, Args)]
#[command(after_help = "Example: cnn runs compare lenet5-1 lenet5-2 --svg curves.svg")]
pub(super) struct CompareArguments {
    /// Run folders or their names
    #[arg(required = true, num_args = 2.., value_name = "RUN")]
    runs: Vec<String>,
    /// Draw loss and accuracy over each other
    #[arg(long, value_name = "FILE.svg")]
    svg: Option<PathBuf>,
    /// Write one JSON document
    #[arg(long)]
    json: bool,
}

/// Write `curves.svg` and `report.html` of a run anew
#[derive(Debug, Args)]
#[command(after_help = "Example: cnn runs report latest")]
pub(super) struct ReportArguments {
    /// A run folder, its name, or `latest`
    #[arg(default_value = "latest")]
    run: String,
    #[command(flatten)]
    compute: ComputeArguments,
}

/// Remove runs with all that is in their folders
#[derive(Debug, Args)]
#[command(after_help = "Example: cnn runs rm lenet5-1 lenet5-2")]
pub(super) struct RemoveArguments {
    /// Run folders or their names
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<String>,
}

pub(super) fn run(command: &Command, quiet: bool) -> Result<u8> {
    match command {
        Command::List(arguments) => list(arguments),
        Command::Show(arguments) => {
            let run = runs::find(&arguments.run)?;
            write(arguments.json, &shown::render_one(&run), || {
                shown::json_of(&run)
            })
        }
        Command::Compare(arguments) => compare(arguments),
        Command::Report(arguments) => report(arguments),
        Command::Rm(arguments) => remove(arguments, quiet),
    }
}

fn list(arguments: &ListArguments) -> Result<u8> {
    let (mut found, warnings) = runs::list()?;
    for warning in &warnings {
        report::tell(&diagnostics::render(warning));
    }
    runs::sort(
        &mut found,
        match arguments.sort {
            SortArgument::Latest => Order::Latest,
            SortArgument::Started => Order::Started,
            SortArgument::Name => Order::Name,
            SortArgument::Accuracy => Order::Accuracy,
            SortArgument::Loss => Order::Loss,
            SortArgument::Time => Order::Time,
        },
    );
    let mut statuses: Vec<String> = (found.iter())
        .map(|run| run.record.status.clone())
        .collect();
    statuses.sort_unstable();
    statuses.dedup();
    found.retain(|run| {
        let has = |text: &String| {
            let text = text.to_lowercase();
            let names = run.names().map(str::to_lowercase);
            names.iter().any(|name| name.contains(&text))
        };
        arguments.filter.as_ref().is_none_or(has)
            && (arguments.status.as_ref()).is_none_or(|status| run.record.status == *status)
    });
    let limit = arguments
        .limit
        .and_then(|limit| usize::try_from(limit).ok());
    found.truncate(limit.unwrap_or(usize::MAX));
    let mut output = Output::default();
    if !arguments.json {
        let text = if found.is_empty() && !statuses.is_empty() {
            format!(
                "no run of `runs/` is like that; there are {}\n",
                statuses.join(", ")
            )
        } else {
            shown::render_list(&found)
        };
        output.write(&text)?;
        return Ok(0);
    }
    for run in &found {
        output.write(&json::line(&shown::json_of(run)))?;
    }
    Ok(0)
}

fn compare(arguments: &CompareArguments) -> Result<u8> {
    let found = arguments.runs.iter().map(|run| runs::find(run));
    let found: Vec<Past> = found.collect::<Result<_>>()?;
    let differences = runs::differences(&found)?;
    if let Some(file) = &arguments.svg {
        files::write(file, shown::draw_comparison(&found)?.as_bytes())?;
    }
    let text = shown::render_comparison(&found, &differences);
    write(arguments.json, &text, || {
        shown::comparison_json(&found, &differences)
    })
}

fn report(arguments: &ReportArguments) -> Result<u8> {
    let run = runs::find(&arguments.run)?;
    let threads = arguments.compute.start_threads()?;
    let project = Project::read(&run.path.join("config.toml"), &[])?;
    let mut end = run.end();
    let mut missing = None;
    match unseen(&run.path) {
        Ok(unseen) => end.unseen = unseen,
        // The rest of the page needs no data.
        Err(error) => missing = Some(format!("No answers are shown: {error}.")),
    }
    write_report(&project, &end, threads, missing.as_deref())?;
    if let Some(missing) = &missing {
        report::tell(&diagnostics::render(&Diagnostic::warning(missing.clone())));
    }
    let file = run.path.join("report.html");
    let text = format!("{}\n", report::plain(&file.display().to_string()));
    Output::default().write(&text)?;
    Ok(0)
}

/// Loads the samples that a run's network was not trained on; nothing if it has no weights yet.
fn unseen(run: &Path) -> Result<Option<(Split, Arc<Samples>)>> {
    let path = run.join(MODEL);
    if !path.is_file() {
        return Ok(None);
    }
    let trained = model_file::load(&path, &Device::Cpu.open()?)?;
    let measured = evaluate::load_split(&trained, None, None)?;
    Ok(Some((measured.split, measured.samples)))
}

fn remove(arguments: &RemoveArguments, quiet: bool) -> Result<u8> {
    if arguments.runs.iter().any(|run| run == "latest") {
        let message = "`latest` names another run each time; name the runs to remove";
        let help = "`cnn runs list` shows them";
        return Err(Error::config(Diagnostic::error(message).help(help)));
    }
    for path in runs::remove(&arguments.runs)? {
        if !quiet {
            let path = path.display().to_string();
            report::tell(&format!("removed {}\n", report::plain(&path)));
        }
    }
    Ok(0)
}
