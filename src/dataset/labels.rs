//! From the cells of a label column to classes, several labels, or numbers.

use std::collections::{BTreeMap, BTreeSet};

use super::columns::Columns;
use super::csv::{Faults, Wanted};
use super::samples::Targets;
use crate::config::Task;

/// The most classes that numbers in a label column can stand for.
pub(super) const MAX_CLASSES: usize = 1 << 16;
/// The most labels that a sample can have: each is a number for every sample.
const MAX_LABELS: usize = 4096;
/// What stands between several labels of a sample.
const SEPARATORS: [char; 2] = ['|', ';'];

/// Returns whether classes have no names but their numbers.
pub(crate) fn are_numbers(classes: &[String]) -> bool {
    let mut names = classes.iter().enumerate();
    names.all(|(number, name)| *name == number.to_string())
}

/// What is to be learnt of each row.
#[derive(Debug, PartialEq)]
pub(super) struct Labels {
    /// Names of the classes, of the labels, or of the numbers.
    pub(super) names: Vec<String>,
    /// One for each row.
    pub(super) targets: Targets,
}

impl Labels {
    pub(super) fn is_empty(&self) -> bool {
        match &self.targets {
            Targets::Classes(classes) => classes.is_empty(),
            Targets::Values { values, width } => values.is_empty() && *width > 0,
        }
    }
}

/// Cells read so far, each text kept once.
#[derive(Default)]
pub(super) struct Cells {
    known: BTreeMap<String, u32>,
    numbers_of_texts: Vec<u32>,
    lines: Vec<u64>,
    numbers: Vec<f32>,
}

