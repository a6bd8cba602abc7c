//! How a picture becomes the network's input, as a part of the graph.

use super::{Wire, Writer};
use crate::config::PaddingMode;
use crate::dataset::{Invert, Preprocessing};
use crate::onnx::{Attribute, data_type};

impl Writer<'_> {
    /// Writes what comes after a picture has its size: light and dark exchanged where every picture has them exchanged,
    /// padding, and `(value · rescale − mean) / std`.
    ///
    /// All of it has 32 bits, as bytes up to 255 times a factor would lose digits in 16.
    pub(super) fn prepared(&mut self, input: Wire, preprocessing: &Preprocessing) -> Wire {
        let name = "prepare";
        let mut wire = input.name;
        if !preprocessing.floats {
            let to = [("to", Attribute::Int(i64::from(data_type::FLOAT)))];
            wire = self.graph.node(("Cast", 13), name, &[&wire], &to);
        }
        if preprocessing.invert == Invert::Always && !preprocessing.floats {
            let white = self.graph.singles("prepare.white", &[], &[255.0]);
            wire = self.graph.node(("Sub", 14), name, &[&white, &wire], &[]);
        }
        if preprocessing.padding.iter().flatten().any(|side| *side > 0) {
            let amount = [vec![[0, 0]], preprocessing.padding.clone()].concat();
            wire = self.padded(name, &wire, &amount, PaddingMode::Zeros);
        }
        let rank = preprocessing.shape.len();
        let settings = [
            ("Mul", "prepare.rescale", vec![preprocessing.rescale]),
            ("Sub", "prepare.mean", preprocessing.mean.clone()),
            ("Div", "prepare.std", preprocessing.std.clone()),
        ];
        for (op, key, values) in settings {
            // One for all channels, or one for each; what is not given changes nothing.
            let shape = match values.len() {
                0 => continue,
                1 => Vec::new(),
                channels => [vec![channels], vec![1; rank - 1]].concat(),
            };
            let values = self.graph.singles(key, &shape, &values);
            wire = self.graph.node((op, 14), name, &[&wire, &values], &[]);
        }
        Wire {
            name: wire,
            shape: input.shape,
        }
    }
}
