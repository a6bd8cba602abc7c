//! A plan as a Burn model: one file a layer, one row in each table below.

mod activation;
mod batch_norm;
mod conv;
mod dense;
mod device;
mod dropout;
mod flatten;
mod initialize;
mod pool;

pub use device::{COMPILED, Device};

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{self, Tensor, TensorData};

use crate::plan::{Operation, Plan};
use initialize::Builder;

/// What flows between two layers.
#[derive(Clone, Debug)]
pub enum Value {
    /// `[batch, channels, height, width]`.
    Maps(Tensor<4>),
    /// `[batch, values]`.
    Row(Tensor<2>),
}

/// How a forward pass is meant.
#[derive(Clone, Copy, Debug)]
pub enum Pass {
    /// Running statistics are used; dropout does nothing.
    Evaluate,
    /// Batch statistics are used and remembered; dropout draws from `(seed, step)`.
    Train {
        /// Seed of the run.
        seed: u64,
        /// Number of the step, over all epochs.
        step: u64,
    },
}

/// A network with its weights.
#[derive(Clone, Debug)]
pub struct Model {
    layers: Vec<Layer>,
}

#[derive(Clone, Debug)]
struct Layer {
    /// The user's name, or the index: the first part of the names of its weights.
    name: String,
    operation: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Conv(conv::Conv),
    Pool(pool::Pool),
    Dense(dense::Dense),
    Activation(activation::Activation),
    Flatten(flatten::Flatten),
    Dropout(dropout::Dropout),
    BatchNorm(batch_norm::BatchNorm),
}

/// Runs one expression on whichever layer it is.
macro_rules! each {
    ($kind:expr, $layer:ident => $body:expr) => {
        match $kind {
            Kind::Conv($layer) => $body,
            Kind::Pool($layer) => $body,
            Kind::Dense($layer) => $body,
            Kind::Activation($layer) => $body,
            Kind::Flatten($layer) => $body,
            Kind::Dropout($layer) => $body,
            Kind::BatchNorm($layer) => $body,
        }
    };
}

/// Turns whichever layer it is into another of the same kind.
macro_rules! each_into {
    ($kind:expr, $layer:ident => $body:expr) => {
        match $kind {
            Kind::Conv($layer) => Kind::Conv($body),
            Kind::Pool($layer) => Kind::Pool($body),
            Kind::Dense($layer) => Kind::Dense($body),
            Kind::Activation($layer) => Kind::Activation($body),
            Kind::Flatten($layer) => Kind::Flatten($body),
            Kind::Dropout($layer) => Kind::Dropout($body),
            Kind::BatchNorm($layer) => Kind::BatchNorm($body),
        }
    };
}

fn build(index: usize, operation: &Operation, builder: &mut Builder<'_>) -> Kind {
    match operation {
        Operation::Conv(plan) => Kind::Conv(conv::Conv::new(plan, builder)),
        Operation::Pool(plan) => Kind::Pool(pool::Pool::new(plan)),
        Operation::Dense(plan) => Kind::Dense(dense::Dense::new(plan, builder)),
        Operation::Activation(function) => Kind::Activation(activation::Activation::new(*function)),
        Operation::Flatten => Kind::Flatten(flatten::Flatten::new()),
        Operation::Dropout(plan) => Kind::Dropout(dropout::Dropout::new(plan, index)),
        Operation::BatchNorm(plan) => Kind::BatchNorm(batch_norm::BatchNorm::new(plan, builder)),
    }
}

impl Model {
    /// Builds the network with fresh weights: the same seed gives the same on every device.
    #[must_use]
    pub fn new(plan: &Plan, seed: u64, device: &tensor::Device) -> Self {
        let mut builder = Builder::new(seed, device);
        let layers = plan.layers.iter().enumerate().map(|(index, layer)| Layer {
            name: layer.name.clone().unwrap_or_else(|| index.to_string()),
            operation: build(index, &layer.operation, &mut builder),
        });
        Self {
            layers: layers.collect(),
        }
    }

    /// Computes `[batch, channels, height, width]` → the last layer's output.
    #[must_use]
    pub fn forward(&self, input: Tensor<4>, pass: Pass) -> Value {
        self.layers.iter().fold(
            Value::Maps(input),
            |value, layer| each!(&layer.operation, layer => layer.forward(value, pass)),
        )
    }

