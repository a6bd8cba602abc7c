//! Golden diagnostics: the whole message of every error, as a person reads it.
//!
//! Each `tests/errors/*.toml` begins with a comment that says what it shows; the `.txt` beside it
//! is what `cnn inspect` says of it. `tests/errors/commands/*.txt` holds what commands say of
//! faults that the tests here make; `$DIR` stands for their folder.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::TensorView;

use crate::support::{
    BARS, CLASSES, Golden, Lab, Outcome, PER_CLASS, bar_png, command_in, idx, names, outcome, png,
    repository, write_bars, write_idx,
};

#[test]
fn every_error_of_a_config_reads_as_it_should() {
    let folder = repository("tests/errors");
    let files = names(&folder);
    let stems = |extension: &str| -> BTreeSet<String> {
        let stem = |name: &String| Some(name.strip_suffix(extension)?.to_owned());
        files.iter().filter_map(stem).collect()
    };
    let configs = stems(".toml");
    assert!(configs.len() > 100, "{}", configs.len());
    let mut golden = Golden::new();
    for stem in &configs {
        let config = format!("{stem}.toml");
        let outcome = outcome(&mut command_in(&folder, &["inspect", &config]));
        assert_eq!(outcome.stdout, "", "{config}");
        assert_eq!(outcome.code, 2, "{config}: {outcome:#?}");
        let text = format!("{}exit {}\n", outcome.stderr, outcome.code);
        golden.check(&folder.join(format!("{stem}.txt")), &text);
    }
    golden.finish();
    let orphans: Vec<_> = stems(".txt").difference(&configs).cloned().collect();
    assert!(orphans.is_empty(), "no config beside {orphans:?}");
}

/// Runs faulty commands in a folder and compares what they say on standard error.
struct Faults {
    lab: Lab,
    golden: Golden,
}

impl Faults {
    fn new(lab: Lab) -> Self {
        let golden = Golden::new();
        Self { lab, golden }
    }

    /// Checks a command line, which may not say anything on standard output.
    #[track_caller]
    fn check(&mut self, name: &str, code: i32, command: &str) {
        let outcome = self.check_stderr(name, code, command);
        assert_eq!(outcome.stdout, "", "{name}");
    }

    #[track_caller]
    fn check_stderr(&mut self, name: &str, code: i32, command: &str) -> Outcome {
        let arguments: Vec<&str> = command.split_whitespace().collect();
        let outcome = self.lab.cnn(&arguments).code(code);
        let real = fs::canonicalize(self.lab.path("")).unwrap();
        let said = outcome
            .stderr
            .replace(real.to_str().unwrap(), "$DIR")
            .replace(self.lab.path("").to_str().unwrap(), "$DIR/");
        let text = format!("$ cnn {command}\n{said}exit {}\n", outcome.code);
        let path = repository("tests/errors/commands").join(format!("{name}.txt"));
        self.golden.check(&path, &text);
        outcome
    }
}

