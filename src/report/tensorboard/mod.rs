//! Event files for TensorBoard, in the folder `tensorboard/` of a run.

mod event;
mod record;

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::diagnostic::{Error, Result};
use crate::train::Row;
use event::What;

/// The folder within a run's.
pub const FOLDER: &str = "tensorboard";

/// An event file being written.
#[derive(Debug)]
pub struct Board {
    path: PathBuf,
    file: File,
}

impl Board {
    /// Begins a file for a run that begins, goes on or goes back to the epochs of `rows`. What earlier files hold of steps that are
    /// trained again is taken back; figures of epochs done without event files are written now.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn open(run: &Path, rows: &[Row]) -> Result<Self> {
        let folder = run.join(FOLDER);
        fs::create_dir_all(&folder).map_err(|error| Error::io("create", &folder, &error))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default();
        // Readers take files in the order of their names, so each start is later than the last.
        let known = newest(&folder);
        let secs = known.map_or(now.as_secs(), |last| now.as_secs().max(last + 1));
        let host = host();
        let path = folder.join(format!(
            "events.out.tfevents.{secs:010}.{host}.{}.0",
            std::process::id()
        ));
        let file = File::create_new(&path).map_err(|error| Error::io("create", &path, &error))?;
        let mut board = Self { path, file };
        let done = rows.last().map_or(0, |row| row.step);
        let time = now.as_secs_f64();
        let mut bytes = framed(time, 0, What::Version);
        // The first step that is not done, as TensorBoard wants it.
        let next = if rows.is_empty() { 0 } else { done + 1 };
        bytes.extend(framed(time, next, What::Begin));
        board.write(&bytes)?;
        if known.is_none() {
            rows.iter().try_for_each(|row| board.add(row))?;
        }
        Ok(board)
    }

    /// Adds the figures of an epoch, and sees to it that they can be read at once.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn add(&mut self, row: &Row) -> Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let time = now.unwrap_or_default().as_secs_f64();
        self.write(&scalars(time, row))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.file.write_all(bytes).and_then(|()| self.file.flush());
        written.map_err(|error| Error::io("write", &self.path, &error))
    }
}

/// Frames the figures of an epoch, each an event.
fn scalars(time: f64, row: &Row) -> Vec<u8> {
    let figures = [
        ("loss/train", Some(row.train_loss)),
        ("accuracy/train", row.train_accuracy),
        ("loss/validation", row.validation_loss),
        ("accuracy/validation", row.validation_accuracy),
        ("learning_rate", Some(row.learning_rate)),
        ("images_per_second", Some(row.images_per_second)),
    ];
    let there = figures
        .into_iter()
        .filter_map(|(tag, value)| Some((tag, value?)));
    there
        .flat_map(|(tag, value)| {
            let value = value as f32;
            framed(time, row.step, What::Scalar { tag, value })
        })
        .collect()
}

fn framed(time: f64, step: u64, what: What<'_>) -> Vec<u8> {
    record::frame(&event::encode(time, step, what))
}

/// Returns the time in the name of the newest event file.
fn newest(folder: &Path) -> Option<u64> {
    let entries = fs::read_dir(folder).ok()?;
    let time = |name: String| name.split('.').nth(3)?.parse().ok();
    entries
        .flatten()
        .filter_map(|entry| time(entry.file_name().to_string_lossy().into_owned()))
        .max()
}

/// Returns the name of the machine, as a part of a file's name.
fn host() -> String {
    let said = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let said = said.or_else(|| std::env::var("COMPUTERNAME").ok());
    let plain: String = said
        .unwrap_or_default()
        .trim()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    if plain.is_empty() {
        "localhost".to_owned()
    } else {
        plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_those_of_tensorboards_own_writer() {
        let row = Row {
            epoch: 1,
            step: 300,
            train_loss: 0.75,
            train_accuracy: Some(0.5),
            validation_loss: Some(1.25),
            validation_accuracy: Some(0.625),
            learning_rate: 0.001,
            seconds: 2.0,
            images_per_second: 12_345.5,
        };
        let mut bytes = framed(1_700_000_000.25, 0, What::Version);
        bytes.extend(framed(1_700_000_000.25, 0, What::Begin));
        bytes.extend(scalars(1_700_000_001.5, &row));
        bytes.extend(framed(1_700_000_002.5, 301, What::Begin));
        let golden = include_bytes!("../../../tests/golden/tensorboard/events.bin");
        assert_eq!(bytes, golden);
    }
}
