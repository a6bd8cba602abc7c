//! What `cnn show` finds, held to PyTorch, scikit-learn and the papers' formulas; and the pictures that it draws.

mod drawn;

use std::collections::BTreeMap;

use cnn::look::{self, Method, Picture, Subject};
use cnn::model::Device;
use cnn::model_file::{self, Header, Trained};
use serde_json::Value;

use crate::goldens::{Array, Goldens, assert_close, model, project};

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
