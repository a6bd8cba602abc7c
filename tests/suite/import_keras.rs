//! `cnn import`: weights that Keras wrote, held to what Keras answers.

use std::collections::BTreeMap;
use std::io::Read as _;

use burn::tensor::Device;
use cnn::model::Pass;
use cnn::model_file;
use flate2::read::GzDecoder;
use serde_json::Value;
use tar::Archive;

use crate::goldens::{Array, Goldens};
use crate::support::{Lab, repository, weights};

/// The files of the goldens by their names.
fn files() -> BTreeMap<String, Vec<u8>> {
    let packed = std::fs::read(repository("tests/golden/import/keras.tar.gz")).unwrap();
    let mut archive = Archive::new(GzDecoder::new(&packed[..]));
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        (name, bytes)
    });
    entries.collect()
}

fn lab() -> (Lab, Goldens) {
    let lab = Lab::new();
    let mut files = files();
    let answers = Goldens::of(&files.remove("answers.safetensors").unwrap());
    for (name, bytes) in files {
        lab.write(name, bytes);
    }
    (lab, answers)
}

/// Holds the logits of an imported network to those of Keras.
#[track_caller]
fn check_logits(lab: &Lab, run: &str, answers: &Goldens, name: &str) {
    let device = Device::flex();
    let path = lab.path(format!("runs/{run}/model.safetensors"));
    let model = model_file::load(&path, &device).unwrap().model;
    let inputs = answers.get(&format!("{name}/inputs")).to_value(&device);
    let found = Array::of(model.logits(inputs, Pass::Evaluate));
    let expected = answers.get(&format!("{name}/logits"));
    assert_eq!(found.shape, expected.shape);
    for (found, expected) in found.values.iter().zip(&expected.values) {
        let near = 1e-5 * (1.0 + expected.abs());
        assert!(
            (found - expected).abs() <= near,
            "{run}: {found}, Keras has {expected}"
        );
    }
}

/// Imports a file and returns what is said.
#[track_caller]
fn imported(lab: &Lab, file: &str, config: &str, run: &str, more: &[&str]) -> Value {
    let arguments = ["import", file, "--into", config, "--as", run, "--json"];
    lab.cnn(&[&arguments, more].concat()).ok().json()
}

const BY_ORDER: &str = "by the order of layers of a kind and by shapes";

#[test]
fn files_of_keras_answer_as_in_keras() {
    let (lab, answers) = lab();
    let cases: Vec<Value> = serde_json::from_str(&answers.metadata["cases"]).unwrap();
    assert!(cases.len() > 9);
    for case in cases {
        let [name, file] = ["name", "file"].map(|key| case[key].as_str().unwrap());
        let run = file.replace('.', "-");
        let said = imported(&lab, file, &format!("{name}.toml"), &run, &[]);
        let placed = if name == "named" {
            "by their names"
        } else {
            BY_ORDER
        };
        assert_eq!(said["placed"], placed);
        check_logits(&lab, &run, &answers, name);
    }
}

#[test]
fn the_table_has_the_names_of_keras() {
    let (lab, _) = lab();
    let newer = [
        ("1.running_var", "layers/batch_normalization/vars/3"),
        ("2.weight", "layers/p_re_lu/vars/0"),
        ("4.weight", "layers/conv2d_1/vars/0"),
        ("5.pointwise.bias", "layers/separable_conv2d/vars/2"),
    ];
    let older = [("0.weight", "model_weights/first/sequential/first/kernel")];
    for (file, expected) in [("planes.weights.h5", &newer[..]), ("planes.h5", &older)] {
        let table = lab
            .cnn(&["import", file, "--into", "planes.toml"])
            .ok()
            .stdout;
        for (weight, from) in expected {
            let row = table.lines().find(|line| line.contains(weight)).unwrap();
            assert!(row.contains(from), "no `{from}` in {row}");
        }
    }
}

#[test]
fn rules_name_layers_of_keras() {
    let (lab, answers) = lab();
    let rules =
        "[names]\n'layers/conv3d' = '0'\n'layers/conv3d_transpose' = '1'\n'layers/dense' = '3'\n";
    lab.write("names.toml", rules);
    let more = ["--map", "names.toml"];
    let said = imported(&lab, "volume.weights.h5", "volume.toml", "named", &more);
    assert_eq!(said["placed"], "by the rules given");
    check_logits(&lab, "named", &answers, "volume");
    let order = "order = [\"layers/separable_conv1d.[depthwise|pointwise]\"]";
    lab.write("order.toml", order);
    let arguments = ["import", "signal.weights.h5", "--into", "signal.toml"];
    let said = lab.cnn(&[&arguments[..], &["--map", "order.toml"]].concat());
    let said = said.code(4).stderr;
    assert!(said.contains("of no pattern are `layers/conv1d`"), "{said}");
}

