//! Setting validation samples apart.

use super::Samples;
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
    let counts = samples.class_counts(classes);
    let quotas = quotas(&counts, fraction);
    if quotas.iter().all(|quota| *quota == 0) {
        return Err(nothing_left(&counts, fraction));
    }
    let mut is_chosen = vec![false; samples.len()];
    for (class, quota) in quotas.iter().enumerate() {
        let labels = samples.labels.iter().enumerate();
        let mut members: Vec<usize> = labels
            .filter(|(_, label)| **label as usize == class)
            .map(|(index, _)| index)
            .collect();
        Random::new(Purpose::Split, &[seed, class as u64]).shuffle(&mut members);
        for index in members.into_iter().take(*quota) {
            is_chosen[index] = true;
        }
    }
    let chosen = take_chosen(&mut samples, &is_chosen);
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

/// Moves the chosen samples out; the others close up in place.
fn take_chosen(samples: &mut Samples, is_chosen: &[bool]) -> Samples {
    let size = samples.picture_len();
    let mut pixels = Vec::new();
    let mut kept = 0;
    for (index, chosen) in is_chosen.iter().enumerate() {
        let picture = index * size..(index + 1) * size;
        if *chosen {
            pixels.extend_from_slice(&samples.pixels[picture]);
        } else {
            samples.pixels.copy_within(picture, kept * size);
            kept += 1;
        }
    }
    samples.pixels.truncate(kept * size);
    samples.pixels.shrink_to_fit();
    let labels = part(&mut samples.labels, is_chosen);
    let paths = samples.paths.as_mut().map(|paths| part(paths, is_chosen));
    Samples {
        shape: samples.shape,
        pixels,
        labels,
        paths,
    }
}

fn part<T>(items: &mut Vec<T>, is_chosen: &[bool]) -> Vec<T> {
    let marked = std::mem::take(items).into_iter().zip(is_chosen);
    let (chosen, kept): (Vec<_>, Vec<_>) = marked.partition(|(_, chosen)| **chosen);
    items.extend(kept.into_iter().map(|(item, _)| item));
    chosen.into_iter().map(|(item, _)| item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(labels: &[u32]) -> Samples {
        let numbers = 0..labels.len() as u8;
        Samples {
            shape: [1, 1, 2],
            pixels: numbers.clone().flat_map(|index| [index, index]).collect(),
            labels: labels.into(),
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
            let own: Vec<u8> = (0..part.len())
                .map(|index| part.picture(index)[0])
                .collect();
            assert!(own.is_sorted());
            for (index, number) in own.iter().enumerate() {
                assert_eq!(part.labels[index], labels[usize::from(*number)]);
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
