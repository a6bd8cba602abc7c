//! What a run writes as it goes: checkpoints and its record.

use std::collections::BTreeMap;
use std::time::Instant;

use burn::module::Module as _;

use super::Event;
use super::session::Session;
use crate::checkpoint::{self, Content};
use crate::diagnostic::Result;
use crate::model_file;
use crate::run::unix_secs;

impl Session {
    /// Writes a checkpoint of this moment.
    pub(super) fn save(&mut self, emit: &mut dyn FnMut(Event)) -> Result<()> {
        let model = self.model()?;
        let plain = model.valid();
        // What is gone back to must be sound.
        if let Some(weight) = plain.first_not_finite() {
            return Err(self.diverged(&format!("the weight `{weight}`")));
        }
        let state = self.optimizer.state(model);
        let average = self.average.as_ref();
        let average = average.map_or_else(BTreeMap::new, |average| average.state(model));
        let mut progress = self.progress.clone();
        progress.counters.clone_from(&state.counters);
        let bytes = model_file::to_bytes(&plain, &self.header)?;
        let content = Content {
            model: &bytes,
            optimizer: &state,
            average: &average,
        };
        let folder = self.run.path.join("checkpoints");
        let keep = self.config.train.checkpoint.keep;
        let path = checkpoint::write(&folder, &progress, &content, keep)?;
        self.saved_at = Instant::now();
        self.saved_step = Some(self.progress.step);
        self.write_record("running")?;
        emit(Event::Checkpoint(path));
        Ok(())
    }

    /// Returns the seconds of training over all starts.
    pub(super) fn train_secs(&self) -> f64 {
        self.progress.train_secs + self.progress.partial.secs
    }

    /// Marks the run as failed; the failure itself is what the user hears of.
    pub(super) fn note_failure(&mut self) {
        let _ = self.write_record("failed");
    }

    pub(super) fn write_record(&mut self, status: &str) -> Result<()> {
        status.clone_into(&mut self.record.status);
        self.record.updated_unix = unix_secs();
        self.record.epochs = self.progress.epoch;
        self.record.train_secs = self.train_secs();
        self.record.best_epoch = self.progress.best.map(|best| best.epoch);
        self.run.write_record(&self.record)
    }
}
