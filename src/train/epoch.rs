//! Ends: of an epoch with its validation, and of a run with its test.

use std::sync::Arc;

use burn::module::Module as _;

use super::history::Row;
use super::patience;
use super::session::Session;
use super::{End, Event, Reason};
use crate::checkpoint::{Best, Partial};
use crate::config::{Every, OnDivergence};
use crate::dataset::{Preprocessing, Samples};
use crate::diagnostic::{Diagnostic, Error, Result, Severity};
use crate::evaluate::{self, Split};
use crate::files;
use crate::loss::Loss;
use crate::metrics::Metrics;
use crate::model::Model;
use crate::model_file;
use crate::run::{MODEL, TestFigures};

impl Session {
    /// Validates, keeps the best weights, writes the row and the checkpoint.
    pub(super) fn finish_epoch(
        &mut self,
        threads: usize,
        emit: &mut dyn FnMut(Event),
    ) -> Result<()> {
        if let Some(weight) = self.model()?.valid().first_not_finite() {
            return Err(self.diverged(&format!("the weight `{weight}`")));
        }
        let model = self.measured_model()?;
        // Without a validation split one batch must do, to tell weights that answer from those
        // that do not.
        let (samples, limit, loss) = match &self.validation {
            Some(samples) => (samples, usize::MAX, "the validation loss"),
            None => (&self.train, self.config.train.batch_size, "the loss"),
        };
        let metrics = self.measure(&model, samples, limit, &self.preprocessing, threads)?;
        if metrics.samples() == 0 && self.validation.is_some() {
            let message = "no sample of the validation split can be read";
            let help = "`cnn data check` names the files";
            return Err(Error::data(Diagnostic::error(message).help(help)));
        }
        if metrics.samples() > 0 && !metrics.loss().is_finite() {
            return Err(self.diverged(loss));
        }
        let validation = self.validation.is_some().then_some(metrics);
        let row = self.row(validation.as_ref());
        self.progress.epoch = row.epoch;
        self.progress.step_in_epoch = 0;
        self.progress.partial = Partial::default();
        self.progress.train_secs += row.seconds;
        let settings = &self.config.train;
        if let Some(early) = &settings.early_stopping {
            self.progress.watched = patience::watch(early, self.progress.watched, &row);
        }
        if let Some(plateau) = settings.schedule.plateau()
            && let Some(figure) = patience::figure(plateau.metric, &row)
        {
            self.progress.plateau.watch(figure, plateau);
        }
        let best = self.progress.best.is_none_or(|best| {
            // Without a validation split the last weights are the ones kept.
            row.validation_loss.is_none_or(|loss| loss < best.loss)
        });
        if best {
            self.write_model(&model)?;
            let loss = row.validation_loss.unwrap_or(row.train_loss);
            self.progress.best = Some(Best {
                epoch: row.epoch,
                loss,
            });
        }
        let others = [&self.validation, &self.test];
        for samples in others.into_iter().flatten().chain([&self.train]) {
            for warning in samples.take_warnings() {
                emit(Event::Warning(warning));
            }
        }
        self.history.add(&row)?;
        emit(Event::Epoch(row));
        // Whoever goes back must not go back beyond the weights that are kept as the best.
        let is_gone_back_to = best
            && self.validation.is_some()
            && self.config.train.on_divergence == OnDivergence::Back;
        match self.config.train.checkpoint.every {
            Every::Epochs(epochs)
                if !is_gone_back_to && !(row.epoch as u64).is_multiple_of(epochs) =>
            {
                Ok(())
            }
            _ => self.save(emit),
        }
    }

    /// Returns the figures of the epoch that ends.
    fn row(&self, validation: Option<&Metrics>) -> Row {
        let partial = self.progress.partial;
        let samples = (partial.samples as f64).max(1.0);
        Row {
            epoch: self.progress.epoch + 1,
            step: self.progress.step,
            train_loss: partial.mean_loss(),
            train_accuracy: partial.accuracy(),
            validation_loss: validation.map(Metrics::loss),
            validation_accuracy: validation.and_then(Metrics::accuracy),
            learning_rate: self.last_rate(),
            seconds: partial.secs,
            images_per_second: samples / partial.secs.max(f64::EPSILON),
        }
    }

    /// Measures the best weights on the test split and closes the record.
    pub(super) fn finish(
        &mut self,
        reason: Reason,
        threads: usize,
        emit: &mut dyn FnMut(Event),
    ) -> Result<End> {
        if self.saved_step != Some(self.progress.step) {
            self.save(emit)?;
        }
        let stopped = matches!(reason, Reason::Stopped(_) | Reason::Paused);
        if !stopped && self.progress.best.is_none() {
            self.write_model(&self.measured_model()?)?;
        }
        let path = self.run.path.join(MODEL);
        if let (false, Some(samples), true) = (stopped, &self.test, path.is_file()) {
            let trained = model_file::load(&path, &self.device)?;
            let preprocessing = Arc::new(trained.header.preprocessing.clone());
            let metrics =
                self.measure(&trained.model, samples, usize::MAX, &preprocessing, threads)?;
            if !metrics.loss().is_finite() {
                return Err(self.diverged("the test loss"));
            }
            self.record.test = Some(TestFigures {
                samples: metrics.samples(),
                loss: metrics.loss(),
                accuracy: metrics.accuracy(),
            });
        }
        self.write_record(if stopped { "stopped" } else { "finished" })?;
        // What is trained stays so, whatever became of its figures meanwhile.
        let rows = self.history.rows().unwrap_or_else(|error| {
            for mut lost in error.diagnostics {
                lost.severity = Severity::Warning;
                emit(Event::Warning(lost));
            }
            Vec::new()
        });
        Ok(End {
            run: self.run.path.clone(),
            reason,
            epochs: self.progress.epoch,
            best: self.progress.best,
            test: self.record.test,
            train_secs: self.train_secs(),
            rows,
            unseen: match (&self.test, &self.validation) {
                (Some(test), _) => Some((Split::Test, Arc::clone(test))),
                (None, Some(validation)) => Some((Split::Validation, Arc::clone(validation))),
                (None, None) => None,
            },
        })
    }

    /// Returns the network that is validated and kept: the moving average, if there is one.
    pub(super) fn measured_model(&self) -> Result<Model> {
        let model = self.model()?;
        Ok(match &self.average {
            Some(average) => average.model(model),
            None => model.valid(),
        })
    }

    pub(super) fn write_model(&self, model: &Model) -> Result<()> {
        let bytes = model_file::to_bytes(model, &self.header)?;
        files::write(&self.run.path.join(MODEL), &bytes)
    }

    fn measure(
        &self,
        model: &Model,
        samples: &Arc<Samples>,
        limit: usize,
        preprocessing: &Arc<Preprocessing>,
        threads: usize,
    ) -> Result<Metrics> {
        let settings = evaluate::Settings {
            loss: Loss::of_measurement(&self.config.train.loss),
            outputs: self.header.classes.len(),
            batch_size: self.config.train.batch_size,
            threads,
            limit,
        };
        let device = &self.device;
        evaluate::measure(model, samples, preprocessing, device, &settings, |_, _| {})
    }
}
