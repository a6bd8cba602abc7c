//! Damaged files of every format: never a panic, always an error about the data.

use std::fs;

use super::picture::tests::{grey_png, preprocessing};
use super::tar::tests::{gzip, tar};
use super::tests::{asked, request};
use super::{Request, load_path, npy, wav};
use crate::random::{Purpose, Random};

/// Damaged files of each kind.
const COUNT: u64 = 150;

/// Cuts, flips, overwrites or repeats; what is done depends on the key alone.
fn damaged(whole: &[u8], key: u64) -> Vec<u8> {
    let mut random = Random::new(Purpose::Noise, &[key]);
    let mut bytes = whole.to_vec();
    for _ in 0..=random.below(3) {
        let len = bytes.len() as u64;
        let at = random.below(len.max(1)) as usize;
        match random.below(6) {
            0 => bytes.truncate(at),
            1 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
            2 => {
                for byte in bytes.iter_mut().skip(at).take(8) {
                    *byte = 0xff;
                }
            }
            3 => {
                for byte in bytes.iter_mut().skip(at).take(4) {
                    *byte = random.bits() as u8;
                }
            }
            4 => {
                let part = bytes.get(at..).unwrap_or_default().to_vec();
                bytes.extend(part);
            }
            _ => {
                let more = (0..random.below(64)).map(|_| random.bits() as u8);
                bytes.extend(more.collect::<Vec<_>>());
            }
        }
    }
    bytes
}

/// Loads damaged files under a name; the whole one must load.
#[track_caller]
fn check(name: &str, whole: &[u8], request: &Request) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    // One array is no data set: its folder is.
    let source = if name == "x_train.npy" {
        let labels = npy::tests::npy("|u1", false, &[3], &[0, 1, 0]);
        fs::write(folder.path().join("y_train.npy"), labels).unwrap();
        folder.path()
    } else {
        path.as_path()
    };
    fs::write(&path, whole).unwrap();
    load_path(source, request).map(|_| ()).unwrap();
    let mut failed = 0;
    for key in 0..COUNT {
        fs::write(&path, damaged(whole, key)).unwrap();
        if let Err(error) = load_path(source, request) {
            assert_eq!(error.kind.exit_code(), 3, "{error}");
            assert!(!error.diagnostics.is_empty() && error.diagnostics.len() <= 10);
            failed += 1;
        }
    }
    assert!(failed > COUNT / 3, "only {failed} were found to be damaged");
}

#[test]
fn arrays() {
    let x = npy::tests::npy("<f4", false, &[3, 4], &[0; 48]);
    check("x_train.npy", &x, &asked(&[1, 4]));
    let y = npy::tests::npy("|u1", false, &[3], &[0, 1, 0]);
    for method in [
        zip::CompressionMethod::Stored,
        zip::CompressionMethod::Deflated,
    ] {
        let arrays = [("x.npy", x.clone()), ("y.npy", y.clone())];
        check(
            "x.npz",
            &super::arrays::tests::npz(&arrays, method),
            &asked(&[1, 4]),
        );
    }
}

#[test]
fn archives() {
    let picture = grey_png(2, 2, &[7; 4]);
    let whole = tar(&[("a/1.png", &picture), ("b/2.png", &picture)]);
    check("x.tar", &whole, &asked(&[1, 2, 2]));
    check("x.tar.gz", &gzip(&whole), &asked(&[1, 2, 2]));
}

#[test]
fn tables() {
    let rows: String = (0..9)
        .map(|row| format!("{},1,2.5,\"3\"\r\n", row % 3))
        .collect();
    let whole = format!("label,a,b,c\r\n{rows}");
    check("x.csv", whole.as_bytes(), &asked(&[1, 3]));
}

#[test]
fn records() {
    let record = |fine: u8| [vec![1, fine], vec![9; 3072]].concat();
    let whole = [record(3), record(99)].concat();
    let mut colour = request("");
    colour.preprocessing = preprocessing(3, 32, 32);
    // Pixels can be anything: of the damage, only cuts, additions and labels can be found.
    let folder = tempfile::tempdir().unwrap();
    for key in 0..COUNT {
        fs::write(folder.path().join("train.bin"), damaged(&whole, key)).unwrap();
        if let Err(error) = load_path(folder.path(), &colour) {
            assert_eq!(error.kind.exit_code(), 3, "{error}");
        }
    }
}

#[test]
fn sounds() {
    for bits in [0, 8, 16, 24, 32] {
        let whole = wav::tests::wav(2, bits, &[1, 2, 3, 4, 5, 6]);
        assert!(wav::decode(&whole, 2, 3).is_ok());
        for key in 0..COUNT {
            if let Ok(signal) = wav::decode(&damaged(&whole, key), 2, 3) {
                assert_eq!(signal.len(), 6);
                assert!(signal.iter().all(|value| value.is_finite()));
            }
        }
    }
}

#[test]
fn what_is_no_file_of_its_kind() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["x.csv", "x.npz", "x.tar", "x.tar.gz", "x.tgz"] {
        for key in 0..40 {
            let mut random = Random::new(Purpose::Noise, &[key, 1]);
            let content: Vec<u8> = (0..random.below(2000))
                .map(|_| random.bits() as u8)
                .collect();
            let path = folder.path().join(name);
            fs::write(&path, content).unwrap();
            let error = load_path(&path, &asked(&[1, 4])).map(|_| ()).unwrap_err();
            assert_eq!(error.kind.exit_code(), 3, "{error}");
        }
    }
}
