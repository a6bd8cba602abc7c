//! What is said of data that cannot be read.

use std::fs;
use std::path::Path;

use super::{Faults, trained};
use crate::support::{CLASSES, Lab, PER_CLASS, bar_png, idx, png, write_bars, write_idx};

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
