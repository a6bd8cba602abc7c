//! What of a convolution is summed up at once.

use super::filters::Filters;
use crate::kernels::lanes::LANES;

/// Taps and inputs that are summed up at once, while their weights are close.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) taps: (usize, usize),
    pub(super) inputs: (usize, usize),
    /// The same as stretches of values from the beginning of a window that lies inside: where, and how many.
    pub(super) stretches: Vec<(usize, usize)>,
}

/// Floats of weights that are kept close while the positions of a chunk go by: half of a first-level cache.
const HELD: usize = 6 << 10;

/// Shares taps and inputs out in blocks whose weights, for a tile of so many registers, stay close.
pub(super) fn blocks(filters: &Filters, width: usize, distances: &[usize]) -> Vec<Block> {
    let Filters { taps, inputs, .. } = *filters;
    let held = HELD / (width * LANES);
    let (taps_each, inputs_each) = if inputs > held {
        (1, inputs.div_ceil(inputs.div_ceil(held)))
    } else {
        ((held / inputs.max(1)).max(1), inputs.max(1))
    };
    let mut blocks = Vec::new();
    for tap in (0..taps).step_by(taps_each) {
        for input in (0..inputs).step_by(inputs_each) {
            let taps = (tap, (tap + taps_each).min(taps));
            let inputs = (input, (input + inputs_each).min(inputs));
            let mut stretches: Vec<(usize, usize)> = Vec::new();
            for distance in distances.iter().take(taps.1).skip(taps.0) {
                let (at, length) = (distance + inputs.0, inputs.1 - inputs.0);
                match stretches.last_mut() {
                    Some((begin, open)) if *begin + *open == at => *open += length,
                    _ => stretches.push((at, length)),
                }
            }
            blocks.push(Block {
                taps,
                inputs,
                stretches,
            });
        }
    }
    blocks
}
