//! Networks that were trained elsewhere: their weights, put into a config's network.
//!
//! `read.rs` reads files of other programs, `matching.rs` finds a place for every weight, by `rules.rs`, or refuses; rules for
//! well-known networks are TOML files in `rules/`. Of Keras `hdf5.rs` reads the file, `keras.rs` the layers in it, `places.rs`
//! finds their places, `rows.rs` says what the plan makes of flattened rows, and `arrange.rs` brings values into our order.
//! A training begins with such weights, or a run's, by `first.rs`; there `leeway.rs` lets the head be another.

mod arrange;
mod convert;
mod first;
mod hdf5;
mod keras;
mod leeway;
mod links;
mod matching;
#[expect(
    clippy::float_cmp,
    reason = "settings are held to those that a layer has, to the last bit"
)]
mod onnx;
mod order;
mod places;
mod read;
mod rows;
mod rules;

pub use convert::{convert, read_back};
pub use first::{First, first_weights};
pub use matching::{Match, Way};
pub use rules::Rules;

use std::path::{Path, PathBuf};

use safetensors::tensor::TensorView;

use crate::diagnostic::{Diagnostic, Error, Kind, Result};
use crate::files;
use crate::load::Project;
use crate::model::{Device, Model, NamedWeight};
use crate::model_file::{self, Header};
use crate::plan::Plan;
use crate::run::{FOLDER, MODEL, Record, Run};
use leeway::Leeway;
use matching::Matched;
use read::Weights;

/// What was imported.
#[derive(Debug)]
pub struct Imported {
    /// The run folder.
    pub run: PathBuf,
    /// Which weight went where.
    pub matches: Vec<Match>,
    /// How that was found.
    pub way: Way,
    /// Names of classes.
    pub classes: Vec<String>,
    /// What the user should know.
    pub warnings: Vec<Diagnostic>,
}

/// Puts the weights of a file into the network of a config, as a run that can be evaluated and used.
///
/// # Errors
/// When the file cannot be read or its weights are not all those of the network: then no run is made.
pub fn import(
    weights: &Path,
    project: &Project,
    rules: Option<&Rules>,
    run: Option<&str>,
) -> Result<Imported> {
    check_is_free(run)?;
    let config = &project.config;
    let device = Device::Cpu.open()?;
    let plan = project.plan.up_to_logits(config.train.task());
    let model = Model::new(&plan, 0, &device);
    let file = weights.display().to_string();
    let theirs = read::read(weights)?;
    let found = place(
        &model.weights()?,
        &plan,
        theirs,
        rules,
        &Leeway::NONE,
        &file,
    )?;
    let mut warnings = found.warnings;
    let known = facts(project, &mut warnings)?;
    let run = settle(project, model, &found.placed, &known, &file, run)?;
    Ok(Imported {
        run,
        matches: found.matches,
        way: found.way,
        classes: known.classes,
        warnings,
    })
}

/// Refuses the name of a run that is there, before anything is read.
fn check_is_free(run: Option<&str>) -> Result<()> {
    match run.filter(|name| Path::new(FOLDER).join(name).exists()) {
        Some(name) => {
            let message = format!("a run `{name}` exists");
            let help = format!("choose another name, or remove it first: `cnn runs rm {name}`");
            Err(Error::config(Diagnostic::error(message).help(help)))
        }
        None => Ok(()),
    }
}

/// Says whether weights can be read of a file.
///
/// # Errors
/// When they cannot.
#[doc(hidden)]
pub fn try_read(path: &Path) -> Result<()> {
    read::read(path).map(drop)
}

/// Finds the places of weights by what their file says of them.
fn place(
    ours: &[NamedWeight],
    plan: &Plan,
    theirs: Weights,
    rules: Option<&Rules>,
    leeway: &Leeway,
    file: &str,
) -> Result<Matched> {
    match theirs {
        Weights::Named(theirs) if !theirs.is_empty() => {
            matching::match_all(ours, &theirs, rules, leeway, file)
        }
        Weights::Ordered(theirs) if !theirs.is_empty() => {
            let mut found = matching::match_all(ours, &theirs, rules, leeway, file)?;
            // Its order is that of the network.
            found.warnings.clear();
            Ok(found)
        }
        Weights::Keras(theirs) if !theirs.layers.is_empty() => {
            places::match_all(ours, plan, theirs, rules, leeway, file)
        }
        _ => {
            let message = format!("`{file}` holds no weights");
            Err(Error::model(Diagnostic::error(message)))
        }
    }
}

