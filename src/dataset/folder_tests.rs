use tempfile::TempDir;

use super::*;
use crate::config::OnBadImage;
use crate::dataset::batches::tests::bytes;
use crate::dataset::picture::tests::{grey_png, preprocessing};
use crate::dataset::tests::request;
use crate::dataset::{Preprocessing, Samples, assemble};

/// A folder with pictures of 2x2 equal pixels at paths, or of what else is given.
fn folder(pictures: &[(&str, u8)], others: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let pictures = pictures
        .iter()
        .map(|(path, value)| (*path, grey_png(2, 2, &[*value; 4])));
    let others = others.iter().map(|(path, bytes)| (*path, bytes.to_vec()));
    for (path, bytes) in pictures.chain(others) {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

fn load_2x2(folder: &TempDir) -> Result<Splits> {
    load(folder.path(), &asked(preprocessing(1, 2, 2)))
}

fn asked(preprocessing: Preprocessing) -> Request {
    Request {
        preprocessing,
        ..request("")
    }
}

fn first_values(samples: &Samples) -> Vec<u8> {
    (0..samples.len())
        .map(|index| bytes(samples, index)[0])
        .collect()
}

#[test]
fn class_folders_alone_are_all_for_training() {
    let folder = folder(
        &[
            ("dog/b.png", 3),
            ("dog/a.PNG", 2),
            ("cat/x.png", 1),
            ("Zebra/z.png", 9),
            ("dog/more/deep/c.png", 4),
            (".hidden/a.png", 0),
            ("cat/.hidden.png", 0),
            ("cat/.hidden/a.png", 0),
        ],
        &[("readme.txt", b"x"), ("cat/notes.txt", b"x")],
    );
    let splits = load_2x2(&folder).unwrap();
    assert_eq!(splits.classes, ["Zebra", "cat", "dog"]);
    assert_eq!(first_values(&splits.train), [9, 1, 2, 3, 4]);
    assert_eq!(splits.train.labels(), [0, 1, 2, 2, 2]);
    let paths = splits.train.paths.unwrap();
    assert_eq!(paths[4], folder.path().join("dog/more/deep/c.png"));
    assert!(splits.validation.is_none() && splits.test.is_none());
}

#[test]
fn split_folders_share_the_classes_of_train() {
    for validation in ["val", "validation"] {
        let in_validation = format!("{validation}/b/1.png");
        let folder = folder(
            &[
                ("train/a/1.png", 1),
                ("train/b/1.png", 2),
                (&in_validation, 3),
                ("test/a/1.png", 4),
                ("test/b/1.png", 5),
            ],
            &[],
        );
        let splits = load_2x2(&folder).unwrap();
        assert_eq!(first_values(&splits.train), [1, 2]);
        assert_eq!(splits.validation.unwrap().labels(), [1]);
        assert_eq!(splits.test.unwrap().labels(), [0, 1]);
    }
}

#[test]
fn trains_can_be_a_class() {
    let folder = folder(&[("car/1.png", 1), ("train/1.png", 2)], &[]);
    assert_eq!(load_2x2(&folder).unwrap().classes, ["car", "train"]);
}

/// Checks all messages; `DIR` stands for the folder.
#[track_caller]
fn check_faults(folder: &TempDir, expected: &[&str]) -> Error {
    let error = load_2x2(folder).err().unwrap();
    assert_eq!(error.kind.exit_code(), 3);
    let shown = folder.path().display().to_string();
    let messages = error.diagnostics.iter();
    let messages: Vec<_> = messages
        .map(|one| one.message.replace(&shown, "DIR"))
        .collect();
    assert_eq!(messages, expected);
    let last = error.diagnostics.last().unwrap();
    assert!(!last.helps.is_empty());
    error
}

#[test]
fn faults_of_the_layout_are_told() {
    check_faults(&folder(&[], &[]), &["`DIR` is empty"]);
    check_faults(
        &folder(&[], &[("a.txt", b"x")]),
        &["`DIR` has no class folders"],
    );
    let error = check_faults(
        &folder(&[("a.png", 1)], &[]),
        &["`DIR` has no class folders"],
    );
    assert_eq!(error.diagnostics[0].notes, ["pictures directly in it: 1"]);
    let pickled = folder(&[], &[("data_batch_1", b"x")]);
    let error = check_faults(&pickled, &["`DIR` has no class folders"]);
    assert_eq!(
        error.diagnostics[0].helps,
        ["take the binary version, `cifar-10-binary.tar.gz`"]
    );
    let table = folder(&[], &[("labels.csv", b"x")]);
    let error = check_faults(&table, &["`DIR` has no class folders"]);
    assert!(error.diagnostics[0].helps[0].starts_with("set `source` in `[data]` to `"));
    check_faults(
        &folder(&[("a/1.png", 1)], &[("b/1.txt", b""), ("c/1.gif", b"")]),
        &[
            "class `b` of `DIR` has no pictures",
            "class `c` of `DIR` has no pictures",
        ],
    );
    check_faults(
        &folder(&[("test/a/1.png", 1), ("val/a/1.png", 1)], &[]),
        &["`DIR` has no `train` folder"],
    );
    let both = [
        ("train/a/1.png", 1),
        ("val/a/1.png", 1),
        ("validation/a/1.png", 1),
    ];
    check_faults(
        &folder(&both, &[]),
        &["`DIR` has both `val` and `validation`"],
    );
    check_faults(
        &folder(&[("train/1.png", 1)], &[]),
        &["`DIR/train` has no class folders"],
    );
    check_faults(
        &folder(&[("train/a/1.png", 1)], &[("test/a/1.txt", b"")]),
        &["`DIR/test` has no pictures"],
    );
    let unknown = [
        ("train/a/1.png", 1),
        ("train/b/1.png", 1),
        ("test/c/1.png", 1),
        ("test/d/1.png", 1),
    ];
    let error = check_faults(
        &folder(&unknown, &[]),
        &[
            "class `c` of `DIR/test` is not in `train`",
            "class `d` of `DIR/test` is not in `train`",
        ],
    );
    assert_eq!(error.diagnostics[0].notes, ["classes of `train`: `a`, `b`"]);
    let error = load(
        folder(&[("a/1.png", 1)], &[]).path(),
        &asked(preprocessing(4, 2, 2)),
    );
    assert!(
        error
            .err()
            .unwrap()
            .to_string()
            .ends_with("have 1 or 3 channels, the input has 4")
    );
}

#[test]
fn unreadable_pictures_are_told_together() {
    let good = [("train/a/1.png", 1), ("train/b/1.png", 1)];
    let bad = folder(&good, &[("train/a/0.jpg", b""), ("test/b/9.png", b"text")]);
    let error = check_faults(
        &bad,
        &[
            "failed to read picture `DIR/train/a/0.jpg`: the file is empty",
            "failed to read picture `DIR/test/b/9.png`: \
             its content is not a png, jpeg, webp or bmp picture",
        ],
    );
    assert_eq!(error.diagnostics[0].helps, Vec::<String>::new());
    assert_eq!(error.diagnostics[1].helps.len(), 1);

    let many: Vec<String> = (0..25).map(|number| format!("a/{number:02}.png")).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|path| (path.as_str(), &b""[..])).collect();
    let error = load_2x2(&folder(&[("b/1.png", 1)], &many)).err().unwrap();
    assert_eq!(error.diagnostics.len(), 10);
    assert!(error.diagnostics[9].message.contains("a/09.png"));
    assert_eq!(error.diagnostics[9].notes, ["and 15 more"]);
    assert_eq!(error.diagnostics[9].helps.len(), 1);
}

#[test]
fn pictures_of_another_size_are_told_or_stretched() {
    let large = grey_png(3, 4, &[5; 12]);
    let folder = folder(&[("a/1.png", 1), ("b/1.png", 2)], &[("b/2.png", &large)]);
    let error = check_faults(
        &folder,
        &["failed to read picture `DIR/b/2.png`: it is 3x4 (height x width), expected 2x2"],
    );
    assert_eq!(
        error.diagnostics[0].helps,
        ["set `resize = 2` in `[data]` to stretch every picture to 2x2"]
    );
    let mut stretching = preprocessing(1, 2, 2);
    stretching.resize = true;
    let splits = load(folder.path(), &asked(stretching)).unwrap();
    assert_eq!(first_values(&splits.train), [1, 2, 5]);
}

#[cfg(unix)]
#[test]
fn links_do_not_loop_or_mix_classes() {
    use std::os::unix::fs::symlink;

    let folder = folder(&[("a/1.png", 1), ("b/1.png", 2), ("b/sub/2.png", 3)], &[]);
    let path = folder.path();
    symlink("..", path.join("a/up")).unwrap();
    symlink(".", path.join("a/self")).unwrap();
    symlink("../../b", path.join("b/sub/back")).unwrap();
    symlink("/nowhere", path.join("a/broken")).unwrap();
    symlink(path.join("b"), path.join("c")).unwrap();
    let splits = load_2x2(&folder).unwrap();
    assert_eq!(splits.classes, ["a", "b", "c"]);
    assert_eq!(splits.train.labels(), [0, 1, 1, 2, 2]);
}

#[cfg(target_os = "linux")]
#[test]
fn names_need_not_be_text() {
    use std::os::unix::ffi::OsStrExt;

    let folder = folder(&[("a b\n/1.png", 1)], &[]);
    let class = folder.path().join(OsStr::from_bytes(b"\xff"));
    fs::create_dir(&class).unwrap();
    fs::write(
        class.join(OsStr::from_bytes(b"\xfe.png")),
        grey_png(2, 2, &[2; 4]),
    )
    .unwrap();
    let splits = load_2x2(&folder).unwrap();
    assert_eq!(splits.classes, ["a b\n", "\\xff"]);
}

#[test]
fn what_does_not_fit_is_decoded_when_asked_for() {
    let pictures = [("a/1.png", 1), ("a/2.png", 2), ("b/3.png", 3)];
    let folder = folder(&pictures, &[]);
    let mut request = asked(preprocessing(1, 2, 2));
    let kept = load(folder.path(), &request).unwrap().train;
    request.cache_bytes = 11;
    let streamed = load(folder.path(), &request).unwrap().train;
    assert!(streamed.is_streamed() && !kept.is_streamed());
    assert!(streamed.are_bytes());
    assert_eq!(first_values(&streamed), [1, 2, 3]);
    let batch = |samples| assemble(samples, &[2, 0], &request.preprocessing, None);
    assert_eq!(batch(&streamed), batch(&kept));
    let mut rest = streamed.clone();
    let taken = rest.take(&[false, true, false]);
    assert_eq!(
        (first_values(&rest), first_values(&taken)),
        (vec![1, 3], vec![2])
    );
    let mut exchanged = streamed;
    exchanged.exchange_light_and_dark();
    assert_eq!(first_values(&exchanged), [254, 253, 252]);
}

#[test]
fn bad_pictures_are_skipped_where_asked_for() {
    let pictures = [("a/1.png", 1), ("a/3.png", 3), ("b/1.png", 4)];
    let folder = folder(&pictures, &[("a/2.png", b"text")]);
    let mut request = asked(preprocessing(1, 2, 2));
    request.on_bad_image = OnBadImage::Skip;
    let splits = load(folder.path(), &request).unwrap();
    // It keeps its place, as where files are decoded when they are asked for.
    assert_eq!(splits.train.labels(), [0, 0, 0, 1]);
    assert_eq!(splits.train.values(1), Ok(None));
    let batch = assemble(&splits.train, &[0, 1, 3], &request.preprocessing, None).unwrap();
    assert_eq!(batch.indices, [0, 3]);
    let message = &splits.warnings[0].message;
    assert!(
        message.starts_with("skipped picture `") && message.contains("a/2.png"),
        "{message}"
    );

    request.cache_bytes = 0;
    let streamed = load(folder.path(), &request).unwrap().train;
    let batch = assemble(&streamed, &[0, 1, 3], &request.preprocessing, None).unwrap();
    assert_eq!(batch.indices, [0, 3]);
    assert_eq!(batch.targets.classes(), [0, 1]);
    assert_eq!(batch.inputs.len(), 8);
    assert_eq!(streamed.take_warnings().len(), 1);
    let again = assemble(&streamed, &[1], &request.preprocessing, None).unwrap();
    assert!(again.indices.is_empty() && again.inputs.is_empty());
    assert!(streamed.take_warnings().is_empty());

    request.on_bad_image = OnBadImage::Error;
    let streamed = load(folder.path(), &request).unwrap().train;
    let error = assemble(&streamed, &[0, 1], &request.preprocessing, None).unwrap_err();
    assert!(error.to_string().contains("a/2.png"), "{error}");
}

#[test]
fn samples_without_a_class_are_counted() {
    let beside = folder(
        &[("a/1.png", 1), ("b/1.png", 2), ("1.png", 3), ("2.png", 4)],
        &[("x.txt", b"x")],
    );
    let warnings = load_2x2(&beside).unwrap().warnings;
    let message = format!(
        "`{}`: pictures beside the class folders have no class and are passed over: 2",
        beside.path().display()
    );
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].message, message);
}

