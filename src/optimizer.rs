//! Steps on weights: Burn's optimizers with PyTorch's settings, and their state by name.
//!
//! Burn's own container for a whole module is not used: it restores its state on the default
//! device, which a build with `wgpu` takes to be a graphics adapter that may not be there.

use std::any::Any;
use std::collections::{BTreeMap, HashMap};

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{
    AdamConfig, AdamWConfig, GradientsParams, RecordState, SgdConfig, StateSink, StateSource,
};
use burn::tensor::{Device, Tensor, TensorData};
use burn_pack::Scalar;

use crate::config;
use crate::model::Model;

/// An optimizer and what it remembers of each weight.
pub struct Optimizer(Box<dyn Rule>);

/// The state of an optimizer as named tensors and counters.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Tensors by the weight's name and their own.
    pub tensors: BTreeMap<String, TensorData>,
    /// Counters by the weight's name and their own.
    pub counters: BTreeMap<String, u64>,
}

impl Optimizer {
    /// Creates the optimizer of a config.
    #[must_use]
    pub fn new(settings: &config::Optimizer) -> Self {
        match settings {
            config::Optimizer::Sgd {
                momentum,
                nesterov,
                weight_decay,
                ..
            } => {
                let momentum = (*momentum > 0.0).then(|| {
                    MomentumConfig::new()
                        .with_momentum(*momentum)
                        .with_dampening(0.0)
                        .with_nesterov(*nesterov)
                });
                let sgd = SgdConfig::new()
                    .with_momentum(momentum)
                    .with_weight_decay(decay(*weight_decay));
                Self(Box::new(Stepper::new(sgd.build())))
            }
            config::Optimizer::Adam(settings) => {
                let adam = AdamConfig::new()
                    .with_beta_1(single(settings.beta1))
                    .with_beta_2(single(settings.beta2))
                    .with_epsilon(single(settings.epsilon))
                    .with_weight_decay(decay(settings.weight_decay));
                Self(Box::new(Stepper::new(adam.build())))
            }
            config::Optimizer::AdamW(settings) => {
                let adamw = AdamWConfig::new()
                    .with_beta_1(single(settings.beta1))
                    .with_beta_2(single(settings.beta2))
                    .with_epsilon(single(settings.epsilon))
                    .with_weight_decay(single(settings.weight_decay));
                Self(Box::new(Stepper::new(adamw.build())))
            }
        }
    }

    /// Moves every weight by one step.
    #[must_use]
    pub fn step(&mut self, rate: f64, model: Model, gradients: GradientsParams) -> Model {
        self.0.step(rate, model, gradients)
    }

    /// Returns the state by the names of the weights.
    #[must_use]
    pub fn state(&self, model: &Model) -> State {
        self.0.state(model)
    }

    /// Takes over a state; returns the names of weights it says nothing of.
    pub fn restore(&mut self, model: &Model, state: State, device: &Device) -> Vec<String> {
        self.0.restore(model, state, device)
    }
}

fn decay(weight_decay: f64) -> Option<WeightDecayConfig> {
    (weight_decay > 0.0).then(|| WeightDecayConfig::new(single(weight_decay)))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "Burn's settings are 32-bit floats"
)]
fn single(number: f64) -> f32 {
    number as f32
}

trait Rule: Send {
    fn step(&mut self, rate: f64, model: Model, gradients: GradientsParams) -> Model;
    fn state(&self, model: &Model) -> State;
    fn restore(&mut self, model: &Model, state: State, device: &Device) -> Vec<String>;
}

/// One of Burn's rules with the state of each weight, whose type depends on the weight's rank.
struct Stepper<O> {
    rule: O,
    states: HashMap<ParamId, Box<dyn Any + Send>>,
}

impl<O: burn::optim::Optimizer> Stepper<O> {
    fn new(rule: O) -> Self {
        Self {
            rule,
            states: HashMap::new(),
        }
    }
}

impl<O: burn::optim::Optimizer> Rule for Stepper<O> {
    fn step(&mut self, rate: f64, model: Model, gradients: GradientsParams) -> Model {
        model.map(&mut Step {
            stepper: self,
            rate,
            gradients,
        })
    }

    fn state(&self, model: &Model) -> State {
        let mut saver = Save {
            stepper: self,
            path: Vec::new(),
            sink: StateSink::default(),
        };
        model.visit(&mut saver);
        let counter = |(name, scalar)| match scalar {
            Scalar::Int(number) => u64::try_from(number).ok().map(|number| (name, number)),
            Scalar::UInt(number) => Some((name, number)),
            Scalar::Float(_) | Scalar::Bool(_) => None,
        };
        State {
            tensors: saver.sink.tensors.into_iter().collect(),
            counters: saver.sink.scalars.into_iter().filter_map(counter).collect(),
        }
    }

    fn restore(&mut self, model: &Model, state: State, device: &Device) -> Vec<String> {
        let counters = state.counters.into_iter();
        let mut source = StateSource::new(
            counters
                .map(|(name, number)| (name, Scalar::UInt(number)))
                .collect(),
        );
        for (name, data) in state.tensors {
            source.insert_tensor(name, data);
        }
        let mut loader = Load {
            stepper: self,
            path: Vec::new(),
            source,
            device,
            missing: Vec::new(),
        };
        model.visit(&mut loader);
        loader.missing
    }
}

struct Step<'a, O> {
    stepper: &'a mut Stepper<O>,
    rate: f64,
    gradients: GradientsParams,
}

impl<O: burn::optim::Optimizer> ModuleMapper for Step<'_, O> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(gradient) = self.gradients.remove::<D>(param.id) else {
            return param;
        };
        let (id, tensor, mapper) = param.consume();
        let state = self.stepper.states.remove(&id);
        let state = state.and_then(|state| state.downcast::<O::State<D>>().ok());
        let (tensor, state) = self.stepper.rule.step(
            self.rate,
            tensor.inner(),
            gradient,
            state.map(|state| *state),
        );
        if let Some(state) = state {
            self.stepper.states.insert(id, Box::new(state));
        }
        let tensor = Tensor::from_inner(tensor).require_grad();
        Param::from_mapped_value(id, tensor, mapper)
    }
}

struct Save<'a, O> {
    stepper: &'a Stepper<O>,
    path: Vec<String>,
    sink: StateSink,
}

impl<O: burn::optim::Optimizer> ModuleVisitor for Save<'_, O> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let state = self.stepper.states.get(&param.id);
        if let Some(state) = state.and_then(|state| state.downcast_ref::<O::State<D>>()) {
            state.state_flatten(&self.path.join("."), &mut self.sink);
        }
    }
}

struct Load<'a, O> {
    stepper: &'a mut Stepper<O>,
    path: Vec<String>,
    source: StateSource,
    device: &'a Device,
    missing: Vec<String>,
}

impl<O: burn::optim::Optimizer> ModuleVisitor for Load<'_, O> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !param.is_require_grad() {
            return;
        }
        let name = self.path.join(".");
        match O::State::<D>::state_unflatten(&name, &mut self.source, self.device) {
            Some(state) => {
                self.stepper.states.insert(param.id, Box::new(state));
            }
            None => self.missing.push(name),
        }
    }
}
