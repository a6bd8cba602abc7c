//! Gradients of the trained weights, each flat.

use std::collections::{BTreeMap, HashMap};

use burn::module::{Module as _, ModuleVisitor, Param, ParamId};
use burn::tensor::{self, Tensor};

use crate::diagnostic::Result;
use crate::kernels;
use crate::model::{Model, to_host};

/// Gradients in the order of the weights.
#[derive(Clone, Debug, Default)]
pub struct Gradients(Vec<(ParamId, Tensor<1>)>);

impl Gradients {
    /// Computes the gradients of a loss.
    #[must_use]
    pub fn of(loss: &Tensor<1>, model: &Model) -> Self {
        Self::take(loss.backward(), model)
    }

    /// Takes the gradients of the weights out of those of all that was computed.
    #[must_use]
    pub fn take(gradients: tensor::Gradients, model: &Model) -> Self {
        let mut collect = Collect {
            gradients,
            found: Vec::new(),
        };
        model.visit(&mut collect);
        Self(collect.found)
    }

    /// Takes the gradients of the weights out of those that Burn gathered.
    #[cfg(feature = "remote")]
    pub(crate) fn of_params(gradients: burn::optim::GradientsParams, model: &Model) -> Self {
        let mut collect = CollectGathered {
            gradients,
            found: Vec::new(),
        };
        model.visit(&mut collect);
        Self(collect.found)
    }

    fn map(self, change: impl Fn(Tensor<1>) -> Tensor<1>) -> Self {
        let gradients = self.0.into_iter();
        Self(
            gradients
                .map(|(id, gradient)| (id, change(gradient)))
                .collect(),
        )
    }

    /// Multiplies all with a number.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        self.map(|gradient| gradient * factor)
    }

    /// Adds others of the same weights.
    #[must_use]
    pub fn plus(self, others: Self) -> Self {
        let pairs = self.0.into_iter().zip(others.0);
        Self(
            pairs
                .map(|((id, one), (_, other))| (id, one + other))
                .collect(),
        )
    }

    /// Returns the norm of each gradient, in the order of the weights.
    ///
    /// # Errors
    /// When they cannot be read back from the device.
    pub fn norms(&self) -> Result<Vec<f64>> {
        let Some((_, first)) = self.0.first() else {
            return Ok(Vec::new());
        };
        if kernels::compute_on(&first.device()) {
            let squares = self.0.iter();
            let squares = squares.map(|(_, gradient)| kernels::sum_of_squares(gradient.clone()));
            return Ok(squares.map(f64::sqrt).collect());
        }
        let squares = self.0.iter().map(|(_, gradient)| {
            let squares = gradient.clone() * gradient.clone();
            squares.sum()
        });
        let sums = to_host(Tensor::cat(squares.collect(), 0))?;
        Ok(sums.into_iter().map(|sum| f64::from(sum).sqrt()).collect())
    }

    /// Holds the norm of all gradients together to `most`; `norms` are those of [`Self::norms`].
    ///
    /// # Reference
    /// `torch.nn.utils.clip_grad_norm_`.
    #[must_use]
    pub fn with_norm(self, norms: &[f64], most: f64) -> Self {
        let norm = norms.iter().map(|norm| norm * norm).sum::<f64>().sqrt();
        let factor = most / (norm + 1e-6);
        if factor < 1.0 {
            return self.scaled(factor);
        }
        self
    }

    /// Holds every value between `-most` and `most`.
    ///
    /// # Reference
    /// `torch.nn.utils.clip_grad_value_`.
    #[must_use]
    pub fn with_values(self, most: f64) -> Self {
        self.map(|gradient| gradient.clamp(-most, most))
    }

    /// Returns the name of the first weight whose gradient is not finite.
    #[must_use]
    pub fn first_not_finite(&self, model: &Model) -> Option<String> {
        let names = super::names(model).into_iter();
        let mut named = names.filter_map(|(name, id)| {
            let (_, gradient) = self.0.iter().find(|(own, _)| *own == id)?;
            Some((name, gradient.clone()))
        });
        let found = named.find(|(_, gradient)| {
            let values = gradient.clone().into_data().try_to_vec::<f32>();
            !values.is_ok_and(|values| values.iter().all(|value| value.is_finite()))
        });
        found.map(|(name, _)| name)
    }

    /// Returns the gradients by the names of their weights.
    #[must_use]
    pub fn by_name(&self, model: &Model) -> BTreeMap<String, Tensor<1>> {
        let gradients: HashMap<_, _> = self.0.iter().map(|(id, gradient)| (id, gradient)).collect();
        let names = super::names(model).into_iter();
        let named = names.filter_map(|(name, id)| Some((name, (*gradients.get(&id)?).clone())));
        named.collect()
    }

    pub(super) fn into_flat(self) -> HashMap<ParamId, Tensor<1>> {
        self.0.into_iter().collect()
    }
}

struct Collect {
    gradients: tensor::Gradients,
    found: Vec<(ParamId, Tensor<1>)>,
}

impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        // A tensor without gradients cannot be asked for them.
        if !param.is_require_grad() {
            return;
        }
        if let Some(gradient) = param.val().grad_remove(&mut self.gradients) {
            self.found.push((param.id, gradient.reshape([-1])));
        }
    }
}

#[cfg(feature = "remote")]
struct CollectGathered {
    gradients: burn::optim::GradientsParams,
    found: Vec<(ParamId, Tensor<1>)>,
}

#[cfg(feature = "remote")]
impl ModuleVisitor for CollectGathered {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            self.found.push((param.id, gradient.reshape([-1])));
        }
    }
}
