//! `cnn data fetch`: what it says and how it ends.

use std::fs;
use std::process::Stdio;

use super::{Server, hang, length, send, status};
use crate::support::{Lab, finished, names, outcome, signal, wait_until};

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
