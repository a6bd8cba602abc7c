//! First values of weights, made on the host so that every device starts from the same.

use std::collections::HashMap;

use burn::module::{Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};

use super::rules::{Rule, Rules};
use super::weight::Weight;
use crate::config::{Fan, Initializer, Weights};
use crate::random::{Purpose, Random};

/// Hands out parameters in order, each with a number of its own.
pub(super) struct Builder<'a> {
    /// Nothing where values are zeros, as others will take their place.
    seed: Option<u64>,
    device: &'a Device,
    next: u64,
    rules: HashMap<ParamId, Rule>,
    kernels: HashMap<ParamId, usize>,
    rate_factors: HashMap<ParamId, f64>,
    /// Factor on the learning rate of what is made now.
    pub(super) rate_factor: Option<f64>,
    /// Whether what is made now is not trained, whatever its own settings say.
    pub(super) is_frozen: bool,
}

/// A weight to be made.
pub(super) struct Shape<'a> {
    /// Lengths.
    pub(super) sizes: &'a [usize],
    /// Inputs and outputs that one value is connected with.
    pub(super) fans: [usize; 2],
    /// The dimension that numbers filters or units.
    pub(super) filters: usize,
    /// Which input maps each filter reads, if not all of them; the other weights stay 0.
    pub(super) connections: Option<&'a [Vec<usize>]>,
}

impl Shape<'_> {
    /// Sets the weights to 0 that are not connected.
    fn disconnect(&self, values: &mut [f32]) {
        let (Some(connections), [_, maps, ..]) = (self.connections, self.sizes) else {
            return;
        };
        let taps: usize = self.sizes.iter().skip(2).product();
        for (index, weights) in values.chunks_mut(taps).enumerate() {
            let connected = connections.get(index / maps);
            if !connected.is_some_and(|connected| connected.contains(&(index % maps))) {
                weights.fill(0.0);
            }
        }
    }
}

impl<'a> Builder<'a> {
    pub(super) fn new(seed: Option<u64>, device: &'a Device) -> Self {
        Self {
            seed,
            device,
            next: 0,
            rules: HashMap::new(),
            kernels: HashMap::new(),
            rate_factors: HashMap::new(),
            rate_factor: None,
            is_frozen: false,
        }
    }

    /// Returns the rules of all weights made.
    pub(super) fn into_rules(self) -> Rules {
        Rules::new(self.rules, self.kernels, self.rate_factors)
    }

    /// Returns the number of the next parameter: the same in every process, so that the state
    /// of an optimizer finds its weights again.
    pub(super) fn id(&mut self) -> ParamId {
        self.next += 1;
        let id = ParamId::from(self.next);
        if let Some(factor) = self.rate_factor {
            self.rate_factors.insert(id, factor);
        }
        id
    }

    /// Makes a weight with its first values, or with those given.
    pub(super) fn weight(
        &mut self,
        shape: &Shape<'_>,
        settings: &Weights,
        given: Option<Vec<f32>>,
    ) -> Weight {
        let id = self.id();
        if let Some(rule) = Rule::new(settings, shape.filters) {
            self.rules.insert(id, rule);
        }
        self.kernels.insert(id, shape.filters);
        let mut values = given.unwrap_or_else(|| self.first(id, shape, settings.initializer));
        shape.disconnect(&mut values);
        self.of_rank(id, values, shape.sizes, settings.trainable)
    }

    fn first(&self, id: ParamId, shape: &Shape<'_>, initializer: Initializer) -> Vec<f32> {
        match self.seed {
            Some(seed) => {
                let random = Random::new(Purpose::Weights, &[seed, id.val()]);
                first_values(shape, initializer, random)
            }
            None => vec![0.0; shape.sizes.iter().product()],
        }
    }

    fn of_rank(&self, id: ParamId, values: Vec<f32>, sizes: &[usize], trained: bool) -> Weight {
        match sizes.len() {
            1 => Weight::Rank1(self.param(id, values, sizes, trained)),
            2 => Weight::Rank2(self.param(id, values, sizes, trained)),
            3 => Weight::Rank3(self.param(id, values, sizes, trained)),
            4 => Weight::Rank4(self.param(id, values, sizes, trained)),
            _ => Weight::Rank5(self.param(id, values, sizes, trained)),
        }
    }

    /// Makes the bias of a layer.
    pub(super) fn bias(&mut self, length: usize, settings: &Weights) -> Param<Tensor<1>> {
        let id = self.id();
        let shape = Shape {
            sizes: &[length],
            fans: [length, length],
            filters: 0,
            connections: None,
        };
        let values = self.first(id, &shape, settings.bias_initializer);
        self.param(id, values, &[length], settings.trainable)
    }