#[test]
fn settings_on_the_command_line_are_pointed_at() {
    let mut faults = Faults::new(Lab::with_bars());
    for (name, setting) in [
        ("set_zero", "train.epochs=0"),
        ("set_word", "train.epochs=three"),
        ("set_unknown_key", "train.epoch=3"),
        ("set_unknown_section", "training.epochs=3"),
        ("set_layer", "model.layers.0.filters=0"),
        ("set_layer_shape", "model.layers.0.kernel_size=9"),
        ("set_layer_by_word", "model.layers.conv.filters=3"),
        ("set_layer_beyond", "model.layers.9.filters=3"),
        ("set_layer_whole", "model.layers.1=flatten"),
        ("set_inside_a_string", "model.name.first=bars"),
        ("set_rate", "train.optimizer.learning_rate=-1"),
        ("set_table", "train.optimizer={type=\"adam\",lr=0.1}"),
        ("set_half", "data.normalize.mean=0.5"),
        ("set_empty", "train.epochs="),
        ("set_without_value", "train.epochs"),
        ("set_without_key", "=3"),
        ("set_too_deep", "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q=1"),
    ] {
        faults.check(name, 2, &format!("inspect bars.toml --set {setting}"));
    }
    faults.check(
        "set_several",
        2,
        "train bars.toml --set train.epochs=0 --set data.padding=9",
    );
    faults.check("option_epochs", 2, "train bars.toml --epochs 0");
    faults.check("option_batch_size", 2, "train bars.toml --batch-size many");
    faults.check("option_seed", 2, "train bars.toml --seed=-1");
    faults.check("option_data", 3, "train bars.toml --data 5");
    faults.lab.write(
        "maps.toml",
        "[model]\ninput = [1, 8, 8]\nlayers = [{ type = \"conv\", filters = 3, kernel_size = 3 }]\n\
         [data]\nsource = \"bars\"\n",
    );
    faults.check("answer_of_maps", 2, "train maps.toml");
    faults.lab.write(
        "frozen.toml",
        "[model]\ninput = [1, 8, 8]\nlayers = [\n  { type = \"flatten\" },\n  \
         { type = \"dense\", units = 3, trainable = false },\n]\n[data]\nsource = \"bars\"\n",
    );
    faults.check("nothing_to_train", 2, "train frozen.toml");
    faults.lab.write(
        "signal.toml",
        "[model]\ninput = [1, 64]\nlayers = [{ type = \"flatten\" }, { type = \"dense\", units = 3 }]\n\
         [data]\nsource = \"bars\"\n",
    );
    faults.check("data_of_another_rank", 3, "train signal.toml");
    assert_eq!(
        faults.lab.names(""),
        [
            "bars",
            "bars.toml",
            "frozen.toml",
            "maps.toml",
            "signal.toml"
        ],
        "nothing is written before the checks"
    );
    faults.golden.finish();
}

#[test]
fn searches_that_cannot_begin_are_told() {
    let mut faults = Faults::new(Lab::with_bars());
    for (name, settings) in [
        (
            "sweep_unknown_key",
            "--set train.optimiser.learning_rate=0.1,0.01",
        ),
        (
            "sweep_unknown_inner_key",
            "--set train.optimizer.learning_rat=0.1,0.01",
        ),
        ("sweep_bad_value", "--set train.batch_size=9,0"),
        ("sweep_bad_word", "--set train.schedule=cosine,cosin"),
        ("sweep_empty", "--set train.batch_size="),
        ("sweep_missing_value", "--set train.batch_size=9,,27"),
        ("sweep_twice_in_list", "--set train.batch_size=9,9"),
        ("sweep_not_toml", "--set train.optimizer={type=\"sgd\""),
        (
            "sweep_range_reversed",
            "--set train.optimizer.learning_rate=1e-1..1e-4:log",
        ),
        ("sweep_range_without_end", "--set train.batch_size=9.."),
        ("sweep_range_to_a_word", "--set train.batch_size=9..many"),
        (
            "sweep_log_of_zero",
            "--set train.optimizer.learning_rate=0..0.1:log",
        ),
        (
            "sweep_scale_unknown",
            "--set train.optimizer.learning_rate=1e-4..1e-1:lgo",
        ),
        ("sweep_step_zero", "--set train.batch_size=9..27:0"),
        (
            "sweep_key_twice",
            "--set train.batch_size=9 --set train.batch_size=18,27",
        ),
        ("sweep_nothing_varies", "--set train.batch_size=9"),
        (
            "sweep_grid_of_a_range",
            "--set train.batch_size=9..27 --search grid",
        ),
        (
            "sweep_grid_with_trials",
            "--set train.batch_size=9,27 --search grid --trials 2",
        ),
        (
            "sweep_several",
            "--set train.batch_size=9,, --set train.epochs=3..1",
        ),
        ("sweep_no_trials", "--set train.batch_size=9,27 --trials 0"),
        ("sweep_eta", "--set train.batch_size=9,27 --eta 1"),
        ("sweep_without_set", ""),
    ] {
        faults.check(name, 2, format!("sweep bars.toml {settings}").trim_end());
    }
    faults
        .lab
        .write("unmeasured.toml", BARS.replace("validation = 0.25\n", ""));
    let unmeasured = "sweep unmeasured.toml --set train.batch_size=9,27";
    faults.check("sweep_without_validation", 2, unmeasured);
    faults.check("sweep_resume_missing", 4, "sweep --resume bars-sweep-7");
    faults.check(
        "sweep_resume_and_config",
        2,
        "sweep bars.toml --resume bars-sweep-1",
    );
    faults.check("crossval_one_fold", 2, "crossval bars.toml --folds 1");
    faults.check(
        "crossval_too_many_folds",
        3,
        "crossval bars.toml --folds 37 --name many --quiet",
    );
    faults.check("crossval_resume_missing", 4, "crossval --resume none");
    faults.check("crossval_name_taken", 2, "crossval bars.toml --name many");
    assert_eq!(
        faults.lab.names(""),
        ["bars", "bars.toml", "runs", "unmeasured.toml"]
    );
    assert_eq!(faults.lab.names("runs"), ["many"], "no sweep has begun");
    faults.golden.finish();
}

