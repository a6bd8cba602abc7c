//! Going on where a run stopped.

use std::path::Path;

use crate::checkpoint::{self, Checkpoint};
use crate::config::{self, Config, MAX_CONFIG_BYTES, Metric, Task, Validation};
use crate::diagnostic::{Diagnostic, Error, Kind, Result};
use crate::import;
use crate::load::Project;
use crate::model::Model;
use crate::model_file;
use crate::optimizer::{self, Optimizer};
use crate::run::{self, MODEL, Run};

use super::Event;
use super::session::Session;

/// Classes of other names that are told one by one.
const MOST_TOLD: usize = 10;

impl Session {
    /// Takes over weights, optimizer and position from the newest checkpoint.
    pub(super) fn restore(&mut self, project: &Project, emit: &mut dyn FnMut(Event)) -> Result<()> {
        let record = run::read_record(&self.run.path)?;
        self.record.started_unix = record.started_unix;
        self.record.first_weights = record.first_weights;
        let before = read_config(&self.run)?;
        check_architecture(project, &before, &self.run)?;
        let folder = self.run.path.join("checkpoints");
        let (checkpoint, warnings) = checkpoint::read_newest(&folder)?;
        let Some(checkpoint) = checkpoint else {
            // Stopped before its first checkpoint: the same seed takes the same way again.
            check_draws(&project.config, &before.config, false)?;
            return self.take_first_weights(emit);
        };
        let within_epoch = checkpoint.progress.step_in_epoch > 0;
        check_draws(&project.config, &before.config, within_epoch)?;
        self.check_classes(&checkpoint)?;
        for warning in warnings {
            emit(Event::Warning(warning));
        }
        if let Some(warning) = changes(&project.config, &before.config) {
            let (done, asked) = (checkpoint.progress.epoch, project.config.train.epochs);
            if done >= asked {
                // Writing down settings that nothing was trained with would be a false record.
                let message =
                    format!("nothing to train: {done} epochs are done, {asked} asked for");
                let help = format!("ask for more with `--epochs {}`", done + 10);
                return Err(Error::config(Diagnostic::error(message).help(help)));
            }
            emit(Event::Warning(warning));
        }
        if record.data_fingerprint != self.record.data_fingerprint {
            emit(Event::Warning(other_data(within_epoch)));
        }
        let rules = [&project.config, &before.config].map(|config| &config.train.optimizer.rule);
        let is_other = rules[0].word() != rules[1].word();
        if self.take_over(checkpoint)? || is_other {
            self.optimizer = Optimizer::new(&self.config.train.optimizer);
            let message = "the optimizer starts anew: what another one remembers is of no use";
            emit(Event::Warning(Diagnostic::warning(message)));
        }
        self.forget_other_figures(&before.config.train);
        self.check_best(emit);
        Ok(())
    }

    /// Forgets a best epoch whose weights are gone: the best from here on are kept in their place.
    fn check_best(&mut self, emit: &mut dyn FnMut(Event)) {
        let Some(best) = self.progress.best else {
            return;
        };
        let path = self.run.path.join(MODEL);
        let name = path.display().to_string();
        let lost = match crate::files::read(&path, u64::MAX) {
            Ok(bytes) => model_file::read_header(&bytes, &name).err(),
            Err(error) => Some(Error::io("read", &path, &error)),
        };
        let Some(reason) = lost else {
            return;
        };
        self.progress.best = None;
        let message = format!("the weights of the best epoch, {}, are lost", best.epoch);
        emit(Event::Warning(
            Diagnostic::warning(message)
                .note(reason.to_string())
                .note("the best weights from here on are kept in their place"),
        ));
    }

    /// Tells of epochs whose figures are gone.
    pub(super) fn check_history(&self, rows: usize, emit: &mut dyn FnMut(Event)) {
        let done = self.progress.epoch;
        if rows < done {
            let message = format!("`metrics.csv` has {rows} of the {done} epochs that are done");
            let note = "the others' figures are lost, and missing from curves and report";
            emit(Event::Warning(Diagnostic::warning(message).note(note)));
        }
    }

    /// Refuses to go on with classes of other names: each answer of the network stands for one.
    fn check_classes(&self, checkpoint: &Checkpoint) -> Result<()> {
        let name = checkpoint.path.join(MODEL).display().to_string();
        let (was, is) = (
            model_file::read_header(&checkpoint.model, &name)?.classes,
            &self.header.classes,
        );
        // Numbers may be called otherwise now; how many they are has been checked.
        if was == *is || self.config.train.task() == Task::Values {
            return Ok(());
        }
        let message = format!("run `{}` was trained on other classes", self.run.name());
        let differing = was.iter().zip(is).enumerate();
        let differing = differing.filter(|(_, (was, is))| was != is);
        let diagnostic = differing
            .take(MOST_TOLD)
            .fold(Diagnostic::error(message), |all, (number, (was, is))| {
                all.note(format!("class {number} was `{was}`, is `{is}`"))
            });
        Err(Error::model(diagnostic.help(
            "give the classes the names and the order that they had, or train anew without `--resume`",
        )))
    }

