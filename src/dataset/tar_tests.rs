use std::fs;

use ::tar::{Builder, Header};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

/// An archive of files; a name that ends in `/` is a folder.
pub(crate) fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (name, content) in files {
        append(&mut builder, name, content, EntryType::Regular);
    }
    builder.into_inner().unwrap()
}

/// Writes a name as it is, unsafe ones too.
fn append(builder: &mut Builder<Vec<u8>>, name: &str, content: &[u8], kind: EntryType) {
    let mut header = Header::new_gnu();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(if name.ends_with('/') {
        EntryType::Directory
    } else {
        kind
    });
    header.set_size(content.len() as u64);
    header.set_cksum();
    builder.append(&header, content).unwrap();
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn open_bytes(bytes: &[u8]) -> Result<(Arc<Archive>, Vec<Entry>)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tar");
    fs::write(&path, bytes).unwrap();
    open(&path)
}

fn contents(archive: &Archive, entries: &[Entry]) -> Vec<(String, String)> {
    let read = |entry: &Entry| {
        let mut text = String::new();
        let mut reader = archive.reader(entry.place?);
        reader.read_to_string(&mut text).unwrap();
        Some((entry.path.display().to_string(), text))
    };
    entries.iter().filter_map(read).collect()
}

#[test]
fn files_are_read_in_place_packed_or_not() {
    let long = format!("{}/c.txt", "long".repeat(23));
    let bytes = tar(&[
        ("a/", b""),
        ("./a/one.txt", b"1"),
        ("b/two.txt", &[b'2'; 700]),
        (&long, b"3"),
    ]);
    for bytes in [gzip(&bytes), bytes] {
        let (archive, entries) = open_bytes(&bytes).unwrap();
        assert_eq!(entries.len(), 4);
        assert_eq!(entries[0].place, None);
        let expected = [
            ("a/one.txt".to_owned(), "1".to_owned()),
            ("b/two.txt".to_owned(), "2".repeat(700)),
            (long.clone(), "3".to_owned()),
        ];
        assert_eq!(contents(&archive, &entries), expected);
    }
}

#[test]
fn names_of_any_length_are_read() {
    let name = format!("a/{}.png", "n".repeat(300));
    let mut builder = Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.set_size(2);
    builder.append_data(&mut header, &name, &b"ok"[..]).unwrap();
    let (archive, entries) = open_bytes(&builder.into_inner().unwrap()).unwrap();
    assert_eq!(contents(&archive, &entries), [(name, "ok".to_owned())]);
}

#[test]
fn links_and_devices_are_passed_over() {
    let mut builder = Builder::new(Vec::new());
    for kind in [
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Char,
        EntryType::Block,
        EntryType::Fifo,
    ] {
        let mut header = Header::new_gnu();
        header.set_path("a/evil").unwrap();
        header.set_entry_type(kind);
        header.set_size(0);
        header.set_link_name_literal("/etc/passwd").unwrap();
        header.set_cksum();
        builder.append(&header, &b""[..]).unwrap();
    }
    append(&mut builder, "a/1", b"x", EntryType::Continuous);
    let (_, entries) = open_bytes(&builder.into_inner().unwrap()).unwrap();
    let paths: Vec<_> = entries.iter().map(|entry| entry.path.clone()).collect();
    assert_eq!(paths, [PathBuf::from("a/1")]);
}

#[track_caller]
fn check_fault(bytes: &[u8], expected: &str) {
    let error = open_bytes(bytes).map(|(_, entries)| entries).unwrap_err();
    assert_eq!(error.kind.exit_code(), 3);
    let message = error.to_string();
    let (_, what) = message.split_once("x.tar` ").unwrap();
    assert_eq!(what, expected);
    assert_eq!(error.diagnostics[0].helps.len(), 1);
}

#[test]
fn faults_name_the_entry() {
    check_fault(b"", "is empty");
    check_fault(b"PK\x03\x04", "is a zip archive, expected .tar or .tar.gz");
    check_fault(b"BZh9", "is packed with bzip2, expected .tar or .tar.gz");
    check_fault(&[0; 1024], "holds no files");
    check_fault(&tar(&[("a/", b"")]), "holds no files");
    for name in ["../evil.png", "a/../../evil.png", "/tmp/evil.png"] {
        let what = format!("holds `{name}`, a path that leads out of it");
        check_fault(&tar(&[("a/1.png", b"1"), (name, b"x")]), &what);
    }
    let whole = tar(&[("a/1.png", &[1; 600]), ("a/2.png", &[2; 600])]);
    let cut = "is truncated: its entry `a/2.png` is not whole";
    check_fault(&whole[..512 * 4 + 100], cut);
    let packed = gzip(&whole);
    check_fault(
        &packed[..packed.len() - 9],
        "is truncated: its gzip stream ends too early",
    );
    let mut flipped = whole.clone();
    flipped[512 * 3 + 3] ^= 1;
    let message = open_bytes(&flipped).map(|_| ()).unwrap_err().to_string();
    assert!(
        message.contains("x.tar` is damaged after `a/1.png`: "),
        "{message}"
    );
    let message = open_bytes(&[b'x'; 2000])
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("x.tar` is not a tar archive: "),
        "{message}"
    );
}

#[test]
fn a_name_without_end_is_refused() {
    let mut builder = Builder::new(Vec::new());
    append(
        &mut builder,
        "long",
        &vec![b'n'; 3 << 20],
        EntryType::GNULongName,
    );
    append(&mut builder, "a/1", b"x", EntryType::Regular);
    let message = open_bytes(&gzip(&builder.into_inner().unwrap()));
    let message = message.map(|_| ()).unwrap_err().to_string();
    assert!(message.contains("its header is over 1 MiB"), "{message}");
}

#[test]
fn what_expands_without_bound_is_refused() {
    let packed = gzip(&vec![0; 1 << 20]);
    let error = unpack(Path::new("x.tar.gz"), &packed[..], 1 << 19).map(|_| ());
    assert_eq!(
        error.unwrap_err().to_string(),
        "`x.tar.gz` expands to more than 200 times its size"
    );
    assert!(unpack(Path::new("x.tar.gz"), &packed[..], 1 << 20).is_ok());
}

#[test]
fn paths_without_end_are_refused() {
    for path in ["a/".repeat(120) + "1.png", "n".repeat(5000)] {
        let mut builder = Builder::new(Vec::new());
        let mut header = Header::new_gnu();
        header.set_size(1);
        builder.append_data(&mut header, &path, &b"x"[..]).unwrap();
        let error = open_bytes(&builder.into_inner().unwrap()).unwrap_err();
        assert!(
            error.to_string().contains("holds a path of over"),
            "{error}"
        );
    }
}
