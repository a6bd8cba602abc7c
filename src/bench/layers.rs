//! What each layer takes: its forward pass within the network, its backward pass on its own.

use std::collections::HashMap;
use std::time::Instant;

use burn::tensor::{Device, Tensor, TensorData};

use super::{Mode, Options, ceiling, median, repeat};
use crate::config::Join;
use crate::diagnostic::Result;
use crate::kernels;
use crate::measure::{LayerMeasurement, made_up, made_up_values, wait};
use crate::model::{Model, Pass, Value};
use crate::plan::{Branches, Layer, Operation, Plan, Residual};

/// What the layers took, and what the machine can do.
#[derive(Clone, Debug)]
pub struct Layers {
    /// The fastest product of two matrices on the device, in GFLOP/s.
    pub ceiling_gflops: f64,
    /// One entry a layer, in the order of [`Plan::every`].
    pub layers: Vec<LayerTime>,
}

/// What one layer took for a batch.
#[derive(Clone, Debug)]
pub struct LayerTime {
    /// Its place in the network.
    pub path: String,
    /// The user's name, if any.
    pub name: Option<String>,
    /// Its `type` in the config.
    pub type_name: &'static str,
    /// How many layers it stands within.
    pub depth: usize,
    /// Seconds forward; of a layer that holds others, the time of what joins them.
    pub forward_secs: f64,
    /// Seconds backward, 0 where no gradient goes; nothing where nothing is trained, where it joins
    /// outputs of several shapes and cannot run alone, or where it is too quick to tell.
    pub backward_secs: Option<f64>,
    /// Speed of its multiply-adds, where it has any.
    pub gflops: Option<f64>,
}

/// A layer in its place.
struct Placed<'a> {
    layer: &'a Layer,
    /// Whether training asks for the gradient of its input: a weight before it is trained.
    hands_on: bool,
}

impl Placed<'_> {
    fn is_trained(&self) -> bool {
        self.layer.counts.trainable > 0
    }

    /// Returns the speed of its multiply-adds: two FLOPs each forward; backward two for the
    /// gradient of the weights and two for that of the input, where they are asked for.
    fn gflops(&self, batch: usize, forward_secs: f64, backward_secs: Option<f64>) -> Option<f64> {
        let holds_others = !self.layer.operation.lists().is_empty();
        if self.layer.counts.macs == 0 || holds_others {
            return None;
        }
        let mut products = 1.0;
        let mut secs = forward_secs;
        if let Some(backward_secs) = backward_secs {
            products += f64::from(u8::from(self.is_trained()));
            products += f64::from(u8::from(self.hands_on));
            secs += backward_secs;
        }
        let flops = 2.0 * self.layer.counts.macs as f64 * batch as f64 * products;
        (secs > 0.0).then(|| flops / secs / 1e9)
    }
}

/// Measures every layer; `pass` runs the network forward and tells what each took.
///
/// # Errors
/// When the device fails.
pub(super) fn measure(
    options: &Options<'_>,
    device: &Device,
    mut pass: impl FnMut() -> Result<Vec<Option<LayerMeasurement>>>,
) -> Result<Layers> {
    let plan = &options.project.plan;
    let plan = plan.up_to_logits(options.project.config.train.task());
    let mut placed = Vec::new();
    place(&plan.layers, false, &mut placed);
    pass()?;
    let passes = repeat(options.secs / 2.0, 3, pass)?;
    let mut backward = Backward {
        options,
        device: device.clone().autodiff(),
        secs: options.secs / 2.0 / placed.len().max(1) as f64,
        sums: HashMap::new(),
    };
    let layers = placed.iter().map(|placed| {
        let layer = placed.layer;
        let own = |pass: &Vec<Option<LayerMeasurement>>| {
            let measured = pass.get(layer.index)?.as_ref()?;
            Some(measured.secs)
        };
        let forward_secs = median(passes.iter().filter_map(own).collect());
        let backward_secs = match options.mode {
            Mode::Train => backward.secs_of(placed)?,
            Mode::Infer => None,
        };
        Ok(LayerTime {
            path: layer.path.clone(),
            name: layer.name.clone(),
            type_name: layer.type_name,
            depth: layer.depth,
            forward_secs,
            backward_secs,
            gflops: placed.gflops(options.batch, forward_secs, backward_secs),
        })
    });
    Ok(Layers {
        layers: layers.collect::<Result<_>>()?,
        ceiling_gflops: ceiling::sgemm_gflops(device)?,
    })
}

fn place<'a>(layers: &'a [Layer], mut hands_on: bool, placed: &mut Vec<Placed<'a>>) {
    for layer in layers {
        placed.push(Placed { layer, hands_on });
        for list in layer.operation.lists() {
            place(list, hands_on, placed);
        }
        hands_on |= layer.counts.trainable > 0;
    }
}

/// Measures backward passes. Automatic differentiation tells nothing of single layers, so each
/// becomes a network of its own.
struct Backward<'a> {
    options: &'a Options<'a>,
    device: Device,
    /// Seconds for each layer.
    secs: f64,
    /// What the sum that stands for a loss takes, by its values.
    sums: HashMap<usize, f64>,
}

