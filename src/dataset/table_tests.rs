use std::fs;

use tempfile::TempDir;

use super::*;
use crate::config::Task;
use crate::dataset::batches::tests::bytes;
use crate::dataset::picture::tests::grey_png;
use crate::dataset::samples::Values;
use crate::dataset::tests::asked;

fn folder(text: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("a")).unwrap();
    for number in 1..=4 {
        let path = folder.path().join(format!("a/{number}.png"));
        fs::write(path, grey_png(2, 2, &[number; 4])).unwrap();
    }
    fs::write(folder.path().join("t.csv"), text).unwrap();
    folder
}

fn load_text(text: &str, request: &Request) -> Result<Splits> {
    load(&folder(text).path().join("t.csv"), request)
}

#[test]
fn listed_files_are_split_and_relative_to_the_table() {
    let text = "path,label,split\na/3.png,cat,test\na/1.png,dog,train\na/2.png,cat,train\na/4.png,dog,val\n";
    let splits = load_text(text, &asked(&[1, 2, 2])).unwrap();
    assert_eq!(splits.classes, ["cat", "dog"]);
    assert_eq!(splits.train.labels(), [1, 0]);
    assert_eq!(bytes(&splits.train, 1), [2; 4]);
    assert!(splits.train.path(0).unwrap().ends_with("a/1.png"));
    assert_eq!(bytes(&splits.validation.unwrap(), 0), [4; 4]);
    assert_eq!(splits.test.unwrap().labels(), [0]);
}

#[test]
fn rows_of_values_are_samples() {
    let text = "label,p0,p1,split\n1,7,8,test\n0,1,2,train\n1,3,4,train\n";
    let splits = load_text(text, &asked(&[1, 1, 2])).unwrap();
    assert_eq!(splits.train.labels(), [0, 1]);
    assert_eq!(bytes(&splits.train, 1), [3, 4]);
    assert_eq!(bytes(&splits.test.unwrap(), 0), [7, 8]);
    let splits = load_text(text, &asked(&[1, 2])).unwrap();
    let floats = Values::Floats(vec![1.0, 2.0].into());
    assert_eq!(splits.train.values(0).unwrap(), Some(floats));
}

#[test]
fn numbers_are_learnt_of_pictures() {
    let mut request = asked(&[1, 2, 2]);
    request.task = Task::Values;
    request.targets = vec!["age".into()];
    let splits = load_text("path,age\na/1.png,1.5\na/2.png,2\n", &request).unwrap();
    assert_eq!(splits.classes, ["age"]);
    let values = vec![1.5, 2.0];
    assert_eq!(splits.train.targets, Targets::Values { width: 1, values });
}

#[track_caller]
fn check_fault(text: &str, expected: &str) {
    let error = load_text(text, &asked(&[1, 2, 2])).map(|_| ()).unwrap_err();
    assert_eq!(error.kind.exit_code(), 3);
    let message = error.to_string();
    assert!(message.ends_with(expected), "{message}");
}

#[test]
fn faults_are_told() {
    check_fault(
        "path,label,split\na/1.png,cat,test\n",
        "t.csv` has no rows to train on",
    );
    check_fault(
        "path,label,split\na/1.png,cat,test\na/2.png,dog,train\n",
        "t.csv` has no rows to train on",
    );
    check_fault(
        "path,label\na/1.png,cat\na/9.png,dog\n",
        "t.csv` line 3: there is no file `a/9.png`",
    );
}
