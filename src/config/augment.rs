//! `[augment]`: random changes of training pictures.

use std::fmt::Write as _;

use super::data::one_or_two;
use super::form::Form;
use super::node::{Node, Table, Value};
use super::reader::{self, Mismatch, Reader};
use super::size::COUNT_SIZE;
use super::value::{self, COUNT, Kind, Number, Plain, Word, word_of};
use crate::diagnostic::Diagnostic;

/// `[augment]`: random changes of training pictures, drawn for each anew every epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct Augment {
    /// Mirroring.
    pub flip: Option<Flip>,
    /// A window of the picture in place of the whole.
    pub crop: Option<RandomCrop>,
    /// Largest shift in rows and columns, in pixels each way.
    pub shift: [usize; 2],
    /// Largest rotation about the centre, in degrees each way.
    pub rotate: f64,
    /// Least and largest factor of the size.
    pub scale: [f64; 2],
    /// Largest factor by which one direction is stretched while the other is compressed.
    pub squeeze: f64,
    /// Largest angle by which columns lean, in degrees each way.
    pub shear: f64,
    /// Largest change of the factor of all values.
    pub brightness: f64,
    /// Largest change of the factor of the distance from the mean grey.
    pub contrast: f64,
    /// Largest change of the factor of the distance from grey.
    pub saturation: f64,
    /// A rectangle that is blotted out.
    pub erase: Option<Erase>,
    /// Deviation of Gaussian noise, as a share of the range from black to white.
    pub noise: f64,
    /// A smooth random displacement of each pixel.
    pub elastic: Option<Elastic>,
    /// α of the share by which another sample is blended in; 0 is off.
    pub mixup: f64,
    /// α of the share of the area that comes from another sample; 0 is off.
    pub cutmix: f64,
}

/// Directions in which pictures are mirrored, each with probability 1/2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flip {
    /// Left and right are exchanged.
    Horizontal,
    /// Top and bottom are exchanged.
    Vertical,
    /// Each of the two, independently.
    Both,
}

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

impl Default for Augment {
    fn default() -> Self {
        Self {
            flip: None,
            crop: None,
            shift: [0, 0],
            rotate: 0.0,
            scale: [1.0, 1.0],
            squeeze: 1.0,
            shear: 0.0,
            brightness: 0.0,
            contrast: 0.0,
            saturation: 0.0,
            erase: None,
            noise: 0.0,
            elastic: None,
            mixup: 0.0,
            cutmix: 0.0,
        }
    }
}

const FLIPS: &[(&str, Flip)] = &[
    ("horizontal", Flip::Horizontal),
    ("vertical", Flip::Vertical),
    ("both", Flip::Both),
];

const FILLS: &[(&str, EraseFill)] = &[("random", EraseFill::Random), ("zero", EraseFill::Zero)];

/// Rows and columns.
const SHIFT: Plain<[usize; 2]> = Plain {
    parse: |node| {
        let expected = "a number of pixels, or `[rows, columns]`";
        COUNT_SIZE
            .parse(node)
            .ok()
            .and_then(|size| size.resolve(2))
            .and_then(|sizes| <[usize; 2]>::try_from(sizes).ok())
            .ok_or_else(|| Mismatch::new(expected, node))
    },
    form: || one_or_two(COUNT.form()),
};