#[test]
fn misused_arguments_are_told() {
    let mut faults = Faults::new(Lab::with_bars());
    for (name, command) in [
        ("usage_unknown_command", "trian bars.toml"),
        ("usage_unknown_option", "train bars.toml --epoch 3"),
        ("usage_no_config", "train"),
        ("usage_no_picture", "predict"),
        ("usage_batch", "inspect bars.toml --batch 0"),
        (
            "usage_batch_too_large",
            "inspect bars.toml --batch 4294967297",
        ),
        ("usage_top_k", "predict a.png --top-k 0"),
        ("usage_threads", "train bars.toml --threads 0"),
        ("usage_split", "eval --split val"),
        ("usage_json_and_csv", "predict a.png --json --csv"),
        ("usage_run_name", "train bars.toml --run ../outside"),
        ("usage_run_and_resume", "train bars.toml --run a --resume b"),
        ("device_unknown", "train bars.toml --device cuda"),
        ("device_no_number", "train bars.toml --device wgpu:first"),
        (
            "batch_beyond_counting",
            "inspect wide.toml --batch 4294967296",
        ),
    ] {
        let wide = BARS.replace("filters = 4", "filters = 4_000_000_000");
        faults.lab.write("wide.toml", wide);
        faults.check(name, 2, command);
    }
    if !cfg!(feature = "wgpu-plain") {
        faults.check("device_not_compiled", 2, "train bars.toml --device wgpu");
    }
    faults.golden.finish();
}

#[test]
fn configs_that_cannot_be_read_are_told() {
    let mut faults = Faults::new(Lab::with_bars());
    faults.lab.write("latin1.toml", b"# f\xfcr\n[model]\n");
    let long = fs::File::create(faults.lab.path("long.toml")).unwrap();
    long.set_len((4 << 20) + 1).unwrap();
    faults
        .lab
        .write("no-data.toml", BARS.replace("source = \"bars\"\n", ""));
    faults.check("config_missing", 2, "train brs.toml");
    faults.check("config_is_a_folder", 2, "inspect bars");
    faults.check("config_not_utf8", 2, "inspect latin1.toml");
    faults.check("config_too_long", 2, "inspect long.toml");
    faults.check("config_without_source", 2, "train no-data.toml");
    faults.golden.finish();
}

#[test]
#[cfg(target_os = "linux")]
fn a_training_beyond_the_memory_is_refused_before_it_starts() {
    let lab = Lab::with_bars();
    let filters = "filters = 20_000_000_000";
    lab.write("wide.toml", BARS.replace("filters = 4", filters));
    let outcome = lab.cnn(&["train", "wide.toml"]).code(2);
    let said = |text: &str| assert!(outcome.stderr.contains(text), "{text}: {outcome:?}");
    said("error: training with batches of 9 takes about ");
    said("B are free");
    said("help: not even one picture at a time fits");
    assert!(!lab.path("runs").exists());
}

