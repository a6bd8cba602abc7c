#![allow(clippy::cast_possible_wrap, reason = "small numbers")]

use super::colour::change_colours;
use super::draw::Rectangle;
use super::elastic::Field;
use super::frame::Frame;
use super::geometry::Bordered;
use super::tests::still;
use crate::config::Elastic;
use crate::dataset::picture::tests::preprocessing;

/// Values that `SciPy` and Pillow wrote; `tests/golden/augment.py` makes them.
struct Golden(Vec<u8>);

impl Golden {
    fn read() -> Self {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        Self(std::fs::read(folder.join("augment.safetensors")).unwrap())
    }

    fn get(&self, name: &str) -> (Vec<usize>, Vec<f32>) {
        let file = safetensors::SafeTensors::deserialize(&self.0).unwrap();
        let view = file.tensor(name).unwrap();
        let (values, _) = view.data().as_chunks::<4>();
        let values = values.iter().map(|bytes| f32::from_le_bytes(*bytes));
        (view.shape().to_vec(), values.collect())
    }

    fn setting(&self, name: &str) -> serde_json::Value {
        let (_, header) = safetensors::SafeTensors::read_metadata(&self.0).unwrap();
        let text = &header.metadata().as_ref().unwrap()[name];
        serde_json::from_str(text).unwrap()
    }
}

#[track_caller]
fn check_close(name: &str, values: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(values.len(), expected.len(), "{name}");
    for (at, (value, expected)) in values.iter().zip(expected).enumerate() {
        let difference = (value - expected).abs();
        assert!(
            difference <= tolerance,
            "{name}[{at}]: {value}, expected {expected}"
        );
    }
}

#[test]
fn affine_maps_equal_scipy() {
    let golden = Golden::read();
    let (shape, picture) = golden.get("picture");
    let frame = Frame::new(&preprocessing(shape[0], shape[1], shape[2])).unwrap();
    let fill = golden.setting("fill").as_f64().unwrap() as f32;
    let maps = golden.setting("maps");
    let mut seen = 0;
    for (name, settings) in maps.as_object().unwrap() {
        let list = |key: &str| {
            let numbers = settings[key].as_array().into_iter().flatten();
            numbers
                .map(|number| number.as_f64().unwrap_or_default())
                .collect::<Vec<_>>()
        };
        let mut change = still();
        change.angle_radians = settings["rotate"].as_f64().unwrap_or(0.0).to_radians();
        change.lean = settings["lean"].as_f64().unwrap_or(0.0).to_radians().tan();
        if let [down, right] = list("shift")[..] {
            change.shift = [down as i64, right as i64];
        }
        if let [rows, columns] = list("scale")[..] {
            change.scale = [rows, columns];
        }
        if let Some(flips) = settings["flip"].as_array() {
            change.flip = [0, 1].map(|at| flips[at].as_bool().unwrap());
        }
        if let [top, left, height, width] = list("window")[..] {
            let [top, left, height, width] = [top, left, height, width].map(|side| side as usize);
            change.window = Some(Rectangle {
                top,
                left,
                height,
                width,
            });
        }
        let mut bordered = Bordered::default();
        bordered.fill(&frame, &picture, fill);
        let mut out = vec![0.0; picture.len()];
        bordered.resample(&change.map([17, 22]), |_| [0.0, 0.0], &mut out);
        let (_, expected) = golden.get(&format!("map.{name}"));
        check_close(name, &out, &expected, 1e-3);
        seen += 1;
    }
    assert_eq!(seen, 8);
}

#[test]
fn elastic_displacements_equal_scipy() {
    let golden = Golden::read();
    let (shape, picture) = golden.get("picture");
    let number = |name| golden.setting(name).as_f64().unwrap();
    let elastic = Elastic {
        alpha: number("alpha"),
        sigma: number("sigma"),
    };
    let (_, field) = golden.get("elastic.field");
    let field = Field::of(&field, [17, 22], elastic);
    let (_, smooth) = golden.get("elastic.smooth");
    let size = 17 * 22;
    let [down, right]: [Vec<f32>; 2] =
        [0, 1].map(|axis| (0..size).map(|at| field.displacement(at)[axis]).collect());
    check_close("field", &[down, right].concat(), &smooth, 1e-4);
    let frame = Frame::new(&preprocessing(shape[0], shape[1], shape[2])).unwrap();
    let mut bordered = Bordered::default();
    bordered.fill(&frame, &picture, number("fill") as f32);
    let mut out = vec![0.0; picture.len()];
    bordered.resample(
        &still().map([17, 22]),
        |at| field.displacement(at),
        &mut out,
    );
    // The displacements are of 32 bits, and neighbours differ by up to 255.
    check_close("moved", &out, &golden.get("elastic.moved").1, 0.02);
}

#[test]
fn colours_equal_pillow() {
    let golden = Golden::read();
    let (_, picture) = golden.get("picture");
    for (at, name) in ["brightness", "contrast", "saturation"]
        .into_iter()
        .enumerate()
    {
        for factor in [0.4, 1.7] {
            let mut change = still();
            change.colours[at] = factor;
            let mut values = picture.clone();
            change_colours(&mut values, 3, &change);
            // Pillow cuts off what is below a level, and rounds greys and their mean.
            let (_, expected) = golden.get(&format!("{name}.{factor}"));
            check_close(name, &values, &expected, 1.5);
        }
    }
}