impl Cells {
    /// Takes the next cell.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn add(&mut self, line: u64, cell: &str, task: Task) -> Result<(), String> {
        match task {
            Task::Values => {
                let value = cell.parse().ok().filter(|value: &f32| value.is_finite());
                let shown = || match cell {
                    "" => "has no number".to_owned(),
                    cell => format!("`{cell}` is not a number"),
                };
                self.numbers.push(value.ok_or_else(shown)?);
            }
            Task::Classes if cell.is_empty() => return Err("has no label".into()),
            Task::Classes | Task::Labels => {
                let next = self.known.len() as u32;
                let number = match self.known.get(cell) {
                    Some(number) => *number,
                    None => *self.known.entry(cell.to_owned()).or_insert(next),
                };
                self.numbers_of_texts.push(number);
                self.lines.push(line);
            }
        }
        Ok(())
    }

    /// Makes targets of all cells; what is out of range becomes a fault.
    pub(super) fn finish(
        self,
        wanted: &Wanted<'_>,
        columns: &Columns,
        faults: &mut Faults<'_>,
    ) -> Labels {
        let names = || columns.targets.iter().map(|column| columns.name(*column));
        match wanted.task {
            Task::Classes => self.classes(wanted.classes, faults),
            Task::Values => Labels {
                names: names().collect(),
                targets: Targets::Values {
                    width: columns.targets.len(),
                    values: self.numbers,
                },
            },
            Task::Labels if columns.targets.len() > 1 => self.marks(names().collect(), faults),
            Task::Labels => self.lists(faults),
        }
    }

    /// Reads all labels as class numbers if they are, else as names in bytewise order.
    fn classes(self, classes: Option<usize>, faults: &mut Faults<'_>) -> Labels {
        let mut texts = vec![""; self.known.len()];
        for (text, number) in &self.known {
            if let Some(place) = texts.get_mut(*number as usize) {
                *place = text;
            }
        }
        let numbers: Option<Vec<f64>> = texts.iter().map(|text| whole(text)).collect();
        let of = |labels: &[u32]| {
            let class = |cell: &u32| labels.get(*cell as usize).copied().unwrap_or(0);
            Targets::Classes(self.numbers_of_texts.iter().map(class).collect())
        };
        let Some(numbers) = numbers else {
            let names: Vec<String> = self.known.keys().cloned().collect();
            let mut labels = vec![0; names.len()];
            for (rank, number) in self.known.values().enumerate() {
                if let Some(label) = labels.get_mut(*number as usize) {
                    *label = rank as u32;
                }
            }
            return Labels {
                targets: of(&labels),
                names,
            };
        };
        let most = classes.unwrap_or(MAX_CLASSES).min(MAX_CLASSES);
        let fits = |number: f64| number >= 0.0 && number < most as f64;
        if !numbers.iter().all(|number| fits(*number)) {
            let expected = match classes {
                Some(0) | None => "expected a whole number from 0".to_owned(),
                Some(classes) => format!(
                    "expected 0 to {}, as the network has {classes} outputs",
                    classes - 1
                ),
            };
            for (cell, line) in self.numbers_of_texts.iter().zip(&self.lines) {
                let number = numbers.get(*cell as usize).copied().unwrap_or(0.0);
                if !fits(number) {
                    let what = format!("the label {number} is out of range, {expected}");
                    faults.add(
                        *line,
                        &what,
                        "number the classes from 0, or give the last layer more `units`",
                    );
                }
            }
        }
        let labels: Vec<u32> = numbers
            .iter()
            .map(|number| if fits(*number) { *number as u32 } else { 0 })
            .collect();
        let last = labels.iter().max().copied().unwrap_or(0);
        Labels {
            names: (0..classes.unwrap_or(last as usize + 1))
                .map(|class| class.to_string())
                .collect(),
            targets: of(&labels),
        }
    }

    /// Reads each cell as a list of labels.
    fn lists(self, faults: &mut Faults<'_>) -> Labels {
        let parts = |text: &'_ str| -> Vec<String> {
            let parts = text.split(SEPARATORS).map(str::trim);
            parts
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect()
        };
        let all: BTreeSet<String> = self.known.keys().flat_map(|text| parts(text)).collect();
        let mut names: Vec<String> = all.into_iter().collect();
        if names.len() > MAX_LABELS {
            let what = format!(
                "there are {} different labels by here, expected at most {MAX_LABELS}",
                names.len()
            );
            let line = self.lines.last().copied().unwrap_or(0);
            faults.add(line, &what, "separate the labels of a sample by `|` or `;`");
            names.clear();
        }
        let mut rows = vec![vec![0.0; names.len()]; self.known.len()];
        for (text, number) in &self.known {
            for part in parts(text) {
                if let Ok(at) = names.binary_search(&part)
                    && let Some(row) = rows.get_mut(*number as usize)
                    && let Some(mark) = row.get_mut(at)
                {
                    *mark = 1.0;
                }
            }
        }
        let values = self
            .numbers_of_texts
            .iter()
            .filter_map(|cell| rows.get(*cell as usize));
        Labels {
            targets: Targets::Values {
                width: names.len(),
                values: values.flatten().copied().collect(),
            },
            names,
        }
    }

    /// Reads a column for each label, of ones and zeros.
    fn marks(self, names: Vec<String>, faults: &mut Faults<'_>) -> Labels {
        let mut texts = vec![""; self.known.len()];
        for (text, number) in &self.known {
            if let Some(place) = texts.get_mut(*number as usize) {
                *place = text;
            }
        }
        let mut values = Vec::with_capacity(self.numbers_of_texts.len());
        for (cell, line) in self.numbers_of_texts.iter().zip(&self.lines) {
            let text = texts.get(*cell as usize).copied().unwrap_or("");
            match text.parse::<f32>() {
                Ok(mark) if [0.0, 1.0].contains(&mark) => values.push(mark),
                _ => {
                    let what = format!("`{text}` is no label, expected 0 or 1");
                    faults.add(
                        *line,
                        &what,
                        "write 1 where the sample has the label, else 0",
                    );
                }
            }
        }
        Labels {
            targets: Targets::Values {
                width: names.len(),
                values,
            },
            names,
        }
    }
}

/// Reads a whole number, also one written as a float.
fn whole(text: &str) -> Option<f64> {
    let number = text.parse::<f64>().ok()?;
    (number.is_finite() && number.fract() == 0.0).then_some(number)
}
