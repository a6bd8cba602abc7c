//! Fetching, from servers on this machine that stall, cut, lie and send something else.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use cnn::diagnostic::{Error, Kind};
use cnn::fetch::{Archive, Event, Fetched, Patience, Pinned, Set, Settings, fetch};
use sha2::{Digest as _, Sha256};

use crate::support::{Lab, finished, names, outcome, signal, wait_until};

/// What a client asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Request {
    path: String,
    /// The first byte asked for.
    from: Option<usize>,
}

/// Answers requests until it is dropped, one after another, each on a connection of its own.
struct Server {
    address: String,
    requests: Arc<Mutex<Vec<Request>>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts one that answers with what `answer` makes of the number of the request and itself.
    fn new(answer: impl Fn(usize, &Request, &mut TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let over = Arc::new(AtomicBool::new(false));
        let (log, stop) = (Arc::clone(&requests), Arc::clone(&over));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let mut stream = stream.unwrap();
                let Some(request) = read_request(&stream) else {
                    continue;
                };
                let number = {
                    let mut log = log.lock().unwrap();
                    log.push(request.clone());
                    log.len() - 1
                };
                answer(number, &request, &mut stream);
                let _ = stream.shutdown(Shutdown::Both);
            }
        });
        Self {
            address,
            requests,
            over,
            thread: Some(thread),
        }
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// The first bytes that were asked for, request by request.
    fn ranges(&self) -> Vec<Option<usize>> {
        self.requests().iter().map(|request| request.from).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address.trim_start_matches("http://"));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn read_request(stream: &TcpStream) -> Option<Request> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next()?.ok()?;
    let path = first.split(' ').nth(1)?.to_owned();
    let mut from = None;
    for line in lines {
        let line = line.ok()?;
        if line.is_empty() {
            break;
        }
        if let Some(range) = line.to_lowercase().strip_prefix("range: bytes=") {
            from = range.trim_end_matches('-').parse().ok();
        }
    }
    Some(Request { path, from })
}

/// Sends a head and a body; a client may have gone away.
fn send(stream: &mut TcpStream, status: &str, headers: &[String], body: &[u8]) {
    let mut head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
    for header in headers {
        head += header;
        head += "\r\n";
    }
    head += "\r\n";
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body);
}

fn length(bytes: usize) -> String {
    format!("Content-Length: {bytes}")
}

/// Sends a file as a good server does, or its beginning and then nothing.
fn send_file(stream: &mut TcpStream, request: &Request, file: &[u8], most: usize) {
    let from = request.from.unwrap_or(0);
    let rest = &file[from..];
    let sent = &rest[..rest.len().min(most)];
    let mut headers = vec![length(rest.len())];
    let status = if request.from.is_some() {
        let (last, all) = (file.len() - 1, file.len());
        headers.push(format!("Content-Range: bytes {from}-{last}/{all}"));
        "206 Partial Content"
    } else {
        "200 OK"
    };
    send(stream, status, &headers, sent);
}

/// Waits until the client goes away.
fn hang(stream: &TcpStream) {
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let _ = BufReader::new(stream).read_line(&mut String::new());
}

/// A server of one file, with nothing wrong.
fn good(file: Vec<u8>) -> Server {
    Server::new(move |_, request, stream| send_file(stream, request, &file, usize::MAX))
}

fn status(status: &'static str) -> Server {
    Server::new(move |_, _, stream| send(stream, status, &[length(4)], b"oops"))
}

/// Bytes without a pattern that a shift would keep.
fn content(seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..300_000).map(next).collect()
}

