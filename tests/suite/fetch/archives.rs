//! Archives that are unpacked to what is known of them.

use std::fs;
use std::io::Write as _;

use cnn::diagnostic::Kind;
use cnn::fetch::{Archive, Set};

use super::{Shelf, content, error, good, pinned};

/// One entry of an archive; the name is taken as it is, whatever it says.
fn entry(archive: &mut tar::Builder<Vec<u8>>, kind: tar::EntryType, name: &str, bytes: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(bytes.len() as u64);
    if kind.is_symlink() || kind.is_hard_link() {
        header.set_link_name("/etc/passwd").unwrap();
    }
    header.set_cksum();
    archive.append(&header, bytes).unwrap();
}

fn packed(fill: impl FnOnce(&mut tar::Builder<Vec<u8>>)) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    fill(&mut archive);
    let tar = archive.into_inner().unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&tar).unwrap();
    gzip.finish().unwrap()
}

fn things(archive: &[u8], member: &[u8]) -> Set {
    Set {
        name: "things",
        mirrors: &[],
        files: vec![pinned("things.tar.gz", archive)].leak(),
        archive: Some(Archive {
            folder: "things-bin",
            members: vec![pinned("train.bin", member)].leak(),
            texts: &["names.txt"],
        }),
    }
}

#[test]
fn an_archive_is_unpacked_to_what_is_known_of_it() {
    use tar::EntryType::{Directory, Regular, Symlink};
    let member = content(17);
    let archive = packed(|tar| {
        entry(tar, Directory, "things-bin/", b"");
        entry(tar, Regular, "../outside.bin", b"x");
        entry(tar, Regular, "/tmp/cnn-fetch-outside.bin", b"x");
        entry(tar, Symlink, "things-bin/link", b"");
        entry(tar, Regular, "things-bin/readme.html", b"x");
        entry(tar, Regular, "things-bin/train.bin", &member);
        entry(tar, Regular, "things-bin/names.txt", b"cat\ndog\n");
        entry(tar, Regular, "things-bin/../train.bin", b"other");
    });
    let set = things(&archive, &member);
    let server = good(archive.clone());
    let mut shelf = Shelf::new();
    shelf.fetch(&set, &[&server]).unwrap();
    assert_eq!(shelf.lab.names("sets"), ["things"]);
    assert_eq!(shelf.lab.names("sets/things"), ["names.txt", "train.bin"]);
    assert!(shelf.lab.read("sets/things/train.bin") == member);
    assert_eq!(shelf.lab.text("sets/things/names.txt"), "cat\ndog\n");
    assert_eq!(shelf.lab.names(""), ["sets"], "nothing beside it");
    assert!(shelf.fetch(&set, &[&server]).unwrap().already);
    // Killed when all was unpacked, and before it had its name.
    fs::rename(
        shelf.lab.path("sets/things"),
        shelf.lab.path("sets/things.part"),
    )
    .unwrap();
    assert!(!shelf.fetch(&set, &[&server]).unwrap().already);
    assert_eq!(shelf.lab.names("sets"), ["things"]);
    // Killed when all had come, and before it was unpacked.
    fs::remove_dir_all(shelf.lab.path("sets/things")).unwrap();
    shelf.lab.write("sets/things.part/things.tar.gz", &archive);
    shelf.fetch(&set, &[&server]).unwrap();
    assert_eq!(shelf.lab.names("sets/things"), ["names.txt", "train.bin"]);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn an_archive_of_another_making_is_refused() {
    use tar::EntryType::{Link, Regular, Symlink};
    let member = content(18);
    let name = "things-bin/train.bin";
    let bomb = vec![0; 1 << 22];
    let archives: [(&str, Vec<u8>); 6] = [
        (
            "holds `train.bin`, which is no plain file",
            packed(|tar| entry(tar, Symlink, name, b"")),
        ),
        (
            "holds `train.bin`, which is no plain file",
            packed(|tar| entry(tar, Link, name, b"")),
        ),
        (
            "holds a `train.bin` of more than 300000 bytes",
            packed(|tar| entry(tar, Regular, name, &bomb)),
        ),
        (
            "holds another `train.bin` than expected",
            packed(|tar| entry(tar, Regular, name, b"other")),
        ),
        (
            "does not hold `names.txt`",
            packed(|tar| entry(tar, Regular, name, &member)),
        ),
        ("is no whole archive", b"no gzip at all".to_vec()),
    ];
    for (expected, archive) in archives {
        let set = things(&archive, &member);
        let server = good(archive);
        let mut shelf = Shelf::new();
        let said = error(shelf.fetch(&set, &[&server]), Kind::Data);
        assert!(said.contains(expected), "{said}");
        assert_eq!(shelf.lab.names("sets"), ["things.part"], "{expected}");
        assert!(!shelf.lab.path("sets/things").exists());
    }
}
