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

/// The file of a run's rows, to which a line is added for each epoch.
#[derive(Debug)]
pub(super) struct History {
    path: PathBuf,
}

/// The largest file that is read: rows of two million epochs.
const MAX_BYTES: u64 = 256 << 20;

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
    /// Names the history of a run.
    pub(super) fn of(run: &Path) -> Self {
        let path = run.join("metrics.csv");
        Self { path }
    }

    /// Drops rows beyond `epochs`, which will be trained again, and returns the others. Makes the file where there is none.
    pub(super) fn begin(&self, epochs: usize) -> Result<Vec<Row>> {
        let mut rows = if self.path.exists() {
            self.rows()?
        } else {
            Vec::new()
        };
        rows.retain(|row| row.epoch <= epochs);
        let mut writer = writer();
        let header = writer.write_record(HEADER);
        header.map_err(|error| self.failed(error))?;
        files::write(&self.path, &self.text(writer, &rows)?)?;
        Ok(rows)
    }

    /// Reads the rows so far.
    pub(super) fn rows(&self) -> Result<Vec<Row>> {
        read_rows(&self.path)
    }

    /// Adds a row and makes sure it is on disk.
    pub(super) fn add(&self, row: &Row) -> Result<()> {
        files::append(&self.path, &self.text(writer(), &[*row])?)
    }

    fn text(&self, mut writer: csv::Writer<Vec<u8>>, rows: &[Row]) -> Result<Vec<u8>> {
        for row in rows {
            let written = writer.serialize(row);
            written.map_err(|error| self.failed(error))?;
        }
        let bytes = writer.into_inner();
        bytes.map_err(|error| Error::io("write", &self.path, &error.into_error()))
    }

    fn failed(&self, error: csv::Error) -> Error {
        Error::io("write", &self.path, &error.into())
    }
}

fn writer() -> csv::Writer<Vec<u8>> {
    csv::WriterBuilder::new()
        .has_headers(false)
        .from_writer(Vec::new())
}

/// Reads the figures of a run's epochs. A last line that was cut short while it was written is none.
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
    let bytes = files::read(path, MAX_BYTES).map_err(|error| damaged(error.into()))?;
    let mut reader = csv::Reader::from_reader(&bytes[..]);
    let mut rows: Vec<std::result::Result<Row, csv::Error>> = reader.deserialize().collect();
    if !bytes.ends_with(b"\n") {
        rows.pop_if(|last| last.is_err());
    }
    let rows: std::result::Result<_, _> = rows.into_iter().collect();
    rows.map_err(damaged)
}
