//! The graph of a file: its constants, and what its nodes make of its input.

use std::collections::HashMap;

use super::constant::Constant;
use super::item::{Draft, Entry, Facts, Id, Item, Joining, check_shape};
use super::nodes;
use crate::config::Join;
use crate::onnx::{self, Node, data_type};

/// The most nodes that are read: more than those of the deepest published networks.
const MAX_NODES: usize = 5_000;

/// The oldest set of operators that is read: before it, many worked otherwise.
const LEAST_OPSET: i64 = 9;

/// How many times over the numbers of a file are held at most, where nodes share them.
const MOST_SHARES: usize = 4;
/// Numbers that are held in any case.
const LEAST_HELD: usize = 1 << 22;

/// What a name stands for.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Constant(Constant),
    /// What becomes of the input.
    Flowing(Id),
}

/// What is done to values that flow.
#[derive(Clone, Debug)]
pub(super) enum Work {
    Items(Vec<Item>),
    Join(Joining),
}

/// An operation on values that flow.
#[derive(Clone, Debug)]
pub(super) struct Op {
    pub(super) work: Work,
    pub(super) inputs: Vec<Id>,
    pub(super) output: Id,
    pub(super) node: String,
}

/// A graph whose constants are known.
#[derive(Debug)]
pub(super) struct Graph {
    /// The shape of one sample of the input.
    pub(super) input: Vec<usize>,
    pub(super) ops: Vec<Op>,
    /// Shapes of samples.
    pub(super) shapes: Vec<Vec<usize>>,
    /// What comes out, and what else does.
    pub(super) output: Id,
    pub(super) other_outputs: Vec<String>,
    pub(super) facts: Facts,
    /// Whether it takes bytes as they are.
    pub(super) takes_bytes: bool,
    values: HashMap<String, Value>,
    /// Constants that cannot be read, and why.
    unread: HashMap<String, String>,
    /// The length of the batch, if it is fixed.
    pub(super) batch: Option<i64>,
    /// How many more numbers may be held.
    left: usize,
    opset: i64,
    /// Inputs of joints, so that equal beginnings are found.
    concats: Vec<(Vec<Id>, Id)>,
}

/// A node under translation.
pub(super) struct Context<'a> {
    pub(super) node: &'a Node,
    pub(super) graph: &'a Graph,
    pub(super) opset: i64,
}

impl Graph {
    /// Reads a graph.
    ///
    /// # Errors
    /// The reason why it cannot become layers, which names the node.
    pub(super) fn new(model: onnx::Model, facts: Facts) -> Result<Self, String> {
        let opset = model
            .opset_import
            .iter()
            .find(|set| matches!(set.domain.as_str(), "" | "ai.onnx"));
        let opset = opset.map_or(1, |set| set.version);
        let proto = model.graph.unwrap_or_default();
        if proto.node.len() > MAX_NODES {
            return Err(format!(
                "it has {} nodes; {MAX_NODES} are read at most",
                proto.node.len()
            ));
        }
        let (mut values, unread) = constants(&proto.initializer);
        let mut inputs = proto
            .input
            .iter()
            .filter(|input| !values.contains_key(&input.name) && !unread.contains_key(&input.name));
        let input = inputs.next().ok_or("it takes no input")?;
        if let Some(other) = inputs.next() {
            return Err(format!(
                "it takes two inputs, `{}` and `{}`",
                input.name, other.name
            ));
        }
        if opset < LEAST_OPSET {
            return Err(format!(
                "its operators are those of set {opset}; {LEAST_OPSET} and later are read"
            ));
        }
        let (shape, kind, batch) = sample_of(input)?;
        check_shape(&shape)?;
        let numbers: usize = values.values().map(Value::len).sum();
        values.insert(input.name.clone(), Value::Flowing(0));
        let mut graph = Self {
            input: shape.clone(),
            ops: Vec::new(),
            shapes: vec![shape],
            output: 0,
            other_outputs: Vec::new(),
            facts,
            takes_bytes: kind == data_type::UINT8,
            values,
            unread,
            batch,
            left: MOST_SHARES * numbers + LEAST_HELD,
            opset,
            concats: Vec::new(),
        };
        if graph.input.len() == 1 {
            graph.as_row();
        }
        for node in &proto.node {
            graph.add(node).map_err(|reason| describe(node, &reason))?;
        }
        let mut outputs = proto.output.iter();
        let output = outputs.next().ok_or("it has no output")?;
        graph.other_outputs = outputs.map(|output| output.name.clone()).collect();
        graph.output = match graph.values.get(&output.name) {
            Some(Value::Flowing(id)) => *id,
            _ => {
                return Err(format!(
                    "its output `{}` does not depend on the input",
                    output.name
                ));
            }
        };
        Ok(graph)
    }

