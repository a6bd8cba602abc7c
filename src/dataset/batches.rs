//! Batches of floats from samples.

use super::augment::{Augment, Changer};
use super::canvas::Canvas;
use super::preprocess::Preprocessing;
use super::samples::{Samples, Targets, Values};
use crate::diagnostic::Result;
use crate::random::{Purpose, Random};

/// Inputs and targets, ready for the network.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Values `[sample, channel, …]`, padded and normalized.
    pub inputs: Vec<f32>,
    /// What is to be learnt of each sample.
    pub targets: Targets,
    /// Which samples of the split they are.
    pub indices: Vec<usize>,
}

/// Shuffles the numbers below `len` for one epoch; the seed and the epoch alone decide.
pub fn order(seed: u64, epoch: u64, len: usize) -> Vec<usize> {
    let mut indices: Vec<usize> = (0..len).collect();
    Random::new(Purpose::Order, &[seed, epoch]).shuffle(&mut indices);
    indices
}

/// Turns samples into a batch: pads, changes at random where asked (with a seed and an epoch), normalizes, and mixes
/// samples where asked, whose classes become shares of classes. Samples whose file cannot be decoded are left out where
/// that is asked for.
///
/// # Errors
/// When the file of a sample cannot be decoded.
///
/// # Shapes
/// - inputs `[indices, channels, before + extent + after, …]`
pub fn assemble(
    samples: &Samples,
    indices: &[usize],
    preprocessing: &Preprocessing,
    augment: Option<(&Augment, u64, u64)>,
) -> Result<Batch> {
    let canvas = Canvas::new(preprocessing);
    let table = preprocessing.table(preprocessing.channels());
    let mut inputs = vec![0.0; indices.len() * canvas.len()];
    let mut targets = inputs.chunks_exact_mut(canvas.len().max(1));
    let mut changer = augment
        .and_then(|(augment, seed, epoch)| Changer::new(augment, preprocessing, [seed, epoch]));
    let mut kept = Vec::with_capacity(indices.len());
    for &index in indices {
        let Some(values) = samples.values(index)? else {
            continue;
        };
        let Some(target) = targets.next() else {
            break;
        };
        match (values, &mut changer) {
            (Values::Floats(floats), _) => canvas.normalize_floats(&floats, preprocessing, target),
            (Values::Bytes(bytes), None) => canvas.normalize(&bytes, &table, target),
            (Values::Bytes(bytes), Some(changer)) => changer.apply(&bytes, index, target),
        }
        kept.push(index);
    }
    inputs.truncate(kept.len() * canvas.len());
    let mut targets = samples.targets.of(&kept);
    if let Some(changer) = &mut changer {
        targets = changer.mix(samples, &kept, targets, &mut inputs)?;
    }
    Ok(Batch {
        inputs,
        targets,
        indices: kept,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::config;
    use crate::dataset::picture::tests::preprocessing;
    use crate::dataset::samples::Store;

    /// Pictures of 2 channels, 4 rows and 3 columns whose bytes all differ somewhere.
    pub(crate) fn samples(count: usize) -> Samples {
        let bytes = (0..count * 24).map(|at| (at * 37 % 251) as u8);
        let labels = (0..count as u32).map(|index| index % 3);
        Samples {
            shape: vec![2, 4, 3],
            store: Store::Bytes(bytes.collect()),
            targets: Targets::Classes(labels.collect()),
            paths: None,
            origins: None,
        }
    }

    /// The bytes of one sample.
    pub(crate) fn bytes(samples: &Samples, index: usize) -> Vec<u8> {
        match samples.values(index) {
            Ok(Some(Values::Bytes(bytes))) => bytes.into_owned(),
            other => panic!("{other:?}"),
        }
    }

    fn assemble(
        samples: &Samples,
        indices: &[usize],
        preprocessing: &Preprocessing,
        augment: Option<(&Augment, u64, u64)>,
    ) -> Batch {
        super::assemble(samples, indices, preprocessing, augment).unwrap()
    }

    fn both() -> Augment {
        let changes = config::Augment {
            shift: [1, 2],
            rotate: 15.0,
            ..config::Augment::default()
        };
        Augment {
            changes,
            classes: 3,
        }
    }

    #[test]
    fn mixed_batches_have_shares_of_classes_and_do_not_depend_on_their_make_up() {
        let samples = samples(30);
        let preprocessing = preprocessing(2, 4, 3);
        for (mixup, cutmix) in [(0.4, 0.0), (0.0, 1.0), (0.4, 1.0)] {
            let mut augment = both();
            augment.changes.mixup = mixup;
            augment.changes.cutmix = cutmix;
            let indices: Vec<usize> = (0..30).rev().collect();
            let together = assemble(&samples, &indices, &preprocessing, Some((&augment, 8, 2)));
            let Targets::Values { width: 3, values } = &together.targets else {
                panic!("{:?}", together.targets)
            };
            let mut mixed = 0;
            for (place, &index) in indices.iter().enumerate() {
                let alone = assemble(&samples, &[index], &preprocessing, Some((&augment, 8, 2)));
                assert_eq!(alone.inputs, together.inputs[place * 24..(place + 1) * 24]);
                let shares = &values[place * 3..(place + 1) * 3];
                assert_eq!(
                    alone.targets,
                    Targets::Values {
                        width: 3,
                        values: shares.to_vec()
                    }
                );
                assert!((shares.iter().sum::<f32>() - 1.0).abs() < 1e-6);
                mixed += usize::from(shares.iter().filter(|share| **share > 0.0).count() == 2);
            }
            assert!(mixed > 5, "{mixed}");
        }
    }

    #[test]
    fn order_is_a_permutation_of_its_seed_and_epoch() {
        let mut sorted = order(3, 1, 1000);
        assert_eq!(sorted, order(3, 1, 1000));
        assert_ne!(sorted, order(4, 1, 1000));
        assert_ne!(sorted, order(3, 2, 1000));
        assert!(!sorted.is_sorted());
        sorted.sort_unstable();
        assert_eq!(sorted, (0..1000).collect::<Vec<_>>());
        assert_eq!(order(3, 1, 0), Vec::<usize>::new());
        assert_eq!(order(3, 1, 1), [0]);
    }

    #[test]
    fn a_plain_batch_is_the_normalized_pictures() {
        let samples = samples(5);
        let mut preprocessing = preprocessing(2, 4, 3);
        preprocessing.mean = vec![0.1, 0.2];
        preprocessing.std = vec![0.5, 0.25];
        let batch = assemble(&samples, &[4, 1], &preprocessing, None);
        let formula = |index| {
            let bytes = bytes(&samples, index).into_iter().enumerate();
            bytes.map(|(at, byte)| preprocessing.normalize(at / 12, f32::from(byte)))
        };
        let expected: Vec<f32> = formula(4).chain(formula(1)).collect();
        assert_eq!(batch.inputs, expected);
        assert_eq!(batch.targets, Targets::Classes(vec![1, 1]));
        assert_eq!(batch.indices, [4, 1]);
        let still = Augment {
            changes: config::Augment::default(),
            classes: 3,
        };
        let still = (&still, 1, 2);
        assert_eq!(
            batch,
            assemble(&samples, &[4, 1], &preprocessing, Some(still))
        );
    }

    #[test]
    fn a_change_does_not_depend_on_the_batch() {
        let samples = samples(6);
        let mut preprocessing = preprocessing(2, 4, 3);
        preprocessing.padding = vec![[1, 0], [2, 0]];
        let together = assemble(&samples, &[5, 0, 3], &preprocessing, Some((&both(), 8, 2)));
        for (index, expected) in [5, 0, 3].into_iter().zip(together.inputs.chunks(2 * 5 * 5)) {
            let alone = assemble(&samples, &[index], &preprocessing, Some((&both(), 8, 2)));
            assert_eq!(alone.inputs, expected);
        }
        let later = assemble(&samples, &[5, 0, 3], &preprocessing, Some((&both(), 8, 3)));
        assert_ne!(together.inputs, later.inputs);
    }
}