/// The least and the largest of what is drawn.
struct Range {
    expected: &'static str,
    each: Number,
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

fn factors() -> Range {
    let expected = "`[least, largest]`, two numbers above 0";
    Range {
        expected,
        each: value::number(expected, |factor| factor > 0.0),
    }
}

fn shares() -> Range {
    let expected = "`[least, largest]`, two shares of the area above 0 and up to 1";
    Range {
        expected,
        each: value::number(expected, |share| share > 0.0 && share <= 1.0),
    }
}

fn amount() -> Number {
    value::number("a number of 0 or more", |amount| amount >= 0.0)
}

fn probability() -> Number {
    value::number("a probability from 0 to 1", |probability| {
        (0.0..=1.0).contains(&probability)
    })
}

impl Augment {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        let degrees = value::number("degrees from 0 to 180", |degrees| {
            (0.0..=180.0).contains(&degrees)
        });
        let lean = value::number("degrees from 0 to below 90", |degrees| {
            (0.0..90.0).contains(&degrees)
        });
        let stretch = value::number("a factor of 1 or more", |factor| factor >= 1.0);
        Self {
            flip: reader
                .optional("flip", &value::word(FLIPS))
                .map(|flip| flip.value),
            crop: read_crop(reader),
            shift: reader.or("shift", [0, 0], &SHIFT).value,
            rotate: reader.or("rotate", 0.0, &degrees).value,
            scale: reader.or("scale", [1.0, 1.0], &factors()).value,
            squeeze: reader.or("squeeze", 1.0, &stretch).value,
            shear: reader.or("shear", 0.0, &lean).value,
            brightness: reader.or("brightness", 0.0, &amount()).value,
            contrast: reader.or("contrast", 0.0, &amount()).value,
            saturation: reader.or("saturation", 0.0, &amount()).value,
            erase: read_erase(reader),
            noise: reader.or("noise", 0.0, &amount()).value,
            elastic: read_elastic(reader),
            mixup: reader.or("mixup", 0.0, &amount()).value,
            cutmix: reader.or("cutmix", 0.0, &amount()).value,
        }
    }

    pub(super) fn write(&self, text: &mut String) {
        text.push_str("\n[augment]\n");
        let mut line = |key: &str, value: String| {
            let _ = writeln!(text, "{key} = {value}");
        };
        if let Some(flip) = &self.flip {
            line("flip", value::quoted(word_of(FLIPS, flip)));
        }
        match &self.crop {
            None => {}
            Some(RandomCrop::Padding(padding)) => {
                line("crop", format!("{{ padding = {padding} }}"));
            }
            Some(RandomCrop::Resized { scale, ratio }) => {
                let [scale, ratio] = [range(scale), range(ratio)];
                line("crop", format!("{{ scale = {scale}, ratio = {ratio} }}"));
            }
        }
        line("shift", value::list(&self.shift));
        line("rotate", value::float(self.rotate));
        line("scale", range(&self.scale));
        line("squeeze", value::float(self.squeeze));
        line("shear", value::float(self.shear));
        line("brightness", value::float(self.brightness));
        line("contrast", value::float(self.contrast));
        line("saturation", value::float(self.saturation));
        if let Some(erase) = &self.erase {
            line("erase", erase.to_toml());
        }
        line("noise", value::float(self.noise));
        if let Some(Elastic { alpha, sigma }) = self.elastic {
            let [alpha, sigma] = [alpha, sigma].map(value::float);
            let table = format!("{{ alpha = {alpha}, sigma = {sigma} }}");
            line("elastic", table);
        }
        line("mixup", value::float(self.mixup));
        line("cutmix", value::float(self.cutmix));
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

    fn to_toml(self) -> String {
        format!(
            "{{ probability = {}, area = {}, ratio = {}, fill = {} }}",
            value::float(self.probability),
            range(&self.area),
            range(&self.ratio),
            value::quoted(word_of(FILLS, &self.fill)),
        )
    }
}

fn range(range: &[f64; 2]) -> String {
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

fn read_crop(reader: &Reader<'_>) -> Option<RandomCrop> {
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

fn read_erase(reader: &Reader<'_>) -> Option<Erase> {
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

fn read_elastic(reader: &Reader<'_>) -> Option<Elastic> {
    let read = |reader: &Reader<'_>| {
        let sigma = value::number("pixels above 0, 100 at most", |sigma| {
            sigma > 0.0 && sigma <= 100.0
        });
        let alpha = reader.required("alpha", "34.0", &amount());
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
