//! Steps on weights: PyTorch's rules on flat weights, and what they remember by name.
//!
//! Burn's own optimizers are compiled anew for every rank a weight may have; these see each weight
//! as a row of numbers, and Muon sees some as matrices.

mod average;
mod gradients;
mod moments;
mod muon;
mod plain;

pub use average::Average;
pub use gradients::Gradients;

use std::collections::{BTreeMap, HashMap};

use burn::module::{Module as _, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};

use crate::config::{self, Rule};
use crate::kernels::{self, Decay, Update};
use crate::model::Model;

/// An optimizer and what it remembers of each weight.
#[derive(Debug)]
pub struct Optimizer {
    settings: config::Optimizer,
    memories: HashMap<ParamId, Memory>,
}

/// The state of an optimizer as named tensors and counters.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Tensors by the weight's name and their own.
    pub tensors: BTreeMap<String, TensorData>,
    /// Counters by the weight's name and their own.
    pub counters: BTreeMap<String, u64>,
}

/// What a rule remembers of one weight.
#[derive(Debug, Default)]
struct Memory {
    /// Steps taken, this one included.
    step: u64,
    slots: BTreeMap<String, Tensor<1>>,
}

/// One weight at one step.
struct Turn<'a> {
    weight: Tensor<1>,
    gradient: Tensor<1>,
    memory: &'a mut Memory,
    rate: f64,
    /// Weight decay of this weight.
    decay: f64,
}

/// The lengths of a weight and the dimension of its filters.
struct Matrix<'a> {
    sizes: &'a [usize],
    filters: usize,
}

impl Optimizer {
    /// Creates the optimizer of a config.
    #[must_use]
    pub fn new(settings: &config::Optimizer) -> Self {
        Self {
            settings: settings.clone(),
            memories: HashMap::new(),
        }
    }

    /// Moves every weight that has a gradient by one step: at `rate`, times the weight's own factor.
    #[must_use]
    pub fn step(&mut self, rate: f64, model: Model, gradients: Gradients) -> Model {
        let (kernels, rate_factors) = (model.kernels(), model.rate_factors());
        model.map(&mut Step {
            optimizer: self,
            kernels: &kernels,
            rate,
            rate_factors: &rate_factors,
            gradients: gradients.into_flat(),
        })
    }

    fn turn(
        &mut self,
        rate: f64,
        (id, weight): (ParamId, Tensor<1>),
        gradient: Tensor<1>,
        matrix: Option<&Matrix<'_>>,
    ) -> Tensor<1> {
        let settings = &self.settings;
        let memory = self.memories.entry(id).or_default();
        memory.step += 1;
        let decays = settings.decay_bias_and_norm || matrix.is_some();
        let turn = Turn {
            weight,
            gradient,
            memory,
            rate,
            decay: if decays { settings.weight_decay } else { 0.0 },
        };
        match &settings.rule {
            Rule::Sgd {
                momentum,
                dampening,
                nesterov,
            } => plain::sgd(turn, *momentum, *dampening, *nesterov),
            Rule::Adam(adaptive) => {
                let penalty = turn.penalty();
                moments::adam(turn, adaptive, penalty)
            }
            Rule::AdamW(adaptive) => {
                let decay = turn.shrinkage();
                moments::adam(turn, adaptive, decay)
            }
            Rule::RmsProp { .. } => plain::rmsprop(turn, &settings.rule),
            Rule::Adagrad {
                rate_decay,
                initial_accumulator,
                epsilon,
            } => {
                let settings = [*rate_decay, *initial_accumulator, *epsilon];
                plain::adagrad(turn, settings)
            }
            Rule::Adadelta { rho, epsilon } => plain::adadelta(turn, *rho, *epsilon),
            Rule::Nadam {
                moments,
                momentum_decay,
            } => moments::nadam(turn, moments, *momentum_decay),
            Rule::Radam(moments) => moments::radam(turn, moments),
            Rule::Lamb(moments) => moments::lamb(turn, moments),
            Rule::Lion { beta1, beta2 } => plain::lion(turn, *beta1, *beta2),
            Rule::Adan { moments, beta3 } => moments::adan(turn, moments, *beta3),
            Rule::Muon { others, .. } => {
                if let Some(matrix) = matrix {
                    return muon::muon(turn.decayed(), &settings.rule, matrix);
                }
                let adaptive = config::Adaptive {
                    moments: *others,
                    amsgrad: false,
                };
                let decay = turn.shrinkage();
                moments::adam(turn, &adaptive, decay)
            }
        }
    }

