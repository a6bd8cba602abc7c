//! One file from one of several mirrors: gone on with after a cut, and checked.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::catalogue::Pinned;
use super::client::{Client, Reply};
use super::{Event, Patience, checksum, has_checksum};
use crate::diagnostic::{Diagnostic, Error, Kind, Result};

/// Tries of one mirror, whatever each brings.
const MOST_TRIES: u32 = 60;

const BUFFER_BYTES: usize = 64 * 1024;

/// Fetches files into a folder.
pub(super) struct Downloader<'a> {
    pub(super) client: Client,
    pub(super) folder: &'a Path,
    pub(super) mirrors: Vec<&'a str>,
    pub(super) patience: Patience,
    pub(super) tell: &'a mut dyn FnMut(Event<'_>),
}

/// Why a try did not bring the file.
enum Fault {
    /// It may go better the next time.
    Passing(String),
    /// This mirror does not have it.
    Refused(String),
    /// The mirror sent something else.
    Wrong(String),
    /// Something else has been put together, of which a part was there before.
    WrongInParts,
    /// Writing failed: no mirror helps.
    Disk(Error),
}

/// The part of a file that is there.
struct Part {
    file: File,
    path: PathBuf,
    bytes: u64,
}

impl Part {
    fn open(path: PathBuf) -> std::result::Result<Self, Fault> {
        let mut options = File::options();
        let file = options.read(true).write(true).create(true).truncate(false);
        let opened = file.open(&path).and_then(|mut file| {
            let bytes = file.seek(SeekFrom::End(0))?;
            Ok((file, bytes))
        });
        match opened {
            Ok((file, bytes)) => Ok(Self { file, path, bytes }),
            Err(error) => Err(Fault::Disk(Error::io("open", &path, &error))),
        }
    }

    fn clear(&mut self) -> std::result::Result<(), Fault> {
        self.bytes = 0;
        let cleared = self.file.set_len(0).and_then(|()| self.file.rewind());
        cleared.map_err(|error| Fault::Disk(Error::io("write", &self.path, &error)))
    }

    fn append(&mut self, bytes: &[u8]) -> std::result::Result<(), Fault> {
        let written = self.file.write_all(bytes);
        written.map_err(|error| Fault::Disk(Error::io("write", &self.path, &error)))?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }
}