    /// Makes maps of one column of an input of rows, which the language has not, and rows of them at once.
    fn as_row(&mut self) {
        let row = self.input.clone();
        self.input.push(1);
        self.shapes[0].clone_from(&self.input);
        let id = self.push(vec![0], Work::Items(vec![Item::Flatten]), row, "the input");
        for value in self.values.values_mut() {
            if let Value::Flowing(own) = value {
                *own = id;
            }
        }
    }

    fn add(&mut self, node: &Node) -> Result<(), String> {
        if !matches!(node.domain.as_str(), "" | "ai.onnx") {
            return Err(format!(
                "no layer here does what it does (of `{}`)",
                node.domain
            ));
        }
        let mut inputs = node.input.iter();
        if let Some(reason) = inputs.find_map(|input| self.unread.get(input)) {
            return Err(reason.clone());
        }
        let output = node.output.first().cloned().unwrap_or_default();
        if self.values.contains_key(&output) {
            return Err(format!("`{output}` is made before it"));
        }
        if let Some(Value::Constant(constant)) =
            node.input.first().and_then(|name| self.values.get(name))
            && node.op_type != "Identity"
        {
            self.hold(constant.len())?;
        }
        let context = Context {
            node,
            graph: self,
            opset: self.opset,
        };
        let result = nodes::translate(&context)?;
        if let Translated::Items { from, items, .. } = &result {
            let channels = self.shapes[*from][0];
            self.hold(items.iter().map(|item| item.numbers(channels)).sum())?;
        }
        let value = match result {
            Translated::Constant(constant) => Value::Constant(constant),
            Translated::Same(id) => Value::Flowing(id),
            Translated::Items { from, items, shape } => {
                Value::Flowing(self.push(vec![from], Work::Items(items), shape, &called(node)))
            }
            Translated::Join { from, join, shape } => {
                Value::Flowing(self.join(from, join, shape, node))
            }
        };
        if let Value::Flowing(id) = value {
            let shape = &self.shapes[id];
            check_shape(shape)?;
        }
        self.values.insert(output, value);
        Ok(())
    }

    /// Counts numbers that are held.
    fn hold(&mut self, numbers: usize) -> Result<(), String> {
        let left = self.left.checked_sub(numbers);
        self.left = left.ok_or("its nodes share constants too often")?;
        Ok(())
    }

    fn push(&mut self, inputs: Vec<Id>, work: Work, shape: Vec<usize>, node: &str) -> Id {
        let output = self.shapes.len();
        self.shapes.push(shape);
        self.ops.push(Op {
            work,
            inputs,
            output,
            node: node.to_owned(),
        });
        output
    }

    fn join(&mut self, from: Vec<Id>, join: Joining, shape: Vec<usize>, node: &Node) -> Id {
        let mut from = from;
        let name = called(node);
        if join == Joining::Join(Join::Concat) {
            // What an earlier one has put together already, as the dense blocks of DenseNet do.
            let whole = from.clone();
            let longest = self
                .concats
                .iter()
                .filter(|(inputs, _)| from.starts_with(inputs));
            if let Some((_, output)) = self.concats.iter().find(|(inputs, _)| *inputs == whole) {
                return *output;
            }
            if let Some((inputs, output)) = longest.max_by_key(|(inputs, _)| inputs.len()) {
                from.splice(..inputs.len(), [*output]);
            }
            let id = self.push(from, Work::Join(join), shape, &name);
            self.concats.push((whole, id));
            return id;
        }
        if join == Joining::Join(Join::Multiply) {
            // Factors of channels are rows here.
            for input in &mut from {
                let own = self.shapes[*input].clone();
                let is_row = own.len() > 1 && own[1..].iter().all(|size| *size == 1);
                if is_row && own != shape {
                    *input = self.row_of(*input, own[0], &name);
                }
            }
        }
        self.push(from, Work::Join(join), shape, &name)
    }

