//! One run from its start to its end.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use burn::tensor;

use super::history::{History, Row};
use super::replicas::Replicas;
use super::{End, Event, Options, Reason, Start, Target};
use super::{class_weights, patience, resume};
use crate::checkpoint::Progress;
use crate::config::{self, Config};
use crate::dataset::{self, Augment, Dataset, Preprocessing, Samples};
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::load::Project;
use crate::loss::Loss;
use crate::memory;
use crate::model::Model;
use crate::model_file::Header;
use crate::optimizer::{Average, Optimizer};
use crate::plan::Plan;
use crate::run::{Record, Run};
use crate::schedule::Schedule;

/// Everything a run holds while it trains.
pub(super) struct Session {
    pub(super) run: Run,
    pub(super) record: Record,
    pub(super) config: Config,
    pub(super) plan: Plan,
    pub(super) header: Header,
    pub(super) preprocessing: Arc<Preprocessing>,
    pub(super) augment: Option<Augment>,
    pub(super) train: Arc<Samples>,
    pub(super) validation: Option<Arc<Samples>>,
    pub(super) test: Option<Arc<Samples>>,
    pub(super) device: tensor::Device,
    /// `None` only while a step is under way.
    pub(super) model: Option<Model>,
    /// Where there are several devices.
    pub(super) replicas: Option<Replicas>,
    pub(super) loss: Loss,
    pub(super) optimizer: Optimizer,
    pub(super) average: Option<Average>,
    pub(super) schedule: Schedule,
    pub(super) progress: Progress,
    pub(super) history: History,
    /// When the last checkpoint was written, or the start.
    pub(super) saved_at: Instant,
    /// The step of the last checkpoint of this start.
    pub(super) saved_step: Option<u64>,
}

impl Session {
    /// Loads data, builds or restores the network, and prepares the run folder.
    pub(super) fn start(options: &Options<'_>, emit: &mut dyn FnMut(Event)) -> Result<Self> {
        let project = options.project;
        let config = project.config.clone();
        let settings = &config.train;
        let device = options.device.open()?;
        let replicas = Replicas::open(options, &device)?;
        let loaded = project.load_data().map_err(|error| match &options.target {
            Target::Resume(run) => resume::unfit(run, error),
            _ => error,
        })?;
        let (dataset, preprocessing) = (loaded.dataset, loaded.preprocessing);
        for warning in &dataset.warnings {
            emit(Event::Warning(warning.clone()));
        }
        let batch = settings.batch_size.min(dataset.train.len());
        let devices = [&[options.device], options.others].concat();
        memory::check(&devices, &config.model, &project.plan, batch)?;
        check_watched(settings, &dataset)?;
        let class_weights = class_weights::resolve(settings.loss.class_weights(), &dataset)?;
        let name = config
            .model
            .name
            .clone()
            .unwrap_or_else(|| "model".to_owned());
        let run = match &options.target {
            Target::New => Run::create(&name, None)?,
            Target::Named(exact) => Run::create(&name, Some(exact))?,
            Target::At(path) => Run::create_at(path.clone())?,
            Target::Resume(path) => Run::open(path.clone())?,
        };
        let begun = Begun::new(&run, &options.target);
        let per_step = settings.batch_size.saturating_mul(settings.accumulate);
        let steps_per_epoch = dataset.train.len().div_ceil(per_step) as u64;
        let mut session = Self {
            record: Record {
                data: project.request()?.source.clone(),
                data_fingerprint: dataset.fingerprint.clone(),
                ..Record::begin("running", name, settings.seed, options.names_of_devices())
            },
            header: Header::new(&config, &dataset.classes, &preprocessing),
            augment: dataset::augment(&config.augment, dataset.classes.len()),
            schedule: Schedule::new(
                &settings.schedule,
                settings.optimizer.learning_rate,
                settings.epochs,
                steps_per_epoch,
            ),
            replicas,
            loss: Loss::new(&settings.loss, class_weights),
            optimizer: Optimizer::new(&settings.optimizer),
            average: settings.ema.map(Average::new),
            preprocessing: Arc::new(preprocessing),
            train: Arc::new(dataset.train),
            validation: dataset.validation.map(Arc::new),
            test: dataset.test.filter(|_| options.test).map(Arc::new),
            model: Some(new_model(&project.plan, settings, &device)),
            plan: project.plan.clone(),
            progress: Progress::default(),
            history: History::of(&run.path),
            saved_at: Instant::now(),
            saved_step: None,
            device,
            config,
            run,
        };
        if let Target::Resume(_) = options.target {
            session.restore(project, emit)?;
        } else {
            session.take_first_weights(emit)?;
        }
        let rows = session.history.begin(session.progress.epoch)?;
        session.check_history(rows.len(), emit);
        let text = session.config.to_toml();
        crate::files::write(&session.run.path.join("config.toml"), text.as_bytes())?;
        session.run.write_record(&session.record)?;
        begun.keep();
        emit(Event::Start(session.describe(project, rows)));
        Ok(session)
    }

