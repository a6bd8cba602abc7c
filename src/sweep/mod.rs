//! A search for settings: the same config trained with many of them, the best written out.

mod axis;
mod comparison;
mod results;
mod search;

pub(crate) use axis::Axis;
pub(crate) use results::{Status, Trial};
pub(crate) use search::{Search, Space};

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::{Metric, Override};
use crate::diagnostic::{Error, Kind, Result};
use crate::files;
use crate::group::{Compute, Figures, Group, Recipe, Sort};
use crate::load::Project;
use crate::train::{self, End, Reason};
use search::Round;

/// What is to be searched.
#[derive(Clone, Debug)]
pub(crate) enum Start {
    /// A config and the values of some of its keys.
    New {
        /// The config and its fixed settings.
        recipe: Recipe,
        /// What is tried.
        space: Space,
        /// What makes a trial better than another.
        metric: Metric,
        /// Name of the folder below `runs/`, if not the network's and a number.
        name: Option<String>,
    },
    /// One that was begun: its name or its path.
    Resume(String),
}

/// What happens in a sweep.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// All is checked: the folder, how settings are chosen, trials of each round and epochs of each.
    Begin(&'a Path, Search, Vec<[usize; 2]>),
    /// A trial begins or goes on; how many there are.
    Trial(&'a Trial, usize),
    /// Something happens in its training.
    Training(train::Event),
    /// A trial has trained as long as its round asks for.
    Trained(&'a Project, &'a End),
    /// A trial has failed.
    Failed(&'a Trial),
}

/// What came of a sweep.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Its folder.
    pub path: PathBuf,
    /// How settings were chosen.
    pub search: Search,
    /// What makes a trial better than another.
    pub metric: Metric,
    /// Keys that were varied.
    pub keys: Vec<String>,
    /// Every trial, the best first, failed ones and those not begun last.
    pub trials: Vec<Trial>,
    /// The exit code of the signal that stopped it, if one did.
    pub stopped: Option<u8>,
}

impl Summary {
    /// Returns the best trial, if one has figures.
    #[must_use]
    pub fn best(&self) -> Option<&Trial> {
        self.trials.first().filter(|trial| trial.figures.is_some())
    }

    /// Returns where the config of the best trial is.
    #[must_use]
    pub fn best_config(&self) -> PathBuf {
        self.path.join(BEST)
    }
}

const SORT: Sort = Sort {
    suffix: "sweep",
    file: "sweep.json",
    noun: "sweep",
};

/// The config of the best trial.
const BEST: &str = "best.toml";

/// What `sweep.json` holds.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    recipe: Recipe,
    search: Search,
    metric: Metric,
    eta: usize,
    /// Keys with several values.
    keys: Vec<String>,
    trials: Vec<Trial>,
}

/// Trains all trials, or those that are not done.
///
/// # Errors
/// Before the first trial, everything that is wrong with the options and the config of one. Then
/// what training can end with, except for divergence, which is the trial's alone unless all share it.
pub(crate) fn run(
    start: &Start,
    compute: Compute<'_>,
    emit: &mut dyn FnMut(Event<'_>),
) -> Result<Summary> {
    let mut sweep = Sweep::open(start)?;
    let rounds = sweep.rounds();
    let epochs = sweep.projects.iter().map(epochs).max().unwrap_or(0);
    let shown = rounds
        .iter()
        .map(|round| [round.trials, round.until(epochs).unwrap_or(epochs)]);
    emit(Event::Begin(
        &sweep.group.path,
        sweep.state.search,
        shown.collect(),
    ));
    let mut stopped = None;
    'rounds: for (number, round) in rounds.iter().enumerate() {
        for index in sweep.chosen(number, round.trials) {
            if sweep.state.trials[index].rounds > number {
                continue;
            }
            stopped = compute.stop.asked();
            if stopped.is_none() {
                stopped = sweep.train(index, number, *round, compute, emit)?;
            }
            if stopped.is_some() {
                break 'rounds;
            }
        }
    }
    if stopped.is_none() {
        sweep.close(rounds.len())?;
    }
    Ok(sweep.summary(stopped))
}

/// A sweep under way.
struct Sweep {
    group: Group,
    state: State,
    /// The checked config of each trial.
    projects: Vec<Project>,
    /// The first failure of this start, told if there is nothing else to tell.
    failure: Option<Error>,
}

impl Sweep {
    fn open(start: &Start) -> Result<Self> {
        match start {
            Start::New {
                recipe,
                space,
                metric,
                name,
            } => {
                let state = State::new(recipe, space, *metric)?;
                let projects = state.projects()?;
                comparison::check_figures(&projects, *metric)?;
                comparison::check_validation(projects.first())?;
                let model = projects.first();
                let model = model.and_then(|project| project.config.model.name.clone());
                let group = Group::create(SORT, &model.unwrap_or_default(), name.as_deref())?;
                let sweep = Self {
                    group,
                    state,
                    projects,
                    failure: None,
                };
                sweep.write()?;
                Ok(sweep)
            }
            Start::Resume(name) => {
                let group = Group::open(SORT, name)?;
                let state: State = group.read_state()?;
                Ok(Self {
                    projects: state.projects()?,
                    group,
                    state,
                    failure: None,
                })
            }
        }
    }

    fn rounds(&self) -> Vec<Round> {
        let epochs = self.projects.iter().map(epochs).min().unwrap_or(1);
        let trials = self.state.trials.len();
        search::rounds(self.state.search, trials, epochs, self.state.eta)
    }

