//! A `.tar.gz` whose members are known beforehand: those and nothing else.

use std::fs::{self, File};
use std::io::{BufReader, Read, Write as _};
use std::path::Path;

use flate2::bufread::GzDecoder;

use super::catalogue::{Archive, Pinned};
use super::has_checksum;
use crate::diagnostic::{Diagnostic, Error, Result};

/// The most that a text file beside the members may hold.
const MAX_TEXT_BYTES: u64 = 1 << 16;

/// Entries of an archive that are looked at.
const MAX_ENTRIES: usize = 1_000;

/// Unpacks the members of an archive into a folder, flat: no path of the archive is followed.
///
/// # Errors
/// When the archive is damaged, a member is missing or is not what it should be, or the disk fails.
pub(super) fn unpack(path: &Path, archive: &Archive, folder: &Path) -> Result<()> {
    let damaged = |what: &str| {
        let message = format!("`{}` {what}", path.display());
        let help = "remove it and fetch the data set again";
        Error::data(Diagnostic::error(message).help(help))
    };
    let file = File::open(path).map_err(|error| Error::io("read", path, &error))?;
    let mut tar = tar::Archive::new(GzDecoder::new(BufReader::new(file)));
    let broken = |error: &std::io::Error| damaged(&format!("is no whole archive: {error}"));
    let mut missing: Vec<&str> = names(archive).collect();
    for entry in tar
        .entries()
        .map_err(|error| broken(&error))?
        .take(MAX_ENTRIES)
    {
        let mut entry = entry.map_err(|error| broken(&error))?;
        let bytes = entry.path_bytes();
        let inner = bytes.strip_prefix(archive.folder.as_bytes());
        let inner = inner.and_then(|inner| inner.strip_prefix(b"/"));
        // The name is one of those known, so nothing of the archive's own becomes a path.
        let Some(name) = names(archive).find(|name| inner == Some(name.as_bytes())) else {
            continue;
        };
        drop(bytes);
        if !entry.header().entry_type().is_file() {
            return Err(damaged(&format!("holds `{name}`, which is no plain file")));
        }
        let member = archive.members.iter().find(|member| member.name == name);
        let target = folder.join(name);
        let limit = member.map_or(MAX_TEXT_BYTES, |member| member.bytes);
        if write(&mut entry, limit, &target).map_err(|fault| match fault {
            Fault::Read(error) => broken(&error),
            Fault::Write(error) => Error::io("write", &target, &error),
        })? {
            return Err(damaged(&format!(
                "holds a `{name}` of more than {limit} bytes"
            )));
        }
        if let Some(member) = member {
            check(member, &target, &damaged)?;
        }
        missing.retain(|other| *other != name);
    }
    match missing.first() {
        Some(name) => Err(damaged(&format!("does not hold `{name}`"))),
        None => Ok(()),
    }
}

fn names(archive: &Archive) -> impl Iterator<Item = &'static str> {
    let members = archive.members.iter().map(|member| member.name);
    members.chain(archive.texts.iter().copied())
}

fn check(member: &Pinned, path: &Path, damaged: &dyn Fn(&str) -> Error) -> Result<()> {
    if has_checksum(path, member)? {
        return Ok(());
    }
    fs::remove_file(path).map_err(|error| Error::io("remove", path, &error))?;
    let name = member.name;
    Err(damaged(&format!("holds another `{name}` than expected")))
}

enum Fault {
    Read(std::io::Error),
    Write(std::io::Error),
}

/// Writes up to a limit; returns whether there was more.
fn write(source: &mut impl Read, limit: u64, target: &Path) -> std::result::Result<bool, Fault> {
    let mut file = File::create(target).map_err(Fault::Write)?;
    let mut buffer = vec![0; 64 * 1024];
    let mut written = 0;
    loop {
        let read = source.read(&mut buffer).map_err(Fault::Read)?;
        if read == 0 {
            break;
        }
        written += read as u64;
        if written > limit {
            drop(file);
            fs::remove_file(target).map_err(Fault::Write)?;
            return Ok(true);
        }
        let bytes = buffer.get(..read).unwrap_or_default();
        file.write_all(bytes).map_err(Fault::Write)?;
    }
    file.sync_all().map_err(Fault::Write)?;
    Ok(false)
}
