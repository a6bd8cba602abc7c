//! `residual`, `branches` and `merge`: the computation.

use burn::module::Module;
use burn::tensor::Tensor;

use super::Value;
use super::activation::Activation;
use super::compile::{Compiler, Wire};
use super::initialize::Builder;
use super::sequence::{Flow, Sequence};
use crate::config::Join;
use crate::diagnostic::Result;
use crate::kernels::program;
use crate::plan;

/// The sum of what its layers make of the input and what the shortcut does.
///
/// # Reference
/// He et al. 2015, "Deep residual learning for image recognition", eq. 1 and 2.
#[derive(Module, Debug)]
pub(super) struct Residual {
    layers: Sequence,
    shortcut: Sequence,
    activation: Activation,
}

impl Residual {
    pub(super) fn new(plan: &plan::Residual, builder: &mut Builder<'_>) -> Self {
        Self {
            layers: Sequence::new(&plan.layers, builder),
            shortcut: Sequence::new(&plan.shortcut, builder),
            activation: Activation::new(plan.activation, true, builder),
        }
    }

    pub(super) fn forward(&self, value: Value, flow: &mut Flow<'_>) -> Value {
        let value = value.settled();
        let body = self.layers.forward(value.clone(), flow);
        let skip = self.shortcut.forward(value, flow);
        self.activation.apply(joined(vec![body, skip], Join::Add))
    }

    /// Returns whether a layer in it takes outputs of earlier ones.
    pub(super) fn merges(&self) -> bool {
        self.layers.merges() || self.shortcut.merges()
    }

    /// Writes it as stages of a program.
    ///
    /// # Errors
    /// When weights cannot be read from the device.
    pub(super) fn compile(&self, input: &Wire, compiler: &mut Compiler) -> Result<Wire> {
        compiler.close();
        // The way around first, so that the last convolution of the other can add it; but a
        // `merge` on it may take what the other computes.
        let [first, second] = if self.shortcut.merges() {
            [&self.layers, &self.shortcut]
        } else {
            [&self.shortcut, &self.layers]
        };
        let first = first.compile(input.clone(), compiler)?;
        let second = second.compile(input.clone(), compiler)?;
        let sum = compiler.add(second, first);
        Ok(self.activation.compiled(sum, compiler))
    }
}

/// Lists of layers side by side, their outputs made one.
///
/// # Reference
/// Szegedy et al. 2015, "Going deeper with convolutions", figure 2.
#[derive(Module, Debug)]
pub(super) struct Branches {
    branches: Vec<Sequence>,
    #[module(skip)]
    join: Join,
}

impl Branches {
    pub(super) fn new(plan: &plan::Branches, builder: &mut Builder<'_>) -> Self {
        let branches = plan.branches.iter();
        Self {
            branches: branches
                .map(|layers| Sequence::new(layers, builder))
                .collect(),
            join: plan.join,
        }
    }

    pub(super) fn forward(&self, value: Value, flow: &mut Flow<'_>) -> Value {
        let Some((last, others)) = self.branches.split_last() else {
            return value;
        };
        let value = value.settled();
        let others = others.iter();
        let ends = others.map(|branch| branch.forward(value.clone(), flow));
        let mut ends: Vec<Value> = ends.collect();
        ends.push(last.forward(value, flow));
        joined(ends, self.join)
    }

    /// Returns whether a layer in them takes outputs of earlier ones.
    pub(super) fn merges(&self) -> bool {
        self.branches.iter().any(Sequence::merges)
    }

    /// Writes them as stages of a program.
    ///
    /// # Errors
    /// When weights cannot be read from the device.
    pub(super) fn compile(&self, input: &Wire, compiler: &mut Compiler) -> Result<Wire> {
        compiler.close();
        let mut ends = Vec::new();
        for branch in &self.branches {
            ends.push(branch.compile(input.clone(), compiler)?);
            compiler.close();
        }
        Ok(compile_joined(ends, self.join, compiler))
    }
}

/// The value and outputs of earlier layers, made one.
#[derive(Module, Debug)]
pub(super) struct Merge {
    #[module(skip)]
    from: Vec<usize>,
    #[module(skip)]
    join: Join,
}

impl Merge {
    pub(super) fn new(plan: &plan::Merge) -> Self {
        Self {
            from: plan.from.clone(),
            join: plan.join,
        }
    }

    pub(super) fn forward(&self, value: Value, flow: &mut Flow<'_>) -> Value {
        let mut values = vec![value];
        values.extend(self.from.iter().map(|from| match flow.kept.get(from) {
            Some(value) => value.clone(),
            None => unreachable!("the plan merges what has run"),
        }));
        joined(values, self.join)
    }

