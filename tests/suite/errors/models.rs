//! What is said of runs and model files that are missing or do not fit.

use std::fs;

use safetensors::SafeTensors;
use safetensors::tensor::TensorView;

use super::{Faults, trained};
use crate::support::{BARS, Lab, bar_png, repository};

#[test]
fn missing_runs_are_told() {
    let mut faults = Faults::new(Lab::with_bars());
    faults.lab.write("a.png", bar_png(0, 0));
    faults.check("run_none_predict", 4, "predict a.png");
    faults.check("run_none_eval", 4, "eval");
    faults.check("run_none_resume", 4, "train --resume latest");
    faults.check("run_none_named", 4, "train bars.toml --resume bars-1");
    faults.lab.write("runs", "a file where a folder belongs");
    faults.check("run_no_folder", 5, "train bars.toml");
    faults.golden.finish();
}

#[test]
fn runs_that_do_not_fit_are_told() {
    let lab = trained();
    lab.write(
        "other.toml",
        BARS.replace("filters = 4", "filters = 5")
            .replace("max", "avg"),
    );
    lab.write(
        "deeper.toml",
        BARS.replace(
            "  { type = \"flatten\" },\n",
            "  { type = \"flatten\" },\n  { type = \"dense\", units = 6 },\n",
        ),
    );
    lab.write("strange/train/waves/a.png", bar_png(0, 0));
    lab.write("strange/train/across/a.png", bar_png(0, 0));
    let mut faults = Faults::new(lab);
    faults.check("run_missing", 4, "eval two");
    faults.check("run_exists", 2, "train bars.toml --run one");
    let import = "import gone.safetensors --into bars.toml --as one";
    faults.check("import_run_exists", 2, import);
    faults.check("run_of_another_network", 4, "train other.toml --resume one");
    faults.check(
        "run_of_a_shorter_network",
        4,
        "train deeper.toml --resume one",
    );
    faults.check(
        "run_of_another_seed",
        4,
        "train --resume one --seed 8 --epochs 2",
    );
    faults.check(
        "from_another_network",
        4,
        "train other.toml --set train.from='one'",
    );
    fs::copy(
        repository("tests/golden/import/bars.pth"),
        faults.lab.path("bars.pth"),
    )
    .unwrap();
    faults.check(
        "from_a_file_of_another_network",
        4,
        "train bars.toml --set train.from='bars.pth'",
    );
    faults.check("eval_no_such_split", 3, "eval one --split test");
    faults.check(
        "eval_unknown_class",
        3,
        "eval one --data strange --split train",
    );
    faults.check("eval_missing_data", 3, "eval one --data photos");
    let run = faults.lab.path("runs/one");
    fs::write(run.join("metrics.csv"), "epoch,step\none,two\n").unwrap();
    faults.check("run_damaged_metrics", 4, "train --resume one");
    fs::remove_file(run.join("metrics.csv")).unwrap();
    let record = fs::read(run.join("run.json")).unwrap();
    fs::write(run.join("run.json"), &record[..30]).unwrap();
    faults.check("run_damaged_record", 4, "train --resume one");
    fs::write(run.join("run.json"), record).unwrap();
    let weights = run.join("checkpoints/step-00000003/model.safetensors");
    fs::write(weights, "nothing").unwrap();
    faults.check("run_damaged_checkpoints", 4, "train --resume one");
    fs::remove_file(run.join("model.safetensors")).unwrap();
    faults.check("run_without_model", 4, "eval one");
    faults.golden.finish();
}

#[test]
fn a_file_of_almost_this_name_is_proposed() {
    let lab = trained();
    lab.write("digits/seven.png", bar_png(0, 0));
    for (command, code, meant) in [
        ("train bras.toml", 2, "bars.toml"),
        ("inspect Bars.tml", 2, "bars.toml"),
        ("predict digits/sevn.png --model one", 3, "digits/seven.png"),
        ("predict digit/seven.png --model one", 3, "digits/seven.png"),
        (
            "filter digits/seven.pgn --kernel sobel_x",
            3,
            "digits/seven.png",
        ),
        ("show one features digits/sven.png", 3, "digits/seven.png"),
        (
            "import runs/one/model.safetensor --into bars.toml",
            5,
            "runs/one/model.safetensors",
        ),
    ] {
        let arguments: Vec<&str> = command.split(' ').collect();
        let said = lab.cnn(&arguments).code(code).stderr;
        let help = format!("help: did you mean `{meant}`?");
        assert!(said.contains(&help), "{command}: {said}");
    }
    let said = lab.cnn(&["predict", "digits/one.png", "--model", "one"]);
    let said = said.code(3).stderr;
    assert!(!said.contains("did you mean"), "nothing is like it: {said}");
}

