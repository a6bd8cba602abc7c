//! Files that appear whole or not at all, one that grows by whole lines, and what was meant by a name that is none.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::diagnostic::{Error, Result};

/// Names of a folder that are looked at for the one that was meant.
const MOST_NAMES: usize = 10_000;

/// What unfinished files and folders are called, so that the next start finds and removes them.
const UNFINISHED: &str = ".unfinished-";

/// Writes a file: a reader sees the old content or the new, never a part. A link is followed; a
/// device or a pipe is written to as it is.
///
/// # Errors
/// When the disk is full or the folder cannot be written; the old file is then untouched.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |error: std::io::Error| Error::io("write", path, &error);
    let target = fs::canonicalize(path);
    let target = target.as_deref().unwrap_or(path);
    if fs::metadata(target).is_ok_and(|metadata| !metadata.is_file()) {
        let file = File::options().write(true).open(target);
        return file
            .and_then(|mut file| file.write_all(bytes))
            .map_err(failed);
    }
    let unfinished = unfinished(target);
    let attempt = write_through(&unfinished, bytes).and_then(|()| fs::rename(&unfinished, target));
    if let Err(error) = attempt {
        let _ = fs::remove_file(&unfinished);
        return Err(failed(error));
    }
    sync_folder(target);
    Ok(())
}

/// Reads a file of a run, which is no pipe or device and has `most` bytes at most.
///
/// # Errors
/// When it is not there, is no file, or is larger.
pub(crate) fn read(path: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    let found = fs::metadata(path)?;
    if found.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    if !found.is_file() {
        return Err(std::io::Error::other("it is not a regular file"));
    }
    if found.len() > most {
        let text = format!("it has {} bytes, {most} at most are read", found.len());
        return Err(std::io::Error::other(text));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads a text of a run, as [`read`] does.
///
/// # Errors
/// As [`read`], and when it is no UTF-8.
pub(crate) fn read_text(path: &Path, most: u64) -> std::io::Result<String> {
    String::from_utf8(read(path, most)?)
        .map_err(|error| std::io::Error::new(ErrorKind::InvalidData, error))
}

/// Proposes what a path at which there is nothing was most likely meant to be: of the names in its folder, the one most
/// like its own.
pub(crate) fn meant(path: &Path) -> Option<String> {
    if path.as_os_str().is_empty() || path.exists() {
        return None;
    }
    let mut likely = PathBuf::new();
    for part in path.components() {
        let next = likely.join(part);
        likely = if next.exists() {
            next
        } else {
            most_like(part.as_os_str(), &likely)?
        };
    }
    Some(format!("did you mean `{}`?", likely.display()))
}

/// Returns the path in a folder whose name is most like one that is not there.
fn most_like(name: &OsStr, folder: &Path) -> Option<PathBuf> {
    let is_here = folder.as_os_str().is_empty();
    let listed = if is_here { Path::new(".") } else { folder };
    let entries = fs::read_dir(listed).ok()?.take(MOST_NAMES).flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    // A link to nothing has the very name.
    let others = names.filter(|other| other.as_str() != name);
    let name = name.to_str()?;
    let near = others.filter_map(|other| Some((slips(name, &other)?, other)));
    Some(folder.join(near.min()?.1))
}

/// Counts the slips that make a name of the one that was meant; nothing where they are too many for that, or one is of
/// another number, as pictures in a row are.
fn slips(name: &str, meant: &str) -> Option<usize> {
    let digits = |name: &str| -> String { name.chars().filter(char::is_ascii_digit).collect() };
    let (own, other) = (digits(name), digits(meant));
    if own != other && !own.is_empty() && !other.is_empty() {
        return None;
    }
    let most = (Path::new(meant).file_stem()?.len() + 1) / 4;
    // A letter takes four bytes at most.
    if name.len().abs_diff(meant.len()) > 4 * most {
        return None;
    }
    let count = strsim::damerau_levenshtein(&name.to_lowercase(), &meant.to_lowercase());
    (count <= most).then_some(count)
}

/// Adds whole lines to a file that is there.
///
/// # Errors
/// When the disk is full or the file is gone; the file then ends where it did.
pub(crate) fn append(path: &Path, lines: &[u8]) -> Result<()> {
    let failed = |error: std::io::Error| Error::io("add to", path, &error);
    let mut file = File::options().append(true).open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let attempt = file.write_all(lines).and_then(|()| file.sync_data());
    attempt.map_err(|error| {
        let _ = file.set_len(length);
        failed(error)
    })
}

/// Writes a file that is not there yet; returns whether that was so.
///
/// # Errors
/// When the disk is full or the folder cannot be written; then there is no file.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<bool> {
    let mut file = match File::create_new(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(Error::io("create", path, &error)),
    };
    if let Err(error) = file.write_all(bytes) {
        let _ = fs::remove_file(path);
        return Err(Error::io("write", path, &error));
    }
    Ok(true)
}

/// Writes a folder of files that appears at `path` with all of them, or not at all.
///
/// # Errors
/// When the disk is full or the folder above cannot be written.
pub(crate) fn write_folder(path: &Path, files: &[(&str, &[u8])]) -> Result<()> {
    let unfinished = unfinished(path);
    let attempt = fs::create_dir(&unfinished)
        .and_then(|()| {
            files
                .iter()
                .try_for_each(|(name, bytes)| write_through(&unfinished.join(name), bytes))
        })
        .and_then(|()| File::open(&unfinished)?.sync_all())
        .and_then(|()| fs::rename(&unfinished, path));
    if let Err(error) = attempt {
        let _ = fs::remove_dir_all(&unfinished);
        return Err(Error::io("write", path, &error));
    }
    sync_folder(path);
    Ok(())
}

/// Gives a folder that is finished its name.
///
/// # Errors
/// When something has that name by now, or the folder above cannot be written.
pub(crate) fn rename_folder(from: &Path, to: &Path) -> Result<()> {
    if let Ok(folder) = File::open(from) {
        let _ = folder.sync_all();
    }
    fs::rename(from, to).map_err(|error| Error::io("create", to, &error))?;
    sync_folder(to);
    Ok(())
}

/// Locks a folder until the result is dropped; nothing if another process has it. A killed process
/// leaves no lock.
///
/// # Errors
/// When it is no folder, or the file system cannot lock.
pub(crate) fn lock_folder(folder: &Path) -> Result<Option<File>> {
    let lock = open_lock(folder)?;
    // Whoever looks whether it is held has it for a moment.
    for _ in 0..LOOKS {
        match lock.try_lock() {
            Ok(()) => return Ok(Some(lock)),
            Err(TryLockError::WouldBlock) => std::thread::sleep(A_LOOK),
            Err(TryLockError::Error(error)) => return Err(Error::io("lock", folder, &error)),
        }
    }
    Ok(None)
}

/// Tells whether a process has the lock of a folder.
///
/// # Errors
/// As those of [`lock_folder`].
pub(crate) fn is_locked(folder: &Path) -> Result<bool> {
    match open_lock(folder)?.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(Error::io("lock", folder, &error)),
    }
}

