//! What a layer may know when it is planned, and what its planning returns.

use super::network::Network;
use super::{Counts, Field, Layer, Operation};
use crate::config;
use crate::diagnostic::Diagnostic;
use crate::shape;

/// What a layer may know when it is planned.
pub(super) struct Context<'a, 'b> {
    /// Shape of one input.
    pub(super) input: Vec<usize>,
    pub(super) field: Field,
    pub(super) layer: &'a config::Layer,
    /// The layer's place: `3.layers.0`.
    pub(super) path: String,
    pub(super) depth: usize,
    /// The layer before in the same list.
    pub(super) last: Option<&'b Layer>,
    pub(super) network: &'b mut Network<'a>,
}

/// What a layer's planning returns.
pub(super) struct Planned {
    pub(super) operation: Operation,
    pub(super) output: Vec<usize>,
    pub(super) counts: Counts,
    pub(super) field: Field,
    pub(super) padding: Vec<[usize; 2]>,
    pub(super) ignored: Vec<usize>,
}

impl Planned {
    /// A layer that changes values only: same shape, same field, no weights.
    pub(super) fn unchanged(operation: Operation, context: &Context<'_, '_>) -> Self {
        Self {
            operation,
            output: context.input.clone(),
            counts: Counts::default(),
            field: context.field.clone(),
            padding: Vec::new(),
            ignored: Vec::new(),
        }
    }

    /// The same with weights.
    pub(super) fn with_counts(self, counts: Counts) -> Self {
        Self { counts, ..self }
    }
}

impl Context<'_, '_> {
    /// Returns the number of dimensions of the maps that arrive; 0 for a row.
    pub(super) fn rank(&self) -> usize {
        self.input.len().saturating_sub(1)
    }

    /// Reports an error with the note that says what the layer receives.
    pub(super) fn problem(&mut self, diagnostic: Diagnostic) {
        let noted = diagnostic.note(self.origin());
        self.network.problems.push(noted);
    }

    fn origin(&self) -> String {
        let (path, shape) = (&self.path, shape::display(&self.input));
        match self.last {
            Some(last) => format!(
                "layer {path} receives {shape} from `{}` (line {})",
                last.type_name,
                last.span.line()
            ),
            None if self.depth > 0 => format!("layer {path} receives {shape}"),
            None => format!("layer {path} receives {shape}, the input"),
        }
    }

    /// Reports numbers beyond all bounds.
    pub(super) fn overflow(&mut self) {
        let message = format!("`{}` is too large to count", self.layer.kind.type_name());
        let span = self.layer.span.clone();
        self.problem(
            Diagnostic::error(message)
                .at(&span, "")
                .help("choose smaller sizes"),
        );
    }

    /// Returns whether a row arrives where the layer wants maps, and reports it.
    pub(super) fn lacks_maps(&mut self) -> bool {
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

    /// Returns what could be counted, or reports that it could not.
    pub(super) fn checked<T>(&mut self, result: Option<T>) -> Option<T> {
        if result.is_none() {
            self.overflow();
        }
        result
    }
}
