//! One run from its start to its end.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use burn::module::Module as _;
use burn::optim::GradientsParams;
use burn::tensor;

use super::history::{History, Row};
use super::patience;
use super::{End, Event, Options, Reason, Start, Step, Target};
use crate::checkpoint::{self, Best, Partial, Progress};
use crate::config::Config;
use crate::dataset::{self, Augment, Batch, Loader, Preprocessing, Samples};
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::evaluate;
use crate::load::Project;
use crate::loss;
use crate::memory;
use crate::metrics::Metrics;
use crate::model::{Model, Pass, Value};
use crate::model_file::{self, Header};
use crate::optimizer::Optimizer;
use crate::run::{MODEL, Record, Run, TestFigures};
use crate::schedule::Schedule;

/// Everything a run holds while it trains.
pub(super) struct Session {
    pub(super) run: Run,
    pub(super) record: Record,
    config: Config,
    header: Header,
    preprocessing: Arc<Preprocessing>,
    augment: Option<Augment>,
    train: Arc<Samples>,
    validation: Option<Arc<Samples>>,
    test: Option<Arc<Samples>>,
    pub(super) device: tensor::Device,
    /// `None` only while a step is under way.
    pub(super) model: Option<Model>,
    pub(super) optimizer: Optimizer,
    pub(super) schedule: Schedule,
    pub(super) progress: Progress,
    history: History,
}