/// Makes a run of a network with its weights; nothing is left of one that cannot be written.
fn settle(
    project: &Project,
    model: Model,
    weights: &[NamedWeight],
    known: &Known,
    file: &str,
    run: Option<&str>,
) -> Result<PathBuf> {
    let config = &project.config;
    let model = model_file::load_weights(model, as_file(weights)?, file)?;
    if let Some(weight) = model.first_not_finite() {
        let message = format!("`{weight}` in `{file}` holds values that are not finite numbers");
        return Err(Error::model(Diagnostic::error(message)));
    }
    let header = Header::new(config, &known.classes, &known.preprocessing);
    let name = config
        .model
        .name
        .clone()
        .unwrap_or_else(|| "model".to_owned());
    let record = Record {
        data: project.request()?.source.clone(),
        data_fingerprint: known.fingerprint.clone(),
        ..Record::begin("imported", name, config.train.seed, Device::Cpu.to_string())
    };
    let bytes = model_file::to_bytes(&model, &header)?;
    let run = Run::create(&record.model, run)?;
    let written = files::write(&run.path.join("config.toml"), config.to_toml().as_bytes())
        .and_then(|()| files::write(&run.path.join(MODEL), &bytes))
        .and_then(|()| run.write_record(&record));
    if let Err(error) = written {
        // Half a run is none; what stopped the writing is what is told.
        let _ = std::fs::remove_dir_all(&run.path);
        return Err(error);
    }
    Ok(run.path.clone())
}

/// What only the data tells.
struct Known {
    classes: Vec<String>,
    preprocessing: crate::dataset::Preprocessing,
    fingerprint: String,
}

/// A border that says nothing of what is light and dark.
const UNKNOWN_BORDER: f32 = 127.5;

/// Asks the data for the names of classes; without it they are numbers, which is told.
fn facts(project: &Project, warnings: &mut Vec<Diagnostic>) -> Result<Known> {
    let request = project.request()?;
    let missing = match project.load_data() {
        Ok(loaded) => {
            warnings.extend(loaded.dataset.warnings.iter().cloned());
            return Ok(Known {
                classes: loaded.dataset.classes,
                preprocessing: loaded.preprocessing,
                fingerprint: loaded.dataset.fingerprint,
            });
        }
        Err(error) if request.source.is_empty() => error,
        Err(error) if error.kind == Kind::Data => error,
        Err(error) => return Err(error),
    };
    if project.config.data.normalize.value == crate::config::Normalize::Dataset {
        return Err(missing);
    }
    let outputs: usize = project.plan.output().iter().product();
    let last = outputs.saturating_sub(1);
    let message =
        format!("the classes are called 0 to {last}, as there is no data that names them");
    let warning = Diagnostic::warning(message).note(missing.to_string());
    warnings.push(warning.help("give `--data`: its class names, by the alphabet, are theirs"));
    let mut preprocessing = request.preprocessing.clone();
    preprocessing.border = UNKNOWN_BORDER;
    Ok(Known {
        classes: (0..outputs).map(|class| class.to_string()).collect(),
        preprocessing,
        fingerprint: String::new(),
    })
}

/// Writes weights as a file in memory, which is how a network takes them.
fn as_file(weights: &[NamedWeight]) -> Result<Vec<u8>> {
    let failed = |error: safetensors::SafeTensorError| {
        Error::model(Diagnostic::error(format!(
            "failed to place the weights: {error}"
        )))
    };
    let bytes: Vec<Vec<u8>> = (weights.iter())
        .map(|weight| {
            weight
                .values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect()
        })
        .collect();
    let views: std::result::Result<Vec<_>, _> = (weights.iter().zip(&bytes))
        .map(|(weight, bytes)| {
            let view = TensorView::new(safetensors::Dtype::F32, weight.shape.clone(), bytes)?;
            Ok((weight.name.clone(), view))
        })
        .collect();
    safetensors::serialize(views.map_err(failed)?, None).map_err(failed)
}
