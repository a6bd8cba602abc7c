//! What training makes small: on the device with gradients, and on the host for figures.

mod host;

use burn::tensor::{Int, Tensor, TensorData, activation};

use crate::config;
use crate::dataset::Targets;
use crate::kernels::{self, Shares};

/// A loss with the weights of its classes.
#[derive(Clone, Debug)]
pub struct Loss {
    settings: config::Loss,
    /// How much each class counts; all the same if there is none.
    class_weights: Option<Vec<f32>>,
}

impl Loss {
    /// Makes the loss of a config; classes without a weight in `class_weights` count as much as
    /// each other.
    #[must_use]
    pub fn new(settings: &config::Loss, class_weights: Option<Vec<f32>>) -> Self {
        Self {
            settings: settings.clone(),
            class_weights,
        }
    }

    /// Makes the loss that a network is measured with: without what only helps to train, class
    /// weights and label smoothing.
    #[must_use]
    pub fn of_measurement(settings: &config::Loss) -> Self {
        let mut settings = settings.clone();
        match &mut settings {
            config::Loss::CrossEntropy {
                label_smoothing,
                class_weights,
            } => {
                *label_smoothing = 0.0;
                *class_weights = config::ClassWeights::Equal;
            }
            config::Loss::Focal { class_weights, .. } => {
                *class_weights = config::ClassWeights::Equal;
            }
            _ => {}
        }
        Self {
            settings,
            class_weights: None,
        }
    }

    /// Tells whether it gives the same figure as another for the same answers.
    #[must_use]
    pub fn measures_like(&self, other: &Self) -> bool {
        self.settings == other.settings && self.class_weights == other.class_weights
    }

    /// Returns what a network learns with it.
    #[must_use]
    pub fn task(&self) -> config::Task {
        self.settings.task()
    }

    /// Computes the loss of a batch of `outputs` `[batch, outputs]`: a mean over
    /// [`Loss::weight`].
    ///
    /// # Reference
    /// `torch.nn.functional.cross_entropy`, `binary_cross_entropy_with_logits`, `mse_loss`,
    /// `l1_loss`, `huber_loss`; Lin et al. 2017, "Focal loss for dense object detection", eq. 5.
    #[must_use]
    pub fn of(&self, outputs: Tensor<2>, targets: &Targets) -> Tensor<1> {
        let has_kernels = kernels::compute_on(&outputs.device());
        match (&self.settings, targets) {
            (config::Loss::CrossEntropy { .. }, _) if has_kernels => {
                let shares = self.kernel_shares(targets, outputs.dims());
                kernels::cross_entropy(outputs, shares)
            }
            (
                config::Loss::CrossEntropy {
                    label_smoothing, ..
                },
                Targets::Classes(labels),
            ) if *label_smoothing == 0.0 && self.class_weights.is_none() => {
                cross_entropy(outputs, labels)
            }
            (config::Loss::CrossEntropy { .. }, _) => {
                let shares = self.shares(targets, &outputs);
                (activation::log_softmax(outputs, 1) * shares).sum().neg()
            }
            (config::Loss::Focal { gamma, .. }, _) => {
                let shares = self.shares(targets, &outputs);
                let logs = activation::log_softmax(outputs, 1);
                // The slope of a root at 0 is no number.
                let missing = (logs.clone().exp().neg() + 1.0).clamp_min(1e-8);
                (missing.powf_scalar(*gamma) * logs * shares).sum().neg()
            }
            (config::Loss::BinaryCrossEntropy, Targets::Values { values, .. }) if has_kernels => {
                kernels::binary_cross_entropy(outputs, values.clone())
            }
            (config::Loss::BinaryCrossEntropy, _) => {
                let targets = numbers(targets, &outputs);
                let beyond = outputs.clone().abs().neg().exp().log1p();
                // Not `clamp_min`, whose slope at 0 is not the 1/2 that makes the whole sigmoid − target.
                let above = (outputs.clone() + outputs.clone().abs()) * 0.5;
                (above - outputs * targets + beyond).mean()
            }
            (config::Loss::Mse, _) => (outputs.clone() - numbers(targets, &outputs))
                .square()
                .mean(),
            (config::Loss::Mae, _) => (outputs.clone() - numbers(targets, &outputs)).abs().mean(),
            (config::Loss::Huber { delta }, _) => {
                let distance = (outputs.clone() - numbers(targets, &outputs)).abs();
                let near = distance.clone().clamp_max(*delta);
                let far = distance - near.clone();
                (near.square() * 0.5 + far * *delta).mean()
            }
        }
    }

