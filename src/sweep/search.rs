//! Which settings a sweep tries, and for how long.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::axis::{Axis, Values};
use crate::config::Override;
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::random::{Purpose, Random};

/// How settings are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Search {
    /// Every combination.
    Grid,
    /// Combinations drawn by the seed.
    Random,
    /// Drawn ones, of which only the best of each round train on.
    Halving,
}

/// What is tried.
#[derive(Clone, Debug)]
pub(crate) struct Space {
    /// The keys and their values.
    pub axes: Vec<Axis>,
    /// How they are chosen; by grid if every value is listed and no number of trials is given.
    pub search: Option<Search>,
    /// How many are drawn.
    pub trials: Option<usize>,
    /// Values of each range in a grid.
    pub points: Option<usize>,
    /// Of how many trials one is kept after a round of halving.
    pub eta: usize,
}

/// Trials that are drawn if no number is given.
const TRIALS: usize = 10;

/// The most trials of a sweep.
const MOST: usize = 10_000;

/// How often a combination is drawn anew that was drawn before.
const DRAWS: u64 = 1000;

impl Space {
    /// Returns how settings are chosen.
    #[must_use]
    pub(crate) fn search(&self) -> Search {
        let ranges = self
            .axes
            .iter()
            .any(|axis| matches!(axis.values, Values::Range(_)));
        let grid = self.trials.is_none() && (!ranges || self.points.is_some());
        self.search
            .unwrap_or(if grid { Search::Grid } else { Search::Random })
    }

    /// Returns the settings of every trial; the seed decides what is drawn.
    ///
    /// # Errors
    /// Options that contradict each other, ranges in a grid, too many trials.
    pub(crate) fn trials(&self, seed: u64) -> Result<Vec<Vec<Override>>> {
        self.check()?;
        let values = match self.search() {
            Search::Grid => self.grid()?,
            Search::Random | Search::Halving => self.draw(seed),
        };
        let settings = |values: Vec<String>| {
            let pairs = self.axes.iter().zip(values);
            pairs.map(|(axis, value)| Override {
                option: "--set".to_owned(),
                key: axis.key.clone(),
                value,
            })
        };
        Ok(values
            .into_iter()
            .map(|values| settings(values).collect())
            .collect())
    }

    fn check(&self) -> Result<()> {
        let refuse =
            |message: &str, help: &str| Err(Error::config(Diagnostic::error(message).help(help)));
        let mut keys = HashSet::new();
        if let Some(twice) = self.axes.iter().find(|axis| !keys.insert(&axis.key)) {
            let message = format!("`{}` is set twice", twice.key);
            let help = format!("give all its values at once: `--set {}=A,B`", twice.key);
            return refuse(&message, &help);
        }
        if self.axes.iter().all(|axis| axis.single().is_some()) {
            let help = "give one key several values, such as `--set train.batch_size=32,64` or `--set train.optimizer.learning_rate=1e-4..1e-1:log`";
            return refuse(
                "there is nothing to search: no `--set` has several values",
                help,
            );
        }
        if self.search() == Search::Grid && self.trials.is_some() {
            let help = "leave it out, or take `--search random`";
            return refuse(
                "a grid tries every combination, and `--trials` asks for a number of them",
                help,
            );
        }
        Ok(())
    }

    /// Returns every combination, the last key changing fastest.
    fn grid(&self) -> Result<Vec<Vec<String>>> {
        let mut all = vec![Vec::new()];
        for axis in &self.axes {
            let points = axis.points(self.points).map_err(Error::config)?;
            if all.len().saturating_mul(points.len()) > MOST {
                let message = format!("the grid has more than {MOST} trials");
                let help = "give fewer values, or take `--search random` with `--trials`";
                return Err(Error::config(Diagnostic::error(message).help(help)));
            }
            let longer = |start: &Vec<String>| -> Vec<Vec<String>> {
                let ends = points.iter();
                ends.map(|end| [start.as_slice(), std::slice::from_ref(end)].concat())
                    .collect()
            };
            all = all.iter().flat_map(longer).collect();
        }
        Ok(all)
    }

    /// Draws different combinations: as many as asked for, or all there are.
    fn draw(&self, seed: u64) -> Vec<Vec<String>> {
        let wanted = self.trials.unwrap_or(TRIALS).min(MOST);
        let mut all: Vec<Vec<String>> = Vec::new();
        let mut known = HashSet::new();
        for trial in 0..wanted as u64 {
            let drawn = (0..DRAWS).find_map(|attempt| {
                let values: Vec<String> = (0_u64..)
                    .zip(&self.axes)
                    .map(|(axis, values)| {
                        let key = [seed, trial, attempt, axis];
                        values.draw(&mut Random::new(Purpose::Trial, &key))
                    })
                    .collect();
                known.insert(values.clone()).then_some(values)
            });
            match drawn {
                Some(values) => all.push(values),
                None => break,
            }
        }
        all
    }
}

/// A round of successive halving: all trials still in it train to a share of their epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Round {
    /// How many trials train in it.
    pub(super) trials: usize,
    /// The whole number that their epochs are divided by.
    pub(super) divisor: usize,
}

