//! `cnn predict`.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::ComputeArguments;
use crate::dataset::{self, Invert};
use crate::diagnostic::{Diagnostic, Error, Kind, Result};
use crate::files;
use crate::look;
use crate::model_file;
use crate::predict::{self, Picture, Prediction, Predictor};
use crate::report::{self, Output, diagnostics, json, prediction};
use crate::run;

/// Tell what pictures show
///
/// Pictures may be of any size and kind: they are brought to what the network was trained on.
#[derive(Debug, Args)]
#[command(after_help = "Example: cnn predict digit.png scans/ --top-k 1 --json")]
pub(super) struct Arguments {
    /// Pictures, folders of pictures, or `-` for one on standard input
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// A run folder, its name, `latest`, or a model file
    #[arg(long, value_name = "RUN", default_value = "latest")]
    model: String,
    /// Classes to name for each picture
    #[arg(long, value_name = "K", default_value_t = 3,
          value_parser = clap::value_parser!(u32).range(1..))]
    top_k: u32,
    /// Whether to invert pictures, white for black [default: as the model was trained]
    #[arg(long, value_enum)]
    invert: Option<InvertArgument>,
    #[command(flatten)]
    compute: ComputeArguments,
    /// Pictures at a time
    #[arg(long, value_name = "N", default_value_t = 64,
          value_parser = clap::value_parser!(u32).range(1..=65_536))]
    batch_size: u32,
    /// Draw each picture as the network gets it, and a bar a class
    #[arg(long, conflicts_with_all = ["csv", "json"])]
    show: bool,
    /// Write JSON, a line a picture
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Write CSV, a row a class
    #[arg(long)]
    csv: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum InvertArgument {
    /// Where the border is of the other colour than in the training data
    Auto,
    True,
    False,
}

pub(super) fn run(arguments: &Arguments, quiet: bool) -> Result<u8> {
    arguments.compute.start_threads()?;
    let path = run::find_model(&arguments.model)?;
    let device = arguments.compute.device.open()?;
    let trained = model_file::load(&path, &device)?;
    let invert = match arguments.invert {
        Some(InvertArgument::Auto) => Invert::Auto,
        Some(InvertArgument::True) => Invert::Always,
        Some(InvertArgument::False) => Invert::Never,
        None => trained.header.preprocessing.invert,
    };
    let predictor = Predictor::new(&trained, &device)?.inverting(invert);
    let images = list(&arguments.images)?;
    if arguments.model == "latest" && !quiet && !arguments.json && !arguments.csv {
        // The run trained last may be of other pictures than the reader has in mind.
        let name = report::plain(&run::name_of(&path));
        report::tell(&format!("run {name}\n"));
    }
    let top = usize::try_from(arguments.top_k).unwrap_or(usize::MAX);
    let batch_size = usize::try_from(arguments.batch_size).unwrap_or(usize::MAX);
    let mut output = Output::default();
    if arguments.csv {
        output.write(prediction::CSV_HEADER)?;
    }
    let mut unreadable = false;
    for paths in images.chunks(batch_size) {
        let pictures: Vec<Picture> = paths.iter().map(|path| read(path)).collect();
        let answers = predictor.predict_batch(&pictures, top)?;
        let drawn = pictures.into_iter().map(|picture| {
            let bytes = picture.content.ok().filter(|_| arguments.show)?;
            look::Picture::new(picture.name, &bytes, predictor.preprocessing(), invert).ok()
        });
        let drawn: Vec<Option<look::Picture>> = drawn.collect();
        for (answer, drawn) in answers.iter().zip(&drawn) {
            unreadable |= answer.answer.is_err();
            write(&mut output, arguments, answer, drawn.as_ref())?;
        }
        if output.is_closed() {
            break;
        }
    }
    Ok(if unreadable {
        Kind::Data.exit_code()
    } else {
        0
    })
}

fn write(
    output: &mut Output,
    arguments: &Arguments,
    answer: &Prediction,
    drawn: Option<&look::Picture>,
) -> Result<()> {
    if arguments.json {
        return output.write(&json::line(&json::prediction(answer)));
    }
    if arguments.csv {
        output.write_data(&prediction::csv(answer))?;
    } else {
        let shown = drawn
            .and_then(|picture| prediction::render_shown(answer, picture, report::has_colours()));
        if let Some(text) = shown.or_else(|| prediction::render(answer)) {
            output.write(&text)?;
        }
    }
    if let Err(reason) = &answer.answer {
        let mut diagnostic = predict::unreadable(&answer.name, reason);
        diagnostic.helps.extend(meant(Path::new(&answer.name)));
        report::tell(&diagnostics::render(&diagnostic));
    }
    Ok(())
}

/// Returns the files named, and those in the folders named, in order.
fn list(images: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for image in images {
        if image.is_dir() {
            let found = dataset::pictures_below(image)?;
            if found.is_empty() {
                let message = format!("no pictures in folder `{}`", image.display());
                let help = "pictures end in png, jpg, jpeg, webp or bmp";
                return Err(Error::data(Diagnostic::error(message).help(help)));
            }
            files.extend(found);
        } else {
            files.push(image.clone());
        }
    }
    Ok(files)
}

/// Proposes what the path of a picture that is not there was meant to be. A name that comes by the network is no path.
pub(super) fn meant(image: &Path) -> Option<String> {
    let path = Some(image).filter(|path| *path != Path::new("-"));
    path.and_then(files::meant)
}

/// Reads a file, or standard input for `-`.
pub(super) fn read(path: &Path) -> Picture {
    if path != Path::new("-") {
        return Picture::open(path);
    }
    let mut bytes = Vec::new();
    let mut stdin = std::io::stdin().lock().take(dataset::MAX_PICTURE_BYTES);
    let read = stdin.read_to_end(&mut bytes);
    Picture {
        name: path.display().to_string(),
        content: read.map(|_| bytes).map_err(|error| error.to_string()),
    }
}
