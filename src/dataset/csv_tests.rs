use super::*;
use crate::dataset::samples::Targets;

const CLASSES: Wanted<'_> = Wanted {
    folder: None,
    task: Task::Classes,
    targets: &[],
    width: 3,
    classes: None,
};

fn read_with(text: &str, wanted: &Wanted<'_>) -> std::result::Result<Table, Vec<String>> {
    read("t.csv", text.as_bytes(), wanted).map_err(|error| {
        let messages = error.diagnostics.into_iter();
        messages.map(|one| one.message).collect()
    })
}

fn paths(table: &Table) -> Vec<String> {
    match &table.content {
        Content::Paths(paths) => {
            let shown = paths.iter().map(|path| path.display().to_string());
            shown.collect()
        }
        Content::Values(_) => panic!("values"),
    }
}

fn classes(table: &Table) -> (Vec<&str>, &[u32]) {
    let names = table.labels.names.iter().map(String::as_str).collect();
    (names, table.labels.targets.classes())
}

#[test]
fn paths_and_labels_are_read_with_and_without_a_header() {
    for text in [
        "path,label\na/1.png,cat\n\"b, c.png\",ant\na/3.png,cat\n",
        "a/1.png,cat\n\"b, c.png\",ant\na/3.png,cat",
        "\u{feff}label , extra, Filename\r\ncat,1,a/1.png\r\nant,2,\"b, c.png\"\r\n\r\ncat,3, a/3.png\r\n",
    ] {
        let table = read_with(text, &CLASSES).unwrap();
        assert_eq!(paths(&table), ["a/1.png", "b, c.png", "a/3.png"]);
        assert_eq!(classes(&table), (vec!["ant", "cat"], &[1, 0, 1][..]));
        assert_eq!(table.splits, None);
    }
}

#[test]
fn a_column_can_tell_the_split() {
    let text = "image,class,split\n1.png,a,train\n2.png,b,TEST\n3.png,a,val\n";
    let expected = [Split::Train, Split::Test, Split::Validation];
    let table = read_with(text, &CLASSES).unwrap();
    assert_eq!(table.splits.as_deref(), Some(&expected[..]));
    let table = read_with("1.png,a,train\n2.png,b,test\n", &CLASSES).unwrap();
    assert_eq!(table.splits.unwrap().len(), 2);
}

#[test]
fn values_are_bytes_or_floats() {
    let with = |text: &str| read_with(text, &CLASSES).unwrap();
    let table = with("label,pixel0,pixel1,pixel2\n7,0,128,255\n0,1,2.0,3\n");
    let bytes = Numbers::Bytes(vec![0, 128, 255, 1, 2, 3]);
    assert_eq!(table.content, Content::Values(bytes));
    assert_eq!(table.labels.targets.classes(), [7, 0]);
    assert_eq!(table.labels.names.len(), 8);
    let table = with("b,0,1,2\na,3,-1.5,4e2\n");
    let floats = Numbers::Floats(vec![0.0, 1.0, 2.0, 3.0, -1.5, 400.0]);
    assert_eq!(table.content, Content::Values(floats));
    assert_eq!(classes(&table), (vec!["a", "b"], &[1, 0][..]));
    let table = with("species,x,y1,z\na,1,2,3\n");
    assert_eq!(table.labels.names, ["a"]);
    let table = with("x0,x1,x2,label\n1,2,3,1.0\n4,5,6,0\n");
    assert_eq!(classes(&table), (vec!["0", "1"], &[1, 0][..]));
}