/// How often a lock is tried, and what lies between.
const LOOKS: u32 = 10;
const A_LOOK: Duration = Duration::from_millis(20);

fn open_lock(folder: &Path) -> Result<File> {
    let failed = |error| Error::io("open", folder, &error);
    // A pipe would be waited for.
    if !fs::metadata(folder).map_err(failed)?.is_dir() {
        return Err(failed(ErrorKind::NotADirectory.into()));
    }
    // Where folders cannot be opened the lock is a file beside it.
    if cfg!(unix) {
        File::open(folder).map_err(failed)
    } else {
        File::create(folder.with_extension("lock")).map_err(failed)
    }
}

/// Removes what a killed process left unfinished in a folder.
///
/// # Errors
/// When the folder cannot be read or something in it not removed.
pub(crate) fn remove_unfinished(folder: &Path) -> Result<()> {
    let entries = fs::read_dir(folder).map_err(|error| Error::io("read", folder, &error))?;
    for entry in entries.flatten() {
        let path = entry.path();
        if !entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            continue;
        }
        let removed = if path.is_dir() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        removed.map_err(|error| Error::io("remove", &path, &error))?;
    }
    Ok(())
}

fn unfinished(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{UNFINISHED}{name}"))
}

fn write_through(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes the rename last through a power cut; not every file system can, and that is no error.
fn sync_folder(path: &Path) {
    if let Some(folder) = path.parent()
        && let Ok(folder) = File::open(folder)
    {
        let _ = folder.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write(&path, b"old").unwrap();
        fs::create_dir(folder.path().join(".unfinished-file")).unwrap();
        assert!(write(&path, b"new").is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        remove_unfinished(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_path_was_meant_to_be_is_found_in_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("configs")).unwrap();
        fs::write(path("configs/lenet5.toml"), "").unwrap();
        let meant_by = |name: &str| meant(&path(name));
        let lenet = format!("did you mean `{}`?", path("configs/lenet5.toml").display());
        for name in [
            "configs/lenet.toml",
            "confgs/lenet5.toml",
            "Configs/lenet_5.toml",
        ] {
            assert_eq!(meant_by(name).as_ref(), Some(&lenet), "{name}");
        }
        for number in 1..20 {
            fs::write(path(&format!("configs/picture{number}.png")), "").unwrap();
        }
        for name in [
            "configs/lenet5.toml",
            "configs/lenet300.toml",
            "configs/picture.toml",
            "configs/picture21.png",
            "other/lenet5.toml",
        ] {
            assert_eq!(meant_by(name), None, "{name}");
        }
        assert_eq!(meant(Path::new("")), None);
        assert_eq!(meant(Path::new("/")), None);
        assert_eq!(meant(Path::new(&"a/".repeat(60_000))), None);
        assert_eq!(meant(Path::new(&"a/".repeat(2_000))), None);
        let own = meant(Path::new("Cargo.tml"));
        assert_eq!(own.as_deref(), Some("did you mean `Cargo.toml`?"));
    }

    #[test]
    fn a_folder_appears_with_all_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint");
        write_folder(&path, &[("a", b"1"), ("b", b"2")]).unwrap();
        assert_eq!(fs::read(path.join("b")).unwrap(), b"2");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
