//! Bars of a training on a terminal: one for the run, one for the epoch.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::number::whole;
use super::training::accuracy;
use super::{plot, tell};
use crate::train::{Row, Start, Step};

/// The bars, and the curves above them where those are asked for.
#[derive(Debug)]
pub(super) struct Bars {
    all: MultiProgress,
    curves: Option<ProgressBar>,
    run: ProgressBar,
    epoch: ProgressBar,
    epochs: usize,
    steps_per_epoch: usize,
}

impl Bars {
    /// Shows the bars of a run that begins; nothing where standard error is no terminal.
    pub(super) fn show(start: &Start, with_curves: bool) -> Option<Self> {
        if !std::io::stderr().is_terminal() {
            return None;
        }
        let all = MultiProgress::new();
        let curves = with_curves.then(|| {
            let curves = all.add(ProgressBar::new(0));
            curves.set_style(style("{msg}"));
            curves
        });
        let run = all.add(ProgressBar::new(
            (start.epochs * start.steps_per_epoch) as u64,
        ));
        run.set_style(style("  run {bar:30} {msg}  ETA {eta}"));
        run.set_position((start.done * start.steps_per_epoch) as u64);
        run.set_message(format!("epoch {}/{}", start.done + 1, start.epochs));
        run.reset_eta();
        run.enable_steady_tick(Duration::from_millis(200));
        let epoch = all.add(ProgressBar::new(start.steps_per_epoch as u64));
        epoch.set_style(style("epoch {bar:30} {msg}  ETA {eta}"));
        let bars = Self {
            all,
            curves,
            run,
            epoch,
            epochs: start.epochs,
            steps_per_epoch: start.steps_per_epoch,
        };
        bars.draw_curves(&start.rows);
        Some(bars)
    }

    /// Shows a step that is done.
    pub(super) fn step(&self, step: &Step) {
        if step.step == 1 {
            self.epoch.reset();
        }
        self.run
            .set_message(format!("epoch {}/{}", step.epoch, self.epochs));
        self.run
            .set_position(((step.epoch - 1) * self.steps_per_epoch + step.step) as u64);
        self.epoch.set_message(format!(
            "loss {:.4}{}  {} images/s",
            step.loss,
            accuracy(step.accuracy),
            whole(step.images_per_second)
        ));
        self.epoch.set_position(step.step as u64);
    }

    /// Draws the curves anew, where they are asked for.
    pub(super) fn draw_curves(&self, rows: &[Row]) {
        if let Some(curves) = &self.curves {
            curves.set_message(
                plot::render(rows, super::error_width())
                    .trim_end()
                    .to_owned(),
            );
        }
    }

    /// Writes above the bars.
    pub(super) fn say(&self, text: &str) {
        self.all.suspend(|| tell(text));
    }

    /// Takes the bars away.
    pub(super) fn clear(&self) {
        for bar in self.curves.iter().chain([&self.run, &self.epoch]) {
            bar.finish_and_clear();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
