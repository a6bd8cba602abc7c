//! Steps: gradients of some batches, clipped, and what the optimizer makes of them.

use std::sync::Arc;
use std::time::Instant;

use super::session::Session;
use super::{Event, Options, Reason, Step};
use crate::config::Every;
use crate::dataset::{self, Batch, Loader};
use crate::diagnostic::Result;
use crate::kernels;
use crate::metrics::Metrics;
use crate::model::{Model, Pass, Value, to_host};
use crate::optimizer::Gradients;

impl Session {
    /// Returns the number of batches whose gradients make one step.
    pub(super) fn batches_per_step(&self) -> usize {
        self.config.train.accumulate
    }

    /// Returns the rate of the next step: the schedule's, what a plateau makes of it, half of it for
    /// each time that training went back.
    pub(super) fn rate(&self) -> f64 {
        self.rate_after(self.progress.step_in_epoch)
    }

    /// Returns the rate of the last step of the epoch.
    pub(super) fn last_rate(&self) -> f64 {
        self.rate_after(self.progress.step_in_epoch.saturating_sub(1))
    }

    /// Counts steps by epochs, so that a run that goes on with batches of another size is where it was.
    fn rate_after(&self, steps_in_epoch: usize) -> f64 {
        let before = self.progress.epoch.saturating_mul(self.steps_per_epoch());
        let rate = self.schedule.rate((before + steps_in_epoch) as u64);
        let plateau = self.config.train.schedule.plateau();
        let rate = plateau.map_or(rate, |plateau| self.progress.plateau.rate(rate, plateau));
        rate * 0.5_f64.powi(self.progress.setbacks)
    }

    /// Trains one epoch, or the rest of one; returns why it was not brought to its end.
    pub(super) fn train_epoch(
        &mut self,
        options: &Options<'_>,
        emit: &mut dyn FnMut(Event),
    ) -> Result<Option<Reason>> {
        let settings = &self.config.train;
        let (seed, epoch) = (settings.seed, self.progress.epoch as u64);
        let order = dataset::order(seed, epoch, self.train.len());
        let per_step = self.batches_per_step();
        let batches: Vec<Vec<usize>> = order
            .chunks(settings.batch_size)
            .skip(self.progress.step_in_epoch.saturating_mul(per_step))
            .map(<[usize]>::to_vec)
            .collect();
        let mut loader = Loader::new(
            Arc::clone(&self.train),
            batches,
            Arc::clone(&self.preprocessing),
            self.augment.clone().map(|augment| (augment, seed, epoch)),
            options.threads,
        );
        let secs_before = self.progress.partial.secs;
        let begin = Instant::now();
        loop {
            if let Some(reason) = self.reason_to_stop(options) {
                return Ok(Some(reason));
            }
            let group: Vec<Batch> = loader.by_ref().take(per_step).collect::<Result<_>>()?;
            if group.is_empty() {
                return Ok(None);
            }
            if self.replicas.is_some() {
                // Their threads compute, and need those that `together` would hold.
                self.step(group)?;
            } else {
                // Nothing within waits for the loader.
                kernels::together(|| self.step(group))?;
            }
            self.progress.partial.secs = secs_before + begin.elapsed().as_secs_f64();
            emit(Event::Step(Step::of(&self.progress)));
            if self.is_checkpoint_due() {
                self.save(emit)?;
            }
        }
    }

    fn reason_to_stop(&self, options: &Options<'_>) -> Option<Reason> {
        if let Some(code) = options.stop.asked() {
            return Some(Reason::Stopped(code));
        }
        let minutes = self.config.train.max_minutes?;
        (self.train_secs() >= minutes * 60.0).then_some(Reason::OutOfTime)
    }

    fn is_checkpoint_due(&self) -> bool {
        if self.progress.step_in_epoch >= self.steps_per_epoch() {
            // The end of the epoch writes one of the same step, in whose place none may stand.
            return false;
        }
        match self.config.train.checkpoint.every {
            Every::Epochs(_) => false,
            Every::Steps(steps) => self.progress.step.is_multiple_of(steps),
            Every::Seconds(secs) => self.saved_at.elapsed().as_secs() >= secs,
        }
    }

