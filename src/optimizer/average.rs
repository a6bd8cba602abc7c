//! The moving average of weights.

use std::collections::{BTreeMap, HashMap};

use burn::module::{Module as _, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};

use crate::model::Model;

/// The moving average of the trained weights; running statistics are not averaged.
///
/// # Reference
/// `torch.optim.swa_utils.AveragedModel` with `get_ema_multi_avg_fn`: the first update copies.
#[derive(Debug)]
pub struct Average {
    decay: f64,
    weights: HashMap<ParamId, Tensor<1>>,
}

impl Average {
    /// Starts with no weights seen.
    #[must_use]
    pub fn new(decay: f64) -> Self {
        Self {
            decay,
            weights: HashMap::new(),
        }
    }

    /// Takes in the weights after a step.
    pub fn update(&mut self, model: &Model) {
        model.visit(&mut Update(self));
    }

    /// Returns the network with averaged weights, without automatic differentiation.
    #[must_use]
    pub fn model(&self, model: &Model) -> Model {
        model.valid().map(&mut Replace(self))
    }

    /// Returns the averages by the names of the weights.
    #[must_use]
    pub fn state(&self, model: &Model) -> BTreeMap<String, TensorData> {
        let names = super::names(model).into_iter();
        let weights = names.filter_map(|(name, id)| Some((name, self.weights.get(&id)?)));
        weights
            .map(|(name, tensor)| (name, tensor.clone().into_data()))
            .collect()
    }

    /// Takes over averages by the names of the weights.
    pub fn restore(
        &mut self,
        model: &Model,
        mut state: BTreeMap<String, TensorData>,
        device: &Device,
    ) {
        for (name, id) in super::names(model) {
            if let Some(data) = state.remove(&name) {
                self.weights.insert(id, Tensor::from_data(data, device));
            }
        }
    }
}

struct Update<'a>(&'a mut Average);

impl ModuleVisitor for Update<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !param.is_require_grad() {
            return;
        }
        let decay = self.0.decay;
        let weight = param.val().inner().reshape([-1]);
        let average = match self.0.weights.remove(&param.id) {
            Some(average) => average * decay + weight * (1.0 - decay),
            None => weight,
        };
        self.0.weights.insert(param.id, average);
    }
}

struct Replace<'a>(&'a Average);

impl ModuleMapper for Replace<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(average) = self.0.weights.get(&param.id) else {
            return param;
        };
        let (id, tensor, mapper) = param.consume();
        let tensor = average.clone().reshape(tensor.dims());
        Param::from_mapped_value(id, tensor, mapper)
    }
}