    fn describe(&self, project: &Project, rows: Vec<Row>) -> Start {
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
            first_weights: self.record.first_weights.clone().map(Box::new),
            rows,
        }
    }

    pub(super) fn steps_per_epoch(&self) -> usize {
        let settings = &self.config.train;
        let per_step = settings.batch_size.saturating_mul(settings.accumulate);
        self.train.len().div_ceil(per_step)
    }

    /// Trains until the last epoch, early stopping, the end of its time or a signal.
    pub(super) fn run(
        &mut self,
        options: &Options<'_>,
        emit: &mut dyn FnMut(Event),
    ) -> Result<End> {
        let mut epochs = self.config.train.epochs;
        let mut reason = Reason::Finished;
        if let Some(until) = options.until.filter(|until| *until < epochs) {
            epochs = until;
            reason = Reason::Paused;
        }
        while self.progress.epoch < epochs {
            let early = self.config.train.early_stopping.as_ref();
            if early.is_some_and(|early| patience::is_over(early, self.progress.watched)) {
                reason = Reason::NoBetter;
                break;
            }
            match self.epoch(options, emit) {
                Ok(None) => {}
                Ok(Some(stop)) => {
                    reason = stop;
                    self.save(emit)?;
                    break;
                }
                Err(error) => self.go_back(error, emit)?,
            }
        }
        self.finish(reason, options.threads, emit)
    }

    /// Trains and measures an epoch; returns why it was not brought to its end.
    fn epoch(
        &mut self,
        options: &Options<'_>,
        emit: &mut dyn FnMut(Event),
    ) -> Result<Option<Reason>> {
        let stop = self.train_epoch(options, emit)?;
        if stop.is_none() {
            self.finish_epoch(options.threads, emit)?;
        }
        Ok(stop)
    }

    /// Starts the network and all that follows it anew, as before the first step.
    pub(super) fn forget(&mut self) {
        let settings = &self.config.train;
        self.model = Some(new_model(&self.plan, settings, &self.device));
        self.optimizer = Optimizer::new(&settings.optimizer);
        self.average = settings.ema.map(Average::new);
        self.progress = Progress::default();
    }

    pub(super) fn model(&self) -> Result<&Model> {
        let lost = || Error::model(Diagnostic::error("the network was lost in a failed step"));
        self.model.as_ref().ok_or_else(lost)
    }
}

/// The folder of a run that is about to begin: it goes, and its name with it, where the start fails.
struct Begun(Option<PathBuf>);

impl Begun {
    fn new(run: &Run, target: &Target) -> Self {
        let is_new = !matches!(target, Target::Resume(_));
        Self(is_new.then(|| run.path.clone()))
    }

    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // What the start failed of is what the user hears of.
            let _ = std::fs::remove_dir_all(path);
        }
    }
}

/// Builds the network with fresh weights.
fn new_model(plan: &Plan, settings: &config::Train, device: &tensor::Device) -> Model {
    let plan = plan.up_to_logits(settings.task());
    let model = Model::new(&plan, settings.seed, &device.clone().autodiff());
    if settings.l1 > 0.0 || settings.l2 > 0.0 {
        return model.with_penalties(settings.l1, settings.l2);
    }
    model
}

/// Checks that there is a validation split for what watches one.
fn check_watched(settings: &config::Train, dataset: &Dataset) -> Result<()> {
    let watching = if settings.early_stopping.is_some() {
        "early_stopping"
    } else if settings.schedule.plateau().is_some() {
        "plateau"
    } else {
        return Ok(());
    };
    if dataset.validation.is_some() {
        return Ok(());
    }
    let message = format!("`{watching}` watches a validation split, and there is none");
    let help = format!("add `validation = 0.1` to `[data]`, or remove `{watching}`");
    Err(Error::config(Diagnostic::error(message).help(help)))
}
