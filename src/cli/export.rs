//! `cnn export`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};

use crate::dataset::{Invert, Samples};
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::evaluate;
use crate::export::{self, Format, Options, Precision};
use crate::model::Device;
use crate::model_file::{self, Trained};
use crate::report::{self, diagnostics, export as shown};
use crate::run;

/// Write a trained network for other programs
///
/// A file that is there is overwritten with --force alone.
#[derive(Debug, Args)]
#[command(after_help = "Example: cnn export lenet5-1 --format torch --out lenet5")]
pub(super) struct Arguments {
    /// A run folder, its name, `latest`, or a model file
    #[arg(value_name = "RUN")]
    model: String,
    /// What to write
    #[arg(long, value_enum)]
    format: FormatArgument,
    /// The file or folder to write [default: the run's name, with the format's ending]
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// The numbers that weights are
    #[arg(long, value_enum, default_value_t = PrecisionArgument::F32)]
    dtype: PrecisionArgument,
    /// Make each batch normalization a part of the layer before it, where it can be
    #[arg(long)]
    fold: bool,
    /// Let an ONNX graph take pictures as they are, in bytes, and prepare them itself
    #[arg(long)]
    with_preprocessing: bool,
    /// Run the ONNX graph on samples of the test split, and compare its answers
    #[arg(long)]
    check: bool,
    /// Data set or path in place of the one it was trained on, for --check
    #[arg(long, value_name = "SOURCE", requires = "check")]
    data: Option<String>,
    /// Overwrite files that are there
    #[arg(long)]
    force: bool,
    /// Write one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FormatArgument {
    /// The weights, by the names and in the layout of PyTorch's modules: a file
    Safetensors,
    /// The same file with `model.py`, which builds the network and loads them: a folder
    Torch,
    /// The network and its weights as a graph: a file for ONNX Runtime and others
    Onnx,
}

impl FormatArgument {
    fn format(self) -> Format {
        match self {
            Self::Safetensors => Format::Safetensors,
            Self::Torch => Format::Torch,
            Self::Onnx => Format::Onnx,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum PrecisionArgument {
    /// 32 bits
    F32,
    /// 16 bits: half the size, about three digits
    F16,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let path = run::find_model(&arguments.model)?;
    let trained = model_file::load(&path, &Device::Cpu.open()?)?;
    let options = Options {
        precision: match arguments.dtype {
            PrecisionArgument::F32 => Precision::F32,
            PrecisionArgument::F16 => Precision::F16,
        },
        folds: arguments.fold,
        prepares: arguments.with_preprocessing,
    };
    let format = arguments.format.format();
    refuse_onnx_alone(arguments, format)?;
    if options.prepares && trained.header.preprocessing.invert == Invert::Auto {
        let message = "the graph does not exchange light and dark, as `cnn predict` does for a picture with the border of a negative";
        report::tell(&diagnostics::render(&Diagnostic::warning(message)));
    }
    let name = called(&path);
    let product = export::export(&trained, &name, format, options)?;
    let check = if arguments.check {
        let samples = samples(&trained, arguments.data.as_deref())?;
        Some(export::check(&product, &trained, &samples, options)?)
    } else {
        None
    };
    let out = match &arguments.out {
        Some(out) => out.clone(),
        None => PathBuf::from(format.file_name(&name)),
    };
    let files = product.write(&out, &path, arguments.force)?;
    super::write(
        arguments.json,
        &shown::render(&files, check.as_ref()),
        || shown::json_of(&files, check.as_ref()),
    )
}

/// Refuses what only an ONNX file can have.
fn refuse_onnx_alone(arguments: &Arguments, format: Format) -> Result<()> {
    let given = [
        ("--check", arguments.check),
        ("--with-preprocessing", arguments.with_preprocessing),
    ];
    match given.iter().find(|(_, is_given)| *is_given) {
        Some((option, _)) if format != Format::Onnx => {
            let message = format!("`{option}` is for `--format onnx`");
            Err(Error::config(Diagnostic::error(message)))
        }
        _ => Ok(()),
    }
}

/// Returns the test split, or the validation split where there is none.
fn samples(trained: &Trained, data: Option<&str>) -> Result<Arc<Samples>> {
    let measured = evaluate::load_split(trained, data, None)?;
    for warning in &measured.warnings {
        report::tell(&diagnostics::render(warning));
    }
    Ok(measured.samples)
}

/// Returns what to call a network: as its run, or as its file without the ending.
fn called(model: &Path) -> String {
    let name = run::name_of(model);
    if model.display().to_string() != name {
        return name;
    }
    let stem = model.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}