    /// Returns maps of one value as a row: what they were made of, if that was one.
    fn row_of(&mut self, maps: Id, channels: usize, node: &str) -> Id {
        let maker = self.ops.iter().find(|op| op.output == maps);
        let row = maker.filter(
            |op| matches!(&op.work, Work::Items(items) if matches!(items[..], [Item::Reshape(_)])),
        );
        match row.and_then(|op| op.inputs.first()) {
            Some(row) if self.shapes[*row] == [channels] => *row,
            _ => self.push(
                vec![maps],
                Work::Items(vec![Item::Flatten]),
                vec![channels],
                node,
            ),
        }
    }

    /// Returns what a name stands for.
    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }
}

impl Value {
    fn len(&self) -> usize {
        match self {
            Self::Constant(constant) => constant.len(),
            Self::Flowing(_) => 0,
        }
    }
}

/// What a node becomes.
pub(super) enum Translated {
    Constant(Constant),
    /// What comes in.
    Same(Id),
    Items {
        from: Id,
        items: Vec<Item>,
        shape: Vec<usize>,
    },
    Join {
        from: Vec<Id>,
        join: Joining,
        shape: Vec<usize>,
    },
}

impl Translated {
    pub(super) fn layer(from: Id, layer: Draft, shape: Vec<usize>) -> Self {
        Self::Items {
            from,
            items: vec![Item::Layer(layer)],
            shape,
        }
    }
}

/// Returns constants by their names, and why others cannot be read: the node that takes one is what the user knows.
fn constants(tensors: &[onnx::Tensor]) -> (HashMap<String, Value>, HashMap<String, String>) {
    let (mut values, mut unread) = (HashMap::new(), HashMap::new());
    for tensor in tensors {
        let name = tensor.name.clone();
        match Constant::of(tensor) {
            Ok(constant) => drop(values.insert(name, Value::Constant(constant))),
            Err(reason) => drop(unread.insert(name, reason)),
        }
    }
    (values, unread)
}

/// Returns the shape of a sample of the input, its type, and the length of the batch if it is fixed.
fn sample_of(input: &onnx::ValueInfo) -> Result<(Vec<usize>, i32, Option<i64>), String> {
    let name = &input.name;
    let tensor = input.kind.as_ref().and_then(|kind| kind.tensor.as_ref());
    let tensor = tensor.ok_or_else(|| format!("its input `{name}` is no tensor"))?;
    let shape = tensor
        .shape
        .as_ref()
        .ok_or_else(|| format!("its input `{name}` has no shape"))?;
    let batch = shape.dim.first().and_then(|size| size.value);
    let sizes = shape.dim.iter().skip(1).map(|size| {
        let size = size.value.filter(|size| *size > 0)?;
        usize::try_from(size).ok()
    });
    let sizes: Option<Vec<usize>> = sizes.collect();
    let sizes = sizes.ok_or_else(|| {
        format!("the size of its input `{name}` is not fixed: export it with pictures of one size")
    })?;
    if sizes.is_empty() && shape.dim.len() == 1 {
        // A batch of single numbers.
        return Ok((vec![1], tensor.elem_type, batch));
    }
    if !(1..=4).contains(&sizes.len()) {
        return Err(format!(
            "its input `{name}` has {} dimensions",
            shape.dim.len()
        ));
    }
    Ok((sizes, tensor.elem_type, batch))
}

/// Returns what a node is called: its name, or else that of what it makes.
fn called(node: &Node) -> String {
    let name = if node.name.is_empty() {
        node.output.first()
    } else {
        Some(&node.name)
    };
    name.cloned().unwrap_or_default()
}

fn describe(node: &Node, reason: &str) -> String {
    format!("node `{}`, {}: {reason}", called(node), node.op_type)
}

impl Entry {
    pub(super) fn new(item: Item, op: &Op) -> Self {
        Self {
            item,
            node: op.node.clone(),
            output: op.output,
        }
    }
}
