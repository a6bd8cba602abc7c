//! `cnn eval`.

use clap::{Args, ValueEnum};

use super::ComputeArguments;
use crate::diagnostic::Result;
use crate::evaluate::{self, Split};
use crate::loss::Loss;
use crate::model_file;
use crate::report::{self, Output, diagnostics, evaluation, json};
use crate::run;

/// Measure a trained network on a split of its data, or of other data
#[derive(Debug, Args)]
#[command(after_help = "Example: cnn eval lenet5-1 --split validation --json")]
pub(super) struct Arguments {
    /// A run folder, its name, `latest`, or a model file
    #[arg(default_value = "latest")]
    run: String,
    /// Data set or path in place of the one it was trained on
    #[arg(long, value_name = "SOURCE")]
    data: Option<String>,
    /// The split to measure on [default: test, or validation where there is no test split]
    #[arg(long, value_enum)]
    split: Option<SplitArgument>,
    #[command(flatten)]
    compute: ComputeArguments,
    /// Pictures at a time
    #[arg(long, value_name = "N", default_value_t = 64,
          value_parser = clap::value_parser!(u32).range(1..=65_536))]
    batch_size: u32,
    /// Write one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum SplitArgument {
    Train,
    Validation,
    Test,
}

impl From<SplitArgument> for Split {
    fn from(split: SplitArgument) -> Self {
        match split {
            SplitArgument::Train => Self::Train,
            SplitArgument::Validation => Self::Validation,
            SplitArgument::Test => Self::Test,
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let threads = arguments.compute.start_threads()?;
    let path = run::find_model(&arguments.run)?;
    let device = arguments.compute.device.open()?;
    let trained = model_file::load(&path, &device)?;
    let split = arguments.split.map(Split::from);
    let measured = evaluate::load_split(&trained, arguments.data.as_deref(), split)?;
    let mut warnings = measured.warnings;
    if arguments.data.is_none() {
        warnings.extend(run::changed_since(&path, &measured.fingerprint));
    }
    let (split, samples) = (measured.split, measured.samples);
    let settings = evaluate::Settings {
        loss: Loss::of_measurement(&trained.config.train.loss),
        outputs: trained.header.classes.len(),
        batch_size: usize::try_from(arguments.batch_size).unwrap_or(usize::MAX),
        threads,
        limit: usize::MAX,
    };
    let preprocessing = std::sync::Arc::new(trained.header.preprocessing.clone());
    let found = evaluate::evaluate(&trained.model, &samples, &preprocessing, &device, &settings)?;
    warnings.extend(samples.take_warnings());
    for warning in &warnings {
        report::tell(&diagnostics::render(warning));
    }
    let run = run::name_of(&path);
    let classes = &trained.header.classes;
    let text = if arguments.json {
        json::line(&json::evaluation(&run, split.word(), classes, &found))
    } else {
        let is_shaded = report::terminal_width().is_some();
        evaluation::render(&run, split.word(), classes, &found, is_shaded)
    };
    Output::default().write(&text)?;
    Ok(0)
}
