//! Setting validation samples apart.

use std::collections::{HashMap, HashSet};

use super::shares::Population;
use super::{Samples, Targets};
use crate::config::Validation;
use crate::diagnostic::{Diagnostic, Error, Result};

/// Sets samples apart, of each class alike, in their original order; samples of equal content are never parted.
///
/// The same seed always chooses the same samples. Each class keeps at least one sample for training.
///
/// # Errors
/// A diagnostic if no sample would be set apart, or a fold is left without any.
pub(super) fn split(
    mut samples: Samples,
    classes: usize,
    validation: Validation,
    seed: u64,
) -> Result<(Samples, Samples)> {
    // Numbers have no classes to keep in proportion: they are shared out as one.
    let (labels, classes) = match &samples.targets {
        Targets::Classes(labels) => (labels.clone(), classes),
        Targets::Values { .. } => (vec![0; samples.len()], 1),
    };
    let firsts = first_of_content(&samples);
    let population = Population {
        labels: &labels,
        classes,
        firsts: &firsts,
        seed,
    };
    let is_chosen = match validation {
        Validation::Fraction(fraction) => by_fraction(&population, fraction)?,
        Validation::Fold { fold, of } => by_fold(&population, fold, of)?,
    };
    let chosen = samples.take(&is_chosen);
    Ok((samples, chosen))
}

fn by_fraction(population: &Population<'_>, fraction: f64) -> Result<Vec<bool>> {
    let counts = population.counts();
    let quotas = quotas(&counts, fraction);
    if quotas.iter().all(|quota| *quota == 0) {
        return Err(nothing_left(&counts, fraction));
    }
    let is_chosen = population.mark(quotas);
    if is_chosen.contains(&true) {
        return Ok(is_chosen);
    }
    let message = format!(
        "`validation = {fraction}` leaves none for validation: samples of equal content stay together"
    );
    let help = "remove doubled samples, or set `validation` in `[data]` to more";
    Err(Error::data(Diagnostic::error(message).help(help)))
}

fn by_fold(population: &Population<'_>, fold: usize, of: usize) -> Result<Vec<bool>> {
    let contents: HashSet<&usize> = population.firsts.iter().collect();
    if of > contents.len() {
        let message = format!(
            "{of} folds of {} different samples leave one empty",
            contents.len()
        );
        let help = "take fewer folds, or add samples";
        return Err(Error::data(Diagnostic::error(message).help(help)));
    }
    let folds = population.deal(of);
    Ok(folds.iter().map(|own| own + 1 == fold).collect())
}

/// Returns for each sample the first one of the same content.
fn first_of_content(samples: &Samples) -> Vec<usize> {
    let mut firsts = HashMap::new();
    let contents = samples.contents().into_iter().enumerate();
    contents
        .map(|(index, content)| match content {
            Some(content) => *firsts.entry(*content.as_bytes()).or_insert(index),
            None => index,
        })
        .collect()
}

/// Shares `round(fraction · total)` out over the classes by largest remainder; each keeps one sample at least.
#[expect(clippy::cast_sign_loss, reason = "no fraction or count is negative")]
fn quotas(counts: &[usize], fraction: f64) -> Vec<usize> {
    if !(fraction > 0.0 && fraction < 1.0) {
        return vec![0; counts.len()];
    }
    let total: usize = counts.iter().sum();
    let wanted = (fraction * total as f64).round() as usize;
    let shares: Vec<f64> = counts
        .iter()
        .map(|count| fraction * *count as f64)
        .collect();
    let mut quotas: Vec<usize> = shares
        .iter()
        .zip(counts)
        .map(|(share, count)| (share.floor() as usize).min(count.saturating_sub(1)))
        .collect();
    let mut by_remainder: Vec<usize> = (0..counts.len()).collect();
    // A stable sort: of equal remainders, the first class.
    by_remainder.sort_by(|a, b| shares[*b].fract().total_cmp(&shares[*a].fract()));
    let mut missing = wanted.saturating_sub(quotas.iter().sum());
    while missing > 0 {
        let before = missing;
        for class in &by_remainder {
            if missing > 0 && quotas[*class] + 1 < counts[*class] {
                quotas[*class] += 1;
                missing -= 1;
            }
        }
        if missing == before {
            break;
        }
    }
    quotas
}

