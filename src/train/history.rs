//! `metrics.csv`: a row an epoch.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::diagnostic::{Diagnostic, Error, Result};
use crate::files;

/// Figures of one epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its number, from 1.
    pub epoch: usize,
    /// Steps done over all epochs.
    pub step: u64,
    /// Mean loss over the epoch's steps, each before its update.
    pub train_loss: f64,
    /// Accuracy over the epoch's steps; nothing where numbers are learnt.
    pub train_accuracy: Option<f64>,
    /// Mean loss on the validation split.
    pub validation_loss: Option<f64>,
    /// Accuracy on the validation split.
    pub validation_accuracy: Option<f64>,
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// Seconds of training.
    pub seconds: f64,
    /// Pictures trained on in a second.
    pub images_per_second: f64,
}

/// The rows of a run and their file, which is written whole each time.
#[derive(Debug)]
pub(super) struct History {
    path: PathBuf,
    rows: Vec<Row>,
}

/// The columns, in the order of [`Row`].
const HEADER: [&str; 9] = [
    "epoch",
    "step",
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "learning_rate",
    "seconds",
    "images_per_second",
];

impl History {
    /// Opens the history of a run and drops rows beyond `epochs`, which will be trained again.
    pub(super) fn open(run: &Path, epochs: usize) -> Result<Self> {
        let path = run.join("metrics.csv");
        let mut rows = if path.exists() {
            read_rows(&path)?
        } else {
            Vec::new()
        };
        rows.retain(|row| row.epoch <= epochs);
        let history = Self { path, rows };
        history.write()?;
        Ok(history)
    }

    /// Returns the rows so far.
    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Adds a row and makes sure it is on disk.
    pub(super) fn add(&mut self, row: &Row) -> Result<()> {
        self.rows.push(*row);
        self.write()
    }

    fn write(&self) -> Result<()> {
        let failed = |error: csv::Error| Error::io("write", &self.path, &error.into());
        let mut writer = csv::WriterBuilder::new()
            .has_headers(false)
            .from_writer(Vec::new());
        writer.write_record(HEADER).map_err(failed)?;
        for row in &self.rows {
            writer.serialize(row).map_err(failed)?;
        }
        let bytes = writer.into_inner();
        let bytes = bytes.map_err(|error| Error::io("write", &self.path, &error.into_error()))?;
        files::write(&self.path, &bytes)
    }
}

/// Reads the figures of a run's epochs.
///
/// # Errors
/// When the file cannot be read, or is damaged.
pub fn read_rows(path: &Path) -> Result<Vec<Row>> {
    let damaged = |error: csv::Error| {
        Error::model(
            Diagnostic::error(format!("`{}` is damaged: {error}", path.display()))
                .help("move it away; it is written anew"),
        )
    };
    let mut reader = csv::Reader::from_path(path).map_err(damaged)?;
    reader
        .deserialize()
        .collect::<std::result::Result<_, _>>()
        .map_err(damaged)
}
