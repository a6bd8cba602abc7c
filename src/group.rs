//! A folder of runs that belong together: the folds of a cross-validation, the trials of a sweep.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::config::Override;
use crate::diagnostic::{Diagnostic, Error, Result, in_backticks};
use crate::files;
use crate::load::{self, Project};
use crate::model::Device;
use crate::run;
use crate::train::{self, End, Event, Row, Stop, Target};

/// What all runs of a group are made from, kept whole so that nothing changes until the last.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Recipe {
    /// The config file as it was named.
    pub config: PathBuf,
    /// What it said.
    pub text: String,
    /// Settings put over it.
    pub overrides: Vec<Override>,
}

impl Recipe {
    /// Reads a config file.
    ///
    /// # Errors
    /// When there is no such file, or it is too long or no text.
    pub(crate) fn read(config: &Path, overrides: Vec<Override>) -> Result<Self> {
        Ok(Self {
            config: config.to_path_buf(),
            text: load::read_text(config)?,
            overrides,
        })
    }

    /// Checks the config with more settings put over it.
    ///
    /// # Errors
    /// All errors at once.
    pub(crate) fn project(&self, more: &[Override]) -> Result<Project> {
        let overrides = [&self.overrides, more].concat();
        Project::of_file(&self.config, &self.text, &overrides)
    }
}

/// Where and how the runs of a group compute.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compute<'a> {
    /// The device.
    pub device: Device,
    /// Threads that prepare batches.
    pub threads: usize,
    /// Asks to save and stop.
    pub stop: &'a Stop,
}

/// What a group is, for its folder and for messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sort {
    /// In the name of its folder.
    pub(crate) suffix: &'static str,
    /// The file that says what it is made of.
    pub(crate) file: &'static str,
    /// In a sentence.
    pub(crate) noun: &'static str,
}

/// A folder of runs in use by this process.
#[derive(Debug)]
pub(crate) struct Group {
    /// The folder.
    pub(crate) path: PathBuf,
    sort: Sort,
    /// Held while the process lives; a killed one leaves no lock.
    _lock: File,
}

impl Group {
    /// Creates `runs/<name>-<suffix>-<n>/` with the first free number, or `runs/<exact>/`.
    pub(crate) fn create(sort: Sort, name: &str, exact: Option<&str>) -> Result<Self> {
        let stem = format!("{name}-{}", sort.suffix);
        let path = run::create_folder(&stem, exact)?;
        Self::hold(sort, path)
    }

    /// Opens one to go on with: its name under `runs/`, or its path.
    pub(crate) fn open(sort: Sort, name: &str) -> Result<Self> {
        let named = Path::new(run::FOLDER).join(name);
        let places = [named, PathBuf::from(name)];
        let found = places.iter().find(|path| path.join(sort.file).is_file());
        match found {
            Some(path) => Self::hold(sort, path.clone()),
            None => Err(missing(sort, name)),
        }
    }

    fn hold(sort: Sort, path: PathBuf) -> Result<Self> {
        let message = format!("`{}` is in use by another process", path.display());
        let busy = Diagnostic::error(message).help("wait until it ends");
        let lock = run::lock(&path, busy)?;
        files::remove_unfinished(&path)?;
        Ok(Self {
            path,
            sort,
            _lock: lock,
        })
    }

    /// Writes what the group is made of.
    pub(crate) fn write_state<T: Serialize>(&self, state: &T) -> Result<()> {
        let path = self.path.join(self.sort.file);
        let text = serde_json::to_string_pretty(state).map_err(|error| {
            let message = format!("failed to write `{}`: {error}", path.display());
            Error::model(Diagnostic::error(message))
        })?;
        files::write(&path, format!("{text}\n").as_bytes())
    }

    /// Reads what the group is made of.
    pub(crate) fn read_state<T: DeserializeOwned>(&self) -> Result<T> {
        let path = self.path.join(self.sort.file);
        let text = fs::read_to_string(&path).map_err(|error| Error::io("read", &path, &error))?;
        serde_json::from_str(&text).map_err(|error| damaged(&path, &error))
    }