fn sha256(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn pinned(name: &'static str, bytes: &[u8]) -> Pinned {
    Pinned {
        name,
        bytes: bytes.len() as u64,
        sha256: sha256(bytes).leak(),
    }
}

/// A set called `digits` of the one file `images.gz`.
fn digits(file: &[u8]) -> Set {
    Set {
        name: "digits",
        mirrors: &[],
        files: vec![pinned("images.gz", file)].leak(),
        archive: None,
    }
}

/// A folder to fetch into, and what was told on the way.
struct Shelf {
    lab: Lab,
    told: Vec<String>,
}

impl Shelf {
    fn new() -> Self {
        Self {
            lab: Lab::new(),
            told: Vec::new(),
        }
    }

    fn fetch(&mut self, set: &Set, mirrors: &[&Server]) -> Result<Fetched, Error> {
        let settings = Settings {
            mirrors: mirrors
                .iter()
                .map(|server| server.address.clone())
                .collect(),
            into: self.lab.path("sets"),
            patience: Patience {
                connect: Duration::from_secs(5),
                stall: Duration::from_millis(300),
                pause: Duration::from_millis(1),
                tries: 3,
            },
        };
        let told = &mut self.told;
        fetch(set, &settings, &mut |event| match event {
            Event::Again { reason, .. } | Event::MirrorFailed { reason } => {
                told.push(reason.to_owned());
            }
            _ => {}
        })
    }

    /// Asserts that the one file of [`digits`] is there and nothing else.
    #[track_caller]
    fn holds(&self, file: &[u8]) {
        assert!(self.lab.read("sets/digits/images.gz") == file);
        assert_eq!(self.lab.names("sets"), ["digits"]);
        assert_eq!(self.lab.names("sets/digits"), ["images.gz"]);
    }

    fn part(&self) -> PathBuf {
        self.lab.path("sets/digits.part/images.gz.part")
    }

    /// Lays the beginning of the file there, as a process that was killed.
    fn lay_part(&self, bytes: &[u8]) {
        self.lab.write("sets/digits.part/images.gz.part", bytes);
    }
}

#[track_caller]
fn error(result: Result<Fetched, Error>, kind: Kind) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.kind, kind, "{error:?}");
    let lines = error.diagnostics.iter().flat_map(|diagnostic| {
        let message = std::iter::once(&diagnostic.message);
        message.chain(&diagnostic.notes).chain(&diagnostic.helps)
    });
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_set_comes_whole_and_is_not_fetched_twice() {
    let (images, labels) = (content(1), b"labels".to_vec());
    let set = Set {
        files: vec![pinned("images.gz", &images), pinned("labels.gz", &labels)].leak(),
        ..digits(&[])
    };
    let files = [images.clone(), labels.clone()];
    let server = Server::new(move |_, request, stream| {
        let file = usize::from(request.path == "/labels.gz");
        send_file(stream, request, &files[file], usize::MAX);
    });
    let mut shelf = Shelf::new();
    let fetched = shelf.fetch(&set, &[&server]).unwrap();
    assert_eq!(fetched.folder, shelf.lab.path("sets/digits"));
    assert!(!fetched.already);
    assert!(shelf.lab.read("sets/digits/images.gz") == images);
    assert_eq!(shelf.lab.read("sets/digits/labels.gz"), labels);
    assert_eq!(shelf.lab.names("sets"), ["digits"]);
    assert_eq!(server.requests().len(), 2);
    assert!(shelf.fetch(&set, &[&server]).unwrap().already);
    assert_eq!(server.requests().len(), 2, "no network for what is there");
    assert_eq!(shelf.told, [""; 0]);
}

#[test]
fn a_cut_is_gone_on_with() {
    let file = content(2);
    let copy = file.clone();
    let server = Server::new(move |number, request, stream| {
        let most = if number < 2 { 100_000 } else { usize::MAX };
        send_file(stream, request, &copy, most);
    });
    let mut shelf = Shelf::new();
    shelf.fetch(&digits(&file), &[&server]).unwrap();
    shelf.holds(&file);
    assert_eq!(server.ranges(), [None, Some(100_000), Some(200_000)]);
    assert!(
        shelf.told[0].contains("cut after 100000 of 300000 bytes"),
        "{:?}",
        shelf.told
    );
}

#[test]
fn what_a_dead_server_sent_is_kept_for_the_next_start() {
    let file = content(3);
    let copy = file.clone();
    let server = Server::new(move |number, request, stream| match number {
        0 => send_file(stream, request, &copy, 70_000),
        1..=3 => {}
        _ => send_file(stream, request, &copy, usize::MAX),
    });
    let mut shelf = Shelf::new();
    let set = digits(&file);
    let said = error(shelf.fetch(&set, &[&server]), Kind::Io);
    assert!(
        said.starts_with("no mirror has `images.gz` whole\n"),
        "{said}"
    );
    assert!(said.contains("it goes on after byte 70000"), "{said}");
    assert_eq!(fs::metadata(shelf.part()).unwrap().len(), 70_000);
    assert_eq!(shelf.lab.names("sets"), ["digits.part"]);
    shelf.fetch(&set, &[&server]).unwrap();
    shelf.holds(&file);
    assert_eq!(server.ranges().last(), Some(&Some(70_000)));
}