fn nothing_left(counts: &[usize], fraction: f64) -> Error {
    let total: usize = counts.iter().sum();
    let message =
        format!("`validation = {fraction}` of {total} training samples leaves none for validation");
    let most = counts.iter().max().copied().unwrap_or(0);
    let help = if most < 2 {
        "add pictures: every class keeps at least one for training".to_owned()
    } else {
        // The smallest fraction that rounds to one sample, in whole thousandths.
        let thousandths = (500.0 / total as f64).ceil().max(1.0);
        format!(
            "set `validation` in `[data]` to {} or more",
            thousandths / 1000.0
        )
    };
    Error::data(Diagnostic::error(message).help(help))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::batches::tests::bytes;
    use crate::dataset::samples::Store;

    fn samples(labels: &[u32]) -> Samples {
        let numbers = 0..labels.len() as u8;
        let bytes = numbers.clone().flat_map(|index| [index, index]);
        Samples {
            shape: vec![1, 1, 2],
            store: Store::Bytes(bytes.collect()),
            targets: Targets::Classes(labels.into()),
            paths: Some(numbers.map(|index| index.to_string().into()).collect()),
            origins: None,
        }
    }

    #[track_caller]
    fn check_quotas(counts: &[usize], fraction: f64, expected: &[usize]) {
        assert_eq!(quotas(counts, fraction), expected);
    }

    #[test]
    fn quotas_add_up_to_the_rounded_fraction() {
        check_quotas(&[10, 10, 10], 0.1, &[1, 1, 1]);
        check_quotas(&[5, 5, 5, 5], 0.1, &[1, 1, 0, 0]);
        check_quotas(&[7, 2, 1], 0.3, &[2, 1, 0]);
        check_quotas(&[1, 1, 1], 0.9, &[0, 0, 0]);
        check_quotas(&[3, 1, 0], 0.9, &[2, 0, 0]);
        check_quotas(&[100, 2], 0.5, &[50, 1]);
        check_quotas(&[2, 100], 0.99, &[1, 99]);
        check_quotas(&[10, 10], 0.001, &[0, 0]);
        check_quotas(&[10], f64::NAN, &[0]);
        check_quotas(&[10], 1.5, &[0]);
    }

    #[test]
    fn is_stratified_and_covers_each_sample_once() {
        let labels: Vec<u32> = (0..120).map(|index| u32::from(index % 4 == 0)).collect();
        let Ok((train, validation)) = split(samples(&labels), 2, Validation::Fraction(0.2), 1)
        else {
            panic!("not split");
        };
        assert_eq!(validation.class_counts(2), [18, 6]);
        assert_eq!(train.class_counts(2), [72, 24]);
        let mut numbers = Vec::new();
        for part in [&train, &validation] {
            let own: Vec<u8> = (0..part.len()).map(|index| bytes(part, index)[0]).collect();
            assert!(own.is_sorted());
            for (index, number) in own.iter().enumerate() {
                assert_eq!(part.labels()[index], labels[usize::from(*number)]);
                let path = part.paths.as_ref().map(|paths| paths[index].clone());
                assert_eq!(path, Some(number.to_string().into()));
            }
            numbers.extend(own);
        }
        numbers.sort_unstable();
        assert_eq!(numbers, (0..120).collect::<Vec<u8>>());
    }

    #[test]
    fn the_seed_decides() {
        let labels = [0; 100];
        let chosen = |seed| {
            split(samples(&labels), 1, Validation::Fraction(0.3), seed).map(|(_, chosen)| chosen)
        };
        assert_eq!(chosen(5), chosen(5));
        assert_ne!(chosen(5), chosen(6));
    }

    #[test]
    fn equal_pictures_are_never_parted() {
        // Each picture three times, in other places of the order.
        let mut samples = samples(&[0; 90]);
        samples.store = Store::Bytes((0..90).flat_map(|index| [index % 30, 7]).collect());
        let contents = |samples: &Samples| -> HashSet<u8> {
            let all = 0..samples.len();
            all.map(|index| bytes(samples, index)[0]).collect()
        };
        let folds = (1..=4).map(|fold| Validation::Fold { fold, of: 4 });
        for validation in folds.chain([Validation::Fraction(0.25)]) {
            let Ok((train, chosen)) = split(samples.clone(), 1, validation, 3) else {
                panic!("not split");
            };
            assert!(contents(&train).is_disjoint(&contents(&chosen)));
            assert!((18..=24).contains(&chosen.len()), "{}", chosen.len());
        }
        samples.store = Store::Bytes(vec![1; 180]);
        let Err(error) = split(samples.clone(), 1, Validation::Fraction(0.25), 3) else {
            panic!("no error");
        };
        assert!(error.to_string().contains("equal content"), "{error}");
        let Err(error) = split(samples, 1, Validation::Fold { fold: 1, of: 2 }, 3) else {
            panic!("no error");
        };
        assert!(error.to_string().contains("leave one empty"), "{error}");
    }

    #[test]
    fn nothing_to_set_apart_is_an_error() {
        let Err(error) = split(samples(&[0, 0, 1, 1]), 2, Validation::Fraction(0.1), 1) else {
            panic!("no error");
        };
        assert_eq!(
            error.to_string(),
            "`validation = 0.1` of 4 training samples leaves none for validation"
        );
        assert_eq!(
            error.diagnostics[0].helps,
            ["set `validation` in `[data]` to 0.125 or more"]
        );
        let Err(error) = split(samples(&[0, 1]), 2, Validation::Fraction(0.5), 1) else {
            panic!("no error");
        };
        assert_eq!(
            error.diagnostics[0].helps,
            ["add pictures: every class keeps at least one for training"]
        );
    }
}