impl Downloader<'_> {
    /// Fetches one file, unless it is there.
    ///
    /// # Errors
    /// When the disk fails, or with the reason of each mirror.
    pub(super) fn fetch(&mut self, file: &Pinned) -> Result<()> {
        let target = self.folder.join(file.name);
        let have = self.part_bytes(file);
        (self.tell)(Event::File {
            name: file.name,
            bytes: file.bytes,
            have,
        });
        if target.exists() {
            if has_checksum(&target, file)? {
                (self.tell)(Event::Bytes { have: file.bytes });
                return Ok(());
            }
            fs::remove_file(&target).map_err(|error| Error::io("remove", &target, &error))?;
        }
        let mut reasons = Vec::new();
        let mut wrong = false;
        for mirror in self.mirrors.clone() {
            let url = format!("{}/{}", mirror.trim_end_matches('/'), file.name);
            let reason = match self.try_mirror(&url, file) {
                Ok(()) => return Ok(()),
                Err(Fault::Disk(error)) => return Err(error),
                Err(Fault::Passing(reason) | Fault::Refused(reason)) => reason,
                Err(Fault::Wrong(reason)) => {
                    wrong = true;
                    reason
                }
                Err(Fault::WrongInParts) => "its parts do not make the file".to_owned(),
            };
            let reason = format!("{url}: {reason}");
            (self.tell)(Event::MirrorFailed { reason: &reason });
            reasons.push(reason);
        }
        Err(self.no_mirror(file, reasons, wrong))
    }

    fn no_mirror(&self, file: &Pinned, reasons: Vec<String>, wrong: bool) -> Error {
        let mut diagnostic = Diagnostic::error(format!("no mirror has `{}` whole", file.name));
        diagnostic.notes = reasons;
        let have = self.part_bytes(file);
        let help = if have > 0 {
            format!(
                "try again later, it goes on after byte {have}, or name another mirror with `--mirror URL`"
            )
        } else {
            let _ = fs::remove_file(self.part_path(file));
            "look whether the network can be reached, or name another mirror with `--mirror URL`"
                .to_owned()
        };
        let kind = if wrong { Kind::Data } else { Kind::Io };
        Error::new(kind, diagnostic.help(help))
    }

    fn part_path(&self, file: &Pinned) -> PathBuf {
        self.folder.join(format!("{}.part", file.name))
    }

    fn part_bytes(&self, file: &Pinned) -> u64 {
        fs::metadata(self.part_path(file)).map_or(0, |metadata| metadata.len())
    }

    /// Tries a mirror until it brings nothing more.
    fn try_mirror(&mut self, url: &str, file: &Pinned) -> std::result::Result<(), Fault> {
        let mut idle = 0;
        let mut tries = 0;
        loop {
            let before = self.part_bytes(file);
            let fault = match self.attempt(url, file) {
                Ok(()) => return Ok(()),
                Err(fault) => fault,
            };
            tries += 1;
            // Once begun anew nothing is left of before, so this cannot go on for ever.
            let reason = match fault {
                Fault::WrongInParts => "its parts do not make the file".to_owned(),
                Fault::Passing(reason) => reason,
                fault => return Err(fault),
            };
            let brought = self.part_bytes(file) > before;
            idle = if brought { 0 } else { idle + 1 };
            if idle >= self.patience.tries || tries >= MOST_TRIES {
                return Err(Fault::Passing(reason));
            }
            let wait = self.patience.pause * 2_u32.pow(idle.saturating_sub(1).min(6));
            (self.tell)(Event::Again {
                reason: &reason,
                wait,
            });
            std::thread::sleep(wait);
        }
    }

    fn attempt(&mut self, url: &str, file: &Pinned) -> std::result::Result<(), Fault> {
        let mut part = Part::open(self.part_path(file))?;
        let had = part.bytes;
        if part.bytes > file.bytes {
            part.clear()?;
        }
        if part.bytes < file.bytes {
            let reply = self.client.get(url, part.bytes).map_err(|none| {
                if none.may_pass {
                    Fault::Passing(none.reason)
                } else {
                    Fault::Refused(none.reason)
                }
            })?;
            self.receive(reply, &mut part, file)?;
        }
        self.finish(part, file, had > 0)
    }

    /// Writes what a server sends behind what is there, or in its place.
    fn receive(
        &mut self,
        reply: Reply,
        part: &mut Part,
        file: &Pinned,
    ) -> std::result::Result<(), Fault> {
        let expected = file.bytes;
        let offered = match reply.status {
            200 => reply.length,
            206 if part.bytes > 0 => match reply.range {
                Some((first, whole)) if first == part.bytes => Some(whole),
                _ => {
                    part.clear()?;
                    return Err(Fault::Passing("sends another part than asked for".into()));
                }
            },
            416 if part.bytes > 0 => {
                part.clear()?;
                return Err(Fault::Passing("has no such part (status 416)".into()));
            }
            status @ (408 | 429 | 500..=599) => {
                return Err(Fault::Passing(format!("status {status}")));
            }
            status => return Err(Fault::Refused(format!("status {status}"))),
        };
        // What is there may be right all the same, so it stays.
        if let Some(offered) = offered.filter(|offered| *offered != expected) {
            let reason = format!("offers {offered} bytes, expected {expected}");
            return Err(Fault::Wrong(reason));
        }
        if reply.status == 200 {
            part.clear()?;
        }
        let mut body = reply.body;
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            (self.tell)(Event::Bytes { have: part.bytes });
            let read = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    let reason = self.client.read_reason(error);
                    let have = part.bytes;
                    return Err(Fault::Passing(format!(
                        "{reason} after {have} of {expected} bytes"
                    )));
                }
            };
            if part.bytes + read as u64 > expected {
                part.clear()?;
                return Err(Fault::Wrong(format!(
                    "sends more than the {expected} bytes expected"
                )));
            }
            part.append(buffer.get(..read).unwrap_or_default())?;
        }
        // Of a reply that does not say its length the end may be its true end, or a cut.
        if part.bytes < expected {
            let have = part.bytes;
            part.clear()?;
            let reason = format!("sent {have} bytes, expected {expected}");
            return Err(Fault::Passing(reason));
        }
        Ok(())
    }

    /// Checks the whole file and gives it its name.
    fn finish(
        &mut self,
        part: Part,
        file: &Pinned,
        in_parts: bool,
    ) -> std::result::Result<(), Fault> {
        let Part {
            file: open, path, ..
        } = part;
        let synced = open.sync_all();
        synced.map_err(|error| Fault::Disk(Error::io("write", &path, &error)))?;
        drop(open);
        let received = checksum(&path).map_err(Fault::Disk)?;
        if received == file.sha256 {
            let target = self.folder.join(file.name);
            let renamed = fs::rename(&path, &target);
            return renamed.map_err(|error| Fault::Disk(Error::io("rename", &path, &error)));
        }
        let removed = fs::remove_file(&path);
        removed.map_err(|error| Fault::Disk(Error::io("remove", &path, &error)))?;
        if in_parts {
            return Err(Fault::WrongInParts);
        }
        let expected = file.sha256;
        Err(Fault::Wrong(format!(
            "sent another file: SHA-256 {received}, expected {expected}"
        )))
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            stall: Duration::from_secs(30),
            pause: Duration::from_secs(1),
            tries: 4,
        }
    }
}
