//! `cnn runs`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::follow::write_report;
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::files;
use crate::load::Project;
use crate::report::runs as shown;
use crate::report::{self, Output, diagnostics, json};
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
#[command(after_help = "Example: cnn runs list --sort accuracy --json")]
pub(super) struct ListArguments {
    /// What runs are put in order by, the best first
    #[arg(long, value_enum, default_value_t = SortArgument::Started)]
    sort: SortArgument,
    /// Write JSON, a line a run
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SortArgument {
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

fn write(as_json: bool, text: &str, document: impl FnOnce() -> serde_json::Value) -> Result<u8> {
    if as_json {
        Output::default().write(&json::line(&document()))?;
    } else {
        Output::default().write(text)?;
    }
    Ok(0)
}

fn list(arguments: &ListArguments) -> Result<u8> {
    let (mut found, warnings) = runs::list();
    for warning in &warnings {
        report::tell(&diagnostics::render(warning));
    }
    runs::sort(
        &mut found,
        match arguments.sort {
            SortArgument::Started => Order::Started,
            SortArgument::Name => Order::Name,
            SortArgument::Accuracy => Order::Accuracy,
            SortArgument::Loss => Order::Loss,
            SortArgument::Time => Order::Time,
        },
    );
    let mut output = Output::default();
    if !arguments.json {
        output.write(&shown::render_list(&found))?;
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
    let project = Project::read(&run.path.join("config.toml"), &[])?;
    write_report(&project, &run.end())?;
    let file = run.path.join("report.html");
    let text = format!("{}\n", report::plain(&file.display().to_string()));
    Output::default().write(&text)?;
    Ok(0)
}

fn remove(arguments: &RemoveArguments, quiet: bool) -> Result<u8> {
    if arguments.runs.iter().any(|run| run == "latest") {
        let message = "`latest` names another run each time; name the runs to remove";
        let help = "`cnn runs list` shows them";
        return Err(Error::config(Diagnostic::error(message).help(help)));
    }
    // All of them are there, or none is removed.
    let found = arguments.runs.iter().map(|run| runs::find(run));
    let found: Vec<Past> = found.collect::<Result<_>>()?;
    for run in &found {
        runs::remove(run)?;
        if !quiet {
            report::tell(&format!("removed {}\n", report::plain(&run.name)));
        }
    }
    Ok(0)
}
