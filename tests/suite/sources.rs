//! Data sets of every format: files that numpy makes, and the same pictures in each.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use cnn::config::{OnBadImage, Task};
use cnn::dataset::{self, Dataset, Invert, Mode, Preprocessing, Request, Values};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::support::{CLASSES, Lab, PER_CLASS, bar, bar_png, repository};

fn request(source: &Path, shape: &[usize]) -> Request {
    Request {
        source: source.display().to_string(),
        preprocessing: Preprocessing {
            shape: shape.into(),
            crop: None,
            resize: false,
            mode: Mode::Stretch,
            padding: vec![[0; 2]; shape.len() - 1],
            floats: false,
            rescale: 1.0,
            mean: Vec::new(),
            std: Vec::new(),
            invert: Invert::Never,
            border: 0.0,
        },
        validation: None,
        validation_source: None,
        test_source: None,
        targets: Vec::new(),
        outputs: None,
        seed: 1,
        task: Task::Classes,
        cache_bytes: 1 << 30,
        on_bad_image: OnBadImage::Error,
    }
}

#[track_caller]
fn floats(samples: &dataset::Samples) -> Vec<f32> {
    let values = (0..samples.len()).flat_map(|index| match samples.values(index) {
        Ok(Some(Values::Floats(floats))) => floats.into_owned(),
        other => panic!("{other:?}"),
    });
    values.collect()
}

#[track_caller]
fn check_arrays(data: &Dataset) {
    assert_eq!(data.classes, ["0", "1", "2"]);
    let validation = data.validation.as_ref().unwrap();
    let test = data.test.as_ref().unwrap();
    assert_eq!(data.train.labels(), [2, 0]);
    assert_eq!(
        (validation.labels(), test.labels()),
        (&[1][..], &[1, 0][..])
    );
    let counted = |start: f32, step: f32, count: u8| {
        let numbers = (0..count).map(|at| start + step * f32::from(at));
        numbers.collect::<Vec<f32>>()
    };
    assert_eq!(floats(&data.train), counted(0.0, 0.25, 48));
    assert_eq!(floats(validation), counted(-3.0, 1.0, 24));
    assert_eq!(floats(test), counted(0.0, 0.5, 48));
}

#[test]
fn arrays_of_numpy_are_read_to_the_last_bit() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for source in ["arrays.npz", "arrays"] {
        let request = request(&golden.join(source), &[1, 2, 3, 4]);
        check_arrays(&dataset::load(&request).unwrap());
    }
}

/// The numbers of all samples: class and number in it.
fn all() -> impl Iterator<Item = (usize, usize)> {
    (0..CLASSES.len()).flat_map(|class| (0..PER_CLASS).map(move |number| (class, number)))
}

fn write_tar(lab: &Lab, name: &str) {
    let encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let mut builder = tar::Builder::new(encoder);
    for (class, number) in all() {
        let picture = bar_png(class, number);
        let mut header = tar::Header::new_gnu();
        header.set_size(picture.len() as u64);
        let path = PathBuf::from("bars").join(CLASSES[class]);
        let path = path.join(format!("{number:02}.png"));
        let entry = builder.append_data(&mut header, path, &picture[..]);
        entry.unwrap();
    }
    let packed = builder.into_inner().unwrap().finish().unwrap();
    lab.write(name, packed);
}

fn npy(descr: &str, shape: &str, body: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}\n");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(body);
    file
}

fn write_npz(lab: &Lab, name: &str) {
    let pixels: Vec<u8> = all()
        .flat_map(|(class, number)| bar(class, number))
        .collect();
    let labels: Vec<u8> = all()
        .map(|(class, _)| u8::try_from(class).unwrap())
        .collect();
    let count = labels.len();
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for (name, bytes) in [
        (
            "x_train.npy",
            npy("|u1", &format!("{count}, 8, 8, 1"), &pixels),
        ),
        ("y_train.npy", npy("|u1", &format!("{count}, 1"), &labels)),
    ] {
        writer.start_file(name, options).unwrap();
        writer.write_all(&bytes).unwrap();
    }
    lab.write(name, writer.finish().unwrap().into_inner());
}

fn write_tables(lab: &Lab) {
    let mut paths = "\u{feff}label,path\r\n".to_owned();
    let mut pixels = String::new();
    for (class, number) in all() {
        let name = CLASSES[class];
        paths += &format!("{name},bars/{name}/{number:02}.png\r\n");
        let values: Vec<String> = bar(class, number).iter().map(u8::to_string).collect();
        pixels += &format!("{class},{}\n", values.join(","));
    }
    lab.write("paths.csv", paths);
    lab.write("pixels.csv", pixels);
}

