//! Batches of floats from samples in memory.

use super::Samples;
use super::augment::{Augment, shift_plane, turn_plane};
use super::preprocess::{Canvas, Preprocessing};
use crate::random::{Purpose, Random};

/// Pictures and labels, ready for the network.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Values `[picture, channel, row, column]`, padded and normalized.
    pub inputs: Vec<f32>,
    /// The class of each picture.
    pub labels: Vec<u32>,
    /// Which samples of the split they are.
    pub indices: Vec<usize>,
}

/// Shuffles the numbers below `len` for one epoch; the seed and the epoch alone decide.
pub fn order(seed: u64, epoch: u64, len: usize) -> Vec<usize> {
    let mut indices: Vec<usize> = (0..len).collect();
    Random::new(Purpose::Order, &[seed, epoch]).shuffle(&mut indices);
    indices
}

/// Turns samples into a batch: pads, changes at random where asked (with a seed and an epoch), normalizes.
///
/// # Panics
/// If an index is not below the number of samples.
///
/// # Shapes
/// - inputs `[indices, channels, top + height + bottom, left + width + right]`
pub fn assemble(
    samples: &Samples,
    indices: &[usize],
    preprocessing: &Preprocessing,
    augment: Option<(&Augment, u64, u64)>,
) -> Batch {
    let canvas = Canvas::new(samples.shape, preprocessing.padding);
    let table = preprocessing.table(samples.shape[0]);
    let mut inputs = vec![0.0; indices.len() * canvas.len()];
    let targets = inputs.chunks_exact_mut(canvas.len().max(1));
    let augment = augment.filter(|(augment, ..)| **augment != Augment::default());
    let mut scratch = Scratch::default();
    for (target, &index) in targets.zip(indices) {
        let picture = samples.picture(index);
        if let Some((augment, seed, epoch)) = augment {
            let change = augment.draw(seed, epoch, index as u64);
            let plane_len = picture.len().checked_div(samples.shape[0]).unwrap_or(0);
            let planes = picture.chunks_exact(plane_len.max(1));
            let targets = target.chunks_exact_mut(canvas.plane_len().max(1));
            for (channel, (plane, target)) in planes.zip(targets).enumerate() {
                let padded = scratch.padded(plane, &canvas);
                let fill = preprocessing.fill();
                if augment.rotate > 0.0 {
                    turn_plane(padded, canvas.width, change, fill, target);
                    for value in target {
                        *value = preprocessing.normalize(channel, *value);
                    }
                } else {
                    let shifted = scratch.shifted(canvas.width, change.shift, fill);
                    for (target, value) in target.iter_mut().zip(shifted) {
                        *target = table[channel][usize::from(*value)];
                    }
                }
            }
        } else {
            canvas.normalize(picture, &table, target);
        }
    }
    Batch {
        inputs,
        labels: indices.iter().map(|index| samples.labels[*index]).collect(),
        indices: indices.into(),
    }
}

/// Planes in use between the steps of a change, kept from picture to picture.
#[derive(Default)]
struct Scratch {
    padded: Vec<u8>,
    shifted: Vec<u8>,
}

impl Scratch {
    fn padded(&mut self, plane: &[u8], canvas: &Canvas) -> &[u8] {
        self.padded.clear();
        self.padded.resize(canvas.plane_len(), 0);
        canvas.place(plane, |value| value, &mut self.padded);
        &self.padded
    }

    fn shifted(&mut self, width: usize, shift: [i64; 2], fill: u8) -> &[u8] {
        self.shifted.resize(self.padded.len(), fill);
        shift_plane(&self.padded, width, shift, fill, &mut self.shifted);
        &self.shifted
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::dataset::picture::tests::preprocessing;

    /// Pictures of 2 channels, 4 rows and 3 columns whose bytes all differ somewhere.
    pub(crate) fn samples(count: usize) -> Samples {
        let shape = [2, 4, 3];
        let size: usize = shape.iter().product();
        Samples {
            shape,
            pixels: (0..count * size).map(|at| (at * 37 % 251) as u8).collect(),
            labels: (0..count as u32).map(|index| index % 3).collect(),
            paths: None,
        }
    }

    const BOTH: Augment = Augment {
        shift: [1, 2],
        rotate: 15.0,
    };

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
            let bytes = samples.picture(index).iter().enumerate();
            bytes.map(|(at, byte)| preprocessing.normalize(at / 12, f32::from(*byte)))
        };
        let expected: Vec<f32> = formula(4).chain(formula(1)).collect();
        assert_eq!(batch.inputs, expected);
        assert_eq!(batch.labels, [1, 1]);
        assert_eq!(batch.indices, [4, 1]);
        let still = (&Augment::default(), 1, 2);
        assert_eq!(
            batch,
            assemble(&samples, &[4, 1], &preprocessing, Some(still))
        );
    }

    #[test]
    fn a_change_does_not_depend_on_the_batch() {
        let samples = samples(6);
        let mut preprocessing = preprocessing(2, 4, 3);
        preprocessing.padding = [1, 0, 2, 0];
        let together = assemble(&samples, &[5, 0, 3], &preprocessing, Some((&BOTH, 8, 2)));
        for (index, expected) in [5, 0, 3].into_iter().zip(together.inputs.chunks(2 * 5 * 5)) {
            let alone = assemble(&samples, &[index], &preprocessing, Some((&BOTH, 8, 2)));
            assert_eq!(alone.inputs, expected);
        }
        let later = assemble(&samples, &[5, 0, 3], &preprocessing, Some((&BOTH, 8, 3)));
        assert_ne!(together.inputs, later.inputs);
    }

    #[test]
    fn shifts_are_exact_and_include_the_padding() {
        let samples = samples(40);
        let mut preprocessing = preprocessing(2, 4, 3);
        preprocessing.padding = [1, 1, 1, 1];
        preprocessing.rescale = 1.0;
        preprocessing.border = 200.0;
        let augment = Augment {
            shift: [2, 2],
            rotate: 0.0,
        };
        #[allow(clippy::cast_sign_loss, reason = "the values are bytes")]
        let byte = |value: &f32| *value as u8;
        for index in 0..samples.len() {
            let plain = assemble(&samples, &[index], &preprocessing, None).inputs;
            let moved = assemble(&samples, &[index], &preprocessing, Some((&augment, 1, 1))).inputs;
            let [down, right] = augment.draw(1, 1, index as u64).shift;
            let mut expected = vec![0.0; plain.len()];
            let planes = plain.chunks(30).zip(expected.chunks_mut(30));
            for (plain, expected) in planes {
                let bytes: Vec<u8> = plain.iter().map(byte).collect();
                let mut shifted = vec![0; 30];
                shift_plane(&bytes, 5, [down, right], 200, &mut shifted);
                for (target, value) in expected.iter_mut().zip(shifted) {
                    *target = f32::from(value);
                }
            }
            assert_eq!(moved, expected);
        }
    }
}
