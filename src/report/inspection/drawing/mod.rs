//! The network as SVG: from the top down, a box a layer, branches side by side, skips as arrows
//! around.

mod layout;
mod paint;

use std::fmt::Write as _;

use super::Inspection;
use crate::plan::{Layer, Operation};
use crate::report::html::escape;
use crate::report::number::thousands;
use crate::shape;
use layout::Measure;
use paint::Paint;

/// Space around the drawing.
const MARGIN: f64 = 20.0;

/// Height of the two lines above the network.
const HEAD: f64 = 44.0;

/// Colours that colour-blind readers can tell apart (Okabe & Ito), on light and on dark.
const STYLE: &str = "<style>\n\
    text { font: 11px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: #222 }\n\
    .paper { fill: #fff } .soft { fill: #666 } .head { font-weight: bold }\n\
    .flow { stroke: #777; fill: none } .skip { stroke: #cc79a7; fill: none; stroke-width: 1.5 }\n\
    .tip { fill: #777 } .skiptip { fill: #cc79a7 }\n\
    .conv { fill: #56b4e9 } .pool { fill: #e69f00 } .dense { fill: #009e73 }\n\
    .join { fill: #cc79a7 } .other { fill: #bbb }\n\
    @media (prefers-color-scheme: dark) {\n\
    text { fill: #eee } .paper { fill: #161616 } .soft { fill: #aaa } .other { fill: #666 }\n\
    .flow { stroke: #999 } .tip { fill: #999 } }\n\
    </style>\n";

impl Inspection<'_> {
    /// Draws the network as SVG.
    #[must_use]
    pub fn draw(&self) -> String {
        let measure = Measure::new(self);
        let size = measure.list(&self.plan.layers);
        let input = measure.input(&self.plan.input);
        let left = size.left.max(input.left);
        let mut paint = Paint::new(&measure);
        let lanes = paint.lanes(&self.plan.layers);
        let axis = MARGIN + lanes + left;
        let top = paint.input(&self.plan.input, axis, MARGIN + HEAD, &size);
        let bottom = paint.list(&self.plan.layers, axis, top, &size);
        paint.skips(MARGIN + lanes);
        let caption =
            "width of a box: width of the map (root); height: channels or units (logarithm)";
        let head = self.head();
        let widest = caption.chars().count().max(head.chars().count());
        let width = (axis + size.right.max(input.right)).max(MARGIN + layout::text_width(widest));
        let (width, height) = (width + MARGIN, bottom + MARGIN);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
             width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\">\n<title>{}</title>\n{STYLE}\
             <defs>{}{}</defs>\n<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n",
            escape(self.name),
            marker("tip"),
            marker("skiptip")
        );
        let _ = writeln!(
            svg,
            "<text class=\"head\" x=\"{MARGIN}\" y=\"{}\">{}</text>\n\
             <text class=\"soft\" x=\"{MARGIN}\" y=\"{}\">{caption}</text>",
            MARGIN + 10.0,
            escape(&head),
            MARGIN + 26.0
        );
        svg.push_str(&paint.finish());
        svg.push_str("</svg>\n");
        svg
    }

    fn head(&self) -> String {
        let counts = self.plan.counts().unwrap_or_default();
        let parameters = thousands(counts.parameters().unwrap_or(u64::MAX));
        let macs = thousands(counts.macs);
        format!("{}: {parameters} parameters, {macs} MACs", self.name)
    }
}

/// The head of an arrow.
fn marker(class: &str) -> String {
    format!(
        "<marker id=\"{class}\" viewBox=\"0 0 6 6\" refX=\"6\" refY=\"3\" markerWidth=\"6\" \
         markerHeight=\"6\" orient=\"auto\" markerUnits=\"userSpaceOnUse\">\
         <path class=\"{class}\" d=\"M0 0L6 3L0 6z\"/></marker>"
    )
}

/// The colour of a layer.
fn class(layer: &Layer) -> &'static str {
    match &layer.operation {
        Operation::Conv(_) | Operation::SeparableConv(_) | Operation::TransposedConv(_) => "conv",
        Operation::Pool(_) | Operation::GlobalPool(_) | Operation::AdaptivePool(_) => "pool",
        Operation::Dense(_) => "dense",
        Operation::Residual(_) | Operation::Branches(_) | Operation::Merge(_) => "join",
        _ => "other",
    }
}

/// What stands beside a layer's box: what it is, and its output.
fn label(layer: &Layer) -> [String; 2] {
    let name = layer.name.as_deref();
    let name = name.map_or_else(String::new, |name| format!("{name} "));
    let kernel = |windows: &[shape::Window]| {
        let sizes: Vec<usize> = windows.iter().map(|window| window.size).collect();
        let strides: Vec<usize> = windows.iter().map(|window| window.stride).collect();
        let stride = match strides.as_slice() {
            all if all.iter().all(|stride| *stride == 1) => String::new(),
            [first, rest @ ..] if rest.iter().all(|other| other == first) => format!(" /{first}"),
            all => format!(" /{}", shape::display(all)),
        };
        format!(" {}{stride}", shape::display(&sizes))
    };
    let type_name = layer.type_name;
    let what = match &layer.operation {
        Operation::Conv(conv) => format!("{type_name}{}", kernel(&conv.windows)),
        Operation::SeparableConv(conv) => format!("{type_name}{}", kernel(&conv.depthwise.windows)),
        Operation::TransposedConv(conv) => format!("{type_name}{}", kernel(&conv.conv.windows)),
        Operation::Pool(pool) => format!("{type_name}{}", kernel(&pool.windows)),
        Operation::Activation(function) => function.word().to_owned(),
        Operation::Merge(merge) => merge.join.word().to_owned(),
        _ => type_name.to_owned(),
    };
    [format!("{name}{what}"), shape::display(&layer.output)]
}

/// What stands beside the joint at the end of a residual or of branches.
fn joint_label(layer: &Layer) -> [String; 2] {
    let name = layer.name.as_deref();
    let name = name.map_or_else(String::new, |name| format!("{name} "));
    let what = match &layer.operation {
        Operation::Branches(branches) => branches.join.word().to_owned(),
        Operation::Residual(residual) => match residual.activation {
            Some(function) => format!("add, {}", function.word()),
            None => "add".to_owned(),
        },
        _ => String::new(),
    };
    [format!("{name}{what}"), shape::display(&layer.output)]
}
