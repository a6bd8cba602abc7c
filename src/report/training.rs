//! Training as it goes: bars on a terminal, a line an epoch elsewhere, a table at the end.

use std::fmt::Write as _;

use super::bars::Bars;
use super::number::{duration, percent, thousands, whole};
use super::{diagnostics, plain, plot, tell};
use crate::train::{End, Event, Reason, Row, Start};

/// Shows events to a person, on standard error.
#[derive(Debug)]
pub struct Progress {
    epochs: usize,
    with_curves: bool,
    rows: Vec<Row>,
    bars: Option<Bars>,
}

impl Progress {
    /// Starts with nothing shown; `with_curves` draws loss and accuracy, on a terminal after each
    /// epoch, elsewhere at the end.
    #[must_use]
    pub fn new(with_curves: bool) -> Self {
        Self {
            epochs: 0,
            with_curves,
            rows: Vec::new(),
            bars: None,
        }
    }

    /// Shows one event.
    pub fn show(&mut self, event: &Event) {
        match event {
            Event::Start(start) => self.start(start),
            Event::Step(step) => {
                if let Some(bars) = &self.bars {
                    bars.step(step);
                }
            }
            Event::Epoch(row) => {
                self.say(&epoch_line(row, self.epochs));
                if self.with_curves {
                    self.rows.push(*row);
                }
                if let Some(bars) = &self.bars {
                    bars.draw_curves(&self.rows);
                }
            }
            Event::Warning(warning) => self.say(&diagnostics::render(warning)),
            Event::Checkpoint(_) => {}
            Event::Back(back) => {
                self.say(&diagnostics::render(&back.warning));
                self.rows.clone_from(&back.rows);
                if let Some(bars) = &self.bars {
                    bars.draw_curves(&self.rows);
                }
            }
            Event::End(end) => self.end(end),
        }
    }

    fn start(&mut self, start: &Start) {
        self.epochs = start.epochs;
        self.rows.clone_from(&start.rows);
        self.bars = Bars::show(start, self.with_curves);
        self.say(&start_line(start));
    }

    /// Takes the bars away, after a training that ends without its last event.
    pub fn leave(&mut self) {
        if let Some(bars) = self.bars.take() {
            bars.clear();
        }
    }

    fn end(&mut self, end: &End) {
        self.leave();
        if self.with_curves && !end.rows.is_empty() {
            tell(&format!(
                "\n{}\n",
                plot::render(&end.rows, super::error_width())
            ));
        }
    }

    /// Writes above the bars.
    fn say(&self, text: &str) {
        match &self.bars {
            Some(bars) => bars.say(text),
            None => tell(text),
        }
    }
}

impl Drop for Progress {
    /// An error is told below the bars, not among them.
    fn drop(&mut self) {
        self.leave();
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
    if let Some(first) = start.first_weights.as_ref().filter(|_| start.done == 0) {
        let (file, placed) = (plain(&first.file), plain(&first.placed));
        let _ = writeln!(
            text,
            "begins with {} weights of `{file}`, {placed}",
            first.taken
        );
    }
    if start.done > 0 && start.done >= start.epochs {
        let _ = writeln!(
            text,
            "nothing to train: all {} epochs are done; ask for more with `--epochs {}`",
            start.done,
            start.done + 10
        );
    } else if start.done > 0 {
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
pub(super) fn accuracy(accuracy: Option<f64>) -> String {
    accuracy.map_or_else(String::new, |share| {
        format!("  accuracy {}", percent(share))
    })
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
        Reason::Paused => " (paused; more are asked for)".to_owned(),
        Reason::OutOfTime => " (stopped after `max_minutes`)".to_owned(),
        Reason::Stopped(_) => {
            let name = end.run.file_name().unwrap_or_default().to_string_lossy();
            let name = plain(&name);
            format!(" (stopped; go on with `cnn train --resume {name}`)")
        }
    };
    line("run", plain(&end.run.display().to_string()));
    line("epochs", format!("{}{why}", end.epochs));
    if let Some(best) = end.best {
        line(
            "best epoch",
            format!("{} with loss {:.4}", best.epoch, best.loss),
        );
        let mut rows = end.rows.iter();
        let row = rows.find(|row| row.epoch == best.epoch);
        if let Some(accuracy) = row.and_then(|row| row.validation_accuracy) {
            line("validation", percent(accuracy));
        }
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
    let seconds: f64 = end.rows.iter().map(|row| row.seconds).sum();
    let images: f64 = end
        .rows
        .iter()
        .map(|row| row.seconds * row.images_per_second)
        .sum();
    if seconds > 0.0 {
        line("speed", format!("{} images/s", whole(images / seconds)));
    }
    text
}
