//! A config file, checked as far as it can be before any data is read.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::str::FromStr;

use crate::config::{Config, MAX_CONFIG_BYTES, Override, Task, run_name_from};
use crate::dataset::{self, Dataset, Request, Targets};
use crate::diagnostic::{Diagnostic, Error, Kind, Result, in_backticks};
use crate::files;
use crate::plan::Plan;

/// The largest picture a network is trained on, in values.
const MAX_PICTURE_VALUES: u128 = 1 << 28;

/// A config without errors, and what follows from it alone: what training takes.
///
/// ```
/// use cnn::Project;
///
/// let project: Project = "
///     [model]
///     input  = [3, 32, 32]
///     layers = [{ type = 'conv', filters = 8, kernel_size = 3 }, { type = 'global_pool' }]
///     [train]
///     epochs = 30
/// ".parse()?;
/// assert_eq!(project.config.train.epochs, 30);
/// assert_eq!(project.plan.output(), [8]);
///
/// // All errors of a config come at once.
/// let error = Project::check(
///     "mine.toml",
///     "[model]\ninput = [1, 8, 8]\nlayers = [{ type = 'conv', filters = 2 }]\n[train]\nepocs = 1\n",
///     &[],
/// ).unwrap_err();
/// let lines: Vec<_> = error.diagnostics.iter().map(|one| (one.line(), one.message.as_str())).collect();
/// assert_eq!(lines, [
///     (Some(3), "`conv` needs `kernel_size`"),
///     (Some(5), "unknown key `epocs` in `[train]`"),
/// ]);
/// # Ok::<(), cnn::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Project {
    /// The config.
    pub config: Config,
    /// Its shapes and counts.
    pub plan: Plan,
    /// What it asks of its data; nothing for an input that is tried out and does not fit the data.
    request: Option<Request>,
}

impl Project {
    /// Reads and checks a config file; the network is named after it if it has no name.
    ///
    /// # Errors
    /// All errors of the file at once.
    pub fn read(path: &Path, overrides: &[Override]) -> Result<Self> {
        Self::of_file(path, &read_text(path)?, overrides)
    }

    /// Checks the text that a config file holds; the network is named after the file if it has no name.
    ///
    /// # Errors
    /// All errors of the text at once.
    pub fn of_file(path: &Path, text: &str, overrides: &[Override]) -> Result<Self> {
        let name = path.display().to_string();
        let mut project = Self::check(&name, text, overrides)?;
        if project.config.model.name.is_none() {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            project.config.model.name = Some(run_name_from(&stem));
        }
        Ok(project)
    }

    /// Checks the text of a config.
    ///
    /// # Errors
    /// All errors of the text at once.
    pub fn check(name: &str, text: &str, overrides: &[Override]) -> Result<Self> {
        let parsed = Config::parse(name, text, overrides);
        let mut problems = parsed.problems;
        let mut planned = None;
        if let Some(config) = parsed.config {
            let mut plan = match Plan::new(&config.model) {
                Ok(plan) => Some(plan),
                Err(more) => {
                    problems.extend(more);
                    None
                }
            };
            if let Some(plan) = &mut plan {
                let frozen = plan.freeze(&config.train.freeze);
                problems.extend(frozen.err().into_iter().flatten());
                let rates = plan.set_rates(&config.train.rate_factors);
                problems.extend(rates.err().into_iter().flatten());
            }
            if let Some(plan) = &plan {
                problems.extend(plan.breaches(&config.budget, config.train.batch_size));
            }
            match dataset::request(&config) {
                // An input that is tried out need not fit the data.
                Err(_) if config.model.input.span.source.name == "--input" => {
                    planned = plan.map(|plan| (config, plan, None));
                }
                Ok(request) => planned = plan.map(|plan| (config, plan, Some(request))),
                Err(more) => problems.extend(more),
            }
        }
        match planned {
            Some((config, plan, request)) if problems.is_empty() => Ok(Self {
                config,
                plan,
                request,
            }),
            _ => {
                problems.sort_by_key(Diagnostic::place);
                Err(Error {
                    kind: Kind::Config,
                    diagnostics: problems,
                })
            }
        }
    }

    /// Checks the config once more, as its values may have been changed since it was read.
    ///
    /// # Errors
    /// All that is out of its bounds, at places in the config as [`Config::to_toml`] writes it.
    pub(crate) fn check_again(&self) -> Result<()> {
        Self::check("the changed config", &self.config.to_toml(), &[]).map(|_| ())
    }