    /// Forgets what was best by another figure: it says nothing of those that come now.
    fn forget_other_figures(&mut self, before: &config::Train) {
        let now = &self.config.train;
        let is_other_loss = now.loss != before.loss;
        let is_other = |now: Option<Metric>, before: Option<Metric>| {
            now != before || (is_other_loss && now == Some(Metric::ValidationLoss))
        };
        if is_other_loss {
            self.progress.best = None;
        }
        let metric = |train: &config::Train| Some(train.early_stopping.as_ref()?.metric);
        if is_other(metric(now), metric(before)) {
            self.progress.watched = None;
        }
        let metric = |train: &config::Train| Some(train.schedule.plateau()?.metric);
        if is_other(metric(now), metric(before)) {
            self.progress.plateau.forget_figures();
        }
    }

    /// Takes over all that a checkpoint holds; returns whether its optimizer says nothing of the
    /// weights that are trained now. Weights that were frozen until then start anew by themselves.
    pub(super) fn take_over(&mut self, checkpoint: Checkpoint) -> Result<bool> {
        let name = checkpoint.path.join(MODEL).display().to_string();
        let Some(model) = self.model.take() else {
            return Ok(false);
        };
        check_rows(&model, &checkpoint)?;
        let model = model_file::load_weights(model, checkpoint.model, &name)?;
        let device = &self.device;
        self.optimizer.restore(&model, checkpoint.optimizer, device);
        if let Some(average) = &mut self.average {
            average.restore(&model, checkpoint.average, device);
        }
        self.model = Some(model);
        self.progress = checkpoint.progress;
        Ok(self.optimizer.is_fresh() && self.progress.step > 0)
    }

    /// Takes first weights from where the config says.
    pub(super) fn take_first_weights(&mut self, emit: &mut dyn FnMut(Event)) -> Result<()> {
        let Some(from) = &self.config.train.from else {
            return Ok(());
        };
        let path = run::find_model(&from.value)?;
        let Some(model) = self.model.take() else {
            return Ok(());
        };
        let task = self.config.train.task();
        let first = import::first_weights(&path, model, &self.plan, &self.header, task)?;
        self.model = Some(first.model);
        self.record.first_weights = Some(first.record);
        for warning in first.warnings {
            emit(Event::Warning(warning));
        }
        Ok(())
    }
}

/// Refuses what is remembered of a weight if it is not as long as the weight. A checkpoint whose checksum holds is so only where
/// another program wrote it.
fn check_rows(model: &Model, checkpoint: &Checkpoint) -> Result<()> {
    let lengths = optimizer::lengths(model);
    let remembered = checkpoint.optimizer.tensors.iter();
    let remembered =
        remembered.filter_map(|(name, row)| Some((name, name.rsplit_once('.')?.0, row)));
    let averages = checkpoint.average.iter();
    let averages = averages.map(|(name, row)| (name, name.as_str(), row));
    for (name, weight, row) in remembered.chain(averages) {
        let has = row.num_elements();
        let Some(wanted) = lengths.get(weight).filter(|wanted| **wanted != has) else {
            continue;
        };
        let path = checkpoint.path.display();
        let message = format!(
            "checkpoint `{path}` is damaged: its `{name}` has {has} values, the weight has {wanted}"
        );
        let help = "train again without `--resume`";
        return Err(Error::model(Diagnostic::error(message).help(help)));
    }
    Ok(())
}

/// Reads the config a run was trained with so far.
fn read_config(run: &Run) -> Result<Project> {
    let path = run.path.join("config.toml");
    let text = crate::files::read_text(&path, MAX_CONFIG_BYTES as u64)
        .map_err(|error| Error::io("read", &path, &error))?;
    Project::check(&path.display().to_string(), &text, &[])
}

/// Says that a run does not fit its data any more, where that is at fault: the network is what it is, so its config is not
/// to be edited.
pub(super) fn unfit(run: &Path, mut error: Error) -> Error {
    let help = "bring back what it began with, or train anew without `--resume`; `--data` names the place where it lies elsewhere by now";
    if error.kind != Kind::Config {
        if let Some(last) = error.diagnostics.last_mut() {
            last.helps.push(help.to_owned());
        }
        return error;
    }
    let message = format!("run `{}` does not fit its data as it is now", run.display());
    let reasons = error.diagnostics.into_iter();
    let diagnostic = reasons.fold(Diagnostic::error(message), |all, reason| {
        let notes = reason.notes.into_iter();
        notes.fold(all.note(reason.message), Diagnostic::note)
    });
    Error::data(diagnostic.help(help))
}

