//! `[data]`: where pictures come from and how they are prepared.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::budget::BYTES;
use super::form::Form;
use super::node::{Node, Value};
use super::reader::{self, Mismatch, Reader, Spanned};
use super::resize::{PICTURE_SIZE, Resize};
use super::size::{PADDING, Padding, Size};
use super::validation::{Given, VALIDATION, Validation};
use super::value::{self, COUNT, Kind as _, Number, Plain, STRING};
use crate::diagnostic::{Diagnostic, Span};

/// Whether pictures are inverted, white for black.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invert {
    /// In prediction, where a picture's border is of the other colour than the data set's.
    Auto,
    /// Always, in training too.
    Always,
    /// Never.
    Never,
}

/// What becomes of a picture that cannot be decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnBadImage {
    /// It is an error.
    #[default]
    Error,
    /// It is left out, with a warning.
    Skip,
}

const ON_BAD_IMAGE: &[(&str, OnBadImage)] =
    &[("error", OnBadImage::Error), ("skip", OnBadImage::Skip)];

/// How values are normalized after `rescale`.
#[derive(Clone, Debug, PartialEq)]
pub enum Normalize {
    /// Not at all.
    Nothing,
    /// (value − mean) / std, one of each per channel, or one for all.
    Values {
        /// Means.
        mean: Vec<f64>,
        /// Standard deviations.
        std: Vec<f64>,
    },
    /// With the training split's own mean and standard deviation.
    Dataset,
}

/// `[data]`.
#[derive(Clone, Debug)]
pub struct Data {
    /// A built-in name or a path.
    pub source: Option<Spanned<String>>,
    /// Height and width that are cut out of the middle of every picture.
    pub crop: Option<Spanned<Size>>,
    /// Size that every picture is brought to.
    pub resize: Option<Spanned<Resize>>,
    /// Rows and columns of zeros around each picture.
    pub padding: Spanned<Padding>,
    /// Factor of the raw values; of bytes 1/255 if there is none, of floats 1.
    pub rescale: Option<f64>,
    /// Normalization after `rescale`.
    pub normalize: Spanned<Normalize>,
    /// What of the training split is held out for validation.
    pub validation: Option<Validation>,
    /// A path of validation samples, in place of a share.
    pub validation_source: Option<String>,
    /// A path of test samples, where the source has none.
    pub test: Option<String>,
    /// Columns of a table that hold what is to be learnt; found by their names if there are none.
    pub target: Vec<String>,
    /// Inversion of pictures.
    pub invert: Invert,
    /// What becomes of a picture that cannot be decoded.
    pub on_bad_image: OnBadImage,
    /// Decoded samples of up to this many bytes are kept in memory.
    pub cache: u64,
}

/// Half a gibibyte.
const CACHE: u64 = 512 << 20;

impl Default for Data {
    fn default() -> Self {
        let nowhere = Span::nowhere();
        Self {
            source: None,
            crop: None,
            resize: None,
            padding: Spanned {
                value: Padding::Valid,
                span: nowhere.clone(),
            },
            rescale: None,
            normalize: Spanned {
                value: Normalize::Nothing,
                span: nowhere,
            },
            validation: None,
            validation_source: None,
            test: None,
            target: Vec::new(),
            invert: Invert::Auto,
            on_bad_image: OnBadImage::Error,
            cache: CACHE,
        }
    }
}

