//! What was learnt elsewhere: first weights of runs and of files, new heads, rates by layers.

use std::fs;

use serde_json::json;

use crate::support::{BARS, IMPORTED, Lab, Outcome, repository, weights};

/// A rate at which no weight moves.
const STILL: &str = "train.optimizer.learning_rate=1e-30";

/// Returns the network of the goldens of `cnn import` for two classes; it begins with their weights.
fn network() -> String {
    let of_two = IMPORTED.replace("units = 3", "units = 2");
    format!(
        "{of_two}\n[train]\nepochs = 1\nfrom = \"bars.pth\"\n\
        optimizer = {{ type = \"adam\", learning_rate = 0.01 }}\n"
    )
}

/// Makes a folder with a run `first` of three classes; later runs begin with it.
fn lab() -> Lab {
    let lab = Lab::with_bars();
    lab.cnn(&["train", "bars.toml", "--run", "first", "--quiet"])
        .ok();
    lab.write("bars.toml", format!("{BARS}from = \"first\"\n"));
    lab
}

fn train(lab: &Lab, config: &str, run: &str, settings: &[&str]) -> Outcome {
    let mut arguments = vec!["train", config, "--run", run];
    arguments.extend(settings.iter().flat_map(|setting| ["--set", *setting]));
    lab.cnn(&arguments)
}

#[track_caller]
fn assert_said(outcome: &Outcome, texts: &[&str]) {
    for text in texts {
        assert!(
            outcome.stderr.contains(text),
            "no `{text}` in {}",
            outcome.stderr
        );
    }
}

#[track_caller]
fn assert_silent(outcome: &Outcome) {
    assert!(!outcome.stderr.contains("warning"), "{}", outcome.stderr);
}

#[test]
fn a_file_from_elsewhere_gives_all_but_the_head() {
    let lab = Lab::with_bars();
    lab.write("net.toml", network());
    let golden = repository("tests/golden/import/bars.pth");
    fs::copy(golden, lab.path("bars.pth")).unwrap();
    // With as many classes the head is taken too, and whose it is cannot be known.
    let same = train(&lab, "net.toml", "same", &["model.layers.6.units=3", STILL]).ok();
    assert_said(
        &same,
        &[
            "the head is taken from `bars.pth` too: whether its 3 classes are those of the data is not known",
            "begins with 12 weights of `bars.pth`, by the names of ResNet",
        ],
    );
    fs::remove_dir_all(lab.path("bars/slant")).unwrap();
    let other = train(&lab, "net.toml", "other", &[STILL]).ok();
    assert_said(
        &other,
        &[
            "warning: `6` starts anew: it is not that of `bars.pth`",
            "`6.weight` is 64x2, and `state_dict.module.fc.weight` is 64x3",
            "`6.bias` is 2, and `state_dict.module.fc.bias` is 3",
            "10 weights are taken, by the names of ResNet",
        ],
    );
    let expected = json!({
        "file": "bars.pth", "taken": 10, "placed": "by the names of ResNet", "fresh": ["6"],
    });
    assert_eq!(lab.json("runs/other/run.json")["first_weights"], expected);
    lab.cnn(&[
        "import",
        "bars.pth",
        "--into",
        "net.toml",
        "--set",
        "model.layers.6.units=3",
        "--as",
        "whole",
        "--data",
        "nowhere",
    ])
    .ok();
    let (whole, other) = (weights(&lab, "whole"), weights(&lab, "other"));
    for name in ["0.weight", "1.weight", "1.bias", "3.layers.0.weight"] {
        assert_eq!(whole[name], other[name], "{name}");
    }
    // Another network is refused, and leaves no run.
    for (setting, texts) in [
        (
            "model.layers.0.filters=6",
            [
                "`0.weight`, 6x1x3x3, is missing",
                "only its head may be another",
            ],
        ),
        (
            "model.layers.3.layers.0.kernel_size=1",
            [
                "the weights in `bars.pth` are not those of the network",
                "is left over",
            ],
        ),
    ] {
        let mut settings = vec![setting];
        if setting.contains("filters") {
            settings.extend([
                "model.layers.3.layers.0.filters=6",
                "model.layers.3.layers.0.padding=1",
            ]);
        } else {
            settings.push("model.layers.3.layers.0.padding=0");
        }
        let refused = train(&lab, "net.toml", "no", &settings).code(4);
        assert_said(&refused, &texts);
        assert!(!lab.path("runs/no").exists());
    }
}

#[test]
fn a_run_of_the_same_classes_gives_all_and_nothing_is_said() {
    let lab = lab();
    let again = train(&lab, "bars.toml", "again", &[STILL, "train.epochs=1"]).ok();
    assert_silent(&again);
    assert_said(
        &again,
        &["begins with 4 weights of `runs/first/model.safetensors`, by their names"],
    );
    assert_eq!(weights(&lab, "first"), weights(&lab, "again"));
    for from in ["runs/first", "runs/first/model.safetensors", "latest"] {
        let from = format!("train.from=\"{from}\"");
        let run = from.replace(['/', '"', '='], "-");
        train(&lab, "bars.toml", &run, &[STILL, &from]).ok();
        assert_eq!(weights(&lab, "first"), weights(&lab, &run), "{from}");
    }
    let missing = "train.from=\"nothing\"";
    let refused = train(&lab, "bars.toml", "no", &[missing]).code(4);
    assert_said(&refused, &["no run `nothing`"]);
}

