//! Which column of a table holds what: by the names in its first line, or by their number.

use super::csv::Wanted;
use crate::config::Task;
use crate::diagnostic::{Diagnostic, Error, Result, in_backticks};

const PATHS: [&str; 7] = [
    "path",
    "file",
    "image",
    "filename",
    "filepath",
    "file_name",
    "image_path",
];
const LABELS: [&str; 7] = [
    "label", "labels", "class", "classes", "category", "target", "y",
];
const SPLITS: [&str; 3] = ["split", "subset", "set"];

/// What each column holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Columns {
    /// Whether the first line names them.
    pub(super) has_header: bool,
    /// How many there are.
    pub(super) count: usize,
    /// The file of a sample.
    pub(super) path: Option<usize>,
    /// What is to be learnt of it; at least one.
    pub(super) targets: Vec<usize>,
    /// The split that it belongs to.
    pub(super) split: Option<usize>,
    /// Its values, where there is no file.
    pub(super) values: Vec<usize>,
    names: Vec<String>,
}

impl Columns {
    /// Shows a column in a message.
    pub(super) fn shown(&self, column: usize) -> String {
        match self.names.get(column) {
            Some(name) if !name.is_empty() => format!("column `{name}`"),
            _ => format!("column {}", column + 1),
        }
    }

    /// Returns the name of a column; its number if it has none.
    pub(super) fn name(&self, column: usize) -> String {
        let name = self.names.get(column).filter(|name| !name.is_empty());
        name.cloned().unwrap_or_else(|| (column + 1).to_string())
    }
}

/// Tells what the columns hold.
///
/// # Errors
/// A diagnostic: a column is missing, or the values are not as many as wanted.
pub(super) fn of(name: &str, first: &[String], wanted: &Wanted<'_>) -> Result<Columns> {
    let mut columns = Columns {
        count: first.len(),
        ..Columns::default()
    };
    if let [only] = first
        && let Some(sign) = only.chars().find(|c| matches!(c, ';' | '\t'))
    {
        let message = format!("`{name}` has no commas: its columns are separated by {sign:?}");
        return Err(Error::data(
            Diagnostic::error(message).help("save it with commas between the columns"),
        ));
    }
    let is_number = |cell: &String| cell.parse::<f32>().is_ok();
    let lower: Vec<String> = first.iter().map(|cell| cell.to_lowercase()).collect();
    let find = |words: &[&str]| lower.iter().position(|cell| words.contains(&cell.as_str()));
    let (path, label, split) = (find(&PATHS), find(&LABELS), find(&SPLITS));
    let has_targets = wanted.targets.iter().any(|target| first.contains(target));
    columns.has_header = path.is_some()
        || label.is_some()
        || has_targets
        || (first.len() > 3 && !first.iter().skip(1).any(is_number));
    if columns.has_header {
        columns.names = first.to_vec();
        columns.path = path;
        columns.split = split;
        columns.targets = targets(name, first, label, wanted)?;
        for column in path.into_iter().chain(split) {
            check_alone(name, first, &lower, column)?;
        }
        for column in &columns.targets {
            // The config names columns to the letter.
            let names = if wanted.targets.is_empty() {
                &lower
            } else {
                first
            };
            check_alone(name, first, names, *column)?;
        }
        let is_free = |column: &usize| Some(*column) != split && !columns.targets.contains(column);
        let others: Vec<usize> = (0..first.len()).filter(is_free).collect();
        if path.is_some() {
            return with_targets(name, columns, label);
        }
        columns.values = others;
        if columns.targets.is_empty() && columns.values.len() == wanted.width + 1 {
            columns.targets = vec![columns.values.remove(0)];
        }
        return counted(name, with_targets(name, columns, label)?, wanted);
    }
    if !wanted.targets.is_empty() {
        let message = format!("`{name}` has no header, and `target` names columns");
        let help = "write the names of the columns into the first line";
        return Err(Error::data(Diagnostic::error(message).help(help)));
    }
    match first {
        [path, rest @ ..] if matches!(rest.len(), 1 | 2) && !is_number(path) => {
            columns.path = Some(0);
            columns.targets = vec![1];
            columns.split = (rest.len() == 2).then_some(2);
            Ok(columns)
        }
        _ => {
            columns.targets = vec![0];
            columns.values = (1..first.len()).collect();
            counted(name, columns, wanted)
        }
    }
}

/// Returns the columns of what is to be learnt: those the config names, or the one called so.
fn targets(
    name: &str,
    first: &[String],
    label: Option<usize>,
    wanted: &Wanted<'_>,
) -> Result<Vec<usize>> {
    if wanted.targets.is_empty() {
        return Ok(label.into_iter().collect());
    }
    let find = |target: &String| {
        let found = first.iter().position(|cell| cell == target);
        found.ok_or_else(|| {
            let message = format!("`{name}` has no column `{target}`");
            let shown = in_backticks(first.iter().take(10));
            let diagnostic = Diagnostic::error(message)
                .note(format!("its first line begins {shown}"))
                .help("set `target` in `[data]` to the names of its columns");
            Error::data(diagnostic)
        })
    };
    let targets = wanted
        .targets
        .iter()
        .map(find)
        .collect::<Result<Vec<_>>>()?;
    if targets.len() > 1 && wanted.task == Task::Classes {
        let message = format!("a class is one column, `target` names {}", targets.len());
        let help = "name one column, or set `loss` in `[train]` to what learns several: \
                    `binary_cross_entropy`, or `mse` for numbers";
        return Err(Error::data(Diagnostic::error(message).help(help)));
    }
    Ok(targets)
}

/// Refuses a column whose name another has too: nothing tells which of them is meant.
fn check_alone(name: &str, first: &[String], names: &[String], column: usize) -> Result<()> {
    let own = names.get(column);
    let same = names.iter().filter(|other| Some(*other) == own).count();
    if same < 2 {
        return Ok(());
    }
    let shown = first.get(column).map_or("", String::as_str);
    let message = format!("`{name}` has {same} columns called `{shown}`");
    let help = "give each a name of its own in the first line, or remove the others";
    Err(Error::data(Diagnostic::error(message).help(help)))
}

fn with_targets(name: &str, columns: Columns, label: Option<usize>) -> Result<Columns> {
    if columns.targets.is_empty() && label.is_none() {
        let message = format!("`{name}` has no column of labels");
        let help = "call the column `label`, or name it with `target` in `[data]`";
        return Err(Error::data(Diagnostic::error(message).help(help)));
    }
    Ok(columns)
}

/// Holds the values of a row to those of the input.
fn counted(name: &str, columns: Columns, wanted: &Wanted<'_>) -> Result<Columns> {
    let (found, expected) = (columns.values.len(), wanted.width);
    if found == expected {
        return Ok(columns);
    }
    let message =
        format!("`{name}` has {found} values a row beside the label, the input takes {expected}");
    let help = if columns.has_header || found < 3 {
        "call the columns `path` and `label` where the samples are files, or set `input` in `[model]` to their shape"
    } else {
        "set `input` in `[model]` to the shape of a sample, and `padding` in `[data]` if it is larger"
    };
    Err(Error::data(Diagnostic::error(message).help(help)))
}