impl Data {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        let (validation, validation_source) = match reader.optional("validation", &VALIDATION) {
            None => (None, None),
            Some(validation) => match validation.value {
                Given::Nothing => (None, None),
                Given::Apart(validation) => (Some(validation), None),
                Given::Source(path) => (None, Some(path)),
            },
        };
        Self {
            source: reader.optional("source", &STRING),
            crop: reader.optional("crop", &PICTURE_SIZE),
            resize: Resize::read(reader),
            padding: reader.or("padding", Padding::Valid, &PICTURE_PADDING),
            rescale: reader
                .optional(
                    "rescale",
                    &value::number("a number above 0", |factor| factor > 0.0),
                )
                .map(|factor| factor.value),
            normalize: read_normalize(reader),
            validation,
            validation_source,
            test: reader.optional("test", &STRING).map(|path| path.value),
            target: reader.or("target", Vec::new(), &TARGET).value,
            invert: reader.or("invert", Invert::Auto, &INVERT).value,
            on_bad_image: reader
                .or(
                    "on_bad_image",
                    OnBadImage::Error,
                    &value::word(ON_BAD_IMAGE),
                )
                .value,
            cache: reader.or("cache", CACHE, &BYTES).value,
        }
    }

    pub(super) fn write(&self, text: &mut String) {
        text.push_str("\n[data]\n");
        if let Some(source) = &self.source {
            let _ = writeln!(text, "source = {}", value::quoted(&source.value));
        }
        if let Some(crop) = &self.crop {
            let _ = writeln!(text, "crop = {}", crop.value.to_toml());
        }
        if let Some(resize) = &self.resize {
            let _ = writeln!(text, "resize = {}", resize.value.to_toml());
        }
        let padding = match &self.padding.value {
            Padding::Valid => "0".to_owned(),
            padding => padding.to_toml(),
        };
        let _ = writeln!(text, "padding = {padding}");
        if let Some(factor) = self.rescale {
            let _ = writeln!(text, "rescale = {}", value::float(factor));
        }
        match &self.normalize.value {
            Normalize::Nothing => {}
            Normalize::Dataset => text.push_str("normalize = \"dataset\"\n"),
            Normalize::Values { mean, std } => {
                let list = |numbers: &[f64]| {
                    let numbers: Vec<String> =
                        numbers.iter().map(|number| value::float(*number)).collect();
                    value::list(&numbers)
                };
                let _ = writeln!(
                    text,
                    "normalize = {{ mean = {}, std = {} }}",
                    list(mean),
                    list(std)
                );
            }
        }
        if let Some(validation) = self.validation {
            let _ = writeln!(text, "validation = {}", validation.to_toml());
        }
        if let Some(path) = &self.validation_source {
            let _ = writeln!(text, "validation = {}", value::quoted(path));
        }
        if let Some(path) = &self.test {
            let _ = writeln!(text, "test = {}", value::quoted(path));
        }
        if !self.target.is_empty() {
            let names: Vec<String> = self.target.iter().map(|name| value::quoted(name)).collect();
            let _ = writeln!(text, "target = {}", value::list(&names));
        }
        let invert = match self.invert {
            Invert::Auto => "\"auto\"",
            Invert::Always => "true",
            Invert::Never => "false",
        };
        let _ = writeln!(text, "invert = {invert}");
        let word = value::word_of(ON_BAD_IMAGE, &self.on_bad_image);
        let _ = writeln!(text, "on_bad_image = {}", value::quoted(word));
        let _ = writeln!(text, "cache = {}", self.cache);
    }
}

/// One number for both sides, or one for each.
pub(super) fn one_or_two(one: Form) -> Form {
    Form::Either(vec![one.clone(), Form::list_of(one, 2..=2)])
}

const PICTURE_PADDING: Plain<Padding> = Plain {
    parse: picture_padding,
    form: || {
        let pair = Form::list_of(COUNT.form(), 2..=2);
        let each = Form::list_of(COUNT.form(), 1..=3);
        let sides = Form::list_of(pair, 1..=3);
        Form::Either(vec![COUNT.form(), each, sides])
    },
};

/// A name, or several.
const TARGET: Plain<Vec<String>> = Plain {
    parse: |node| {
        let expected = "the name of a column, or an array of different names";
        let mismatch = || Mismatch::new(expected, node);
        let name = |node: &Node| STRING.parse(node);
        let names: Result<Vec<String>, _> = match &node.value {
            Value::Array(items) => items.iter().map(name).collect(),
            _ => name(node).map(|name| vec![name]),
        };
        let names = names.map_err(|_| mismatch())?;
        if names.is_empty() {
            let help = "remove it: without names, the column called `label` is taken";
            return Err(mismatch().help(help));
        }
        let different: BTreeSet<&String> = names.iter().collect();
        if different.len() < names.len() {
            return Err(mismatch());
        }
        Ok(names)
    },
    form: || Form::Either(vec![STRING.form(), Form::list(STRING.form())]),
};

