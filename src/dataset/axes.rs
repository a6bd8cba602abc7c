//! How the axes of a stored sample lie: with or without channels, those first or last.

use super::npy::{Numbers, shown_shape};

/// How a stored sample becomes `[channels, extents…]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Axes {
    /// Channels, then the extents.
    pub(super) shape: Vec<usize>,
    /// Whether the channels run fastest as it is stored.
    is_channels_last: bool,
}

/// Decides how a sample of the shape `stored` lies, for an input of `wanted`: `[channels, extents…]`.
///
/// Pictures (two extents) may be grey where colours are wanted, and the other way round.
///
/// # Errors
/// What does not fit, to be completed with the name of the array.
pub(super) fn arrange(stored: &[usize], wanted: &[usize]) -> Result<Axes, Misfit> {
    let misfit = |text: String| {
        Misfit {
        what: format!("has samples of {}, {text}", shown_shape(stored)),
        help: "set `input` in `[model]` to the shape of a sample, channels first, or save the array in that shape"
            .into(),
    }
    };
    let fits = |shape: &Vec<usize>| {
        let (found, expected) = (shape.first().copied(), wanted.first().copied());
        let is_picture = |channels| wanted.len() == 3 && matches!(channels, Some(1 | 3));
        found == expected || (is_picture(found) && is_picture(expected))
    };
    let mut candidates = Vec::new();
    let mut add = |shape: Vec<usize>, is_channels_last| {
        if fits(&shape) {
            candidates.push(Axes {
                shape,
                is_channels_last,
            });
        }
    };
    if stored.len() + 1 == wanted.len() {
        add([&[1], stored].concat(), false);
    } else if stored.len() == wanted.len() {
        add(stored.into(), false);
        if let [extents @ .., channels] = stored {
            add([&[*channels], extents].concat(), true);
        }
    }
    let row = wanted
        .iter()
        .try_fold(1_usize, |all, axis| all.checked_mul(*axis));
    if candidates.is_empty() && row.is_some_and(|row| *stored == [row]) {
        candidates.push(Axes {
            shape: wanted.into(),
            is_channels_last: false,
        });
    }
    let score = |axes: &Axes| {
        let same = axes.shape.iter().zip(wanted).map(|(a, b)| a == b);
        let mut same = same.collect::<Vec<_>>();
        let has_channels = !same.is_empty() && same.remove(0);
        (same.iter().all(|same| *same), has_channels)
    };
    let best = candidates.iter().map(score).max();
    candidates.retain(|axes| Some(score(axes)) == best);
    match &candidates[..] {
        [] => Err(misfit(format!("the input takes {}", shown_shape(wanted)))),
        [only] => Ok(only.clone()),
        // One channel lies the same way, first or last.
        [first, ..] if first.shape.first() == Some(&1) => Ok(first.clone()),
        [first, last, ..] => {
            let [first, last] = [first, last].map(|axes| shown_shape(&axes.shape));
            let mut misfit = misfit(format!(
                "which can be {first} (channels first) or {last} (channels last)"
            ));
            misfit.help = "save each sample as one row, channels first: \
                           `x.reshape(len(x), -1)`, or `x.transpose(0, 3, 1, 2).reshape(len(x), -1)`"
                .into();
            Err(misfit)
        }
    }
}

/// Why samples do not fit the input, and the mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Misfit {
    pub(super) what: String,
    pub(super) help: String,
}

impl Axes {
    /// Brings the channels of every sample in front.
    pub(super) fn channels_first(&self, values: Numbers) -> Numbers {
        let [channels, extents @ ..] = &self.shape[..] else {
            return values;
        };
        if !self.is_channels_last || *channels == 1 {
            return values;
        }
        let extent: usize = extents.iter().product();
        match values {
            Numbers::Bytes(bytes) => Numbers::Bytes(apart(&bytes, *channels, extent)),
            Numbers::Floats(floats) => Numbers::Floats(apart(&floats, *channels, extent)),
        }
    }
}