/// Says what becomes of a run that goes on with other data.
fn other_data(within_epoch: bool) -> Diagnostic {
    let message = "the data is not what this run began with: its fingerprint has changed";
    let warning =
        Diagnostic::warning(message).note("the weights will not be those of the uninterrupted run");
    let warning = if within_epoch {
        let note = "the rest of the epoch under way may repeat samples and miss others";
        warning.note(note)
    } else {
        warning
    };
    warning.help("to learn from the new data alone, train anew without `--resume`")
}

/// Refuses settings that would draw other samples than those trained on so far.
fn check_draws(now: &Config, before: &Config, within_epoch: bool) -> Result<()> {
    let mut differences = Vec::new();
    let mut compare = |name: &str, now: String, before: String| {
        if now != before {
            differences.push(format!("`{name}` was {before}, is {now}"));
        }
    };
    let validation = |config: &Config| {
        let validation = config.data.validation;
        validation.map_or("0.0".to_owned(), Validation::to_toml)
    };
    compare(
        "seed",
        now.train.seed.to_string(),
        before.train.seed.to_string(),
    );
    compare("validation", validation(now), validation(before));
    if within_epoch {
        let size = |config: &Config| config.train.batch_size.to_string();
        compare("batch_size", size(now), size(before));
        let batches = |config: &Config| config.train.accumulate.to_string();
        compare("accumulate", batches(now), batches(before));
    }
    if differences.is_empty() {
        return Ok(());
    }
    let diagnostic =
        Diagnostic::error("a resumed run cannot draw other samples than it began with");
    let diagnostic = differences.into_iter().fold(diagnostic, Diagnostic::note);
    Err(Error::model(diagnostic.help(
        "leave these as they were, or train anew without `--resume`",
    )))
}

/// Says which settings are not what they were.
fn changes(now: &Config, before: &Config) -> Option<Diagnostic> {
    let (now, before) = (now.to_toml(), before.to_toml());
    let key = |line: &str| line.split(" = ").next().unwrap_or_default().to_owned();
    let warning = Diagnostic::warning("settings have changed since the run began");
    let warning = now
        .lines()
        .filter(|line| !before.lines().any(|old| old == *line))
        .fold(warning, |warning, line| {
            let old = before.lines().find(|old| key(old) == key(line));
            warning.note(match old {
                Some(old) => format!("was `{old}`, is `{line}`"),
                None => format!("is `{line}`"),
            })
        });
    (!warning.notes.is_empty()).then_some(warning)
}

/// Refuses to go on with a network of other layers.
fn check_architecture(project: &Project, before: &Project, run: &Run) -> Result<()> {
    let (now, then) = (&project.config.model, &before.config.model);
    let message = format!("run `{}` was trained with another network", run.name());
    let mut notes = Vec::new();
    if now.input.value != then.input.value {
        let (was, is) = (&then.input.value, &now.input.value);
        notes.push(format!("input was {was:?}, is {is:?}"));
    }
    for index in 0..now.layers.len().max(then.layers.len()) {
        note_changes(
            index,
            then.layers.get(index),
            now.layers.get(index),
            &mut notes,
        );
    }
    if notes.is_empty() {
        return Ok(());
    }
    let diagnostic = notes
        .into_iter()
        .fold(Diagnostic::error(message), Diagnostic::note);
    Err(Error::model(diagnostic.help(format!(
        "`cnn train --resume {}` goes on with the run's own config; or train anew without `--resume`",
        run.name()
    ))))
}

/// Notes what is other in a layer.
fn note_changes(
    index: usize,
    was: Option<&config::Layer>,
    is: Option<&config::Layer>,
    notes: &mut Vec<String>,
) {
    let show = |layer: Option<&config::Layer>| {
        layer.map_or("nothing".to_owned(), |layer| {
            format!("`{}`", layer.kind.type_name())
        })
    };
    let (Some(old), Some(new)) = (was, is) else {
        notes.push(format!("layer {index} was {}, is {}", show(was), show(is)));
        return;
    };
    if old.kind.type_name() != new.kind.type_name() {
        notes.push(format!("layer {index} was {}, is {}", show(was), show(is)));
        return;
    }
    let known = notes.len();
    let (before, after) = (old.kind.settings(), new.kind.settings());
    let value = |settings: &[(&str, String)], key: &str| {
        let found = settings.iter().find(|(name, _)| *name == key);
        found.map_or("absent".to_owned(), |(_, value)| value.clone())
    };
    let mut keys: Vec<&str> = after.iter().map(|(key, _)| *key).collect();
    let gone = before.iter().map(|(key, _)| *key);
    keys.extend(gone.filter(|key| after.iter().all(|(name, _)| name != key)));
    for key in keys {
        let (was, is) = (value(&before, key), value(&after, key));
        if was != is {
            notes.push(format!("`{key}` of layer {index} was {was}, is {is}"));
        }
    }
    if notes.len() == known && old.to_toml() != new.to_toml() {
        notes.push(format!(
            "the name or the inner layers of layer {index} are other"
        ));
    }
}