#[test]
fn a_stall_ends_the_connection_and_not_the_fetch() {
    let file = content(4);
    let copy = file.clone();
    let server = Server::new(move |number, request, stream| {
        if number == 0 {
            // Not even an answer.
            hang(stream);
        } else if number == 1 {
            send_file(stream, request, &copy, 5_000);
            hang(stream);
        } else {
            send_file(stream, request, &copy, usize::MAX);
        }
    });
    let mut shelf = Shelf::new();
    shelf.fetch(&digits(&file), &[&server]).unwrap();
    shelf.holds(&file);
    assert_eq!(server.ranges(), [None, None, Some(5_000)]);
    assert_eq!(shelf.told[0], "nothing came for 300ms");
    assert_eq!(
        shelf.told[1],
        "nothing came for 300ms after 5000 of 300000 bytes"
    );
}

#[test]
fn a_server_without_parts_sends_all_anew() {
    let file = content(5);
    let copy = file.clone();
    let server = Server::new(move |_, _, stream| {
        send(stream, "200 OK", &[length(copy.len())], &copy);
    });
    let mut shelf = Shelf::new();
    shelf.lay_part(&file[..1_000]);
    shelf.fetch(&digits(&file), &[&server]).unwrap();
    shelf.holds(&file);
    assert_eq!(server.ranges(), [Some(1_000)]);
}

#[test]
fn a_server_that_sends_another_part_is_asked_for_all() {
    let file = content(6);
    for head in ["206 Partial Content", "416 Range Not Satisfiable"] {
        let copy = file.clone();
        let server = Server::new(move |number, request, stream| {
            if number > 0 {
                return send_file(stream, request, &copy, usize::MAX);
            }
            let range = "Content-Range: bytes 7-299999/300000".to_owned();
            send(stream, head, &[length(299_993), range], &copy[7..]);
        });
        let mut shelf = Shelf::new();
        shelf.lay_part(&file[..1_000]);
        shelf.fetch(&digits(&file), &[&server]).unwrap();
        shelf.holds(&file);
        assert_eq!(server.ranges(), [Some(1_000), None]);
    }
}

#[test]
fn a_part_of_another_file_is_thrown_away() {
    let file = content(7);
    let server = good(file.clone());
    let mut shelf = Shelf::new();
    shelf.lay_part(&content(8)[..1_000]);
    shelf.fetch(&digits(&file), &[&server]).unwrap();
    shelf.holds(&file);
    assert_eq!(server.ranges(), [Some(1_000), None]);
    // Also one that is whole or too long.
    for rest in [0, 9] {
        let mut shelf = Shelf::new();
        shelf.lay_part(&[content(8), vec![0; rest]].concat());
        shelf.fetch(&digits(&file), &[&server]).unwrap();
        shelf.holds(&file);
    }
    // What lacks only its name needs no network.
    let asked = server.requests().len();
    let mut shelf = Shelf::new();
    shelf.lay_part(&file);
    shelf.fetch(&digits(&file), &[&server]).unwrap();
    shelf.holds(&file);
    assert_eq!(server.requests().len(), asked);
}

#[test]
fn a_wrong_file_is_refused_with_both_checksums() {
    let (file, other) = (content(9), content(10));
    let server = good(other.clone());
    let mut shelf = Shelf::new();
    let said = error(shelf.fetch(&digits(&file), &[&server]), Kind::Data);
    let (received, expected) = (sha256(&other), sha256(&file));
    let reason = format!("sent another file: SHA-256 {received}, expected {expected}");
    assert!(said.contains(&reason), "{said}");
    assert_eq!(server.requests().len(), 1, "asking again would not help");
    assert_eq!(shelf.lab.names("sets"), [""; 0], "nothing of it stays");
    let better = good(file.clone());
    shelf.fetch(&digits(&file), &[&server, &better]).unwrap();
    shelf.holds(&file);
}