#[test]
fn numbers_and_several_labels_are_learnt() {
    let mut wanted = Wanted {
        task: Task::Values,
        ..CLASSES
    };
    let names = ["price".to_owned(), "age".to_owned()];
    wanted.targets = &names;
    let table = read_with("path,age,price\n1.png,3,1.5\n2.png,4,-2\n", &wanted).unwrap();
    let values = |width, values: &[f32]| Targets::Values {
        width,
        values: values.into(),
    };
    assert_eq!(table.labels.targets, values(2, &[1.5, 3.0, -2.0, 4.0]));
    assert_eq!(table.labels.names, ["price", "age"]);
    wanted.task = Task::Labels;
    let table = read_with("path,age,price\n1.png,0,1\n2.png,1,1\n", &wanted).unwrap();
    assert_eq!(table.labels.targets, values(2, &[1.0, 0.0, 1.0, 1.0]));
    wanted.targets = &[];
    let table = read_with(
        "path,labels\n1.png,sea|sky\n2.png,\n3.png, sky ; dog\n",
        &wanted,
    )
    .unwrap();
    assert_eq!(table.labels.names, ["dog", "sea", "sky"]);
    let marks = [0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0];
    assert_eq!(table.labels.targets, values(3, &marks));
}

#[track_caller]
fn check_faults(text: &str, expected: &[&str]) {
    let faults = read_with(text, &CLASSES).unwrap_err();
    assert_eq!(faults, expected);
}

#[test]
fn faults_name_the_line() {
    check_faults("", &["`t.csv` is empty"]);
    check_faults("path,label\n", &["`t.csv` has a header and no rows"]);
    check_faults(
        "\r\n\npath,label\n1.png,a\n2.png,\r\n \r\n,b\n4.png,b,c\n\"5\n.png\",\n\n9.png,",
        &[
            "`t.csv` line 5: has no label in column `label`",
            "`t.csv` line 7: has no path",
            "`t.csv` line 8: has 3 columns, expected 2 as in the first line",
            "`t.csv` line 9: has no label in column `label`",
            "`t.csv` line 12: has no label in column `label`",
        ],
    );
    check_faults(
        "0,1,2,3\n1,1,x,3\n2,,2,3\n3,1,2,inf\n",
        &[
            "`t.csv` line 2: `x` in column 3 is not a number",
            "`t.csv` line 3: `` in column 2 is not a number",
            "`t.csv` line 4: `inf` in column 4 is not a number",
        ],
    );
    check_faults(
        "path,label\n1.png,0\n2.png,-1\n3.png,70000\n",
        &[
            "`t.csv` line 3: the label -1 is out of range, expected a whole number from 0",
            "`t.csv` line 4: the label 70000 is out of range, expected a whole number from 0",
        ],
    );
    check_faults(
        "path,label,split\n1.png,0,tests\n",
        &["`t.csv` line 2: `tests` is no split"],
    );
    check_faults("path,size\n1.png,0\n", &["`t.csv` has no column of labels"]);
    check_faults(
        "label,p0,p1\n0,1,2\n",
        &["`t.csv` has 2 values a row beside the label, the input takes 3"],
    );
    check_faults(
        "path;label\n1.png;0\n",
        &["`t.csv` has no commas: its columns are separated by ';'"],
    );
    check_faults(
        "\u{1f}",
        &["`t.csv` has 0 values a row beside the label, the input takes 3"],
    );
}

#[test]
fn a_listed_file_that_is_missing_and_an_open_quote_have_their_lines() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("1.png"), "").unwrap();
    let wanted = Wanted {
        folder: Some(folder.path()),
        ..CLASSES
    };
    assert_eq!(
        read_with("path,label\n1.png,a\n2.png,b\n", &wanted).unwrap_err(),
        ["`t.csv` line 3: there is no file `2.png`"]
    );
    let text = "label,p0,p1,p2\n0,1,2,3\n\"1,5,6,7\n0,5,6,7\n";
    assert_eq!(
        read_with(text, &CLASSES).unwrap_err(),
        ["`t.csv` line 3: a quote is opened and never closed"]
    );
}

#[test]
fn labels_beyond_the_outputs_are_told() {
    let wanted = Wanted {
        classes: Some(10),
        ..CLASSES
    };
    assert_eq!(
        read_with("path,label\n1.png,9\n2.png,10\n", &wanted).unwrap_err(),
        [
            "`t.csv` line 3: the label 10 is out of range, expected 0 to 9, as the network has 10 outputs"
        ]
    );
}