#[test]
fn files_that_are_no_model_are_told() {
    let lab = trained();
    let model = lab.read("runs/one/model.safetensors");
    let cut = &model[..model.len() - 40];
    let (_, metadata) = SafeTensors::read_metadata(&model).unwrap();
    let entries = metadata.metadata().clone().unwrap();
    let tensors = SafeTensors::deserialize(&model).unwrap();
    let write = |name: &str, keep: fn(&str) -> Option<String>, with_metadata: bool| {
        let views = tensors.tensors().into_iter();
        let views: Vec<(String, TensorView<'_>)> = views
            .filter_map(|(name, view)| Some((keep(&name)?, view)))
            .collect();
        let metadata = with_metadata.then(|| entries.clone());
        lab.write(name, safetensors::serialize(views, metadata).unwrap());
    };
    write("bare.safetensors", |name| Some(name.to_owned()), false);
    write(
        "renamed.safetensors",
        |name| {
            Some(if name.contains("bias") {
                format!("{name}.old")
            } else {
                name.to_owned()
            })
        },
        true,
    );
    lab.write("text.safetensors", "these are no weights\n");
    lab.write("weights.pt", b"PK\x03\x04\x14\0\0\0\x08\0");
    lab.write("weights.pkl", b"\x80\x02}q\0.");
    lab.write("weights.h5", b"\x89HDF\r\n\x1a\n\0\0\0\0");
    // The version of the format, then who wrote it.
    lab.write("network.onnx", b"\x08\x08\x12\x07pytorch");
    lab.write("cut.safetensors", cut);
    // The last weight of the file, which ends with the weights.
    let mut infinite = model.clone();
    let end = infinite.len() - 4;
    infinite[end..].copy_from_slice(&f32::INFINITY.to_le_bytes());
    lab.write("infinite.safetensors", infinite);
    lab.write(
        "huge.safetensors",
        [&(1_u64 << 63).to_le_bytes()[..], b"{}"].concat(),
    );
    lab.write("empty.safetensors", "");
    let newer = entries["cnn"].replacen("\"format\":1", "\"format\":9", 1);
    for (name, text) in [("newer", newer.as_str()), ("garbled", "{\"format\":1")] {
        let mut entries = entries.clone();
        entries.insert("cnn".to_owned(), text.to_owned());
        let bytes = safetensors::serialize(tensors.tensors(), Some(entries)).unwrap();
        lab.write(format!("{name}.safetensors"), bytes);
    }
    lab.write("a.png", bar_png(0, 0));
    let mut faults = Faults::new(lab);
    for (name, file) in [
        ("model_is_text", "text.safetensors"),
        ("model_is_a_zip", "weights.pt"),
        ("model_is_a_pickle", "weights.pkl"),
        ("model_is_hdf5", "weights.h5"),
        ("model_is_onnx", "network.onnx"),
        ("model_is_a_config", "bars.toml"),
        ("model_is_cut", "cut.safetensors"),
        ("model_has_a_huge_header", "huge.safetensors"),
        ("model_is_empty", "empty.safetensors"),
        ("model_without_metadata", "bare.safetensors"),
        ("model_of_other_weights", "renamed.safetensors"),
        ("model_of_a_newer_format", "newer.safetensors"),
        ("model_with_garbled_metadata", "garbled.safetensors"),
        ("model_is_not_finite", "infinite.safetensors"),
        ("model_is_missing", "gone.safetensors"),
    ] {
        faults.check(name, 4, &format!("predict a.png --model {file}"));
    }
    faults.golden.finish();
}

#[test]
fn a_loss_that_is_no_number_is_told() {
    let mut faults = Faults::new(Lab::with_bars());
    let command = "train bars.toml --quiet --set train.optimizer.learning_rate=1e30";
    faults.check("diverged", 6, command);
    assert_eq!(faults.lab.json("runs/bars-1/run.json")["status"], "failed");
    faults.golden.finish();
}
