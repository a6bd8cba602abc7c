//! `[budget]`: whether the network keeps to its bounds.

use super::{Dtype, Plan};
use crate::config::{Budget, Spanned};
use crate::diagnostic::Diagnostic;
use crate::shape;

impl Plan {
    /// Returns an error for each bound that the network breaks. Memory is counted in 32-bit
    /// floats: of an inference for one input, of training for batches of `batch_size`.
    #[must_use]
    pub(crate) fn breaches(&self, budget: &Budget, batch_size: usize) -> Vec<Diagnostic> {
        let mut breaches = Vec::new();
        let Some(totals) = self.totals(Dtype::F32, 1) else {
            return breaches;
        };
        let mut most = |limit: &Option<Spanned<u64>>, key: &str, figure: u64, what: &str| {
            if let Some(limit) = limit.as_ref().filter(|limit| figure > limit.value) {
                breaches.push(over(key, limit, figure, what));
            }
        };
        let parameters = totals.parameters();
        most(
            &budget.max_parameters,
            "max_parameters",
            parameters,
            "parameters",
        );
        most(&budget.max_macs, "max_macs", totals.macs, "MACs");
        most(
            &budget.max_inference_memory,
            "max_inference_memory",
            totals.inference_bytes,
            "bytes of inference memory for one input",
        );
        let batch = u64::try_from(batch_size).unwrap_or(u64::MAX);
        most(
            &budget.max_training_memory,
            "max_training_memory",
            totals.training_bytes.saturating_mul(batch),
            &format!("bytes of training memory for batches of {batch_size}"),
        );
        breaches.extend(too_near_sighted(budget, &totals.receptive_field));
        breaches
    }
}

/// Returns an error where the last map sees less than it must.
fn too_near_sighted(budget: &Budget, field: &[u64]) -> Option<Diagnostic> {
    let least = budget.min_receptive_field.as_ref()?;
    let Some(sizes) = least.value.resolve(field.len()) else {
        let message = "`min_receptive_field` takes one number, or one per dimension";
        let label = format!("needs {} entries", field.len());
        return Some(Diagnostic::error(message).at(&least.span, label));
    };
    let field: Vec<usize> = field.iter().map(|size| *size as usize).collect();
    let missing = sizes
        .iter()
        .zip(&field)
        .map(|(least, size)| least.saturating_sub(*size))
        .max()
        .filter(|missing| *missing > 0)?;
    let message = format!(
        "the network breaks its budget: its receptive field is {}",
        shape::display(&field)
    );
    let label = format!("{missing} input {} too few", shape::places(field.len()));
    let help = "use larger kernels, more layers, strides or dilation, or lower the bound";
    Some(
        Diagnostic::error(message)
            .at(&least.span, label)
            .help(help)
            .note(format!("the bound is {}", shape::display(&sizes))),
    )
}

fn over(key: &str, limit: &Spanned<u64>, figure: u64, what: &str) -> Diagnostic {
    let (by, bound) = (figure - limit.value, limit.value);
    let show = shape::thousands;
    let message = format!("the network breaks its budget: {} {what}", show(figure));
    let share = if bound == 0 {
        String::new()
    } else {
        format!(", {:.1} %", by as f64 / bound as f64 * 100.0)
    };
    Diagnostic::error(message)
        .at(&limit.span, format!("{} too many{share}", show(by)))
        .note(format!("`{key}` is {}", show(bound)))
        .help("make the network smaller, or raise the bound")
}
