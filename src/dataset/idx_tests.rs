use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use super::*;
use crate::dataset::batches::tests::bytes;
use crate::dataset::picture::tests::preprocessing;

fn header(magic: u32, sizes: &[u32]) -> Vec<u8> {
    let numbers = std::iter::once(magic).chain(sizes.iter().copied());
    numbers.flat_map(u32::to_be_bytes).collect()
}

fn file(magic: u32, sizes: &[u32], body: &[u8]) -> Vec<u8> {
    [header(magic, sizes), body.to_vec()].concat()
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

const IMAGES: u32 = 0x803;
const LABELS: u32 = 0x801;

fn folder(files: &[(&str, Vec<u8>)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn train_images() -> Vec<u8> {
    file(IMAGES, &[3, 1, 2], &[1, 2, 3, 4, 5, 6])
}

fn train_labels() -> Vec<u8> {
    file(LABELS, &[3], &[0, 2, 1])
}

#[test]
fn loads_train_and_test_plain_or_packed() {
    for dash in ["-idx", ".idx"] {
        for (test, ending) in [("t10k", ""), ("test", ".gz")] {
            let name = |split, word, rank| format!("{split}-{word}{dash}{rank}-ubyte{ending}");
            let folder = folder(&[
                (&name("train", "images", 3), train_images()),
                (&name("train", "labels", 1), packed(&train_labels())),
                (
                    &name(test, "images", 3),
                    packed(&file(IMAGES, &[1, 1, 2], &[7, 8])),
                ),
                (&name(test, "labels", 1), file(LABELS, &[1], &[4])),
            ]);
            assert!(is_idx_folder(folder.path()));
            let splits = load(folder.path(), &preprocessing(1, 1, 2)).unwrap();
            assert_eq!(splits.classes, ["0", "1", "2", "3", "4"]);
            assert_eq!(splits.train.labels(), [0, 2, 1]);
            assert_eq!(bytes(&splits.train, 1), [3, 4]);
            assert_eq!(bytes(&splits.test.unwrap(), 0), [7, 8]);
        }
    }
}

#[test]
fn channels_are_read_or_converted() {
    let files = |bytes| {
        folder(&[
            ("train-images-idx3-ubyte", bytes),
            ("train-labels-idx1-ubyte", file(LABELS, &[1], &[1])),
        ])
    };
    let load = |folder: &TempDir, channels| {
        load(folder.path(), &preprocessing(channels, 1, 2)).map(|splits| bytes(&splits.train, 0))
    };
    let colour = files(file(0x804, &[1, 3, 1, 2], &[10, 255, 200, 0, 30, 0]));
    assert_eq!(load(&colour, 3), Ok(vec![10, 255, 200, 0, 30, 0]));
    assert_eq!(load(&colour, 1), Ok(vec![124, 76]));
    let grey = files(file(IMAGES, &[1, 1, 2], &[5, 6]));
    assert_eq!(load(&grey, 3), Ok(vec![5, 6, 5, 6, 5, 6]));
    let two = files(file(0x804, &[1, 2, 1, 2], &[1, 2, 3, 4]));
    assert_eq!(load(&two, 2), Ok(vec![1, 2, 3, 4]));
    let error = load(&two, 3).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("have 2 channels, the input has 3")
    );
}

#[test]
fn another_size_is_refused_or_stretched() {
    let folder = folder(&[
        ("train-images-idx3-ubyte", train_images()),
        ("train-labels-idx1-ubyte", train_labels()),
    ]);
    let path = folder.path().join("train-images-idx3-ubyte");
    let mut preprocessing = preprocessing(1, 2, 2);
    let error = load(folder.path(), &preprocessing).err().unwrap();
    assert_eq!(
        error.to_string(),
        format!(
            "the pictures of `{}` are 1x2 (height x width), expected 2x2",
            path.display()
        )
    );
    assert_eq!(
        error.diagnostics[0].helps,
        ["set `resize = 2` in `[data]` to stretch every picture to 2x2"]
    );
    preprocessing.resize = true;
    let train = load(folder.path(), &preprocessing).unwrap().train;
    assert_eq!(train.shape, [1, 2, 2]);
    assert_eq!(bytes(&train, 2), [5, 6, 5, 6]);
}

/// Checks the whole message that a file gives in place of the training images or labels.
#[track_caller]
fn check_fault(name: &str, bytes: Vec<u8>, expected: &str) {
    let images = "train-images-idx3-ubyte";
    let labels = "train-labels-idx1-ubyte";
    let files = match name {
        "images" => [(images, bytes), (labels, train_labels())],
        _ => [(images, train_images()), (labels, bytes)],
    };
    let folder = folder(&files);
    let error = load(folder.path(), &preprocessing(1, 1, 2)).err().unwrap();
    assert_eq!(error.kind.exit_code(), 3);
    let shown = folder.path().display().to_string() + "/";
    assert_eq!(error.to_string().replace(&shown, ""), expected);
    assert_eq!(error.diagnostics[0].helps.len(), 1);
}

#[test]
fn every_fault_is_told() {
    let images = "`train-images-idx3-ubyte`";
    let labels = "`train-labels-idx1-ubyte`";
    let check = |name: &str, bytes: &[u8], expected: &str| {
        let file = if name == "images" { images } else { labels };
        check_fault(name, bytes.to_vec(), &format!("{file} {expected}"));
    };
    check(
        "images",
        &train_labels(),
        "begins with 0x00000801 (labels), expected 0x00000803 (images)",
    );
    check(
        "labels",
        &train_images(),
        "begins with 0x00000803 (images), expected 0x00000801 (labels)",
    );
    check(
        "images",
        b"PK\x03\x04....",
        "is not an IDX file: it begins with 0x504b0304, expected 0x00000803 (images)",
    );
    check(
        "images",
        &file(0xd03, &[1, 1, 1], &[0; 4]),
        "begins with 0x00000d03 (values that are not unsigned bytes), expected 0x00000803 (images)",
    );
    check(
        "images",
        &file(0x802, &[1, 1], &[0]),
        "begins with 0x00000802 (bytes of 2 dimensions), expected 0x00000803 (images)",
    );
    check("images", b"", "is truncated: its header is not whole");
    check(
        "images",
        &header(IMAGES, &[3, 1]),
        "is truncated: its header is not whole",
    );
    check(
        "images",
        &file(IMAGES, &[3, 0, 2], &[]),
        "is empty: its header says 3 x 0 x 2",
    );
    check(
        "labels",
        &header(LABELS, &[0]),
        "is empty: its header says 0",
    );
    check(
        "images",
        &file(IMAGES, &[3, 1, 2], &[1, 2, 3, 4, 5]),
        "is truncated: its header promises 3 x 1 x 2 = 6 bytes, it holds 5",
    );
    check(
        "images",
        &file(IMAGES, &[3, 1, 2], &[0; 7]),
        "has extra bytes: its header promises 3 x 1 x 2 = 6, more follow",
    );
    let most = u32::MAX;
    let absurd = format!(
        "is truncated: its header promises {most} x {most} x {most} bytes, more than it holds"
    );
    check("images", &header(IMAGES, &[most; 3]), &absurd);
    check("images", &packed(&header(IMAGES, &[most; 3])), &absurd);
    check(
        "images",
        &packed(&file(IMAGES, &[3, 1, 2], &[0; 100])),
        "has extra bytes: its header promises 3 x 1 x 2 = 6, more follow",
    );
    let whole = packed(&train_images());
    check(
        "images",
        &whole[..whole.len() - 3],
        "is truncated: its gzip stream ends too early",
    );
    let mut damaged = whole.clone();
    damaged[whole.len() - 6] ^= 1;
    check(
        "images",
        &damaged,
        "is not a whole gzip file: corrupt gzip stream does not have a matching checksum",
    );
    check_fault(
        "labels",
        file(LABELS, &[2], &[0, 1]),
        "`train-images-idx3-ubyte` holds 3 pictures, its labels are 2",
    );
}

#[test]
fn a_missing_file_is_named() {
    let error = |name: &str, bytes| {
        let folder = folder(&[(name, bytes)]);
        let error = load(folder.path(), &preprocessing(1, 1, 2)).err().unwrap();
        let shown = folder.path().display().to_string();
        let message = error.to_string().replace(&shown, "DIR");
        (message, error.diagnostics[0].helps[0].clone())
    };
    let (message, help) = error("train-images.idx3-ubyte", train_images());
    assert_eq!(
        message,
        "`DIR/train-images.idx3-ubyte` has no labels beside it"
    );
    assert_eq!(
        help,
        "add `train-labels-idx1-ubyte` or `train-labels-idx1-ubyte.gz`"
    );
    let (message, help) = error("train-labels-idx1-ubyte.gz", train_labels());
    assert_eq!(
        message,
        "`DIR/train-labels-idx1-ubyte.gz` has no images beside it"
    );
    assert_eq!(
        help,
        "add `train-images-idx3-ubyte` or `train-images-idx3-ubyte.gz`"
    );
    let folder = folder(&[
        ("t10k-images-idx3-ubyte", train_images()),
        ("t10k-labels-idx1-ubyte", train_labels()),
    ]);
    let error = load(folder.path(), &preprocessing(1, 1, 2)).err().unwrap();
    assert!(
        error
            .to_string()
            .ends_with("has IDX files for test and none for train")
    );
}