    /// Returns what the config asks of its data.
    ///
    /// # Errors
    /// When an input was tried out that does not fit the data.
    #[doc(hidden)]
    pub fn request(&self) -> Result<&Request> {
        self.request.as_ref().ok_or_else(|| {
            let shape = crate::shape::display(&self.plan.input);
            let message = format!("`[data]` does not fit an input of {shape}");
            let place = &self.config.model.input.span;
            Error::config(Diagnostic::error(message).at(place, ""))
        })
    }

    /// Loads the data set and checks that its classes fit the network's answer.
    ///
    /// Returns the preprocessing with what only the data tells: its border, and its mean and
    /// deviation where the config asks for them.
    ///
    /// # Errors
    /// When there is no source, the source is faulty, or the classes do not fit.
    #[doc(hidden)]
    pub fn load_data(&self) -> Result<Loaded> {
        let request = self.request()?;
        if request.source.is_empty() {
            return Err(self.no_data());
        }
        if self
            .plan
            .counts()
            .is_none_or(|counts| counts.trainable == 0)
        {
            let frozen = self.plan.counts().is_some_and(|counts| counts.frozen > 0);
            let help = if frozen {
                "all of them are frozen: remove `trainable = false` from a layer"
            } else {
                "add a `conv` or a `dense` layer"
            };
            return Err(Error::config(
                Diagnostic::error("the network has no weights to train")
                    .at(&self.config.model.input.span, "")
                    .help(help),
            ));
        }
        let values: u128 = self.plan.input.iter().map(|size| *size as u128).product();
        if values > MAX_PICTURE_VALUES {
            let shape = crate::shape::display(&self.plan.input);
            let message = format!("pictures of {shape} are too large to train on");
            let help = "make `input` smaller";
            let place = &self.config.model.input.span;
            return Err(Error::config(
                Diagnostic::error(message).at(place, "").help(help),
            ));
        }
        let outputs = Some(self.plan.output().iter().product());
        let request = &Request {
            outputs,
            ..request.clone()
        };
        let mut dataset = dataset::load(request)?;
        tracing::debug!(
            source = request.source,
            train = dataset.train.len(),
            fingerprint = dataset.fingerprint,
            "data loaded"
        );
        self.check_task(&dataset)?;
        let classes = self.fit_classes(&dataset)?;
        if classes.len() > dataset.classes.len() {
            let (has, answers) = (dataset.classes.len(), classes.len());
            let message = format!("the data has {has} classes, the network answers with {answers}");
            let warning = self.at_answer(Diagnostic::warning(message), has);
            dataset.warnings.push(warning);
        }
        let mut preprocessing = request.preprocessing.clone();
        preprocessing.border = dataset.border;
        preprocessing.take_kind(&dataset.train, self.config.data.rescale.is_some());
        if preprocessing.floats && self.config.augment != crate::config::Augment::default() {
            let message = format!(
                "`{}` holds floats, and `[augment]` changes bytes",
                dataset.name
            );
            let help = "remove `[augment]`, or save the pictures as `uint8`";
            return Err(Error::config(Diagnostic::error(message).help(help)));
        }
        if self.config.data.normalize.value == crate::config::Normalize::Dataset {
            dataset::normalize_by(&dataset.train, &mut preprocessing)?;
        }
        Ok(Loaded {
            dataset: Dataset { classes, ..dataset },
            preprocessing,
        })
    }

    /// Says what data the network takes.
    fn no_data(&self) -> Error {
        let input = crate::shape::display(&self.plan.input);
        let outputs: usize = self.plan.output().iter().product();
        let help = match (&self.plan.input[..], outputs) {
            ([1, 28 | 32, 28 | 32], 10) => {
                "add `source = \"mnist-5k\"` to `[data]`, or give `--data`"
            }
            ([1 | 3, _, _], _) => {
                "give `--data FOLDER`, a folder of class folders of pictures, or `source` in `[data]`"
            }
            _ => {
                "give `--data PATH`, a `.npz` or CSV file of such samples, or `source` in `[data]`"
            }
        };
        let note = format!("the network takes inputs of {input} and has {outputs} outputs");
        let diagnostic = Diagnostic::error("the config names no data");
        Error::config(diagnostic.note(note).help(help))
    }

    /// Checks that the data has what the loss learns.
    fn check_task(&self, dataset: &Dataset) -> Result<()> {
        let has_classes = matches!(dataset.train.targets, Targets::Classes(_));
        let task = self.config.train.task();
        if has_classes == (task == Task::Classes) {
            return Ok(());
        }
        let word = self.config.train.loss.word();
        let (has, learns) = match task {
            Task::Classes => ("numbers", "classes"),
            Task::Labels => ("one class a picture", "labels"),
            Task::Values => ("classes", "numbers"),
        };
        let message = format!("`{}` has {has}, and `{word}` learns {learns}", dataset.name);
        let help = match task {
            Task::Classes => "set `loss = \"mse\"`",
            Task::Labels | Task::Values => "set `loss = \"cross_entropy\"`",
        };
        Err(Error::config(Diagnostic::error(message).help(help)))
    }

