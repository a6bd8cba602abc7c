//! Setting validation samples apart.

use super::{Samples, Targets};
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::random::{Purpose, Random};

/// Sets a fraction of the samples apart, of each class alike, in their original order.
///
/// The same seed always chooses the same samples. Each class keeps at least one sample for training.
///
/// # Errors
/// A diagnostic if no sample would be set apart.
pub(super) fn split(
    mut samples: Samples,
    classes: usize,
    fraction: f64,
    seed: u64,
) -> Result<(Samples, Samples)> {
    // Numbers have no classes to keep in proportion: they are shared out as one.
    let classes = if samples.labels().is_empty() {
        1
    } else {
        classes
    };
    let labels = match &samples.targets {
        Targets::Classes(labels) => labels.clone(),
        Targets::Values { .. } => vec![0; samples.len()],
    };
    let mut counts = vec![0; classes];
    for label in &labels {
        if let Some(count) = counts.get_mut(*label as usize) {
            *count += 1;
        }
    }
    let quotas = quotas(&counts, fraction);
    if quotas.iter().all(|quota| *quota == 0) {
        return Err(nothing_left(&counts, fraction));
    }
    let mut is_chosen = vec![false; samples.len()];
    for (class, quota) in quotas.iter().enumerate() {
        let mut members: Vec<usize> = labels
            .iter()
            .enumerate()
            .filter(|(_, label)| **label as usize == class)
            .map(|(index, _)| index)
            .collect();
        Random::new(Purpose::Split, &[seed, class as u64]).shuffle(&mut members);
        for index in members.into_iter().take(*quota) {
            is_chosen[index] = true;
        }
    }
    let chosen = samples.take(&is_chosen);
    Ok((samples, chosen))
}

/// Shares `round(fraction · total)` out over the classes by largest remainder; each keeps one sample at least.
#[allow(clippy::cast_sign_loss, reason = "no fraction or count is negative")]
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
        let Ok((train, validation)) = split(samples(&labels), 2, 0.2, 1) else {
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
        let chosen = |seed| split(samples(&labels), 1, 0.3, seed).map(|(_, chosen)| chosen);
        assert_eq!(chosen(5), chosen(5));
        assert_ne!(chosen(5), chosen(6));
    }

    #[test]
    fn nothing_to_set_apart_is_an_error() {
        let Err(error) = split(samples(&[0, 0, 1, 1]), 2, 0.1, 1) else {
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
        let Err(error) = split(samples(&[0, 1]), 2, 0.5, 1) else {
            panic!("no error");
        };
        assert_eq!(
            error.diagnostics[0].helps,
            ["add pictures: every class keeps at least one for training"]
        );
    }
}
