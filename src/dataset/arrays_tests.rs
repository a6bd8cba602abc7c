use std::io::{Cursor, Write};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;
use crate::dataset::batches::tests::bytes;
use crate::dataset::npy::tests::npy;
use crate::dataset::samples::Values;
use crate::dataset::tests::asked;

/// A file as `np.savez` writes it.
pub(crate) fn npz(arrays: &[(&str, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in arrays {
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn load_bytes(bytes: &[u8], request: &Request) -> Result<Splits> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npz");
    fs::write(&path, bytes).unwrap();
    load(&path, request)
}

fn labels(of: &[u8]) -> Vec<u8> {
    npy("|u1", false, &[of.len()], of)
}

fn floats(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

#[test]
fn keras_and_medmnist_names_are_read_stored_and_deflated() {
    let train = npy("|u1", false, &[2, 1, 2], &[1, 2, 3, 4]);
    let test = npy("|u1", false, &[1, 1, 2], &[5, 6]);
    let column = npy("|u1", false, &[2, 1], &[3, 0]);
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        for (x, y) in [("x_train", "y_train"), ("train_images", "train_labels")] {
            let name = |name: &str, split| format!("{}.npy", name.replace("train", split));
            let bytes_of = npz(
                &[
                    (&name(x, "train"), train.clone()),
                    (&name(y, "train"), column.clone()),
                    (&name(x, "val"), test.clone()),
                    (&name(y, "val"), labels(&[2])),
                    (&name(x, "test"), test.clone()),
                    (&name(y, "test"), labels(&[1])),
                ],
                method,
            );
            let splits = load_bytes(&bytes_of, &asked(&[1, 1, 2])).unwrap();
            assert_eq!(splits.classes, ["0", "1", "2", "3"]);
            assert_eq!(splits.train.labels(), [3, 0]);
            assert_eq!(bytes(&splits.train, 1), [3, 4]);
            assert_eq!(splits.validation.unwrap().labels(), [2]);
            assert_eq!(bytes(&splits.test.unwrap(), 0), [5, 6]);
        }
    }
}

#[test]
fn a_folder_of_arrays_is_a_data_set() {
    let folder = tempfile::tempdir().unwrap();
    assert!(!is_array_folder(folder.path()));
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write(
        "x_train.npy",
        &npy("<f4", false, &[2, 3], &floats(&[0.5; 6])),
    );
    write("y_train.npy", &labels(&[0, 1]));
    assert!(is_array_folder(folder.path()));
    let splits = load(folder.path(), &asked(&[1, 3])).unwrap();
    let expected = Values::Floats(vec![0.5; 3].into());
    assert_eq!(splits.train.values(1).unwrap(), Some(expected));
}

/// The values of the first sample.
fn first(shape: &[usize], array: Vec<u8>) -> Values<'static> {
    let arrays = [("x.npy", array), ("y.npy", labels(&[1]))];
    let splits = load_bytes(&npz(&arrays, CompressionMethod::Stored), &asked(shape)).unwrap();
    match splits.train.values(0).unwrap().unwrap() {
        Values::Bytes(bytes) => Values::Bytes(bytes.into_owned().into()),
        Values::Floats(floats) => Values::Floats(floats.into_owned().into()),
    }
}

#[test]
fn numbers_become_pixels_or_floats() {
    let bytes_of = |values: &[u8]| Values::Bytes(values.to_vec().into());
    let floats_of = |values: &[f32]| Values::Floats(values.to_vec().into());
    let int16 = |shape: &[usize]| npy("<i2", false, shape, &[7, 0, 200, 0]);
    assert_eq!(first(&[1, 1, 2], int16(&[1, 1, 2])), bytes_of(&[7, 200]));
    assert_eq!(first(&[1, 2], int16(&[1, 2])), floats_of(&[7.0, 200.0]));
    let large = npy("<i2", false, &[1, 1, 2], &[7, 0, 0, 1]);
    assert_eq!(first(&[1, 1, 2], large), floats_of(&[7.0, 256.0]));
    let bits = |shape: &[usize]| npy("|b1", false, shape, &[1, 0]);
    assert_eq!(first(&[1, 1, 2], bits(&[1, 1, 2])), bytes_of(&[255, 0]));
    assert_eq!(first(&[1, 1, 1, 2], bits(&[1, 1, 1, 2])), bytes_of(&[1, 0]));
    let colours = npy("|u1", false, &[1, 1, 2, 3], &[1, 2, 3, 4, 5, 6]);
    assert_eq!(
        first(&[3, 1, 2], colours.clone()),
        bytes_of(&[1, 4, 2, 5, 3, 6])
    );
    assert_eq!(first(&[1, 1, 2], colours), bytes_of(&[2, 5]));
}

#[test]
fn numbers_and_several_labels_are_learnt() {
    let x = npy("|u1", false, &[2, 1, 1], &[1, 2]);
    let load_y = |y: Vec<u8>, task| {
        let arrays = [("x.npy", x.clone()), ("y.npy", y)];
        let mut request = asked(&[1, 1, 1]);
        request.task = task;
        load_bytes(&npz(&arrays, CompressionMethod::Stored), &request)
    };
    let numbers = npy("<f4", false, &[2], &floats(&[0.5, -3.0]));
    let splits = load_y(numbers, Task::Values).unwrap();
    let values = vec![0.5, -3.0];
    assert_eq!(splits.train.targets, Targets::Values { width: 1, values });
    let marks = npy("|u1", false, &[2, 2], &[1, 0, 0, 1]);
    let splits = load_y(marks.clone(), Task::Labels).unwrap();
    assert_eq!(splits.classes, ["0", "1"]);
    let values = vec![1.0, 0.0, 0.0, 1.0];
    assert_eq!(splits.train.targets, Targets::Values { width: 2, values });
    let fault = |y, task| {
        let error = load_y(y, task).map(|_| ()).unwrap_err();
        error.to_string().split_once("x.npz/").unwrap().1.to_owned()
    };
    assert_eq!(
        fault(marks, Task::Classes),
        "y.npy` has 2 numbers a sample, expected the number of its class"
    );
    assert_eq!(
        fault(labels(&[1, 2]), Task::Labels),
        "y.npy` is 2 for sample 1, expected 0 or 1"
    );
    assert_eq!(
        fault(npy("|i1", false, &[2], &[0, 255]), Task::Classes),
        "y.npy` is -1 for sample 1, expected a class number from 0"
    );
}

#[track_caller]
fn check_fault(arrays: &[(&str, Vec<u8>)], shape: &[usize], expected: &str) {
    let error = load_bytes(&npz(arrays, CompressionMethod::Stored), &asked(shape));
    let error = error.map(|_| ()).unwrap_err();
    assert_eq!(error.kind.exit_code(), 3);
    let message = error.to_string();
    assert_eq!(message.split_once("x.npz").unwrap().1, expected);
    assert_eq!(error.diagnostics[0].helps.len(), 1);
}

#[test]
fn faults_name_the_array() {
    let x = npy("|u1", false, &[2, 1, 2], &[1, 2, 3, 4]);
    let shape = &[1, 1, 2];
    check_fault(&[], shape, "` has no arrays to train on");
    check_fault(
        &[("a.npy", x.clone())],
        shape,
        "` has no arrays to train on",
    );
    check_fault(
        &[("x_train.npy", x.clone())],
        shape,
        "/x_train.npy` has no labels beside it",
    );
    check_fault(
        &[("x_train.npy", x.clone()), ("y_train.npy", labels(&[1]))],
        shape,
        "/x_train.npy` holds 2 pictures, its labels are 1",
    );
    check_fault(
        &[("x_train.npy", x.clone()), ("y_train.npy", labels(&[1, 0]))],
        &[1, 1, 3],
        "/x_train.npy` are 1x2 (height x width), expected 1x3",
    );
    check_fault(
        &[("x_train.npy", x), ("y_train.npy", labels(&[1, 0]))],
        &[1, 3],
        "/x_train.npy` are 1x2, the input takes 1x3",
    );
    let nan = npy("<f4", false, &[2, 2], &floats(&[0.0, 1.0, 2.0, f32::NAN]));
    check_fault(
        &[("x_train.npy", nan), ("y_train.npy", labels(&[1, 0]))],
        &[1, 2],
        "/x_train.npy` holds NaN in sample 1, expected finite numbers",
    );
    let object = npy("|O", false, &[1], b"\x80\x04.");
    check_fault(
        &[("x_train.npy", object), ("y_train.npy", labels(&[1]))],
        shape,
        "/x_train.npy` holds pickled Python objects, which could run any code when read: refused",
    );
    let error = load_bytes(b"text", &asked(shape)).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("is not a whole .npz file: "));
}

#[test]
fn a_damaged_entry_is_told() {
    let x = npy("|u1", false, &[2, 1, 2], &[1, 2, 3, 4]);
    let arrays = [("x.npy", x), ("y.npy", labels(&[1, 0]))];
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let mut bytes = npz(&arrays, method);
        // A byte of the first array's numbers.
        let at = bytes.windows(4).position(|four| four == [1, 2, 3, 4]);
        bytes[at.unwrap_or(100)] ^= 0x55;
        let error = load_bytes(&bytes, &asked(&[1, 1, 2])).map(|_| ());
        assert_eq!(error.unwrap_err().kind.exit_code(), 3);
    }
}

#[test]
fn a_header_that_promises_more_than_its_bytes_can_expand_to_is_refused() {
    let said = |count: usize, method| {
        let arrays = [
            ("x.npy", npy("|u1", false, &[count, 1, 2], &[1, 2])),
            ("y.npy", labels(&[1])),
        ];
        let loaded = load_bytes(&npz(&arrays, method), &asked(&[1, 1, 2]));
        let error = loaded.err().unwrap();
        let message = error.to_string();
        let end = message.split("/x.npz/x.npy` ").nth(1).unwrap_or_default();
        end.to_owned()
    };
    // Half of a gibibyte of pairs is just within the bound, so all that is there is read.
    let gibibyte = 1 << 29;
    let within = "is truncated: its header promises 536870912x1x2 = 1073741824 bytes, it holds 2";
    assert_eq!(said(gibibyte, CompressionMethod::Deflated), within);
    let beyond = "is truncated: its header promises 536875008x1x2 numbers, more than it holds";
    assert_eq!(said(gibibyte + 4096, CompressionMethod::Deflated), beyond);
    let stored = "is truncated: its header promises 4096x1x2 numbers, more than it holds";
    assert_eq!(said(4096, CompressionMethod::Stored), stored);
}
