//! Samples as a network sees them before its last decision.

use std::sync::Arc;

use burn::tensor;

use super::{name_of, not_passed, read};
use crate::dataset::{Loader, Preprocessing, Samples};
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::model::{Model, Pass, Value};
use crate::model_file::Trained;
use crate::plan::Layer;
use crate::random::{Purpose, Random};

/// Rounds of orthogonal iteration at most.
const ROUNDS: usize = 1_000;

/// Directions that are iterated: more than are wanted, so that those stand still soon.
const WAYS: usize = 6;

/// Directions that move less stand still.
const STILL: f64 = 1e-10;

/// The values of a layer for each sample of a split.
#[derive(Clone, Debug)]
pub struct Embedding {
    /// The layer's name, else its path.
    pub layer: String,
    /// Values of a sample.
    pub width: usize,
    /// Which samples, by their place in the split.
    pub indices: Vec<usize>,
    /// `[samples, width]`.
    pub values: Vec<f32>,
    /// The class of each sample, where they have one.
    pub labels: Vec<u32>,
    /// Each sample's place along the two directions in which samples differ most.
    pub points: Vec<[f64; 2]>,
    /// The shares of the variance that the two directions have.
    pub explained: [f64; 2],
}

/// Computes what the last layer with weights takes, for samples of a split: drawn evenly where there are more than `limit`.
///
/// # Errors
/// When the network has one layer with weights alone, or results cannot be read back from the device.
pub fn embed(
    trained: &Trained,
    samples: &Arc<Samples>,
    limit: usize,
    threads: usize,
    device: &tensor::Device,
) -> Result<Embedding> {
    let plan = trained.plan.up_to_logits(trained.config.train.task());
    let layer = hidden(&plan.layers)?;
    let preprocessing: Arc<Preprocessing> = Arc::new(trained.header.preprocessing.clone());
    // Files lie class by class, so that the first ones alone would be of a few classes.
    let mut indices: Vec<usize> = (0..samples.len()).collect();
    Random::new(Purpose::Order, &[u64::MAX, 0]).shuffle(&mut indices);
    indices.truncate(limit);
    indices.sort_unstable();
    let batches = indices.chunks(64).map(<[usize]>::to_vec).collect();
    let loader = Loader::new(
        Arc::clone(samples),
        batches,
        Arc::clone(&preprocessing),
        None,
        threads,
    );
    let mut values = Vec::new();
    let mut labels = Vec::new();
    let mut answered = Vec::new();
    for batch in loader {
        let batch = batch?;
        labels.extend(batch.targets.classes());
        answered.extend(&batch.indices);
        values.extend(outputs_of(
            &trained.model,
            layer,
            Value::of_inputs(batch.inputs, &plan.input, device),
        )?);
    }
    let width = layer.output.iter().product();
    let (points, explained) = principal_components(&values, width);
    Ok(Embedding {
        layer: name_of(layer),
        width,
        indices: answered,
        values,
        labels,
        points,
        explained,
    })
}

/// Finds the layer whose output the last layer with weights takes.
fn hidden(layers: &[Layer]) -> Result<&Layer> {
    let has_weights = |layer: &Layer| layer.counts.parameters().is_none_or(|count| count > 0);
    let last = layers.iter().rposition(has_weights);
    let before = last.and_then(|last| last.checked_sub(1));
    before.and_then(|before| layers.get(before)).ok_or_else(|| {
        let message = "the network's only layer with weights is its first: there is no hidden one";
        Error::config(Diagnostic::error(message))
    })
}

fn outputs_of(model: &Model, layer: &Layer, input: Value) -> Result<Vec<f32>> {
    let mut output = None;
    let _ = model.forward_observed(input, Pass::Evaluate, &mut |index, value| {
        if index == layer.index {
            output = Some(value.clone());
        }
    });
    output.map_or_else(|| Err(not_passed(layer)), read)
}

