//! Training as it goes: bars on a terminal, a line an epoch elsewhere, a table at the end.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::number::{duration, percent, thousands};
use super::{diagnostics, plain, tell};
use crate::train::{End, Event, Reason, Row, Start, Step};

/// Shows events to a person, on standard error.
#[derive(Debug)]
pub struct Progress {
    epochs: usize,
    steps_per_epoch: usize,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Starts with nothing shown.
    #[must_use]
    pub fn new() -> Self {
        Self {
            epochs: 0,
            steps_per_epoch: 0,
            bar: None,
        }
    }

    /// Shows one event.
    pub fn show(&mut self, event: &Event) {
        match event {
            Event::Start(start) => self.start(start),
            Event::Step(step) => self.step(step),
            Event::Epoch(row) => self.say(&epoch_line(row, self.epochs)),
            Event::Warning(warning) => self.say(&diagnostics::render(warning)),
            Event::Checkpoint(_) => {}
            Event::End(_) => {
                if let Some(bar) = self.bar.take() {
                    bar.finish_and_clear();
                }
            }
        }
    }

    fn start(&mut self, start: &Start) {
        self.epochs = start.epochs;
        self.steps_per_epoch = start.steps_per_epoch;
        if std::io::stderr().is_terminal() {
            let total = (start.epochs * start.steps_per_epoch) as u64;
            let bar = ProgressBar::new(total);
            let style = ProgressStyle::with_template("{bar:30} {msg}  ETA {eta}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar.set_position((start.done * start.steps_per_epoch) as u64);
            bar.reset_eta();
            self.bar = Some(bar);
        }
        self.say(&start_line(start));
    }

    fn step(&self, step: &Step) {
        let Some(bar) = &self.bar else {
            return;
        };
        bar.set_message(format!(
            "epoch {}/{}  loss {:.4}{}  {} images/s",
            step.epoch,
            self.epochs,
            step.loss,
            accuracy(step.accuracy),
            whole(step.images_per_second)
        ));
        bar.set_position(((step.epoch - 1) * self.steps_per_epoch + step.step) as u64);
    }

    /// Writes above the bar.
    fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| tell(text)),
            None => tell(text),
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

fn start_line(start: &Start) -> String {
    let [to_train, to_validate, to_test] = start.samples;
    let mut text = format!(
        "{} with {} parameters on {}: {} pictures to train on",
        start.model,
        thousands(start.parameters),
        start.device,
        thousands(to_train as u64)
    );
    for (count, purpose) in [(to_validate, "validate"), (to_test, "test")] {
        if count > 0 {
            let _ = write!(text, ", {} to {purpose} on", thousands(count as u64));
        }
    }
    text.push('\n');
    if start.done > 0 {
        let _ = writeln!(text, "going on after epoch {}", start.done);
    }
    text
}

fn epoch_line(row: &Row, epochs: usize) -> String {
    let mut text = format!(
        "epoch {:>3}/{epochs}  loss {:.4}{}",
        row.epoch,
        row.train_loss,
        accuracy(row.train_accuracy)
    );
    if let Some(loss) = row.validation_loss {
        let accuracy = accuracy(row.validation_accuracy);
        let _ = write!(text, "  validation loss {loss:.4}{accuracy}");
    }
    let _ = writeln!(
        text,
        "  {}  {} images/s",
        duration(row.seconds),
        whole(row.images_per_second)
    );
    text
}

/// Writes an accuracy after other figures, where there is one.
fn accuracy(accuracy: Option<f64>) -> String {
    accuracy.map_or_else(String::new, |share| {
        format!("  accuracy {}", percent(share))
    })
}

fn whole(number: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate that is not negative, rounded"
    )]
    thousands(number.max(0.0).round() as u64)
}

/// Writes what came of a run.
#[must_use]
pub fn render_end(end: &End) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: String| {
        let _ = writeln!(text, "{label:<16}{value}");
    };
    let why = match end.reason {
        Reason::Finished => String::new(),
        Reason::NoBetter => " (stopped early: no better figure)".to_owned(),
        Reason::OutOfTime => " (stopped after `max_minutes`)".to_owned(),
        Reason::Stopped(_) => " (stopped; go on with `--resume`)".to_owned(),
    };
    line("run", plain(&end.run.display().to_string()));
    line("epochs", format!("{}{why}", end.epochs));
    if let Some(best) = end.best {
        line(
            "best epoch",
            format!("{} with loss {:.4}", best.epoch, best.loss),
        );
    }
    if let Some(test) = end.test {
        let samples = thousands(test.samples);
        if let Some(accuracy) = test.accuracy {
            let value = format!("{} of {samples} pictures", percent(accuracy));
            line("test accuracy", value);
        }
        line("test loss", format!("{:.4}", test.loss));
    }
    line("trained in", duration(end.train_secs));
    text
}
