//! The layers that move values about: `reshape`, `pad`, `crop`, `upsample`, `pixel_shuffle`; and `scale`.

use super::conv::pads;
use super::{Wire, Writer, whole};
use crate::config::{PaddingMode, UpsampleMode};
use crate::diagnostic::Result;
use crate::onnx::Attribute;
use crate::plan;

impl Writer<'_> {
    /// Writes `Reshape`, which leaves the batch as it is.
    pub(super) fn reshaped(&mut self, name: &str, input: &str, shape: &[usize]) -> String {
        let sizes = whole([0].into_iter().chain(shape.iter().copied()));
        let sizes = self.graph.integers(&format!("{name}/shape"), &sizes);
        self.graph
            .node(("Reshape", 14), name, &[input, &sizes], &[])
    }

    /// Writes `Pad`, `[before, after]` for the channels and each dimension.
    pub(super) fn padded(
        &mut self,
        name: &str,
        input: &str,
        amount: &[[usize; 2]],
        mode: PaddingMode,
    ) -> String {
        let sides = [vec![[0, 0]], amount.to_vec()].concat();
        let Attribute::Ints(sides) = pads(&sides) else {
            unreachable!("padding is whole numbers")
        };
        let sides = self.graph.integers(&format!("{name}/pads"), &sides);
        let (word, since) = match mode {
            PaddingMode::Zeros => ("constant", 13),
            PaddingMode::Reflect => ("reflect", 13),
            PaddingMode::Replicate => ("edge", 13),
            PaddingMode::Circular => ("wrap", 19),
        };
        self.graph.node(
            ("Pad", since),
            name,
            &[input, &sides],
            &[("mode", Attribute::Word(word))],
        )
    }

    /// Writes `Slice`.
    pub(super) fn cropped(&mut self, name: &str, input: &Wire, amount: &[[usize; 2]]) -> String {
        let cut = || {
            amount
                .iter()
                .zip(&input.shape)
                .enumerate()
                .filter(|(_, (pair, _))| **pair != [0, 0])
        };
        let begins = whole(cut().map(|(_, (pair, _))| pair[0]));
        let ends = whole(cut().map(|(_, (pair, size))| size - pair[1]));
        let axes = whole(cut().map(|(index, _)| index + 1));
        if axes.is_empty() {
            return input.name.clone();
        }
        let begins = self.graph.integers(&format!("{name}/begins"), &begins);
        let ends = self.graph.integers(&format!("{name}/ends"), &ends);
        let axes = self.graph.integers(&format!("{name}/axes"), &axes);
        self.graph.node(
            ("Slice", 13),
            name,
            &[&input.name, &begins, &ends, &axes],
            &[],
        )
    }

    /// Writes `Resize`; a signal is a map of one row meanwhile, as ONNX Runtime interpolates maps and volumes.
    pub(super) fn upsampled(
        &mut self,
        name: &str,
        upsample: &plan::Upsample,
        input: &Wire,
        output: &[usize],
    ) -> String {
        let is_signal = upsample.scale.len() == 1;
        let mut scales = vec![1.0; 2];
        let mut from = input.name.clone();
        if is_signal {
            scales.push(1.0);
            from = self.reshaped(name, &from, &[input.shape[0], 1, input.shape[1]]);
        }
        scales.extend(upsample.scale.iter().map(|scale| *scale as f32));
        let scales = self
            .graph
            .singles(&format!("{name}/scales"), &[scales.len()], &scales);
        let words = match upsample.mode {
            UpsampleMode::Nearest => [
                ("mode", "nearest"),
                ("coordinate_transformation_mode", "asymmetric"),
                ("nearest_mode", "floor"),
            ]
            .to_vec(),
            UpsampleMode::Linear => [
                ("mode", "linear"),
                ("coordinate_transformation_mode", "half_pixel"),
            ]
            .to_vec(),
        };
        let words: Vec<_> = words
            .into_iter()
            .map(|(key, word)| (key, Attribute::Word(word)))
            .collect();
        let larger = self
            .graph
            .node(("Resize", 13), name, &[&from, "", &scales], &words);
        if is_signal {
            self.reshaped(name, &larger, output)
        } else {
            larger
        }
    }

    /// Writes `DepthToSpace`, whose channels are in the order of PyTorch's pixel shuffle.
    pub(super) fn pixel_shuffled(&mut self, name: &str, scale: usize, input: &Wire) -> String {
        let attributes = [
            ("blocksize", Attribute::Int(scale as i64)),
            ("mode", Attribute::Word("CRD")),
        ];
        let op = ("DepthToSpace", 13);
        self.graph.node(op, name, &[&input.name], &attributes)
    }

    /// Writes `Mul`, and `Add` where there are offsets.
    pub(super) fn scaled(
        &mut self,
        name: &str,
        scale: &plan::Scale,
        input: &Wire,
    ) -> Result<String> {
        let shape = [vec![scale.channels], vec![1; input.shape.len() - 1]].concat();
        let mut output = input.name.clone();
        for (op, part, is_there) in [("Mul", "weight", true), ("Add", "bias", scale.bias)] {
            if is_there {
                let own = format!("{name}.{part}");
                let values = self.weight(&own)?.values.clone();
                let factors = self.graph.floats(&own, &shape, &values);
                output = self.graph.node((op, 14), name, &[&output, &factors], &[]);
            }
        }
        Ok(output)
    }
}
