use std::fs;

use super::*;
use crate::dataset::batches::tests::bytes;
use crate::dataset::picture::tests::{grey_png, preprocessing};

/// Asks for inputs of a shape.
pub(crate) fn asked(shape: &[usize]) -> Request {
    let mut preprocessing = preprocessing(1, 1, 1);
    preprocessing.shape = shape.into();
    preprocessing.padding = vec![[0; 2]; shape.len() - 1];
    Request {
        preprocessing,
        ..request("")
    }
}

pub(crate) fn request(source: impl Into<String>) -> Request {
    Request {
        source: source.into(),
        preprocessing: preprocessing(1, 28, 28),
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

#[test]
fn the_shipped_digits_load() {
    let data = load(&request("mnist-5k")).unwrap();
    assert_eq!(data.name, "mnist-5k");
    assert_eq!(
        data.classes,
        ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]
    );
    assert_eq!(data.train.len(), 4000);
    assert_eq!(data.train.class_counts(10).iter().sum::<usize>(), 4000);
    assert_eq!(bytes(&data.train, 3999).len(), 784);
    assert_eq!(data.test.as_ref().map(Samples::len), Some(1000));
    assert!(data.validation.is_none());
    assert!(data.border < 1.0);
    assert_eq!(data.fingerprint.len(), 64);
}

#[test]
fn validation_is_set_apart_and_the_fingerprint_stays() {
    let mut request = request("mnist-5k");
    let whole = load(&request).unwrap();
    request.validation = Some(Validation::Fraction(0.1));
    let parts = load(&request).unwrap();
    let validation = parts.validation.as_ref().unwrap();
    assert_eq!((parts.train.len(), validation.len()), (3600, 400));
    assert_eq!(parts.fingerprint, whole.fingerprint);
    assert_eq!(load(&request), Ok(parts.clone()));
    request.seed = 2;
    assert_ne!(load(&request).unwrap().validation, parts.validation);
}

#[test]
fn always_exchanges_light_and_dark() {
    let mut request = request("mnist-5k");
    let plain = load(&request).unwrap();
    request.preprocessing.invert = Invert::Always;
    let exchanged = load(&request).unwrap();
    let (before, after) = (bytes(&plain.train, 7), bytes(&exchanged.train, 7));
    assert!(before.iter().zip(after).all(|(a, b)| a + b == 255));
    assert!((plain.border + exchanged.border - 255.0).abs() < 1e-3);
    assert_eq!(plain.fingerprint, exchanged.fingerprint);
}

#[track_caller]
fn check_fault(request: &Request, message: &str, help: &str) -> Diagnostic {
    let error = load(request).unwrap_err();
    assert_eq!(error.kind.exit_code(), 3);
    assert_eq!(error.to_string(), message);
    assert_eq!(error.diagnostics[0].helps, [help]);
    error.diagnostics[0].clone()
}

#[test]
fn unknown_sources_are_told() {
    check_fault(
        &request("mnist"),
        "the data set `mnist` has not been fetched",
        "run `cnn data fetch mnist`",
    );
    let message = "no data set and no path is called `mnst-5k`";
    let fault = check_fault(&request("mnst-5k"), message, "did you mean `mnist-5k`?");
    let folder = std::env::current_dir().unwrap();
    let looked = format!("looked for `{}`", folder.join("mnst-5k").display());
    let built_in =
        "built-in: `mnist-5k`, `mnist`, `fashion-mnist`, `kmnist`, `cifar10`, `cifar100`";
    assert_eq!(fault.notes, [built_in.to_owned(), looked]);
    let message = "no data set and no path is called `pictures/of/cats`";
    check_fault(&request("pictures/of/cats"), message, SUPPORTED);
    check_fault(
        &request(""),
        "no data set and no path is called ``",
        SUPPORTED,
    );
    check_fault(
        &request("a\0b"),
        "no data set and no path is called `a\0b`",
        SUPPORTED,
    );
}

#[test]
fn files_that_are_no_data_sets_are_told() {
    let folder = tempfile::tempdir().unwrap();
    for (name, what) in [
        (
            "test_batch.bin",
            "is one of the CIFAR files, and the folder that holds them is needed",
        ),
        (
            "train-images-idx3-ubyte.gz",
            "is one of the IDX files, and the folder that holds them is needed",
        ),
        (
            "x_train.npy",
            "is one array, and a folder that holds `x_train.npy` and `y_train.npy` is needed",
        ),
        ("a.png", "is a file that is no data set"),
    ] {
        let path = folder.path().join(name).display().to_string();
        fs::write(&path, "x").unwrap();
        check_fault(&request(&path), &format!("`{path}` {what}"), SUPPORTED);
    }
}

#[test]
fn the_ending_tells_what_a_file_is() {
    let folder = tempfile::tempdir().unwrap();
    for (name, what) in [
        (
            "a.CSV",
            "` has 0 values a row beside the label, the input takes 784",
        ),
        ("a.tar", "` is not a tar archive: "),
        ("a.tgz", "` is not a tar archive: "),
        ("a.NPZ", "` is not a whole .npz file: "),
    ] {
        let path = folder.path().join(name).display().to_string();
        fs::write(&path, "x").unwrap();
        let message = load(&request(&path)).unwrap_err().to_string();
        assert!(message.starts_with(&format!("`{path}")), "{message}");
        assert!(message.contains(what), "{message}");
    }
}

#[test]
fn folders_are_checked_and_measured() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shapes");
    let put = |name: &str, value| {
        let file = path.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(
            file,
            grey_png(
                3,
                3,
                &[value, value, value, value, 9, value, value, value, value],
            ),
        )
        .unwrap();
    };
    put("train/a/1.png", 100);
    let mut request = request(path.display().to_string());
    request.preprocessing = preprocessing(1, 3, 3);
    let source = path.display();
    let help = "add a second class: there is nothing to tell apart";
    check_fault(
        &request,
        &format!("`{source}` has a single class, `a`"),
        help,
    );
    put("train/b/1.png", 200);
    let data = load(&request).unwrap();
    assert_eq!(data.name, "shapes");
    assert!((data.border - 150.0).abs() < 1e-4);
    put("val/b/1.png", 200);
    request.validation = Some(Validation::Fraction(0.25));
    check_fault(
        &request,
        &format!("`{source}` has validation samples, and the config sets apart a fraction too"),
        "remove `validation = 0.25` from `[data]`, or the samples from the source",
    );
    request.preprocessing.shape[1] = 0;
    check_fault(
        &request,
        "samples of 1x0x3 cannot be made",
        "set `input` in `[model]` to the channels, height and width of a picture",
    );
    request.preprocessing.shape[1] = usize::MAX;
    assert!(load(&request).is_err());
}