    /// Moves the weights by one step.
    fn step(&mut self, mut group: Vec<Batch>) -> Result<()> {
        // Of a batch all of whose files were skipped there is nothing to learn.
        group.retain(|batch| !batch.indices.is_empty());
        let Some(model) = self.model.take() else {
            return Ok(());
        };
        let mut metrics = Metrics::new(self.loss.task(), self.header.classes.len());
        let gradients = self.gradients(&model, group, &mut metrics);
        // Whatever comes of it, the network is still there.
        let (model, gradients) = match gradients {
            Ok(gradients) => (model, gradients),
            Err(error) => {
                self.model = Some(model);
                return Err(error);
            }
        };
        let rate = self.rate();
        let optimizer = &mut self.optimizer;
        let model = match gradients {
            Some(gradients) => optimizer.step(rate, model, gradients).constrained(),
            None => model,
        };
        if let Some(average) = &mut self.average {
            average.update(&model);
        }
        self.model = Some(model);
        let partial = &mut self.progress.partial;
        let (loss, weight) = metrics.loss_sums();
        let (correct, decisions) = metrics.decisions();
        partial.loss += loss;
        partial.weight += weight;
        partial.correct += correct;
        partial.decisions += decisions;
        partial.samples += metrics.samples();
        self.progress.step += 1;
        self.progress.step_in_epoch += 1;
        Ok(())
    }

    /// Computes the gradients of the mean loss over a group of batches; nothing where it is empty.
    fn gradients(
        &self,
        model: &Model,
        group: Vec<Batch>,
        metrics: &mut Metrics,
    ) -> Result<Option<Gradients>> {
        let settings = &self.config.train;
        let (seed, step) = (settings.seed, self.progress.step);
        let (device, shape) = (
            self.device.clone().autodiff(),
            self.preprocessing.input_shape(),
        );
        let is_whole = group.len() == 1;
        let mut sum: Option<Gradients> = None;
        let mut whole = 0.0;
        for (number, batch) in group.into_iter().enumerate() {
            // Each batch drops out other values.
            let step = step * self.batches_per_step() as u64 + number as u64;
            let pass = Pass::Train { seed, step };
            let mut check = |values: &[f32]| {
                let classes = self.header.classes.len();
                metrics.add(&self.loss, values, classes, &batch.targets);
                metrics.loss().is_finite()
            };
            let gradients = if let Some(replicas) = &self.replicas {
                let (values, gradients) =
                    replicas.learn(model, &self.loss, &batch, &shape, (seed, step))?;
                if !check(&values) {
                    let input = Value::of_inputs(batch.inputs, &shape, &device);
                    return Err(self.loss_diverged(model, input, pass));
                }
                gradients
            } else {
                let input = Value::of_inputs(batch.inputs, &shape, &device);
                let outputs = model.logits(input.clone(), pass);
                let loss = self.loss.of(outputs.clone(), &batch.targets);
                if !check(&to_host(outputs.inner())?) {
                    return Err(self.loss_diverged(model, input, pass));
                }
                Gradients::of(&model.penalized(loss), model)
            };
            if is_whole {
                sum = Some(gradients);
                break;
            }
            let weight = self.loss.weight(&batch.targets);
            whole += weight;
            let gradients = gradients.scaled(weight);
            sum = Some(match sum {
                Some(sum) => sum.plus(gradients),
                None => gradients,
            });
        }
        let Some(mut gradients) = sum else {
            return Ok(None);
        };
        if !is_whole {
            gradients = gradients.scaled(1.0 / whole);
        }
        if let Some(most) = settings.clip_value {
            gradients = gradients.with_values(most);
        }
        let norms = gradients.norms()?;
        if norms.iter().any(|norm| !norm.is_finite())
            && let Some(weight) = gradients.first_not_finite(model)
        {
            return Err(self.diverged(&format!("the gradient of `{weight}`")));
        }
        if let Some(most) = settings.clip_norm {
            gradients = gradients.with_norm(&norms, most);
        }
        Ok(Some(gradients))
    }
}