#[test]
fn the_same_pictures_train_alike_from_every_source() {
    let lab = Lab::with_bars();
    write_tar(&lab, "bars.tar.gz");
    write_npz(&lab, "bars.npz");
    write_tables(&lab);
    let losses = |source: &str| {
        let arguments = [
            "train",
            "bars.toml",
            "--epochs",
            "1",
            "--json",
            "--data",
            source,
        ];
        let outcome = lab.cnn(&arguments).ok();
        let events = outcome.json_lines();
        let epoch = events.iter().find(|event| event["event"] == "epoch");
        let epoch = epoch.unwrap();
        [&epoch["train_loss"], &epoch["validation_loss"]].map(ToString::to_string)
    };
    let expected = losses("bars");
    assert_ne!(expected[0], "null");
    for source in ["bars.tar.gz", "bars.npz", "paths.csv", "pixels.csv"] {
        assert_eq!(losses(source), expected, "{source}");
    }
}

#[test]
fn test_samples_of_another_source_are_measured() {
    let lab = Lab::with_bars();
    write_tables(&lab);
    let arguments = [
        "train",
        "bars.toml",
        "--epochs",
        "1",
        "--set",
        "data.test=\"paths.csv\"",
    ];
    lab.cnn(&arguments).ok();
    let outcome = lab
        .cnn(&["eval", "latest", "--split", "test", "--json"])
        .ok();
    assert_eq!(outcome.json()["samples"], 36);
}

