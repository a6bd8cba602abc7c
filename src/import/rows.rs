//! In which order the values of rows stand here and in Keras, which has channels last.

use std::collections::HashMap;

use super::keras::LayerType;
use crate::config::{Function, Join};
use crate::plan::{Layer, Norm, Operation, Over, Plan};

/// A row as the shapes `[channels, …]` that were flattened to it, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row(Vec<Vec<usize>>);

impl Row {
    /// A row of maps; those of a single value or a single channel have one order alone.
    fn of(shape: &[usize]) -> Self {
        let channels = shape.first().copied().unwrap_or(1);
        let values: usize = shape.iter().product();
        Self(vec![if channels == 1 || channels == values {
            vec![values]
        } else {
            shape.to_vec()
        }])
    }

    fn is_plain(&self) -> bool {
        self.0.iter().all(|shape| shape.len() < 2)
    }

    /// Returns whether the values of both stand in the same order.
    fn is_as(&self, other: &Self) -> bool {
        self == other || (self.is_plain() && other.is_plain())
    }

    /// Returns for every value here its place in Keras; nothing where that is the same.
    pub(super) fn places(&self) -> Option<Vec<usize>> {
        if self.is_plain() {
            return None;
        }
        let mut places = Vec::new();
        for shape in &self.0 {
            let begin = places.len();
            let channels = shape.first().copied().unwrap_or(1);
            let positions: usize = shape.iter().skip(1).product();
            for channel in 0..channels {
                places.extend((0..positions).map(|at| begin + at * channels + channel));
            }
        }
        Some(places)
    }
}

/// A layer of the network that can have weights.
#[derive(Clone, Debug)]
pub(super) struct Own {
    /// What the names of its weights begin with.
    pub(super) name: String,
    /// What the user calls it.
    pub(super) called: Option<String>,
    pub(super) kind: LayerType,
    /// The one right before it, by its number among [`Network::layers`].
    pub(super) before: Option<usize>,
    /// The layers that it stands within, and in which of their lists.
    within: Vec<(usize, usize)>,
    /// The row that arrives, or that a normalization works on.
    pub(super) input: Row,
    /// The row that a dense layer makes.
    pub(super) output: Row,
}

impl Own {
    /// Returns whether two stand side by side, so that neither comes before the other.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        let both = self.within.iter().zip(&other.within);
        both.into_iter().any(|(a, b)| a.0 == b.0 && a.1 != b.1)
    }
}

/// The layers of a network in their order.
#[derive(Default)]
pub(super) struct Network {
    pub(super) layers: Vec<Own>,
    /// The first layer whose values no order of weights brings into the order of Keras.
    pub(super) foreign: Option<String>,
    /// Rows behind layers, by [`Layer::index`].
    kept: HashMap<usize, Row>,
    within: Vec<(usize, usize)>,
    /// The last layer, unless several have come together since.
    last: Option<usize>,
    /// The layers that made a row, from a dense one on, while its order can still be put upon them.
    open: Option<Vec<usize>>,
}

impl Network {
    pub(super) fn new(plan: &Plan) -> Self {
        let mut network = Self::default();
        network.list(&plan.layers, "", Row::of(&plan.input));
        network
    }

    /// Walks through a list; returns the row that leaves it.
    fn list(&mut self, layers: &[Layer], prefix: &str, arriving: Row) -> Row {
        let mut row = arriving;
        for (position, layer) in layers.iter().enumerate() {
            let name = layer.name.clone();
            let name = name.unwrap_or_else(|| position.to_string());
            row = self.layer(layer, &format!("{prefix}{name}"), row);
            self.kept.insert(layer.index, row.clone());
        }
        row
    }

    fn layer(&mut self, layer: &Layer, name: &str, row: Row) -> Row {
        let is_row = layer.input.len() == 1;
        let on_row = if is_row { row.clone() } else { Row::default() };
        let none = Row::default;
        let mut opened = None;
        match &layer.operation {
            Operation::Conv(_) => self.add(layer, name, LayerType::Conv, none()),
            Operation::TransposedConv(_) => self.add(layer, name, LayerType::Transposed, none()),
            Operation::SeparableConv(_) => {
                let [first, second] =
                    ["depthwise", "pointwise"].map(|half| format!("{name}.{half}"));
                self.add(layer, &first, LayerType::OfChannels, none());
                self.add(layer, &second, LayerType::AcrossChannels, none());
            }
            Operation::Dense(_) => {
                self.open = Some(Vec::new());
                opened = Some(self.layers.len());
                self.add(layer, name, LayerType::Dense, on_row);
            }
            Operation::Norm(norm) => {
                opened = (is_row && !takes_parts(norm)).then_some(self.layers.len());
                self.add(layer, name, kind_of(norm, layer), on_row);
            }
            Operation::Activation(Function::Prelu { .. }) => {
                self.add(layer, name, LayerType::Prelu, none());
            }
            _ => {}
        }
        let after = self.after(layer, name, row);
        if let Some(open) = &mut self.open {
            open.extend(opened);
        }
        if layer.is_kept {
            // A later merge takes the row as it is.
            self.open = None;
        }
        // The slope that stands within another layer; most have none.
        self.add(
            layer,
            &format!("{name}.activation"),
            LayerType::Prelu,
            none(),
        );
        after
    }

