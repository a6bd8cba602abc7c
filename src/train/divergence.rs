//! Training that went astray: what is said of it, and the way back.

use burn::module::Module as _;
use burn::tensor::Tensor;

use super::session::Session;
use super::{Back, Event};
use crate::checkpoint::{self, Progress};
use crate::config::OnDivergence;
use crate::diagnostic::{Diagnostic, Error, Kind, Result};
use crate::model::{Model, Pass, Value};
use crate::run::MODEL;

/// How often training goes back before it gives up.
const MOST_SETBACKS: i32 = 3;

impl Session {
    /// Names the moment, and where the last good weights are.
    pub(super) fn diverged(&self, what: &str) -> Error {
        let message = format!(
            "{what} is not a finite number in epoch {}, step {}",
            self.progress.epoch + 1,
            self.progress.step + 1
        );
        let rate = self.last_rate();
        let diagnostic = Diagnostic::error(message)
            .note(format!("the learning rate of the last step was {rate:?}"))
            .help("try a tenth of the learning rate, or a schedule with `warmup_epochs`");
        let diagnostic = match self.progress.best {
            Some(best) => diagnostic.note(format!(
                "the weights of epoch {} are in `{}`",
                best.epoch,
                self.run.path.join(MODEL).display()
            )),
            None => diagnostic,
        };
        Error::new(Kind::Diverged, diagnostic)
    }

    /// Says where a loss that is not finite comes from: the first weight that is not, or the
    /// first layer whose output is not.
    pub(super) fn loss_diverged(&self, model: &Model, input: Value, pass: Pass) -> Error {
        let mut error = self.diverged("the loss");
        let origin = match model.valid().first_not_finite() {
            Some(weight) => Some(format!("`{weight}` is the first weight that is not finite")),
            None => self
                .first_layer_not_finite(model, input, pass)
                .map(|layer| format!("the output of {layer} is the first that is not finite")),
        };
        if let (Some(origin), Some(diagnostic)) = (origin, error.diagnostics.first_mut()) {
            diagnostic.notes.insert(0, origin);
        }
        error
    }

    fn first_layer_not_finite(&self, model: &Model, input: Value, pass: Pass) -> Option<String> {
        let mut found = None;
        let _ = model.forward_observed(input, pass, &mut |index, value| {
            if found.is_none() && !is_finite(value) {
                found = Some(index);
            }
        });
        let index = found?;
        let layers = self.plan.every();
        let layer = layers.iter().find(|layer| layer.index == index)?;
        Some(match &layer.name {
            Some(name) => format!("layer `{name}`"),
            None => format!("layer {} (`{}`)", layer.path, layer.type_name),
        })
    }

    /// Goes back to the last checkpoint with half the rate, if that is wanted and has not been
    /// done too often; else the error stands.
    pub(super) fn go_back(&mut self, error: Error, emit: &mut dyn FnMut(Event)) -> Result<()> {
        let setbacks = self.progress.setbacks.saturating_add(1);
        let wanted = self.config.train.on_divergence == OnDivergence::Back;
        if error.kind != Kind::Diverged || !wanted || setbacks > MOST_SETBACKS {
            return Err(error);
        }
        let (best, secs) = (self.progress.best, self.train_secs());
        let (checkpoint, warnings) = checkpoint::read_newest(&self.run.path.join("checkpoints"))?;
        for warning in warnings {
            emit(Event::Warning(warning));
        }
        self.forget();
        let to = if let Some(checkpoint) = checkpoint {
            let to = format!("the checkpoint of step {}", checkpoint.progress.step);
            self.take_over(checkpoint)?;
            to
        } else {
            self.take_first_weights(&mut |_| {})?;
            "the start".to_owned()
        };
        let kept = best.filter(|best| best.epoch <= self.progress.epoch);
        if kept.is_none()
            && let Some(best) = self.progress.best
            && (best.epoch, 0) == (self.progress.epoch, self.progress.step_in_epoch)
        {
            // The best epoch has no row any more; of those that have one, this moment's is the best.
            self.write_model(&self.measured_model()?)?;
        }
        self.progress = Progress {
            setbacks,
            best: kept.or(self.progress.best),
            // The time is spent all the same.
            train_secs: secs - self.progress.partial.secs,
            ..std::mem::take(&mut self.progress)
        };
        let rows = self.history.begin(self.progress.epoch)?;
        let message = error.diagnostics.first();
        let message = message.map_or_else(String::new, |diagnostic| diagnostic.message.clone());
        let rate = self.rate();
        let warning = Diagnostic::warning(message).note(format!(
            "going back to {to} with half the rate, {rate:?}: {setbacks} of {MOST_SETBACKS} times"
        ));
        emit(Event::Back(Back {
            warning,
            epochs: self.progress.epoch,
            step: self.progress.step,
            learning_rate: rate,
            setbacks,
            rows,
        }));
        Ok(())
    }
}

fn is_finite(value: &Value) -> bool {
    fn all<const D: usize>(tensor: &Tensor<D>) -> bool {
        let values = tensor.clone().into_data().try_to_vec::<f32>();
        values.is_ok_and(|values| values.iter().all(|value| value.is_finite()))
    }
    match value {
        Value::Packed(packed) => is_finite(&packed.clone().plain()),
        Value::Row(tensor) => all(tensor),
        Value::Signal(tensor) => all(tensor),
        Value::Maps(tensor) => all(tensor),
        Value::Volume(tensor) => all(tensor),
    }
}
