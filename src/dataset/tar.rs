//! Archives of files, read by index: nothing is ever written under a name that an archive holds.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use ::tar::EntryType;
use flate2::bufread::MultiGzDecoder;
use tempfile::{SpooledData, SpooledTempFile};

use crate::diagnostic::{Diagnostic, Error, Result};

/// An unpacked archive up to this size is kept in memory, a larger one in a file without a name.
const MEMORY_BYTES: usize = 256 << 20;
/// A packed archive expands to so many times its size at most, and a gigabyte more.
const MAX_EXPANSION: u64 = 200;
const MAX_ENTRIES: usize = 10_000_000;
/// The longest path, as most systems have it, and the folders in it: each is written down with all above it.
const MAX_PATH_BYTES: usize = 4096;
const MAX_FOLDERS: usize = 100;
/// Headers of one entry, long names among them.
const MAX_HEADER_BYTES: u64 = 1 << 20;

/// The bytes of an archive, unpacked.
#[derive(Debug)]
pub(super) enum Archive {
    /// In memory.
    Memory(Vec<u8>),
    /// In a file that stays open.
    File(File),
}

/// A file of an archive, or a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its path in the archive: names alone, without `.`, `..` and a root.
    pub(super) path: PathBuf,
    /// Where its bytes lie; nowhere if it is a folder.
    pub(super) place: Option<Place>,
}

/// Where in an archive the bytes of a file lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) offset: u64,
    pub(super) size_bytes: u64,
}

/// Opens an archive, unpacks it where it is packed, and lists what is in it.
///
/// Links and devices are passed over.
///
/// # Errors
/// A diagnostic with the name of the entry: the archive is damaged or ends too early, an entry has a path that leads
/// out of it, there are too many; or that the archive cannot be read.
pub(super) fn open(path: &Path) -> Result<(Arc<Archive>, Vec<Entry>)> {
    let failed = |error: io::Error| Error::io("read", path, &error);
    let mut file = File::open(path).map_err(failed)?;
    let size_bytes = file.metadata().map_err(failed)?.len();
    let mut start = Vec::new();
    Read::by_ref(&mut file)
        .take(6)
        .read_to_end(&mut start)
        .map_err(failed)?;
    file.rewind().map_err(failed)?;
    let name = path.display().to_string();
    let (archive, cut) = match start[..] {
        [] => return Err(fault(&name, "is empty", MAKE_AGAIN)),
        [0x1f, 0x8b, ..] => {
            let most = size_bytes
                .saturating_mul(MAX_EXPANSION)
                .saturating_add(1 << 30);
            unpack(path, BufReader::new(file), most)?
        }
        [b'B', b'Z', b'h', ..] => return Err(packed(&name, "bzip2", "bunzip2")),
        [0xfd, b'7', b'z', ..] => return Err(packed(&name, "xz", "unxz")),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => return Err(packed(&name, "zstd", "unzstd")),
        [b'P', b'K', ..] => {
            let help = "unpack it into a folder, and set `source` in `[data]` to that";
            return Err(fault(
                &name,
                "is a zip archive, expected .tar or .tar.gz",
                help,
            ));
        }
        _ => (Archive::File(file), None),
    };
    let entries = list(&name, &archive)?;
    match cut {
        Some(what) => Err(fault(&name, &what, MAKE_AGAIN)),
        None => Ok((Arc::new(archive), entries)),
    }
}

const MAKE_AGAIN: &str = "fetch or make the archive again";

fn fault(name: &str, what: &str, help: &str) -> Error {
    Error::data(Diagnostic::error(format!("`{name}` {what}")).help(help))
}

fn packed(name: &str, format: &str, tool: &str) -> Error {
    let what = format!("is packed with {format}, expected .tar or .tar.gz");
    fault(
        name,
        &what,
        &format!("unpack it first: `{tool}` leaves the .tar"),
    )
}

/// Unpacks gzip; a stream that ends too early or is damaged leaves what came before, and the reason.
fn unpack(path: &Path, file: impl BufRead, most: u64) -> Result<(Archive, Option<String>)> {
    let mut reader = MultiGzDecoder::new(file);
    let mut spool = SpooledTempFile::new(MEMORY_BYTES);
    let mut buffer = vec![0; 1 << 16];
    let mut unpacked = 0;
    let mut cut = None;
    loop {
        let read = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                cut = Some("is truncated: its gzip stream ends too early".to_owned());
                break;
            }
            Err(error) => {
                cut = Some(format!("is not a whole gzip file: {error}"));
                break;
            }
        };
        unpacked += read as u64;
        if unpacked > most {
            let what = format!("expands to more than {MAX_EXPANSION} times its size");
            let help = "unpack it into a folder, and set `source` in `[data]` to that";
            return Err(fault(&path.display().to_string(), &what, help));
        }
        let part = buffer.get(..read).unwrap_or_default();
        spool.write_all(part).map_err(|error| {
            let folder = std::env::temp_dir();
            let mut error = Error::io("unpack the archive into", &folder, &error);
            for diagnostic in &mut error.diagnostics {
                diagnostic
                    .helps
                    .push("make room there, or set `TMPDIR` to a folder with more room".to_owned());
            }
            error
        })?;
    }
    let archive = match spool.into_inner() {
        SpooledData::InMemory(bytes) => Archive::Memory(bytes.into_inner()),
        SpooledData::OnDisk(file) => Archive::File(file),
    };
    Ok((archive, cut))
}

