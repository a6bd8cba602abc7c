//! The boxes, arrows and labels at their places.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::layout::{BESIDE, BETWEEN, FORK, GAP, JOINT, Measure, ROW, Room, SIGN, axes};
use super::{class, joint_label, label};
use crate::plan::{Layer, Operation};
use crate::report::html::escape;
use crate::report::number::thousands;
use crate::shape;

/// Width of a lane in which skips run.
const LANE: f64 = 9.0;

/// Lanes for skips; more of them share lanes.
const LANES: usize = 32;

/// Where an output can be taken: the left side of its box.
#[derive(Clone, Copy)]
struct Place {
    x: f64,
    y: f64,
}

/// A drawing in the making.
pub(super) struct Paint<'m> {
    measure: &'m Measure,
    lines: String,
    boxes: String,
    places: HashMap<usize, Place>,
    /// Skips by the indices of the layers at their ends.
    skips: Vec<(usize, usize)>,
}

impl<'m> Paint<'m> {
    pub(super) fn new(measure: &'m Measure) -> Self {
        Self {
            measure,
            lines: String::new(),
            boxes: String::new(),
            places: HashMap::new(),
            skips: Vec::new(),
        }
    }

    /// Finds the skips to later layers; returns the width of the lanes they run in.
    pub(super) fn lanes(&mut self, layers: &[Layer]) -> f64 {
        self.find_skips(layers);
        let lanes = assign(&self.skips)
            .into_iter()
            .max()
            .map_or(0, |lane| lane + 1);
        LANE * lanes as f64 + if lanes > 0 { 6.0 } else { 0.0 }
    }

    fn find_skips(&mut self, layers: &[Layer]) {
        for layer in layers {
            if let Operation::Merge(merge) = &layer.operation {
                let skips = merge.from.iter().map(|from| (*from, layer.index));
                self.skips.extend(skips);
            }
            if self.measure.is_open(layer) {
                for list in layer.operation.lists() {
                    self.find_skips(list);
                }
            }
        }
    }

    /// Draws the skips, in lanes left of `edge`.
    pub(super) fn skips(&mut self, edge: f64) {
        let lanes = assign(&self.skips);
        for ((from, to), lane) in self.skips.iter().zip(lanes) {
            // What a layer that is not drawn puts out has no place.
            let (Some(from), Some(to)) = (self.places.get(from), self.places.get(to)) else {
                continue;
            };
            let x = edge - 6.0 - LANE * lane as f64;
            let _ = writeln!(
                self.lines,
                "<path class=\"skip\" marker-end=\"url(#skiptip)\" d=\"M{:.1} {:.1}H{x:.1}V{:.1}H{:.1}\"/>",
                from.x, from.y, to.y, to.x
            );
        }
    }

    /// Returns the drawing, boxes and labels above lines.
    pub(super) fn finish(self) -> String {
        self.lines + &self.boxes
    }

    /// Draws the input; returns where what follows begins.
    pub(super) fn input(&mut self, shape: &[usize], axis: f64, top: f64, room: &Room) -> f64 {
        let (width, height) = self.measure.size(shape);
        let row = height.max(ROW);
        let middle = top + row / 2.0;
        let labels = room.labels.max(width / 2.0 + BESIDE);
        let text = ["input".to_owned(), shape::display(shape)];
        self.boxed("other", [axis, middle], [width, height], None);
        self.label(&text, axis + labels, middle);
        middle + height / 2.0
    }

    /// Draws layers one below the other from `from`, where an output comes out; returns where the
    /// last comes out.
    pub(super) fn list(&mut self, layers: &[Layer], axis: f64, from: f64, room: &Room) -> f64 {
        let mut from = from;
        for layer in layers {
            from = if self.measure.is_open(layer) {
                self.container(layer, axis, from)
            } else {
                self.single(layer, axis, from, room.labels)
            };
        }
        from
    }

    fn single(&mut self, layer: &Layer, axis: f64, from: f64, labels: f64) -> f64 {
        let (width, height) = self.measure.of_layer(layer);
        let middle = from + GAP + height.max(ROW) / 2.0;
        let (above, below) = (middle - height / 2.0, middle + height / 2.0);
        self.arrow(&format!("M{axis:.1} {from:.1}V{above:.1}"));
        let told = told(layer);
        self.boxed(class(layer), [axis, middle], [width, height], Some(&told));
        self.label(&label(layer), axis + labels, middle);
        let place = Place {
            x: axis - width / 2.0,
            y: middle,
        };
        self.places.insert(layer.index, place);
        below
    }

