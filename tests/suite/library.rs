//! The library as another crate sees it.

use std::path::PathBuf;

use cnn::burn::tensor::{Device as Place, Tensor};
use cnn::diagnostic::Kind;
use cnn::plan::Dtype;
use cnn::train::{Event, Options, Target};
use cnn::{Answer, Config, Device, Model, Picture, Plan, Predictor, Project};

use crate::support::{Lab, png, repository};

/// What the crate shows at its root; all else is private or hidden.
const SHOWN: &[&str] = &[
    "pub mod config;",
    "pub mod diagnostic;",
    "pub mod plan;",
    "pub mod train;",
    "pub use burn;",
    "pub use config::Config;",
    "pub use diagnostic::{Diagnostic, Error, Result};",
    "pub use load::Project;",
    "pub use model::{Device, Model, NamedWeight};",
    "pub use plan::Plan;",
    "pub use predict::{Answer, Guess, Picture, Prediction, Predictor};",
    "pub use train::train;",
];

#[test]
fn nothing_is_exported_by_accident() {
    let text = std::fs::read_to_string(repository("src/lib.rs")).unwrap();
    let mut shown = Vec::new();
    let mut is_hidden = false;
    for line in text.lines() {
        match line {
            "#[doc(hidden)]" => is_hidden = true,
            _ if line.starts_with("pub ") && !is_hidden => shown.push(line),
            _ => is_hidden = line.starts_with("#[") && is_hidden,
        }
    }
    shown.sort_unstable();
    assert_eq!(shown, SHOWN);
}

/// A folder with pictures of two classes, and a network trained on them.
fn trained() -> (Lab, PathBuf) {
    let lab = Lab::new();
    for (class, level) in [("light", 200), ("dark", 40)] {
        for number in 0..8_u8 {
            let pixels: Vec<u8> = (0..30).map(|at| level + number + at).collect();
            lab.write(format!("data/{class}/{number}.png"), png(6, 5, &pixels));
        }
    }
    let project = project(&lab);
    let options = Options {
        target: Target::At(lab.path("run")),
        ..Options::new(&project)
    };
    let end = cnn::train(&options, &mut |_| ()).unwrap();
    (lab, end.run)
}

fn project(lab: &Lab) -> Project {
    let source = lab.path("data");
    let text = format!(
        "[model]
        input = [1, 5, 6]
        layers = [{{ type = 'flatten' }}, {{ type = 'dense', units = 2 }}]
        [data]
        source = '{}'
        [train]
        epochs = 15
        batch_size = 8
        optimizer = {{ type = 'adam', learning_rate = 0.05 }}",
        source.display()
    );
    text.parse().unwrap()
}

#[test]
fn any_number_of_pictures_is_answered_as_each_alone() {
    let (lab, run) = trained();
    let predictor = Predictor::load(&run, Device::Cpu).unwrap();
    let pictures: Vec<Picture> = (0..150_u8)
        .map(|number| match number {
            70 => Picture::of_bytes("damaged", b"no picture".to_vec()),
            71 => Picture::open(lab.path("gone.png")),
            72 => Picture::of_pixels("72", 2, 2, &[1, 2, 3]),
            _ => Picture::of_pixels(&number.to_string(), 6, 5, &[number + 60; 30]),
        })
        .collect();
    let together = predictor.predict(&pictures, usize::MAX).unwrap();
    assert_eq!(together.len(), 150);
    for (picture, answer) in pictures.iter().zip(&together) {
        assert_eq!(picture.name, answer.name);
        let alone = predictor.predict(std::slice::from_ref(picture), usize::MAX);
        assert_eq!(alone.unwrap(), std::slice::from_ref(answer));
    }
    let failed: Vec<usize> = (0..150)
        .filter(|at| together[*at].answer.is_err())
        .collect();
    assert_eq!(failed, [70, 71, 72]);
    let class = |at: usize| match &together[at].answer {
        Ok(Answer::Guesses(guesses)) => guesses[0].class.as_str(),
        other => panic!("{other:?}"),
    };
    assert_eq!([class(0), class(149)], ["dark", "light"]);
    assert_eq!(predictor.predict(&[], 1).unwrap(), []);
}

#[test]
fn probabilities_are_made_of_the_logits() {
    let (_lab, run) = trained();
    let predictor = Predictor::load(run.join("model.safetensors"), Device::Cpu).unwrap();
    let picture = Picture::of_pixels("it", 6, 5, &[120; 30]);
    let answers = predictor.predict(&[picture], 2).unwrap();
    let Ok(Answer::Guesses(guesses)) = &answers[0].answer else {
        panic!("{answers:?}");
    };
    let sum: f64 = guesses.iter().map(|guess| guess.logit.exp()).sum();
    for guess in guesses {
        assert!((guess.probability - guess.logit.exp() / sum).abs() < 1e-5);
        assert_eq!(predictor.classes()[guess.index], guess.class);
    }

    // The network itself, on what the picture is made to: bytes times 1/255.
    let model = Model::load(run.join("model.safetensors"), Device::Cpu).unwrap();
    let device = Device::Cpu.open().unwrap();
    let input = Tensor::<4>::full([1, 1, 5, 6], 120.0 / 255.0, &device);
    let logits = model.answer(input).unwrap().into_data();
    let logits = logits.try_to_vec::<f32>().unwrap();
    for guess in guesses {
        assert!((f64::from(logits[guess.index]) - guess.logit).abs() < 1e-5);
    }
}