#[test]
fn other_classes_get_a_new_head() {
    let lab = lab();
    let first = weights(&lab, "first");
    let check = |run: &str, settings: &[&str], texts: &[&str]| {
        let outcome = train(&lab, "bars.toml", run, &[settings, &[STILL]].concat()).ok();
        assert_said(&outcome, texts);
        assert_said(&outcome, &["2 weights are taken, by their names"]);
        let found = weights(&lab, run);
        assert_eq!(first["0.weight"], found["0.weight"], "{run}");
        assert_ne!(first["3.weight"], found["3.weight"], "{run}");
        let record = lab.json(format!("runs/{run}/run.json"));
        assert_eq!(record["first_weights"]["fresh"], json!(["3"]), "{run}");
    };
    // The same classes in another order, as data sets with a list of names have them.
    let model = lab.path("runs/first/model.safetensors");
    let bytes = fs::read(&model).unwrap();
    let names = br#"[\"across\",\"down\",\"slant\"]"#;
    let at = bytes.windows(names.len()).position(|own| own == names);
    let at = at.expect("names of classes");
    let mut turned = bytes.clone();
    turned[at..at + names.len()].copy_from_slice(br#"[\"slant\",\"across\",\"down\"]"#);
    fs::write(&model, turned).unwrap();
    check(
        "turned",
        &[],
        &[
            "`3` starts anew: its classes had another order in `runs/first/model.safetensors`",
            "answer 0 is `across`, and `slant` there",
        ],
    );
    // Numbers say nothing of names.
    let mut numbers = br#"[\"0\",\"1\",\"2\"]"#.to_vec();
    numbers.resize(names.len(), b' ');
    let mut numbered = bytes.clone();
    numbered[at..at + names.len()].copy_from_slice(&numbers);
    fs::write(&model, numbered).unwrap();
    let outcome = train(&lab, "bars.toml", "numbered", &[STILL]).ok();
    assert_said(
        &outcome,
        &["whether its 3 classes are those of the data is not known"],
    );
    assert_eq!(first, weights(&lab, "numbered"));
    fs::write(&model, bytes).unwrap();
    fs::rename(lab.path("bars/across"), lab.path("bars/zigzag")).unwrap();
    check(
        "named",
        &[],
        &[
            "`3` starts anew: its classes are not those of `runs/first/model.safetensors`",
            "answer 2 is `zigzag`, and `slant` there",
        ],
    );
    fs::remove_dir_all(lab.path("bars/zigzag")).unwrap();
    let two = "model.layers.3.units=2";
    check(
        "two",
        &[two],
        &[
            "`3` starts anew: 2 classes here, 3 in `runs/first/model.safetensors`",
            "`3.weight` is 36x2, and `3.weight` is 36x3",
        ],
    );
    // A head that is frozen as it begins is told.
    let frozen = train(&lab, "bars.toml", "frozen", &[two, "train.freeze=[\"3\"]"]).ok();
    assert_said(
        &frozen,
        &["what starts anew and is frozen never learns: `3`"],
    );
    // What is said of the first weights stays when the run goes on.
    let before = lab.json("runs/two/run.json")["first_weights"].clone();
    lab.cnn(&["train", "--resume", "two", "--epochs", "4"]).ok();
    let record = lab.json("runs/two/run.json");
    assert_eq!(record["first_weights"], before);
    assert_eq!(record["epochs"], 4);
}

#[test]
fn a_longer_head_starts_anew_and_another_body_is_refused() {
    let lab = lab();
    let dense = "{ type = \"dense\", units = 3 }";
    let longer = format!("{BARS}from = \"first\"\n").replace(
        dense,
        "{ type = \"dense\", units = 5, name = \"hidden\" }, { type = \"dense\", units = 3 }",
    );
    lab.write("longer.toml", &longer);
    let outcome = train(&lab, "longer.toml", "longer", &[STILL]).ok();
    assert_said(
        &outcome,
        &[
            "`hidden`, `4` start anew: it is not that of",
            "`hidden.weight` is 36x5, and the file has none",
            "`3.weight`, 36x3, is not taken",
        ],
    );
    let (first, found) = (weights(&lab, "first"), weights(&lab, "longer"));
    assert_eq!(first["0.weight"], found["0.weight"]);
    // A layer that got a name is the same layer.
    let named = format!("{BARS}from = \"first\"\n")
        .replace("{ type = \"conv\",", "{ type = \"conv\", name = \"C1\",");
    lab.write("named.toml", named);
    let outcome = train(&lab, "named.toml", "named", &[STILL]).ok();
    assert_silent(&outcome);
    assert_eq!(first["0.weight"], weights(&lab, "named")["C1.weight"]);
    for (setting, texts) in [
        (
            "model.layers.0.filters=5",
            [
                "the weights in `runs/first/model.safetensors` are not those of the network",
                "`0.weight` is 5x1x3x3, and `0.weight` is 4x1x3x3",
            ],
        ),
        (
            "model.layers.0.bias=false",
            [
                "`0.bias` is of no use in `0`",
                "only its head may be another",
            ],
        ),
    ] {
        let refused = train(&lab, "bars.toml", "no", &[setting]).code(4);
        assert_said(&refused, &texts);
        assert!(!lab.path("runs/no").exists(), "{setting}");
    }
}

#[test]
fn a_head_of_convolutions_ends_with_its_norm() {
    let lab = Lab::with_bars();
    let head = "  { type = \"conv\", filters = 3, kernel_size = 1 },\n  { type = \"batch_norm\" },\n  { type = \"global_pool\" },\n";
    let flat = "  { type = \"flatten\" },\n  { type = \"dense\", units = 3 },\n";
    let config = BARS.replace(flat, head);
    lab.write("bars.toml", &config);
    lab.cnn(&["train", "bars.toml", "--run", "first", "--quiet"])
        .ok();
    fs::remove_dir_all(lab.path("bars/slant")).unwrap();
    lab.write(
        "two.toml",
        format!("{config}from = \"first\"\n").replace("filters = 3", "filters = 2"),
    );
    let outcome = train(&lab, "two.toml", "two", &[STILL]).ok();
    assert_said(
        &outcome,
        &[
            "`2`, `3` start anew: 2 classes here, 3 in `runs/first/model.safetensors`",
            "`2.weight` is 2x4x1x1, and `2.weight` is 3x4x1x1",
            "`3.running_mean` is 2, and `3.running_mean` is 3",
            "2 weights are taken, by their names",
        ],
    );
}

#[test]
fn other_inputs_are_told() {
    let lab = lab();
    let normalize = "data.normalize={ mean = [0.5], std = [0.25] }";
    let outcome = train(&lab, "bars.toml", "other", &[normalize]).ok();
    assert_said(
        &outcome,
        &[
            "inputs are normalized otherwise than for the weights of `runs/first/model.safetensors`",
            "mean [0.5], std [0.25]",
        ],
    );
    // Said in another way they are the same.
    let same = "data.normalize={ mean = [0], std = [1] }";
    assert_silent(&train(&lab, "bars.toml", "same", &[same]).ok());
}

#[test]
fn layers_have_rates_of_their_own() {
    let lab = lab();
    let still = "train.rate_factors={ \"*\" = 1, \"0\" = 1e-30 }";
    train(&lab, "bars.toml", "rates", &[still]).ok();
    let (first, found) = (weights(&lab, "first"), weights(&lab, "rates"));
    assert_eq!(first["0.weight"], found["0.weight"]);
    assert_ne!(first["3.weight"], found["3.weight"]);
    // The rate that is reported is the schedule's.
    let rows = lab.text("runs/rates/metrics.csv");
    assert!(rows.lines().nth(1).unwrap().contains(",0.03,"), "{rows}");
    let arguments = [
        "inspect",
        "bars.toml",
        "--set",
        "train.rate_factors={ \"0\" = 0.1 }",
    ];
    let table = lab.cnn(&arguments).ok().stdout;
    assert!(table.contains("rate") && table.contains("x0.1"), "{table}");
    let document = lab.cnn(&[&arguments[..], &["--json"]].concat()).ok().json();
    assert_eq!(document["layers"][0]["rate_factor"], 0.1);
    assert!(document["layers"][3].get("rate_factor").is_none());
}

#[test]
fn a_resumed_run_keeps_its_rates_to_the_last_bit() {
    let lab = lab();
    let keys = "ema = 0.9\naccumulate = 2\nbatch_size = 3\nrate_factors = { \"0\" = 0.25 }\n";
    let config = format!("{BARS}{keys}").replace("batch_size = 9\n", "");
    lab.write("rates.toml", &config);
    lab.write(
        "plain.toml",
        config.replace("rate_factors", "# rate_factors"),
    );
    lab.cnn(&["train", "rates.toml", "--run", "straight", "--epochs", "4"])
        .ok();
    lab.cnn(&["train", "rates.toml", "--run", "halves", "--epochs", "2"])
        .ok();
    lab.cnn(&["train", "--resume", "halves", "--epochs", "4"])
        .ok();
    let model = |run: &str| lab.read(format!("runs/{run}/model.safetensors"));
    assert!(model("straight") == model("halves"));
    lab.cnn(&["train", "plain.toml", "--run", "plain", "--epochs", "4"])
        .ok();
    assert_ne!(weights(&lab, "straight"), weights(&lab, "plain"));
}
