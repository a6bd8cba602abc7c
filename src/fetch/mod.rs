//! Fetching the data sets that go by a name. Nothing else touches the network.
//!
//! A set is put together in `NAME.part`, file by file, each checked, and that folder is renamed to
//! `NAME` at the end: so the set is there whole or not at all. A process that is killed leaves the
//! folder, and the next one goes on with it.

mod catalogue;
mod client;
mod download;
mod unpack;

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

pub use catalogue::{Archive, Pinned, SETS, Set};

use self::client::Client;
use self::download::Downloader;
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::files;
use crate::run;

/// From where and to where.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Addresses in place of the set's own mirrors.
    pub mirrors: Vec<String>,
    /// The folder that the set's folder is made in.
    pub into: PathBuf,
    /// How long to wait for what.
    pub patience: Patience,
}

/// How long to wait for what, and how often to try again.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For the next byte.
    pub stall: Duration,
    /// Before the second try; twice as long before each further one that brings nothing.
    pub pause: Duration,
    /// Tries of one mirror that bring nothing.
    pub tries: u32,
}

/// What happens on the way.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// Fetching begins.
    Start {
        /// The set.
        name: &'a str,
        /// What there is to fetch.
        bytes: u64,
    },
    /// A file begins.
    File {
        /// Its name.
        name: &'a str,
        /// Its length.
        bytes: u64,
        /// How much of it is there from an earlier time.
        have: u64,
    },
    /// So much of the file is there.
    Bytes {
        /// The bytes.
        have: u64,
    },
    /// The same mirror is tried again.
    Again {
        /// What went wrong.
        reason: &'a str,
        /// The time until then.
        wait: Duration,
    },
    /// A mirror is given up.
    MirrorFailed {
        /// Its address and what went wrong.
        reason: &'a str,
    },
    /// An archive is unpacked.
    Unpack {
        /// Its name.
        name: &'a str,
    },
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Where the set is.
    pub folder: PathBuf,
    /// Whether it was there before.
    pub already: bool,
}

/// Fetches a set, unless it is there and whole.
///
/// # Errors
/// When no mirror has a file, what is there is another set than this, another process fetches it,
/// or the disk is full.
pub fn fetch(set: &Set, settings: &Settings, tell: &mut dyn FnMut(Event<'_>)) -> Result<Fetched> {
    let folder = settings.into.join(set.name);
    let found = |already| Fetched {
        folder: folder.clone(),
        already,
    };
    if is_there(set, &folder)? {
        return Ok(found(true));
    }
    let into = &settings.into;
    fs::create_dir_all(into).map_err(|error| Error::io("create", into, &error))?;
    let unfinished = into.join(format!("{}.part", set.name));
    fs::create_dir_all(&unfinished).map_err(|error| Error::io("create", &unfinished, &error))?;
    let busy = format!("`{}` is being fetched by another process", set.name);
    let busy = Diagnostic::error(busy).help("wait until it ends");
    let lock = run::lock(&unfinished, busy)?;
    // The one that held the lock may have ended just now.
    if is_there(set, &folder)? {
        let _ = fs::remove_dir(&unfinished);
        return Ok(found(true));
    }
    if let Err(error) = fill(set, settings, &unfinished, tell) {
        // Goes if nothing has come, stays with what has.
        let _ = fs::remove_dir(&unfinished);
        return Err(error);
    }
    files::rename_folder(&unfinished, &folder)?;
    // Not before: in between, another process would begin to fill the folder that is being renamed.
    drop(lock);
    Ok(found(false))
}

/// Brings all files of a set into a folder.
fn fill(
    set: &Set,
    settings: &Settings,
    folder: &Path,
    tell: &mut dyn FnMut(Event<'_>),
) -> Result<()> {
    if set.archive.is_some() && faults(set, folder)?.is_empty() {
        return Ok(());
    }
    tell(Event::Start {
        name: set.name,
        bytes: set.files.iter().map(|file| file.bytes).sum(),
    });
    let mirrors: Vec<&str> = if settings.mirrors.is_empty() {
        set.mirrors.to_vec()
    } else {
        settings.mirrors.iter().map(String::as_str).collect()
    };
    let mut downloader = Downloader {
        client: Client::new(&settings.patience)?,
        folder,
        mirrors,
        patience: settings.patience,
        tell,
    };
    for file in set.files {
        downloader.fetch(file)?;
    }
    let Some(archive) = &set.archive else {
        return Ok(());
    };
    for file in set.files {
        tell(Event::Unpack { name: file.name });
        let path = folder.join(file.name);
        unpack::unpack(&path, archive, folder)?;
        fs::remove_file(&path).map_err(|error| Error::io("remove", &path, &error))?;
    }
    Ok(())
}

/// Tells whether a set lies whole in its folder.
///
/// # Errors
/// When something else lies there, which is left alone.
fn is_there(set: &Set, folder: &Path) -> Result<bool> {
    if fs::symlink_metadata(folder).is_err() {
        return Ok(false);
    }
    let faults = faults(set, folder)?;
    if faults.is_empty() {
        return Ok(true);
    }
    let name = set.name;
    let message = format!("`{}` is there, and is not `{name}` whole", folder.display());
    let mut diagnostic = Diagnostic::error(message);
    diagnostic.notes = faults;
    let help =
        format!("move it away and run `cnn data fetch {name}` again, or use `--into FOLDER`");
    Err(Error::data(diagnostic.help(help)))
}

/// Tells what of a set is missing in a folder, or other than it should be.
///
/// # Errors
/// When a file in it cannot be read.
pub(crate) fn faults(set: &Set, folder: &Path) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for file in set.kept() {
        let path = folder.join(file.name);
        let name = file.name;
        let bytes = file.bytes;
        match fs::metadata(&path) {
            Err(_) => faults.push(format!("`{name}` is missing")),
            Ok(metadata) if metadata.len() != bytes => {
                let has = metadata.len();
                faults.push(format!("`{name}` has {has} bytes, expected {bytes}"));
            }
            Ok(_) => {
                let received = checksum(&path)?;
                if received != file.sha256 {
                    let expected = file.sha256;
                    faults.push(format!(
                        "`{name}` has SHA-256 {received}, expected {expected}"
                    ));
                }
            }
        }
    }
    let missing = |name: &&&str| !folder.join(name).is_file();
    let texts = set.texts().iter().filter(missing);
    faults.extend(texts.map(|name| format!("`{name}` is missing")));
    Ok(faults)
}

/// Tells whether a file is the one that is meant.
fn has_checksum(path: &Path, file: &Pinned) -> Result<bool> {
    let length = fs::metadata(path).map(|metadata| metadata.len());
    Ok(length.is_ok_and(|length| length == file.bytes) && checksum(path)? == file.sha256)
}

/// Returns the SHA-256 of a file in hex.
fn checksum(path: &Path) -> Result<String> {
    let failed = |error: &std::io::Error| Error::io("read", path, error);
    let mut file = File::open(path).map_err(|error| failed(&error))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => hasher.update(buffer.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(&error)),
        }
    }
    let bytes = hasher.finalize();
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
