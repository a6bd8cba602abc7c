//! Which part of the input one place of a map sees, padding and edges apart.

use std::collections::HashMap;

use super::{Conv, Layer, Operation, Plan};
use crate::config::{PaddingMode, UpsampleMode};
use crate::shape::Window;

/// First place and one past the last, for each dimension of a map.
type Part = Vec<[usize; 2]>;

impl Plan {
    /// Returns the part of the input that a place of a layer's maps is computed from, first and one past the last for
    /// each dimension; nothing if it sees padding alone.
    ///
    /// Ways around and side by side are followed too; what lies between two parts counts as seen. Statistics that a
    /// normalization takes of a whole map do not.
    #[must_use]
    pub(crate) fn seen(&self, layer: usize, at: &[usize]) -> Option<Part> {
        let mut way = Way {
            target: layer,
            at,
            wanted: HashMap::new(),
        };
        way.list(&self.layers, None)
    }
}

/// A way from a layer back to the input.
struct Way<'a> {
    target: usize,
    at: &'a [usize],
    /// What a `merge` further on takes of a layer's output.
    wanted: HashMap<usize, Part>,
}

impl Way<'_> {
    /// Returns what a list of layers needs of its input for a part of its output.
    fn list(&mut self, layers: &[Layer], part: Option<Part>) -> Option<Part> {
        let mut part = part;
        for layer in layers.iter().rev() {
            if layer.index == self.target {
                let places = self.at.iter().map(|at| [*at, at + 1]);
                part = joined(part, Some(places.collect()));
            }
            part = joined(part, self.wanted.remove(&layer.index));
            part = self.through(layer, part.map(|part| fitted(part, &layer.output)));
        }
        part
    }

    /// Returns what a layer needs of its input.
    fn through(&mut self, layer: &Layer, part: Option<Part>) -> Option<Part> {
        let lists = layer.operation.lists();
        if !lists.is_empty() {
            let lists = lists.into_iter();
            return lists.fold(None, |all, list| joined(all, self.list(list, part.clone())));
        }
        let part = part?;
        let extents = layer.input.get(1..).unwrap_or_default();
        let each = |through: &dyn Fn(usize, [usize; 2], usize) -> Option<[usize; 2]>| {
            let sides = part.iter().zip(extents).enumerate();
            sides
                .map(|(side, (part, extent))| through(side, *part, *extent))
                .collect()
        };
        match &layer.operation {
            Operation::Conv(conv) => {
                each(&|side, part, extent| read_by_conv(conv, side, part, extent))
            }
            Operation::SeparableConv(conv) => {
                each(&|side, part, extent| read_by_conv(&conv.depthwise, side, part, extent))
            }
            Operation::Pool(pool) => each(&|side, part, extent| {
                let read = read_by(pool.windows[side], pool.padding[side][0], part);
                brought(read, extent, PaddingMode::Zeros)
            }),
            Operation::TransposedConv(transposed) => each(&|side, part, extent| {
                let conv = &transposed.conv;
                let read = spread_by(conv.windows[side], conv.padding[side][0], part);
                brought(read, extent, PaddingMode::Zeros)
            }),
            Operation::Upsample(upsample) => each(&|side, part, extent| {
                let read = enlarged_to(upsample.mode, upsample.scale[side], part);
                brought(read, extent, PaddingMode::Replicate)
            }),
            Operation::PixelShuffle(scale) => {
                each(&|_, [first, end], _| Some([first / scale, (end - 1) / scale + 1]))
            }
            Operation::AdaptivePool(pool) => each(&|side, [first, end], extent| {
                let output = pool.output[side].max(1);
                Some([first * extent / output, (end * extent).div_ceil(output)])
            }),
            Operation::Pad(pad) => each(&|side, [first, end], extent| {
                let before = pad.amount[side + 1][0].cast_signed();
                let read = [first.cast_signed() - before, end.cast_signed() - 1 - before];
                brought(read, extent, pad.mode)
            }),
            Operation::Crop(amount) => each(&|side, [first, end], _| {
                let before = amount[side + 1][0];
                Some([first + before, end + before])
            }),
            Operation::Dense(_)
            | Operation::GlobalPool(_)
            | Operation::Flatten
            | Operation::Reshape(_) => Some(extents.iter().map(|extent| [0, *extent]).collect()),
            Operation::Merge(merge) => {
                for from in &merge.from {
                    let before = self.wanted.remove(from);
                    if let Some(both) = joined(before, Some(part.clone())) {
                        self.wanted.insert(*from, both);
                    }
                }
                Some(part)
            }
            // Place by place. What holds layers went the way of its lists.
            Operation::Activation(_)
            | Operation::Norm(_)
            | Operation::LocalResponseNorm(_)
            | Operation::Dropout(_)
            | Operation::Noise(_)
            | Operation::Scale(_)
            | Operation::Residual(_)
            | Operation::Branches(_) => Some(part),
        }
    }
}

