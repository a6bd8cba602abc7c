//! The normalizations.

use super::{Wire, Writer};
use crate::config;
use crate::diagnostic::Result;
use crate::onnx::Attribute;
use crate::plan::{Norm, Over};

impl Writer<'_> {
    /// Writes `BatchNormalization`, `LayerNormalization`, `InstanceNormalization` or `GroupNormalization`.
    pub(super) fn norm(&mut self, name: &str, norm: &Norm, input: &Wire) -> Result<String> {
        let [scale, bias] = self.factors(name, norm)?;
        let epsilon = ("epsilon", Attribute::Float(norm.epsilon));
        let inputs = [input.name.as_str(), &scale, &bias];
        match norm.over {
            Over::Batch { momentum } => {
                let mean = self.given(&format!("{name}.running_mean"))?;
                let variance = self.given(&format!("{name}.running_var"))?;
                let [x, scale, bias] = inputs;
                // ONNX gives the share that is kept.
                let momentum = ("momentum", Attribute::Float(1.0 - momentum));
                let inputs = [x, scale, bias, &mean, &variance];
                Ok(self.graph.node(
                    ("BatchNormalization", 15),
                    name,
                    &inputs,
                    &[epsilon, momentum],
                ))
            }
            Over::Groups(1) if norm.shape == input.shape => {
                let axis = ("axis", Attribute::Int(1));
                Ok(self
                    .graph
                    .node(("LayerNormalization", 17), name, &inputs, &[axis, epsilon]))
            }
            Over::Groups(groups) if groups == input.shape[0] && input.shape.len() > 1 => Ok(self
                .graph
                .node(("InstanceNormalization", 6), name, &inputs, &[epsilon])),
            Over::Groups(groups) => {
                let groups = ("num_groups", Attribute::Int(groups as i64));
                Ok(self.graph.node(
                    ("GroupNormalization", 21),
                    name,
                    &inputs,
                    &[groups, epsilon],
                ))
            }
        }
    }

    /// Writes factors and offsets, which ONNX asks for where a layer has none too.
    fn factors(&mut self, name: &str, norm: &Norm) -> Result<[String; 2]> {
        let [weight, bias] = ["weight", "bias"].map(|part| format!("{name}.{part}"));
        if norm.affine {
            return Ok([self.given(&weight)?, self.given(&bias)?]);
        }
        let values = norm.shape.iter().product();
        Ok([
            self.graph.floats(&weight, &norm.shape, &vec![1.0; values]),
            self.graph.floats(&bias, &norm.shape, &vec![0.0; values]),
        ])
    }

    /// Writes `LRN`, which ONNX Runtime has for maps alone, and for an odd number of channels alone; for an even one
    /// the sum over the neighbours is a 1x1 convolution of the squares.
    pub(super) fn local_response_norm(
        &mut self,
        name: &str,
        norm: config::LocalResponseNorm,
        input: &Wire,
    ) -> String {
        let share = norm.alpha / norm.size as f64;
        if norm.size % 2 == 1 {
            let attributes = [
                ("size", Attribute::Int(norm.size as i64)),
                ("alpha", Attribute::Float(norm.alpha)),
                ("beta", Attribute::Float(norm.beta)),
                ("bias", Attribute::Float(norm.k)),
            ];
            let channels = input.shape[0];
            let maps = match input.shape[1..] {
                [_, _] => input.name.clone(),
                [length] => self.reshaped(name, &input.name, &[channels, 1, length]),
                _ => {
                    let rest = input.shape[2..].iter().product();
                    self.reshaped(name, &input.name, &[channels, input.shape[1], rest])
                }
            };
            let output = self.graph.node(("LRN", 13), name, &[&maps], &attributes);
            return match input.shape.len() {
                3 => output,
                _ => self.reshaped(name, &output, &input.shape),
            };
        }
        let channels = input.shape[0];
        let (before, after) = (norm.size / 2, (norm.size - 1) / 2);
        let mut band = vec![0.0; channels * channels];
        for (index, weight) in band.iter_mut().enumerate() {
            let (to, from) = (index / channels, index % channels);
            if from + before >= to && from <= to + after {
                *weight = share as f32;
            }
        }
        let shape = [vec![channels, channels], vec![1; input.shape.len() - 1]].concat();
        let band = self
            .graph
            .floats(&format!("{name}/neighbours"), &shape, &band);
        let k = self.graph.floats(
            &format!("{name}/k"),
            &[channels],
            &vec![norm.k as f32; channels],
        );
        let beta = self
            .graph
            .floats(&format!("{name}/beta"), &[], &[norm.beta as f32]);
        let squares = self
            .graph
            .node(("Mul", 14), name, &[&input.name, &input.name], &[]);
        let strength = self
            .graph
            .node(("Conv", 11), name, &[&squares, &band, &k], &[]);
        let divisor = self.graph.node(("Pow", 15), name, &[&strength, &beta], &[]);
        self.graph
            .node(("Div", 14), name, &[&input.name, &divisor], &[])
    }
}
