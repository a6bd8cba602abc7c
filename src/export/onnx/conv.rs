//! The layers with kernels: `conv`, `separable_conv`, `conv_transpose` and `dense`.

use super::super::network::mask;
use super::{Wire, Writer, whole};
use crate::config::PaddingMode;
use crate::diagnostic::Result;
use crate::onnx::Attribute;
use crate::plan;
use crate::shape::turned;

impl Writer<'_> {
    /// Writes `Conv`; padding that is not zeros is a `Pad` before it.
    pub(super) fn conv(&mut self, name: &str, conv: &plan::Conv, input: &Wire) -> Result<String> {
        let weight = self.weight(&format!("{name}.weight"))?;
        let (shape, mut values) = (weight.shape.clone(), weight.values.clone());
        mask(&mut values, conv);
        let mut from = input.name.clone();
        let mut padding = conv.padding.clone();
        if conv.padding_mode != PaddingMode::Zeros && padding.iter().flatten().any(|side| *side > 0)
        {
            let amount = [vec![[0, 0]], padding.clone()].concat();
            from = self.padded(name, &input.name, &amount, conv.padding_mode);
            padding = vec![[0, 0]; padding.len()];
        }
        let attributes = windows(conv, &padding);
        let kernel = (&shape[..], &values[..]);
        let output = self.kernel(("Conv", 11), name, &from, kernel, conv.bias, &attributes)?;
        self.activated(
            name,
            conv.activation,
            output,
            &format!("{name}.activation.weight"),
        )
    }

    /// Writes two `Conv`s, the second of 1x1.
    pub(super) fn separable(
        &mut self,
        name: &str,
        separable: &plan::SeparableConv,
        input: &Wire,
    ) -> Result<String> {
        let maps = self.conv(&format!("{name}.depthwise"), &separable.depthwise, input)?;
        // Only a `Pad` would ask for the shape, and a 1x1 convolution has none.
        let maps = Wire {
            name: maps,
            shape: Vec::new(),
        };
        let output = self.conv(&format!("{name}.pointwise"), &separable.pointwise, &maps)?;
        self.activated(
            name,
            separable.activation,
            output,
            &format!("{name}.activation.weight"),
        )
    }

    /// Writes `ConvTranspose`, whose weight is `[channels, filters / groups, kernel …]` too.
    pub(super) fn transposed(
        &mut self,
        name: &str,
        transposed: &plan::TransposedConv,
        input: &Wire,
    ) -> Result<String> {
        let conv = &transposed.conv;
        let weight = self.weight(&format!("{name}.weight"))?;
        let (shape, values) = (weight.shape.clone(), weight.values.clone());
        let mut attributes = windows(conv, &conv.padding);
        let more = whole(transposed.output_padding.iter().copied());
        attributes.push(("output_padding", Attribute::Ints(more)));
        let kernel = (&shape[..], &values[..]);
        let op = ("ConvTranspose", 11);
        let output = self.kernel(op, name, &input.name, kernel, conv.bias, &attributes)?;
        self.activated(
            name,
            conv.activation,
            output,
            &format!("{name}.activation.weight"),
        )
    }

    /// Writes `Gemm` with a weight `[units, inputs]`, as PyTorch does.
    pub(super) fn dense(
        &mut self,
        name: &str,
        dense: &plan::Dense,
        input: &Wire,
    ) -> Result<String> {
        let weight = self.weight(&format!("{name}.weight"))?;
        let places = turned(dense.inputs, dense.units);
        let values: Vec<f32> = places.map(|place| weight.values[place]).collect();
        let shape = [dense.units, dense.inputs];
        let attributes = [("transB", Attribute::Int(1))];
        let kernel = (&shape[..], &values[..]);
        let op = ("Gemm", 13);
        let output = self.kernel(op, name, &input.name, kernel, dense.bias, &attributes)?;
        self.activated(
            name,
            dense.activation,
            output,
            &format!("{name}.activation.weight"),
        )
    }

    /// Writes a node with a weight of some shape, and with a bias if the layer has one.
    fn kernel(
        &mut self,
        op: (&str, i64),
        name: &str,
        from: &str,
        (shape, values): (&[usize], &[f32]),
        has_bias: bool,
        attributes: &[(&str, Attribute)],
    ) -> Result<String> {
        let weight = self.graph.floats(&format!("{name}.weight"), shape, values);
        let mut inputs = vec![from.to_owned(), weight];
        if has_bias {
            inputs.push(self.given(&format!("{name}.bias"))?);
        }
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        Ok(self.graph.node(op, name, &inputs, attributes))
    }
}

fn windows(conv: &plan::Conv, padding: &[[usize; 2]]) -> Vec<(&'static str, Attribute)> {
    let of = |take: fn(&crate::shape::Window) -> usize| {
        Attribute::Ints(whole(conv.windows.iter().map(take)))
    };
    vec![
        ("kernel_shape", of(|window| window.size)),
        ("strides", of(|window| window.stride)),
        ("dilations", of(|window| window.dilation)),
        ("pads", pads(padding)),
        ("group", Attribute::Int(conv.groups as i64)),
    ]
}

/// Writes padding as ONNX has it: all that is before, then all that is after.
pub(super) fn pads(padding: &[[usize; 2]]) -> Attribute {
    let sides = [0, 1]
        .into_iter()
        .flat_map(|side| padding.iter().map(move |pair| pair[side]));
    Attribute::Ints(whole(sides))
}