#[test]
fn lies_about_the_length_are_refused() {
    let file = content(11);
    let mut shelf = Shelf::new();
    // Another length than is expected: nothing is read, and what is there stays.
    shelf.lay_part(&file[..2_000]);
    let server = Server::new(|_, _, stream| send(stream, "200 OK", &[length(4_000)], b"<html>"));
    let said = error(shelf.fetch(&digits(&file), &[&server]), Kind::Data);
    assert!(
        said.contains("offers 4000 bytes, expected 300000"),
        "{said}"
    );
    assert_eq!(fs::metadata(shelf.part()).unwrap().len(), 2_000);
    // More than is promised, where the end of the connection is the end of the file.
    let mut shelf = Shelf::new();
    let long = [file.clone(), vec![0; 100_000]].concat();
    let server = Server::new(move |_, _, stream| send(stream, "200 OK", &[], &long));
    let said = error(shelf.fetch(&digits(&file), &[&server]), Kind::Data);
    assert!(
        said.contains("sends more than the 300000 bytes expected"),
        "{said}"
    );
    // Less, in the same way.
    let short = file[..9_000].to_vec();
    let server = Server::new(move |_, _, stream| send(stream, "200 OK", &[], &short));
    let said = error(shelf.fetch(&digits(&file), &[&server]), Kind::Io);
    assert!(said.contains("sent 9000 bytes, expected 300000"), "{said}");
    // No length, and all of it.
    let copy = file.clone();
    let server = Server::new(move |_, _, stream| send(stream, "200 OK", &[], &copy));
    shelf.fetch(&digits(&file), &[&server]).unwrap();
    shelf.holds(&file);
}

#[test]
fn the_next_mirror_goes_on_where_the_last_one_failed() {
    let file = content(12);
    let (missing, broken) = (status("404 Not Found"), status("500 Internal Server Error"));
    let copy = file.clone();
    let cut = Server::new(move |number, request, stream| {
        if number == 0 {
            send_file(stream, request, &copy, 123_456);
        }
    });
    let server = good(file.clone());
    let mut shelf = Shelf::new();
    let mirrors = [&missing, &broken, &cut, &server];
    shelf.fetch(&digits(&file), &mirrors).unwrap();
    shelf.holds(&file);
    assert_eq!(missing.requests().len(), 1, "what is missing stays missing");
    assert_eq!(broken.requests().len(), 3, "what is broken may be mended");
    assert_eq!(server.ranges(), [Some(123_456)]);
    assert!(
        shelf.told[0].ends_with("/images.gz: status 404"),
        "{:?}",
        shelf.told
    );
}

#[test]
fn redirections_are_followed_with_the_part_asked_for() {
    let file = content(13);
    let server = good(file.clone());
    let place = format!("Location: {}/elsewhere", server.address);
    let first = Server::new(move |_, _, stream| {
        send(stream, "302 Found", &[length(0), place.clone()], b"");
    });
    let mut shelf = Shelf::new();
    shelf.lay_part(&file[..4_321]);
    shelf.fetch(&digits(&file), &[&first]).unwrap();
    shelf.holds(&file);
    assert_eq!(server.requests()[0].path, "/elsewhere");
    assert_eq!(server.ranges(), [Some(4_321)]);
    let circle = Server::new(|_, _, stream| {
        let place = "Location: /again".to_owned();
        send(stream, "302 Found", &[length(0), place], b"");
    });
    let mut shelf = Shelf::new();
    let said = error(shelf.fetch(&digits(&file), &[&circle]), Kind::Io);
    assert!(said.contains("redirected more than 5 times"), "{said}");
    assert_eq!(circle.requests().len(), 6, "asking again would not help");
}

#[test]
fn chunks_are_put_together() {
    let file = content(14);
    let mut chunks = Vec::new();
    for chunk in file.chunks(70_000) {
        chunks.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        chunks.extend(chunk);
        chunks.extend(b"\r\n");
    }
    chunks.extend(b"0\r\n\r\n");
    let server = Server::new(move |_, _, stream| {
        let header = "Transfer-Encoding: chunked".to_owned();
        send(stream, "200 OK", &[header], &chunks);
    });
    let mut shelf = Shelf::new();
    shelf.fetch(&digits(&file), &[&server]).unwrap();
    shelf.holds(&file);
}

#[test]
fn what_lies_there_already_is_left_alone() {
    let file = content(15);
    let server = good(file.clone());
    let mut shelf = Shelf::new();
    shelf.lab.write("sets/digits/images.gz", "mine");
    shelf.lab.write("sets/digits/notes.txt", "mine too");
    let said = error(shelf.fetch(&digits(&file), &[&server]), Kind::Data);
    assert!(
        said.contains("`images.gz` has 4 bytes, expected 300000"),
        "{said}"
    );
    assert!(said.contains("move it away"), "{said}");
    assert_eq!(shelf.lab.read("sets/digits/images.gz"), b"mine");
    assert_eq!(shelf.lab.names("sets"), ["digits"]);
    assert_eq!(server.requests(), []);
}