    /// Computes `[batch, channels, height, width]` → `[batch, classes]`: the last layer's output
    /// as a row, which are logits if the plan is [`Plan::up_to_logits`].
    #[must_use]
    pub fn logits(&self, input: Tensor<4>, pass: Pass) -> Tensor<2> {
        self.forward(input, pass).into_row()
    }
}

impl Model {
    /// Returns whether every weight and running statistic is a finite number.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        let mut check = FiniteCheck(true);
        self.visit(&mut check);
        check.0
    }
}

struct FiniteCheck(bool);

impl ModuleVisitor for FiniteCheck {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let values = param.val().into_data().try_to_vec::<f32>();
        self.0 &= values.is_ok_and(|values| values.iter().all(|value| value.is_finite()));
    }
}

/// Makes a tensor `[batch, channels, height, width]` of prepared pictures.
#[must_use]
pub fn input_tensor(values: Vec<f32>, shape: [usize; 3], device: &tensor::Device) -> Tensor<4> {
    let [channels, height, width] = shape;
    let batch = values.len() / (channels * height * width).max(1);
    Tensor::from_data(
        TensorData::new(values, [batch, channels, height, width]),
        device,
    )
}

// Written out so that the names of weights are the user's: `C1.weight`, not
// `layers.0.Conv.weight` as the derived implementation of an enum in a list would have it.
impl Module for Model {
    fn collect_devices(&self, devices: Vec<tensor::Device>) -> Vec<tensor::Device> {
        self.layers.iter().fold(
            devices,
            |devices, layer| each!(&layer.operation, layer => layer.collect_devices(devices)),
        )
    }

    fn fork(self, device: &tensor::Device) -> Self {
        self.convert(|kind| each_into!(kind, layer => layer.fork(device)))
    }

    fn to_device(self, device: &tensor::Device) -> Self {
        self.convert(|kind| each_into!(kind, layer => layer.to_device(device)))
    }

    fn train(self) -> Self {
        self.convert(|kind| each_into!(kind, layer => Module::train(layer)))
    }

    fn valid(&self) -> Self {
        let layers = self.layers.iter().map(|layer| Layer {
            name: layer.name.clone(),
            operation: each_into!(&layer.operation, layer => layer.valid()),
        });
        Self {
            layers: layers.collect(),
        }
    }

    fn materialize(self) -> Self {
        self.convert(|kind| each_into!(kind, layer => layer.materialize()))
    }

    fn visit<Visitor: ModuleVisitor>(&self, visitor: &mut Visitor) {
        for layer in &self.layers {
            visitor.enter_module(&layer.name, "Vec");
            each!(&layer.operation, layer => layer.visit(visitor));
            visitor.exit_module(&layer.name, "Vec");
        }
    }

    fn map<Mapper: ModuleMapper>(self, mapper: &mut Mapper) -> Self {
        let layers = self.layers.into_iter().map(|layer| {
            mapper.enter_module(&layer.name, "Vec");
            let operation = each_into!(layer.operation, layer => layer.map(mapper));
            mapper.exit_module(&layer.name, "Vec");
            Layer {
                name: layer.name,
                operation,
            }
        });
        Self {
            layers: layers.collect(),
        }
    }
}

impl Model {
    fn convert(self, convert: impl Fn(Kind) -> Kind) -> Self {
        let layers = self.layers.into_iter().map(|layer| Layer {
            name: layer.name,
            operation: convert(layer.operation),
        });
        Self {
            layers: layers.collect(),
        }
    }
}

impl Value {
    /// Returns maps; a row of values counts as 1x1 maps.
    fn into_maps(self) -> Tensor<4> {
        match self {
            Self::Maps(maps) => maps,
            Self::Row(row) => row.unsqueeze_dims(&[2, 3]),
        }
    }

    /// Returns a row of values; maps are flattened.
    fn into_row(self) -> Tensor<2> {
        match self {
            Self::Maps(maps) => maps.flatten(1, 3),
            Self::Row(row) => row,
        }
    }
}

/// Takes one number for rows and one for columns from what the plan has per dimension.
fn pair<T, U>(items: &[T], take: impl Fn(&T) -> U) -> [U; 2] {
    match items {
        [rows, columns] => [take(rows), take(columns)],
        _ => unreachable!("a plan of this version has two dimensions"),
    }
}