impl Backward<'_> {
    fn secs_of(&mut self, placed: &Placed<'_>) -> Result<Option<f64>> {
        if !placed.hands_on && !placed.is_trained() {
            return Ok(Some(0.0));
        }
        let Some(layer) = alone(placed.layer) else {
            return Ok(None);
        };
        let output = layer.output.clone();
        let plan = Plan {
            input: layer.input.clone(),
            layers: vec![layer],
        };
        // What joins others hands on what comes to it.
        let hands_on = placed.hands_on || !placed.layer.operation.lists().is_empty();
        let whole = self.time(&plan, hands_on)?;
        let values: usize = output.iter().product();
        let sum = if let Some(sum) = self.sums.get(&values) {
            *sum
        } else {
            let nothing = Plan {
                input: output,
                layers: Vec::new(),
            };
            self.time(&nothing, true)?
        };
        self.sums.insert(values, sum);
        Ok(Some(whole - sum).filter(|secs| *secs > 0.0))
    }

    /// Returns the seconds of the backward pass of a network and of a weighted sum of what it
    /// returns, so that the gradient that arrives is as dense as any.
    fn time(&self, plan: &Plan, hands_on: bool) -> Result<f64> {
        let seed = self.options.project.config.train.seed;
        let batch = self.options.batch;
        let model = Model::new(plan, seed, &self.device);
        let input = made_up(batch, &plan.input, seed, &self.device);
        let input = if hands_on { input.tracked() } else { input };
        let values: usize = plan.output().iter().product();
        let weights = TensorData::new(made_up_values(batch * values, seed), [batch, values]);
        let weights = Tensor::from_data(weights, &self.device);
        self.once(&model, &input, &weights)?;
        let times = repeat(self.secs, 5, || self.once(&model, &input, &weights))?;
        Ok(median(times))
    }

    fn once(&self, model: &Model, input: &Value, weights: &Tensor<2>) -> Result<f64> {
        let pass = Pass::Train {
            seed: self.options.project.config.train.seed,
            step: 0,
        };
        // As a step of training, or each kernel would wait for a thread to wake up.
        kernels::together(|| {
            let output = model.logits(input.clone(), pass);
            wait(&self.device)?;
            let begin = Instant::now();
            let gradients = (output * weights.clone()).sum().backward();
            wait(&self.device)?;
            let secs = begin.elapsed().as_secs_f64();
            drop(gradients);
            Ok(secs)
        })
    }
}

/// Returns a layer that can run alone; of one that holds others, what joins them, where they have
/// one shape.
fn alone(layer: &Layer) -> Option<Layer> {
    let operation = match &layer.operation {
        Operation::Branches(branches) if branches.join == Join::Add => {
            Operation::Branches(Branches {
                branches: vec![Vec::new(); branches.branches.len()],
                ..branches.clone()
            })
        }
        Operation::Merge(_) | Operation::Branches(_) => return None,
        Operation::Residual(residual) => Operation::Residual(Residual {
            layers: Vec::new(),
            shortcut: Vec::new(),
            ..residual.clone()
        }),
        operation => operation.clone(),
    };
    let joins = !layer.operation.lists().is_empty();
    let input = if joins { &layer.output } else { &layer.input };
    Some(Layer {
        operation,
        input: input.clone(),
        is_kept: false,
        ..layer.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn what_has_one_shape_runs_alone() {
        let text = r#"
[model]
input = [2, 4, 4]
layers = [
  { type = "dropout", name = "first", rate = 0.5 },
  { type = "residual", activation = "relu", layers = [{ type = "conv", filters = 2, kernel_size = 1 }] },
  { type = "branches", merge = "add", branches = [[], [], []] },
  { type = "branches", branches = [[], []] },
  { type = "conv", filters = 2, kernel_size = 1 },
  { type = "merge", from = "first", with = "concat" },
]
"#;
        let config = Config::parse("test.toml", text, &[]).config.unwrap();
        let plan = Plan::new(&config.model).unwrap();
        let found: Vec<bool> = plan
            .layers
            .iter()
            .map(|layer| alone(layer).is_some())
            .collect();
        assert_eq!(found, [true, true, true, false, true, false]);
        for layer in plan.layers.iter().filter_map(alone) {
            let input = layer.input.clone();
            let output = layer.output.clone();
            let plan = Plan {
                input: input.clone(),
                layers: vec![layer],
            };
            let device = Device::flex();
            let model = Model::new(&plan, 1, &device);
            let value = model.forward(made_up(3, &input, 1, &device), Pass::Evaluate);
            assert_eq!(value.shape()[1..], output);
        }
        let mut placed = Vec::new();
        place(&plan.layers, false, &mut placed);
        let hands_on: Vec<bool> = placed.iter().map(|placed| placed.hands_on).collect();
        let before_the_weights = hands_on.iter().filter(|hands_on| !**hands_on).count();
        assert_eq!(before_the_weights, 3, "the first two and the conv within");
        assert!(hands_on[3..].iter().all(|hands_on| *hands_on));
    }
}
