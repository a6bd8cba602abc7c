use std::path::Path;

use super::tests::{decode, preprocessing};
use super::{luma, picture_pixels};
use crate::dataset::preprocess::Mode;

/// Pictures in their files and what Pillow makes of them; `tests/golden/pictures.py` writes them.
struct Golden(Vec<u8>);

impl Golden {
    fn read() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        Self(std::fs::read(folder.join("pictures.safetensors")).unwrap())
    }

    fn names(&self) -> Vec<String> {
        let (_, header) = safetensors::SafeTensors::read_metadata(&self.0).unwrap();
        serde_json::from_str(&header.metadata().as_ref().unwrap()["names"]).unwrap()
    }

    fn get(&self, name: &str) -> (Vec<usize>, Vec<u8>) {
        let file = safetensors::SafeTensors::deserialize(&self.0).unwrap();
        let view = file.tensor(name).unwrap();
        (view.shape().to_vec(), view.data().to_vec())
    }

    fn keys(&self) -> Vec<String> {
        let file = safetensors::SafeTensors::deserialize(&self.0).unwrap();
        file.names().into_iter().map(str::to_owned).collect()
    }
}

/// Tells how far pixels are from those of Pillow: the most, and the mean.
fn distance(values: &[u8], expected: &[u8]) -> (u8, f64) {
    assert_eq!(values.len(), expected.len());
    let differences = values.iter().zip(expected).map(|(a, b)| a.abs_diff(*b));
    let sum: f64 = differences.clone().map(f64::from).sum();
    (differences.max().unwrap_or(0), sum / values.len() as f64)
}

#[test]
fn every_kind_of_picture_equals_pillow() {
    let golden = Golden::read();
    let names = golden.names();
    assert!(names.len() > 60, "{}", names.len());
    let mut wrong = Vec::new();
    for name in names {
        let (_, file) = golden.get(&format!("{name}/file"));
        for kind in ["grey", "colours"] {
            let (shape, expected) = golden.get(&format!("{name}/{kind}"));
            let preprocessing = preprocessing(shape[0], shape[1], shape[2]);
            let values = match decode(&file, &preprocessing) {
                Ok(values) => values,
                Err(reason) => {
                    wrong.push(format!("{name} {kind}: {reason}"));
                    continue;
                }
            };
            let (most, mean) = distance(&values, &expected);
            // JPEG leaves the decoder some freedom; so does lossy WebP in its colours.
            let fits = if name.starts_with("jpeg") {
                mean < 1.0
            } else {
                most <= 2
            };
            if !fits {
                wrong.push(format!("{name} {kind}: {most} at most, {mean} in the mean"));
            }
        }
        let upright = picture_pixels(&file, false).unwrap();
        let colours = upright.shape[0] == 3;
        let (shape, expected) = golden.get(&format!(
            "{name}/{}",
            if colours { "colours" } else { "grey" }
        ));
        assert_eq!(upright.shape.to_vec(), shape);
        assert!(distance(&upright.values, &expected).1 < 1.0, "{name}");
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn every_mode_of_resize_equals_pillow() {
    let golden = Golden::read();
    let mut seen = 0;
    for key in golden.keys() {
        let parts: Vec<&str> = key.split('/').collect();
        let [name, mode, _size] = parts[..] else {
            continue;
        };
        let (shape, expected) = golden.get(&key);
        let mut fitting = preprocessing(3, shape[1], shape[2]);
        fitting.resize = mode != "cropped";
        fitting.mode = match mode {
            "letterbox" => Mode::Letterbox,
            "crop" => Mode::Crop,
            _ => Mode::Stretch,
        };
        fitting.crop = (mode == "cropped").then_some([12, 11]);
        let (_, file) = golden.get(&format!("{name}/file"));
        let values = decode(&file, &fitting).unwrap();
        let (most, mean) = distance(&values, &expected);
        let allowed = if name.starts_with("jpeg") { 6 } else { 2 };
        assert!(most <= allowed && mean < 1.0, "{key}: {most}, {mean}");
        // In grey, the resizing comes before the weighing.
        fitting.shape[0] = 1;
        let greys: Vec<u8> = decode(&file, &fitting).unwrap();
        let plane = shape[1] * shape[2];
        let weighed =
            (0..plane).map(|at| luma([0, 1, 2].map(|channel| expected[channel * plane + at])));
        assert!(
            distance(&greys, &weighed.collect::<Vec<u8>>()).0 <= allowed,
            "{key}"
        );
        seen += 1;
    }
    assert_eq!(seen, 25);
}