impl Archive {
    /// Returns a reader of the bytes at a place.
    pub(super) fn reader(&self, place: Place) -> Section<'_> {
        Section {
            archive: self,
            at: place.offset,
            end: place.offset.saturating_add(place.size_bytes),
        }
    }

    fn size_bytes(&self) -> io::Result<u64> {
        match self {
            Self::Memory(bytes) => Ok(bytes.len() as u64),
            Self::File(file) => Ok(file.metadata()?.len()),
        }
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        match self {
            Self::Memory(bytes) => {
                let mut cursor = Cursor::new(bytes);
                cursor.set_position(offset);
                cursor.read(buffer)
            }
            #[cfg(unix)]
            Self::File(file) => std::os::unix::fs::FileExt::read_at(file, buffer, offset),
            #[cfg(windows)]
            Self::File(file) => std::os::windows::fs::FileExt::seek_read(file, buffer, offset),
        }
    }
}

/// A part of an archive; several can be read at once.
#[derive(Debug)]
pub(super) struct Section<'a> {
    archive: &'a Archive,
    at: u64,
    end: u64,
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let len = buffer.len().min(left);
        let read = self.archive.read_at(&mut buffer[..len], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// The whole archive for the index: contents are passed over, headers may take so many bytes.
struct Headers<'a> {
    section: Section<'a>,
    left: &'a Cell<u64>,
}

impl Read for Headers<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.section.read(buffer)?;
        let left = self.left.get().checked_sub(read as u64);
        self.left
            .set(left.ok_or_else(|| io::Error::other("its header is over 1 MiB"))?);
        Ok(read)
    }
}

impl Seek for Headers<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.section.at.checked_add_signed(by),
            SeekFrom::End(by) => self.section.end.checked_add_signed(by),
        };
        self.section.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.section.at)
    }
}

fn list(name: &str, archive: &Archive) -> Result<Vec<Entry>> {
    let damaged = |what: &str| fault(name, what, MAKE_AGAIN);
    let size_bytes = archive
        .size_bytes()
        .map_err(|error| damaged(&format!("cannot be read: {error}")))?;
    let left = Cell::new(MAX_HEADER_BYTES);
    let whole = Place {
        offset: 0,
        size_bytes,
    };
    let mut reader = ::tar::Archive::new(Headers {
        section: archive.reader(whole),
        left: &left,
    });
    let mut entries: Vec<Entry> = Vec::new();
    let mut last: Option<PathBuf> = None;
    let after = |last: &Option<PathBuf>, error: &io::Error| match last {
        None => damaged(&format!("is not a tar archive: {error}")),
        Some(path) => damaged(&format!("is damaged after `{}`: {error}", path.display())),
    };
    let found = reader
        .entries_with_seek()
        .map_err(|error| after(&None, &error))?;
    for entry in found {
        let entry = entry.map_err(|error| after(&last, &error))?;
        left.set(MAX_HEADER_BYTES);
        let bytes = entry.path_bytes();
        let folders = bytes.split(|byte| *byte == b'/').count() - 1;
        if bytes.len() > MAX_PATH_BYTES || folders > MAX_FOLDERS {
            let what =
                format!("holds a path of over {MAX_PATH_BYTES} bytes or {MAX_FOLDERS} folders");
            return Err(fault(name, &what, "make it with shorter paths"));
        }
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        let path = entry.path().map_err(|error| after(&last, &error))?;
        let path = inner_path(&path).ok_or_else(|| {
            let what = format!("holds `{shown}`, a path that leads out of it");
            fault(
                name,
                &what,
                "make it with paths inside one folder: `tar -cf x.tar -C FOLDER .`",
            )
        })?;
        let place = Place {
            offset: entry.raw_file_position(),
            size_bytes: entry.size(),
        };
        last = Some(path.clone());
        let place = match entry.header().entry_type() {
            EntryType::Directory => None,
            // As archives of old write folders.
            EntryType::Regular if shown.ends_with('/') => None,
            EntryType::Regular | EntryType::Continuous => Some(place),
            EntryType::GNUSparse => {
                let what = format!("holds `{shown}` with its zeros left out");
                return Err(fault(name, &what, "make it without `--sparse`"));
            }
            _ => continue,
        };
        let end = place.map_or(0, |place| place.offset.saturating_add(place.size_bytes));
        if end > size_bytes {
            let what = format!("is truncated: its entry `{}` is not whole", path.display());
            return Err(damaged(&what));
        }
        if entries.len() == MAX_ENTRIES {
            let what = format!("has over {MAX_ENTRIES} entries");
            return Err(fault(name, &what, "split it into several"));
        }
        entries.push(Entry { path, place });
    }
    if entries.iter().all(|entry| entry.place.is_none()) {
        return Err(fault(
            name,
            "holds no files",
            "add a folder of files for each class",
        ));
    }
    Ok(entries)
}

/// Returns a path of names alone; none if it leads out.
fn inner_path(path: &Path) -> Option<PathBuf> {
    let mut inner = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => inner.push(name),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(inner)
}

#[cfg(test)]
#[path = "tar_tests.rs"]
pub(super) mod tests;
