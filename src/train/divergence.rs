//! What is said of a training that went astray.

use super::session::Session;
use crate::diagnostic::{Diagnostic, Error, Kind};
use crate::run::MODEL;

impl Session {
    /// Names the moment, and where the last good weights are.
    pub(super) fn diverged(&self, what: &str) -> Error {
        let message = format!(
            "{what} is not a finite number in epoch {}, step {}",
            self.progress.epoch + 1,
            self.progress.step + 1
        );
        let rate = self.schedule.rate(self.progress.step.saturating_sub(1));
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
}