/// Places rows along the two directions in which they differ most; returns the shares of the variance that these have too.
///
/// # Reference
/// `sklearn.decomposition.PCA(2)`: rows are centred; a direction's largest entry is positive.
#[must_use]
pub fn principal_components(values: &[f32], width: usize) -> (Vec<[f64; 2]>, [f64; 2]) {
    let rows: Vec<&[f32]> = values.chunks_exact(width.max(1)).collect();
    let count = rows.len().max(1) as f64;
    let mut mean = vec![0.0; width];
    for row in &rows {
        add(&mut mean, row, 1.0 / count);
    }
    // The product of a direction with what rows differ from their mean.
    let shift = |direction: &[f64]| dot(direction, &mean);
    let along = |row: &[f32], direction: &[f64], shift: f64| -> f64 {
        let sum: f64 = row
            .iter()
            .zip(direction)
            .map(|(x, y)| f64::from(*x) * y)
            .sum();
        sum - shift
    };
    let ways = 0..WAYS.min(width);
    let mut directions: Vec<Vec<f64>> = ways.map(|way| start(width, way)).collect();
    for _ in 0..ROUNDS {
        let mut next: Vec<Vec<f64>> = directions.iter().map(|_| vec![0.0; width]).collect();
        for (direction, next) in directions.iter().zip(&mut next) {
            let shift = shift(direction);
            let mut sum = 0.0;
            for row in &rows {
                let part = along(row, direction, shift);
                add(next, row, part);
                sum += part;
            }
            subtract(next, sum, &mean);
        }
        orthogonalize(&mut next);
        // A direction and its opposite are the same.
        let still = |(old, new): (&Vec<f64>, &Vec<f64>)| dot(old, new).abs() > 1.0 - STILL;
        let is_still = directions.iter().zip(&next).take(2).all(still);
        directions = next;
        if is_still {
            break;
        }
    }
    directions.resize(2, vec![0.0; width]);
    for direction in &mut directions {
        let largest = direction
            .iter()
            .copied()
            .max_by(|a, b| a.abs().total_cmp(&b.abs()));
        if largest.is_some_and(|largest| largest < 0.0) {
            for entry in direction {
                *entry = -*entry;
            }
        }
    }
    let shifts = [shift(&directions[0]), shift(&directions[1])];
    let point = |row: &&[f32]| [0, 1].map(|way| along(row, &directions[way], shifts[way]));
    let points: Vec<[f64; 2]> = rows.iter().map(point).collect();
    let mean_square = mean.iter().map(|mean| mean * mean).sum::<f64>() * count;
    let all = values.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() - mean_square;
    let explained = [0, 1].map(|way| {
        let own: f64 = points.iter().map(|point| point[way] * point[way]).sum();
        if all > 0.0 { own / all } else { 0.0 }
    });
    (points, explained)
}

/// Returns a direction to begin with that is no direction of symmetry.
fn start(width: usize, way: usize) -> Vec<f64> {
    let angle = |place: usize| ((place + 1) * (2 * way + 1)) as f64;
    let mut direction: Vec<f64> = (0..width).map(|place| angle(place).sin()).collect();
    normalize(&mut direction);
    direction
}

/// Makes directions of length 1 that are at right angles; what is left of one that lies in the others is no direction.
fn orthogonalize(directions: &mut [Vec<f64>]) {
    for own in 0..directions.len() {
        let (before, rest) = directions.split_at_mut(own);
        let Some(direction) = rest.first_mut() else {
            return;
        };
        let length = dot(direction, direction).sqrt();
        // Twice: the first time leaves rounding errors of what is taken away.
        for other in before.iter().chain(before.iter()) {
            let overlap = dot(direction, other);
            subtract(direction, overlap, other);
        }
        if dot(direction, direction).sqrt() <= 1e-10 * length {
            direction.fill(0.0);
        }
        normalize(direction);
    }
}

fn add(sum: &mut [f64], row: &[f32], factor: f64) {
    for (sum, value) in sum.iter_mut().zip(row) {
        *sum += factor * f64::from(*value);
    }
}

fn subtract(from: &mut [f64], factor: f64, direction: &[f64]) {
    for (from, entry) in from.iter_mut().zip(direction) {
        *from -= factor * entry;
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn normalize(direction: &mut [f64]) {
    let length = dot(direction, direction).sqrt();
    if length > 0.0 {
        for entry in direction {
            *entry /= length;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_directions_of_a_flat_cloud_are_found() {
        // Along (3, 4, 0) / 5 with deviation 2 and (4, -3, 0) / 5 with 1, around (10, 20, 30).
        let cloud = [[2.0, 1.0], [-2.0, -1.0], [2.0, -1.0], [-2.0, 1.0]];
        let values: Vec<f32> = cloud
            .iter()
            .flat_map(|[a, b]| {
                [
                    10.0 + (3.0 * a + 4.0 * b) / 5.0,
                    20.0 + (4.0 * a - 3.0 * b) / 5.0,
                    30.0,
                ]
            })
            .collect();
        let (points, explained) = principal_components(&values, 3);
        for (point, [a, b]) in points.iter().zip(cloud) {
            assert!((point[0] - f64::from(a)).abs() < 1e-4, "{point:?}");
            assert!((point[1] - f64::from(b)).abs() < 1e-4, "{point:?}");
        }
        assert!((explained[0] - 0.8).abs() < 1e-4 && (explained[1] - 0.2).abs() < 1e-4);
        let (same, none) = principal_components(&[1.0; 6], 3);
        assert!(same.iter().flatten().all(|x| x.abs() < 1e-9) && none == [0.0, 0.0]);
    }
}