/// Returns what the windows of a convolution read along one side of a map.
fn read_by_conv(conv: &Conv, side: usize, part: [usize; 2], extent: usize) -> Option<[usize; 2]> {
    let read = read_by(conv.windows[side], conv.padding[side][0], part);
    brought(read, extent, conv.padding_mode)
}

/// Returns the first and the last place that windows read.
fn read_by(window: Window, before: usize, [first, end]: [usize; 2]) -> [isize; 2] {
    let begin = |at: usize| (at * window.stride).cast_signed() - before.cast_signed();
    let reach = (window.dilation * (window.size - 1)).cast_signed();
    [begin(first), begin(end - 1) + reach]
}

/// Returns the first and the last place whose window in a transposed convolution writes there.
fn spread_by(window: Window, cut: usize, [first, end]: [usize; 2]) -> [isize; 2] {
    let stride = window.stride.cast_signed();
    let reach = (window.dilation * (window.size - 1)).cast_signed();
    let place = |at: usize| (at + cut).cast_signed();
    let above = |number: isize| -(-number).div_euclid(stride);
    [
        above(place(first) - reach),
        place(end - 1).div_euclid(stride),
    ]
}

/// Returns the first and the last place that larger maps are made of.
fn enlarged_to(mode: UpsampleMode, scale: usize, [first, end]: [usize; 2]) -> [isize; 2] {
    match mode {
        UpsampleMode::Nearest => [first / scale, (end - 1) / scale].map(usize::cast_signed),
        UpsampleMode::Linear => {
            // Neighbours of the middle of an output, in whole steps of half an output.
            let before = |at: usize| {
                let twice = (2 * at + 1).cast_signed() - scale.cast_signed();
                twice.div_euclid(2 * scale.cast_signed())
            };
            [before(first), before(end - 1) + 1]
        }
    }
}

/// Brings places onto a map: what lies outside is padding, and stands for places of the map in other modes than zeros.
fn brought([first, last]: [isize; 2], extent: usize, mode: PaddingMode) -> Option<[usize; 2]> {
    let top = extent.cast_signed() - 1;
    let is_inside = first >= 0 && last <= top;
    let [first, last] = match mode {
        PaddingMode::Circular if !is_inside => [0, top],
        PaddingMode::Reflect if !is_inside => {
            // Mirrored about the outermost values.
            let low = if last > top {
                first.min(2 * top - last)
            } else {
                first
            };
            let high = if first < 0 { last.max(-first) } else { last };
            [low, high]
        }
        PaddingMode::Replicate => [first.min(top), last.max(0)],
        _ => [first, last],
    };
    let [first, last] = [first.max(0), last.min(top)];
    (first <= last).then(|| [first.cast_unsigned(), last.cast_unsigned() + 1])
}

/// Returns a part of a map of a shape: one place of a map that is spread over others is needed whole.
fn fitted(part: Part, shape: &[usize]) -> Part {
    let extents = shape.get(1..).unwrap_or_default();
    if part.len() != extents.len() {
        return extents.iter().map(|extent| [0, *extent]).collect();
    }
    let sides = part.into_iter().zip(extents);
    sides
        .map(|([first, end], extent)| match *extent {
            1 => [0, 1],
            extent => [first.min(extent - 1), end.min(extent)],
        })
        .collect()
}

