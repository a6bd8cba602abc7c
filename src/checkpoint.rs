//! All that training needs to go on where it was.

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::TensorData;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use crate::diagnostic::{Diagnostic, Error, Result};
use crate::files;
use crate::optimizer;

/// How many checkpoints of a run are kept.
const KEPT: usize = 3;

/// Where training stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Epochs done.
    pub epoch: usize,
    /// Steps done in the epoch that is not done.
    pub step_in_epoch: usize,
    /// Steps done over all epochs.
    pub step: u64,
    /// Sums of the epoch that is not done.
    pub partial: Partial,
    /// The best epoch so far by validation loss.
    pub best: Option<Best>,
    /// The best figure that early stopping has seen, and epochs since.
    pub watched: Option<Watched>,
    /// Seconds of training so far.
    pub train_secs: f64,
    /// Counters of the optimizer.
    pub counters: std::collections::BTreeMap<String, u64>,
}

/// Sums over the steps of an epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Partial {
    /// Loss times samples.
    pub loss: f64,
    /// Right answers.
    pub correct: u64,
    /// Samples.
    pub samples: u64,
    /// Seconds.
    pub secs: f64,
}

/// The best epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Its number, from 1.
    pub epoch: usize,
    /// Its validation loss; the training loss where there is no validation split.
    pub loss: f64,
}

/// What early stopping remembers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watched {
    /// The best figure so far; smaller is better.
    pub figure: f64,
    /// Epochs since then.
    pub epochs: usize,
}

/// A checkpoint read back.
#[derive(Debug)]
pub struct Checkpoint {
    /// The folder it was read from.
    pub path: PathBuf,
    /// Where training stands.
    pub progress: Progress,
    /// The bytes of the model file.
    pub model: Vec<u8>,
    /// State of the optimizer.
    pub optimizer: optimizer::State,
}

#[derive(Serialize, Deserialize)]
struct StateFile {
    checksum: String,
    progress: Progress,
}

/// Writes a checkpoint into `folder` and removes all but the newest three.
///
/// # Errors
/// When it cannot be written; the ones before are then untouched.
pub fn write(
    folder: &Path,
    progress: &Progress,
    model: &[u8],
    optimizer: &optimizer::State,
) -> Result<PathBuf> {
    let path = folder.join(format!("step-{:08}", progress.step));
    if path.exists() {
        return Ok(path);
    }
    let optimizer = tensors_to_bytes(optimizer)?;
    let state = StateFile {
        checksum: checksum(model, &optimizer, progress),
        progress: progress.clone(),
    };
    let state = serde_json::to_string_pretty(&state).unwrap_or_default();
    files::write_folder(
        &path,
        &[
            ("model.safetensors", model),
            ("optimizer.safetensors", &optimizer),
            ("state.json", state.as_bytes()),
        ],
    )?;
    for old in list(folder)?.into_iter().rev().skip(KEPT) {
        fs::remove_dir_all(&old).map_err(|error| Error::io("remove", &old, &error))?;
    }
    Ok(path)
}

/// Reads the newest checkpoint that is whole, with a warning for each that is not.
///
/// # Errors
/// When there is none.
pub fn read_newest(folder: &Path) -> Result<(Checkpoint, Vec<Diagnostic>)> {
    let mut warnings = Vec::new();
    for path in list(folder)?.into_iter().rev() {
        match read(&path) {
            Ok(checkpoint) => return Ok((checkpoint, warnings)),
            Err(reason) => warnings.push(
                Diagnostic::warning(format!(
                    "checkpoint `{}` is damaged: {reason}",
                    path.display()
                ))
                .help("the one before is used"),
            ),
        }
    }
    let message = format!("no checkpoint in `{}`", folder.display());
    let diagnostic = Diagnostic::error(message).help("train again without `--resume`");
    let damaged = warnings.into_iter().map(|warning| warning.message);
    Err(Error::model(damaged.fold(diagnostic, Diagnostic::note)))
}

/// Returns the checkpoints of a folder, oldest first.
fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(|error| Error::io("read", folder, &error))?;
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("step-"))
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> std::result::Result<Checkpoint, String> {
    let file = |name: &str| {
        fs::read(path.join(name)).map_err(|error| format!("failed to read `{name}`: {error}"))
    };
    let state = file("state.json")?;
    let state: StateFile = serde_json::from_slice(&state).map_err(|error| error.to_string())?;
    let (model, optimizer) = (file("model.safetensors")?, file("optimizer.safetensors")?);
    if checksum(&model, &optimizer, &state.progress) != state.checksum {
        return Err("its checksum does not hold".to_owned());
    }
    let mut optimizer = tensors_from_bytes(&optimizer)?;
    optimizer.counters.clone_from(&state.progress.counters);
    Ok(Checkpoint {
        path: path.to_path_buf(),
        progress: state.progress,
        model,
        optimizer,
    })
}

fn checksum(model: &[u8], optimizer: &[u8], progress: &Progress) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(model);
    hasher.update(optimizer);
    hasher.update(
        serde_json::to_string(progress)
            .unwrap_or_default()
            .as_bytes(),
    );
    hasher.finalize().to_hex().to_string()
}

fn tensors_to_bytes(state: &optimizer::State) -> Result<Vec<u8>> {
    let failed = |reason: String| {
        Error::model(Diagnostic::error(format!(
            "failed to write the optimizer: {reason}"
        )))
    };
    let mut views = Vec::new();
    for (name, data) in &state.tensors {
        let view = TensorView::new(Dtype::F32, data.shape().to_vec(), data.as_bytes())
            .map_err(|error| failed(error.to_string()))?;
        views.push((name.as_str(), view));
    }
    safetensors::serialize(views, None).map_err(|error| failed(error.to_string()))
}

fn tensors_from_bytes(bytes: &[u8]) -> std::result::Result<optimizer::State, String> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let mut state = optimizer::State::default();
    for (name, view) in file.tensors() {
        let values: Vec<f32> = view
            .data()
            .chunks_exact(4)
            .filter_map(|bytes| Some(f32::from_le_bytes(bytes.try_into().ok()?)))
            .collect();
        let data = TensorData::new(values, view.shape().to_vec());
        state.tensors.insert(name, data);
    }
    Ok(state)
}