#[test]
fn what_is_no_model_is_refused() {
    let lab = Lab::new();
    lab.write("model.safetensors", b"{}");
    let kind = |path: &str| {
        Predictor::load(lab.path(path), Device::Cpu)
            .unwrap_err()
            .kind
    };
    assert_eq!(kind("model.safetensors"), Kind::Model);
    assert_eq!(kind(""), Kind::Model, "a folder that holds such a file");
    assert_eq!(kind("gone"), Kind::Io);
}

#[test]
fn values_changed_by_hand_are_checked_before_training() {
    let (lab, _) = trained();
    let mut project = project(&lab);
    project.config.train.batch_size = 0;
    let options = Options {
        target: Target::At(lab.path("other")),
        ..Options::new(&project)
    };
    let error = cnn::train(&options, &mut |_| ()).unwrap_err();
    assert_eq!(error.kind, Kind::Config);
    assert_eq!(
        error.to_string(),
        "`batch_size` takes a whole number of 1 or more"
    );
    assert!(!lab.path("other").exists());

    project.config.train.batch_size = 5;
    project.config.train.epochs = 2;
    let options = Options {
        target: Target::At(lab.path("other")),
        threads: 0,
        ..Options::new(&project)
    };
    let mut epochs = 0;
    let end = cnn::train(&options, &mut |event| {
        epochs += usize::from(matches!(event, Event::Epoch(_)));
    });
    assert_eq!((end.unwrap().epochs, epochs), (2, 2));
}

fn model(input: &str) -> (Model, Place) {
    let text = format!(
        "[model]\ninput = {input}\nlayers = [{{ type = 'flatten' }}, {{ type = 'dense', units = 3 }}]"
    );
    let config: Config = text.parse().unwrap();
    let device = Device::Cpu.open().unwrap();
    let model = Model::of(&Plan::of(&config).unwrap(), 0, &device).unwrap();
    (model, device)
}

#[test]
fn a_model_answers_batches_of_every_rank_and_refuses_others() {
    let (signal, device) = model("[2, 6]");
    let answer = signal.answer(Tensor::<3>::ones([4, 2, 6], &device));
    assert_eq!(answer.unwrap().dims(), [4, 3]);
    let (volume, _) = model("[1, 2, 3, 4]");
    let answer = volume.answer(Tensor::<5>::ones([2, 1, 2, 3, 4], &device));
    assert_eq!(answer.unwrap().dims(), [2, 3]);

    let refused = |answer: cnn::Result<Tensor<2>>| answer.unwrap_err().to_string();
    assert_eq!(
        refused(signal.answer(Tensor::<2>::ones([2, 6], &device))),
        "inputs of 2x6 do not fit the network"
    );
    assert_eq!(
        refused(signal.answer(Tensor::<1>::ones([12], &device))),
        "inputs of 12 do not fit the network"
    );
    assert_eq!(
        refused(volume.answer(Tensor::<5>::ones([1, 1, 2, 4, 3], &device))),
        "inputs of 1x1x2x4x3 do not fit the network"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_model_that_no_machine_holds_is_refused() {
    let layers = "{ type = 'flatten' }, { type = 'dense', units = 10000000 }";
    let text = format!("[model]\ninput = [1, 4096, 4096]\nlayers = [{layers}]");
    let plan = Plan::of(&text.parse().unwrap()).unwrap();
    let error = Model::of(&plan, 0, &Device::Cpu.open().unwrap()).unwrap_err();
    assert_eq!(error.kind, Kind::Config);
    assert!(error.to_string().ends_with("are free"), "{error}");
}

#[test]
fn a_model_takes_tensors_of_other_devices() {
    let (model, device) = model("[1, 2, 2]");
    let own = model.answer(Tensor::<4>::ones([1, 1, 2, 2], &device));
    let own = own.unwrap().into_data();
    for other in [Device::NdArray.open().unwrap(), device.clone().autodiff()] {
        let answer = model.answer(Tensor::<4>::ones([1, 1, 2, 2], &other));
        assert_eq!(answer.unwrap().into_data(), own);
    }
}

#[test]
fn totals_of_any_batch_are_counted_or_nothing() {
    let config = std::fs::read_to_string(repository("configs/lenet5.toml")).unwrap();
    let plan = Plan::of(&config.parse().unwrap()).unwrap();
    let totals = |batch| plan.totals(Dtype::F32, batch);
    assert_eq!(totals(0).unwrap().training_bytes, 0);
    assert_eq!(totals(1).unwrap().training_bytes, 4 * 8_214);
    assert_eq!(totals(usize::MAX), None);
}
