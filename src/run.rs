//! A run folder: what was trained, how, and what came of it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::diagnostic::{Diagnostic, Error, Kind, Result, in_backticks};
use crate::files;

/// Where runs are kept, below the working directory.
pub const FOLDER: &str = "runs";

/// The file of the best weights.
pub const MODEL: &str = "model.safetensors";

/// The largest `run.json` that is read.
const MAX_RECORD_BYTES: u64 = 4 << 20;

/// A run folder in use by this process.
#[derive(Debug)]
pub struct Run {
    /// The folder.
    pub path: PathBuf,
    /// Held while the process lives; a killed one leaves no lock.
    _lock: File,
}

/// Returns the seconds since 1970.
pub(crate) fn unix_secs() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |elapsed| elapsed.as_secs())
}

/// What `run.json` says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// `running`, `finished`, `stopped`, `failed` or `imported`. A killed process leaves `running` behind.
    pub status: String,
    /// Name of the network.
    pub model: String,
    /// Seed of weights, order, augmentation and dropout.
    pub seed: u64,
    /// Device by its name.
    pub device: String,
    /// Data source as the config or the command line named it.
    pub data: String,
    /// BLAKE3 of all pictures and labels.
    pub data_fingerprint: String,
    /// Version of `cnn`.
    pub version: String,
    /// Seconds since 1970 at the first start.
    pub started_unix: u64,
    /// Seconds since 1970 when it was last written.
    pub updated_unix: u64,
    /// Seconds of training, over all starts.
    pub train_secs: f64,
    /// Epochs done.
    pub epochs: usize,
    /// The epoch of the best weights.
    pub best_epoch: Option<usize>,
    /// Loss and accuracy of the best weights on the test split.
    pub test: Option<TestFigures>,
    /// Where its first weights came from, if they had been trained before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_weights: Option<FirstWeights>,
}

/// Weights that a training began with, and that had been trained before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FirstWeights {
    /// Their file.
    pub file: String,
    /// How many weights and running statistics were taken.
    pub taken: usize,
    /// How their places were found.
    pub placed: String,
    /// Layers that started anew.
    pub fresh: Vec<String>,
}

impl Record {
    /// Describes a run that begins now.
    pub(crate) fn begin(status: &str, model: String, seed: u64, device: String) -> Self {
        Self {
            status: status.to_owned(),
            model,
            seed,
            device,
            data: String::new(),
            data_fingerprint: String::new(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_unix: unix_secs(),
            updated_unix: unix_secs(),
            train_secs: 0.0,
            epochs: 0,
            best_epoch: None,
            test: None,
            first_weights: None,
        }
    }
}

/// Figures on the test split.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestFigures {
    /// Pictures.
    pub samples: u64,
    /// Mean loss.
    pub loss: f64,
    /// Share of right answers, where there are any.
    pub accuracy: Option<f64>,
}

impl Run {
    /// Creates `runs/<name>-<n>/` with the first free number, or `runs/<exact>/`.
    ///
    /// # Errors
    /// When the folder cannot be written, or the exact name is taken.
    pub fn create(name: &str, exact: Option<&str>) -> Result<Self> {
        Self::create_at(create_folder(name, exact)?)
    }

    /// Creates a run at `path`, below a folder that is there; what a killed process left there before
    /// the run had begun is taken over.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn create_at(path: PathBuf) -> Result<Self> {
        let checkpoints = path.join("checkpoints");
        fs::create_dir_all(&checkpoints)
            .map_err(|error| Error::io("create", &checkpoints, &error))?;
        Self::open(path)
    }

    /// Opens a run to go on with it.
    ///
    /// # Errors
    /// Exit code 7 when another process trains it.
    pub fn open(path: PathBuf) -> Result<Self> {
        let checkpoints = path.join("checkpoints");
        let message = format!("run `{}` is in use by another process", path.display());
        let help = "wait until it ends, or start a run of its own without `--resume`";
        let busy = Diagnostic::error(message).help(help);
        let lock = lock(&checkpoints, busy)?;
        files::remove_unfinished(&path)?;
        if checkpoints.is_dir() {
            files::remove_unfinished(&checkpoints)?;
        }
        Ok(Self { path, _lock: lock })
    }

    /// Writes `run.json`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_record(&self, record: &Record) -> Result<()> {
        let text = serde_json::to_string_pretty(record).map_err(|error| {
            Error::model(Diagnostic::error(format!(
                "failed to write `run.json`: {error}"
            )))
        })?;
        files::write(&self.path.join("run.json"), format!("{text}\n").as_bytes())
    }

    /// Returns the name of the folder.
    #[must_use]
    pub fn name(&self) -> String {
        self.path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default()
    }
}