    /// Makes a weight of one value throughout.
    pub(super) fn constant(
        &mut self,
        length: usize,
        value: f64,
        trained: bool,
    ) -> Param<Tensor<1>> {
        let id = self.id();
        self.param(id, vec![value as f32; length], &[length], trained)
    }

    /// Makes a weight of one value throughout, of any shape.
    pub(super) fn constant_weight(&mut self, sizes: &[usize], value: f64) -> Weight {
        let id = self.id();
        let values = vec![value as f32; sizes.iter().product()];
        self.of_rank(id, values, sizes, true)
    }

    fn param<const D: usize>(
        &self,
        id: ParamId,
        values: Vec<f32>,
        sizes: &[usize],
        trained: bool,
    ) -> Param<Tensor<D>> {
        let tensor = Tensor::from_data(TensorData::new(values, sizes.to_vec()), self.device);
        // Gradients only where the device can tell them.
        let tensor = if trained && !self.is_frozen && self.device.is_autodiff() {
            tensor.require_grad()
        } else {
            tensor
        };
        Param::initialized(id, tensor)
    }

    /// Makes a tensor that is not trained.
    pub(super) fn buffer(&self, length: usize, value: f32) -> Tensor<1> {
        Tensor::from_data(TensorData::new(vec![value; length], [length]), self.device)
    }
}

/// Draws the first values of a weight.
///
/// # Reference
/// Glorot & Bengio 2010, eq. 16; He et al. 2015, eq. 10; `LeCun` et al. 1998, "Efficient `BackProp`",
/// eq. 16; `torch.nn.init`, whose normal forms are not truncated either.
fn first_values(shape: &Shape<'_>, initializer: Initializer, mut random: Random) -> Vec<f32> {
    let count = shape.sizes.iter().product();
    let mut draw = |one: &mut dyn FnMut(&mut Random) -> f64| -> Vec<f32> {
        (0..count).map(|_| one(&mut random) as f32).collect()
    };
    match initializer {
        Initializer::Constant(value) => vec![value as f32; count],
        Initializer::Uniform { min, max } => draw(&mut |random| min + random.unit() * (max - min)),
        Initializer::Normal { mean, std } => draw(&mut |random| mean + random.normal() * std),
        Initializer::TruncatedNormal { mean, std } => draw(&mut |random| {
            let mut value = random.normal();
            while value.abs() > 2.0 {
                value = random.normal();
            }
            mean + value * std
        }),
        Initializer::ScaledUniform(fan) => {
            let bound = (3.0 * variance(fan, shape.fans)).sqrt();
            draw(&mut |random| (random.unit() * 2.0 - 1.0) * bound)
        }
        Initializer::ScaledNormal(fan) => {
            let std = variance(fan, shape.fans).sqrt();
            draw(&mut |random| random.normal() * std)
        }
        Initializer::Orthogonal { gain } => orthogonal(shape, gain, &mut random),
    }
}

fn variance(fan: Fan, [inputs, outputs]: [usize; 2]) -> f64 {
    match fan {
        Fan::Average => 2.0 / (inputs + outputs).max(1) as f64,
        Fan::InputsForRelu => 2.0 / inputs.max(1) as f64,
        Fan::Inputs => 1.0 / inputs.max(1) as f64,
    }
}

