//! `cnn show`: drawings, numbers, and what cannot be shown.

use cnn::look;
use cnn::model::Device;
use cnn::model_file::{self, Header};
use serde_json::Value;

use super::model_file_of;
use crate::goldens::{Goldens, project};
use crate::support::{Lab, check_drawing, check_svg};

/// A lab with the network of the goldens and a picture for it.
fn lab() -> Lab {
    let lab = Lab::new();
    lab.write(
        "model.safetensors",
        model_file_of(&Goldens::read("look.safetensors")),
    );
    let pixels: Vec<u8> = (0..12 * 10)
        .flat_map(|place| {
            let (row, column) = (place / 10, place % 10);
            let is_inside = (3..9).contains(&row) && (2..7).contains(&column);
            let red = if is_inside { 230 } else { 20 };
            [red, (row * 20) as u8, (column * 25) as u8]
        })
        .collect();
    let picture = image::RgbImage::from_raw(10, 12, pixels).unwrap();
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    lab.write("square.png", bytes.into_inner());
    lab
}

#[test]
fn every_drawing_is_as_it_was_looked_at() {
    let lab = lab();
    let show = |words: &str| {
        let words: Vec<&str> = words.split(' ').collect();
        lab.cnn(&[&["show", "model.safetensors"], &words[..]].concat())
            .ok()
    };
    for words in [
        "filters",
        "features square.png",
        "features square.png --layer third --raw",
        "explain square.png",
        "explain square.png --method grad-cam++ --layer second",
        "explain square.png --method saliency --class ant",
        "explain square.png --method smooth-grad",
        "explain square.png --method integrated-gradients --class 1",
        "explain square.png --method occlusion",
        "receptive-field square.png --layer third --at 1,0",
    ] {
        let said = show(words).stdout;
        let files = said
            .split_whitespace()
            .filter(|word| word.starts_with("show/"));
        let files: Vec<&str> = files.filter(|word| !word.contains(".npy")).collect();
        assert!(!files.is_empty(), "{words}: {said}");
        assert!(!said.contains('\u{1b}'), "{said}");
        for file in files {
            check_drawing(&lab, file);
        }
    }
    let raw = lab.read("show/features-square-3.npy");
    assert_eq!(&raw[..6], b"\x93NUMPY");
    assert_eq!(raw.len() % 64, (5 * 3 * 2 * 4) % 64);
}

#[test]
fn what_is_shown_is_in_the_json_too() {
    let lab = lab();
    let json = |words: &str| {
        let words: Vec<&str> = words.split(' ').collect();
        let words = [&["show", "model.safetensors"], &words[..], &["--json"]].concat();
        lab.cnn(&words).ok().json()
    };
    let filters = json("filters --layer second");
    assert_eq!(
        filters["layers"][0]["shape"],
        serde_json::json!([4, 4, 3, 3])
    );
    let features = json("features square.png");
    assert_eq!(features["layers"].as_array().unwrap().len(), 8);
    assert_eq!(features["layers"][4]["shape"], serde_json::json!([5, 3, 2]));
    let answer = lab.cnn(&[
        "predict",
        "square.png",
        "--model",
        "model.safetensors",
        "--json",
    ]);
    let answer = answer.ok().json();
    let explanation = json("explain square.png");
    let best = &answer["predictions"][0];
    assert_eq!(explanation["class"], best["class"]);
    let (own, other) = (&explanation["answer"], &best["probability"]);
    assert!((own.as_f64().unwrap() - other.as_f64().unwrap()).abs() < 1e-6);
    assert_eq!(explanation["map"].as_array().unwrap().len(), 3 * 2);
    let field = json("receptive-field square.png --layer third");
    assert_eq!(field["at"], serde_json::json!([1, 1]));
    assert_eq!(field["rows"], serde_json::json!([1, 11]));
}

#[test]
fn an_embedding_is_written_and_drawn() {
    let lab = Lab::with_bars();
    lab.cnn(&["train", "bars.toml", "--quiet"]).ok();
    let said = lab
        .cnn(&["show", "latest", "embedding", "--json"])
        .ok()
        .json();
    let samples = said["samples"].as_u64().unwrap();
    let files: Vec<&str> = (said["files"].as_array().unwrap().iter())
        .filter_map(Value::as_str)
        .collect();
    let table = String::from_utf8(lab.read(files[0])).unwrap();
    assert_eq!(table.lines().count() as u64, samples + 1);
    assert!(table.starts_with("index,class,x,y,v0,"), "{table}");
    let chart = String::from_utf8(lab.read(files[2])).unwrap();
    let marks = chart.matches("<circle").count() as u64;
    assert!(marks >= samples, "{marks} marks for {samples} samples");
    assert!(chart.contains("first principal component"));
    check_svg(&lab, files[2]);
}

