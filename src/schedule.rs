//! Learning rates from step to step.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use crate::config::{self, ScheduleKind};

/// A schedule with its lengths in steps.
#[derive(Clone, Debug)]
pub struct Schedule {
    kind: ScheduleKind,
    rate: f64,
    warmup_steps: u64,
    total_steps: u64,
    steps_per_epoch: u64,
}

impl Schedule {
    /// Resolves a schedule for a base rate and a number of steps.
    #[must_use]
    pub fn new(
        schedule: &config::Schedule,
        rate: f64,
        epochs: usize,
        steps_per_epoch: u64,
    ) -> Self {
        let total_steps = steps_per_epoch.saturating_mul(epochs as u64);
        let warmup_steps = (schedule.warmup_epochs * steps_per_epoch as f64).round() as u64;
        Self {
            kind: schedule.kind.clone(),
            rate,
            warmup_steps: warmup_steps.min(total_steps),
            total_steps,
            steps_per_epoch,
        }
    }

    /// Returns the rate of a step, counted from 0 over all epochs; that of a plateau is the rate
    /// before anything was watched, to be passed through [`Plateau::rate`].
    ///
    /// Warm-up: `rate · (step + 1) / warmup`. Cosine and polynomial run over the steps after it,
    /// one cycle over all steps; step, multi-step and exponential count epochs from the start.
    ///
    /// # Reference
    /// `torch.optim.lr_scheduler.{CosineAnnealingLR, PolynomialLR, OneCycleLR}`, stepped once a
    /// batch, and `{StepLR, MultiStepLR, ExponentialLR}`, stepped once an epoch.
    #[must_use]
    pub fn rate(&self, step: u64) -> f64 {
        if step < self.warmup_steps {
            return self.rate * (step + 1) as f64 / self.warmup_steps as f64;
        }
        let epoch = step / self.steps_per_epoch.max(1);
        let fall = |drops: u64, gamma: f64| self.rate * gamma.powf(drops as f64);
        match &self.kind {
            ScheduleKind::Constant | ScheduleKind::Plateau(_) => self.rate,
            ScheduleKind::Cosine { minimum } => {
                let top = self.rate.max(*minimum);
                minimum + (top - minimum) * (1.0 + (PI * self.done(step)).cos()) / 2.0
            }
            ScheduleKind::Polynomial { power, minimum } => {
                let top = self.rate.max(*minimum);
                minimum + (top - minimum) * (1.0 - self.done(step)).powf(*power)
            }
            ScheduleKind::Step { every, gamma } => fall(epoch / (*every as u64).max(1), *gamma),
            ScheduleKind::MultiStep { milestones, gamma } => {
                let passed = milestones.iter().filter(|at| **at as u64 <= epoch);
                fall(passed.count() as u64, *gamma)
            }
            ScheduleKind::Exponential { gamma } => fall(epoch, *gamma),
            ScheduleKind::OneCycle {
                rise,
                initial_divisor,
                final_divisor,
            } => {
                let first = self.rate / initial_divisor;
                self.one_cycle(step, *rise, first, first / final_divisor)
            }
        }
    }

    /// Returns the share of the steps after warm-up that is done.
    fn done(&self, step: u64) -> f64 {
        let length = (self.total_steps - self.warmup_steps).max(1);
        ((step - self.warmup_steps) as f64 / length as f64).min(1.0)
    }

    fn one_cycle(&self, step: u64, rise: f64, first: f64, last: f64) -> f64 {
        let between = |from: f64, to: f64, share: f64| {
            to + (from - to) / 2.0 * (1.0 + (PI * share.clamp(0.0, 1.0)).cos())
        };
        let top = rise * self.total_steps as f64 - 1.0;
        let end = self.total_steps.max(1) as f64 - 1.0;
        let step = step as f64;
        if step <= top && top > 0.0 {
            return between(first, self.rate, step / top);
        }
        between(self.rate, last, (step - top) / (end - top).max(1.0))
    }
}

/// What a plateau schedule remembers from epoch to epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plateau {
    /// What the rate is multiplied with now.
    factor: f64,
    /// The best figure so far; smaller is better.
    best: Option<f64>,
    /// Epochs since then.
    epochs: usize,
    /// Epochs still to come in which nothing is counted.
    cooldown: usize,
}

impl Default for Plateau {
    fn default() -> Self {
        Self {
            factor: 1.0,
            best: None,
            epochs: 0,
            cooldown: 0,
        }
    }
}

impl Plateau {
    /// Returns what becomes of a rate.
    #[must_use]
    pub fn rate(&self, rate: f64, settings: &config::Plateau) -> f64 {
        // A warm-up may be below the least rate.
        (rate * self.factor).max(settings.minimum.min(rate))
    }

    /// Forgets the figures, which say nothing of others; the rate stays where it is.
    pub fn forget_figures(&mut self) {
        *self = Self {
            factor: self.factor,
            ..Self::default()
        };
    }

    /// Takes note of an epoch's figure, of which smaller is better.
    ///
    /// # Reference
    /// `torch.optim.lr_scheduler.ReduceLROnPlateau`, `threshold_mode="rel"`.
    pub fn watch(&mut self, figure: f64, settings: &config::Plateau) {
        let better = self
            .best
            .is_none_or(|best| figure < best - best.abs() * settings.threshold);
        if better {
            self.best = Some(figure);
            self.epochs = 0;
        } else {
            self.epochs += 1;
        }
        if self.cooldown > 0 {
            self.cooldown -= 1;
            self.epochs = 0;
        }
        if self.epochs > settings.patience {
            self.factor *= settings.gamma;
            self.cooldown = settings.cooldown;
            self.epochs = 0;
        }
    }
}