impl Round {
    /// Returns the epochs after which a trial pauses; nothing in the last round.
    pub(super) fn until(self, epochs: usize) -> Option<usize> {
        (self.divisor > 1).then(|| (epochs / self.divisor).max(1))
    }
}

/// Returns the rounds of a sweep: one where all train to the end, or those of successive halving,
/// of which each takes about the same time.
///
/// # Reference
/// Jamieson & Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization";
/// rounds as in the inner loop of Hyperband (Li et al. 2018).
pub(super) fn rounds(search: Search, trials: usize, epochs: usize, eta: usize) -> Vec<Round> {
    let mut rounds = vec![Round { trials, divisor: 1 }];
    if search != Search::Halving || eta < 2 {
        return rounds;
    }
    let (mut left, mut budget) = (trials / eta, epochs / eta);
    while left >= 1 && budget >= 1 {
        for round in &mut rounds {
            round.divisor *= eta;
        }
        rounds.push(Round {
            trials: left,
            divisor: 1,
        });
        left /= eta;
        budget /= eta;
    }
    rounds
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(settings: &[(&str, &str)]) -> Space {
        let axis = |(key, value): &(&str, &str)| {
            Axis::parse(&Override {
                option: "--set".to_owned(),
                key: (*key).to_owned(),
                value: (*value).to_owned(),
            })
        };
        Space {
            axes: settings
                .iter()
                .map(|setting| axis(setting).unwrap())
                .collect(),
            search: None,
            trials: None,
            points: None,
            eta: 3,
        }
    }

    fn values(space: &Space, seed: u64) -> Vec<Vec<String>> {
        let trials = space.trials(seed).unwrap();
        let values = |trial: Vec<Override>| trial.into_iter().map(|set| set.value).collect();
        trials.into_iter().map(values).collect()
    }

    #[test]
    fn a_grid_has_every_combination_in_order() {
        let space = listed(&[("a", "1,2"), ("c", "x"), ("b", "3,4")]);
        assert_eq!(space.search(), Search::Grid);
        let expected = [
            ["1", "x", "3"],
            ["1", "x", "4"],
            ["2", "x", "3"],
            ["2", "x", "4"],
        ];
        assert_eq!(values(&space, 0), expected);
    }

    #[test]
    fn draws_are_keyed_and_never_the_same_twice() {
        let mut space = listed(&[("a", "1e-4..1e-1:log"), ("b", "32,64")]);
        space.trials = Some(20);
        assert_eq!(space.search(), Search::Random);
        let drawn = values(&space, 5);
        assert_eq!(drawn.len(), 20);
        assert_eq!(drawn, values(&space, 5));
        assert_ne!(drawn, values(&space, 6));
        space.trials = Some(7);
        assert_eq!(drawn[..7], values(&space, 5), "fewer are the first of more");
        let mut small = listed(&[("a", "1,2,3"), ("b", "4,5")]);
        small.trials = Some(50);
        let mut drawn = values(&small, 1);
        drawn.sort();
        drawn.dedup();
        assert_eq!(drawn.len(), 6, "all there are, each once");
    }

    #[test]
    fn contradictions_are_refused() {
        let refused = |space: &Space| space.trials(0).unwrap_err().to_string();
        let one = refused(&listed(&[("a", "1"), ("b", "2")]));
        assert_eq!(
            one,
            "there is nothing to search: no `--set` has several values"
        );
        assert_eq!(
            refused(&listed(&[("a", "1,2"), ("a", "3")])),
            "`a` is set twice"
        );
        let mut grid = listed(&[("a", "1..2")]);
        grid.search = Some(Search::Grid);
        assert_eq!(refused(&grid), "a grid cannot hold all values of a range");
        let mut grid = listed(&[("a", "1,2")]);
        (grid.search, grid.trials) = (Some(Search::Grid), Some(2));
        assert!(refused(&grid).contains("--trials"));
        let mut large = listed(&[("a", "1..200:1"), ("b", "1..200:1")]);
        large.search = Some(Search::Grid);
        assert!(refused(&large).contains("more than 10000"));
    }

    #[track_caller]
    fn check_rounds(trials: usize, epochs: usize, eta: usize, expected: &[(usize, usize)]) {
        let rounds = rounds(Search::Halving, trials, epochs, eta);
        let found: Vec<(usize, usize)> = rounds
            .iter()
            .map(|round| (round.trials, round.until(epochs).unwrap_or(epochs)))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn rounds_keep_a_share_and_train_as_many_times_longer() {
        check_rounds(27, 27, 3, &[(27, 1), (9, 3), (3, 9), (1, 27)]);
        check_rounds(9, 81, 3, &[(9, 9), (3, 27), (1, 81)]);
        check_rounds(27, 9, 3, &[(27, 1), (9, 3), (3, 9)]);
        check_rounds(10, 20, 3, &[(10, 2), (3, 6), (1, 20)]);
        check_rounds(8, 8, 2, &[(8, 1), (4, 2), (2, 4), (1, 8)]);
        check_rounds(2, 9, 3, &[(2, 9)]);
        check_rounds(9, 1, 3, &[(9, 1)]);
        let rounds = rounds(Search::Random, 9, 9, 3);
        assert_eq!(
            rounds,
            [Round {
                trials: 9,
                divisor: 1
            }]
        );
    }
}