#[test]
fn a_class_may_have_folders() {
    let alone = folder(&[("cats/old/1.png", 1), ("cats/new/1.png", 2)], &[]);
    assert_eq!(load_2x2(&alone).unwrap().classes, ["cats"]);
}

#[test]
fn files_of_other_kinds_are_counted() {
    let pictures = [
        ("train/a/1.png", 1),
        ("train/b/1.png", 2),
        ("test/a/1.png", 3),
    ];
    let others: [(&str, &[u8]); 5] = [
        ("train/a/2.GIF", b"x"),
        ("train/b/more/3.gif", b"x"),
        ("test/a/2.heic", b"x"),
        ("test/a/notes", b"x"),
        ("train/a/.hidden", b"x"),
    ];
    let mixed = folder(&pictures, &others);
    let warnings = load_2x2(&mixed).unwrap().warnings;
    assert_eq!(warnings.len(), 1);
    let message = format!(
        "`{}`: 4 files of its class folders are passed over: gif (2), heic (1), without an ending (1)",
        mixed.path().display()
    );
    assert_eq!(warnings[0].message, message);
    assert_eq!(
        warnings[0].helps,
        ["pictures end in png, jpg, jpeg, webp, bmp"]
    );
    assert!(
        load_2x2(&folder(&pictures, &[]))
            .unwrap()
            .warnings
            .is_empty()
    );
    let none = folder(&pictures[..1], &[("train/b/1.gif", b"x")]);
    let error = load_2x2(&none).err().unwrap();
    assert_eq!(error.diagnostics[0].notes, ["its files are gif (1)"]);
}

#[test]
fn faults_of_all_splits_are_told_together() {
    let pictures = [
        ("train/a/1.png", 1),
        ("test/c/1.png", 2),
        ("val/d/1.png", 3),
    ];
    let folder = folder(&pictures, &[("train/b/1.txt", b"x")]);
    let error = load_2x2(&folder).err().unwrap();
    let told: Vec<&str> = (error.diagnostics.iter())
        .map(|diagnostic| &diagnostic.message[..9])
        .collect();
    assert_eq!(told, ["class `b`", "class `d`", "class `c`"]);
}