#[test]
fn ten_faults_are_told_and_the_mend_once() {
    let rows: String = (0..25).map(|row| format!("{row}.png,\n")).collect();
    let error = read("t.csv", format!("path,label\n{rows}").as_bytes(), &CLASSES).unwrap_err();
    assert_eq!(error.diagnostics.len(), 10);
    assert_eq!(error.diagnostics[9].notes, ["and 15 more"]);
    assert_eq!(error.diagnostics[9].helps.len(), 1);
    assert!(error.diagnostics[8].helps.is_empty());
}

#[test]
fn other_files_are_refused() {
    let fault = |bytes: &[u8]| read("t.csv", bytes, &CLASSES).unwrap_err().to_string();
    assert_eq!(
        fault(b"\xff\xfep\0a\0"),
        "`t.csv` is UTF-16 text, expected UTF-8"
    );
    assert_eq!(
        fault(b"\x1f\x8b\x08\0"),
        "`t.csv` is a packed file, expected a table of text"
    );
    let endless = io::repeat(b'a').take(1 << 27);
    let error = read("t.csv", endless, &CLASSES).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`t.csv` cannot be read after line 1: a row is over 64 MiB"
    );
}

#[test]
fn text_that_is_not_utf8_is_refused_with_its_line() {
    let fault = |bytes: &[u8]| {
        let error = read("t.csv", bytes, &CLASSES).unwrap_err();
        let last = error.diagnostics.last().unwrap();
        assert_eq!(last.helps, ["save it as \"CSV UTF-8\""]);
        error.diagnostics[0].message.clone()
    };
    // `café` and `cafè` of Latin 1 would both be read as `caf\u{fffd}`.
    assert_eq!(
        fault(b"path,label\n1.png,dog\n2.png,caf\xe9\n3.png,caf\xe8\n"),
        "`t.csv` line 3: `caf\u{fffd}` is not UTF-8 text"
    );
    assert_eq!(
        fault(b"path,label,pr\xeds\n1.png,dog,1\n"),
        "`t.csv` line 1: `pr\u{fffd}s` is not UTF-8 text"
    );
    let table = read_with("path,label\n1.png,café\n2.png,cafè\n", &CLASSES).unwrap();
    assert_eq!(classes(&table).0, ["cafè", "café"]);
}

#[test]
fn a_column_that_matters_comes_once() {
    let fault = |text: &str, wanted: &Wanted<'_>| read_with(text, wanted).unwrap_err();
    for (text, name) in [
        ("path,label,label\n1.png,a,b\n", "label"),
        ("Path,label,path\n1.png,a,2.png\n", "Path"),
        ("split,label,p1,p2,p3,split\ntrain,a,1,2,3,test\n", "split"),
    ] {
        let expected = format!("`t.csv` has 2 columns called `{name}`");
        assert_eq!(fault(text, &CLASSES), [expected]);
    }
    let names = ["price".to_owned()];
    let wanted = Wanted {
        targets: &names,
        task: Task::Values,
        ..CLASSES
    };
    let text = "path,price,price\n1.png,1,2\n";
    let expected = "`t.csv` has 2 columns called `price`";
    assert_eq!(fault(text, &wanted), [expected]);
    // What is not read may come as often as it likes; so may columns of pixels.
    let text = "path,label,note,note\n1.png,a,x,y\n2.png,b,x,y\n";
    assert!(read_with(text, &CLASSES).is_ok());
    assert!(read_with("label,p,p,p\na,1,2,3\nb,1,2,3\n", &CLASSES).is_ok());
    // Nor does a column of labels matter where the config names another.
    let text = "path,label,label,price\n1.png,a,b,2\n";
    assert!(read_with(text, &wanted).is_ok());
}

#[test]
fn columns_the_config_names_must_be_there() {
    let names = ["prize".to_owned()];
    let wanted = Wanted {
        targets: &names,
        ..CLASSES
    };
    let error = read("t.csv", &b"path,price\n1.png,2\n"[..], &wanted).unwrap_err();
    assert_eq!(error.to_string(), "`t.csv` has no column `prize`");
    assert_eq!(
        error.diagnostics[0].notes,
        ["its first line begins `path`, `price`"]
    );
    let error = read("t.csv", &b"1.png,2\n"[..], &wanted).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`t.csv` has no header, and `target` names columns"
    );
}