    /// Writes rows as a CSV file.
    pub(crate) fn write_rows(&self, name: &str, rows: &[Vec<String>]) -> Result<()> {
        let path = self.path.join(name);
        let mut writer = csv::Writer::from_writer(Vec::new());
        let failed = |error: csv::Error| Error::io("write", &path, &error.into());
        for row in rows {
            writer.write_record(row).map_err(failed)?;
        }
        let bytes = writer.into_inner();
        let bytes = bytes.map_err(|error| Error::io("write", &path, &error.into_error()))?;
        files::write(&path, &bytes)
    }

    /// Trains a run of the group: a new one, or the rest of one; up to `until` epochs.
    pub(crate) fn train(
        &self,
        name: &str,
        project: &Project,
        compute: Compute<'_>,
        until: Option<usize>,
        emit: &mut dyn FnMut(Event),
    ) -> Result<End> {
        let path = self.path.join(name);
        let has_begun = path.join("run.json").is_file();
        let options = train::Options {
            project,
            device: compute.device,
            others: &[],
            target: if has_begun {
                Target::Resume(path)
            } else {
                Target::At(path)
            },
            threads: compute.threads,
            stop: compute.stop,
            until,
            // What is chosen by a split must not be judged by it too.
            test: false,
        };
        train::train(&options, emit)
    }
}

/// What a run of a group came to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Epochs done.
    pub epochs: usize,
    /// The epoch whose weights are kept.
    pub best_epoch: usize,
    /// Mean training loss of that epoch.
    pub train_loss: f64,
    /// Training accuracy of that epoch, where classes are learnt.
    pub train_accuracy: Option<f64>,
    /// Loss of the kept weights on the validation split.
    pub validation_loss: f64,
    /// Accuracy of the kept weights on the validation split, where classes are learnt.
    pub validation_accuracy: Option<f64>,
    /// Seconds of training.
    pub seconds: f64,
}

impl Figures {
    /// The columns of a CSV file, in the order of [`cells`](Self::cells).
    pub(crate) const COLUMNS: [&'static str; 7] = [
        "epochs",
        "best_epoch",
        "train_loss",
        "train_accuracy",
        "validation_loss",
        "validation_accuracy",
        "seconds",
    ];

    /// Takes the figures of the epoch whose weights a run has kept.
    ///
    /// # Errors
    /// When nothing was validated.
    pub(crate) fn of(end: &End) -> Result<Self> {
        let row = end.best.and_then(|best| {
            let mut rows = end.rows.iter();
            rows.find(|row| row.epoch == best.epoch)
        });
        let figures = row.and_then(|row: &Row| {
            Some(Self {
                epochs: end.epochs,
                best_epoch: row.epoch,
                train_loss: row.train_loss,
                train_accuracy: row.train_accuracy,
                validation_loss: row.validation_loss?,
                validation_accuracy: row.validation_accuracy,
                seconds: end.train_secs,
            })
        });
        figures.ok_or_else(|| {
            let message = format!("run `{}` has no validation figures", end.run.display());
            let help = "add `validation = 0.1` to `[data]`";
            Error::data(Diagnostic::error(message).help(help))
        })
    }

    /// Returns the cells of a CSV row.
    pub(crate) fn cells(&self) -> [String; 7] {
        [
            self.epochs.to_string(),
            self.best_epoch.to_string(),
            self.train_loss.to_string(),
            written(self.train_accuracy),
            self.validation_loss.to_string(),
            written(self.validation_accuracy),
            self.seconds.to_string(),
        ]
    }
}

fn missing(sort: Sort, name: &str) -> Error {
    let root = Path::new(run::FOLDER);
    let message = format!("no {} `{name}`", sort.noun);
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let mut there: Vec<String> = entries
        .filter(|entry| entry.path().join(sort.file).is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    there.sort();
    let diagnostic = Diagnostic::error(message);
    Error::model(if there.is_empty() {
        diagnostic.help(format!(
            "there is none in `runs/`: start one with `cnn {} CONFIG`",
            sort.suffix
        ))
    } else {
        diagnostic.note(format!("there is {}", in_backticks(&there)))
    })
}

fn damaged(path: &Path, error: &serde_json::Error) -> Error {
    let message = format!("`{}` is damaged: {error}", path.display());
    Error::model(Diagnostic::error(message).help("start anew without `--resume`"))
}

/// Writes a figure that there may not be.
fn written(figure: Option<f64>) -> String {
    figure.map_or_else(String::new, |figure| figure.to_string())
}
