//! Layers one after the other: a network, or a list within a layer.

use std::collections::HashMap;
use std::sync::Arc;

use burn::module::{
    Content, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor,
};
use burn::tensor::Device;

use super::compile::{Compiler, Wire};
use super::initialize::Builder;
use super::kind::{AnyLayer, build, each, each_into};
use super::{Pass, Value};
use crate::diagnostic::Result;
use crate::plan;

/// Is handed the number and the output of each layer, and returns what flows on in its place.
pub(super) type Tap<'a> = &'a mut dyn FnMut(usize, Value) -> Value;

/// A forward pass under way.
pub(super) struct Flow<'a> {
    pub(super) pass: Pass,
    /// Whether our own kernels compute, where they can.
    pub(super) packs: bool,
    /// Outputs that a later `merge` takes, by the layer's number.
    pub(super) kept: HashMap<usize, Value>,
    /// The last `merge` that takes the output of a layer, both by number.
    pub(super) last_uses: Arc<HashMap<usize, usize>>,
    /// Is handed every layer's output.
    pub(super) tap: Option<Tap<'a>>,
}

/// Layers one after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Sequence {
    layers: Vec<Layer>,
}

#[derive(Clone, Debug)]
struct Layer {
    /// The user's name, or the position: the first part of the names of its weights.
    name: String,
    /// [`plan::Layer::index`].
    index: usize,
    is_kept: bool,
    /// The shape of a sample of its output.
    output: Vec<usize>,
    kind: AnyLayer,
}

impl Flow<'_> {
    /// A pass without gradients through a layer by itself.
    pub(super) fn plain() -> Self {
        Self {
            pass: Pass::Evaluate,
            packs: false,
            kept: HashMap::new(),
            last_uses: Arc::default(),
            tap: None,
        }
    }
}

impl Sequence {
    pub(super) fn new(layers: &[plan::Layer], builder: &mut Builder<'_>) -> Self {
        let held = (builder.is_frozen, builder.rate_factor);
        let layers = layers.iter().enumerate().map(|(position, layer)| {
            (builder.is_frozen, builder.rate_factor) = (layer.is_frozen, layer.rate_factor);
            Layer {
                name: layer.name.clone().unwrap_or_else(|| position.to_string()),
                index: layer.index,
                is_kept: layer.is_kept,
                output: layer.output.clone(),
                kind: build(layer.index, &layer.operation, builder),
            }
        });
        let layers = layers.collect();
        (builder.is_frozen, builder.rate_factor) = held;
        Self { layers }
    }

    pub(super) fn forward(&self, input: Value, flow: &mut Flow<'_>) -> Value {
        self.layers.iter().fold(input, |value, layer| {
            let value = if layer.kind.takes_packed() {
                value
            } else {
                value.plain()
            };
            let output = each!(&layer.kind, kind => kind.forward(value, flow));
            let output = match &mut flow.tap {
                Some(tap) => tap(layer.index, output.settled()),
                None if layer.is_kept => output.settled(),
                None => output,
            };
            if matches!(layer.kind, AnyLayer::Merge(_)) {
                let last_uses = Arc::clone(&flow.last_uses);
                let done = |from: &usize| last_uses.get(from) == Some(&layer.index);
                flow.kept.retain(|from, _| !done(from));
            }
            if layer.is_kept {
                flow.kept.insert(layer.index, output.clone());
            }
            output
        })
    }

    /// Returns the padding of the first layer if it is a convolution that its input may bring along.
    pub(super) fn border(&self) -> &[[usize; 2]] {
        match self.layers.first().map(|layer| &layer.kind) {
            Some(AnyLayer::Conv(conv)) => conv.border(),
            _ => &[],
        }
    }

    /// Returns whether a layer takes outputs of earlier ones.
    pub(super) fn merges(&self) -> bool {
        self.layers.iter().any(|layer| match &layer.kind {
            AnyLayer::Merge(_) => true,
            AnyLayer::Residual(residual) => residual.merges(),
            AnyLayer::Branches(branches) => branches.merges(),
            _ => false,
        })
    }

    /// Writes the layers as stages of a program.
    ///
    /// # Errors
    /// When weights cannot be read from the device.
    pub(super) fn compile(&self, input: Wire, compiler: &mut Compiler) -> Result<Wire> {
        let mut wire = input;
        // What joins the layers of a container is the container's.
        let around = compiler.layer;
        for layer in &self.layers {
            compiler.layer = layer.index;
            let stages = layer.kind.compile(&wire, compiler)?;
            wire = match stages {
                Some(wire) => wire,
                None => compiler.other(wire, &layer.kind, &layer.output),
            };
            if layer.is_kept {
                compiler.close();
                compiler.kept.insert(layer.index, wire.clone());
            }
        }
        compiler.layer = around;
        Ok(wire)
    }

    fn convert(self, convert: impl Fn(AnyLayer) -> AnyLayer) -> Self {
        let layers = self.layers.into_iter().map(|layer| Layer {
            kind: convert(layer.kind),
            ..layer
        });
        Self {
            layers: layers.collect(),
        }
    }
}

impl ModuleDisplayDefault for Sequence {
    fn content(&self, content: Content) -> Option<Content> {
        Some(content)
    }
}

impl ModuleDisplay for Sequence {}

// Written out so that the names of weights are the user's: `C1.weight`, not
// `layers.0.Conv.weight` as the derived implementation of an enum in a list would have it.
impl Module for Sequence {
    fn collect_devices(&self, devices: Vec<Device>) -> Vec<Device> {
        self.layers.iter().fold(
            devices,
            |devices, layer| each!(&layer.kind, kind => kind.collect_devices(devices)),
        )
    }

    fn fork(self, device: &Device) -> Self {
        self.convert(|kind| each_into!(kind, kind => kind.fork(device)))
    }

    fn to_device(self, device: &Device) -> Self {
        self.convert(|kind| each_into!(kind, kind => kind.to_device(device)))
    }

    fn train(self) -> Self {
        self.convert(|kind| each_into!(kind, kind => Module::train(kind)))
    }

    fn valid(&self) -> Self {
        let layers = self.layers.iter().map(|layer| Layer {
            name: layer.name.clone(),
            index: layer.index,
            is_kept: layer.is_kept,
            output: layer.output.clone(),
            kind: each_into!(&layer.kind, kind => kind.valid()),
        });
        Self {
            layers: layers.collect(),
        }
    }

    fn materialize(self) -> Self {
        self.convert(|kind| each_into!(kind, kind => kind.materialize()))
    }

    fn visit<Visitor: ModuleVisitor>(&self, visitor: &mut Visitor) {
        for layer in &self.layers {
            visitor.enter_module(&layer.name, "Vec");
            each!(&layer.kind, kind => kind.visit(visitor));
            visitor.exit_module(&layer.name, "Vec");
        }
    }

    fn map<Mapper: ModuleMapper>(self, mapper: &mut Mapper) -> Self {
        let layers = self.layers.into_iter().map(|layer| {
            mapper.enter_module(&layer.name, "Vec");
            let kind = each_into!(layer.kind, kind => kind.map(mapper));
            mapper.exit_module(&layer.name, "Vec");
            Layer { kind, ..layer }
        });
        Self {
            layers: layers.collect(),
        }
    }
}
