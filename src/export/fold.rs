//! Normalizations by running statistics, made a part of the layer before them.

use super::network::Network;
use crate::config::Function;
use crate::diagnostic::Result;
use crate::model::NamedWeight;
use crate::plan::{Layer, Operation, Over};

/// What normalization does to each channel: `x · factor + offset`.
struct Affine {
    factors: Vec<f64>,
    offsets: Vec<f64>,
}

impl Network {
    /// Folds every batch normalization that follows a convolution or a dense layer into it. Its place is then taken by an
    /// identity, so that all others stay where they are.
    ///
    /// # Errors
    /// When a weight is missing.
    pub(super) fn fold(&mut self) -> Result<()> {
        let mut layers = std::mem::take(&mut self.plan.layers);
        let folded = self.fold_list(&mut layers, "");
        self.plan.layers = layers;
        folded
    }

    fn fold_list(&mut self, layers: &mut [Layer], prefix: &str) -> Result<()> {
        for index in 1..layers.len() {
            let (before, rest) = layers.split_at_mut(index);
            let (Some(first), Some(norm)) = (before.last_mut(), rest.first_mut()) else {
                continue;
            };
            self.fold_pair(first, norm, prefix)?;
        }
        for layer in layers {
            let prefix = format!("{prefix}{}.", layer.key());
            match &mut layer.operation {
                Operation::Residual(residual) => {
                    self.fold_list(&mut residual.layers, &format!("{prefix}layers."))?;
                    self.fold_list(&mut residual.shortcut, &format!("{prefix}shortcut."))?;
                }
                Operation::Branches(branches) => {
                    for (number, list) in branches.branches.iter_mut().enumerate() {
                        self.fold_list(list, &format!("{prefix}branches.{number}."))?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn fold_pair(&mut self, first: &mut Layer, norm: &mut Layer, prefix: &str) -> Result<()> {
        let Operation::Norm(settings) = &norm.operation else {
            return Ok(());
        };
        if !matches!(settings.over, Over::Batch { .. }) || first.is_kept {
            return Ok(());
        }
        let Some((part, outputs)) = folds_into(&mut first.operation) else {
            return Ok(());
        };
        let name = format!("{prefix}{}.", norm.key());
        let affine = self.affine(&name, settings.epsilon, settings.affine)?;
        let name = format!("{prefix}{}.{part}", first.key());
        let mut weight = self.take(&format!("{name}weight"))?;
        let number = affine.factors.len();
        let width: usize = match outputs {
            Outputs::First => weight.values.len() / number.max(1),
            Outputs::Last => 1,
        };
        for (index, value) in weight.values.iter_mut().enumerate() {
            *value = (f64::from(*value) * affine.factors[index / width % number]) as f32;
        }
        let bias = format!("{name}bias");
        let old = self.weights.remove(&bias);
        let old = old.map_or_else(|| vec![0.0; number], |bias| bias.values);
        let values = old.iter().zip(&affine.factors).zip(&affine.offsets);
        let values =
            values.map(|((old, factor), offset)| (f64::from(*old) * factor + offset) as f32);
        let bias = NamedWeight {
            name: bias,
            shape: vec![number],
            values: values.collect(),
        };
        for weight in [weight, bias] {
            self.weights.insert(weight.name.clone(), weight);
        }
        norm.operation = Operation::Activation(Function::Linear);
        Ok(())
    }

    /// Takes out the weights of a normalization.
    fn affine(&mut self, name: &str, epsilon: f64, is_learned: bool) -> Result<Affine> {
        let mean = self.take(&format!("{name}running_mean"))?.values;
        let variance = self.take(&format!("{name}running_var"))?.values;
        let [weight, bias] = if is_learned {
            let weight = self.take(&format!("{name}weight"))?.values;
            [weight, self.take(&format!("{name}bias"))?.values]
        } else {
            [vec![1.0; mean.len()], vec![0.0; mean.len()]]
        };
        let factors = weight.iter().zip(&variance);
        let factors: Vec<f64> = factors
            .map(|(weight, variance)| f64::from(*weight) / (f64::from(*variance) + epsilon).sqrt())
            .collect();
        let offsets = factors.iter().zip(&mean).zip(&bias);
        let offsets = offsets
            .map(|((factor, mean), bias)| f64::from(*bias) - f64::from(*mean) * factor)
            .collect();
        Ok(Affine { factors, offsets })
    }
}

/// Which dimension of a weight numbers the outputs.
#[derive(Clone, Copy)]
enum Outputs {
    First,
    Last,
}

/// Gives a layer a bias, if a normalization behind it can become a part of it; returns what the names of the weights begin
/// with that it then changes.
fn folds_into(operation: &mut Operation) -> Option<(&'static str, Outputs)> {
    match operation {
        Operation::Conv(conv) if conv.activation.is_none() => {
            conv.bias = true;
            Some(("", Outputs::First))
        }
        Operation::SeparableConv(conv) if conv.activation.is_none() => {
            conv.pointwise.bias = true;
            Some(("pointwise.", Outputs::First))
        }
        Operation::Dense(dense) if dense.activation.is_none() => {
            dense.bias = true;
            Some(("", Outputs::Last))
        }
        _ => None,
    }
}
