//! What `cnn show` finds, held to PyTorch, scikit-learn and the papers' formulas; and the pictures that it draws.

use std::collections::BTreeMap;

use cnn::look::{self, Method, Picture, Subject};
use cnn::model::Device;
use cnn::model_file::{self, Header, Trained};
use serde_json::Value;

use crate::goldens::{Array, Goldens, assert_close, model, project};
use crate::support::{Lab, check_drawing, check_svg};

/// The network of the goldens, on a device with gradients, and its picture.
struct Golden {
    goldens: Goldens,
    settings: Value,
    trained: Trained,
    device: burn::tensor::Device,
    picture: Picture,
}

/// Returns the network of the goldens as a model file.
fn model_file_of(goldens: &Goldens) -> Vec<u8> {
    let settings: Value = serde_json::from_str(&goldens.metadata["settings"]).unwrap();
    let project = project(&[3, 12, 10], settings["layers"].as_str().unwrap());
    let plain = Device::Cpu.open().unwrap();
    let weights = model(&project, &goldens.below("weights/"), &plain);
    let request = project.request().unwrap();
    let classes = ["ant", "<b>bee</b>", "\u{1b}[31mcat"].map(str::to_owned);
    let header = Header::new(&project.config, &classes, &request.preprocessing);
    model_file::to_bytes(&weights, &header).unwrap()
}

impl Golden {
    fn new() -> Self {
        let goldens = Goldens::read("look.safetensors");
        let settings: Value = serde_json::from_str(&goldens.metadata["settings"]).unwrap();
        let plain = Device::Cpu.open().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("model.safetensors");
        std::fs::write(&file, model_file_of(&goldens)).unwrap();
        let device = plain.autodiff();
        let trained = model_file::load(&file, &device).unwrap();
        let input = goldens.get("input").values.clone();
        let filled = |key: &str| vec![settings[key].as_f64().unwrap() as f32; input.len()];
        let picture = Picture {
            name: "golden".to_owned(),
            shape: [3, 12, 10],
            shown: vec![0.0; input.len()],
            black: filled("black"),
            grey: filled("grey"),
            input,
        };
        Self {
            goldens,
            settings,
            trained,
            device,
            picture,
        }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::new(&self.trained, &self.device, &self.picture).unwrap()
    }

    fn number(&self, key: &str) -> usize {
        usize::try_from(self.settings[key].as_u64().unwrap()).unwrap()
    }

    #[track_caller]
    fn check(&self, name: &str, values: &[f64]) {
        let expected = self.goldens.get(name);
        let values = values.iter().map(|value| *value as f32).collect();
        let actual = Array {
            shape: expected.shape.clone(),
            values,
        };
        assert_close(name, &actual, expected, 1e-5);
    }
}

#[test]
fn explanations_are_those_of_the_papers() {
    let golden = Golden::new();
    let subject = golden.subject();
    golden.check("answers", &subject.answers().unwrap());
    let class = Some(golden.number("class"));
    for (name, method) in [
        ("grad-cam/third", Method::GradCam),
        ("grad-cam/second", Method::GradCam),
        ("grad-cam++/third", Method::GradCamPlusPlus),
        ("grad-cam++/1", Method::GradCamPlusPlus),
    ] {
        let layer = name.split('/').nth(1);
        let found = subject.explain(method, class, layer).unwrap();
        golden.check(name, &found.map);
    }
    let last = subject.explain(Method::GradCam, class, None).unwrap();
    assert_eq!((last.layer.as_deref(), last.size), (Some("third"), [3, 2]));
    let saliency = subject.explain(Method::Saliency, class, None).unwrap();
    golden.check("saliency", &saliency.map);
    let steps = golden.number("steps");
    let method = Method::IntegratedGradients { steps };
    let shares = subject.explain(method, class, None).unwrap();
    golden.check("integrated-gradients", &shares.map);
    golden.check("difference", &[shares.difference.unwrap()]);
    let method = Method::Occlusion {
        patch: golden.number("patch"),
        stride: golden.number("stride"),
    };
    let lost = subject.explain(method, class, None).unwrap();
    golden.check("occlusion", &lost.map);
}

#[test]
fn integrated_gradients_sum_up_to_the_difference() {
    let golden = Golden::new();
    let method = Method::IntegratedGradients { steps: 2000 };
    let shares = golden.subject().explain(method, Some(0), None).unwrap();
    let sum: f64 = shares.map.iter().sum();
    let difference = shares.difference.unwrap();
    assert!(
        (sum - difference).abs() < 2e-3 * difference.abs(),
        "{sum} {difference}"
    );
}

#[test]
fn smooth_gradients_without_noise_are_gradients_and_each_seed_has_its_own() {
    let golden = Golden::new();
    let subject = golden.subject();
    let smooth = |noise: f64, seed: u64| {
        let method = Method::SmoothGrad {
            samples: 5,
            noise,
            seed,
        };
        subject.explain(method, Some(1), None).unwrap().map
    };
    golden.check("saliency", &smooth(1e-9, 0));
    assert_eq!(smooth(0.2, 1), smooth(0.2, 1));
    assert_ne!(smooth(0.2, 1), smooth(0.2, 2));
}

#[test]
fn features_are_the_outputs_of_the_layers() {
    let golden = Golden::new();
    let subject = golden.subject();
    let maps = look::features(&subject, None).unwrap();
    let names: Vec<&str> = maps.iter().map(|maps| maps.name.as_str()).collect();
    assert_eq!(names, ["first", "1", "second", "2", "third", "4", "5", "6"]);
    // `flatten` is the layer before in another shape.
    for maps in maps.iter().filter(|maps| maps.name != "4") {
        let values: Vec<f64> = maps.values.iter().map(|x| f64::from(*x)).collect();
        golden.check(&format!("outputs/{}", maps.name), &values);
    }
    let one = look::features(&subject, Some("third")).unwrap();
    assert_eq!(one.len(), 1);
    assert_eq!(one[0].values, maps[4].values);
}

#[test]
fn a_place_feels_what_its_gradient_says_within_its_field() {
    let golden = Golden::new();
    let seen = look::receptive_field(&golden.subject(), "third", Some([1, 0])).unwrap();
    golden.check("effect", &seen.effect);
    assert_eq!(seen.part, [[1, 11], [0, 7]]);
    for (place, effect) in seen.effect.iter().enumerate() {
        let inside = (1..11).contains(&(place / 10)) && place % 10 < 7;
        assert!(inside || *effect == 0.0, "{place}");
    }
}

#[test]
fn kernels_are_the_weights() {
    let golden = Golden::new();
    let kernels = look::filters(&golden.trained, None).unwrap();
    let weights: BTreeMap<String, Array> = golden.goldens.below("weights/");
    for (kernels, name) in kernels.iter().zip(["first", "2.layers.second", "third"]) {
        let weight = &weights[&format!("{name}.weight")];
        assert_eq!(kernels.shape.to_vec(), weight.shape);
        assert_eq!(kernels.values, weight.values);
    }
    assert_eq!(kernels.len(), 3);
}

#[test]
fn samples_lie_where_scikit_learn_puts_them() {
    let golden = Golden::new();
    let hidden = golden.goldens.get("hidden");
    let (points, explained) = look::principal_components(&hidden.values, hidden.shape[1]);
    golden.check("explained", &explained);
    golden.check("points", points.as_flattened());
}

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
