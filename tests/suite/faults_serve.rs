//! `cnn serve` asked too much, too slowly, or for what has names of its own.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;

use crate::serve::Served;
use crate::support::{Lab, bar_png};

/// Sends bytes as they are, and returns the status, the head and the body of what comes back.
fn exchange(served: &Served, request: &[u8]) -> (u16, String, Vec<u8>) {
    let mut stream = TcpStream::connect(&served.address).unwrap();
    stream.write_all(request).unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    let end = all.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(all[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_ascii_lowercase(), all[end + 4..].to_vec())
}

fn head(served: &Served, line: &str, more: &str) -> String {
    let host = &served.address;
    format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n")
}

#[test]
fn an_answer_that_takes_too_long_is_refused_until_later() {
    let lab = Lab::with_bars();
    lab.cnn(&["train", "bars.toml", "--quiet"]).ok();
    let served = Served::start(&lab, &["--timeout", "1"]);
    // A body that does not come keeps the answer waiting.
    let request = head(&served, "POST /predict", "Content-Length: 500\r\n");
    let (status, head, body) = exchange(&served, request.as_bytes());
    assert_eq!(status, 503, "{head}");
    assert!(head.contains("retry-after: 1"), "{head}");
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["error"], "the answer took over 1 s");
    assert!(body["help"].is_string(), "{body}");
}

#[test]
fn what_is_no_request_is_refused_and_others_are_answered() {
    let lab = Lab::with_bars();
    lab.cnn(&["train", "bars.toml", "--quiet"]).ok();
    let served = Served::start(&lab, &[]);
    let long = format!("X: {}\r\n", "x".repeat(200 << 10));
    let many: String = (0..200).map(|n| format!("X{n}: 1\r\n")).collect();
    let picture = bar_png(0, 3);
    for (status, request) in [
        (
            400,
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(),
        ),
        (400, b"GET / HTTP/9.9\r\n\r\n".to_vec()),
        (431, head(&served, "GET /healthz", &long).into_bytes()),
        (431, head(&served, "GET /healthz", &many).into_bytes()),
        (404, head(&served, "GET /../../etc/passwd", "").into_bytes()),
        (
            404,
            head(&served, "GET /%2e%2e/%2e%2e/etc/passwd", "").into_bytes(),
        ),
        (
            400,
            head(
                &served,
                "POST /predict",
                "Content-Length: 1\r\nContent-Length: 2\r\n",
            )
            .into_bytes(),
        ),
    ] {
        let text = String::from_utf8_lossy(&request)
            .chars()
            .take(80)
            .collect::<String>();
        assert_eq!(exchange(&served, &request).0, status, "{text}");
    }
    let length = format!("Content-Length: {}\r\n", picture.len());
    let mut request = head(&served, "POST /predict", &length).into_bytes();
    request.extend(picture);
    assert_eq!(exchange(&served, &request).0, 200);
}

#[test]
#[cfg(unix)]
fn names_that_are_markup_are_text_in_what_is_served() {
    let lab = Lab::with_bars();
    let name = "<img src=x onerror=alert(1)>\u{1b}[2J";
    std::fs::rename(lab.path("bars/across"), lab.path("bars").join(name)).unwrap();
    lab.cnn(&["train", "bars.toml", "--quiet"]).ok();
    let served = Served::start(&lab, &[]);
    let get = |path: &str| {
        let request = head(&served, &format!("GET {path}"), "");
        let (status, head, body) = exchange(&served, request.as_bytes());
        assert_eq!(status, 200, "{path}");
        (head, String::from_utf8(body).unwrap())
    };
    // The names come to the page as JSON, which no browser takes for a page.
    let (head, model) = get("/model");
    assert!(
        head.contains("content-type: application/json") && head.contains("nosniff"),
        "{head}"
    );
    let model: Value = serde_json::from_str(&model).unwrap();
    let classes = model["classes"].as_array().unwrap();
    assert!(classes.contains(&name.into()), "{model}");
    assert!(!get("/").1.contains("onerror"));
    let (head, report) = get("/report");
    assert!(head.contains("default-src 'none'"), "{head}");
    assert!(report.contains("&lt;img src=x") && !report.contains("<img src=x"));
    assert!(!report.contains('\u{1b}'));
}
