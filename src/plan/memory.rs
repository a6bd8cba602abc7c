//! The memory of an inference: which outputs must be there at the same time.

use std::collections::{HashMap, HashSet};

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
#[derive(Clone, Copy)]
struct Value<'a> {
    /// One more than [`Layer::index`]; 0 for the network's input.
    id: usize,
    path: Option<&'a str>,
    values: u64,
}

/// Walks the network in the order of computation.
struct Walk<'a> {
    /// What branches and skips still need, the innermost last.
    held: Vec<Value<'a>>,
    /// What merges still need, by the value's id.
    kept: HashMap<usize, Value<'a>>,
    /// How often a value is held or kept.
    needed: HashMap<usize, usize>,
    /// Values of all that is held or kept, each counted once.
    needed_values: u64,
    /// The last merge that takes the output of a layer, both by index.
    last_use: HashMap<usize, usize>,
    /// The moments so far.
    moments: usize,
    most: u64,
    /// The first moment with the most values.
    fullest: usize,
    /// The moment to write down, when it is known.
    wanted: Option<usize>,
    peak: Vec<Part>,
}

/// Returns the last merge that takes the output of a layer, both by [`Layer::index`].
pub(super) fn last_uses(plan: &Plan) -> HashMap<usize, usize> {
    let mut last_use = HashMap::new();
    for layer in plan.every() {
        if let Operation::Merge(merge) = &layer.operation {
            last_use.extend(merge.from.iter().map(|from| (*from, layer.index)));
        }
    }
    last_use
}

/// Returns the outputs that are there when most memory is taken: those of two consecutive layers,
/// and what a branch or skip still needs. Nothing on overflow.
pub(super) fn peak(plan: &Plan) -> Option<Vec<Part>> {
    let last_use = last_uses(plan);
    // Once to find the fullest moment, once to write it down: what is there can be long.
    let first = Walk::of(plan, last_use, None)?;
    let second = Walk::of(plan, first.last_use, Some(first.fullest))?;
    Some(second.peak)
}

impl<'a> Walk<'a> {
    fn of(
        plan: &'a Plan,
        last_use: HashMap<usize, usize>,
        wanted: Option<usize>,
    ) -> Option<Walk<'a>> {
        let mut walk = Walk {
            held: Vec::new(),
            kept: HashMap::new(),
            needed: HashMap::new(),
            needed_values: 0,
            last_use,
            moments: 0,
            most: 0,
            fullest: 0,
            wanted,
            peak: Vec::new(),
        };
        let input = Value {
            id: 0,
            path: None,
            values: shape::elements(&plan.input)?,
        };
        walk.list(&plan.layers, input)?;
        Some(walk)
    }

    fn list(&mut self, layers: &'a [Layer], input: Value<'a>) -> Option<Value<'a>> {
        layers
            .iter()
            .try_fold(input, |value, layer| self.layer(layer, value))
    }

    fn layer(&mut self, layer: &'a Layer, input: Value<'a>) -> Option<Value<'a>> {
        let output = Value {
            id: layer.index + 1,
            path: Some(&layer.path),
            values: shape::elements(&layer.output)?,
        };
        match &layer.operation {
            Operation::Residual(residual) => {
                self.hold(input)?;
                let body = self.list(&residual.layers, input)?;
                self.release();
                self.hold(body)?;
                let skip = self.list(&residual.shortcut, input)?;
                self.release();
                self.moment(&[body, skip, output])?;
            }
            Operation::Branches(branches) => {
                let mut ends = Vec::new();
                for (number, list) in branches.branches.iter().enumerate() {
                    let more = number + 1 < branches.branches.len();
                    if more {
                        self.hold(input)?;
                    }
                    let end = self.list(list, input)?;
                    if more {
                        self.release();
                    }
                    self.hold(end)?;
                    ends.push(end);
                }
                for _ in &ends {
                    self.release();
                }
                ends.push(output);
                self.moment(&ends)?;
            }
            Operation::Merge(merge) => {
                // What it takes is kept until now.
                self.moment(&[input, output])?;
                for from in &merge.from {
                    let last = self.last_use.get(from) == Some(&layer.index);
                    if let Some(value) = last.then(|| self.kept.remove(&(from + 1))).flatten() {
                        self.forget(value);
                    }
                }
            }
            _ => self.moment(&[input, output])?,
        }
        if self.last_use.contains_key(&layer.index) {
            self.kept.insert(output.id, output);
            self.need(output)?;
        }
        Some(output)
    }

    fn hold(&mut self, value: Value<'a>) -> Option<()> {
        self.held.push(value);
        self.need(value)
    }

    fn release(&mut self) {
        if let Some(value) = self.held.pop() {
            self.forget(value);
        }
    }

    fn need(&mut self, value: Value<'a>) -> Option<()> {
        let uses = self.needed.entry(value.id).or_default();
        *uses += 1;
        if *uses == 1 {
            self.needed_values = self.needed_values.checked_add(value.values)?;
        }
        Some(())
    }

    fn forget(&mut self, value: Value<'a>) {
        if let Some(uses) = self.needed.get_mut(&value.id) {
            *uses -= 1;
            if *uses == 0 {
                self.needed.remove(&value.id);
                self.needed_values -= value.values;
            }
        }
    }

    /// Looks at one moment: the values of a layer and all that is needed later.
    fn moment(&mut self, values: &[Value<'a>]) -> Option<()> {
        let mut sum = self.needed_values;
        for (position, value) in values.iter().enumerate() {
            let known = values[..position].iter().any(|other| other.id == value.id);
            // The textbook counts layers; the input of the network only where a skip needs it.
            if value.id != 0 && !known && !self.needed.contains_key(&value.id) {
                sum = sum.checked_add(value.values)?;
            }
        }
        self.moments += 1;
        if sum > self.most {
            self.most = sum;
            self.fullest = self.moments;
        }
        if self.wanted == Some(self.moments) {
            let mut seen = HashSet::new();
            let own = values.iter().copied().filter(|value| value.id != 0);
            let mut kept: Vec<Value<'_>> = self.kept.values().copied().collect();
            kept.sort_by_key(|value| value.id);
            let here = own.chain(self.held.iter().copied()).chain(kept);
            let here = here.filter(|value| seen.insert(value.id));
            self.peak = here
                .map(|value| Part {
                    path: value.path.map(str::to_owned),
                    values: value.values,
                })
                .collect();
        }
        Some(())
    }
}