/// Creates the folder `runs/<name>-<n>/` with the first free number, or `runs/<exact>/`.
///
/// # Errors
/// When it cannot be written, or the exact name is taken.
pub(crate) fn create_folder(name: &str, exact: Option<&str>) -> Result<PathBuf> {
    let root = Path::new(FOLDER);
    fs::create_dir_all(root).map_err(|error| Error::io("create", root, &error))?;
    if let Some(exact) = exact {
        let path = root.join(exact);
        return match fs::create_dir(&path) {
            Ok(()) => Ok(path),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(Error::config(
                Diagnostic::error(format!("a run `{exact}` exists")).help(format!(
                    "choose another name, or go on with `--resume {exact}`"
                )),
            )),
            Err(error) => Err(Error::io("create", &path, &error)),
        };
    }
    // Runs started together each find the next number free.
    for number in 1_u32.. {
        let path = root.join(format!("{name}-{number}"));
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Error::io("create", &path, &error)),
        }
    }
    Err(Error::config(Diagnostic::error(format!(
        "no number is left for a run of `{name}`"
    ))))
}

/// Locks a folder while the returned file is held.
///
/// # Errors
/// `busy` with exit code 7 when another process holds it.
pub(crate) fn lock(folder: &Path, busy: Diagnostic) -> Result<File> {
    let lock = files::lock_folder(folder)?;
    lock.ok_or_else(|| Error::new(Kind::Busy, busy))
}

/// Reads `run.json`.
///
/// # Errors
/// When it is not there or damaged.
pub fn read_record(path: &Path) -> Result<Record> {
    let file = path.join("run.json");
    let text =
        files::read(&file, MAX_RECORD_BYTES).map_err(|error| Error::io("read", &file, &error))?;
    serde_json::from_slice(&text).map_err(|error| {
        let message = format!("`{}` is damaged: {error}", file.display());
        let help = "bring back a copy of it, or train anew without `--resume`";
        Error::model(Diagnostic::error(message).help(help))
    })
}

/// Warns of data that is not what a run was trained on, told by its model file and the fingerprint of the data.
pub(crate) fn changed_since(model: &Path, fingerprint: &str) -> Option<Diagnostic> {
    let record = read_record(model.parent()?).ok()?;
    let message = "the data is not what the run was trained on: its fingerprint has changed";
    let note =
        "samples that the network has learned from may be among those that it is measured on";
    let is_other = !record.data_fingerprint.is_empty() && record.data_fingerprint != fingerprint;
    is_other.then(|| Diagnostic::warning(message).note(note))
}

/// Finds a run folder: a path, a name under `runs/`, or `latest`.
///
/// # Errors
/// When there is none; the message lists what there is.
pub fn find(name: &str) -> Result<PathBuf> {
    let root = Path::new(FOLDER);
    if name == "latest" {
        return latest(root, "run", |_| true);
    }
    let named = root.join(name);
    if named.join("run.json").is_file() {
        return Ok(named);
    }
    let direct = PathBuf::from(name);
    if direct.join("run.json").is_file() {
        return Ok(direct);
    }
    let diagnostic = Diagnostic::error(format!("no run `{name}`")).note(format!(
        "neither `{}` nor `{name}` is a run folder",
        named.display()
    ));
    // A sweep or a cross-validation holds runs of its own.
    let held = runs(&named);
    if let Some((path, _)) = held.first() {
        let first = path
            .strip_prefix(root)
            .unwrap_or(path)
            .display()
            .to_string();
        let message = format!("`{name}` holds {} runs", held.len());
        let help = format!("name one of them, such as `{first}`");
        return Err(Error::model(Diagnostic::error(message).help(help)));
    }
    Err(Error::model(with_runs(diagnostic, root)))
}