const INVERT: Plain<Invert> = Plain {
    parse: invert,
    form: || Form::Either(vec![Form::Words(vec!["auto"]), Form::Boolean]),
};

fn picture_padding(node: &Node) -> Result<Padding, Mismatch> {
    let expected = "a number of pixels, `[rows, columns]`, or `[[top, bottom], [left, right]]`";
    match PADDING.parse(node) {
        Ok(Padding::Valid | Padding::Same | Padding::Causal) | Err(_) => {
            Err(Mismatch::new(expected, node))
        }
        Ok(padding) => Ok(padding),
    }
}

/// Reads `"auto"`, `true` or `false`.
fn invert(node: &Node) -> Result<Invert, Mismatch> {
    match &node.value {
        Value::Boolean(true) => Ok(Invert::Always),
        Value::Boolean(false) => Ok(Invert::Never),
        Value::String(text) if text == "auto" => Ok(Invert::Auto),
        _ => Err(Mismatch::new("`\"auto\"`, `true` or `false`", node)),
    }
}

fn read_normalize(reader: &Reader<'_>) -> Spanned<Normalize> {
    let fallback = || Spanned {
        value: Normalize::Nothing,
        span: reader.span().clone(),
    };
    let Some((key, node)) = reader.take("normalize", normalize_form) else {
        return fallback();
    };
    let span = reader::whole(key, node);
    if let Value::String(text) = &node.value
        && text == "dataset"
    {
        return Spanned {
            value: Normalize::Dataset,
            span,
        };
    }
    let Some(table) = reader::table(node) else {
        reader.problems().add(
            Diagnostic::error("`normalize` takes `{ mean, std }` or `\"dataset\"`")
                .at(&span, format!("received {}", node.describe())),
        );
        return fallback();
    };
    let inner = Reader::new("normalize", table, &node.span, reader.problems());
    let (mean, std) = read_mean_and_std(&inner);
    inner.finish();
    match (mean, std) {
        (Some(mean), Some(std)) => {
            if mean.value.len() != std.value.len() {
                let message = format!(
                    "`mean` has {} numbers and `std` {}",
                    mean.value.len(),
                    std.value.len()
                );
                reader
                    .problems()
                    .add(Diagnostic::error(message).at(&span, ""));
                return fallback();
            }
            let value = Normalize::Values {
                mean: mean.value,
                std: std.value,
            };
            Spanned { value, span }
        }
        _ => fallback(),
    }
}

/// One number per channel, if they could be read.
type PerChannel = Option<Spanned<Vec<f64>>>;

fn read_mean_and_std(reader: &Reader<'_>) -> (PerChannel, PerChannel) {
    let any = Numbers(value::number("numbers, one per channel", |_| true));
    let positive = value::number("numbers above 0, one per channel", |number| number > 0.0);
    (
        reader.required("mean", "[0.5]", &any),
        reader.required("std", "[0.5]", &Numbers(positive)),
    )
}

fn normalize_form() -> Form {
    let fields = reader::describe(read_mean_and_std);
    Form::Either(vec![Form::Words(vec!["dataset"]), Form::Table(fields)])
}

/// One number or an array of them.
struct Numbers(Number);

impl value::Kind for Numbers {
    type Value = Vec<f64>;

    fn parse(&self, node: &Node) -> Result<Vec<f64>, Mismatch> {
        let whole = |mismatch: Mismatch| Mismatch::new(mismatch.expected, node);
        match &node.value {
            Value::Array(items) if !items.is_empty() => items
                .iter()
                .map(|item| self.0.parse(item).map_err(whole))
                .collect(),
            _ => self.0.parse(node).map(|number| vec![number]),
        }
    }

    fn form(&self) -> Form {
        Form::Either(vec![self.0.form(), Form::list(self.0.form())])
    }
}