/// Makes filters at right angles to each other, or, where there are more filters than values in
/// one, values at right angles across the filters.
///
/// # Reference
/// Saxe et al. 2013; `torch.nn.init.orthogonal_`.
fn orthogonal(shape: &Shape<'_>, gain: f64, random: &mut Random) -> Vec<f32> {
    let filters = shape.sizes.get(shape.filters).copied().unwrap_or(1);
    let count: usize = shape.sizes.iter().product();
    let length = count / filters.max(1);
    let (rows, columns) = (filters.min(length), filters.max(length));
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(rows);
    while basis.len() < rows {
        let mut row: Vec<f64> = (0..columns).map(|_| random.normal()).collect();
        // Twice, because once leaves rounding errors of the size of what was taken away.
        for _ in 0..2 {
            for other in &basis {
                let along: f64 = row.iter().zip(other).map(|(a, b)| a * b).sum();
                row.iter_mut().zip(other).for_each(|(a, b)| *a -= along * b);
            }
        }
        let norm = row.iter().map(|value| value * value).sum::<f64>().sqrt();
        if norm > 1e-6 {
            basis.push(row.iter().map(|value| value / norm).collect());
        }
    }
    let at = |filter: usize, value: usize| {
        let (row, column) = if filters <= length {
            (filter, value)
        } else {
            (value, filter)
        };
        (basis[row][column] * gain) as f32
    };
    // Sizes before and after the dimension of the filters.
    let after: usize = shape.sizes.iter().skip(shape.filters + 1).product();
    (0..count)
        .map(|index| {
            let (outer, inner) = (index / (after * filters), index % after);
            at(index / after % filters, outer * after + inner)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(sizes: &[usize], fans: [usize; 2], initializer: Initializer) -> Vec<f32> {
        let shape = Shape {
            sizes,
            fans,
            filters: 0,
            connections: None,
        };
        first_values(&shape, initializer, Random::new(Purpose::Weights, &[3, 1]))
    }

    #[track_caller]
    fn check(initializer: Initializer, mean: f64, std: f64, most: f64) {
        let values = draw(&[200, 500], [500, 200], initializer);
        let count = values.len() as f64;
        let found = values.iter().map(|v| f64::from(*v)).sum::<f64>() / count;
        let square = values
            .iter()
            .map(|v| (f64::from(*v) - found).powi(2))
            .sum::<f64>()
            / count;
        assert!(
            (found - mean).abs() < 0.02 * std.max(1e-9) + 1e-9,
            "mean {found}"
        );
        assert!(
            (square.sqrt() - std).abs() < 0.01 * std + 1e-9,
            "std {}",
            square.sqrt()
        );
        let largest = values
            .iter()
            .map(|v| (f64::from(*v) - mean).abs())
            .fold(0.0, f64::max);
        assert!(largest <= most, "{largest}");
    }

    #[test]
    fn mean_deviation_and_bounds_are_the_papers() {
        let far = f64::INFINITY;
        check(Initializer::Constant(0.5), 0.5, 0.0, 0.0);
        let (min, max) = (-0.1, 0.3);
        check(
            Initializer::Uniform { min, max },
            0.1,
            0.4 / 12_f64.sqrt(),
            0.2001,
        );
        check(
            Initializer::Normal {
                mean: 1.0,
                std: 0.2,
            },
            1.0,
            0.2,
            far,
        );
        // The deviation of a normal distribution cut at two deviations.
        let cut = 0.879_625_66;
        check(
            Initializer::TruncatedNormal {
                mean: 0.0,
                std: 1.0,
            },
            0.0,
            cut,
            2.0,
        );
        let glorot = (2.0 / 700_f64).sqrt();
        check(
            Initializer::ScaledUniform(Fan::Average),
            0.0,
            glorot,
            (6.0 / 700_f64).sqrt(),
        );
        check(Initializer::ScaledNormal(Fan::Average), 0.0, glorot, far);
        let he = (2.0 / 500_f64).sqrt();
        check(
            Initializer::ScaledUniform(Fan::InputsForRelu),
            0.0,
            he,
            (6.0 / 500_f64).sqrt(),
        );
        check(Initializer::ScaledNormal(Fan::InputsForRelu), 0.0, he, far);
        let lecun = (1.0 / 500_f64).sqrt();
        check(
            Initializer::ScaledUniform(Fan::Inputs),
            0.0,
            lecun,
            (3.0 / 500_f64).sqrt(),
        );
        check(Initializer::ScaledNormal(Fan::Inputs), 0.0, lecun, far);
    }

    #[test]
    fn orthogonal_filters_stand_at_right_angles() {
        for (sizes, filters) in [([4, 3, 2], 0), ([3, 7, 1], 1), ([9, 2, 2], 0)] {
            let shape = Shape {
                sizes: &sizes,
                fans: [1, 1],
                filters,
                connections: None,
            };
            let random = Random::new(Purpose::Weights, &[1]);
            let values = first_values(&shape, Initializer::Orthogonal { gain: 2.0 }, random);
            let count = sizes[filters];
            let after: usize = sizes[filters + 1..].iter().product();
            let of = |filter: usize| -> Vec<f32> {
                let own = |(index, _): &(usize, &f32)| index / after % count == filter;
                values
                    .iter()
                    .enumerate()
                    .filter(own)
                    .map(|(_, value)| *value)
                    .collect()
            };
            let length = values.len() / count;
            for a in 0..count {
                for b in 0..count {
                    let product: f32 = of(a).iter().zip(of(b)).map(|(x, y)| x * y).sum();
                    if a != b && count <= length {
                        assert!(product.abs() < 1e-5, "{a} {b}: {product}");
                    }
                    if a == b && count <= length {
                        assert!((product - 4.0).abs() < 1e-5, "{a}: {product}");
                    }
                }
            }
        }
    }
}
