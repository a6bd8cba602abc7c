//! Cross-validation: a network trained once for each fold of the training split, and measured on
//! that fold.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::{Override, Validation};
use crate::diagnostic::Result;
use crate::group::{Compute, Figures, Group, Recipe, Sort};
use crate::load::Project;
use crate::train::{self, End, Reason};

/// What is to be cross-validated.
#[derive(Clone, Debug)]
pub(crate) enum Start {
    /// A config.
    New {
        /// The config and its settings.
        recipe: Recipe,
        /// Parts of the training split, 2 or more.
        folds: usize,
        /// Name of the folder below `runs/`, if not the network's and a number.
        name: Option<String>,
    },
    /// One that was begun: its name or its path.
    Resume(String),
}

/// What happens in a cross-validation.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// A fold begins or goes on: its number from 1, and how many there are.
    Fold(usize, usize),
    /// Something happens in its training.
    Training(train::Event),
    /// A fold is done.
    Done(&'a Project, &'a End),
}

/// What one fold came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fold {
    /// Its number, from 1.
    pub fold: usize,
    /// Its figures.
    pub figures: Figures,
}

impl Fold {
    /// Returns the name of its run within the folder.
    #[must_use]
    pub fn run(&self) -> String {
        run_name(self.fold)
    }
}

/// What came of a cross-validation.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Its folder.
    pub path: PathBuf,
    /// Name of the network.
    pub model: String,
    /// How many folds there are.
    pub of: usize,
    /// Those that are done.
    pub folds: Vec<Fold>,
    /// The exit code of the signal that stopped it, if one did.
    pub stopped: Option<u8>,
}

/// Mean and deviation of a figure over the folds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The sample standard deviation; nothing of a single fold.
    pub deviation: Option<f64>,
}

impl Summary {
    /// Returns mean and deviation of a figure over the folds that have it; nothing if none has.
    pub fn spread(&self, figure: impl Fn(&Figures) -> Option<f64>) -> Option<Spread> {
        let figures: Vec<f64> = self
            .folds
            .iter()
            .filter_map(|fold| figure(&fold.figures))
            .collect();
        spread(&figures)
    }
}

const SORT: Sort = Sort {
    suffix: "crossval",
    file: "crossval.json",
    noun: "cross-validation",
};

/// What `crossval.json` holds.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    recipe: Recipe,
    of: usize,
    /// Folds that are done.
    folds: Vec<Fold>,
}

impl State {
    fn project(&self, fold: usize) -> Result<Project> {
        let of = self.of;
        self.recipe.project(&[Override {
            option: "--folds".to_owned(),
            key: "data.validation".to_owned(),
            value: Validation::Fold { fold, of }.to_toml(),
        }])
    }
}

/// Trains a network for each fold that is not done.
///
/// # Errors
/// What training can end with; the folds done so far are kept.
pub(crate) fn run(
    start: &Start,
    compute: Compute<'_>,
    emit: &mut dyn FnMut(Event<'_>),
) -> Result<Summary> {
    let (group, mut state) = open(start)?;
    let mut stopped = None;
    let mut model = String::new();
    for fold in 1..=state.of {
        let project = state.project(fold)?;
        model = project.config.model.name.clone().unwrap_or_default();
        if state.folds.iter().any(|done| done.fold == fold) {
            continue;
        }
        stopped = compute.stop.asked();
        if stopped.is_some() {
            break;
        }
        emit(Event::Fold(fold, state.of));
        let end = group.train(&run_name(fold), &project, compute, None, &mut |event| {
            emit(Event::Training(event));
        })?;
        if let Reason::Stopped(code) = end.reason {
            stopped = Some(code);
            break;
        }
        let figures = Figures::of(&end)?;
        state.folds.push(Fold { fold, figures });
        // The state last: what it says is done is not done again.
        group.write_rows("folds.csv", &rows(&state.folds))?;
        group.write_state(&state)?;
        emit(Event::Done(&project, &end));
    }
    Ok(Summary {
        path: group.path.clone(),
        model,
        of: state.of,
        folds: state.folds,
        stopped,
    })
}

fn open(start: &Start) -> Result<(Group, State)> {
    match start {
        Start::New {
            recipe,
            folds,
            name,
        } => {
            let state = State {
                recipe: recipe.clone(),
                of: *folds,
                folds: Vec::new(),
            };
            let model = state.project(1)?.config.model.name.unwrap_or_default();
            let group = Group::create(SORT, &model, name.as_deref())?;
            group.write_state(&state)?;
            Ok((group, state))
        }
        Start::Resume(name) => {
            let group = Group::open(SORT, name)?;
            let state = group.read_state()?;
            Ok((group, state))
        }
    }
}

fn run_name(fold: usize) -> String {
    format!("fold-{fold}")
}

fn rows(folds: &[Fold]) -> Vec<Vec<String>> {
    let header = ["fold"].iter().chain(&Figures::COLUMNS);
    let mut rows = vec![header.map(ToString::to_string).collect()];
    for fold in folds {
        let mut row = vec![fold.fold.to_string()];
        row.extend(fold.figures.cells());
        rows.push(row);
    }
    rows
}

fn spread(figures: &[f64]) -> Option<Spread> {
    let count = figures.len() as f64;
    if figures.is_empty() {
        return None;
    }
    let mean = figures.iter().sum::<f64>() / count;
    let squares: f64 = figures.iter().map(|figure| (figure - mean).powi(2)).sum();
    let deviation = (figures.len() > 1).then(|| (squares / (count - 1.0)).sqrt());
    Some(Spread { mean, deviation })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deviation_is_that_of_a_sample() {
        // As Python's `statistics.stdev`.
        let found = spread(&[2.75, 1.75, 1.25, 0.25, 0.5, 1.25, 3.5]);
        let found = found.unwrap_or(Spread {
            mean: 0.0,
            deviation: None,
        });
        assert!((found.mean - 1.607_142_857_142_857).abs() < 1e-12);
        let deviation = found.deviation.unwrap_or_default();
        assert!(
            (deviation - 1.171_334_200_612_195).abs() < 1e-12,
            "{deviation}"
        );
        assert_eq!(
            spread(&[3.0]),
            Some(Spread {
                mean: 3.0,
                deviation: None
            })
        );
        assert_eq!(spread(&[]), None);
    }
}