    /// Returns whether it remembers nothing.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.memories.is_empty()
    }

    /// Returns the state by the names of the weights.
    #[must_use]
    pub fn state(&self, model: &Model) -> State {
        let mut state = State::default();
        for (name, id) in names(model) {
            let Some(memory) = self.memories.get(&id) else {
                continue;
            };
            state.counters.insert(format!("{name}.step"), memory.step);
            for (slot, tensor) in &memory.slots {
                let data = tensor.clone().into_data();
                state.tensors.insert(format!("{name}.{slot}"), data);
            }
        }
        state
    }

    /// Takes over a state; returns the names of weights it says nothing of.
    pub fn restore(&mut self, model: &Model, state: State, device: &Device) -> Vec<String> {
        let mut slots: BTreeMap<String, BTreeMap<String, Tensor<1>>> = BTreeMap::new();
        for (name, data) in state.tensors {
            if let Some((weight, slot)) = name.rsplit_once('.') {
                let tensor = Tensor::from_data(data, device);
                let of_weight = slots.entry(weight.to_owned()).or_default();
                of_weight.insert(slot.to_owned(), tensor);
            }
        }
        let mut missing = Vec::new();
        for (name, id) in names(model) {
            let Some(step) = state.counters.get(&format!("{name}.step")).copied() else {
                missing.push(name);
                continue;
            };
            let slots = slots.remove(&name).unwrap_or_default();
            self.memories.insert(id, Memory { step, slots });
        }
        missing
    }
}

impl Memory {
    /// Takes a slot out, zeros if it was never filled.
    fn take(&mut self, slot: &str, like: &Tensor<1>) -> Tensor<1> {
        let slot = self.slots.remove(slot);
        slot.unwrap_or_else(|| like.zeros_like())
    }

    fn put(&mut self, slot: &str, tensor: &Tensor<1>) {
        self.slots.insert(slot.to_owned(), tensor.clone());
    }

    /// Brings a running mean up to date and returns it.
    fn mean(&mut self, slot: &str, value: Tensor<1>, keep: f64) -> Tensor<1> {
        let mean = self.take(slot, &value) * keep + value * (1.0 - keep);
        self.put(slot, &mean);
        mean
    }
}

impl Turn<'_> {
    /// Returns the decay as the L2 penalty it is.
    fn penalty(&self) -> Decay {
        Decay {
            shrink: 1.0,
            penalty: self.decay,
        }
    }

    /// Returns the decay apart from the gradient.
    fn shrinkage(&self) -> Decay {
        Decay {
            shrink: 1.0 - self.rate * self.decay,
            penalty: 0.0,
        }
    }

    fn with(mut self, decay: Decay) -> Self {
        if self.decay == 0.0 {
            return self;
        }
        if decay.penalty > 0.0 {
            self.gradient = self.gradient + self.weight.clone() * decay.penalty;
        } else {
            self.weight = self.weight * decay.shrink;
        }
        self
    }

    fn with_penalty(self) -> Self {
        let penalty = self.penalty();
        self.with(penalty)
    }

    fn decayed(self) -> Self {
        let shrinkage = self.shrinkage();
        self.with(shrinkage)
    }

    /// Returns whether the step can be taken in one pass.
    fn has_kernels(&self) -> bool {
        kernels::compute_on(&self.weight.device())
    }

    /// Takes the step in one pass, with the slots of these names.
    fn in_one_pass<const N: usize>(
        self,
        update: Update,
        decay: Decay,
        names: [&str; N],
    ) -> Tensor<1> {
        let slots = names.map(|name| self.memory.take(name, &self.gradient));
        let (weight, slots) = kernels::step(update, decay, self.weight, self.gradient, slots);
        for (name, slot) in names.into_iter().zip(slots) {
            self.memory.slots.insert(name.to_owned(), slot);
        }
        weight
    }
}

/// Returns the names of the weights that are trained.
pub(crate) fn trained(model: &Model) -> Vec<String> {
    names(model).into_iter().map(|(name, _)| name).collect()
}

/// Returns the weights that are trained, by name.
fn names(model: &Model) -> Vec<(String, ParamId)> {
    let named = Names::of(model).into_iter();
    named.map(|(name, id, _)| (name, id)).collect()
}

/// Returns how many values each weight has that is trained, by name.
pub(crate) fn lengths(model: &Model) -> BTreeMap<String, usize> {
    let named = Names::of(model).into_iter();
    named.map(|(name, _, length)| (name, length)).collect()
}

#[derive(Default)]
struct Names {
    path: Vec<String>,
    found: Vec<(String, ParamId, usize)>,
}

impl Names {
    fn of(model: &Model) -> Vec<(String, ParamId, usize)> {
        let mut names = Self::default();
        model.visit(&mut names);
        names.found
    }
}

impl ModuleVisitor for Names {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if param.is_require_grad() {
            let length = param.val().shape().num_elements();
            self.found.push((self.path.join("."), param.id, length));
        }
    }
}

struct Step<'a> {
    optimizer: &'a mut Optimizer,
    kernels: &'a HashMap<ParamId, usize>,
    rate: f64,
    rate_factors: &'a HashMap<ParamId, f64>,
    gradients: HashMap<ParamId, Tensor<1>>,
}

impl ModuleMapper for Step<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(gradient) = self.gradients.remove(&param.id) else {
            return param;
        };
        let (id, tensor, mapper) = param.consume();
        let sizes = tensor.dims();
        let matrix = self.kernels.get(&id).map(|filters| Matrix {
            sizes: &sizes,
            filters: *filters,
        });
        let weight = tensor.inner().reshape([-1]);
        let rate = self.rate * self.rate_factors.get(&id).copied().unwrap_or(1.0);
        let weight = self
            .optimizer
            .turn(rate, (id, weight), gradient, matrix.as_ref());
        let tensor = Tensor::from_inner(weight.reshape(sizes)).require_grad();
        Param::from_mapped_value(id, tensor, mapper)
    }
}
