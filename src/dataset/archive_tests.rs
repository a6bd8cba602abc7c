use std::fs;

use super::*;
use crate::dataset::batches::tests::bytes as values;
use crate::dataset::picture::tests::{grey_png, preprocessing};
use crate::dataset::samples::Samples;
use crate::dataset::tar::tests::{gzip, tar};
use crate::dataset::tests::request;

fn load_bytes(name: &str, bytes: &[u8], cache_bytes: u64) -> Result<Splits> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    let request = Request {
        preprocessing: preprocessing(1, 2, 2),
        cache_bytes,
        ..request("")
    };
    load(&path, &request)
}

/// An archive of pictures of 2x2 equal pixels.
fn pictures(files: &[(&str, u8)]) -> Vec<u8> {
    let files: Vec<_> = files
        .iter()
        .map(|(name, value)| (*name, grey_png(2, 2, &[*value; 4])))
        .collect();
    let files: Vec<_> = files
        .iter()
        .map(|(name, bytes)| (*name, bytes.as_slice()))
        .collect();
    tar(&files)
}

fn first_values(samples: &Samples) -> Vec<u8> {
    let first = |index| values(samples, index)[0];
    (0..samples.len()).map(first).collect()
}

#[test]
fn class_folders_are_read_as_on_disk_packed_or_not_in_memory_or_not() {
    let archive = pictures(&[
        ("./pets/dog/b.png", 3),
        ("./pets/dog/a.png", 2),
        ("./pets/cat/x.png", 1),
        ("./pets/dog/more/c.png", 4),
        ("./pets/dog-house/d.png", 5),
        ("./pets/.hidden/a.png", 0),
        ("./pets/cat/._x.png", 0),
        ("./pets/dog/a.png", 9),
    ]);
    for (name, bytes) in [("x.tar", archive.clone()), ("x.tar.gz", gzip(&archive))] {
        for cache_bytes in [0, 1000] {
            let splits = load_bytes(name, &bytes, cache_bytes).unwrap();
            assert_eq!(splits.classes, ["cat", "dog", "dog-house"]);
            assert_eq!(splits.train.labels(), [0, 1, 1, 1, 2]);
            assert_eq!(splits.train.is_streamed(), cache_bytes == 0);
            // The later of two with one name, as if they were unpacked.
            assert_eq!(first_values(&splits.train), [1, 9, 3, 4, 5]);
            let path = splits.train.path(3).unwrap();
            assert!(path.ends_with(Path::new(name).join("pets/dog/more/c.png")));
        }
    }
}

#[test]
fn splits_are_found_at_the_root_and_below_a_folder() {
    for root in ["", "digits/", "a/b/", "val/"] {
        let names = [
            "train/0/1.png",
            "train/1/1.png",
            "val/1/2.png",
            "test/0/3.png",
        ];
        let names = names.map(|name| format!("{root}{name}"));
        let files = [
            (&*names[0], 1),
            (&*names[1], 2),
            (&*names[2], 3),
            (&*names[3], 4),
        ];
        let splits = load_bytes("x.tar", &pictures(&files), 1000).unwrap();
        assert_eq!(splits.classes, ["0", "1"]);
        assert_eq!(first_values(&splits.train), [1, 2]);
        assert_eq!(first_values(&splits.validation.unwrap()), [3]);
        assert_eq!(splits.test.unwrap().labels(), [0]);
    }
}

#[track_caller]
fn check_fault(bytes: &[u8], expected: &str) {
    let error = load_bytes("x.tar", bytes, 1000).map(|_| ()).unwrap_err();
    let message = error.to_string();
    assert_eq!(
        message.replace('\\', "/").rsplit_once("x.tar").unwrap().1,
        expected
    );
}

#[test]
fn faults_are_those_of_folders() {
    check_fault(&pictures(&[("1.png", 1)]), "` has no class folders");
    check_fault(&pictures(&[("test/a/1.png", 1)]), "` has no `train` folder");
    check_fault(
        &pictures(&[("x/train/a/1.png", 1), ("x/test/b/1.png", 1)]),
        "/x/test` is not in `train`",
    );
    check_fault(
        &tar(&[("a/1.png", b"no picture"), ("b/", b"")]),
        "` has no pictures",
    );
    check_fault(
        &tar(&[("a/1.png", b"no picture"), ("b/2.png", b"")]),
        "/b/2.png`: the file is empty",
    );
}

#[test]
fn a_class_with_folders_is_no_folder_around() {
    let files = [("cats/1.png", 1), ("cats/more/2.png", 2)];
    let splits = load_bytes("x.tar", &pictures(&files), 1000).unwrap();
    assert_eq!(splits.classes, ["cats"]);
    assert_eq!(first_values(&splits.train), [1, 2]);
}
