//! Servers that cut, stall, lie, redirect and send something else.

use std::fs;
use std::time::Duration;

use cnn::diagnostic::Kind;

use super::{
    Server, Shelf, content, digits, error, good, hang, length, send, send_file, sha256, status,
};

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
    shelf.stall = Duration::from_secs(3);
    shelf.fetch(&digits(&file), &[&server]).unwrap();
    shelf.holds(&file);
    assert_eq!(server.ranges(), [None, None, Some(5_000)]);
    assert_eq!(shelf.told[0], "nothing came for 3s");
    assert_eq!(
        shelf.told[1],
        "nothing came for 3s after 5000 of 300000 bytes"
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