impl Session {
    /// Loads data, builds or restores the network, and prepares the run folder.
    pub(super) fn start(options: &Options<'_>, emit: &mut dyn FnMut(Event)) -> Result<Self> {
        let project = options.project;
        let config = project.config.clone();
        let settings = &config.train;
        let device = options.device.open()?;
        let loaded = project.load_data()?;
        let (dataset, preprocessing) = (loaded.dataset, loaded.preprocessing);
        for warning in &dataset.warnings {
            emit(Event::Warning(warning.clone()));
        }
        let batch = settings.batch_size.min(dataset.train.len());
        memory::check(&config.model, &project.plan, batch)?;
        if settings.early_stopping.is_some() && dataset.validation.is_none() {
            return Err(Error::config(
                Diagnostic::error("`early_stopping` watches a validation split, and there is none")
                    .help("add `validation = 0.1` to `[data]`, or remove `early_stopping`"),
            ));
        }
        let name = config
            .model
            .name
            .clone()
            .unwrap_or_else(|| "model".to_owned());
        let run = match &options.target {
            Target::New => Run::create(&name, None)?,
            Target::Named(exact) => Run::create(&name, Some(exact))?,
            Target::Resume(path) => Run::open(path.clone())?,
        };
        let training_device = device.clone().autodiff();
        let model = Model::new(
            &project.plan.up_to_logits(),
            settings.seed,
            &training_device,
        );
        let steps_per_epoch = dataset.train.len().div_ceil(settings.batch_size) as u64;
        let mut session = Self {
            record: Record {
                status: "running".to_owned(),
                model: name,
                seed: settings.seed,
                device: options.device.to_string(),
                data: project.request()?.source.clone(),
                data_fingerprint: dataset.fingerprint.clone(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                started_unix: unix_secs(),
                updated_unix: unix_secs(),
                train_secs: 0.0,
                epochs: 0,
                best_epoch: None,
                test: None,
            },
            header: Header::new(&config, &dataset.classes, &preprocessing),
            augment: dataset::augment(&config.augment, dataset.classes.len()),
            schedule: Schedule::new(
                &settings.schedule,
                settings.optimizer.learning_rate(),
                settings.epochs,
                steps_per_epoch,
            ),
            optimizer: Optimizer::new(&settings.optimizer),
            preprocessing: Arc::new(preprocessing),
            train: Arc::new(dataset.train),
            validation: dataset.validation.map(Arc::new),
            test: dataset.test.map(Arc::new),
            model: Some(model),
            progress: Progress::default(),
            history: History::open(&run.path, usize::MAX)?,
            device,
            config,
            run,
        };
        if let Target::Resume(_) = options.target {
            session.restore(project, emit)?;
        }
        session.history = History::open(&session.run.path, session.progress.epoch)?;
        let text = session.config.to_toml();
        crate::files::write(&session.run.path.join("config.toml"), text.as_bytes())?;
        session.run.write_record(&session.record)?;
        emit(Event::Start(session.describe(project)));
        Ok(session)
    }

    fn describe(&self, project: &Project) -> Start {
        let count = |samples: &Option<Arc<Samples>>| samples.as_ref().map_or(0, |set| set.len());
        let totals = project.plan.totals(crate::plan::Dtype::F32, 1);
        Start {
            run: self.run.path.clone(),
            model: self.record.model.clone(),
            device: self.record.device.clone(),
            parameters: totals.map_or(0, |totals| totals.trainable),
            data: self.record.data.clone(),
            samples: [self.train.len(), count(&self.validation), count(&self.test)],
            classes: self.header.classes.len(),
            epochs: self.config.train.epochs,
            done: self.progress.epoch,
            steps_per_epoch: self.steps_per_epoch(),
            seed: self.config.train.seed,
        }
    }

    fn steps_per_epoch(&self) -> usize {
        self.train.len().div_ceil(self.config.train.batch_size)
    }

    /// Trains until the last epoch, early stopping or a signal.
    pub(super) fn run(
        &mut self,
        options: &Options<'_>,
        emit: &mut dyn FnMut(Event),
    ) -> Result<End> {
        let epochs = self.config.train.epochs;
        let mut reason = Reason::Finished;
        while self.progress.epoch < epochs {
            let early = self.config.train.early_stopping.as_ref();
            if early.is_some_and(|early| patience::is_over(early, self.progress.watched)) {
                reason = Reason::NoBetter;
                break;
            }
            if !self.train_epoch(options, emit)? {
                self.save(emit)?;
                reason = Reason::Stopped(options.stop.asked().unwrap_or(130));
                break;
            }
            self.finish_epoch(options.threads, emit)?;
        }
        self.finish(reason, options.threads)
    }

    /// Trains one epoch, or the rest of one; returns whether it was not stopped.
    fn train_epoch(&mut self, options: &Options<'_>, emit: &mut dyn FnMut(Event)) -> Result<bool> {
        let settings = &self.config.train;
        let (seed, epoch) = (settings.seed, self.progress.epoch as u64);
        let order = dataset::order(seed, epoch, self.train.len());
        let batches: Vec<Vec<usize>> = order
            .chunks(settings.batch_size)
            .skip(self.progress.step_in_epoch)
            .map(<[usize]>::to_vec)
            .collect();
        let loader = Loader::new(
            Arc::clone(&self.train),
            batches,
            Arc::clone(&self.preprocessing),
            self.augment.clone().map(|augment| (augment, seed, epoch)),
            options.threads,
        );
        let secs_before = self.progress.partial.secs;
        let begin = Instant::now();
        for batch in loader {
            if options.stop.asked().is_some() {
                return Ok(false);
            }
            let batch = batch?;
            if batch.indices.is_empty() {
                // All of it was skipped.
                self.progress.step_in_epoch += 1;
            } else {
                self.step(batch)?;
            }
            self.progress.partial.secs = secs_before + begin.elapsed().as_secs_f64();
            emit(Event::Step(Step::of(&self.progress)));
        }
        Ok(true)
    }

    /// Moves the weights by one step.
    fn step(&mut self, batch: Batch) -> Result<()> {
        let Some(model) = self.model.take() else {
            return Ok(());
        };
        let (seed, step) = (self.config.train.seed, self.progress.step);
        let device = self.device.clone().autodiff();
        let input = Value::of_inputs(batch.inputs, &self.preprocessing.input_shape(), &device);
        let logits = model.logits(input, Pass::Train { seed, step });
        let loss = loss::cross_entropy(logits.clone(), batch.targets.classes());
        let mut metrics = Metrics::new(self.header.classes.len());
        evaluate::add_batch(&mut metrics, logits.inner(), batch.targets.classes())?;
        if !metrics.loss().is_finite() {
            self.model = Some(model);
            return Err(self.diverged("the loss"));
        }
        let loss = model.penalized(loss);
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        let rate = self.schedule.rate(step);
        self.model = Some(self.optimizer.step(rate, model, gradients).constrained());
        let partial = &mut self.progress.partial;
        partial.loss += metrics.loss() * batch.indices.len() as f64;
        partial.correct += metrics.correct();
        partial.samples += metrics.samples();
        self.progress.step += 1;
        self.progress.step_in_epoch += 1;
        Ok(())
    }

    /// Validates, keeps the best weights, writes the row and the checkpoint.
    fn finish_epoch(&mut self, threads: usize, emit: &mut dyn FnMut(Event)) -> Result<()> {
        let model = self.model()?.valid();
        if !model.is_finite() {
            return Err(self.diverged("a weight"));
        }
        // Without a validation split one batch must do, to tell weights that answer from those
        // that do not.
        let (samples, limit, loss) = match &self.validation {
            Some(samples) => (samples, usize::MAX, "the validation loss"),
            None => (&self.train, self.config.train.batch_size, "the loss"),
        };
        let metrics = self.measure(&model, samples, limit, &self.preprocessing, threads)?;
        if !metrics.loss().is_finite() {
            return Err(self.diverged(loss));
        }
        let validation = self.validation.is_some().then_some(metrics);
        let partial = self.progress.partial;
        let samples = (partial.samples as f64).max(1.0);
        let row = Row {
            epoch: self.progress.epoch + 1,
            step: self.progress.step,
            train_loss: partial.loss / samples,
            train_accuracy: partial.correct as f64 / samples,
            validation_loss: validation.as_ref().map(Metrics::loss),
            validation_accuracy: validation.as_ref().map(Metrics::accuracy),
            learning_rate: self.schedule.rate(self.progress.step.saturating_sub(1)),
            seconds: partial.secs,
            images_per_second: samples / partial.secs.max(f64::EPSILON),
        };
        self.progress.epoch = row.epoch;
        self.progress.step_in_epoch = 0;
        self.progress.partial = Partial::default();
        self.progress.train_secs += partial.secs;
        if let Some(early) = &self.config.train.early_stopping {
            self.progress.watched = patience::watch(early, self.progress.watched, &row);
        }
        let best = self.progress.best.is_none_or(|best| {
            // Without a validation split the last weights are the ones kept.
            row.validation_loss.is_none_or(|loss| loss < best.loss)
        });
        let bytes = model_file::to_bytes(&model, &self.header)?;
        if best {
            crate::files::write(&self.run.path.join(MODEL), &bytes)?;
            let loss = row.validation_loss.unwrap_or(row.train_loss);
            self.progress.best = Some(Best {
                epoch: row.epoch,
                loss,
            });
        }
        for warning in self.train.take_warnings() {
            emit(Event::Warning(warning));
        }
        self.history.add(&row)?;
        emit(Event::Epoch(row));
        self.save_bytes(&bytes, emit)
    }

    /// Writes a checkpoint of this moment.
    fn save(&mut self, emit: &mut dyn FnMut(Event)) -> Result<()> {
        let bytes = model_file::to_bytes(&self.model()?.valid(), &self.header)?;
        self.save_bytes(&bytes, emit)
    }

    fn save_bytes(&mut self, model: &[u8], emit: &mut dyn FnMut(Event)) -> Result<()> {
        let state = self.optimizer.state(self.model()?);
        let mut progress = self.progress.clone();
        progress.counters.clone_from(&state.counters);
        let folder = self.run.path.join("checkpoints");
        let path = checkpoint::write(&folder, &progress, model, &state)?;
        self.write_record("running")?;
        emit(Event::Checkpoint(path));
        Ok(())
    }

    /// Measures the best weights on the test split and closes the record.
    fn finish(&mut self, reason: Reason, threads: usize) -> Result<End> {
        let stopped = matches!(reason, Reason::Stopped(_));
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
        Ok(End {
            run: self.run.path.clone(),
            reason,
            epochs: self.progress.epoch,
            best: self.progress.best,
            test: self.record.test,
            train_secs: self.progress.train_secs + self.progress.partial.secs,
            rows: self.history.rows().to_vec(),
        })
    }

    /// Marks the run as failed; the failure itself is what the user hears of.
    pub(super) fn note_failure(&mut self) {
        let _ = self.write_record("failed");
    }

    fn write_record(&mut self, status: &str) -> Result<()> {
        status.clone_into(&mut self.record.status);
        self.record.updated_unix = unix_secs();
        self.record.epochs = self.progress.epoch;
        self.record.train_secs = self.progress.train_secs + self.progress.partial.secs;
        self.record.best_epoch = self.progress.best.map(|best| best.epoch);
        self.run.write_record(&self.record)
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
            classes: self.header.classes.len(),
            batch_size: self.config.train.batch_size,
            threads,
            limit,
        };
        let device = &self.device;
        evaluate::measure(model, samples, preprocessing, device, settings, |_, _| {})
    }

    fn model(&self) -> Result<&Model> {
        let lost = || Error::model(Diagnostic::error("the network was lost in a failed step"));
        self.model.as_ref().ok_or_else(lost)
    }
}

fn unix_secs() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |elapsed| elapsed.as_secs())
}
