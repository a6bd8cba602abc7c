//! Whether the trials of a sweep can be held against each other.

use crate::config::{Metric, Task};
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::load::Project;
use crate::loss::Loss;

/// Refuses to hold figures against each other that do not measure the same.
pub(super) fn check_figures(projects: &[Project], metric: Metric) -> Result<()> {
    let losses = projects.iter().map(|project| &project.config.train.loss);
    let has_accuracy = !losses.clone().any(|loss| loss.task() == Task::Values);
    let refuse =
        |message: &str, help: &str| Err(Error::config(Diagnostic::error(message).help(help)));
    if metric == Metric::ValidationAccuracy {
        if has_accuracy {
            return Ok(());
        }
        let message = "numbers have no accuracy to compare trials by";
        return refuse(
            message,
            "leave `--metric` out: they are compared by the validation loss",
        );
    }
    let mut measured = losses.map(Loss::of_measurement);
    let first = measured.next();
    if measured.all(|loss| {
        first
            .as_ref()
            .is_some_and(|first| first.measures_like(&loss))
    }) {
        return Ok(());
    }
    let message = "validation losses of different kinds cannot be compared";
    let help = if has_accuracy {
        "compare the trials by `--metric validation_accuracy`"
    } else {
        "search with each `loss` by itself"
    };
    refuse(message, help)
}

/// Refuses a search without anything to compare trials by.
pub(super) fn check_validation(project: Option<&Project>) -> Result<()> {
    let Some(project) = project.filter(|project| project.config.data.validation.is_none()) else {
        return Ok(());
    };
    if project.load_data()?.dataset.validation.is_some() {
        return Ok(());
    }
    let message = "trials are compared by the validation split, and there is none";
    let help = "add `validation = 0.1` to `[data]`";
    Err(Error::config(Diagnostic::error(message).help(help)))
}
