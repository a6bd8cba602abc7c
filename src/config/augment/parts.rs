//! The changes of `[augment]` that have settings of their own, and the kinds of their values.

use super::super::form::Form;
use super::super::node::{Node, Table, Value};
use super::super::reader::{self, Mismatch, Reader};
use super::super::value::{self, COUNT, Kind, Number, Word, word_of};
use crate::diagnostic::Diagnostic;

/// A window of the picture in place of the whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RandomCrop {
    /// The picture's own size, anywhere in the picture with so many pixels of background around it.
    Padding(usize),
    /// A part of the picture, brought to its size.
    Resized {
        /// Least and largest share of the area.
        scale: [f64; 2],
        /// Least and largest width over height.
        ratio: [f64; 2],
    },
}

/// A rectangle that is blotted out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Erase {
    /// How probable it is.
    pub probability: f64,
    /// Least and largest share of the area.
    pub area: [f64; 2],
    /// Least and largest height over width.
    pub ratio: [f64; 2],
    /// What takes its place.
    pub fill: EraseFill,
}

/// What takes the place of an erased rectangle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EraseFill {
    /// A random value for each pixel and channel.
    Random,
    /// 0 after normalization.
    Zero,
}

/// A smooth random displacement of each pixel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Elastic {
    /// Factor of the smoothed displacements, in pixels.
    pub alpha: f64,
    /// Deviation of the Gaussian that smooths them, in pixels.
    pub sigma: f64,
}

const FILLS: &[(&str, EraseFill)] = &[("random", EraseFill::Random), ("zero", EraseFill::Zero)];

/// The least and the largest of what is drawn.
pub(super) struct Range {
    expected: &'static str,
    each: Number,
}

impl Range {
    pub(super) fn new(expected: &'static str, accept: fn(f64) -> bool) -> Self {
        let each = value::number(expected, accept);
        Self { expected, each }
    }
}

impl Kind for Range {
    type Value = [f64; 2];

    fn parse(&self, node: &Node) -> Result<[f64; 2], Mismatch> {
        let mismatch = || Mismatch::new(self.expected, node);
        let Value::Array(items) = &node.value else {
            return Err(mismatch());
        };
        let [least, largest] = items.as_slice() else {
            return Err(mismatch());
        };
        let number = |node| self.each.parse(node).map_err(|_| mismatch());
        let range @ [least, largest] = [number(least)?, number(largest)?];
        if least > largest {
            return Err(mismatch());
        }
        Ok(range)
    }

    fn form(&self) -> Form {
        Form::list_of(self.each.form(), 2..=2)
    }
}

pub(super) fn factors() -> Range {
    Range::new("`[least, largest]`, two numbers above 0", |factor| {
        factor > 0.0
    })
}

fn shares() -> Range {
    Range::new(
        "`[least, largest]`, two shares of the area above 0 and up to 1",
        |share| share > 0.0 && share <= 1.0,
    )
}

pub(super) fn amount() -> Number {
    value::number("a number of 0 or more", |amount| amount >= 0.0)
}

fn probability() -> Number {
    value::number("a probability from 0 to 1", |probability| {
        (0.0..=1.0).contains(&probability)
    })
}

impl RandomCrop {
    pub(super) fn to_toml(self) -> String {
        match self {
            Self::Padding(padding) => format!("{{ padding = {padding} }}"),
            Self::Resized { scale, ratio } => {
                format!("{{ scale = {}, ratio = {} }}", range(&scale), range(&ratio))
            }
        }
    }
}

impl Elastic {
    pub(super) fn to_toml(self) -> String {
        let [alpha, sigma] = [self.alpha, self.sigma].map(value::float);
        format!("{{ alpha = {alpha}, sigma = {sigma} }}")
    }
}

impl Erase {
    fn read(reader: &Reader<'_>) -> Self {
        let fills: Word<EraseFill> = value::word(FILLS);
        Self {
            probability: reader.or("probability", 0.5, &probability()).value,
            area: reader.or("area", [0.02, 0.33], &shares()).value,
            ratio: reader.or("ratio", [0.3, 3.3], &factors()).value,
            fill: reader.or("fill", EraseFill::Random, &fills).value,
        }
    }

