//! All that training needs to go on where it was.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::TensorData;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::diagnostic::{Diagnostic, Error, Result};
use crate::files;
use crate::optimizer;
use crate::schedule::Plateau;

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
    /// What a plateau schedule remembers.
    #[serde(default)]
    pub plateau: Plateau,
    /// How often training went back to a checkpoint with half the rate.
    #[serde(default)]
    pub setbacks: i32,
    /// Counters of the optimizer.
    pub counters: BTreeMap<String, u64>,
}

/// Sums over the steps of an epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Partial {
    /// Sum of losses.
    pub loss: f64,
    /// What their mean is over.
    pub weight: f64,
    /// Right decisions.
    pub correct: u64,
    /// Decisions: one a sample where classes are learnt.
    pub decisions: u64,
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
    /// Moving averages by the names of weights, if there are any.
    pub average: BTreeMap<String, TensorData>,
}

/// What a checkpoint holds beside where training stands.
#[derive(Debug)]
pub struct Content<'a> {
    /// The bytes of the model file.
    pub model: &'a [u8],
    /// State of the optimizer.
    pub optimizer: &'a optimizer::State,
    /// Moving averages by the names of weights, if there are any.
    pub average: &'a BTreeMap<String, TensorData>,
}

impl Partial {
    /// Returns the mean loss.
    #[must_use]
    pub fn mean_loss(&self) -> f64 {
        if self.weight > 0.0 {
            return self.loss / self.weight;
        }
        0.0
    }

    /// Returns the share of right decisions, where there are any.
    #[must_use]
    pub fn accuracy(&self) -> Option<f64> {
        (self.decisions > 0).then(|| self.correct as f64 / self.decisions as f64)
    }
}

/// The file of moving averages.
const AVERAGE: &str = "average.safetensors";

/// The file with the checksum of all others, byte for byte.
const CHECKSUM: &str = "checksum";

/// The largest file beside the weights that is read.
const MAX_STATE_BYTES: u64 = 256 << 20;

/// Writes a checkpoint into `folder` and removes all but the newest few.
///
/// # Errors
/// When it cannot be written; the ones before are then untouched.
pub fn write(
    folder: &Path,
    progress: &Progress,
    content: &Content<'_>,
    keep: usize,
) -> Result<PathBuf> {
    let path = folder.join(format!("step-{:08}", progress.step));
    // The state of one moment is written once; what stands there may be damaged, though.
    if path.exists() {
        if read(&path).is_ok_and(|checkpoint| checkpoint.progress == *progress) {
            return Ok(path);
        }
        remove(&path)?;
    }
    let optimizer = tensors_to_bytes(&content.optimizer.tensors)?;
    let average = if content.average.is_empty() {
        Vec::new()
    } else {
        tensors_to_bytes(content.average)?
    };
    let state = serde_json::to_string_pretty(progress).map_err(|error| {
        Error::model(Diagnostic::error(format!(
            "failed to write the state: {error}"
        )))
    })?;
    let checksum = checksum([content.model, &optimizer, &average, state.as_bytes()]);
    let mut files = vec![
        ("model.safetensors", content.model),
        ("optimizer.safetensors", &optimizer),
        ("state.json", state.as_bytes()),
        (CHECKSUM, checksum.as_bytes()),
    ];
    if !average.is_empty() {
        files.push((AVERAGE, &average));
    }
    files::write_folder(&path, &files)?;
    tracing::debug!(path = %path.display(), step = progress.step, "checkpoint written");
    for old in list(folder)?.into_iter().rev().skip(keep.max(1)) {
        remove(&old)?;
    }
    Ok(path)
}

fn remove(path: &Path) -> Result<()> {
    fs::remove_dir_all(path).map_err(|error| Error::io("remove", path, &error))
}

/// Reads the newest checkpoint that is whole, with a warning for each newer one that is not;
/// those are removed, so that they are never taken for the newest again.
///
/// # Errors
/// When all are damaged; nothing is removed then.
pub fn read_newest(folder: &Path) -> Result<(Option<Checkpoint>, Vec<Diagnostic>)> {
    let mut warnings = Vec::new();
    let mut damaged: Vec<PathBuf> = Vec::new();
    for path in list(folder)?.into_iter().rev() {
        match read(&path) {
            Ok(checkpoint) => {
                damaged.iter().try_for_each(|path| remove(path))?;
                return Ok((Some(checkpoint), warnings));
            }
            Err(reason) => {
                let message = format!("checkpoint `{}` is damaged: {reason}", path.display());
                warnings.push(Diagnostic::warning(message).help("the one before is used"));
                damaged.push(path);
            }
        }
    }
    if warnings.is_empty() {
        return Ok((None, warnings));
    }
    let message = format!("no checkpoint in `{}` is whole", folder.display());
    let diagnostic = Diagnostic::error(message).help("train again without `--resume`");
    let reasons = warnings.into_iter().map(|warning| warning.message);
    Err(Error::model(reasons.fold(diagnostic, Diagnostic::note)))
}

