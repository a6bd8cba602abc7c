//! Shapes, counts and receptive fields of every layer, worked out from the config alone.

mod activation;
mod batch_norm;
mod conv;
mod dense;
mod dropout;
mod flatten;
mod pool;
mod totals;
mod window;

pub use batch_norm::BatchNorm;
pub use conv::Conv;
pub use dense::Dense;
pub use dropout::Dropout;
pub use pool::Pool;
pub use totals::{Dtype, Totals};

use crate::config::{self, Function, LayerKind};
use crate::diagnostic::{Diagnostic, Span};
use crate::shape;

/// A network in which every shape is known and every layer fits the one before.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Shape of one input, `[channels, height, width]`.
    pub input: Vec<usize>,
    /// The layers in order.
    pub layers: Vec<Layer>,
}

/// A layer whose shapes are known.
#[derive(Clone, Debug)]
pub struct Layer {
    /// The user's name, if any.
    pub name: Option<String>,
    /// What it computes.
    pub operation: Operation,
    /// Shape of one input.
    pub input: Vec<usize>,
    /// Shape of one output.
    pub output: Vec<usize>,
    /// Weights and work.
    pub counts: Counts,
    /// What one output value sees of the picture.
    pub field: Field,
    /// Padding applied, `[before, after]` per dimension; empty where nothing slides.
    pub padding: Vec<[usize; 2]>,
    /// Rows and columns at the end that no window reaches.
    pub ignored: Vec<usize>,
    /// The layer's place in the config.
    pub span: Span,
}

/// What a layer computes, with every size resolved.
#[derive(Clone, Debug)]
pub enum Operation {
    /// Convolution.
    Conv(Conv),
    /// Pooling.
    Pool(Pool),
    /// Fully connected.
    Dense(Dense),
    /// An activation function.
    Activation(Function),
    /// Maps to one row.
    Flatten,
    /// Dropout.
    Dropout(Dropout),
    /// Batch normalization.
    BatchNorm(BatchNorm),
}

impl Operation {
    /// Returns the layer's `type` in the config language.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Conv(_) => "conv",
            Self::Pool(_) => "pool",
            Self::Dense(_) => "dense",
            Self::Activation(_) => "activation",
            Self::Flatten => "flatten",
            Self::Dropout(_) => "dropout",
            Self::BatchNorm(_) => "batch_norm",
        }
    }

    /// Returns whether a window slides over maps.
    #[must_use]
    pub fn slides(&self) -> bool {
        matches!(self, Self::Conv(_) | Self::Pool(_))
    }
}

/// Weights and work of one layer for one input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Weights that training changes.
    pub trainable: u64,
    /// Running statistics.
    pub buffers: u64,
    /// Multiply-adds with a conv or dense weight.
    pub macs: u64,
    /// Weights that a dense layer from the same input to the same output would have.
    pub dense_equivalent: u64,
}

/// Receptive field of a layer's outputs, per dimension of the picture.
///
/// # Reference
/// Araujo, Norris & Sim, "Computing receptive fields of convolutional neural networks",
/// Distill 2019.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Input pixels that one output value sees.
    pub size: Vec<u64>,
    /// Input pixels between two neighbouring outputs.
    pub jump: Vec<u64>,
    /// The map that the next layer slides over; it outlives `flatten`.
    map: Vec<usize>,
}

impl Field {
    fn of_input(input: &[usize]) -> Self {
        let map = input.get(1..).unwrap_or_default().to_vec();
        Self {
            size: vec![1; map.len()],
            jump: vec![1; map.len()],
            map,
        }
    }

    /// Returns the field after a window; nothing on overflow.
    fn after_windows(&self, windows: &[shape::Window], map: &[usize]) -> Option<Self> {
        let mut next = self.clone();
        next.map = map.to_vec();
        for (index, window) in windows.iter().enumerate() {
            let (size, jump) = (next.size.get_mut(index)?, next.jump.get_mut(index)?);
            let reach = u64::try_from(window.extent()? - 1).ok()?;
            *size = size.checked_add(reach.checked_mul(*jump)?)?;
            *jump = jump.checked_mul(u64::try_from(window.stride).ok()?)?;
        }
        Some(next)
    }

    /// Returns the field of a value that sees the whole map.
    fn of_whole_map(&self) -> Option<Self> {
        let mut next = self.clone();
        for (index, extent) in self.map.iter().enumerate() {
            let (size, jump) = (next.size.get_mut(index)?, next.jump.get(index)?);
            let reach = u64::try_from(*extent).ok()?.saturating_sub(1);
            *size = size.checked_add(reach.checked_mul(*jump)?)?;
        }
        next.map = vec![1; self.map.len()];
        Some(next)
    }

    /// Returns whether the field covers the whole input.
    #[must_use]
    pub fn is_full(&self, input: &[usize]) -> bool {
        let extents = input.get(1..).unwrap_or_default();
        let covers = |(size, extent): (&u64, &usize)| *size >= *extent as u64;
        self.size.iter().zip(extents).all(covers)
    }
}

/// What a layer's planning returns.
struct Planned {
    operation: Operation,
    output: Vec<usize>,
    counts: Counts,
    field: Field,
    padding: Vec<[usize; 2]>,
    ignored: Vec<usize>,
}

impl Planned {
    /// A layer that changes values only: same shape, same field, no weights.
    fn unchanged(operation: Operation, context: &Context<'_>) -> Self {
        Self {
            operation,
            output: context.input.clone(),
            counts: Counts::default(),
            field: context.field.clone(),
            padding: Vec::new(),
            ignored: Vec::new(),
        }
    }
}