    /// Writes it as stages of a program.
    pub(super) fn compile(&self, input: &Wire, compiler: &mut Compiler) -> Wire {
        let mut ends = vec![input.clone()];
        ends.extend(self.from.iter().map(|from| match compiler.kept.get(from) {
            Some(wire) => wire.clone(),
            None => unreachable!("the plan merges what has run"),
        }));
        compile_joined(ends, self.join, compiler)
    }
}

/// Writes the joint of several values as stages of a program.
fn compile_joined(ends: Vec<Wire>, join: Join, compiler: &mut Compiler) -> Wire {
    if join == Join::Concat {
        return compiler.concat(ends);
    }
    let ends: Vec<Wire> = ends.into_iter().map(|wire| compiler.lined(wire)).collect();
    let positions = |wire: &Wire| compiler.rows(wire).positions;
    let most = ends.iter().map(positions).max().unwrap_or(1);
    let (maps, rows): (Vec<Wire>, Vec<Wire>) =
        ends.into_iter().partition(|wire| positions(wire) == most);
    let joined = maps.into_iter().reduce(|one, other| match join {
        Join::Multiply => compiler.join(one, other, program::Join::Multiply),
        Join::Add | Join::Concat => compiler.add(one, other),
    });
    let joined = joined.unwrap_or_else(|| unreachable!("the plan joins one value at least"));
    // A row has one factor for each map.
    let each = program::Join::MultiplyMaps;
    rows.into_iter()
        .fold(joined, |maps, row| compiler.join(maps, row, each))
}

/// Makes several values one.
fn joined(values: Vec<Value>, join: Join) -> Value {
    let is_packed = |value: &Value| matches!(value, Value::Packed(_));
    let values = if join == Join::Add && values.iter().all(is_packed) {
        values
    } else {
        values.into_iter().map(Value::plain).collect()
    };
    match join {
        Join::Concat => concat(values),
        Join::Add => fold(
            values,
            |a, b| a + b,
            |a, b| a + b,
            |a, b| a + b,
            |a, b| a + b,
        ),
        Join::Multiply => fold(
            on_one_rank(values),
            |a, b| a * b,
            |a, b| a * b,
            |a, b| a * b,
            |a, b| a * b,
        ),
    }
}

fn fold(
    values: Vec<Value>,
    rows: fn(Tensor<2>, Tensor<2>) -> Tensor<2>,
    signals: fn(Tensor<3>, Tensor<3>) -> Tensor<3>,
    maps: fn(Tensor<4>, Tensor<4>) -> Tensor<4>,
    volumes: fn(Tensor<5>, Tensor<5>) -> Tensor<5>,
) -> Value {
    let joined = values.into_iter().reduce(|a, b| match (a, b) {
        (Value::Row(a), Value::Row(b)) => Value::Row(rows(a, b)),
        (Value::Signal(a), Value::Signal(b)) => Value::Signal(signals(a, b)),
        (Value::Maps(a), Value::Maps(b)) => Value::Maps(maps(a, b)),
        (Value::Volume(a), Value::Volume(b)) => Value::Volume(volumes(a, b)),
        (Value::Packed(a), Value::Packed(b)) => Value::Packed(Box::new(a.add(*b))),
        _ => unreachable!("the plan joins values of one rank"),
    });
    joined.unwrap_or_else(|| unreachable!("the plan joins one value at least"))
}

/// Brings rows of factors to the rank of the maps they scale.
fn on_one_rank(values: Vec<Value>) -> Vec<Value> {
    let rank = values.iter().map(|value| value.shape().len()).max();
    let lift = |value: Value| match (value, rank) {
        (Value::Row(row), Some(rank)) if rank > 2 => {
            let channels = row.dims()[1];
            let shape = [vec![channels], vec![1; rank - 2]].concat();
            Value::Row(row).reshaped(&shape)
        }
        (value, _) => value,
    };
    values.into_iter().map(lift).collect()
}

fn concat(values: Vec<Value>) -> Value {
    let (mut rows, mut signals, mut maps, mut volumes) = (vec![], vec![], vec![], vec![]);
    for value in values {
        match value {
            Value::Row(tensor) => rows.push(tensor),
            Value::Signal(tensor) => signals.push(tensor),
            Value::Maps(tensor) => maps.push(tensor),
            Value::Volume(tensor) => volumes.push(tensor),
            Value::Packed(_) => unreachable!("values are joined in Burn's order"),
        }
    }
    if !rows.is_empty() {
        return Value::Row(Tensor::cat(rows, 1));
    }
    if !signals.is_empty() {
        return Value::Signal(Tensor::cat(signals, 1));
    }
    if !maps.is_empty() {
        return Value::Maps(Tensor::cat(maps, 1));
    }
    Value::Volume(Tensor::cat(volumes, 1))
}
