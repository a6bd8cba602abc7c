//! Answers: from values of the host the quickest way that a device has, and from tensors.

use std::time::Instant;

use burn::module::Module as _;
use burn::tensor::{self, Tensor};

use super::{Model, Pass, Value};
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::kernels::program::Program;
use crate::shape;

/// A network that answers.
///
/// On `cpu` it is compiled: normalizations become part of the weights, memory is planned, and an answer
/// is the same whatever else is in its batch. Other devices run the layers as they are.
#[derive(Debug)]
pub struct Engine {
    way: Way,
    input: Vec<usize>,
}

#[derive(Debug)]
enum Way {
    Program(Box<Program>),
    Layers(Box<Model>, tensor::Device),
}

impl Engine {
    /// Prepares a network for images of a shape, `[channels, …]`.
    ///
    /// # Errors
    /// When weights cannot be read from the device.
    pub fn new(model: &Model, input: &[usize], device: &tensor::Device) -> Result<Self> {
        let plain = device.clone().without_autodiff();
        let way = if plain == tensor::Device::flex() {
            Way::Program(Box::new(model.compile(input, &plain)?))
        } else {
            Way::Layers(Box::new(model.clone()), device.clone())
        };
        Ok(Self {
            way,
            input: input.to_vec(),
        })
    }

    /// Returns the seconds of each stage with the number of its layer, where the network is compiled; all images go through
    /// a stage before the next.
    pub(crate) fn stage_secs(&self, images: &[f32]) -> Option<Vec<(usize, f64)>> {
        let Way::Program(program) = &self.way else {
            return None;
        };
        let size: usize = self.input.iter().product();
        let count = images.len() / size.max(1);
        let mut answers = vec![0.0; count * program.answer()];
        let mut stages = Vec::new();
        let mut last = Instant::now();
        program.observed(count, images, &mut answers, &mut |layer| {
            stages.push((layer, last.elapsed().as_secs_f64()));
            last = Instant::now();
        });
        Some(stages)
    }

    /// Computes the last layer's output, image after image, from the values of images.
    ///
    /// # Errors
    /// When the device fails.
    pub fn logits(&self, images: &[f32]) -> Result<Vec<f32>> {
        match &self.way {
            Way::Program(program) => {
                let size: usize = self.input.iter().product();
                let mut answers = vec![0.0; images.len() / size.max(1) * program.answer()];
                program.run(images, &mut answers);
                Ok(answers)
            }
            Way::Layers(model, device) => {
                let input = Value::of_inputs(images.to_vec(), &self.input, device);
                to_host(model.logits(input, Pass::Evaluate))
            }
        }
    }
}

impl Model {
    /// Answers a batch of inputs, as they are: nothing is scaled or cut.
    ///
    /// # Shapes
    /// - input `[batch, …]`, the rest as [`Plan::input`](crate::plan::Plan::input): `[batch, channels, height, width]` for maps
    /// - output `[batch, outputs]`: what the last layer gives as a row, which are logits where it has no activation
    ///
    /// # Errors
    /// A diagnostic when the inputs are of another shape than the network's, or there are none.
    pub fn answer<const D: usize>(&self, inputs: Tensor<D>) -> Result<Tensor<2>> {
        let shape = inputs.dims();
        let fits = shape
            .split_first()
            .is_some_and(|(batch, rest)| *batch > 0 && *rest == *self.input);
        if !fits {
            let own = shape::display(&self.input);
            let message = format!(
                "inputs of {} do not fit the network",
                shape::display(&shape)
            );
            let help = format!("give a tensor of a batch of {own}");
            return Err(Error::model(Diagnostic::error(message).help(help)));
        }
        let inputs = match self.devices().first() {
            Some(device) => inputs.to_device(device),
            None => inputs,
        };
        let value = Value::of_batch(inputs);
        Ok(self.logits(value, Pass::Evaluate))
    }
}

/// Reads values back from the device.
///
/// # Errors
/// When the device fails.
pub(crate) fn to_host<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    let failed = |reason: &dyn std::fmt::Debug| {
        let message = format!("failed to read values from the device: {reason:?}");
        super::remote::or_lost(Error::model(Diagnostic::error(message)))
    };
    let data = tensor.try_into_data().map_err(|error| failed(&error))?;
    data.try_to_vec::<f32>().map_err(|error| failed(&error))
}