/// Refuses a file for a network, saying all the words, and makes no run.
#[track_caller]
fn check_refused(lab: &Lab, file: &str, config: &str, words: &[&str]) {
    let arguments = ["import", file, "--into", config, "--as", "no"];
    let said = lab.cnn(&arguments).code(4).stderr;
    for word in words {
        assert!(said.contains(word), "no `{word}` in {said}");
    }
    assert!(!lab.path("runs/no").exists());
}

#[test]
fn what_does_not_fit_is_said_in_the_names_of_keras() {
    let (lab, _) = lab();
    let change = |config: &str, from: &str, to: &str| {
        let text = String::from_utf8(lab.read(config)).unwrap();
        assert!(text.contains(from), "no `{from}` in {text}");
        lab.write("changed.toml", text.replacen(from, to, 1));
    };
    change(
        "volume.toml",
        "kernel_size = [2, 3, 1]",
        "kernel_size = [3, 2, 1]",
    );
    let other = "`0.weight` is 2x1x3x2x1, and `layers/conv3d/vars/0` is 2x1x2x3x1";
    check_refused(&lab, "volume.weights.h5", "changed.toml", &[other]);
    change(
        "signal.toml",
        "  { type = \"group_norm\", groups = 2, epsilon = 0.001 },\n",
        "",
    );
    let left = "`layers/group_normalization/vars/0`, 4, is left over";
    check_refused(&lab, "signal.weights.h5", "changed.toml", &[left]);
    let residual = "{ type = \"flatten\" }, { type = \"residual\", layers = [{ type = \"dense\", units = 96 }] }";
    change("volume.toml", "{ type = \"flatten\" }", residual);
    let order = ["do not fit layer `3`"];
    check_refused(&lab, "volume.weights.h5", "changed.toml", &order);
    let groups = "{ type = \"flatten\" }, { type = \"group_norm\", groups = 2 }";
    change("volume.toml", "{ type = \"flatten\" }", groups);
    check_refused(&lab, "volume.weights.h5", "changed.toml", &order);
    let kept = "{ type = \"dense\", name = \"z\", units = 18 }";
    change("transposed.toml", "{ type = \"dense\", units = 18 }", kept);
    let text = String::from_utf8(lab.read("changed.toml")).unwrap();
    let merge = "{ type = \"merge\", with = \"concat\", from = [\"z\"] },\n  { type = \"dense\", units = 3 }";
    let text = text.replace("{ type = \"dense\", units = 3 }", merge);
    lab.write("changed.toml", text);
    let order = ["do not fit layer `3`"];
    check_refused(&lab, "transposed.keras", "changed.toml", &order);
    // The same rows, which only the middle of the network could tell apart.
    change(
        "volume.toml",
        "{ type = \"flatten\" }",
        "{ type = \"reshape\", shape = [4, -1] }, { type = \"flatten\" }",
    );
    let order = ["do not fit layer `2`", "channels come last"];
    check_refused(&lab, "volume.weights.h5", "changed.toml", &order);
}

#[test]
fn layers_that_could_change_places_are_refused() {
    let (lab, _) = lab();
    let text = String::from_utf8(lab.read("named.toml")).unwrap();
    lab.write("unnamed.toml", text.replace("name = \"left\", ", ""));
    let words = [
        "does not say which of its layers is which",
        "`0.branches.0.0`, `0.branches.1.right` are alike",
        "so are `layers/conv2d`, `layers/conv2d_1`",
        "`--map RULES.toml`",
    ];
    check_refused(&lab, "named.weights.h5", "unnamed.toml", &words);
}

#[test]
fn an_epsilon_that_is_not_that_of_keras_is_told() {
    let (lab, _) = lab();
    let arguments = ["import", "planes.weights.h5", "--into", "planes.toml"];
    let said = lab.cnn(&arguments).ok().stderr;
    assert!(!said.contains("epsilon"), "{said}");
    let ours = ["--set", "model.layers.1.epsilon=1e-5"];
    let said = lab.cnn(&[&arguments[..], &ours].concat()).ok().stderr;
    assert!(
        said.contains("the normalization `1` has an epsilon of 0.00001"),
        "{said}"
    );
    assert!(said.contains("write `epsilon = 0.001`"), "{said}");
}

#[test]
fn files_that_hold_no_layers_are_refused() {
    let (lab, _) = lab();
    let empty = b"\x89HDF\r\n\x1a\n";
    lab.write("empty.h5", empty);
    check_refused(
        &lab,
        "empty.h5",
        "volume.toml",
        &["failed to read weights", "`.weights.h5`"],
    );
    let config = lab.read("volume.toml");
    lab.write("renamed.keras", config);
    check_refused(
        &lab,
        "renamed.keras",
        "volume.toml",
        &["failed to read weights"],
    );
}

#[test]
fn networks_with_channels_first_are_refused() {
    let (lab, _) = lab();
    let whole = lab.read("residual.h5");
    // A longer word in place of another and of a space, so that all else stands where it stood.
    let [from, to] = [&b"channels_last\", "[..], b"channels_first\","];
    let at = whole.windows(from.len()).position(|part| part == from);
    let mut bytes = whole.clone();
    bytes[at.unwrap()..][..to.len()].copy_from_slice(to);
    lab.write("first.h5", bytes);
    let words = ["is of a network with channels first", "`data_format"];
    check_refused(&lab, "first.h5", "residual.toml", &words);
}