#[test]
fn configs_without_end_are_errors_and_no_crash() {
    let lab = Lab::new();
    let deep = 100_000;
    lab.write(
        "arrays.toml",
        format!("x = {}{}", "[".repeat(deep), "]".repeat(deep)),
    );
    lab.write(
        "tables.toml",
        format!("x = {}1{}", "{a=".repeat(deep), "}".repeat(deep)),
    );
    lab.write("keys.toml", format!("{}a = 1", "a.".repeat(deep)));
    let layers = "  { type = \"dropout\", rate = 2 },\n".repeat(50_000);
    lab.write(
        "layers.toml",
        format!("[model]\ninput = [1, 8, 8]\nlayers = [\n{layers}]\n"),
    );
    for name in ["arrays", "tables", "keys", "layers"] {
        let outcome = lab.cnn(&["inspect", &format!("{name}.toml")]).code(2);
        assert!(outcome.stderr.starts_with("error: "), "{name}: {outcome:?}");
        assert!(
            outcome.stderr.len() < 20_000,
            "{name}: {} bytes",
            outcome.stderr.len()
        );
    }
}

#[test]
fn faulty_class_folders_are_told() {
    let lab = Lab::with_bars();
    let whole = bar_png(0, 0);
    fs::create_dir(lab.path("empty")).unwrap();
    lab.write("flat/a.png", &whole);
    lab.write("flat/b.png", &whole);
    lab.write("single/across/a.png", &whole);
    lab.write(
        "table.csv",
        "path,label\nbars/across/00.png,across\nbars/down/00.png,\na,b,c\n",
    );
    write_bars(&lab.path("hollow"));
    fs::create_dir(lab.path("hollow/waves")).unwrap();
    lab.write("hollow/waves/notes.txt", "soon");
    write_bars(&lab.path("damaged"));
    lab.write("damaged/across/03.png", &whole[..whole.len() / 2]);
    lab.write("damaged/down/04.jpg", "");
    lab.write("damaged/slant/99.jpeg", "no picture at all");
    write_bars(&lab.path("sizes"));
    lab.write("sizes/down/large.png", png(9, 7, &[0; 63]));
    write_bars(&lab.path("four"));
    lab.write("four/waves/a.png", &whole);
    write_bars(&lab.path("splits/train"));
    write_bars(&lab.path("splits/validation"));
    write_bars(&lab.path("extra/train"));
    lab.write("extra/test/waves/a.png", &whole);
    fs::create_dir_all(lab.path("untrained/test/across")).unwrap();
    let mut faults = Faults::new(lab);
    for (name, data) in [
        ("data_missing", "photos"),
        ("data_nearly_built_in", "mnist5k"),
        ("data_not_fetched", "cifar10"),
        ("data_csv", "table.csv"),
        ("folder_empty", "empty"),
        ("folder_of_pictures", "flat"),
        ("folder_of_one_class", "single"),
        ("folder_class_without_pictures", "hollow"),
        ("folder_damaged_pictures", "damaged"),
        ("folder_other_size", "sizes"),
        ("folder_two_validations", "splits"),
        ("folder_class_of_test_alone", "extra"),
        ("folder_without_train", "untrained"),
    ] {
        faults.check(name, 3, &format!("train bars.toml --data {data}"));
    }
    faults.check("folder_four_classes", 2, "train bars.toml --data four");
    let command = "train bars.toml --set data.validation=0.001";
    faults.check("validation_of_nothing", 3, command);
    assert!(
        !faults.lab.path("runs").exists(),
        "no run begins without data"
    );
    faults.golden.finish();
}