#[test]
fn two_do_not_fetch_the_same() {
    let file = content(16);
    let server = good(file.clone());
    let mut shelf = Shelf::new();
    shelf.lay_part(b"");
    let lock = fs::File::open(shelf.lab.path("sets/digits.part")).unwrap();
    lock.try_lock().unwrap();
    let said = error(shelf.fetch(&digits(&file), &[&server]), Kind::Busy);
    assert!(
        said.contains("`digits` is being fetched by another process"),
        "{said}"
    );
    drop(lock);
    shelf.fetch(&digits(&file), &[&server]).unwrap();
    shelf.holds(&file);
}

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

/// What `cnn data fetch` says of a server, without its address.
#[track_caller]
fn command(lab: &Lab, server: &Server, arguments: &[&str], code: i32) -> String {
    let mut all = vec!["data", "fetch", "mnist", "--mirror", &server.address];
    all.extend(arguments);
    let mut command = lab.command(&all);
    let outcome = outcome(command.env("NO_PROXY", "127.0.0.1")).code(code);
    assert_eq!(outcome.stdout, "");
    outcome.stderr.replace(&server.address, "$MIRROR")
}

#[test]
fn the_command_says_what_is_wrong_and_how_it_ends() {
    let lab = Lab::new();
    let missing = status("404 Not Found");
    let said = command(&lab, &missing, &[], 5);
    assert_eq!(
        said,
        "fetching mnist, 11.6 MB\n\
         train-images-idx3-ubyte.gz: 9.9 MB\n\
         $MIRROR/train-images-idx3-ubyte.gz: status 404\n\
         error: no mirror has `train-images-idx3-ubyte.gz` whole\n\
         note: $MIRROR/train-images-idx3-ubyte.gz: status 404\n\
         help: look whether the network can be reached, or name another mirror with `--mirror URL`\n\n"
    );
    assert_eq!(names(&lab.path("datasets")), [""; 0]);
    let wrong = Server::new(|_, _, stream| {
        let zeros = vec![0; 9_912_422];
        send(stream, "200 OK", &[length(zeros.len())], &zeros);
    });
    let said = command(&lab, &wrong, &["--quiet", "--into", "mine"], 3);
    assert!(said.starts_with("error: no mirror has"), "{said}");
    assert!(said.contains("expected 440fcabf73cc"), "{said}");
    assert_eq!(names(&lab.path("mine")), [""; 0]);
    // A set that is not whole is not taken for one that is.
    lab.write("datasets/mnist/train-images-idx3-ubyte.gz", "short");
    let said = command(&lab, &missing, &[], 3);
    assert!(
        said.contains("`train-images-idx3-ubyte.gz` has 5 bytes, expected 9912422"),
        "{said}"
    );
}

#[test]
fn an_interrupted_command_leaves_what_has_come() {
    let lab = Lab::new();
    let server = Server::new(|_, _, stream| {
        send(stream, "200 OK", &[length(9_912_422)], &vec![7; 50_000]);
        hang(stream);
    });
    let mut command = lab.command(&["data", "fetch", "mnist", "--mirror", &server.address]);
    command.env("NO_PROXY", "127.0.0.1");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let part = lab.path("datasets/mnist.part/train-images-idx3-ubyte.gz.part");
    wait_until("part", || {
        fs::metadata(&part).is_ok_and(|part| part.len() == 50_000)
    });
    signal(&child, "INT");
    finished(child).code(130);
    assert_eq!(fs::metadata(&part).unwrap().len(), 50_000);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_ends_with_its_own_exit_code() {
    let lab = Lab::new();
    let server = Server::new(|_, _, stream| {
        send(stream, "200 OK", &[length(9_912_422)], &vec![7; 9_912_422]);
    });
    // A limit on the size of files stands in for the disk.
    let script = "trap '' XFSZ; ulimit -f 100; exec \"$@\"";
    let program = env!("CARGO_BIN_EXE_cnn");
    let mut command = std::process::Command::new("sh");
    command.args([
        "-c", script, "sh", program, "data", "fetch", "mnist", "--mirror",
    ]);
    command
        .arg(&server.address)
        .current_dir(lab.path(""))
        .env("NO_PROXY", "127.0.0.1");
    let outcome = outcome(&mut command).code(5);
    assert!(
        outcome
            .stderr
            .contains("failed to write `datasets/mnist.part/"),
        "{outcome:?}"
    );
    assert_eq!(server.requests().len(), 1, "no mirror helps");
}
