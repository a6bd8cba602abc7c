//! Labels, numbers, arrays and IDX files: sources that are no folder of pictures.

use std::fs;

use serde_json::{Value, json};

use super::snapshot;
use crate::support::{Golden, Lab, write_idx};

/// Pictures in a table with labels and numbers, one of which cannot be read.
fn lab_of_targets() -> Lab {
    let lab = Lab::with_bars();
    lab.write("bars/bad.png", "no picture");
    let mut table = "path,kind,price,weight,split\n".to_owned();
    let rows = [
        ("across/00", "wide|thin", 1.0, 10.0, "train"),
        ("across/01", "wide", 2.0, 10.0, "train"),
        ("down/00", "tall|thin", 3.0, 10.0, "train"),
        ("bad", "wide|tall", 100.0, 10.0, "train"),
        ("down/01", "tall", 5.0, 20.0, "test"),
    ];
    for (path, kind, price, weight, split) in rows {
        table += &format!("bars/{path}.png,{kind},{price},{weight},{split}\n");
    }
    // The same picture with other labels and another price.
    fs::copy(lab.path("bars/across/00.png"), lab.path("bars/same.png")).unwrap();
    table += "bars/same.png,tall,4,10,train\n";
    lab.write("table.csv", table);
    let config = |units: usize, target: &str, loss: &str| {
        format!(
            "[model]\ninput = [1, 8, 8]\nlayers = [{{ type = \"flatten\" }}, {{ type = \"dense\", units = {units} }}]\n\
             [data]\nsource = \"table.csv\"\ntarget = {target}\n[train]\nloss = \"{loss}\"\n"
        )
    };
    let labels = config(3, "\"kind\"", "binary_cross_entropy");
    lab.write("labels.toml", labels);
    lab.write("numbers.toml", config(2, "[\"price\", \"weight\"]", "mse"));
    lab
}

#[test]
fn labels_and_numbers_are_counted_as_what_they_are() {
    let lab = lab_of_targets();
    let say = |code: i32, arguments: &[&str]| lab.cnn(arguments).code(code).json();
    let found = say(3, &["data", "check", "labels.toml", "--json"]);
    assert_eq!(found["labels"], json!(["tall", "thin", "wide"]));
    assert_eq!(
        found["label_counts"],
        json!({ "train": [2, 2, 2], "test": [1, 0, 0] })
    );
    assert_eq!(found["samples"], json!({ "train": 4, "test": 1 }));
    assert_eq!(found["classes"], Value::Null);
    assert_eq!(found["repeated"][0]["other_classes"], true, "{found}");
    let found = say(3, &["data", "check", "numbers.toml", "--json"]);
    assert_eq!(found["samples"], json!({ "train": 4, "test": 1 }));
    assert_eq!(
        (&found["numbers"], &found["few_samples"]),
        (&json!(["price", "weight"]), &json!([]))
    );
    assert_eq!(found["repeated"][0]["other_classes"], true, "{found}");

    let stats = say(0, &["data", "stats", "labels.toml", "--json"]);
    assert_eq!(stats["samples"], json!({ "train": 4, "test": 1 }));
    assert_eq!(stats["unreadable"], json!({ "train": 1, "test": 0 }));
    assert_eq!(stats["label_counts"]["train"], json!([2, 2, 2]));
    let stats = say(0, &["data", "stats", "numbers.toml", "--json"]);
    let figures = |number: usize| {
        let number = &stats["numbers"][number];
        ["mean", "std", "min", "max"].map(|key| number[key].as_f64().unwrap())
    };
    // Of 1, 2, 3 and 4: that of the file which cannot be read is left out.
    assert_eq!(figures(0), [2.5, 1.25_f64.sqrt(), 1.0, 4.0]);
    assert_eq!(figures(1), [10.0, 0.0, 10.0, 10.0]);
    let mut golden = Golden::new();
    snapshot(
        &mut golden,
        &lab,
        "data-check-labels",
        3,
        "data check labels.toml",
    );
    snapshot(
        &mut golden,
        &lab,
        "data-check-numbers",
        3,
        "data check numbers.toml",
    );
    snapshot(
        &mut golden,
        &lab,
        "data-stats-labels",
        0,
        "data stats labels.toml",
    );
    snapshot(
        &mut golden,
        &lab,
        "data-stats-numbers",
        0,
        "data stats numbers.toml",
    );
    golden.finish();
}

#[test]
fn a_source_that_is_no_pictures_wants_a_config() {
    let lab = Lab::new();
    let sound = [&b"RIFF\x24\0\0\0WAVEfmt "[..], &[0; 40]].concat();
    for class in ["low", "high"] {
        lab.write(format!("sounds/{class}/1.wav"), &sound);
        lab.write(format!("volumes/{class}/1.npy"), b"\x93NUMPY\x01\0");
    }
    lab.write("rows.csv", "label,a,b,c\n0,1,2,3\n1,4,5,6\n");
    for source in ["sounds", "volumes", "rows.csv"] {
        for command in ["check", "stats"] {
            let said = lab.cnn(&["data", command, source]).code(3);
            let way = "volumes and rows of numbers need a config that names it as `source`";
            assert!(said.stderr.contains(way), "{said:?}");
        }
    }
}

#[test]
fn idx_files_of_either_spelling_tell_their_shape() {
    let lab = Lab::new();
    write_idx(&lab.path("idx"));
    for (from, to) in [
        ("train-images-idx3-ubyte", "train-images.idx3-ubyte"),
        ("train-labels-idx1-ubyte", "train-labels.idx1-ubyte"),
    ] {
        fs::rename(lab.path("idx").join(from), lab.path("idx").join(to)).unwrap();
    }
    let stats = lab.cnn(&["data", "stats", "idx", "--json"]).ok().json();
    assert_eq!(stats["shape"], json!([1, 8, 8]));
}

#[test]
fn arrays_tell_their_shape() {
    let lab = Lab::new();
    let array = |shape: &str, count: usize| {
        let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({shape}), }}\n");
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        file.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
        file.extend(header.as_bytes());
        file.extend((0..count).map(|value| value as u8));
        file
    };
    for (folder, shape, expected) in [
        ("grey", "2, 4, 5", json!([1, 4, 5])),
        ("colours", "2, 4, 5, 3", json!([3, 4, 5])),
        ("planes", "2, 3, 4, 5", json!([3, 4, 5])),
    ] {
        let count = if folder == "grey" { 40 } else { 120 };
        lab.write(format!("{folder}/x_train.npy"), array(shape, count));
        lab.write(format!("{folder}/y_train.npy"), array("2,", 2));
        let stats = lab.cnn(&["data", "stats", folder, "--json"]).ok().json();
        assert_eq!(stats["shape"], expected, "{folder}");
    }
    lab.write("volumes/x_train.npy", array("2, 2, 4, 5, 3", 240));
    lab.write("volumes/y_train.npy", array("2,", 2));
    let said = lab.cnn(&["data", "check", "volumes"]).code(3);
    assert!(said.stderr.contains("need a config"), "{said:?}");
}
