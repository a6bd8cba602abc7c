//! Arrays of Keras in the order that their values have here.

use super::keras::LayerType;
use super::rows::Own;
use crate::model::NamedWeight;

/// How an array of Keras becomes a weight here.
pub(super) struct Arrangement {
    /// Its dimensions in their new order.
    axes: Vec<usize>,
    /// The shape of the weight.
    pub(super) shape: Vec<usize>,
}

impl Arrangement {
    /// Keras has what numbers channels last: kernels `[k…, in, out]`, depthwise `[k…, channels, multiplier]`, transposed
    /// `[k…, out, in]`.
    pub(super) fn of(
        kind: LayerType,
        theirs: Option<LayerType>,
        from: &[usize],
        wanted: &[usize],
    ) -> Self {
        let rank = from.len();
        // What numbers the outputs comes first here.
        let turned = |first: usize, second: usize| {
            let axes = [first, second].into_iter().chain(0..rank - 2);
            axes.collect::<Vec<_>>()
        };
        let with = |axes: Vec<usize>| {
            let shape = axes.iter().map(|axis| from[*axis]).collect();
            Self { axes, shape }
        };
        let depthwise = || {
            let mut own = with(turned(rank - 2, rank - 1));
            let multiplier = std::mem::replace(&mut own.shape[1], 1);
            own.shape[0] = own.shape[0].saturating_mul(multiplier);
            own
        };
        match kind {
            LayerType::OfChannels if rank > 2 => depthwise(),
            LayerType::Conv if rank > 2 && theirs == Some(LayerType::Depthwise) => depthwise(),
            LayerType::Conv | LayerType::Transposed | LayerType::AcrossChannels if rank > 2 => {
                let own = with(turned(rank - 1, rank - 2));
                if kind == LayerType::Conv && theirs.is_none() && own.shape != wanted {
                    return depthwise();
                }
                own
            }
            LayerType::LayerNorm if rank > 1 => {
                with(std::iter::once(rank - 1).chain(0..rank - 1).collect())
            }
            LayerType::Prelu if from.iter().all(|size| *size == 1) => Self {
                axes: (0..rank).collect(),
                shape: vec![1],
            },
            _ => with((0..rank).collect()),
        }
    }

    /// Returns the values in the order of the weight.
    pub(super) fn values(&self, array: &NamedWeight) -> Vec<f32> {
        if self.axes.is_sorted() {
            return array.values.clone();
        }
        let mut strides = vec![1; array.shape.len()];
        for axis in (1..strides.len()).rev() {
            strides[axis - 1] = strides[axis] * array.shape[axis];
        }
        let mut at = vec![0];
        for axis in &self.axes {
            let steps = (0..array.shape[*axis]).map(|step| step * strides[*axis]);
            let steps: Vec<usize> = steps.collect();
            at = at
                .iter()
                .flat_map(|begin| steps.iter().map(move |step| begin + step))
                .collect();
        }
        at.into_iter().map(|at| array.values[at]).collect()
    }
}

/// Brings the rows and columns of a weight into the order of the rows around its layer.
pub(super) fn follow_rows(weight: &mut NamedWeight, own: &Own) {
    let (inputs, outputs) = (own.input.places(), own.output.places());
    let (rows, columns, width) = match (own.kind, &weight.shape[..]) {
        (LayerType::Dense, [_, units]) => (inputs, outputs, *units),
        (LayerType::Dense, [_]) => (outputs, None, 1),
        // What works on a row has one value for each of its own.
        (_, [_]) => (inputs.or(outputs), None, 1),
        _ => return,
    };
    let old = weight.values.clone();
    let from = |places: &Option<Vec<usize>>, at| places.as_ref().map_or(at, |places| places[at]);
    for (at, value) in weight.values.iter_mut().enumerate() {
        *value = old[from(&rows, at / width) * width + from(&columns, at % width)];
    }
}