    fn add(&mut self, layer: &Layer, name: &str, kind: LayerType, input: Row) {
        self.layers.push(Own {
            name: name.to_owned(),
            called: layer.name.clone(),
            kind,
            before: self.last,
            within: self.within.clone(),
            input,
            output: Row::default(),
        });
        self.last = Some(self.layers.len() - 1);
    }

    /// Returns the row that leaves a layer.
    fn after(&mut self, layer: &Layer, name: &str, row: Row) -> Row {
        let is_row = layer.input.len() == 1;
        match &layer.operation {
            Operation::Dense(_) => Row::of(&layer.output),
            Operation::Norm(norm) if is_row && takes_parts(norm) => {
                self.of_one_order(layer, &row);
                row
            }
            Operation::Activation(_)
            | Operation::Dropout(_)
            | Operation::Noise(_)
            | Operation::Norm(_) => row,
            Operation::Flatten if is_row => row,
            Operation::Flatten => Row::of(&layer.input),
            Operation::Reshape(shape) => self.reshape(layer, shape, row),
            Operation::Merge(merge) => {
                let others = merge.from.iter().filter_map(|from| self.kept.get(from));
                let rows = std::iter::once(&row).chain(others).cloned().collect();
                self.joined(layer, rows, merge.join)
            }
            Operation::Residual(_) => self.container(layer, name, &row, Join::Add),
            Operation::Branches(branches) => self.container(layer, name, &row, branches.join),
            _ => {
                if is_row {
                    self.of_one_order(layer, &row);
                }
                self.open = None;
                Row::of(&layer.output)
            }
        }
    }

    /// Takes a row in its own order alone.
    fn of_one_order(&mut self, layer: &Layer, row: &Row) {
        self.open = None;
        if !row.is_plain() {
            self.is_foreign(layer);
        }
    }

    fn is_foreign(&mut self, layer: &Layer) {
        self.foreign.get_or_insert_with(|| layer.path.clone());
    }

    /// Returns what several rows make together.
    fn joined(&mut self, layer: &Layer, rows: Vec<Row>, join: Join) -> Row {
        self.open = None;
        self.last = None;
        if layer.output.len() > 1 {
            return Row::of(&layer.output);
        }
        if join == Join::Concat {
            return Row(rows.into_iter().flat_map(|row| row.0).collect());
        }
        let mut rows = rows.into_iter();
        let first = rows.next().unwrap_or_default();
        if rows.any(|row| !row.is_as(&first)) {
            self.is_foreign(layer);
        }
        first
    }

    fn reshape(&mut self, layer: &Layer, shape: &[usize], row: Row) -> Row {
        let before = match layer.input.len() {
            1 => row,
            _ => Row::of(&layer.input),
        };
        let after = match shape.len() {
            1 => before.clone(),
            _ => Row::of(shape),
        };
        let open = self.open.take();
        if let Some(open) = open.filter(|_| before.is_plain() && !after.is_plain()) {
            for at in open {
                if let Some(own) = self.layers.get_mut(at) {
                    own.output = after.clone();
                }
            }
        } else if !before.is_as(&after) {
            self.is_foreign(layer);
        }
        after
    }

    fn container(&mut self, layer: &Layer, name: &str, arriving: &Row, join: Join) -> Row {
        let mut rows = Vec::new();
        let last = self.last;
        for (number, (list, layers)) in layer.operation.named_lists().into_iter().enumerate() {
            self.open = None;
            self.last = last;
            self.within.push((layer.index, number));
            rows.push(self.list(layers, &format!("{name}.{list}."), arriving.clone()));
            self.within.pop();
        }
        self.joined(layer, rows, join)
    }
}

/// Returns whether it depends on which values stand beside each other.
fn takes_parts(norm: &Norm) -> bool {
    matches!(norm.over, Over::Groups(groups) if groups > 1)
}

fn kind_of(norm: &Norm, layer: &Layer) -> LayerType {
    match norm.over {
        Over::Batch { .. } => LayerType::BatchNorm,
        Over::Groups(_) if layer.type_name == "layer_norm" => LayerType::LayerNorm,
        Over::Groups(_) => LayerType::GroupNorm,
    }
}
