//! The pools.

use super::conv::pads;
use super::{Wire, Writer, whole};
use crate::config::{PaddingMode, PoolKind};
use crate::onnx::Attribute;
use crate::plan;

impl Writer<'_> {
    /// Writes `MaxPool`, `AveragePool` or `LpPool`. A minimum is a maximum of what is negated, a sum a mean times the
    /// values of a window.
    pub(super) fn pool(&mut self, name: &str, pool: &plan::Pool, input: &Wire) -> String {
        let sizes = Attribute::Ints(whole(pool.windows.iter().map(|window| window.size)));
        let strides = Attribute::Ints(whole(pool.windows.iter().map(|window| window.stride)));
        let mut attributes = vec![("kernel_shape", sizes), ("strides", strides)];
        if matches!(pool.kind, PoolKind::Sum | PoolKind::L2) {
            // Zeros for padding and for what hangs over, so that every window is whole.
            let amount = whole_windows(pool, &input.shape);
            let from = if amount.iter().flatten().any(|side| *side > 0) {
                self.padded(name, &input.name, &amount, PaddingMode::Zeros)
            } else {
                input.name.clone()
            };
            if pool.kind == PoolKind::L2 {
                attributes.push(("p", Attribute::Int(2)));
                return self.graph.node(("LpPool", 11), name, &[&from], &attributes);
            }
            let means = self
                .graph
                .node(("AveragePool", 11), name, &[&from], &attributes);
            let taps: usize = pool.windows.iter().map(|window| window.size).product();
            return self.times(name, &means, taps as f32);
        }
        if pool.kind == PoolKind::Avg {
            return self.means(name, pool, input, attributes);
        }
        attributes.push(("pads", pads(&whole_windows(pool, &input.shape)[1..])));
        self.of_largest(name, pool.kind, &input.name, |writer, from| {
            writer
                .graph
                .node(("MaxPool", 12), name, &[from], &attributes)
        })
    }

    /// Writes `AveragePool`. What hangs over the end never counts; padding that does is a `Pad` before it then.
    fn means(
        &mut self,
        name: &str,
        pool: &plan::Pool,
        input: &Wire,
        attributes: Vec<(&'static str, Attribute)>,
    ) -> String {
        let mut attributes = attributes;
        let mut from = input.name.clone();
        let mut padding = whole_windows(pool, &input.shape)[1..].to_vec();
        let hangs_over = padding
            .iter()
            .zip(&pool.padding)
            .any(|(whole, own)| whole[1] > own[1]);
        if pool.count_padding && hangs_over {
            let amount = [vec![[0, 0]], pool.padding.clone()].concat();
            from = self.padded(name, &from, &amount, PaddingMode::Zeros);
            for (whole, own) in padding.iter_mut().zip(&pool.padding) {
                *whole = [0, whole[1].saturating_sub(own[1])];
            }
        } else if pool.count_padding {
            // The padding as it is, of which what no window reaches counts nowhere.
            attributes.push(("count_include_pad", Attribute::Int(1)));
        }
        attributes.push(("pads", pads(&padding)));
        self.graph
            .node(("AveragePool", 11), name, &[&from], &attributes)
    }

    /// Writes `GlobalMaxPool`, `GlobalAveragePool` or `GlobalLpPool` and makes a row of it.
    pub(super) fn global_pool(&mut self, name: &str, kind: PoolKind, input: &Wire) -> String {
        let pooled = match kind {
            PoolKind::Max | PoolKind::Min => {
                self.of_largest(name, kind, &input.name, |writer, from| {
                    writer.graph.node(("GlobalMaxPool", 1), name, &[from], &[])
                })
            }
            PoolKind::Avg => self
                .graph
                .node(("GlobalAveragePool", 1), name, &[&input.name], &[]),
            PoolKind::Sum => {
                let means = self
                    .graph
                    .node(("GlobalAveragePool", 1), name, &[&input.name], &[]);
                let positions: usize = input.shape[1..].iter().product();
                self.times(name, &means, positions as f32)
            }
            PoolKind::L2 => {
                let power = [("p", Attribute::Int(2))];
                self.graph
                    .node(("GlobalLpPool", 2), name, &[&input.name], &power)
            }
        };
        self.graph.node(
            ("Flatten", 13),
            name,
            &[&pooled],
            &[("axis", Attribute::Int(1))],
        )
    }

    /// Writes a pool of equal windows where the input divides; else each dimension by itself, with every window's
    /// values side by side: short windows have their last value twice for a maximum, and with a weight of 0 for a mean.
    pub(super) fn adaptive_pool(
        &mut self,
        name: &str,
        pool: &plan::AdaptivePool,
        input: &Wire,
    ) -> String {
        let mut wire = input.clone();
        let divides = input.shape[1..]
            .iter()
            .zip(&pool.output)
            .all(|(size, count)| size % count == 0);
        if divides {
            let sizes = input.shape[1..].iter().zip(&pool.output);
            let sizes = whole(sizes.map(|(size, count)| size / count));
            return self.adaptive_windows(name, pool.kind, &wire.name, &sizes);
        }
        for (index, count) in pool.output.iter().enumerate() {
            let size = wire.shape[index + 1];
            if size == *count {
                continue;
            }
            let spans: Vec<(usize, usize)> = (0..*count)
                .map(|at| plan::adaptive_window(at, *count, size))
                .collect();
            let widest = spans
                .iter()
                .map(|(begin, end)| end - begin)
                .max()
                .unwrap_or(1);
            let places = spans.iter().flat_map(|(begin, end)| {
                (0..widest).map(move |at| (begin + at).min(end - 1) as i64)
            });
            let places: Vec<i64> = places.collect();
            let places = self.graph.integers(&format!("{name}/places"), &places);
            let axis = [("axis", Attribute::Int(index as i64 + 2))];
            let mut line = self
                .graph
                .node(("Gather", 13), name, &[&wire.name, &places], &axis);
            if pool.kind == PoolKind::Avg {
                let shares = spans.iter().flat_map(|(begin, end)| {
                    let own = widest as f32 / (end - begin) as f32;
                    (0..widest).map(move |at| if begin + at < *end { own } else { 0.0 })
                });
                let shares: Vec<f32> = shares.collect();
                let shape = [vec![shares.len()], vec![1; pool.output.len() - 1 - index]].concat();
                let shares = self
                    .graph
                    .floats(&format!("{name}/shares"), &shape, &shares);
                line = self.graph.node(("Mul", 14), name, &[&line, &shares], &[]);
            }
            let mut sizes = vec![1; pool.output.len()];
            sizes[index] = widest as i64;
            wire.name = self.adaptive_windows(name, pool.kind, &line, &sizes);
            wire.shape[index + 1] = *count;
        }
        wire.name
    }

    fn adaptive_windows(
        &mut self,
        name: &str,
        kind: PoolKind,
        input: &str,
        sizes: &[i64],
    ) -> String {
        let attributes = [
            ("kernel_shape", Attribute::Ints(sizes.to_vec())),
            ("strides", Attribute::Ints(sizes.to_vec())),
        ];
        let op = if kind == PoolKind::Max {
            ("MaxPool", 12)
        } else {
            ("AveragePool", 11)
        };
        self.graph.node(op, name, &[input], &attributes)
    }

    /// Writes a pool of largest values, or of smallest.
    fn of_largest(
        &mut self,
        name: &str,
        kind: PoolKind,
        input: &str,
        pool: impl Fn(&mut Self, &str) -> String,
    ) -> String {
        if kind == PoolKind::Max {
            return pool(self, input);
        }
        let negated = self.graph.node(("Neg", 13), name, &[input], &[]);
        let pooled = pool(self, &negated);
        self.graph.node(("Neg", 13), name, &[&pooled], &[])
    }

    fn times(&mut self, name: &str, input: &str, factor: f32) -> String {
        let factor = self.graph.floats(&format!("{name}/values"), &[], &[factor]);
        self.graph.node(("Mul", 14), name, &[input, &factor], &[])
    }
}

/// Returns the padding that makes all windows whole, `[before, after]` for the channels and each dimension.
fn whole_windows(pool: &plan::Pool, shape: &[usize]) -> Vec<[usize; 2]> {
    let sizes = pool
        .windows
        .iter()
        .zip(&pool.padding)
        .zip(&pool.output)
        .zip(&shape[1..]);
    let sides = sizes.map(|(((window, [before, _]), output), size)| {
        let needed = (output - 1) * window.stride + window.size;
        [*before, needed.saturating_sub(size + before)]
    });
    [[0, 0]].into_iter().chain(sides).collect()
}
