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

/// The file of a run's rows, to which a line is added for each epoch. Rows are not kept in memory, which so takes no more
/// for a hundred thousand epochs than for ten.
#[derive(Debug)]
pub(super) struct History {
    path: PathBuf,
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
    /// Opens the history of a run and drops rows beyond `epochs`, which will be trained again; returns the others too.
    pub(super) fn open(run: &Path, epochs: usize) -> Result<(Self, Vec<Row>)> {
        let path = run.join("metrics.csv");
        let mut rows = if path.exists() {
            read_rows(&path)?
        } else {
            Vec::new()
        };
        rows.retain(|row| row.epoch <= epochs);
        let history = Self { path };
        let mut writer = writer();
        let header = writer.write_record(HEADER);
        header.map_err(|error| history.failed(error))?;
        files::write(&history.path, &history.text(writer, &rows)?)?;
        Ok((history, rows))
    }

    /// Reads the rows so far.
    pub(super) fn rows(&self) -> Result<Vec<Row>> {
        read_rows(&self.path)
    }

    /// Adds a row and makes sure it is on disk.
    pub(super) fn add(&mut self, row: &Row) -> Result<()> {
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

/// Reads the figures of a run's epochs. A last line without its end, cut short while it was written, is none.
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
    let bytes = std::fs::read(path).map_err(|error| damaged(error.into()))?;
    let whole = bytes.iter().rposition(|&byte| byte == b'\n');
    let whole = whole.map_or(0, |end| end + 1);
    csv::Reader::from_reader(&bytes[..whole])
        .deserialize()
        .collect::<std::result::Result<_, _>>()
        .map_err(damaged)
}