/// Returns the smallest part that holds both.
fn joined(a: Option<Part>, b: Option<Part>) -> Option<Part> {
    let (a, b) = match (a, b) {
        (Some(a), Some(b)) => (a, b),
        (a, b) => return a.or(b),
    };
    // A row and a map come together where the row is spread: the map is what is seen.
    if a.len() != b.len() {
        return Some(if a.len() > b.len() { a } else { b });
    }
    let sides = a.into_iter().zip(b);
    Some(
        sides
            .map(|(a, b)| [a[0].min(b[0]), a[1].max(b[1])])
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[track_caller]
    fn check(layers: &str, input: usize, at: usize, seen: Option<[usize; 2]>) {
        let text = format!("[model]\ninput = [4, {input}]\nlayers = {layers}\n");
        let config = Config::parse("test.toml", &text, &[]).config.unwrap();
        let plan = Plan::new(&config.model).unwrap();
        let last = plan.layers.last().unwrap();
        let found = plan.seen(last.index, &[at]);
        assert_eq!(found, seen.map(|part| vec![part]), "{layers} at {at}");
    }

    #[test]
    fn places_see_what_windows_read() {
        let conv = r#"[{ type = "conv", filters = 4, kernel_size = 5, padding = 2 }]"#;
        check(conv, 28, 0, Some([0, 3]));
        check(conv, 28, 27, Some([25, 28]));
        let lenet = r#"[{ type = "conv", filters = 4, kernel_size = 5, padding = 2 }, { type = "pool", kind = "avg", size = 2 },
            { type = "conv", filters = 4, kernel_size = 5 }]"#;
        check(lenet, 28, 4, Some([6, 20]));
        let dilated = r#"[{ type = "conv", filters = 4, kernel_size = 3, dilation = 4, padding = "causal" }]"#;
        check(dilated, 28, 9, Some([1, 10]));
        let far = r#"[{ type = "conv", filters = 4, kernel_size = 1, padding = 3 }]"#;
        check(far, 8, 0, None);
        check(far, 8, 3, Some([0, 1]));
    }

    #[test]
    fn padding_stands_for_places_of_the_map() {
        let mode = |mode: &str| {
            format!(
                r#"[{{ type = "conv", filters = 4, kernel_size = 3, padding = 2, padding_mode = "{mode}" }}]"#
            )
        };
        check(&mode("reflect"), 8, 0, Some([0, 3]));
        check(&mode("reflect"), 8, 9, Some([5, 8]));
        check(&mode("replicate"), 8, 0, Some([0, 1]));
        check(&mode("circular"), 8, 0, Some([0, 8]));
        check(&mode("zeros"), 8, 0, Some([0, 1]));
        let pad =
            r#"[{ type = "pad", amount = 2 }, { type = "conv", filters = 4, kernel_size = 3 }]"#;
        check(pad, 8, 1, Some([0, 2]));
        let crop =
            r#"[{ type = "crop", amount = 2 }, { type = "conv", filters = 4, kernel_size = 3 }]"#;
        check(crop, 8, 1, Some([3, 6]));
    }

    #[test]
    fn larger_maps_see_what_they_were_made_of() {
        let nearest =
            r#"[{ type = "pool", kind = "max", size = 2 }, { type = "upsample", scale = 2 }]"#;
        check(nearest, 8, 1, Some([0, 2]));
        check(nearest, 8, 2, Some([2, 4]));
        let linear = r#"[{ type = "upsample", scale = 2, mode = "linear" }]"#;
        check(linear, 8, 0, Some([0, 1]));
        check(linear, 8, 1, Some([0, 2]));
        check(linear, 8, 2, Some([0, 2]));
        check(linear, 8, 15, Some([7, 8]));
        let transposed = r#"[{ type = "conv_transpose", filters = 4, kernel_size = 4, stride = 2, padding = 1 }]"#;
        check(transposed, 8, 0, Some([0, 1]));
        check(transposed, 8, 1, Some([0, 2]));
        check(transposed, 8, 2, Some([0, 2]));
        let adaptive = r#"[{ type = "adaptive_pool", kind = "avg", output = 3 }]"#;
        check(adaptive, 5, 1, Some([1, 4]));
    }

    #[test]
    fn a_pixel_sees_the_value_that_it_is() {
        let text = r#"[model]
            input = [8, 5, 7]
            layers = [{ type = "pool", kind = "max", size = 2 }, { type = "pixel_shuffle", scale = 2 }]"#;
        let config = Config::parse("test.toml", text, &[]).config.unwrap();
        let plan = Plan::new(&config.model).unwrap();
        assert_eq!(plan.seen(1, &[1, 5]), Some(vec![[0, 2], [4, 6]]));
        assert_eq!(plan.seen(1, &[2, 0]), Some(vec![[2, 4], [0, 2]]));
    }

    #[test]
    fn ways_around_and_side_by_side_are_seen_together() {
        let residual = r#"[{ type = "residual", layers = [
            { type = "conv", filters = 4, kernel_size = 5, padding = "causal" } ], shortcut = [
            { type = "conv", filters = 4, kernel_size = 3, padding = "same" } ] }]"#;
        check(residual, 16, 8, Some([4, 10]));
        let squeezed = r#"[{ type = "branches", merge = "multiply", branches = [ [],
            [ { type = "global_pool" }, { type = "dense", units = 4 }, { type = "reshape", shape = [4, 1] } ] ] }]"#;
        check(squeezed, 16, 8, Some([0, 16]));
        let merged = r#"[{ type = "conv", name = "a", filters = 4, kernel_size = 3 }, { type = "conv", filters = 4, kernel_size = 1 },
            { type = "merge", from = "a", with = "add" }]"#;
        check(merged, 16, 5, Some([5, 8]));
    }
}
