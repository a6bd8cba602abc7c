//! A network as a table with the textbook's memory formulas, as JSON, as a drawing, and one layer
//! of it explained.

mod drawing;
pub mod explain;
mod formulas;
mod graphs;
pub mod json;
mod sliding;
mod summary;

mod table;

pub(super) use table::title;

use crate::config::Optimizer;
use crate::plan::{Dtype, Layer, Plan};
use crate::shape;

/// What is shown of a network, and for what.
#[derive(Clone, Copy, Debug)]
pub struct Inspection<'a> {
    /// What the network is called.
    pub name: &'a str,
    /// The network.
    pub plan: &'a Plan,
    /// Inputs at a time.
    pub batch: usize,
    /// How values are stored.
    pub dtype: Dtype,
    /// What training would keep beside the gradients.
    pub optimizer: &'a Optimizer,
    /// How deep layers may stand in others to be shown; all if absent.
    pub depth: Option<usize>,
    /// Whether all columns are shown.
    pub wide: bool,
    /// Columns of the terminal; no limit if absent.
    pub width: Option<usize>,
}

impl<'a> Inspection<'a> {
    /// Shows a whole network in 32-bit floats.
    #[must_use]
    pub fn new(name: &'a str, plan: &'a Plan, batch: usize, optimizer: &'a Optimizer) -> Self {
        Self {
            name,
            plan,
            batch,
            dtype: Dtype::F32,
            optimizer,
            depth: None,
            wide: false,
            width: None,
        }
    }

    /// Writes the table and the totals; `None` when a figure is beyond counting.
    #[must_use]
    pub fn render(&self) -> Option<String> {
        let totals = self.plan.totals(self.dtype, self.batch)?;
        let mut text = format!(
            "{}: input {}, batch {}, {}\n\n",
            self.name,
            shape::display(&self.plan.input),
            self.batch,
            self.dtype.word()
        );
        table::write(self, &mut text)?;
        summary::write(self, &totals, &mut text);
        Some(text)
    }

    /// Returns the layers that are shown, those that hold others before what they hold.
    fn layers(&self) -> Vec<&'a Layer> {
        let mut layers = self.plan.every();
        if let Some(depth) = self.depth {
            layers.retain(|layer| layer.depth <= depth);
        }
        layers
    }
}

/// Writes sizes of a field: `14x14`.
fn sizes(sizes: &[u64]) -> String {
    let sizes: Vec<String> = sizes.iter().map(u64::to_string).collect();
    sizes.join("x")
}

/// Writes a number with no more digits than it has: `2`, `0.5`.
fn decimal(number: f64) -> String {
    if number.fract() == 0.0 {
        format!("{number:.0}")
    } else {
        let text = format!("{number:.3}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

/// Writes padding in the fewest words: `1`, or `0+1` before and after, or one for each dimension.
fn pairs(padding: &[[usize; 2]]) -> String {
    let one = |[before, after]: &[usize; 2]| {
        if before == after {
            before.to_string()
        } else {
            format!("{before}+{after}")
        }
    };
    match padding {
        [first, rest @ ..] if rest.iter().all(|other| other == first) => one(first),
        all => all.iter().map(one).collect::<Vec<_>>().join("x"),
    }
}
