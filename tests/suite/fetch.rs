//! Fetching, from servers on this machine that stall, cut, lie and send something else.

mod archives;
mod broken;
mod command;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use cnn::diagnostic::{Error, Kind};
use cnn::fetch::{Event, Fetched, Patience, Pinned, Set, Settings, fetch};
use sha2::{Digest as _, Sha256};

use crate::support::{Lab, PATIENCE};

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
        .set_read_timeout(Some(Duration::from_secs(300)))
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
    /// How long nothing may come.
    stall: Duration,
}

impl Shelf {
    fn new() -> Self {
        Self {
            lab: Lab::new(),
            told: Vec::new(),
            stall: PATIENCE,
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
                connect: PATIENCE,
                stall: self.stall,
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
