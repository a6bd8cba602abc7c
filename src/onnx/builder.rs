//! Writes graphs node by node.

use std::collections::HashSet;

use half::f16;
use prost::Message as _;
use prost::bytes::Bytes;

use super::proto::{
    AttributeProto, Dimension, Entry, Graph, Model, Node, OperatorSet, Shape, Tensor, TensorType,
    Type, ValueInfo, data_type,
};

/// The lowest set of operators that is written.
const LEAST_OPSET: i64 = 17;

/// The value of a node's setting.
#[derive(Clone, Debug)]
pub(crate) enum Attribute {
    /// A number.
    Float(f64),
    /// A whole number.
    Int(i64),
    /// Several.
    Ints(Vec<i64>),
    /// A word.
    Word(&'static str),
}

/// A graph under way.
///
/// A value is known by the name of the node that makes it.
#[derive(Debug)]
pub(crate) struct Builder {
    graph: Graph,
    names: HashSet<String>,
    opset: i64,
    /// Whether weights and what is computed have 16 bits.
    half: bool,
    /// The first number that 16 bits do not hold, and its name.
    beyond_half: Option<(String, f32)>,
}

impl Builder {
    /// Begins a graph.
    pub(crate) fn new(name: &str, half: bool) -> Self {
        let graph = Graph {
            name: name.to_owned(),
            ..Graph::default()
        };
        Self {
            graph,
            names: HashSet::new(),
            opset: LEAST_OPSET,
            half,
            beyond_half: None,
        }
    }

    /// Adds a node, of the set of operators since which it is as it is written; returns the name of its output.
    pub(crate) fn node(
        &mut self,
        op: (&str, i64),
        layer: &str,
        inputs: &[&str],
        attributes: &[(&str, Attribute)],
    ) -> String {
        let (op, since) = op;
        self.opset = self.opset.max(since);
        let name = self.free(&format!("{layer}/{op}"));
        self.graph.node.push(Node {
            input: inputs.iter().map(|input| (*input).to_owned()).collect(),
            output: vec![name.clone()],
            name: name.clone(),
            op_type: op.to_owned(),
            attribute: attributes
                .iter()
                .map(|(name, value)| attribute(name, value))
                .collect(),
            domain: String::new(),
        });
        name
    }

    /// Adds floats, of the type that is computed with.
    pub(crate) fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) -> String {
        let (kind, raw): (i32, Vec<u8>) = if self.half {
            let beyond = values
                .iter()
                .find(|value| !f16::from_f32(**value).is_finite());
            if let (Some(value), None) = (beyond, &self.beyond_half) {
                self.beyond_half = Some((name.to_owned(), *value));
            }
            let bytes = values
                .iter()
                .flat_map(|value| f16::from_f32(*value).to_le_bytes());
            (data_type::FLOAT16, bytes.collect())
        } else {
            let bytes = values.iter().flat_map(|value| value.to_le_bytes());
            (data_type::FLOAT, bytes.collect())
        };
        self.tensor(name, shape, kind, raw)
    }

    /// Adds floats of 32 bits, whatever is computed with.
    pub(crate) fn singles(&mut self, name: &str, shape: &[usize], values: &[f32]) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        self.tensor(name, shape, data_type::FLOAT, bytes.collect())
    }

    /// Adds a list of whole numbers.
    pub(crate) fn integers(&mut self, name: &str, values: &[i64]) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        self.tensor(name, &[values.len()], data_type::INT64, bytes.collect())
    }

    fn tensor(&mut self, name: &str, shape: &[usize], kind: i32, raw: Vec<u8>) -> String {
        let name = self.free(name);
        self.graph.initializer.push(Tensor {
            dims: shape.iter().map(|size| *size as i64).collect(),
            data_type: kind,
            name: name.clone(),
            raw_data: Bytes::from(raw),
            ..Tensor::default()
        });
        name
    }

    /// Takes a name that nothing has, made of one that something may have.
    fn free(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        let mut number = 0;
        while !self.names.insert(name.clone()) {
            number += 1;
            name = format!("{wanted}_{number}");
        }
        name
    }

    /// Returns whether what is computed has 16 bits.
    pub(crate) fn is_half(&self) -> bool {
        self.half
    }

    /// Returns the first number that 16 bits do not hold, and its name.
    pub(crate) fn beyond_half(&self) -> Option<(&str, f32)> {
        let (name, value) = self.beyond_half.as_ref()?;
        Some((name, *value))
    }

    /// Gives the last value the name that the graph's output has.
    pub(crate) fn rename_last(&mut self, name: &str) {
        if let Some(output) = self
            .graph
            .node
            .last_mut()
            .and_then(|node| node.output.first_mut())
        {
            name.clone_into(output);
        }
    }

    /// Ends the graph with its input and output, each a batch of any size; returns the file.
    pub(crate) fn finish(
        mut self,
        input: (&str, i32, &[usize]),
        output: (&str, i32, &[usize]),
        metadata: Vec<(&str, String)>,
    ) -> Vec<u8> {
        self.graph.input = vec![value(input)];
        self.graph.output = vec![value(output)];
        let entries = metadata.into_iter();
        let model = Model {
            // The version of the format that brought the set of operators.
            ir_version: match self.opset {
                ..=18 => 8,
                19..=20 => 9,
                _ => 10,
            },
            producer_name: env!("CARGO_PKG_NAME").to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            graph: Some(self.graph),
            opset_import: vec![OperatorSet {
                domain: String::new(),
                version: self.opset,
            }],
            metadata_props: entries
                .map(|(key, value)| Entry {
                    key: key.to_owned(),
                    value,
                })
                .collect(),
        };
        model.encode_to_vec()
    }
}

fn value((name, kind, sample): (&str, i32, &[usize])) -> ValueInfo {
    let batch = Dimension {
        value: None,
        parameter: Some("batch".to_owned()),
    };
    let sizes = sample.iter().map(|size| Dimension {
        value: Some(*size as i64),
        parameter: None,
    });
    let shape = Shape {
        dim: [batch].into_iter().chain(sizes).collect(),
    };
    ValueInfo {
        name: name.to_owned(),
        kind: Some(Type {
            tensor: Some(TensorType {
                elem_type: kind,
                shape: Some(shape),
            }),
        }),
    }
}

fn attribute(name: &str, value: &Attribute) -> AttributeProto {
    let named = AttributeProto {
        name: name.to_owned(),
        ..AttributeProto::default()
    };
    match value {
        Attribute::Float(number) => AttributeProto {
            kind: 1,
            f: Some(*number as f32),
            ..named
        },
        Attribute::Int(number) => AttributeProto {
            kind: 2,
            i: Some(*number),
            ..named
        },
        Attribute::Word(word) => AttributeProto {
            kind: 3,
            s: Some(Bytes::from_static(word.as_bytes())),
            ..named
        },
        Attribute::Ints(numbers) => AttributeProto {
            kind: 7,
            ints: numbers.clone(),
            ..named
        },
    }
}
