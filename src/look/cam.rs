//! Grad-CAM and Grad-CAM++.

use super::Subject;
use crate::diagnostic::Result;
use crate::plan::Layer;

/// Weighs the maps of a layer by the gradients of a class's logit and sums them up; what speaks against the class is cut.
pub(super) fn of(
    subject: &Subject<'_>,
    class: usize,
    layer: &Layer,
    plus: bool,
) -> Result<Vec<f64>> {
    let [values, gradients] = subject.at_layer(layer, class)?;
    let area: usize = layer.output.iter().skip(1).product();
    let mut sum = vec![0.0; area];
    let maps = values.chunks_exact(area.max(1));
    for (map, gradients) in maps.zip(gradients.chunks_exact(area.max(1))) {
        let weight = if plus {
            weight_plus(map, gradients)
        } else {
            gradients.iter().map(|g| f64::from(*g)).sum::<f64>() / area as f64
        };
        for (sum, value) in sum.iter_mut().zip(map) {
            *sum += weight * f64::from(*value);
        }
    }
    Ok(sum.into_iter().map(|value| value.max(0.0)).collect())
}

/// Weighs one map: each position by its share of the map's second and third derivatives, where the class's score is the
/// exponential of the logit, so that they are powers of the first.
fn weight_plus(map: &[f32], gradients: &[f32]) -> f64 {
    let all: f64 = map.iter().map(|value| f64::from(*value)).sum();
    let share = |gradient: f64| {
        let square = gradient * gradient;
        let below = 2.0 * square + all * square * gradient;
        if below == 0.0 { 0.0 } else { square / below }
    };
    let weights = gradients.iter().map(|gradient| {
        let gradient = f64::from(*gradient);
        share(gradient) * gradient.max(0.0)
    });
    weights.sum()
}