    pub(super) fn to_toml(self) -> String {
        format!(
            "{{ probability = {}, area = {}, ratio = {}, fill = {} }}",
            value::float(self.probability),
            range(&self.area),
            range(&self.ratio),
            value::quoted(word_of(FILLS, &self.fill)),
        )
    }
}

pub(super) fn range(range: &[f64; 2]) -> String {
    value::list(&range.map(value::float))
}

/// Reads a key whose value is a table, by the keys in it.
fn read_table<T>(
    reader: &Reader<'_>,
    name: &'static str,
    expected: &str,
    form: impl Fn() -> Form,
    read: impl Fn(&Reader<'_>) -> Option<T>,
    other: impl Fn(&Node) -> Option<T>,
) -> Option<T> {
    let (key, node) = reader.take(name, form)?;
    let Some(table) = reader::table(node) else {
        if let Some(value) = other(node) {
            return Some(value);
        }
        reader
            .problems()
            .add(Diagnostic::error(format!("`{name}` takes {expected}")).at(
                &reader::whole(key, node),
                format!("received {}", node.describe()),
            ));
        return None;
    };
    let inner = Reader::new(name, table, &node.span, reader.problems());
    let value = read(&inner);
    inner.finish();
    value
}

pub(super) fn read_crop(reader: &Reader<'_>) -> Option<RandomCrop> {
    read_table(
        reader,
        "crop",
        "`{ padding }` or `{ scale, ratio }`",
        || Form::Table(reader::describe(read_window)),
        read_window,
        |_| None,
    )
}

fn read_window(reader: &Reader<'_>) -> Option<RandomCrop> {
    let padding = reader.optional("padding", &COUNT);
    let scale = reader.required_unless("padding", "scale", "[0.08, 1.0]", &shares());
    let ratio = reader.or("ratio", [0.75, 4.0 / 3.0], &factors());
    let Some(padding) = padding else {
        return Some(RandomCrop::Resized {
            scale: scale?.value,
            ratio: ratio.value,
        });
    };
    let others = ["scale", "ratio"].into_iter().filter(|key| reader.has(key));
    for other in others {
        reader.problems().add(
            Diagnostic::error(format!("`crop` takes `padding` or `{other}`, not both"))
                .at(&padding.span, "")
                .help(format!("remove `padding`, or `{other}`")),
        );
    }
    Some(RandomCrop::Padding(padding.value))
}

pub(super) fn read_erase(reader: &Reader<'_>) -> Option<Erase> {
    let (table, problems) = (Table::new(), reader::Problems::default());
    let defaults = Reader::new("erase", &table, reader.span(), &problems);
    let defaults = Erase::read(&defaults);
    let with = |probability| Erase {
        probability,
        ..defaults
    };
    read_table(
        reader,
        "erase",
        "a probability from 0 to 1, or `{ probability, area, ratio, fill }`",
        || {
            let fields = reader::describe(Erase::read);
            Form::Either(vec![probability().form(), Form::Table(fields)])
        },
        |reader| Some(Erase::read(reader)),
        |node| probability().parse(node).ok().map(with),
    )
}

pub(super) fn read_elastic(reader: &Reader<'_>) -> Option<Elastic> {
    let read = |reader: &Reader<'_>| {
        let sigma = value::number("pixels above 0, 100 at most", |sigma| {
            sigma > 0.0 && sigma <= 100.0
        });
        let alpha = value::number("pixels from 0 to 1000", |alpha| {
            (0.0..=1000.0).contains(&alpha)
        });
        let alpha = reader.required("alpha", "34.0", &alpha);
        let sigma = reader.required("sigma", "4.0", &sigma);
        Some(Elastic {
            alpha: alpha?.value,
            sigma: sigma?.value,
        })
    };
    read_table(
        reader,
        "elastic",
        "`{ alpha, sigma }`",
        || Form::Table(reader::describe(read)),
        read,
        |_| None,
    )
}