/// Returns the checkpoints of a folder, oldest first.
fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(|error| Error::io("read", folder, &error))?;
    let mut steps: Vec<(u64, PathBuf)> = entries
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            let step = name.strip_prefix("step-")?.parse().ok()?;
            Some((step, entry.path()))
        })
        .collect();
    steps.sort();
    Ok(steps.into_iter().map(|(_, path)| path).collect())
}

fn read(path: &Path) -> std::result::Result<Checkpoint, String> {
    let file = |name: &str| {
        let is_small = !name.ends_with(".safetensors");
        let most = if is_small { MAX_STATE_BYTES } else { u64::MAX };
        files::read(&path.join(name), most)
            .map_err(|error| format!("failed to read `{name}`: {error}"))
    };
    let state = file("state.json")?;
    let (model, optimizer) = (file("model.safetensors")?, file("optimizer.safetensors")?);
    let average = if path.join(AVERAGE).exists() {
        file(AVERAGE)?
    } else {
        Vec::new()
    };
    if checksum([&model, &optimizer, &average, &state]).as_bytes() != file(CHECKSUM)? {
        return Err("its checksum does not hold".to_owned());
    }
    let progress = progress_of(&state)?;
    let optimizer = optimizer::State {
        tensors: tensors_from_bytes(&optimizer)?,
        counters: progress.counters.clone(),
    };
    let average = if average.is_empty() {
        BTreeMap::new()
    } else {
        tensors_from_bytes(&average)?
    };
    Ok(Checkpoint {
        path: path.to_path_buf(),
        progress,
        model,
        optimizer,
        average,
    })
}

/// Reads where training stands.
fn progress_of(state: &[u8]) -> std::result::Result<Progress, String> {
    let state: Value = serde_json::from_slice(state).map_err(|error| error.to_string())?;
    if !is_countable(&state) {
        return Err("its state counts further than any training".to_owned());
    }
    serde_json::from_value(state).map_err(|error| error.to_string())
}

/// Tells whether all counts of a state can be added to.
fn is_countable(state: &Value) -> bool {
    match state {
        Value::Number(number) => number.as_i64().is_some() || number.is_f64(),
        Value::Array(values) => values.iter().all(is_countable),
        Value::Object(values) => values.values().all(is_countable),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

/// Returns the BLAKE3 in hex of files, of which each ends where its length says.
fn checksum(files: [&[u8]; 4]) -> String {
    let mut hasher = blake3::Hasher::new();
    for bytes in files {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    }
    hasher.finalize().to_hex().to_string()
}

fn tensors_to_bytes(tensors: &BTreeMap<String, TensorData>) -> Result<Vec<u8>> {
    let failed = |reason: String| {
        Error::model(Diagnostic::error(format!(
            "failed to write a checkpoint: {reason}"
        )))
    };
    let mut views = Vec::new();
    for (name, data) in tensors {
        let view = TensorView::new(Dtype::F32, data.shape().to_vec(), data.as_bytes())
            .map_err(|error| failed(error.to_string()))?;
        views.push((name.as_str(), view));
    }
    safetensors::serialize(views, None).map_err(|error| failed(error.to_string()))
}

fn tensors_from_bytes(bytes: &[u8]) -> std::result::Result<BTreeMap<String, TensorData>, String> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let mut tensors = BTreeMap::new();
    for (name, view) in file.tensors() {
        if view.dtype() != Dtype::F32 {
            return Err(format!("`{name}` is not of 32-bit floats"));
        }
        let values: Vec<f32> = view
            .data()
            .chunks_exact(4)
            .filter_map(|bytes| Some(f32::from_le_bytes(bytes.try_into().ok()?)))
            .collect();
        // As the optimizer keeps them: rows, whatever shape is written beside.
        let length = values.len();
        let data = TensorData::new(values, [length]);
        tensors.insert(name, data);
    }
    Ok(tensors)
}
