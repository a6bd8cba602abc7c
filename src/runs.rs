//! What was trained: the runs there are, their figures and settings side by side.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::checkpoint::Best;
use crate::config::MAX_CONFIG_BYTES;
use crate::diagnostic::{Diagnostic, Error, Kind, Result};
use crate::files;
use crate::run::{self, FOLDER, Record};
use crate::train::{End, Reason, Row, read_rows};

/// A run as its folder tells it.
#[derive(Clone, Debug)]
pub struct Past {
    /// Its name below `runs/`, such as `lenet5-1` or `lenet5-sweep-1/trial-001`.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
    /// What `run.json` says; `killed` if it says `running` and no process holds the run.
    pub record: Record,
    /// The figures of its epochs.
    pub rows: Vec<Row>,
}

/// What runs are put in order by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// The last trained first, which `latest` names.
    Latest,
    /// The last begun first.
    Started,
    /// By the alphabet.
    Name,
    /// The most accurate first.
    Accuracy,
    /// The smallest loss first.
    Loss,
    /// The longest trained first.
    Time,
}

impl Past {
    /// Reads a run.
    ///
    /// # Errors
    /// When its record or its figures are damaged.
    pub fn read(path: &Path) -> Result<Self> {
        let below = path.strip_prefix(FOLDER).unwrap_or(path);
        let figures = path.join("metrics.csv");
        let mut record = run::read_record(path)?;
        if record.status == "running" && run::is_abandoned(path) {
            "killed".clone_into(&mut record.status);
        }
        Ok(Self {
            name: below.display().to_string(),
            path: path.to_owned(),
            record,
            rows: if figures.is_file() {
                read_rows(&figures)?
            } else {
                Vec::new()
            },
        })
    }

    /// Returns what it is called by: its own name, its network's and its data's.
    #[must_use]
    pub fn names(&self) -> [&str; 3] {
        [&self.name, &self.record.model, &self.record.data]
    }

    /// Returns the figures of the epoch whose weights were kept.
    #[must_use]
    pub fn best(&self) -> Option<&Row> {
        let epoch = self.record.best_epoch?;
        self.rows.iter().find(|row| row.epoch == epoch)
    }

    /// Returns the accuracy on the test split, else that of the best epoch on the validation split.
    #[must_use]
    pub fn accuracy(&self) -> Option<f64> {
        let tested = self.record.test.and_then(|test| test.accuracy);
        tested.or_else(|| self.best()?.validation_accuracy)
    }

    /// Returns the loss on the test split, else that of the best epoch on the validation split.
    #[must_use]
    pub fn loss(&self) -> Option<f64> {
        let tested = self.record.test.map(|test| test.loss);
        tested.or_else(|| self.best()?.validation_loss)
    }

    /// Returns what came of it.
    #[must_use]
    pub fn end(&self) -> End {
        let best = self.best().map(|row| Best {
            epoch: row.epoch,
            loss: row.validation_loss.unwrap_or(row.train_loss),
        });
        End {
            run: self.path.clone(),
            reason: if self.record.status == "finished" {
                Reason::Finished
            } else {
                Reason::Paused
            },
            epochs: self.record.epochs,
            best,
            test: self.record.test,
            train_secs: self.record.train_secs,
            rows: self.rows.clone(),
            unseen: None,
        }
    }

    /// Returns the settings that it was trained with, by their dotted keys.
    ///
    /// # Errors
    /// When its config cannot be read.
    pub fn settings(&self) -> Result<BTreeMap<String, String>> {
        let path = self.path.join("config.toml");
        let text = files::read_text(&path, MAX_CONFIG_BYTES as u64)
            .map_err(|error| Error::io("read", &path, &error))?;
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            let message = format!("`{}` is damaged: {}", path.display(), error.message());
            Error::model(Diagnostic::error(message))
        })?;
        let mut settings = BTreeMap::new();
        flatten("", &toml::Value::Table(table), &mut settings);
        Ok(settings)
    }
}

fn flatten(prefix: &str, value: &toml::Value, settings: &mut BTreeMap<String, String>) {
    let key = |part: &str| match prefix {
        "" => part.to_owned(),
        _ => format!("{prefix}.{part}"),
    };
    match value {
        toml::Value::Table(table) => {
            for (part, value) in table {
                flatten(&key(part), value, settings);
            }
        }
        toml::Value::Array(items) if items.iter().any(toml::Value::is_table) => {
            for (number, value) in items.iter().enumerate() {
                flatten(&key(&number.to_string()), value, settings);
            }
        }
        value => {
            settings.insert(prefix.to_owned(), value.to_string());
        }
    }
}

