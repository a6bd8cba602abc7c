//! Learned kernels.

use super::{find_layer, name_of};
use crate::diagnostic::{Diagnostic, Error, Result, in_backticks};
use crate::model_file::Trained;
use crate::plan::{Layer, Operation};

/// The kernels of a convolution.
#[derive(Clone, Debug)]
pub struct Kernels {
    /// The layer's name, else its path.
    pub name: String,
    /// Its `type` in the config.
    pub type_name: &'static str,
    /// `[filters, channels of a filter, height, width]`; a signal's kernels have a height of 1.
    pub shape: [usize; 4],
    /// The weights.
    pub values: Vec<f32>,
    /// Whether the channels are the colours of a picture, or three maps as these.
    pub is_of_colours: bool,
}

/// Puts filters before channels: a transposed convolution has them the other way around.
fn turned([inputs, outputs, height, width]: [usize; 4], values: &[f32]) -> ([usize; 4], Vec<f32>) {
    let area = height * width;
    let pairs = (0..outputs).flat_map(|output| (0..inputs).map(move |input| (output, input)));
    let turned = pairs.flat_map(|(output, input)| {
        let at = (input * outputs + output) * area;
        values.get(at..at + area).unwrap_or_default().to_vec()
    });
    ([outputs, inputs, height, width], turned.collect())
}

/// Returns the kernels of all two- and one-dimensional convolutions, or of one layer.
///
/// # Errors
/// When there is no such layer, or it has no kernels.
pub fn filters(trained: &Trained, layer: Option<&str>) -> Result<Vec<Kernels>> {
    let mut found = Vec::new();
    let weights = trained.model.weights()?;
    let mut add = |layer: &Layer, prefix: &str| {
        let slides = matches!(
            layer.operation,
            Operation::Conv(_) | Operation::SeparableConv(_) | Operation::TransposedConv(_)
        );
        if !slides {
            return;
        }
        for weight in &weights {
            // `.weight`, or of a separable convolution `.depthwise.weight`.
            let part = weight.name.strip_prefix(prefix);
            let part = part.filter(|part| part.starts_with('.'));
            let Some(part) = part.and_then(|part| part.strip_suffix(".weight")) else {
                continue;
            };
            let shape = match weight.shape[..] {
                [filters, channels, width] => [filters, channels, 1, width],
                [filters, channels, height, width] => [filters, channels, height, width],
                _ => continue,
            };
            let (shape, values) = match &layer.operation {
                Operation::TransposedConv(_) => turned(shape, &weight.values),
                _ => (shape, weight.values.clone()),
            };
            found.push((
                layer.index,
                Kernels {
                    name: format!("{}{part}", name_of(layer)),
                    type_name: layer.type_name,
                    is_of_colours: layer.input.first() == Some(&3) && shape[1] == 3,
                    shape,
                    values,
                },
            ));
        }
    };
    walk("", &trained.plan.layers, &mut add);
    if let Some(word) = layer {
        let layer = find_layer(&trained.plan, word)?;
        let names: Vec<String> = found
            .iter()
            .map(|(_, kernels)| kernels.name.clone())
            .collect();
        found.retain(|(index, _)| *index == layer.index);
        if found.is_empty() {
            let kind = layer.type_name;
            let message = format!("layer `{word}` is a `{kind}`, which has no kernels to draw");
            let note = format!("kernels are in {}", in_backticks(names.iter().take(40)));
            return Err(Error::config(Diagnostic::error(message).note(note)));
        }
    }
    if found.is_empty() {
        let message = "the network has no convolution of one or two dimensions";
        return Err(Error::config(Diagnostic::error(message)));
    }
    Ok(found.into_iter().map(|(_, kernels)| kernels).collect())
}

/// Tells of each layer with the first part of its weights' names.
fn walk(prefix: &str, layers: &[Layer], tell: &mut impl FnMut(&Layer, &str)) {
    for (position, layer) in layers.iter().enumerate() {
        let own = layer.name.clone().unwrap_or_else(|| position.to_string());
        let name = format!("{prefix}{own}");
        tell(layer, &name);
        for (key, list) in layer.operation.named_lists() {
            walk(&format!("{name}.{key}."), list, tell);
        }
    }
}
