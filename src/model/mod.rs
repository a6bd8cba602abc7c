//! A plan as a Burn model: one file a family of layers, one row in the table of `kind.rs`.

mod activation;
mod address;
mod compile;
mod conv;
mod dense;
mod device;
mod engine;
mod graph;
mod initialize;
mod kind;
mod noise;
mod norm;
mod packed;
mod pad;
mod pool;
#[cfg_attr(not(feature = "remote"), path = "remote_absent.rs")]
pub(crate) mod remote;
mod reshape;
mod rules;
mod sequence;
mod shuffle;
mod transposed;
mod value;
mod weight;

pub use device::{COMPILED, Device};
pub use engine::Engine;
pub(crate) use engine::to_host;
pub use packed::Packed;
pub use value::Value;

use std::collections::HashMap;
use std::sync::Arc;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{self, Tensor};

use crate::diagnostic::Result;
use crate::kernels::program::Program;
use crate::memory;
use crate::plan::Plan;
use compile::Compiler;
use initialize::Builder;
use rules::{Constrain, Penalties, Rules};
use sequence::{Flow, Sequence, Tap};

/// Variable of the environment with what `cnn serve-device` asks others for.
#[cfg(feature = "remote")]
pub(crate) const TOKEN: &str = "CNN_DEVICE_TOKEN";

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

/// A network with its weights: a module of Burn.
///
/// ```
/// use cnn::burn::tensor::Tensor;
/// use cnn::{Config, Device, Model, Plan};
///
/// let config: Config = "
///     [model]
///     input  = [1, 8, 8]
///     layers = [
///       { type = 'conv', name = 'C1', filters = 4, kernel_size = 3, activation = 'relu' },
///       { type = 'global_pool' },
///       { type = 'dense', units = 2 },
///     ]
/// ".parse()?;
/// let plan = Plan::of(&config)?;
/// let device = Device::Cpu.open()?;
/// let model = Model::of(&plan, 42, &device)?;
///
/// let batch = Tensor::<4>::zeros([5, 1, 8, 8], &device);
/// let logits = model.answer(batch)?;
/// assert_eq!(logits.dims(), [5, 2]);
///
/// let other = Tensor::<4>::zeros([5, 3, 8, 8], &device);
/// let error = model.answer(other).unwrap_err();
/// assert_eq!(error.to_string(), "inputs of 5x3x8x8 do not fit the network");
///
/// let first = &model.weights()?[0];
/// assert_eq!((first.name.as_str(), first.shape.as_slice()), ("C1.weight", &[4, 1, 3, 3][..]));
/// # Ok::<(), cnn::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Model {
    layers: Sequence,
    rules: Arc<Rules>,
    /// The last `merge` that takes the output of a layer, both by number.
    last_uses: Arc<HashMap<usize, usize>>,
    /// Images that a batch must have for our own kernels.
    least_batch: usize,
    /// Shape of one input, `[channels, …]`.
    input: Arc<[usize]>,
}

impl Model {
    /// Builds the network of a plan with fresh weights: the same seed gives the same on every device.
    ///
    /// # Errors
    /// A diagnostic when it would not fit into the memory that is free, where the machine tells it.
    pub fn of(plan: &Plan, seed: u64, device: &tensor::Device) -> Result<Self> {
        memory::check_inference(plan, 1)?;
        Ok(Self::new(plan, seed, device))
    }

    /// Builds the network with fresh weights, whatever room they take.
    #[doc(hidden)]
    #[must_use]
    pub fn new(plan: &Plan, seed: u64, device: &tensor::Device) -> Self {
        Self::build(plan, Builder::new(Some(seed), device))
    }

    /// Builds the network with zeros, for weights that are there already: drawing others would take longer than reading
    /// these.
    pub(crate) fn blank(plan: &Plan, device: &tensor::Device) -> Self {
        Self::build(plan, Builder::new(None, device))
    }

    fn build(plan: &Plan, mut builder: Builder<'_>) -> Self {
        Self {
            layers: Sequence::new(&plan.layers, &mut builder),
            rules: Arc::new(builder.into_rules()),
            last_uses: Arc::new(plan.last_uses()),
            least_batch: plan.least_batch(),
            input: plan.input.as_slice().into(),
        }
    }

    /// Computes the last layer's output.
    #[doc(hidden)]
    #[must_use]
    pub fn forward(&self, input: Value, pass: Pass) -> Value {
        let packs = packed::is_packed(&input, self.least_batch);
        self.run(input, pass, packs, None)
    }

    /// Computes the last layer's output; `observe` hears of the output of every layer, by
    /// [`crate::plan::Layer::index`].
    #[doc(hidden)]
    #[must_use]
    pub fn forward_observed(
        &self,
        input: Value,
        pass: Pass,
        observe: &mut dyn FnMut(usize, &Value),
    ) -> Value {
        let packs = packed::is_packed(&input, self.least_batch);
        let mut tap = |index: usize, value: Value| {
            observe(index, &value);
            value
        };
        self.run(input, pass, packs, Some(&mut tap))
    }

    /// Computes the last layer's output with Burn's operations; `tap` is handed the output of every layer, by
    /// [`crate::plan::Layer::index`], and returns what flows on in its place.
    #[must_use]
    pub(crate) fn forward_tapped(
        &self,
        input: Value,
        pass: Pass,
        tap: &mut dyn FnMut(usize, Value) -> Value,
    ) -> Value {
        self.run(input, pass, false, Some(tap))
    }