/// Returns all runs, those of sweeps and cross-validations too; and a warning for each that cannot be read.
///
/// # Errors
/// When the folder of all runs is there and cannot be read.
pub(crate) fn list() -> Result<(Vec<Past>, Vec<Diagnostic>)> {
    let mut found = Vec::new();
    let mut warnings = Vec::new();
    let mut visit = |path: &Path| {
        if !path.join("run.json").is_file() {
            return false;
        }
        match Past::read(path) {
            Ok(past) => found.push(past),
            Err(error) => warnings.push(Diagnostic::warning(error.to_string())),
        }
        true
    };
    let root = Path::new(FOLDER);
    if let Err(error) = fs::read_dir(root)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(Error::io("read", root, &error));
    }
    for folder in folders(root) {
        if !visit(&folder) {
            for within in folders(&folder) {
                visit(&within);
            }
        }
    }
    Ok((found, warnings))
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let mut folders: Vec<PathBuf> = paths.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// Puts runs in order; those without the figure come last.
pub(crate) fn sort(runs: &mut [Past], order: Order) {
    let best_first = |a: Option<f64>, b: Option<f64>| match (a, b) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        (a, b) => b.is_some().cmp(&a.is_some()),
    };
    runs.sort_by(|a, b| {
        let newest = b.record.started_unix.cmp(&a.record.started_unix);
        match order {
            Order::Latest => {
                run::recency(&b.path, &b.record).cmp(&run::recency(&a.path, &a.record))
            }
            Order::Started => newest,
            Order::Name => a.name.cmp(&b.name),
            Order::Accuracy => {
                let negative = |run: &Past| run.accuracy().map(|accuracy| -accuracy);
                best_first(negative(a), negative(b)).then(newest)
            }
            Order::Loss => best_first(a.loss(), b.loss()).then(newest),
            Order::Time => (b.record.train_secs).total_cmp(&a.record.train_secs),
        }
    });
}

/// Returns the settings in which runs differ, by their dotted keys: the value in each, where it has one.
///
/// # Errors
/// When a config cannot be read.
pub(crate) fn differences(runs: &[Past]) -> Result<BTreeMap<String, Vec<Option<String>>>> {
    let settings: Vec<_> = runs.iter().map(Past::settings).collect::<Result<_>>()?;
    let keys = settings.iter().flat_map(BTreeMap::keys);
    let mut differences = BTreeMap::new();
    for key in keys {
        let values: Vec<_> = settings.iter().map(|own| own.get(key).cloned()).collect();
        if values.iter().any(|value| *value != values[0]) {
            differences.insert(key.clone(), values);
        }
    }
    Ok(differences)
}

/// Removes runs with all that is in their folders, damaged ones too; none of them if one is not there or in use.
///
/// # Errors
/// When there is no such run, a process is training one (exit code 7), or one cannot be removed.
pub(crate) fn remove(names: &[String]) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for name in names {
        let path = run::find(name)?;
        let real = fs::canonicalize(&path).map_err(|error| Error::io("open", &path, &error))?;
        if !paths.iter().any(|(_, other)| *other == real) {
            paths.push((path, real));
        }
    }
    let locks = paths.iter().map(|(path, _)| {
        let checkpoints = path.join("checkpoints");
        let message = format!("run `{}` is in use by another process", path.display());
        let busy = Diagnostic::error(message).help("stop it, or wait until it ends");
        let is_there = checkpoints.is_dir();
        is_there.then(|| run::lock(&checkpoints, busy)).transpose()
    });
    let _locks: Vec<_> = locks.collect::<Result<_>>()?;
    let remove = |(path, _): (PathBuf, PathBuf)| {
        fs::remove_dir_all(&path).map_err(|error| Error::io("remove", &path, &error))?;
        Ok(path)
    };
    paths.into_iter().map(remove).collect()
}

/// Finds a run by its folder or name.
///
/// # Errors
/// When there is none, or a model file alone is named.
pub(crate) fn find(name: &str) -> Result<Past> {
    if Path::new(name).is_file() {
        let message = format!("`{name}` is a file, and a run is a folder");
        return Err(Error::new(Kind::Model, Diagnostic::error(message)));
    }
    Past::read(&run::find(name)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_dotted_keys() {
        let text = "a = 1\n[train]\noptimizer = { type = \"adam\" }\n[model]\ninput = [1, 8]\nlayers = [{ type = \"conv\", size = 3 }, { type = \"dense\" }]\n";
        let mut settings = BTreeMap::new();
        let table: toml::Table = text.parse().unwrap();
        flatten("", &toml::Value::Table(table), &mut settings);
        let settings: Vec<String> = settings
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        assert_eq!(
            settings,
            [
                "a=1",
                "model.input=[1, 8]",
                "model.layers.0.size=3",
                "model.layers.0.type=\"conv\"",
                "model.layers.1.type=\"dense\"",
                "train.optimizer.type=\"adam\"",
            ]
        );
    }
}