    /// Returns what the mean of a batch is over: its samples, or the sum of their weights.
    #[must_use]
    pub fn weight(&self, targets: &Targets) -> f64 {
        match (&self.class_weights, targets) {
            (Some(_), Targets::Classes(labels)) => {
                let weights = labels
                    .iter()
                    .map(|label| self.class_weight(*label as usize));
                weights.sum()
            }
            _ => targets.len() as f64,
        }
    }

    fn class_weight(&self, class: usize) -> f64 {
        let weights = self.class_weights.as_ref();
        weights.map_or(1.0, |weights| {
            weights.get(class).copied().map_or(1.0, f64::from)
        })
    }

    fn smoothing(&self) -> f64 {
        match self.settings {
            config::Loss::CrossEntropy {
                label_smoothing, ..
            } => label_smoothing,
            _ => 0.0,
        }
    }

    /// Returns how much the logarithm of each class's probability counts, over all samples 1 if
    /// all weights are.
    fn shares(&self, targets: &Targets, outputs: &Tensor<2>) -> Tensor<2> {
        let dims = outputs.dims();
        let data = TensorData::new(self.each_share(targets, dims), dims);
        Tensor::from_data(data, &outputs.device())
    }

    /// Returns the same for the kernels.
    fn kernel_shares(&self, targets: &Targets, dims: [usize; 2]) -> Shares {
        match targets {
            Targets::Classes(labels) if self.smoothing() == 0.0 => {
                let whole = self.weight(targets).max(f64::MIN_POSITIVE);
                let own = labels.iter().map(|label| {
                    let class = *label as usize;
                    (class, (self.class_weight(class) / whole) as f32)
                });
                Shares::Own(own.collect())
            }
            _ => Shares::Each(self.each_share(targets, dims)),
        }
    }

    fn each_share(&self, targets: &Targets, [samples, classes]: [usize; 2]) -> Vec<f32> {
        let whole = self.weight(targets).max(f64::MIN_POSITIVE);
        let mut shares = Vec::with_capacity(samples * classes);
        for sample in 0..samples {
            for class in 0..classes {
                let share = self.share(targets, sample, class, classes);
                shares.push((share / whole) as f32);
            }
        }
        shares
    }

    /// Returns how much the logarithm of one probability counts. As in PyTorch, the part of a
    /// label that smoothing spreads has the weights of the classes it goes to.
    fn share(&self, targets: &Targets, sample: usize, class: usize, classes: usize) -> f64 {
        let smoothing = self.smoothing();
        let own = match targets {
            Targets::Classes(labels) => {
                let is_own = labels
                    .get(sample)
                    .is_some_and(|label| *label as usize == class);
                f64::from(u8::from(is_own))
            }
            Targets::Values { width, values } => {
                let share = values.get(sample * width + class);
                share.copied().map_or(0.0, f64::from)
            }
        };
        self.class_weight(class) * (own * (1.0 - smoothing) + smoothing / classes as f64)
    }
}

/// Returns the mean cross-entropy of `logits` `[batch, classes]` with the classes of `labels`.
///
/// # Reference
/// `torch.nn.functional.cross_entropy`.
#[must_use]
pub fn cross_entropy(logits: Tensor<2>, labels: &[u32]) -> Tensor<1> {
    let labels: Vec<i64> = labels.iter().map(|label| i64::from(*label)).collect();
    let count = labels.len();
    let labels = Tensor::<1, Int>::from_data(TensorData::new(labels, [count]), &logits.device());
    let logs = activation::log_softmax(logits, 1);
    logs.gather(1, labels.unsqueeze_dim(1)).mean().neg()
}

/// Returns targets in the shape of the outputs; classes are no numbers and count as zeros.
fn numbers(targets: &Targets, outputs: &Tensor<2>) -> Tensor<2> {
    match targets {
        Targets::Values { values, .. } => {
            let data = TensorData::new(values.clone(), outputs.dims());
            Tensor::from_data(data, &outputs.device())
        }
        Targets::Classes(_) => outputs.zeros_like(),
    }
}