    fn run(&self, input: Value, pass: Pass, packs: bool, tap: Option<Tap<'_>>) -> Value {
        let mut flow = Flow {
            pass,
            packs,
            kept: HashMap::new(),
            last_uses: Arc::clone(&self.last_uses),
            tap,
        };
        self.layers.forward(input, &mut flow).plain()
    }

    /// Computes `[batch, classes]`: the last layer's output as a row, which are logits if the
    /// plan is [`Plan::up_to_logits`].
    #[doc(hidden)]
    #[must_use]
    pub fn logits(&self, input: Value, pass: Pass) -> Tensor<2> {
        self.forward(input, pass).into_row()
    }

    /// Writes the network as a program that answers images of a shape.
    ///
    /// # Errors
    /// When weights cannot be read from the device.
    fn compile(&self, input: &[usize], device: &tensor::Device) -> Result<Program> {
        let (mut compiler, wire) = Compiler::new(input, self.layers.border(), device);
        let output = self.layers.compile(wire, &mut compiler)?;
        Ok(compiler.finish(output))
    }

    /// Adds the penalties `l1` and `l2` of all weights to a loss.
    #[doc(hidden)]
    #[must_use]
    pub fn penalized(&self, loss: Tensor<1>) -> Tensor<1> {
        if !self.rules.has_penalties() {
            return loss;
        }
        let mut penalties = Penalties {
            rules: &self.rules,
            sum: None,
        };
        self.visit(&mut penalties);
        match penalties.sum {
            Some(sum) => loss + sum,
            None => loss,
        }
    }

    /// Brings the weights back to their constraints.
    #[doc(hidden)]
    #[must_use]
    pub fn constrained(self) -> Self {
        if !self.rules.has_constraints() {
            return self;
        }
        let rules = Arc::clone(&self.rules);
        self.map(&mut Constrain(&rules))
    }

    /// Puts penalties on all weights of convolutions and dense layers, beside the layers' own.
    #[must_use]
    pub(crate) fn with_penalties(self, l1: f64, l2: f64) -> Self {
        let rules = Arc::new(self.rules.with_penalties(l1, l2));
        Self { rules, ..self }
    }

    /// Returns the weights of convolutions and dense layers, each with the dimension that numbers
    /// filters or units.
    #[must_use]
    pub(crate) fn kernels(&self) -> Arc<HashMap<ParamId, usize>> {
        Arc::clone(&self.rules.kernels)
    }

    /// Returns the factors on the learning rate of the weights that have one.
    #[must_use]
    pub fn rate_factors(&self) -> Arc<HashMap<ParamId, f64>> {
        Arc::clone(&self.rules.rate_factors)
    }

    /// Returns the name of the first weight or running statistic that holds a value that is not a
    /// finite number.
    #[must_use]
    pub(crate) fn first_not_finite(&self) -> Option<String> {
        let mut check = FiniteCheck::default();
        self.visit(&mut check);
        check.found
    }

    /// Returns all weights and running statistics with their names.
    ///
    /// # Errors
    /// When they cannot be read from the device.
    pub fn weights(&self) -> Result<Vec<NamedWeight>> {
        let mut gather = Gather::default();
        self.visit(&mut gather);
        gather.found.into_iter().collect()
    }

    fn with(&self, layers: Sequence) -> Self {
        Self {
            layers,
            rules: Arc::clone(&self.rules),
            last_uses: Arc::clone(&self.last_uses),
            least_batch: self.least_batch,
            input: Arc::clone(&self.input),
        }
    }
}

/// The values of a weight.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedWeight {
    /// Its name in a model file, such as `C1.weight`.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values.
    pub values: Vec<f32>,
}

#[derive(Default)]
struct Gather {
    path: Vec<String>,
    found: Vec<Result<NamedWeight>>,
}

impl ModuleVisitor for Gather {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let shape = tensor.dims().to_vec();
        let name = self.path.join(".");
        self.found.push(to_host(tensor).map(|values| NamedWeight {
            name,
            shape,
            values,
        }));
    }
}

#[derive(Default)]
struct FiniteCheck {
    path: Vec<String>,
    found: Option<String>,
}

impl ModuleVisitor for FiniteCheck {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.found.is_some() {
            return;
        }
        let values = param.val().into_data().try_to_vec::<f32>();
        if !values.is_ok_and(|values| values.iter().all(|value| value.is_finite())) {
            self.found = Some(self.path.join("."));
        }
    }
}

// Written out so that the names of weights begin with the layers', without a field's before them.
impl Module for Model {
    fn collect_devices(&self, devices: Vec<tensor::Device>) -> Vec<tensor::Device> {
        self.layers.collect_devices(devices)
    }

    fn fork(self, device: &tensor::Device) -> Self {
        self.with(self.layers.clone().fork(device))
    }

    fn to_device(self, device: &tensor::Device) -> Self {
        self.with(self.layers.clone().to_device(device))
    }

    fn train(self) -> Self {
        self.with(Module::train(self.layers.clone()))
    }

    fn valid(&self) -> Self {
        self.with(self.layers.valid())
    }

    fn materialize(self) -> Self {
        self.with(self.layers.clone().materialize())
    }

    fn visit<Visitor: ModuleVisitor>(&self, visitor: &mut Visitor) {
        self.layers.visit(visitor);
    }

    fn map<Mapper: ModuleMapper>(self, mapper: &mut Mapper) -> Self {
        Self {
            layers: self.layers.map(mapper),
            rules: self.rules,
            last_uses: self.last_uses,
            least_batch: self.least_batch,
            input: self.input,
        }
    }
}
