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
    let (given, mut lines) = match (&preprocessing.shape[..], preprocessing.is_picture()) {
        (&[channels, height, width], true) => (
            "picture",
            of_picture(preprocessing, [channels, height, width]),
        ),
        _ => ("values", of_array(preprocessing)),
    };
    let mut add = |line: String| lines.push(line);
    if preprocessing.padding.iter().flatten().any(|side| *side > 0) {
        let sides = reversed(&preprocessing.padding);
        add(format!("values = F.pad(values, {sides})"));
    }
    let ones = ", 1".repeat(preprocessing.shape.len().saturating_sub(1));
    add(format!("mean = torch.tensor(MEAN).view(-1{ones})"));
    add(format!("std = torch.tensor(STD).view(-1{ones})"));
    add("return (values * RESCALE - mean) / std".to_owned());
    let lines: Vec<String> = (lines.iter().flat_map(|text| text.split('\n')))
        .map(|line| {
            if line.is_empty() {
                String::new()
            } else {
                format!("    {line}")
            }
        })
        .collect();
    format!("def prepare({given}):\n{}", lines.join("\n"))
}

/// Writes how an array of raw values is prepared, up to its padding.
fn of_array(preprocessing: &Preprocessing) -> Vec<String> {
    let shape = tuple(&preprocessing.shape);
    let mut lines = vec![
        format!("\"\"\"Makes an input of an array of shape {shape}, as `cnn predict` does.\"\"\""),
        "values = torch.as_tensor(values).float()".to_owned(),
    ];
    if preprocessing.invert == Invert::Always && !preprocessing.floats {
        lines.push("values = 255 - values".to_owned());
    }
    lines
}

/// Writes how a picture is prepared, up to its padding.
fn of_picture(preprocessing: &Preprocessing, [channels, height, width]: [usize; 3]) -> Vec<String> {
    let is_framed = preprocessing.mode == Mode::Letterbox;
    let has_box = preprocessing.crop.is_some() || preprocessing.mode == Mode::Crop;
    let mut lines = vec![BEGIN.to_owned()];
    let mut add = |line: String| lines.push(line);
    if has_box || is_framed {
        add("left, top, width, height = 0, 0, picture.width, picture.height".to_owned());
    }
    if let Some([height, width]) = preprocessing.crop {
        add(format!(
            "width, height = min({width}, width), min({height}, height)"
        ));
        add("left = round((picture.width - width) / 2)".to_owned());
        add("top = round((picture.height - height) / 2)".to_owned());
    }
    add(format!("size = ({width}, {height})"));
    match preprocessing.mode {
        Mode::Stretch => {}
        Mode::Letterbox => add(LETTERBOX.to_owned()),
        Mode::Crop => add(CROP.to_owned()),
    }
    let part = if has_box {
        ", (left, top, left + width, top + height)"
    } else {
        ""
    };
    add(format!(
        "picture = picture.resize(size, Image.Resampling.BILINEAR{part})"
    ));
    let mode = if channels == 1 { "L" } else { "RGB" };
    add(format!("picture = picture.convert(\"{mode}\")"));
    add(
        "values = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).float()"
            .to_owned(),
    );
    add(format!(
        "values = values.view(*size[::-1], {channels}).permute(2, 0, 1)"
    ));
    lines.extend(exchange(preprocessing));
    if is_framed {
        lines.push(format!(
            "left, top = round(({width} - size[0]) / 2), round(({height} - size[1]) / 2)
right, bottom = {width} - left - size[0], {height} - top - size[1]
values = F.pad(values, (left, right, top, bottom))"
        ));
    }
    lines
}

/// How a picture is opened and turned upright.
const BEGIN: &str = r#""""Makes an input of a picture of Pillow, as `cnn predict` does."""
from PIL import Image, ImageOps

picture = ImageOps.exif_transpose(picture)
picture = picture.convert("L" if picture.mode in ("1", "L", "LA") else "RGB")"#;

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
fn exchange(preprocessing: &Preprocessing) -> Option<String> {
    let Some(opposite) = preprocessing.opposite() else {
        let is_always = preprocessing.invert == Invert::Always;
        return is_always.then(|| "values = 255 - values".to_owned());
    };
    let [own, other] = if opposite == ">" {
        ["dark", "light"]
    } else {
        ["light", "dark"]
    };
    Some(format!(
        "# The pictures it learnt from have a {own} background; {other} ones are inverted.
border = torch.ones(values.shape[1:], dtype=torch.bool)
border[1:-1, 1:-1] = False
if values[:, border].mean() {opposite} 127.5:
    values = 255 - values"
    ))
}
