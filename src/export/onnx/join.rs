//! The layers that hold or join others.

use super::super::network::missing;
use super::{Wire, Writer};
use crate::config::Join;
use crate::diagnostic::Result;
use crate::onnx::Attribute;
use crate::plan;

impl Writer<'_> {
    pub(super) fn residual(
        &mut self,
        name: &str,
        residual: &plan::Residual,
        input: &Wire,
    ) -> Result<String> {
        let body = self.list(&format!("{name}.layers."), &residual.layers, input.clone())?;
        let skip = self.list(
            &format!("{name}.shortcut."),
            &residual.shortcut,
            input.clone(),
        )?;
        let sum = self
            .graph
            .node(("Add", 14), name, &[&body.name, &skip.name], &[]);
        self.activated(
            name,
            residual.activation,
            sum,
            &format!("{name}.activation.weight"),
        )
    }

    pub(super) fn branches(
        &mut self,
        name: &str,
        branches: &plan::Branches,
        input: &Wire,
    ) -> Result<String> {
        let mut ends = Vec::new();
        for (number, layers) in branches.branches.iter().enumerate() {
            ends.push(self.list(&format!("{name}.branches.{number}."), layers, input.clone())?);
        }
        Ok(self.joined(name, ends, branches.join))
    }

    pub(super) fn merge(&mut self, name: &str, merge: &plan::Merge, input: Wire) -> Result<String> {
        let mut ends = vec![input];
        for from in &merge.from {
            let kept = self.kept.get(from).ok_or_else(|| missing(*from))?;
            ends.push(kept.clone());
        }
        Ok(self.joined(name, ends, merge.join))
    }

    /// Writes `Concat`, `Add` or `Mul`; factors of channels get the dimensions of the maps that they scale.
    fn joined(&mut self, name: &str, ends: Vec<Wire>, join: Join) -> String {
        let op = match join {
            Join::Concat => {
                let names: Vec<&str> = ends.iter().map(|end| end.name.as_str()).collect();
                return self.graph.node(
                    ("Concat", 13),
                    name,
                    &names,
                    &[("axis", Attribute::Int(1))],
                );
            }
            Join::Add => "Add",
            Join::Multiply => "Mul",
        };
        let rank = ends.iter().map(|end| end.shape.len()).max().unwrap_or(1);
        let mut names = Vec::new();
        for end in ends {
            let lifted = [end.shape.clone(), vec![1; rank - end.shape.len()]].concat();
            names.push(if lifted == end.shape {
                end.name
            } else {
                self.reshaped(name, &end.name, &lifted)
            });
        }
        let joined = names
            .into_iter()
            .reduce(|a, b| self.graph.node((op, 14), name, &[&a, &b], &[]));
        joined.unwrap_or_default()
    }
}
