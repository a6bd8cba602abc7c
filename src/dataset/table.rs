//! A CSV file as a data set: of files that it lists, or of the numbers in its rows.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use super::csv::{self, Content, Table, Wanted};
use super::decode::{self, Files};
use super::layout::Split;
use super::npy::Numbers;
use super::samples::{Samples, Targets};
use super::stream::Location;
use super::{Request, Splits, fit};
use crate::config::OnBadImage;
use crate::diagnostic::{Diagnostic, Error, Result};

/// Loads a CSV file.
pub(super) fn load(path: &Path, request: &Request) -> Result<Splits> {
    let file = File::open(path).map_err(|error| Error::io("read", path, &error))?;
    let shape = &request.preprocessing.shape;
    let wanted = Wanted {
        folder: path
            .parent()
            .filter(|_| request.on_bad_image == OnBadImage::Error),
        task: request.task,
        targets: &request.targets,
        width: shape.iter().product(),
        classes: request.outputs,
    };
    let name = path.display().to_string();
    let table = csv::read(&name, BufReader::new(file), &wanted)?;
    let rows = rows(&table);
    if rows.first().is_none_or(Vec::is_empty) {
        let message = format!("`{name}` has no rows to train on");
        let help = "write `train` into the split column of some";
        return Err(Error::data(Diagnostic::error(message).help(help)));
    }
    check_classes(&name, &table, &rows)?;
    let (splits, warnings) = match table.content {
        Content::Paths(paths) => {
            let folder = path.parent().unwrap_or(Path::new(""));
            let files = |rows: &Vec<usize>| {
                let paths = rows.iter().filter_map(|row| paths.get(*row));
                (!rows.is_empty()).then(|| Files {
                    locations: paths
                        .map(|path| Location::File(folder.join(path)))
                        .collect(),
                    targets: table.labels.targets.of(rows),
                })
            };
            let mut files = rows.iter().map(files);
            let mut next = || files.next().flatten();
            decode::load_all([next(), next(), next()], request)?
        }
        Content::Values(numbers) => {
            let numbers = match numbers {
                // What is no picture holds measured values, which may happen to be whole.
                Numbers::Bytes(bytes) if shape.len() != 3 => {
                    Numbers::Floats(bytes.into_iter().map(f32::from).collect())
                }
                numbers => numbers,
            };
            let targets = table.labels.targets;
            let all = fit::samples(&name, shape, numbers, targets, &request.preprocessing)?;
            (apart(all, &rows), Vec::new())
        }
    };
    let [train, validation, test] = splits;
    let train = train.ok_or_else(|| {
        Error::data(Diagnostic::error(format!(
            "`{name}` has no rows to train on"
        )))
    })?;
    Ok(Splits {
        classes: table.labels.names,
        warnings,
        train,
        validation,
        test,
    })
}

/// Returns the rows of each split.
fn rows(table: &Table) -> Vec<Vec<usize>> {
    let Some(splits) = &table.splits else {
        return vec![
            (0..table.labels.targets.len()).collect(),
            Vec::new(),
            Vec::new(),
        ];
    };
    let of = |split: &Split| {
        let rows = splits.iter().enumerate().filter(|(_, own)| *own == split);
        rows.map(|(row, _)| row).collect()
    };
    Split::ALL.iter().map(of).collect()
}

/// Refuses classes that another split has and the training split has not.
fn check_classes(name: &str, table: &Table, rows: &[Vec<usize>]) -> Result<()> {
    let Targets::Classes(classes) = &table.labels.targets else {
        return Ok(());
    };
    let mut is_trained = vec![false; table.labels.names.len()];
    let of = |rows: &[usize]| -> Vec<u32> {
        let classes = rows.iter().filter_map(|row| classes.get(*row));
        classes.copied().collect()
    };
    let (train, others) = rows.split_first().unwrap_or((const { &Vec::new() }, &[]));
    for class in of(train) {
        if let Some(place) = is_trained.get_mut(class as usize) {
            *place = true;
        }
    }
    let is_new = |class: &u32| !is_trained.get(*class as usize).copied().unwrap_or(false);
    let Some(class) = others.iter().flat_map(|rows| of(rows)).find(is_new) else {
        return Ok(());
    };
    let class = table
        .labels
        .names
        .get(class as usize)
        .map_or("", String::as_str);
    let message = format!("class `{class}` of `{name}` has no rows to train on");
    let help = "write `train` into the split column of some of its rows, or remove them all";
    Err(Error::data(Diagnostic::error(message).help(help)))
}

/// Takes the samples of the three splits apart.
fn apart(mut all: Samples, rows: &[Vec<usize>]) -> [Option<Samples>; 3] {
    let mut split_of = vec![0; all.len()];
    for (number, rows) in rows.iter().enumerate() {
        for row in rows {
            if let Some(split) = split_of.get_mut(*row) {
                *split = number;
            }
        }
    }
    let mut take = |number: usize| {
        let is_taken: Vec<bool> = split_of.iter().map(|split| *split == number).collect();
        if !is_taken.contains(&true) {
            return None;
        }
        let taken = all.take(&is_taken);
        split_of.retain(|split| *split != number);
        Some(taken)
    };
    let (validation, test) = (take(1), take(2));
    [Some(all), validation, test]
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