#[test]
fn what_cannot_be_shown_is_told() {
    let lab = lab();
    let check = |words: &str, code: i32, expected: &str| {
        let words: Vec<&str> = words.split(' ').collect();
        let said = lab
            .cnn(&[&["show", "model.safetensors"], &words[..]].concat())
            .code(code);
        assert!(said.stderr.contains(expected), "{said:?}");
    };
    check("filters --layer nine", 2, "the network has no layer `nine`");
    check("filters --layer 1", 2, "which has no kernels to draw");
    check(
        "explain square.png --class dog",
        2,
        "the network knows no class `dog`",
    );
    check(
        "explain square.png --layer 5",
        2,
        "gives 6, no maps of a picture",
    );
    check(
        "receptive-field square.png --layer third --at 9,9",
        2,
        "there is no place 9,9 on the maps of `third`",
    );
    check("features none.png", 3, "failed to read picture `none.png`");
    check(
        "features square.png --out model.safetensors",
        5,
        "failed to create",
    );
}

#[test]
fn each_layer_has_its_own_kernels_filters_first() {
    let layers: Vec<String> = (0..11)
        .map(|number| {
            format!(
                "{{ type = \"conv\", filters = {}, kernel_size = 1 }}",
                number + 1
            )
        })
        .collect();
    let last = "{ type = \"conv_transpose\", filters = 3, kernel_size = 2 }";
    let text = format!(
        "[{}, {last}, {{ type = \"global_pool\" }}, {{ type = \"dense\", units = 3 }}]",
        layers.join(", ")
    );
    let project = project(&[3, 4, 4], &text);
    let plain = Device::Cpu.open().unwrap();
    let network = cnn::model::Model::new(&project.plan, 1, &plain);
    let classes = ["a", "b", "c"].map(str::to_owned);
    let request = project.request().unwrap();
    let header = Header::new(&project.config, &classes, &request.preprocessing);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.safetensors");
    std::fs::write(&file, model_file::to_bytes(&network, &header).unwrap()).unwrap();
    let trained = model_file::load(&file, &plain).unwrap();
    let kernels = look::filters(&trained, Some("1")).unwrap();
    assert_eq!(kernels.len(), 1);
    assert_eq!(kernels[0].shape, [2, 1, 1, 1]);
    let all = look::filters(&trained, None).unwrap();
    assert_eq!(all.len(), 12);
    assert!(all[0].is_of_colours && !all[11].is_of_colours);
    assert_eq!(all[11].shape, [3, 11, 2, 2]);
    let weights = network.weights().unwrap();
    let turned = weights.iter().find(|weight| weight.name == "11.weight");
    let turned = &turned.unwrap().values;
    // Filter 2 on channel 5: stored as channel 5, filter 2.
    assert_eq!(
        all[11].values[(2 * 11 + 5) * 4..][..4],
        turned[(5 * 3 + 2) * 4..][..4]
    );
}

#[test]
fn a_network_of_signals_has_no_pictures_to_look_at() {
    let lab = Lab::new();
    let project = project(
        &[1, 32],
        "[{ type = \"conv\", filters = 2, kernel_size = 3 }, { type = \"flatten\" }, { type = \"dense\", units = 2 }]",
    );
    let plain = Device::Cpu.open().unwrap();
    let network = cnn::model::Model::new(&project.plan, 1, &plain);
    let classes = ["a", "b"].map(str::to_owned);
    let request = project.request().unwrap();
    let header = Header::new(&project.config, &classes, &request.preprocessing);
    lab.write(
        "signal.safetensors",
        model_file::to_bytes(&network, &header).unwrap(),
    );
    let said = lab
        .cnn(&["show", "signal.safetensors", "features", "x.png"])
        .code(2);
    assert!(
        said.stderr
            .contains("inputs of 1x32, which are no pictures"),
        "{said:?}"
    );
    let said = lab
        .cnn(&["show", "signal.safetensors", "filters", "--json"])
        .ok()
        .json();
    assert_eq!(said["layers"][0]["shape"], serde_json::json!([2, 1, 1, 3]));
}