fn apart<T: Copy>(values: &[T], channels: usize, extent: usize) -> Vec<T> {
    let mut ordered = Vec::with_capacity(values.len());
    for sample in values.chunks_exact((channels * extent).max(1)) {
        for channel in 0..channels {
            ordered.extend(sample.iter().skip(channel).step_by(channels));
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(stored: &[usize], wanted: &[usize], expected: &[usize], is_channels_last: bool) {
        let expected = Axes {
            shape: expected.into(),
            is_channels_last,
        };
        assert_eq!(arrange(stored, wanted), Ok(expected));
    }

    #[track_caller]
    fn check_misfit(stored: &[usize], wanted: &[usize], what: &str) {
        assert_eq!(arrange(stored, wanted).unwrap_err().what, what);
    }

    #[test]
    fn pictures_signals_and_volumes_lie_as_the_input_says() {
        check(&[28, 28], &[1, 28, 28], &[1, 28, 28], false);
        check(&[28, 28], &[3, 28, 28], &[1, 28, 28], false);
        check(&[28, 28, 1], &[1, 28, 28], &[1, 28, 28], true);
        check(&[1, 28, 28], &[1, 28, 28], &[1, 28, 28], false);
        check(&[32, 32, 3], &[3, 32, 32], &[3, 32, 32], true);
        check(&[32, 32, 3], &[1, 28, 28], &[3, 32, 32], true);
        check(&[3, 32, 32], &[3, 32, 32], &[3, 32, 32], false);
        check(&[64, 64, 4], &[4, 64, 64], &[4, 64, 64], true);
        check(&[3, 32, 3], &[3, 32, 3], &[3, 32, 3], false);
        check(&[3, 32, 3], &[3, 3, 32], &[3, 3, 32], true);
        check(&[1, 5, 1], &[1, 5, 1], &[1, 5, 1], false);
        check(&[1, 1, 1], &[1, 1, 1], &[1, 1, 1], false);
        check(&[64], &[1, 8, 8], &[1, 8, 8], false);
        check(&[16000], &[1, 16000], &[1, 16000], false);
        check(&[2, 400], &[2, 400], &[2, 400], false);
        check(&[400, 2], &[2, 400], &[2, 400], true);
        check(&[800], &[2, 400], &[2, 400], false);
        check(&[8, 9, 10], &[1, 8, 9, 10], &[1, 8, 9, 10], false);
        check(&[2, 8, 9, 10], &[2, 8, 9, 10], &[2, 8, 9, 10], false);
        check(&[8, 9, 10, 2], &[2, 8, 9, 10], &[2, 8, 9, 10], true);
    }

    #[test]
    fn what_fits_two_ways_or_none_is_told() {
        check_misfit(
            &[3, 3, 3],
            &[3, 3, 3],
            "has samples of 3x3x3, which can be 3x3x3 (channels first) or 3x3x3 (channels last)",
        );
        check_misfit(
            &[3, 50, 3],
            &[3, 32, 32],
            "has samples of 3x50x3, which can be 3x50x3 (channels first) or 3x3x50 (channels last)",
        );
        check_misfit(
            &[2, 28, 28],
            &[1, 28, 28],
            "has samples of 2x28x28, the input takes 1x28x28",
        );
        check_misfit(&[10], &[2, 10], "has samples of 10, the input takes 2x10");
        check_misfit(&[], &[1, 4], "has samples of (), the input takes 1x4");
        check_misfit(&[4, 4], &[4], "has samples of 4x4, the input takes 4");
    }

    #[test]
    fn channels_come_in_front() {
        let axes = arrange(&[1, 3, 2], &[2, 1, 3]).unwrap();
        let values = Numbers::Bytes((0..12).collect());
        let expected = [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11];
        assert_eq!(axes.channels_first(values), Numbers::Bytes(expected.into()));
    }
}
