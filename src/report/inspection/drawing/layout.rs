//! How much room layers take.

use super::super::Inspection;
use super::{joint_label, label};
use crate::plan::{Layer, Operation};

/// Width of a letter.
const LETTER: f64 = 6.75;

/// Height of a line of text.
pub(super) const ROW: f64 = 14.0;

/// Space between two boxes one below the other, for the arrow.
pub(super) const GAP: f64 = 12.0;

/// Space between two lists side by side.
pub(super) const BETWEEN: f64 = 18.0;

/// Space between a box and its label.
pub(super) const BESIDE: f64 = 8.0;

/// Height of the fork where ways part.
pub(super) const FORK: f64 = 12.0;

/// Height of the joint where ways meet, and of the way to it.
pub(super) const JOINT: f64 = 30.0;

/// Radius of the sign of a joint.
pub(super) const SIGN: f64 = 7.0;

/// Width of the widest box.
const WIDEST: f64 = 110.0;

/// Returns the width of a text.
pub(super) fn text_width(letters: usize) -> f64 {
    LETTER * letters as f64
}

/// The room that layers take: to the left and right of the line they stand on, and down.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Room {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) height: f64,
    /// Where labels begin, right of the line.
    pub(super) labels: f64,
}

/// What decides the size of boxes.
pub(super) struct Measure {
    /// The widest map.
    widest: f64,
    /// How deep layers may stand in others to be drawn.
    depth: usize,
}

impl Measure {
    pub(super) fn new(shown: &Inspection<'_>) -> Self {
        let plan = shown.plan;
        let outputs = plan.every().into_iter().map(|layer| &layer.output);
        let extents = outputs.chain([&plan.input]).map(|shape| extent(shape));
        Self {
            widest: extents.max().unwrap_or(1) as f64,
            depth: shown.depth.unwrap_or(usize::MAX),
        }
    }

    /// Returns the width and height of the box of a shape.
    pub(super) fn size(&self, shape: &[usize]) -> (f64, f64) {
        let share = (extent(shape) as f64 / self.widest).sqrt();
        let channels = shape.first().copied().unwrap_or(1) as f64;
        (
            8.0 + (WIDEST - 8.0) * share,
            4.0 + 2.4 * (1.0 + channels).log2(),
        )
    }

    /// Returns the size of a layer's box; layers that keep the shape are thin.
    pub(super) fn of_layer(&self, layer: &Layer) -> (f64, f64) {
        let (width, height) = self.size(&layer.output);
        let thin = matches!(
            layer.operation,
            Operation::Activation(_)
                | Operation::Norm(_)
                | Operation::LocalResponseNorm(_)
                | Operation::Dropout(_)
                | Operation::Noise(_)
                | Operation::Scale(_)
        );
        (width, if thin { 5.0 } else { height })
    }

    /// Returns whether what a layer holds is drawn.
    pub(super) fn is_open(&self, layer: &Layer) -> bool {
        layer.depth < self.depth && !layer.operation.lists().is_empty()
    }

    /// Returns the room of the input's box.
    pub(super) fn input(&self, shape: &[usize]) -> Room {
        let (width, height) = self.size(shape);
        Room {
            left: width / 2.0,
            right: width / 2.0 + BESIDE + text_width(40),
            height: height.max(ROW),
            labels: 0.0,
        }
    }

    /// Returns the room of layers one below the other.
    pub(super) fn list(&self, layers: &[Layer]) -> Room {
        let mut room = Room::default();
        for layer in layers {
            if self.is_open(layer) {
                // A joint's label may stand as far out as those of boxes.
                room.labels = room.labels.max(SIGN + BESIDE);
            } else {
                room.labels = room.labels.max(self.of_layer(layer).0 / 2.0 + BESIDE);
            }
        }
        for layer in layers {
            let own = self.layer(layer, room.labels);
            room.left = room.left.max(own.left);
            room.right = room.right.max(own.right);
            room.height += own.height + GAP;
        }
        room.left = room.left.max(6.0);
        room.right = room.right.max(6.0);
        room
    }

    /// Returns the room of one layer with its label.
    pub(super) fn layer(&self, layer: &Layer, labels: f64) -> Room {
        let letters = |label: [String; 2]| {
            let count = |text: &String| text.chars().count();
            label.iter().map(count).sum::<usize>() + 1
        };
        if !self.is_open(layer) {
            let (width, height) = self.of_layer(layer);
            return Room {
                left: width / 2.0,
                right: labels + text_width(letters(label(layer))),
                height: height.max(ROW),
                labels,
            };
        }
        let mut room = match &layer.operation {
            Operation::Residual(residual) => {
                let body = self.list(&residual.layers);
                let way = self.list(&residual.shortcut);
                let around = if residual.shortcut.is_empty() {
                    BETWEEN
                } else {
                    BETWEEN + way.left + way.right
                };
                Room {
                    left: body.left + around,
                    height: body.height.max(way.height),
                    ..body
                }
            }
            operation => {
                let rooms: Vec<Room> = operation
                    .lists()
                    .into_iter()
                    .map(|list| self.list(list))
                    .collect();
                let axes = axes(&rooms);
                let (first, last) = (
                    axes.first().copied().unwrap_or(0.0),
                    axes.last().copied().unwrap_or(0.0),
                );
                let heights = rooms.iter().map(|room| room.height);
                Room {
                    left: rooms.first().map_or(0.0, |room| room.left) - first,
                    right: rooms.last().map_or(0.0, |room| room.right) + last,
                    height: heights.fold(0.0, f64::max),
                    labels,
                }
            }
        };
        room.height += FORK + JOINT;
        let label = SIGN + BESIDE + text_width(letters(joint_label(layer)));
        room.right = room.right.max(label);
        room.left = room.left.max(SIGN);
        room
    }
}

/// Returns where lists side by side stand, from the line between the first and the last.
pub(super) fn axes(rooms: &[Room]) -> Vec<f64> {
    let mut axes = Vec::with_capacity(rooms.len());
    let mut x = 0.0;
    for room in rooms {
        axes.push(x + room.left);
        x += room.left + room.right + BETWEEN;
    }
    let (first, last) = (
        axes.first().copied().unwrap_or(0.0),
        axes.last().copied().unwrap_or(0.0),
    );
    let middle = f64::midpoint(first, last);
    axes.iter().map(|axis| axis - middle).collect()
}

/// The last dimension of maps, 1 for a row.
fn extent(shape: &[usize]) -> usize {
    shape.iter().skip(1).last().copied().unwrap_or(1)
}
