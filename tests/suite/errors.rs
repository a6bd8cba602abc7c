//! Golden diagnostics: the whole message of every error, as a person reads it.
//!
//! Each `tests/errors/*.toml` begins with a comment that says what it shows; the `.txt` beside it
//! is what `cnn inspect` says of it. `tests/errors/commands/*.txt` holds what commands say of
//! faults that the tests here make; `$DIR` stands for their folder.

mod data;
mod models;

use std::collections::BTreeSet;
use std::fs;

use crate::support::{BARS, Golden, Lab, Outcome, command_in, names, outcome, repository};

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

/// Makes a folder with a run `one` of one epoch.
fn trained() -> Lab {
    let lab = Lab::with_bars();
    lab.train("one", &["--epochs", "1"]);
    lab
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
        ("device_no_port", "train bars.toml --device remote:10.0.0.5"),
        (
            "device_and_devices",
            "train bars.toml --device cpu --devices cpu,ndarray",
        ),
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
    if !cfg!(feature = "remote") {
        let several = "train bars.toml --devices cpu,ndarray";
        faults.check("devices_not_compiled", 2, several);
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
    faults.check("config_nowhere", 2, "train nets.toml");
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