/// A sound of a pitch that its class decides: PCM of 16 bits.
fn sound(class: u32, number: u32) -> Vec<u8> {
    let samples = (0..64 + number).map(|at| {
        let angle = f64::from(at * (class + 1) + number) * 0.4;
        (angle.sin() * 20_000.0) as i16
    });
    let data: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
    let length = u32::try_from(data.len()).unwrap();
    let mut file = b"RIFF".to_vec();
    file.extend((36 + length).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend([1, 0, 1, 0]);
    file.extend(8000_u32.to_le_bytes());
    file.extend(16_000_u32.to_le_bytes());
    file.extend([2, 0, 16, 0]);
    file.extend(b"data");
    file.extend(length.to_le_bytes());
    file.extend(data);
    file
}

#[test]
fn sounds_and_volumes_train() {
    let lab = Lab::new();
    for (class, name) in ["low", "high"].iter().enumerate() {
        for number in 0..6_u8 {
            let class = u8::try_from(class).unwrap();
            let content = sound(class.into(), number.into());
            lab.write(format!("sounds/{name}/{number}.wav"), content);
            let volume = npy("|u1", "2, 3, 4", &[class * 100 + number; 24]);
            lab.write(format!("volumes/{name}/{number}.npy"), volume);
        }
    }
    for (source, input) in [("sounds", "[1, 64]"), ("volumes", "[1, 2, 3, 4]")] {
        let config = format!(
            "[model]\ninput = {input}\nlayers = [{{ type = \"flatten\" }}, {{ type = \"dense\", units = 2 }}]\n\
             [data]\nsource = \"{source}\"\nvalidation = 0.25\nnormalize = \"dataset\"\n[train]\nepochs = 1\n"
        );
        lab.write("config.toml", config);
        lab.cnn(&["train", "config.toml"]).ok();
        let outcome = lab.cnn(&["eval", "latest", "--json"]).ok();
        assert_eq!(outcome.json()["samples"], 3, "{source}");
    }
}

/// Real pictures, where they lie beside the repository.
#[test]
fn a_large_archive_is_read_by_index() {
    let archive = repository("../shared/data/cifar10-jpg.tar.gz");
    if !archive.is_file() {
        eprintln!("skipped: `{}` is not there", archive.display());
        return;
    }
    let mut request = request(&archive, &[3, 32, 32]);
    request.cache_bytes = 0;
    let data = dataset::load(&request).unwrap();
    let names = "airplane automobile bird cat deer dog frog horse ship truck";
    assert_eq!(data.classes.join(" "), names);
    assert_eq!(data.train.class_counts(10), [5000; 10]);
    let test = data.test.unwrap();
    assert_eq!(test.class_counts(10), [1000; 10]);
    assert!(data.train.is_streamed());
    let first = test.path(0).unwrap();
    assert!(first.ends_with("cifar10/test/airplane/0000.jpg"));
    let Ok(Some(Values::Bytes(last))) = test.values(9999) else {
        panic!("no picture");
    };
    assert_eq!(last.len(), 3072);
}

/// Writes a sample that numpy would save as `dtype` into a folder of classes.
fn put_array(lab: &Lab, path: &str, header: &str, values: &[u8]) {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    let mut text = format!("{{'descr': '{header}', 'fortran_order': False, 'shape': (1, 1, 2), }}");
    while !(bytes.len() + 2 + text.len() + 1).is_multiple_of(64) {
        text.push(' ');
    }
    text.push('\n');
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.extend(values);
    lab.write(path, bytes);
}

#[test]
fn splits_are_of_one_kind_and_found_by_all_their_names() {
    let lab = Lab::new();
    for class in ["a", "b"] {
        put_array(&lab, &format!("set/Train/{class}/1.npy"), "|u1", &[1, 2]);
        put_array(&lab, &format!("set/valid/{class}/1.npy"), "|u1", &[3, 4]);
        lab.write("set/notes/x.txt", "");
    }
    let request = request(&lab.path("set"), &[1, 1, 2]);
    let data = dataset::load(&request).unwrap();
    assert_eq!(data.classes, ["a", "b"]);
    assert_eq!(data.validation.as_ref().map(dataset::Samples::len), Some(2));
    let warning = &data.warnings[0].message;
    assert!(
        warning.ends_with("notes` is no split and is passed over"),
        "{warning}"
    );

    let floats = [0.5_f32.to_le_bytes(), 1_f32.to_le_bytes()].concat();
    for class in ["a", "b"] {
        put_array(&lab, &format!("set/valid/{class}/1.npy"), "<f4", &floats);
    }
    let error = dataset::load(&request).unwrap_err();
    assert_eq!(error.kind.exit_code(), 3);
    let message = error.to_string();
    assert!(
        message.ends_with("has bytes in one split and floats in another"),
        "{message}"
    );
}

/// A network for samples of two values in a row.
fn two_values(lab: &Lab, source: &str, more: &str) {
    let config = format!(
        "[model]\ninput = [1, 1, 2]\nlayers = [{{ type = \"flatten\" }}, {{ type = \"dense\", units = 2 }}]\n\
         [data]\nsource = \"{source}\"\n{more}\n[train]\nepochs = 1\n"
    );
    lab.write("config.toml", config);
}

/// Two values as numpy saves floats.
fn two_floats() -> Vec<u8> {
    [0.5_f32.to_le_bytes(), 1_f32.to_le_bytes()].concat()
}

#[test]
fn bytes_and_floats_are_not_taken_for_each_other() {
    let lab = Lab::new();
    for class in ["a", "b"] {
        for number in 0..4 {
            let path = |folder: &str| format!("{folder}/{class}/{number}.npy");
            put_array(&lab, &path("bytes"), "|u1", &[number, 9]);
            put_array(&lab, &path("floats"), "<f4", &two_floats());
        }
    }
    two_values(&lab, "bytes", "validation = 0.25");
    lab.cnn(&["train", "config.toml", "--quiet"]).ok();
    let said = lab.cnn(&["eval", "latest", "--data", "floats"]).code(3);
    let message = "`floats` holds floats, and the network learnt from bytes";
    assert!(said.stderr.contains(message), "{said:?}");
    let said = lab.cnn(&["predict", "floats/a/0.npy", "bytes/a/0.npy", "--json"]);
    let said = said.code(3);
    let answers = said.json_lines();
    let message = "it holds floats, and the network learnt from bytes";
    assert_eq!(answers[0]["error"], message);
    assert!(answers[1]["predictions"].is_array(), "{answers:?}");
    two_values(&lab, "floats", "[augment]\nflip = \"horizontal\"");
    let said = lab.cnn(&["train", "config.toml"]).code(2);
    let message = "`floats` holds floats, and `[augment]` changes bytes";
    assert!(said.stderr.contains(message), "{said:?}");
}

#[test]
fn floats_take_four_bytes_of_the_cache() {
    let lab = Lab::new();
    for class in ["a", "b"] {
        for number in 0..2 {
            let path = |folder: &str| format!("{folder}/{class}/{number}.npy");
            put_array(&lab, &path("bytes"), "|u1", &[number, 9]);
            put_array(&lab, &path("floats"), "<f4", &two_floats());
        }
    }
    let is_streamed = |folder: &str, cache_bytes: u64| {
        let mut request = request(&lab.path(folder), &[1, 1, 2]);
        request.cache_bytes = cache_bytes;
        dataset::load(&request).unwrap().train.is_streamed()
    };
    assert!(is_streamed("bytes", 7) && !is_streamed("bytes", 8));
    assert!(is_streamed("floats", 31) && !is_streamed("floats", 32));
}

#[test]
fn skipped_files_of_the_validation_split_are_told() {
    let lab = Lab::new();
    for class in ["a", "b"] {
        for number in 0..3_u8 {
            for split in ["train", "validation"] {
                let picture = crate::support::png(2, 1, &[number, 200]);
                lab.write(format!("set/{split}/{class}/{number}.png"), picture);
            }
        }
    }
    lab.write("set/validation/a/bad.png", "no picture");
    for cache in ["0", "1000000"] {
        let more = format!("on_bad_image = \"skip\"\ncache = {cache}");
        two_values(&lab, "set", &more);
        let said = lab.cnn(&["train", "config.toml", "--epochs", "2"]).ok();
        let warning = "warning: skipped picture `set/validation/a/bad.png`: ";
        assert_eq!(said.stderr.matches(warning).count(), 1, "{said:?}");
        let said = lab.cnn(&["eval", "latest", "--json"]).ok();
        assert_eq!(said.json()["samples"], 6, "{cache}");
        assert_eq!(said.stderr.matches(warning).count(), 1, "{said:?}");
    }
}
