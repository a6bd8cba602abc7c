//! Tiny pictures of bars that a small network learns in a second.

use std::fs;
use std::path::Path;

/// Classes of the `bars` pictures, sorted as class folders are.
pub(crate) const CLASSES: [&str; 3] = ["across", "down", "slant"];

/// Pictures of each class.
pub(crate) const PER_CLASS: usize = 12;

/// Side of a picture.
pub(crate) const SIDE: usize = 8;

/// A network that tells the three classes apart after some epochs, and trains fast without optimization.
pub(crate) const BARS: &str = r#"[model]
name = "bars"
input = [1, 8, 8]
layers = [
  { type = "conv", filters = 4, kernel_size = 3, activation = "relu" },
  { type = "pool", kind = "max", size = 2 },
  { type = "flatten" },
  { type = "dense", units = 3 },
]

[data]
source = "bars"
validation = 0.25

[train]
epochs = 3
batch_size = 9
seed = 7
optimizer = { type = "adam", learning_rate = 0.03 }
"#;

/// The network whose weights lie in `tests/golden/import`.
pub(crate) const IMPORTED: &str = r#"[model]
name = "bars"
input = [1, 8, 8]
layers = [
  { type = "conv", filters = 4, kernel_size = 3, padding = 1, bias = false },
  { type = "batch_norm" },
  { type = "activation", fn = "relu" },
  { type = "residual", activation = "relu", layers = [
    { type = "conv", filters = 4, kernel_size = 3, padding = 1, bias = false },
    { type = "batch_norm" },
  ] },
  { type = "pool", kind = "max", size = 2 },
  { type = "flatten" },
  { type = "dense", units = 3 },
]

[data]
source = "bars"
"#;

/// Draws a white bar on black, across, down or aslant; the border stays black.
pub(crate) fn bar(class: usize, number: usize) -> Vec<u8> {
    let place = 1 + number % 6;
    let brightness = if number < 6 { 255 } else { 200 };
    let mut pixels = vec![0; SIDE * SIDE];
    for step in 1..SIDE - 1 {
        let (row, column) = match class {
            0 => (place, step),
            1 => (step, place),
            _ => (step, 1 + (step + place) % 6),
        };
        pixels[row * SIDE + column] = brightness;
    }
    pixels
}

/// Returns a grey picture as a PNG.
pub(crate) fn png(width: usize, height: usize, pixels: &[u8]) -> Vec<u8> {
    let (width, height) = (
        u32::try_from(width).unwrap(),
        u32::try_from(height).unwrap(),
    );
    let picture = image::GrayImage::from_raw(width, height, pixels.to_vec()).unwrap();
    let mut bytes = std::io::Cursor::new(Vec::new());
    let format = image::ImageFormat::Png;
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Returns a [`bar`] as a PNG.
pub(crate) fn bar_png(class: usize, number: usize) -> Vec<u8> {
    png(SIDE, SIDE, &bar(class, number))
}

/// Returns a [`bar`] in black on white as a PNG.
pub(crate) fn inverted_bar_png(class: usize, number: usize) -> Vec<u8> {
    let pixels: Vec<u8> = bar(class, number).into_iter().map(|value| !value).collect();
    png(SIDE, SIDE, &pixels)
}

/// Writes a folder of class folders.
pub(crate) fn write_bars(folder: &Path) {
    for (class, name) in CLASSES.iter().enumerate() {
        let folder = folder.join(name);
        fs::create_dir_all(&folder).unwrap();
        for number in 0..PER_CLASS {
            let path = folder.join(format!("{number:02}.png"));
            fs::write(path, bar_png(class, number)).unwrap();
        }
    }
}

/// Returns an IDX file of bytes.
pub(crate) fn idx(sizes: &[usize], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, u8::try_from(sizes.len()).unwrap()];
    for size in sizes {
        bytes.extend(u32::try_from(*size).unwrap().to_be_bytes());
    }
    bytes.extend(values);
    bytes
}

/// Writes the same pictures in the same order as [`write_bars`], as IDX files.
pub(crate) fn write_idx(folder: &Path) {
    let numbers = (0..CLASSES.len()).flat_map(|class| (0..PER_CLASS).map(move |n| (class, n)));
    let mut pixels = Vec::new();
    let mut labels = Vec::new();
    for (class, number) in numbers {
        pixels.extend(bar(class, number));
        labels.push(u8::try_from(class).unwrap());
    }
    fs::create_dir_all(folder).unwrap();
    let images = idx(&[labels.len(), SIDE, SIDE], &pixels);
    fs::write(folder.join("train-images-idx3-ubyte"), images).unwrap();
    let labels = idx(&[labels.len()], &labels);
    fs::write(folder.join("train-labels-idx1-ubyte"), labels).unwrap();
}
