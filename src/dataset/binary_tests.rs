use tempfile::TempDir;

use super::*;
use crate::dataset::Request;
use crate::dataset::archive;
use crate::dataset::batches::tests::bytes;
use crate::dataset::picture::tests::preprocessing;
use crate::dataset::tar::tests::{gzip, tar};
use crate::dataset::tests::request;

fn record(labels: &[u8], value: u8) -> Vec<u8> {
    [labels, &[value; 3072]].concat()
}

/// The files of CIFAR-10, one record each.
fn ten() -> Vec<(String, Vec<u8>)> {
    let names = "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n";
    let mut files: Vec<_> = (1..=5)
        .map(|number| {
            (
                format!("data_batch_{number}.bin"),
                record(&[number + 3], number),
            )
        })
        .collect();
    files.push(("test_batch.bin".into(), record(&[0], 9)));
    files.push(("batches.meta.txt".into(), names.into()));
    files
}

fn folder(files: &[(String, Vec<u8>)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn load_folder(files: &[(String, Vec<u8>)], preprocessing: &Preprocessing) -> Result<Splits> {
    let folder = folder(files);
    load(&Files::in_folder(folder.path()).unwrap(), preprocessing)
}

#[track_caller]
fn check(splits: &Splits) {
    assert_eq!(splits.classes[9], "truck");
    assert_eq!(splits.train.labels(), [4, 5, 6, 7, 8]);
    assert_eq!(bytes(&splits.train, 2), [3; 3072]);
    let test = splits.test.as_ref().unwrap();
    assert_eq!((test.labels(), bytes(test, 0)[0]), (&[0][..], 9));
}

#[test]
fn cifar_10_is_read_from_a_folder_and_as_it_is_downloaded() {
    let preprocessing = preprocessing(3, 32, 32);
    check(&load_folder(&ten(), &preprocessing).unwrap());
    let files: Vec<_> = ten()
        .into_iter()
        .map(|(name, bytes)| (format!("cifar-10-batches-bin/{name}"), bytes))
        .collect();
    let files: Vec<_> = files
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect();
    let archive = folder(&[("cifar-10-binary.tar.gz".into(), gzip(&tar(&files)))]);
    let path = archive.path().join("cifar-10-binary.tar.gz");
    let request = Request {
        preprocessing,
        ..request("")
    };
    check(&archive::load(&path, &request).unwrap());
}

#[test]
fn cifar_100_is_learnt_by_its_fine_labels() {
    let files = [
        ("train.bin".to_owned(), record(&[7, 99], 1)),
        ("test.bin".to_owned(), record(&[7, 3], 2)),
    ];
    let mut grey = preprocessing(1, 16, 16);
    grey.resize = true;
    let splits = load_folder(&files, &grey).unwrap();
    assert_eq!(splits.classes.len(), 100);
    assert_eq!(splits.classes[99], "99");
    assert_eq!(splits.train.labels(), [99]);
    assert_eq!(bytes(&splits.train, 0), [1; 256]);
}

#[test]
fn faults_name_the_file() {
    let fault = |files: &[(String, Vec<u8>)]| {
        let error = load_folder(files, &preprocessing(3, 32, 32)).map(|_| ());
        error.unwrap_err()
    };
    let mut files = ten();
    files.remove(2);
    assert!(
        fault(&files)
            .to_string()
            .ends_with("` has no `data_batch_3.bin`")
    );
    let mut files = ten();
    files[1].1[0] = 10;
    let message = fault(&files).to_string();
    assert!(message.ends_with("data_batch_2.bin` has the label 10 in record 1, expected 0 to 9"));
    let mut files = ten();
    files[6].1 = b"one\ntwo".to_vec();
    let message = fault(&files).to_string();
    assert!(message.ends_with("batches.meta.txt` has 2 class names, expected 10"));
    assert!(Files::in_folder(Path::new("/nowhere")).is_none());
}
