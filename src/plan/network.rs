//! Lists of layers, planned one after the other.

use std::collections::{HashMap, HashSet};

use super::context::{Context, Planned};
use super::{Field, Layer, activation, conv, dense, graph, norm, pool, reshape, shuffle};
use crate::config::{self, LayerKind};
use crate::diagnostic::Diagnostic;
use crate::shape;

/// What is known of a whole network while it is planned.
pub(super) struct Network<'a> {
    pub(super) problems: Vec<Diagnostic>,
    /// Outputs of the named layers so far.
    pub(super) named: HashMap<&'a str, Named>,
    /// Names of all layers, also of those to come.
    pub(super) names: Vec<&'a str>,
    /// Names that a `merge` asks for.
    wanted: HashSet<&'a str>,
    /// Number of the next layer.
    next: usize,
    /// Whether a layer so far is a pool.
    pub(super) pooled: bool,
}

/// The output of a named layer.
#[derive(Clone)]
pub(super) struct Named {
    pub(super) index: usize,
    pub(super) shape: Vec<usize>,
    pub(super) field: Field,
}

/// What arrives at a list of layers.
pub(super) struct Arriving<'b> {
    pub(super) shape: &'b [usize],
    pub(super) field: &'b Field,
    /// The path of the list with a dot at its end; nothing for the outermost.
    pub(super) prefix: String,
    pub(super) depth: usize,
}

/// Numbers above this are not counted: sums of them would no longer be safe.
const MAX_ELEMENTS: u64 = 1 << 48;

/// Returns the number of values of a shape, unless there are too many.
pub(super) fn elements(shape: &[usize]) -> Option<u64> {
    shape::elements(shape).filter(|elements| *elements <= MAX_ELEMENTS)
}

impl<'a> Network<'a> {
    pub(super) fn new(layers: &'a [config::Layer]) -> Self {
        let mut network = Self {
            problems: Vec::new(),
            named: HashMap::new(),
            names: Vec::new(),
            wanted: HashSet::new(),
            next: 0,
            pooled: false,
        };
        network.collect_names(layers);
        network
    }

    fn collect_names(&mut self, layers: &'a [config::Layer]) {
        for layer in layers {
            self.names
                .extend(layer.name.as_ref().map(|name| name.value.as_str()));
            if let LayerKind::Merge(merge) = &layer.kind {
                self.wanted
                    .extend(merge.from.value.iter().map(String::as_str));
            }
            for (_, inner) in layer.kind.lists() {
                self.collect_names(inner);
            }
        }
    }

    /// Plans the layers of a list; nothing when one of them has no known output.
    pub(super) fn list(
        &mut self,
        layers: &'a [config::Layer],
        arriving: &Arriving<'_>,
    ) -> Option<Vec<Layer>> {
        let mut planned: Vec<Layer> = Vec::with_capacity(layers.len());
        for (position, layer) in layers.iter().enumerate() {
            let next = self.layer(position, layer, planned.last(), arriving)?;
            planned.push(next);
        }
        Some(planned)
    }

    fn layer(
        &mut self,
        position: usize,
        layer: &'a config::Layer,
        last: Option<&Layer>,
        arriving: &Arriving<'_>,
    ) -> Option<Layer> {
        let index = self.next;
        self.next += 1;
        let known = self.problems.len();
        let input = last.map_or(arriving.shape, |last| &last.output).to_vec();
        let mut context = Context {
            input: input.clone(),
            field: last.map_or(arriving.field, |last| &last.field).clone(),
            layer,
            path: format!("{}{position}", arriving.prefix),
            depth: arriving.depth,
            last,
            network: self,
        };
        let planned = plan_layer(&mut context);
        let planned = planned.filter(|planned| elements(&planned.output).is_some());
        let Some(planned) = planned else {
            // A layer without a plan must have said why.
            if context.network.problems.len() == known {
                context.overflow();
            }
            return None;
        };
        let path = context.path;
        let name = layer.name.as_ref().map(|name| name.value.as_str());
        if let Some(name) = name {
            let output = Named {
                index,
                shape: planned.output.clone(),
                field: planned.field.clone(),
            };
            self.named.insert(name, output);
        }
        self.pooled |= matches!(planned.operation, super::Operation::Pool(_));
        Some(Layer {
            index,
            path,
            depth: arriving.depth,
            name: name.map(str::to_owned),
            type_name: layer.kind.type_name(),
            is_kept: name.is_some_and(|name| self.wanted.contains(name)),
            is_frozen: false,
            rate_factor: None,
            operation: planned.operation,
            input,
            output: planned.output,
            counts: planned.counts,
            field: planned.field,
            padding: planned.padding,
            ignored: planned.ignored,
            span: layer.span.clone(),
        })
    }
}

fn plan_layer(context: &mut Context<'_, '_>) -> Option<Planned> {
    let layer = context.layer;
    match &layer.kind {
        LayerKind::Conv(conv) => conv::plan(conv, context),
        LayerKind::Pool(pool) => pool::plan(pool, context),
        LayerKind::GlobalPool(pool) => pool::plan_global(pool, context),
        LayerKind::AdaptivePool(pool) => pool::plan_adaptive(pool, context),
        LayerKind::Dense(dense) => dense::plan(dense, context),
        LayerKind::Activation(activation) => Some(activation::plan(*activation, context)),
        LayerKind::Norm(norm) => norm::plan(norm, context),
        LayerKind::LocalResponseNorm(norm) => norm::plan_local_response(*norm, context),
        LayerKind::Dropout(dropout) => Some(activation::plan_dropout(*dropout, context)),
        LayerKind::Noise(noise) => Some(activation::plan_noise(*noise, context)),
        LayerKind::Flatten => reshape::plan_flatten(context),
        LayerKind::Reshape(reshape) => reshape::plan(reshape, context),
        LayerKind::Pad(pad) => reshape::plan_pad(pad, context),
        LayerKind::Crop(crop) => reshape::plan_crop(crop, context),
        LayerKind::Upsample(upsample) => reshape::plan_upsample(upsample, context),
        LayerKind::PixelShuffle(own) => shuffle::plan(own, context),
        LayerKind::Scale(scale) => reshape::plan_scale(*scale, context),
        LayerKind::Residual(residual) => graph::plan_residual(residual, context),
        LayerKind::Branches(branches) => graph::plan_branches(branches, context),
        LayerKind::Merge(merge) => graph::plan_merge(merge, context),
    }
}