/// What a layer may know when it is planned.
struct Context<'a> {
    /// Shape of one input.
    input: Vec<usize>,
    field: Field,
    layer: &'a config::Layer,
    index: usize,
    last: Option<&'a Layer>,
    problems: &'a mut Vec<Diagnostic>,
}

impl Context<'_> {
    /// Reports an error with the note that says what the layer receives.
    fn problem(&mut self, diagnostic: Diagnostic) {
        let noted = diagnostic.note(origin(self.index, &self.input, self.last));
        self.problems.push(noted);
    }

    /// Reports numbers beyond all bounds.
    fn overflow(&mut self) {
        let message = format!("`{}` is too large to count", self.layer.kind.type_name());
        let span = self.layer.span.clone();
        self.problem(
            Diagnostic::error(message)
                .at(&span, "")
                .help("choose smaller sizes"),
        );
    }

    /// Reports a layer that wants maps where a row arrives; returns whether it did.
    fn needs_maps(&mut self) -> bool {
        if self.input.len() > 1 {
            return false;
        }
        let name = self.layer.kind.type_name();
        let span = self.layer.span.clone();
        self.problem(
            Diagnostic::error(format!("`{name}` needs maps, received a row of values"))
                .at(&span, "")
                .help(format!("move `{name}` before `flatten`")),
        );
        true
    }
}

impl Plan {
    /// Works out every layer.
    ///
    /// # Errors
    /// Every diagnostic that the known shapes allow; a layer whose output is unknown ends it.
    pub fn new(model: &config::Model) -> Result<Self, Vec<Diagnostic>> {
        let input = model.input.value.clone();
        let mut problems = Vec::new();
        let mut layers: Vec<Layer> = Vec::new();
        if elements(&input).is_none() {
            let message = format!("an input of {} is too large", shape::display(&input));
            return Err(vec![Diagnostic::error(message).at(&model.input.span, "")]);
        }
        for (index, layer) in model.layers.iter().enumerate() {
            let last = layers.last();
            let shape = last.map_or(&input, |last| &last.output).clone();
            let field = last.map_or_else(|| Field::of_input(&input), |last| last.field.clone());
            let mut context = Context {
                index,
                last,
                input: shape.clone(),
                field,
                layer,
                problems: &mut problems,
            };
            let known = context.problems.len();
            let Some(planned) = plan_layer(&mut context) else {
                // A layer without a plan must have said why.
                if context.problems.len() == known {
                    context.overflow();
                }
                break;
            };
            if elements(&planned.output).is_none() {
                context.overflow();
                break;
            }
            layers.push(Layer {
                name: layer.name.as_ref().map(|name| name.value.clone()),
                operation: planned.operation,
                input: shape,
                output: planned.output,
                counts: planned.counts,
                field: planned.field,
                padding: planned.padding,
                ignored: planned.ignored,
                span: layer.span.clone(),
            });
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let plan = Self { input, layers };
        if plan.totals(Dtype::F32, 1).is_none() {
            let message = "the network is too large to count";
            return Err(vec![
                Diagnostic::error(message)
                    .at(&model.input.span, "")
                    .help("choose smaller sizes"),
            ]);
        }
        Ok(plan)
    }

    /// Returns the plan without a softmax at its very end: what the loss is computed from, and
    /// what probabilities are the softmax of, whether the config writes it or not.
    #[must_use]
    pub fn up_to_logits(&self) -> Self {
        let softmax = Some(Function::Softmax);
        let mut plan = self.clone();
        match plan.layers.last_mut().map(|layer| &mut layer.operation) {
            Some(Operation::Conv(conv)) if conv.activation == softmax => conv.activation = None,
            Some(Operation::Dense(dense)) if dense.activation == softmax => dense.activation = None,
            Some(Operation::Activation(Function::Softmax)) => {
                plan.layers.pop();
            }
            _ => {}
        }
        plan
    }

    /// Returns the shape of the network's answer.
    #[must_use]
    pub fn output(&self) -> &[usize] {
        self.layers
            .last()
            .map_or(&self.input, |layer| &layer.output)
    }
}

/// Numbers above this are not counted: sums of them would no longer be safe.
const MAX_ELEMENTS: u64 = 1 << 48;

fn elements(shape: &[usize]) -> Option<u64> {
    shape::elements(shape).filter(|elements| *elements <= MAX_ELEMENTS)
}

fn origin(index: usize, shape: &[usize], last: Option<&Layer>) -> String {
    let shape = shape::display(shape);
    match last {
        Some(last) => format!(
            "layer {index} receives {shape} from `{}` (line {})",
            last.operation.type_name(),
            last.span.line()
        ),
        None => format!("layer {index} receives {shape}, the input"),
    }
}

fn plan_layer(context: &mut Context<'_>) -> Option<Planned> {
    let layer = context.layer;
    match &layer.kind {
        LayerKind::Conv(conv) => conv::plan(conv, context),
        LayerKind::Pool(pool) => pool::plan(pool, context),
        LayerKind::Dense(dense) => dense::plan(dense, context),
        LayerKind::Activation(activation) => Some(activation::plan(activation, context)),
        LayerKind::Flatten(_) => flatten::plan(context),
        LayerKind::Dropout(dropout) => Some(dropout::plan(dropout, context)),
        LayerKind::BatchNorm(norm) => batch_norm::plan(norm, context),
    }
}
