//! Gradients of logits, at the input and at the output of any layer.

use super::{Subject, not_passed, read};
use crate::diagnostic::Result;
use crate::model::{Pass, Value};
use crate::plan::Layer;

impl Subject<'_> {
    /// Returns the gradients of a class's logit at a batch of inputs, each by itself.
    pub(super) fn at_inputs(&self, inputs: Vec<f32>, class: usize) -> Result<Vec<f32>> {
        let input = self.batch(inputs).tracked();
        let output =
            self.trained
                .model
                .forward_tapped(input.clone(), Pass::Evaluate, &mut |_, value| value);
        gradient(&input, output, class)
    }

    /// Returns a layer's output for the picture, and the gradient of a class's logit at it.
    pub(super) fn at_layer(&self, layer: &Layer, class: usize) -> Result<[Vec<f32>; 2]> {
        let mut leaf = None;
        let input = self.batch(self.picture.input.clone());
        let output =
            self.trained
                .model
                .forward_tapped(input, Pass::Evaluate, &mut |index, value| {
                    if index != layer.index {
                        return value;
                    }
                    // What comes after it starts from a leaf of its own.
                    let value = value.plain().detached().tracked();
                    leaf = Some(value.clone());
                    value
                });
        let leaf = leaf.ok_or_else(|| not_passed(layer))?;
        let gradient = gradient(&leaf, output, class)?;
        Ok([read(leaf)?, gradient])
    }
}

/// Returns the gradient of the sum of a class's logits at a leaf; zeros where it has no part in them.
fn gradient(leaf: &Value, output: Value, class: usize) -> Result<Vec<f32>> {
    let logits = output.into_row();
    let gradients = logits.narrow(1, class, 1).sum().backward();
    leaf.gradient(&gradients)
}