#[test]
fn faulty_idx_files_are_told() {
    const IMAGES: &str = "train-images-idx3-ubyte";
    const LABELS: &str = "train-labels-idx1-ubyte";
    let lab = Lab::with_bars();
    let count = CLASSES.len() * PER_CLASS;
    let variant = |folder: &str, file: &str, change: fn(Vec<u8>) -> Vec<u8>| {
        write_idx(&lab.path(folder));
        let path = Path::new(folder).join(file);
        let changed = change(lab.read(&path));
        lab.write(&path, changed);
    };
    variant("magic", IMAGES, |bytes| [b"\x7fELF", &bytes[4..]].concat());
    variant("swapped", IMAGES, |_| idx(&[36], &[0; 36]));
    variant("cut", IMAGES, |bytes| bytes[..bytes.len() - 100].to_vec());
    variant("header", IMAGES, |bytes| bytes[..9].to_vec());
    variant("longer", LABELS, |bytes| [bytes.as_slice(), &[0]].concat());
    variant("counts", LABELS, |_| idx(&[3], &[0, 1, 2]));
    variant("beyond", LABELS, |bytes| {
        let end = bytes.len() - 1;
        [&bytes[..end], &[7]].concat()
    });
    variant("gzip", LABELS, |_| b"\x1f\x8b\x08\0\0\0\0\0\0\xff".to_vec());
    variant("huge", IMAGES, |bytes| {
        let huge = [0xff; 12];
        [&bytes[..4], &huge, &bytes[16..]].concat()
    });
    write_idx(&lab.path("alone"));
    fs::remove_file(lab.path("alone").join(LABELS)).unwrap();
    write_idx(&lab.path("other-size"));
    lab.write(
        Path::new("other-size").join(IMAGES),
        idx(&[count, 4, 16], &vec![0; count * 64]),
    );
    let mut faults = Faults::new(lab);
    for (name, data) in [
        ("idx_magic", "magic"),
        ("idx_labels_for_images", "swapped"),
        ("idx_truncated", "cut"),
        ("idx_header_truncated", "header"),
        ("idx_extra_bytes", "longer"),
        ("idx_counts", "counts"),
        ("idx_labels_beyond_classes", "beyond"),
        ("idx_gzip_truncated", "gzip"),
        ("idx_huge_header", "huge"),
        ("idx_without_labels", "alone"),
        ("idx_other_size", "other-size"),
        ("idx_a_file_alone", "alone/train-images-idx3-ubyte"),
    ] {
        faults.check(name, 3, &format!("train bars.toml --data {data}"));
    }
    faults.golden.finish();
}

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

/// Makes a folder with a run `one` of one epoch.
fn trained() -> Lab {
    let lab = Lab::with_bars();
    lab.cnn(&[
        "train",
        "bars.toml",
        "--run",
        "one",
        "--epochs",
        "1",
        "--quiet",
    ])
    .ok();
    lab
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
fn pictures_that_cannot_be_read_are_told_and_the_others_answered() {
    let lab = trained();
    let whole = bar_png(1, 2);
    lab.write("good.png", &whole);
    lab.write("cut.png", &whole[..whole.len() / 2]);
    lab.write("text.jpg", "no picture at all");
    lab.write("empty.bmp", "");
    lab.write("notes/a.txt", "no pictures here");
    let mut faults = Faults::new(lab);
    let command = "predict good.png cut.png text.jpg empty.bmp gone.png good.png";
    let outcome = faults.check_stderr("picture_unreadable", 3, command);
    let answers: Vec<&str> = outcome.stdout.lines().collect();
    assert!(
        matches!(answers[..], [a, b] if a == b && a.starts_with("good.png: ")),
        "{answers:?}"
    );
    let outcome = faults.check_stderr("picture_unreadable_json", 3, &format!("{command} --json"));
    let lines = outcome.json_lines();
    let paths: Vec<_> = lines
        .iter()
        .map(|line| line["path"].as_str().unwrap())
        .collect();
    assert_eq!(
        paths,
        [
            "good.png",
            "cut.png",
            "text.jpg",
            "empty.bmp",
            "gone.png",
            "good.png"
        ]
    );
    for line in &lines[1..5] {
        assert!(
            line["error"].is_string() && line.get("predictions").is_none(),
            "{line}"
        );
    }
    assert!(lines[5]["predictions"].is_array());
    faults.check("picture_folder_empty", 3, "predict notes");
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
