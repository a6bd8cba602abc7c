//! `cnn serve` over HTTP: what it answers, what it refuses, and how it ends.

mod answers;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::support::{Lab, bar_png, finished, png, signal, wait_until};

/// A service that runs; ended by SIGTERM when it goes.
pub(crate) struct Served {
    child: Option<Child>,
    /// Its address, such as `127.0.0.1:43210`.
    pub(crate) address: String,
}

impl Served {
    pub(crate) fn start(lab: &Lab, arguments: &[&str]) -> Self {
        let mut all = vec!["serve", "--port", "0"];
        // What it draws takes its time where the machine is busy.
        if !arguments.contains(&"--timeout") {
            all.extend(["--timeout", "600"]);
        }
        all.extend(arguments);
        let mut command = lab.command(&all);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("http://");
        let Some(address) = address.and_then(|address| address.strip_suffix('/')) else {
            panic!("`{line}`: {:#?}", finished(child));
        };
        Self {
            address: address.to_owned(),
            child: Some(child),
        }
    }

    /// Sends a request with headers, and returns the status, the headers and the body.
    fn send(&self, head: &str, headers: &[&str], body: &[u8]) -> Reply {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let mut request = format!("{head} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|header| header.starts_with("Host:")) {
            request += &format!("Host: {}\r\n", self.address);
        }
        for header in headers {
            request += &format!("{header}\r\n");
        }
        if head.starts_with("POST")
            && !headers
                .iter()
                .any(|header| header.starts_with("Content-Length"))
        {
            request += &format!("Content-Length: {}\r\n", body.len());
        }
        stream.write_all(request.as_bytes()).unwrap();
        stream.write_all(b"\r\n").unwrap();
        // It may answer before it has read all.
        let _ = stream.write_all(body);
        Reply::read(stream)
    }

    fn get(&self, path: &str) -> Reply {
        self.send(&format!("GET {path}"), &[], &[])
    }

    fn post(&self, path: &str, kind: &str, body: &[u8]) -> Reply {
        self.send(
            &format!("POST {path}"),
            &[&format!("Content-Type: {kind}")],
            body,
        )
    }

    /// Asks for a stop and returns the exit code.
    fn stop(&mut self, name: &str) -> i32 {
        let child = self.child.take().unwrap();
        signal(&child, name);
        finished(child).code
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.stop("TERM");
        }
    }
}

/// What came back.
#[derive(Debug)]
struct Reply {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Reply {
    fn read(mut stream: TcpStream) -> Self {
        let mut all = Vec::new();
        // What a refused body left unread resets the connection after the answer.
        let _ = stream.read_to_end(&mut all);
        let end = all.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no answer: {}", String::from_utf8_lossy(&all)));
        let head = String::from_utf8(all[..end].to_vec()).unwrap();
        Self {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_ascii_lowercase(),
            body: all[end + 4..].to_vec(),
        }
    }

    #[track_caller]
    fn json(&self, status: u16) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{text}");
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    #[track_caller]
    fn refused(&self, status: u16, words: &str) {
        let document = self.json(status);
        let error = document["error"].as_str().unwrap();
        assert!(error.contains(words), "{document}");
    }
}

/// Returns a folder with a trained network, and four pictures.
fn lab() -> Lab {
    let lab = Lab::with_bars();
    lab.cnn(&["train", "bars.toml", "--quiet"]).ok();
    for number in 0..4 {
        lab.write(format!("{number}.png"), bar_png(number % 3, 2 + number));
    }
    lab
}

fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, content) in parts {
        let head = format!(
            "--frontier\r\nContent-Disposition: form-data; name=\"image\"; filename=\"{name}\"\r\n\r\n"
        );
        body.extend(head.as_bytes());
        body.extend(*content);
        body.extend(b"\r\n");
    }
    body.extend(b"--frontier--\r\n");
    body
}