/// Class folders of pictures of one value.
fn class_folders(pictures: &[(&str, u8)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, value) in pictures {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, grey_png(28, 28, &[*value; 784])).unwrap();
    }
    folder
}

#[test]
fn other_sources_are_matched_by_class_names() {
    let train = class_folders(&[("a/1.png", 1), ("b/1.png", 2), ("c/1.png", 3)]);
    let other = class_folders(&[("c/1.png", 4), ("b/1.png", 5)]);
    let mut request = request(train.path().display().to_string());
    request.test_source = Some(other.path().display().to_string());
    request.validation_source = request.test_source.clone();
    let data = load(&request).unwrap();
    assert_eq!(data.classes, ["a", "b", "c"]);
    assert_eq!(data.test.as_ref().map(Samples::labels), Some(&[1, 2][..]));
    assert_eq!(bytes(&data.validation.unwrap(), 0)[0], 5);

    let message = "has test samples, and `test` in `[data]` names others";
    request.source = "mnist-5k".into();
    request.validation_source = None;
    assert!(load(&request).unwrap_err().to_string().ends_with(message));

    let more = class_folders(&[("d/1.png", 4), ("b/1.png", 5)]);
    request.source = train.path().display().to_string();
    request.test_source = Some(more.path().display().to_string());
    let error = load(&request).unwrap_err().to_string();
    assert!(error.starts_with("class `d` of `"), "{error}");
}