    /// Returns the names of classes, labels or numbers, one for each output of the network.
    fn fit_classes(&self, dataset: &Dataset) -> Result<Vec<String>> {
        let task = self.config.train.task();
        let learnt = task.learnt();
        let output = self.plan.output();
        if output.iter().skip(1).any(|size| *size > 1) {
            let shape = crate::shape::display(output);
            let message = format!(
                "the network answers with maps of {shape}, and {learnt} want one value each"
            );
            let place = self
                .config
                .model
                .layers
                .last()
                .map(|layer| layer.span.clone());
            let diagnostic = Diagnostic::error(message)
                .help("end with `{ type = \"global_pool\" }`, or with `flatten` and `dense`");
            return Err(Error::config(match place {
                Some(place) => diagnostic.at(&place, ""),
                None => diagnostic,
            }));
        }
        let outputs: usize = output.iter().product();
        let count = dataset.classes.len();
        if count == outputs {
            return Ok(dataset.classes.clone());
        }
        // Numbered labels say nothing of classes beyond the largest that occurs.
        let numbered = task == Task::Classes
            && dataset.train.paths.is_none()
            && dataset::are_numbers(&dataset.classes);
        if numbered && count < outputs {
            return Ok((0..outputs).map(|class| class.to_string()).collect());
        }
        if numbered {
            let label = count - 1;
            let message = format!("label {label} is beyond the {outputs} classes of the network");
            return Err(Error::data(
                self.at_answer(Diagnostic::error(message), count),
            ));
        }
        let message = format!("the data has {count} {learnt}, the network answers with {outputs}");
        let names = in_backticks(dataset.classes.iter().take(12));
        let more = if count > 12 { ", …" } else { "" };
        let diagnostic = Diagnostic::error(message).note(format!("{learnt}: {names}{more}"));
        Err(Error::config(self.at_answer(diagnostic, count)))
    }

    /// Points at the layer that decides the number of classes, and says the edit.
    fn at_answer(&self, diagnostic: Diagnostic, count: usize) -> Diagnostic {
        use crate::config::LayerKind;
        let layers = self.config.model.layers.iter().rev();
        let place = layers.filter_map(|layer| match &layer.kind {
            LayerKind::Dense(dense) => Some((&dense.units.span, "units")),
            LayerKind::Conv(conv) => Some((&conv.filters()?.span, "filters")),
            _ => None,
        });
        match place.into_iter().next() {
            Some((span, key)) => diagnostic
                .at(span, format!("needs {count}"))
                .help(format!("set `{key} = {count}` in the last layer")),
            None => diagnostic,
        }
    }
}

impl FromStr for Project {
    type Err = Error;

    /// Checks the text of a config; see [`Project::check`].
    fn from_str(text: &str) -> Result<Self> {
        Self::check("config", text, &[])
    }
}

/// A data set with the preprocessing that belongs to it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The pictures; class names are one for each output of the network.
    pub dataset: Dataset,
    /// How they become the network's input.
    pub preprocessing: dataset::Preprocessing,
}

/// Reads the text of a config file.
///
/// # Errors
/// When there is no such file, or it is too long or no text.
pub fn read_text(path: &Path) -> Result<String> {
    let name = path.display();
    let failed = |reason: String| {
        let message = format!("failed to read the config `{name}`: {reason}");
        let diagnostic = Diagnostic::error(message);
        Error::config(match files::meant(path) {
            Some(help) => diagnostic.help(help),
            None => diagnostic.help("give the path of a TOML file; `cnn new lenet5` writes one"),
        })
    };
    let metadata = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?;
    if metadata.is_dir() {
        return Err(failed("it is a folder".to_owned()));
    }
    if metadata.len() > MAX_CONFIG_BYTES as u64 {
        let size = metadata.len();
        return Err(failed(format!(
            "{size} bytes; a config has {MAX_CONFIG_BYTES} at most"
        )));
    }
    // A pipe has no length to look at, so it is read up to the limit.
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| {
            file.take(MAX_CONFIG_BYTES as u64 + 1)
                .read_to_end(&mut bytes)
        })
        .map_err(|error| failed(error.to_string()))?;
    if bytes.len() > MAX_CONFIG_BYTES {
        return Err(failed(format!(
            "a config has {MAX_CONFIG_BYTES} bytes at most"
        )));
    }
    tracing::debug!(path = %name, bytes = bytes.len(), "config read");
    String::from_utf8(bytes).map_err(|_| failed("it is not UTF-8 text".to_owned()))
}
