//! Samples of another source as a split of this one, matched by the names of the classes.

use super::samples::{Samples, Targets};
use super::{Request, Splits, load_source};
use crate::config::Task;
use crate::diagnostic::{Diagnostic, Error, Result};

/// Takes the validation samples from another source.
///
/// # Errors
/// When there are some already, the other source is faulty, or has classes that the training samples lack.
pub(super) fn validation(
    splits: &mut Splits,
    source: &str,
    other: &str,
    request: &Request,
) -> Result<()> {
    if splits.validation.is_some() {
        return Err(twice(source, "validation"));
    }
    let (_, mut theirs) = load_source(other, request)?;
    let samples = theirs.validation.take();
    splits.validation = Some(take(splits, theirs, samples, source, other, request)?);
    Ok(())
}

/// Takes the test samples from another source.
///
/// # Errors
/// As those of [`validation`].
pub(super) fn test(
    splits: &mut Splits,
    source: &str,
    other: &str,
    request: &Request,
) -> Result<()> {
    if splits.test.is_some() {
        return Err(twice(source, "test"));
    }
    let (_, mut theirs) = load_source(other, request)?;
    let samples = theirs.test.take();
    splits.test = Some(take(splits, theirs, samples, source, other, request)?);
    Ok(())
}

fn twice(source: &str, split: &str) -> Error {
    let message = format!("`{source}` has {split} samples, and `{split}` in `[data]` names others");
    let help = format!("remove `{split}` from `[data]`, or the samples from the source");
    Error::data(Diagnostic::error(message).help(help))
}

/// Takes the split itself where the other source has it, else all that it has to train on.
fn take(
    splits: &mut Splits,
    theirs: Splits,
    samples: Option<Samples>,
    source: &str,
    other: &str,
    request: &Request,
) -> Result<Samples> {
    let mut samples = samples.unwrap_or(theirs.train);
    let has_classes = |samples: &Samples| matches!(samples.targets, Targets::Classes(_));
    if has_classes(&samples) != has_classes(&splits.train) {
        let message = format!("one of `{source}` and `{other}` has classes, the other numbers");
        let help = "take both from sources that hold what the loss learns";
        return Err(Error::data(Diagnostic::error(message).help(help)));
    }
    splits.warnings.extend(theirs.warnings);
    // Numbers may be called otherwise there; how many they are decides.
    let is_named = request.task != Task::Values;
    let places = places(&theirs.classes, &splits.classes, is_named).ok_or_else(|| {
        let is_new = |name: &&String| !splits.classes.contains(name);
        let new = theirs
            .classes
            .iter()
            .find(is_new)
            .map_or("", String::as_str);
        let message = if is_named {
            format!("class `{new}` of `{other}` is not in `{source}`")
        } else {
            let (theirs, own) = (theirs.classes.len(), splits.classes.len());
            format!("`{other}` has {theirs} numbers to learn of a sample, `{source}` {own}")
        };
        let help = "give both sources the same classes or columns";
        Error::data(Diagnostic::error(message).help(help))
    })?;
    samples.targets = match samples.targets {
        Targets::Classes(classes) => {
            let place = |class: &u32| places.get(*class as usize).map_or(0, |place| *place as u32);
            Targets::Classes(classes.iter().map(place).collect())
        }
        Targets::Values { width, values } => {
            let rows = values.chunks_exact(width.max(1));
            let moved = rows.flat_map(|row| {
                let mut moved = vec![0.0; splits.classes.len()];
                for (place, value) in places.iter().zip(row) {
                    if let Some(target) = moved.get_mut(*place) {
                        *target = *value;
                    }
                }
                moved
            });
            Targets::Values {
                width: splits.classes.len(),
                values: moved.collect(),
            }
        }
    };
    Ok(samples)
}

/// Returns where each of their classes stands among ours; nothing if one of them is not there.
fn places(theirs: &[String], ours: &[String], is_named: bool) -> Option<Vec<usize>> {
    if !is_named {
        return (theirs.len() == ours.len()).then(|| (0..ours.len()).collect());
    }
    let place = |name: &String| ours.iter().position(|own| own == name);
    theirs.iter().map(place).collect()
}
