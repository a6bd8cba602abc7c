//! The memory of an inference: which outputs must be there at the same time.

use std::collections::HashMap;

use super::{Layer, Operation, Plan};
use crate::shape;

/// An output that must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The layer that made it, by its path; nothing for the network's input.
    pub path: Option<String>,
    /// Its values for one input.
    pub values: u64,
}

/// A value between layers: the output of one, or the network's input.
#[derive(Clone)]
struct Value {
    /// One more than [`Layer::index`]; 0 for the network's input.
    id: usize,
    part: Part,
}

/// Walks the network in the order of computation.
struct Walk {
    /// What branches and skips still need, the innermost last.
    held: Vec<Value>,
    /// What merges still need.
    kept: Vec<Value>,
    /// The last merge that takes the output of a layer, both by index.
    last_use: HashMap<usize, usize>,
    peak: Vec<Part>,
    most: u64,
}

/// Returns the outputs that are there when most memory is taken: those of two consecutive layers,
/// and what a branch or skip still needs. Nothing on overflow.
pub(super) fn peak(plan: &Plan) -> Option<Vec<Part>> {
    let mut last_use = HashMap::new();
    for layer in plan.every() {
        if let Operation::Merge(merge) = &layer.operation {
            last_use.extend(merge.from.iter().map(|from| (*from, layer.index)));
        }
    }
    let mut walk = Walk {
        held: Vec::new(),
        kept: Vec::new(),
        last_use,
        peak: Vec::new(),
        most: 0,
    };
    let input = Value {
        id: 0,
        part: Part {
            path: None,
            values: shape::elements(&plan.input)?,
        },
    };
    walk.list(&plan.layers, input)?;
    Some(walk.peak)
}

impl Walk {
    fn list(&mut self, layers: &[Layer], input: Value) -> Option<Value> {
        layers
            .iter()
            .try_fold(input, |value, layer| self.layer(layer, value))
    }

    fn layer(&mut self, layer: &Layer, input: Value) -> Option<Value> {
        let output = Value {
            id: layer.index + 1,
            part: Part {
                path: Some(layer.path.clone()),
                values: shape::elements(&layer.output)?,
            },
        };
        match &layer.operation {
            Operation::Residual(residual) => {
                self.held.push(input.clone());
                let body = self.list(&residual.layers, input.clone())?;
                self.held.pop();
                self.held.push(body.clone());
                let skip = self.list(&residual.shortcut, input)?;
                self.held.pop();
                self.step(&[&body, &skip, &output])?;
            }
            Operation::Branches(branches) => {
                let depth = self.held.len();
                let mut ends = Vec::new();
                for (number, list) in branches.branches.iter().enumerate() {
                    let more = number + 1 < branches.branches.len();
                    if more {
                        self.held.push(input.clone());
                    }
                    let end = self.list(list, input.clone())?;
                    if more {
                        self.held.pop();
                    }
                    self.held.push(end.clone());
                    ends.push(end);
                }
                self.held.truncate(depth);
                let mut values: Vec<&Value> = ends.iter().collect();
                values.push(&output);
                self.step(&values)?;
            }
            Operation::Merge(_) => {
                // What it takes is held until now.
                self.step(&[&input, &output])?;
                let done: Vec<usize> = self
                    .last_use
                    .iter()
                    .filter(|(_, last)| **last == layer.index)
                    .map(|(from, _)| from + 1)
                    .collect();
                self.kept.retain(|value| !done.contains(&value.id));
            }
            _ => self.step(&[&input, &output])?,
        }
        if self.last_use.contains_key(&layer.index) {
            self.kept.push(output.clone());
        }
        Some(output)
    }

    /// Looks at one moment: the values of a layer and all that is held.
    fn step(&mut self, values: &[&Value]) -> Option<()> {
        let mut here: Vec<&Value> = Vec::new();
        let held = self.held.iter().chain(&self.kept);
        // The textbook counts layers; the input of the network only where a skip needs it.
        let own = values.iter().copied().filter(|value| value.id != 0);
        for value in own.chain(held) {
            if here.iter().all(|known| known.id != value.id) {
                here.push(value);
            }
        }
        let sizes = here.iter().map(|value| value.part.values);
        let sum = sizes.into_iter().try_fold(0_u64, u64::checked_add)?;
        if sum > self.most {
            self.most = sum;
            self.peak = here.iter().map(|value| value.part.clone()).collect();
        }
        Some(())
    }
}
