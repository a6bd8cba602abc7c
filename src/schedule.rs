//! Learning rates from step to step.

use std::f64::consts::PI;

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
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a saturating cast of a number that is not negative"
        )]
        let warmup_steps = (schedule.warmup_epochs * steps_per_epoch as f64).round() as u64;
        Self {
            kind: schedule.kind.clone(),
            rate,
            warmup_steps: warmup_steps.min(total_steps),
            total_steps,
            steps_per_epoch,
        }
    }

    /// Returns the rate of a step, counted from 0 over all epochs.
    ///
    /// Warm-up: `rate · (step + 1) / warmup`. Cosine: `rate · (1 + cos(π·t)) / 2`, `t` from 0 to 1
    /// over the steps after warm-up. Step: `rate · gamma^⌊epoch / every⌋`.
    ///
    /// # Reference
    /// `torch.optim.lr_scheduler.{CosineAnnealingLR, StepLR}`, stepped once a batch and once an
    /// epoch.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "steps stay far below 2⁵³")]
    pub fn rate(&self, step: u64) -> f64 {
        if step < self.warmup_steps {
            return self.rate * (step + 1) as f64 / self.warmup_steps as f64;
        }
        match &self.kind {
            ScheduleKind::Constant => self.rate,
            ScheduleKind::Cosine => {
                let done = (step - self.warmup_steps) as f64;
                let length = (self.total_steps - self.warmup_steps).max(1) as f64;
                self.rate * (1.0 + (PI * (done / length).min(1.0)).cos()) / 2.0
            }
            ScheduleKind::Step { every, gamma } => {
                let epoch = step / self.steps_per_epoch.max(1);
                let drops = epoch / (*every as u64).max(1);
                self.rate * gamma.powf(drops as f64)
            }
        }
    }
}