/// The next of numbers that look like chance and are the same in every run.
fn next(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    usize::try_from(*state >> 1).unwrap()
}

/// Damages a file in one of its ways.
fn damaged(whole: &[u8], number: usize, state: &mut u64) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    if number.is_multiple_of(4) {
        bytes.truncate(next(state) % whole.len());
        return bytes;
    }
    for _ in 0..=next(state) % 6 {
        let at = next(state) % bytes.len();
        bytes[at] = match next(state) % 4 {
            0 => 0xff,
            1 => 0,
            2 => bytes[at] ^ (1 << (next(state) % 8)),
            _ => bytes[at].wrapping_add(1),
        };
    }
    bytes
}

#[test]
fn more_than_a_file_can_hold_is_not_read() {
    let (lab, _) = lab();
    let mut bytes = lab.read("volume.weights.h5");
    let shape = [2_u64, 3, 1, 1, 2].map(u64::to_le_bytes).concat();
    let places = bytes.windows(shape.len()).enumerate();
    let places = places.filter(|(_, part)| *part == shape);
    let places: Vec<usize> = places.map(|(at, _)| at).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + 8].copy_from_slice(&(1_u64 << 40).to_le_bytes());
    }
    lab.write("huge.h5", bytes);
    let words = ["failed to read weights", "is more than the file can hold"];
    check_refused(&lab, "huge.h5", "volume.toml", &words);
}

#[test]
fn damaged_files_are_refused_or_read_and_nothing_else() {
    let (lab, _) = lab();
    let mut state = 2015;
    let mut codes = BTreeMap::new();
    for file in ["volume.weights.h5", "planes.h5", "transposed.keras"] {
        let config = format!("{}.toml", file.split('.').next().unwrap());
        let whole = lab.read(file);
        for number in 0..70 {
            lab.write("damaged", damaged(&whole, number, &mut state));
            let arguments = ["import", "damaged", "--into", &config, "--as", "damaged"];
            let outcome = lab.cnn(&arguments);
            let is_told = outcome.code == 0 || outcome.stderr.starts_with("error: ");
            assert!(
                matches!(outcome.code, 0 | 4) && is_told,
                "{file} {number}: {outcome:#?}"
            );
            let _ = std::fs::remove_dir_all(lab.path("runs"));
            *codes.entry(outcome.code).or_insert(0) += 1;
        }
    }
    assert!(codes[&0] > 30 && codes[&4] > 30, "{codes:?}");
}

/// An array of bytes in numpy's format.
fn npy(shape: &str, values: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({shape}), }}");
    let header = format!("{header:<117}\n");
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\0", &length[..], header.as_bytes(), values].concat()
}

#[test]
fn training_begins_with_weights_of_keras() {
    let (lab, _) = lab();
    for class in ["a", "b", "c"] {
        for number in 0_u8..6 {
            let values: Vec<u8> = (0..60).map(|at| at * 4 + number).collect();
            lab.write(
                format!("volumes/{class}/{number}.npy"),
                npy("4, 5, 3", &values),
            );
        }
    }
    let network = String::from_utf8(lab.read("volume.toml")).unwrap();
    let rest = "[data]\nsource = \"volumes\"\n\n[train]\nepochs = 1\nfrom = \"volume.weights.h5\"\n\
        optimizer = { type = \"sgd\", learning_rate = 1e-30 }\n";
    lab.write("train.toml", format!("{network}\n{rest}"));
    imported(&lab, "volume.weights.h5", "volume.toml", "as-it-is", &[]);
    // A rate of 1e-30 moves what is a zero, and nothing else.
    let rounded = |run: &str| -> BTreeMap<String, Vec<i64>> {
        let of_all = |values: Vec<f32>| {
            let millionths = values.into_iter().map(|value| (value * 1e6).round() as i64);
            millionths.collect()
        };
        let all = weights(&lab, run).into_iter();
        all.map(|(name, values)| (name, of_all(values))).collect()
    };
    lab.cnn(&["train", "train.toml", "--run", "same"]).ok();
    assert_eq!(rounded("same"), rounded("as-it-is"));
    std::fs::remove_dir_all(lab.path("volumes/c")).unwrap();
    let fewer = ["--run", "fewer", "--set", "model.layers.3.units=2"];
    let said = lab.cnn(&[&["train", "train.toml"], &fewer[..]].concat());
    let said = said.ok().stderr;
    for word in [
        "`3` starts anew: it is not that of `volume.weights.h5`",
        "`layers/dense/vars/0` is ",
        "4 weights are taken, by the order of layers of a kind and by shapes",
    ] {
        assert!(said.contains(word), "no `{word}` in {said}");
    }
    let (found, expected) = (rounded("fewer"), rounded("as-it-is"));
    for name in ["0.weight", "0.bias", "1.weight", "1.bias"] {
        assert_eq!(found[name], expected[name], "{name}");
    }
}
