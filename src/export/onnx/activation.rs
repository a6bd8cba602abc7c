//! The activation functions.

use super::Writer;
use crate::config::Function;
use crate::diagnostic::Result;
use crate::onnx::Attribute;

impl Writer<'_> {
    /// Writes a function; `slope` names the weight of `prelu`.
    pub(super) fn activated(
        &mut self,
        name: &str,
        function: Option<Function>,
        input: String,
        slope: &str,
    ) -> Result<String> {
        let alpha = |alpha: f64| vec![("alpha", Attribute::Float(alpha))];
        let along = || vec![("axis", Attribute::Int(1))];
        let (op, attributes) = match function.unwrap_or(Function::Linear) {
            Function::Linear => return Ok(input),
            Function::Relu => (("Relu", 14), vec![]),
            Function::Relu6 => {
                let limits = [0.0, 6.0]
                    .map(|limit| self.graph.floats(&format!("{name}/limit"), &[], &[limit]));
                return Ok(self.graph.node(
                    ("Clip", 13),
                    name,
                    &[&input, &limits[0], &limits[1]],
                    &[],
                ));
            }
            Function::LeakyRelu { slope } => (("LeakyRelu", 16), alpha(slope)),
            Function::Prelu { .. } => {
                let slope = self.given(slope)?;
                return Ok(self.graph.node(("PRelu", 16), name, &[&input, &slope], &[]));
            }
            Function::Elu => (("Elu", 6), alpha(1.0)),
            // With a factor of 1 they are the same; ONNX Runtime has the one in 32 bits alone.
            Function::Celu if self.graph.is_half() => (("Elu", 6), alpha(1.0)),
            Function::Celu => (("Celu", 12), alpha(1.0)),
            Function::Selu => (("Selu", 6), vec![]),
            Function::Gelu => (("Gelu", 20), vec![]),
            Function::Silu => {
                let gate = self.graph.node(("Sigmoid", 13), name, &[&input], &[]);
                return Ok(self.graph.node(("Mul", 14), name, &[&input, &gate], &[]));
            }
            Function::Mish => (("Mish", 18), vec![]),
            Function::Softplus => (("Softplus", 1), vec![]),
            Function::Softsign => (("Softsign", 1), vec![]),
            Function::Sigmoid => (("Sigmoid", 13), vec![]),
            Function::HardSigmoid => {
                let slope = [
                    ("alpha", Attribute::Float(1.0 / 6.0)),
                    ("beta", Attribute::Float(0.5)),
                ];
                (("HardSigmoid", 6), slope.to_vec())
            }
            Function::HardSwish => (("HardSwish", 14), vec![]),
            Function::Tanh => (("Tanh", 13), vec![]),
            Function::ScaledTanh => {
                let inner = self
                    .graph
                    .floats(&format!("{name}/slope"), &[], &[2.0 / 3.0]);
                let outer = self.graph.floats(&format!("{name}/height"), &[], &[1.7159]);
                let scaled = self.graph.node(("Mul", 14), name, &[&input, &inner], &[]);
                let curve = self.graph.node(("Tanh", 13), name, &[&scaled], &[]);
                return Ok(self.graph.node(("Mul", 14), name, &[&curve, &outer], &[]));
            }
            Function::Softmax => (("Softmax", 13), along()),
            Function::LogSoftmax => (("LogSoftmax", 13), along()),
        };
        Ok(self.graph.node(op, name, &[&input], &attributes))
    }
}
