//! Class weights from a config and the classes there are.

use crate::config::ClassWeights;
use crate::dataset::Dataset;
use crate::diagnostic::{Diagnostic, Error, Result, in_backticks};

/// Classes that a message lists.
const SHOWN: usize = 12;

/// Works out how much each class counts; nothing where all count the same.
///
/// # Errors
/// A weight for a class that the data does not have.
pub(super) fn resolve(settings: &ClassWeights, dataset: &Dataset) -> Result<Option<Vec<f32>>> {
    let classes = &dataset.classes;
    match settings {
        ClassWeights::Equal => Ok(None),
        ClassWeights::Balanced => {
            let counts = dataset.train.class_counts(classes.len());
            Ok(Some(balanced(&counts)))
        }
        ClassWeights::Named { weights, span } => {
            let mut all = vec![1.0; classes.len()];
            for (name, weight) in weights {
                let place = classes.iter().position(|class| class == name);
                let Some(own) = place.and_then(|place| all.get_mut(place)) else {
                    let message = format!(
                        "`class_weights` names a class `{name}` that the data does not have"
                    );
                    let names = in_backticks(classes.iter().take(SHOWN));
                    let more = if classes.len() > SHOWN { ", …" } else { "" };
                    let note = format!("classes: {names}{more}");
                    return Err(Error::config(
                        Diagnostic::error(message).at(span, "").note(note),
                    ));
                };
                *own = *weight as f32;
            }
            Ok(Some(all))
        }
    }
}

/// Returns all samples / (classes · samples of the class); 1 for a class without samples.
///
/// # Reference
/// `sklearn.utils.class_weight.compute_class_weight("balanced", …)`.
fn balanced(counts: &[usize]) -> Vec<f32> {
    let samples: usize = counts.iter().sum();
    let present = counts.iter().filter(|count| **count > 0).count();
    let weight = |count: &usize| match count {
        0 => 1.0,
        count => (samples as f64 / (present * count) as f64) as f32,
    };
    counts.iter().map(weight).collect()
}

#[cfg(test)]
mod tests {
    use super::balanced;

    #[test]
    fn rare_classes_count_more() {
        assert_eq!(balanced(&[6, 2, 0]), [8.0 / 12.0, 2.0, 1.0]);
    }
}