#[test]
fn what_is_asked_wrongly_is_refused_with_a_reason() {
    let lab = lab();
    let served = Served::start(&lab, &["--max-body", "1", "--max-pixels", "70"]);
    let picture = lab.read("0.png");
    served.get("/nowhere").refused(404, "`/nowhere`");
    served.get("/predict").refused(405, "GET");
    served
        .post("/predict", "image/png", b"")
        .refused(400, "holds no picture");
    served
        .post("/predict?top_k=0", "image/png", &picture)
        .refused(400, "at least 1");
    served
        .post("/predict?topk=1", "image/png", &picture)
        .refused(400, "topk");
    served
        .post("/predict", "application/json", b"{")
        .refused(400, "JSON cannot be read");
    served
        .post("/predict", "application/json", br#"{"picture": ""}"#)
        .refused(400, "`picture`");
    served
        .post("/predict", "multipart/form-data", &picture)
        .refused(400, "boundary");
    served
        .post("/features?layer=C9", "image/png", &picture)
        .refused(400, "no layer `C9`");
    served
        .post("/explain?method=magic", "image/png", &picture)
        .refused(400, "no method `magic`");
    served
        .post("/explain?class=cat", "image/png", &picture)
        .refused(400, "no class `cat`");
    served
        .post("/explain", "image/png", b"x")
        .refused(422, "failed to read picture");
    let kind = "multipart/form-data; boundary=frontier";
    // Of the files here no one is told.
    let other = form(&[("bras.toml", b"x")]);
    let answer = served.post("/explain", kind, &other).json(422);
    assert!(!answer.to_string().contains("bars"), "{answer}");
    let two: [(&str, &[u8]); 2] = [("a", &picture), ("b", &picture)];
    served
        .post("/explain", kind, &form(&two))
        .refused(400, "one picture");

    let large = vec![0; (1 << 20) + 1];
    served
        .post("/predict", "image/png", &large)
        .refused(413, "over 1 MiB");
    let chunked = [
        format!("{:x}\r\n", large.len()).into_bytes(),
        large,
        b"\r\n0\r\n\r\n".to_vec(),
    ]
    .concat();
    let headers = ["Transfer-Encoding: chunked", "Content-Length-Unknown: yes"];
    served
        .send("POST /predict", &headers, &chunked)
        .refused(413, "over 1 MiB");
    let wide = served
        .post("/predict", "image/png", &png(9, 8, &[0; 72]))
        .json(422);
    assert_eq!(
        wide["results"][0]["error"],
        "it has 72 pixels, at most 70 are taken"
    );

    let foreign = served.send("GET /healthz", &["Host: evil.example"], &[]);
    foreign.refused(403, "localhost");
    let foreign = served.send("POST /predict", &["Origin: https://evil.example"], &picture);
    foreign.refused(403, "other sites");
    assert_eq!(served.get("/healthz").status, 200);
}

#[test]
fn connections_beyond_the_bound_wait_for_others_to_end() {
    let lab = lab();
    let served = Served::start(&lab, &["--max-connections", "1"]);
    let first = TcpStream::connect(&served.address).unwrap();
    // The second is taken by the system, and answered when the first is gone.
    let address = served.address.clone();
    let second = std::thread::spawn(move || {
        let mut stream = TcpStream::connect(&address).unwrap();
        let request =
            format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        Reply::read(stream)
    });
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert!(!second.is_finished());
    drop(first);
    assert_eq!(second.join().unwrap().status, 200);
}

#[test]
fn a_bound_on_open_files_is_told() {
    let lab = lab();
    let program = env!("CARGO_BIN_EXE_cnn");
    let mut command = std::process::Command::new("sh");
    let script = format!("ulimit -n 100; exec '{program}' serve --port 0");
    command.args(["-c", &script]).current_dir(lab.path(""));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(line.starts_with("http://"), "{line}");
    signal(&child, "TERM");
    let said = finished(child).code(143).stderr;
    assert!(
        said.contains("36 connections are served at once, not 2048"),
        "{said}"
    );
    assert!(said.contains("`ulimit -n`"), "{said}");
}

#[test]
fn a_stop_ends_what_was_begun() {
    let lab = lab();
    for (name, code) in [("TERM", 143), ("INT", 130)] {
        let mut served = Served::start(&lab, &[]);
        let mut stream = TcpStream::connect(&served.address).unwrap();
        let picture = lab.read("0.png");
        let head = format!(
            "POST /predict HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n",
            served.address,
            picture.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&picture[..10]).unwrap();
        // It has begun with the request when it has counted its connection.
        wait_until("connection", || {
            let metrics = String::from_utf8(served.get("/metrics").body).unwrap();
            metrics.contains("cnn_connections 2")
        });
        let child = served.child.take().unwrap();
        signal(&child, name);
        wait_until("refusal", || TcpStream::connect(&served.address).is_err());
        stream.write_all(&picture[10..]).unwrap();
        assert_eq!(Reply::read(stream).status, 200);
        assert_eq!(finished(child).code, code);
    }
}

#[test]
fn an_address_that_cannot_be_had_is_told() {
    let lab = lab();
    let served = Served::start(&lab, &[]);
    let port = served.address.rsplit(':').next().unwrap();
    let outcome = lab.cnn(&["serve", "--port", port]).code(5);
    assert!(
        outcome.stderr.contains("failed to listen at"),
        "{outcome:#?}"
    );
    assert!(
        outcome.stderr.contains("`--port`, 0 for any"),
        "{outcome:#?}"
    );
    let outcome = lab.cnn(&["serve", "--host", "203.0.113.1"]).code(5);
    assert!(outcome.stderr.contains("`--host`"), "{outcome:#?}");
    let outcome = Lab::new().cnn(&["serve"]).code(4);
    assert!(outcome.stderr.contains("no trained run"), "{outcome:#?}");
}

#[test]
#[cfg(feature = "remote")]
fn a_remote_device_that_is_gone_is_told() {
    let lab = lab();
    let mut device = crate::remote::Served::start(&lab);
    let served = Served::start(&lab, &["latest", "--device", &device.name]);
    let picture = std::fs::read(lab.path("0.png")).unwrap();
    served.post("/predict", "image/png", &picture).json(200);
    served.get("/healthz").json(200);
    device.kill();
    for reply in [
        served.get("/healthz"),
        served.post("/predict", "image/png", &picture),
    ] {
        reply.refused(503, &format!("no answer from `{}`", device.name));
        let help = reply.json(503)["help"].as_str().unwrap().to_owned();
        assert!(help.contains("`cnn serve-device`"), "{help}");
        assert!(!help.contains("--resume"), "{help}");
    }
}