/// Finds a model file: a file, or the best weights of a run.
///
/// # Errors
/// When there is none.
pub fn find_model(name: &str) -> Result<PathBuf> {
    let direct = Path::new(name);
    if direct.is_file() {
        return Ok(direct.to_path_buf());
    }
    let has_model = |path: &Path| path.join(MODEL).is_file();
    let run = if name == "latest" {
        latest(Path::new(FOLDER), "trained run", has_model)?
    } else {
        find(name)?
    };
    let model = run.join(MODEL);
    if model.is_file() {
        return Ok(model);
    }
    let message = format!("run `{}` has no `{MODEL}` yet", run.display());
    Err(Error::model(
        Diagnostic::error(message).help("let it train for an epoch"),
    ))
}

/// Returns what to call a model file in a report: the run it stands in, or its own path.
#[must_use]
pub fn name_of(model: &Path) -> String {
    let run = model
        .parent()
        .filter(|folder| folder.join("run.json").is_file());
    let name = run.and_then(Path::file_name);
    match name {
        Some(name) => name.to_string_lossy().into_owned(),
        None => model.display().to_string(),
    }
}

fn with_runs(diagnostic: Diagnostic, root: &Path) -> Diagnostic {
    let mut names: Vec<String> = runs(root)
        .iter()
        .filter_map(|(path, _)| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    if names.is_empty() {
        return diagnostic.help("begin with `cnn new lenet5`, then `cnn train lenet5.toml`");
    }
    let shown = in_backticks(names.iter().take(10));
    let rest = names.len().saturating_sub(10);
    let more = if rest > 0 {
        format!(" and {rest} more")
    } else {
        String::new()
    };
    diagnostic.note(format!("there is {shown}{more}"))
}

fn runs(root: &Path) -> Vec<(PathBuf, Record)> {
    let Ok(entries) = fs::read_dir(root) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let with_record = paths.into_iter().filter_map(|path| {
        let record = read_record(&path).ok()?;
        Some((path, record))
    });
    with_record.collect()
}

/// Tells whether a run that is `running` by its record is so no more, as nothing holds it.
pub(crate) fn is_abandoned(path: &Path) -> bool {
    let checkpoints = path.join("checkpoints");
    // Without the folder that is locked no process can have it.
    !checkpoints.is_dir() || matches!(files::is_locked(&checkpoints), Ok(false))
}

/// What runs are put in order by, the latest last: when it was last trained, which its record tells to the second and the
/// record's file finer. Of two at one moment the one with the larger number came later.
pub(crate) fn recency<'a>(path: &'a Path, record: &Record) -> impl Ord + use<'a> {
    let modified = fs::metadata(path.join("run.json")).and_then(|file| file.modified());
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let digits = name.rsplit('-').next().unwrap_or_default();
    let number: u64 = digits.parse().unwrap_or_default();
    (record.updated_unix, modified.ok(), number, path)
}

/// Returns the run that was trained last, of those that serve.
fn latest(root: &Path, what: &str, serves: impl Fn(&Path) -> bool) -> Result<PathBuf> {
    let newest = runs(root)
        .into_iter()
        .filter(|(path, _)| serves(path))
        .max_by(|(path, record), (other, its)| recency(path, record).cmp(&recency(other, its)));
    match newest {
        Some((path, _)) => Ok(path),
        None => Err(Error::model(
            Diagnostic::error(format!("no {what} in `runs/`"))
                .help("begin with `cnn new lenet5`, then `cnn train lenet5.toml`"),
        )),
    }
}
