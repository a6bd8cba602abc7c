//! Early stopping.

use super::history::Row;
use crate::checkpoint::Watched;
use crate::config::{EarlyStopping, Metric};

/// Returns what to remember after an epoch: the best figure, and the epochs since.
pub(super) fn watch(early: &EarlyStopping, watched: Option<Watched>, row: &Row) -> Option<Watched> {
    let Some(figure) = figure(early.metric, row) else {
        return watched;
    };
    match watched {
        Some(watched) if figure >= watched.figure - early.min_delta => Some(Watched {
            epochs: watched.epochs + 1,
            ..watched
        }),
        _ => Some(Watched { figure, epochs: 0 }),
    }
}

/// Returns an epoch's figure, of which smaller is better.
pub(super) fn figure(metric: Metric, row: &Row) -> Option<f64> {
    match metric {
        Metric::ValidationLoss => row.validation_loss,
        Metric::ValidationAccuracy => row.validation_accuracy.map(|accuracy| -accuracy),
    }
}

/// Returns whether the figure has not become better for as long as is waited.
pub(super) fn is_over(early: &EarlyStopping, watched: Option<Watched>) -> bool {
    watched.is_some_and(|watched| watched.epochs >= early.patience)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_for_patience_epochs_without_a_better_figure() {
        let early = EarlyStopping {
            metric: Metric::ValidationLoss,
            patience: 2,
            min_delta: 0.1,
        };
        let row = |loss| Row {
            epoch: 1,
            step: 1,
            train_loss: 0.0,
            train_accuracy: Some(0.0),
            validation_loss: Some(loss),
            validation_accuracy: Some(0.5),
            learning_rate: 0.1,
            seconds: 1.0,
            images_per_second: 1.0,
        };
        let mut watched = None;
        let mut over = Vec::new();
        for loss in [1.0, 0.8, 0.75, 0.6, 0.59, 0.55] {
            watched = watch(&early, watched, &row(loss));
            over.push(is_over(&early, watched));
        }
        assert_eq!(over, [false, false, false, false, false, true]);
    }
}