    fn container(&mut self, layer: &Layer, axis: f64, from: f64) -> f64 {
        let fork = from + FORK;
        self.line(&format!("M{axis:.1} {from:.1}V{fork:.1}"));
        let lists = layer.operation.lists();
        let rooms: Vec<Room> = lists.iter().map(|list| self.measure.list(list)).collect();
        let heights = rooms.iter().map(|room| room.height);
        let height = heights.fold(0.0, f64::max);
        let joint = fork + height + JOINT - SIGN;
        if let Operation::Residual(residual) = &layer.operation {
            let body = rooms.first().copied().unwrap_or_default();
            let way = rooms.get(1).copied().unwrap_or_default();
            let end = self.list(&residual.layers, axis, fork, &body);
            self.arrow(&format!("M{axis:.1} {end:.1}V{:.1}", joint - SIGN));
            let beside = axis - body.left - BETWEEN;
            if residual.shortcut.is_empty() {
                let path = format!(
                    "M{axis:.1} {fork:.1}H{beside:.1}V{joint:.1}H{:.1}",
                    axis - SIGN
                );
                self.skip(&path);
            } else {
                let beside = beside - way.right;
                self.line(&format!("M{axis:.1} {fork:.1}H{beside:.1}"));
                let end = self.list(&residual.shortcut, beside, fork, &way);
                let path = format!("M{beside:.1} {end:.1}V{joint:.1}H{:.1}", axis - SIGN);
                self.skip(&path);
            }
        } else {
            let meet = fork + height + 8.0;
            let axes: Vec<f64> = axes(&rooms).iter().map(|x| axis + x).collect();
            for ((list, room), x) in lists.iter().zip(&rooms).zip(&axes) {
                self.line(&format!("M{axis:.1} {fork:.1}H{x:.1}"));
                let end = self.list(list, *x, fork, room);
                self.line(&format!("M{x:.1} {end:.1}V{meet:.1}H{axis:.1}"));
            }
            self.arrow(&format!("M{axis:.1} {meet:.1}V{:.1}", joint - SIGN));
        }
        self.joint(layer, axis, joint);
        joint + SIGN
    }

    /// Draws where ways meet.
    fn joint(&mut self, layer: &Layer, axis: f64, middle: f64) {
        let told = escape(&told(layer));
        let _ = writeln!(
            self.boxes,
            "<circle class=\"join\" cx=\"{axis:.1}\" cy=\"{middle:.1}\" r=\"{SIGN}\">\
             <title>{told}</title></circle>"
        );
        self.label(&joint_label(layer), axis + SIGN + BESIDE, middle);
        let place = Place {
            x: axis - SIGN,
            y: middle,
        };
        self.places.insert(layer.index, place);
    }

    fn boxed(&mut self, class: &str, at: [f64; 2], size: [f64; 2], told: Option<&str>) {
        let ([x, y], [width, height]) = (at, size);
        let title = told.map_or_else(String::new, |told| {
            format!("<title>{}</title>", escape(told))
        });
        let _ = writeln!(
            self.boxes,
            "<rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" \
             height=\"{height:.1}\" rx=\"1.5\">{title}</rect>",
            x - width / 2.0,
            y - height / 2.0
        );
    }

    fn label(&mut self, text: &[String; 2], x: f64, middle: f64) {
        let [what, output] = text;
        let _ = writeln!(
            self.boxes,
            "<text x=\"{x:.1}\" y=\"{:.1}\">{} <tspan class=\"soft\">{}</tspan></text>",
            middle + 4.0,
            escape(what),
            escape(output)
        );
    }

    fn line(&mut self, path: &str) {
        let _ = writeln!(self.lines, "<path class=\"flow\" d=\"{path}\"/>");
    }

    fn arrow(&mut self, path: &str) {
        let _ = writeln!(
            self.lines,
            "<path class=\"flow\" marker-end=\"url(#tip)\" d=\"{path}\"/>"
        );
    }

    fn skip(&mut self, path: &str) {
        let _ = writeln!(
            self.lines,
            "<path class=\"skip\" marker-end=\"url(#skiptip)\" d=\"{path}\"/>"
        );
    }
}

/// What is told of a layer where the pointer rests on it.
fn told(layer: &Layer) -> String {
    let parameters = layer.counts.parameters().unwrap_or(u64::MAX);
    format!(
        "{} {}: {} → {}, {} parameters, {} MACs",
        layer.path,
        layer.type_name,
        shape::display(&layer.input),
        shape::display(&layer.output),
        thousands(parameters),
        thousands(layer.counts.macs)
    )
}

/// Returns a lane for each skip, such that those in one do not meet as long as there are lanes.
fn assign(skips: &[(usize, usize)]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..skips.len()).collect();
    // Short ones inside.
    order.sort_by_key(|skip| skips[*skip].1 - skips[*skip].0);
    let mut lanes: Vec<Vec<(usize, usize)>> = Vec::new();
    let mut assigned = vec![0; skips.len()];
    for skip in order {
        let (from, to) = skips[skip];
        let free =
            |lane: &Vec<(usize, usize)>| lane.iter().all(|(begin, end)| *end < from || to < *begin);
        let lane = lanes.iter().position(free).unwrap_or(lanes.len());
        let lane = if lane < LANES { lane } else { skip % LANES };
        if lane == lanes.len() {
            lanes.push(Vec::new());
        }
        lanes[lane].push((from, to));
        assigned[skip] = lane;
    }
    assigned
}
