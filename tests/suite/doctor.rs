//! What `cnn doctor` finds, on a sound machine and on others.

use serde_json::Value;

use crate::support::{Lab, Outcome, outcome};

/// Examines a folder; returns what was found under a name.
#[track_caller]
fn finding(outcome: &Outcome, check: &str, name: Option<&str>) -> Value {
    let document = outcome.json();
    let checks = document["checks"].as_array().unwrap();
    let is_it =
        |found: &&Value| found["check"] == check && name.is_none_or(|name| found["name"] == name);
    checks
        .iter()
        .find(is_it)
        .unwrap_or_else(|| panic!("{document:#}"))
        .clone()
}

#[test]
fn a_sound_machine_can_train() {
    let lab = Lab::new();
    let said = lab.cnn(&["doctor", "--json"]).ok();
    assert_eq!(said.json()["can_train"], true);
    let of = |check: &str, name: Option<&str>| finding(&said, check, name);
    let computes = |name: &str| of("device", Some(name))["computes"].clone();
    assert_eq!(
        (computes("cpu"), computes("ndarray")),
        (true.into(), true.into())
    );
    let features = of("program", None)["features"].clone();
    let has = |name: &str| features.as_array().unwrap().contains(&name.into());
    assert_eq!(has("remote"), cfg!(feature = "remote"));
    assert_eq!(has("serve"), cfg!(feature = "serve"));
    assert_eq!(of("data_set", Some("mnist-5k"))["state"], "ok");
    let missing = of("data_sets_not_fetched", None);
    assert_eq!(missing["state"], "note");
    assert!(
        missing["helps"][0]
            .as_str()
            .unwrap()
            .contains("`cnn data fetch mnist`")
    );
    assert_eq!(of("terminal", None)["columns"], Value::Null);
    let threads = std::thread::available_parallelism().unwrap().get();
    assert_eq!(of("threads", None)["threads"], threads);
    if cfg!(target_os = "linux") {
        let memory = of("memory", None);
        let bytes = |key: &str| memory[key].as_u64().unwrap();
        assert!(bytes("free_bytes") <= bytes("total_bytes"), "{memory}");
        assert!(of("runs", None)["free_bytes"].as_u64().unwrap() > 0);
    }
    let text = lab.cnn(&["doctor"]).ok().stdout;
    assert!(text.ends_with("\nnetworks can be trained here\n"), "{text}");
    assert!(
        text.contains("\nok       cpu           computes\n"),
        "{text}"
    );
    assert_eq!(
        lab.names(""),
        Vec::<String>::new(),
        "a look leaves nothing behind"
    );
}

#[test]
fn a_damaged_data_set_is_a_problem_of_its_own() {
    let lab = Lab::new();
    lab.write("sets/kmnist/train-images-idx3-ubyte.gz", "not it");
    let mut command = lab.command(&["doctor", "--json"]);
    let said = outcome(command.env("CNN_DATASETS", "sets")).ok();
    let set = finding(&said, "data_set", Some("kmnist"));
    assert_eq!(
        (&set["state"], &set["folder"]),
        (&"problem".into(), &"sets/kmnist".into())
    );
    let faults = set["faults"].as_array().unwrap();
    assert_eq!(faults.len(), 4, "{set}");
    assert_eq!(
        faults[0],
        "`train-images-idx3-ubyte.gz` has 6 bytes, expected 18165135"
    );
    assert_eq!(
        set["helps"][0],
        "move `sets/kmnist` away and run `cnn data fetch kmnist`"
    );
    assert_eq!(said.json()["can_train"], true);
}

#[test]
fn what_keeps_networks_from_being_trained_is_exit_5() {
    let lab = Lab::new();
    lab.write("runs", "no folder");
    let said = lab.cnn(&["doctor", "--json"]).code(5);
    let runs = finding(&said, "runs", None);
    assert_eq!(runs["state"], "error");
    assert_eq!(said.json()["can_train"], false);
    let text = lab.cnn(&["doctor"]).code(5).stdout;
    assert!(
        text.contains("\nerror    runs/         cannot be written: "),
        "{text}"
    );

    let other = Lab::new();
    let mut command = other.command(&["doctor", "--json"]);
    let said = outcome(command.env("CNN_ISA", "mmx")).code(5);
    let instructions = finding(&said, "instructions", None);
    assert_eq!(instructions["refused"], "mmx");
    let mut command = other.command(&["doctor", "--json"]);
    let said = outcome(command.env("CNN_ISA", "portable")).ok();
    assert_eq!(finding(&said, "instructions", None)["used"], "portable");
}