    /// Returns the trials of a round, in their order: those that have been in it already, and the
    /// best of the others.
    fn chosen(&self, round: usize, count: usize) -> Vec<usize> {
        let trials = &self.state.trials;
        let mut chosen: Vec<usize> = (0..trials.len())
            .filter(|index| round == 0 || trials[*index].is_after(round))
            .collect();
        chosen.sort_by(|a, b| {
            let (a, b) = (&trials[*a], &trials[*b]);
            let been = |trial: &Trial| trial.rounds > round;
            been(b).cmp(&been(a)).then(a.compare(b, self.state.metric))
        });
        chosen.truncate(count);
        chosen.sort_unstable();
        chosen
    }

    /// Trains one trial as far as a round asks for; returns the exit code of a signal that came.
    fn train(
        &mut self,
        index: usize,
        number: usize,
        round: Round,
        compute: Compute<'_>,
        emit: &mut dyn FnMut(Event<'_>),
    ) -> Result<Option<u8>> {
        let project = &self.projects[index];
        let count = self.state.trials.len();
        let trial = &mut self.state.trials[index];
        emit(Event::Trial(trial, count));
        let until = round.until(epochs(project));
        let mut tell = |event| emit(Event::Training(event));
        let outcome = self
            .group
            .train(&trial.run(), project, compute, until, &mut tell);
        match outcome {
            Ok(end) => {
                if let Reason::Stopped(code) = end.reason {
                    return Ok(Some(code));
                }
                trial.figures = Some(Figures::of(&end)?);
                trial.status = match end.reason {
                    Reason::Paused => Status::Paused,
                    _ => Status::Finished,
                };
                trial.rounds = number + 1;
                emit(Event::Trained(project, &end));
            }
            // Settings that training cannot be done with are a result as well.
            Err(error) if matches!(error.kind, Kind::Diverged | Kind::Config) => {
                trial.figures = None;
                trial.status = Status::Failed;
                trial.reason = Some(error.to_string());
                trial.has_diverged = error.kind == Kind::Diverged;
                trial.rounds = number + 1;
                emit(Event::Failed(trial));
                self.failure = self.failure.take().or(Some(error));
            }
            Err(error) => return Err(error),
        }
        self.write()?;
        Ok(None)
    }

    /// Marks what did not come to the last round, and tells if nothing did.
    fn close(&mut self, rounds: usize) -> Result<()> {
        for trial in &mut self.state.trials {
            if trial.status == Status::Paused && trial.rounds < rounds {
                trial.status = Status::Dropped;
            }
        }
        self.write()?;
        let trials = &self.state.trials;
        let first = trials.first();
        let Some(first) = first.filter(|_| trials.iter().all(Trial::has_failed)) else {
            return Ok(());
        };
        // A sweep that was resumed knows of it from its state alone.
        let mut error = self.failure.take().unwrap_or_else(|| first.failure());
        let note = "all trials of the sweep failed; this is what the first one said";
        if let Some(diagnostic) = error.diagnostics.first_mut() {
            diagnostic.notes.push(note.to_owned());
        }
        Err(error)
    }

    /// Writes the table, the best config, and last the state: what it says is done is not done again.
    fn write(&self) -> Result<()> {
        let trials = &self.state.trials;
        self.group
            .write_rows("results.csv", &results::rows(&self.state.keys, trials))?;
        let best = trials.iter().zip(&self.projects);
        let best = best.filter(|(trial, _)| trial.figures.is_some());
        if let Some((_, project)) = best.min_by(|(a, _), (b, _)| a.compare(b, self.state.metric)) {
            let path = self.group.path.join(BEST);
            files::write(&path, project.config.to_toml().as_bytes())?;
        }
        self.group.write_state(&self.state)
    }

    fn summary(self, stopped: Option<u8>) -> Summary {
        let State {
            search,
            metric,
            keys,
            mut trials,
            ..
        } = self.state;
        trials.sort_by(|a, b| a.compare(b, metric));
        Summary {
            path: self.group.path,
            search,
            metric,
            keys,
            trials,
            stopped,
        }
    }
}

impl State {
    fn new(recipe: &Recipe, space: &Space, metric: Metric) -> Result<Self> {
        // The seed is one of the settings that are the same for all, or none: then draws have 0.
        let fixed: Vec<Override> = space
            .axes
            .iter()
            .filter_map(|axis| {
                Some(Override {
                    option: "--set".to_owned(),
                    key: axis.key.clone(),
                    value: axis.single()?.to_owned(),
                })
            })
            .collect();
        let seed = recipe
            .project(&fixed)
            .map_or(0, |project| project.config.train.seed);
        let trials = space.trials(seed)?;
        let varied = space.axes.iter().filter(|axis| axis.single().is_none());
        Ok(Self {
            recipe: recipe.clone(),
            search: space.search(),
            metric,
            eta: space.eta,
            keys: varied.map(|axis| axis.key.clone()).collect(),
            trials: (1..)
                .zip(trials)
                .map(|(number, settings)| Trial::new(number, settings))
                .collect(),
        })
    }

    /// Checks the config of every trial.
    fn projects(&self) -> Result<Vec<Project>> {
        let count = self.trials.len();
        let check = |trial: &Trial| {
            self.recipe.project(&trial.settings).map_err(|mut error| {
                if let Some(diagnostic) = error.diagnostics.last_mut() {
                    let note = format!(
                        "in trial {} of {count}; none has been trained",
                        trial.number
                    );
                    diagnostic.notes.push(note);
                }
                error
            })
        };
        self.trials.iter().map(check).collect()
    }
}

fn epochs(project: &Project) -> usize {
    project.config.train.epochs
}
