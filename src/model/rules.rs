//! What holds weights: penalties in the loss, and constraints after each step.

use std::collections::HashMap;
use std::sync::Arc;

use burn::module::{ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;

use crate::config::{Constraint, Weights};

/// What is known of weights by their number.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    /// What holds the weights that anything holds.
    holds: HashMap<ParamId, Rule>,
    /// The weights of convolutions and dense layers, with the dimension that numbers filters or
    /// units.
    pub(super) kernels: Arc<HashMap<ParamId, usize>>,
    /// Factors on the learning rate of the weights that have one.
    pub(super) rate_factors: Arc<HashMap<ParamId, f64>>,
}

/// What holds one weight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    l1: f64,
    l2: f64,
    constraint: Option<Constraint>,
    /// The dimension that numbers filters or units.
    filters: usize,
}

impl Rule {
    /// Returns the rule of a layer's weights, if there is any.
    pub(super) fn new(settings: &Weights, filters: usize) -> Option<Self> {
        let penalized = settings.l1 > 0.0 || settings.l2 > 0.0;
        (penalized || settings.constraint.is_some()).then_some(Self {
            l1: settings.l1,
            l2: settings.l2,
            constraint: settings.constraint,
            filters,
        })
    }
}

impl Rules {
    pub(super) fn new(
        holds: HashMap<ParamId, Rule>,
        kernels: HashMap<ParamId, usize>,
        rate_factors: HashMap<ParamId, f64>,
    ) -> Self {
        Self {
            holds,
            kernels: Arc::new(kernels),
            rate_factors: Arc::new(rate_factors),
        }
    }

    /// Returns the rules with penalties on all kernels beside their own.
    pub(super) fn with_penalties(&self, l1: f64, l2: f64) -> Self {
        let mut holds = self.holds.clone();
        for (id, filters) in self.kernels.iter() {
            let rule = holds.entry(*id).or_insert(Rule {
                l1: 0.0,
                l2: 0.0,
                constraint: None,
                filters: *filters,
            });
            rule.l1 += l1;
            rule.l2 += l2;
        }
        Self {
            holds,
            kernels: Arc::clone(&self.kernels),
            rate_factors: Arc::clone(&self.rate_factors),
        }
    }

    pub(super) fn has_penalties(&self) -> bool {
        let mut rules = self.holds.values();
        rules.any(|rule| rule.l1 > 0.0 || rule.l2 > 0.0)
    }

    pub(super) fn has_constraints(&self) -> bool {
        let mut rules = self.holds.values();
        rules.any(|rule| rule.constraint.is_some())
    }

    /// Returns what holds a weight, if it is trained.
    fn of<const D: usize>(&self, param: &Param<Tensor<D>>) -> Option<Rule> {
        let rule = self.holds.get(&param.id).copied();
        rule.filter(|_| param.is_require_grad())
    }
}

/// Sums the penalties: `l1·Σ|w| + l2·Σw²` over the weights that have them.
///
/// # Reference
/// `keras.regularizers.L1`, `L2`.
pub(super) struct Penalties<'a> {
    pub(super) rules: &'a Rules,
    pub(super) sum: Option<Tensor<1>>,
}

impl Penalties<'_> {
    fn add(&mut self, penalty: Tensor<1>) {
        self.sum = Some(match self.sum.take() {
            Some(sum) => sum + penalty,
            None => penalty,
        });
    }
}

impl ModuleVisitor for Penalties<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(rule) = self.rules.of(param) else {
            return;
        };
        if rule.l1 > 0.0 {
            self.add(param.val().abs().sum() * rule.l1);
        }
        if rule.l2 > 0.0 {
            let weight = param.val();
            self.add((weight.clone() * weight).sum() * rule.l2);
        }
    }
}

/// Brings weights back to their constraints.
pub(super) struct Constrain<'a>(pub(super) &'a Rules);

impl ModuleMapper for Constrain<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let rule = self.0.of(&param);
        let Some((constraint, filters)) =
            rule.and_then(|rule| Some((rule.constraint?, rule.filters)))
        else {
            return param;
        };
        let (id, tensor, mapper) = param.consume();
        let tensor = constrained(tensor.inner(), constraint, filters);
        let tensor = Tensor::from_inner(tensor).require_grad();
        Param::from_mapped_value(id, tensor, mapper)
    }
}

/// # Reference
/// `keras.constraints.MaxNorm`, `UnitNorm`, `NonNeg`, over the weights of each filter or unit.
fn constrained<const D: usize>(
    weight: Tensor<D>,
    constraint: Constraint,
    filters: usize,
) -> Tensor<D> {
    const EPSILON: f64 = 1e-7;
    let norms = |weight: Tensor<D>| {
        let squares = weight.clone() * weight;
        let sum = (0..D)
            .filter(|dimension| *dimension != filters)
            .fold(squares, Tensor::sum_dim);
        sum.sqrt()
    };
    match constraint {
        Constraint::MaxNorm(most) => {
            let norms = norms(weight.clone());
            weight * (norms.clone().clamp_max(most) / (norms + EPSILON))
        }
        Constraint::UnitNorm => weight.clone() / (norms(weight) + EPSILON),
        Constraint::NonNegative => weight.clamp_min(0.0),
    }
}
