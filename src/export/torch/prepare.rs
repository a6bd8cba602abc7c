//! How inputs are prepared, in Python.

use super::pads::{reversed, tuple};
use crate::dataset::{Invert, Mode, Preprocessing};

/// Writes the figures that inputs are prepared by.
pub(super) fn constants(preprocessing: &Preprocessing, input: &[usize]) -> String {
    let channels = |values: &[f32], none: &'static str| match values {
        [] => format!("[{none}]"),
        values => format!("{values:?}"),
    };
    let what = if preprocessing.floats {
        "An input's values"
    } else {
        "An input's values, 0 to 255,"
    };
    format!(
        "INPUT = {}
# {what} become (value * RESCALE - MEAN) / STD, by channels or all alike.
RESCALE = {:?}
MEAN = {}
STD = {}",
        tuple(input),
        preprocessing.rescale,
        channels(&preprocessing.mean, "0.0"),
        channels(&preprocessing.std, "1.0"),
    )
}

/// Writes the function that prepares an input.
pub(super) fn prepare(preprocessing: &Preprocessing) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut add = |text: &str| lines.extend(text.lines().map(|line| format!("    {line}")));
    if let (true, &[channels, height, width]) =
        (preprocessing.is_picture(), &preprocessing.shape[..])
    {
        add("\"\"\"Makes an input of a picture of Pillow, as `cnn predict` does.\"\"\"");
        add("from PIL import Image, ImageOps\n");
        add("picture = ImageOps.exif_transpose(picture)");
        add(
            "picture = picture.convert(\"L\" if picture.mode in (\"1\", \"L\", \"LA\") else \"RGB\")",
        );
        add("left, top, width, height = 0, 0, picture.width, picture.height");
        if let Some([height, width]) = preprocessing.crop {
            add(&format!(
                "width, height = min({width}, width), min({height}, height)"
            ));
            add(
                "left, top = round((picture.width - width) / 2), round((picture.height - height) / 2)",
            );
        }
        add(&format!("size = ({width}, {height})"));
        match preprocessing.mode {
            Mode::Stretch => {}
            Mode::Letterbox => add(LETTERBOX),
            Mode::Crop => add(CROP),
        }
        add("box = (left, top, left + width, top + height)");
        add("picture = picture.resize(size, Image.Resampling.BILINEAR, box)");
        add(&format!(
            "picture = picture.convert(\"{}\")",
            if channels == 1 { "L" } else { "RGB" }
        ));
        add("values = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).float()");
        add(&format!(
            "values = values.view(picture.height, picture.width, {channels}).permute(2, 0, 1)"
        ));
        add(&exchange(preprocessing));
        if preprocessing.mode == Mode::Letterbox {
            add(&format!(
                "left, top = round(({width} - size[0]) / 2), round(({height} - size[1]) / 2)"
            ));
            add(&format!(
                "values = F.pad(values, (left, {width} - left - size[0], top, {height} - top - size[1]))"
            ));
        }
    } else {
        let shape = tuple(&preprocessing.shape);
        add(&format!(
            "\"\"\"Makes an input of an array of shape {shape}, as `cnn predict` does.\"\"\""
        ));
        add("values = torch.as_tensor(values).float()");
        if preprocessing.invert == Invert::Always && !preprocessing.floats {
            add("values = 255 - values");
        }
    }
    if preprocessing.padding.iter().flatten().any(|side| *side > 0) {
        add(&format!(
            "values = F.pad(values, {})",
            reversed(&preprocessing.padding)
        ));
    }
    let ones = ", 1".repeat(preprocessing.shape.len().saturating_sub(1));
    add(&format!(
        "mean, std = torch.tensor(MEAN).view(-1{ones}), torch.tensor(STD).view(-1{ones})"
    ));
    add("return (values * RESCALE - mean) / std");
    let given = if preprocessing.is_picture() {
        "picture"
    } else {
        "values"
    };
    format!("def prepare({given}):\n{}", lines.join("\n"))
}

/// The size of a whole picture within the input, as `PIL.ImageOps.pad` has it.
const LETTERBOX: &str = "if width / height > size[0] / size[1]:
    size = (size[0], max(1, round(height / width * size[0])))
else:
    size = (max(1, round(width / height * size[1])), size[1])";

/// The middle of a picture with the proportions of the input, as `PIL.ImageOps.fit` has it.
const CROP: &str = "if width / height > size[0] / size[1]:
    left, width = left + (width - size[0] / size[1] * height) / 2, size[0] / size[1] * height
else:
    top, height = top + (height - width * size[1] / size[0]) / 2, width * size[1] / size[0]";

/// Writes how light and dark are exchanged, where they are.
fn exchange(preprocessing: &Preprocessing) -> String {
    let Some(opposite) = preprocessing.opposite() else {
        return match preprocessing.invert {
            Invert::Always => "values = 255 - values".to_owned(),
            Invert::Auto | Invert::Never => String::new(),
        };
    };
    let [own, other] = if opposite == ">" {
        ["dark", "light"]
    } else {
        ["light", "dark"]
    };
    format!(
        "# The pictures it learnt from have a {own} background; {other} ones are inverted.
border = torch.ones(values.shape[1:], dtype=torch.bool)
border[1:-1, 1:-1] = False
if values[:, border].mean() {opposite} 127.5:
    values = 255 - values"
    )
}
