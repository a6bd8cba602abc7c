//! The recipe of the container, held to what it builds, for there is seldom an engine to build it with.

use std::fs;

use crate::support::repository;

/// The instructions of the Dockerfile: the word and what follows, lines that go on put together.
fn dockerfile() -> Vec<(String, String)> {
    let text = fs::read_to_string(repository("Dockerfile")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let joined = lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    let lines = joined.lines().filter(|line| !line.trim().is_empty());
    let split = |line: &str| {
        let (word, rest) = line.split_once(' ').unwrap();
        let rest = rest.split_whitespace().collect::<Vec<_>>().join(" ");
        (word.to_owned(), rest)
    };
    lines.map(split).collect()
}

/// What follows each instruction of one kind.
fn instructions(kind: &str) -> Vec<String> {
    let all = dockerfile().into_iter();
    all.filter(|(word, _)| word == kind)
        .map(|(_, rest)| rest)
        .collect()
}

#[test]
fn the_container_is_built_with_the_version_of_rust_that_the_package_asks_for() {
    let manifest = fs::read_to_string(repository("Cargo.toml")).unwrap();
    let version = manifest.split("\nrust-version = \"").nth(1).unwrap();
    let version = version.split('"').next().unwrap();
    let from = instructions("FROM");
    assert_eq!(from.len(), 2, "{from:?}");
    assert!(from[0].starts_with(&format!("rust:{version}-")), "{from:?}");
    assert!(from[0].ends_with("-slim-trixie AS build"), "{from:?}");
    assert_eq!(
        from[1], "debian:trixie-slim",
        "the release that it was built on"
    );
}

#[test]
fn the_container_takes_what_is_there_and_nothing_that_is_ignored() {
    let ignored = fs::read_to_string(repository(".dockerignore")).unwrap();
    let ignored: Vec<&str> = ignored
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    assert_eq!(ignored[0], "*", "all that is not named stays outside");
    let named: Vec<&str> = ignored
        .iter()
        .filter_map(|line| line.strip_prefix('!'))
        .collect();
    let copies = instructions("COPY");
    let mut taken = Vec::new();
    for copy in copies.iter().filter(|copy| !copy.starts_with("--from=")) {
        let mut words: Vec<&str> = copy.split(' ').collect();
        words.pop();
        taken.extend(words.into_iter().map(str::to_owned));
    }
    for path in &taken {
        assert!(repository(path).exists(), "{path}");
        assert!(
            named.contains(&path.as_str()),
            "`.dockerignore` hides {path}"
        );
    }
    assert_eq!(taken.len(), named.len(), "{taken:?} {named:?}");
    let needed = [
        "Cargo.lock",
        "Cargo.toml",
        "configs",
        "datasets/mnist-5k",
        "src",
    ];
    taken.sort();
    assert_eq!(taken, needed, "what the compiler reads");
}

#[test]
fn the_container_runs_the_program_and_not_as_root() {
    assert_eq!(instructions("ENTRYPOINT"), ["[\"cnn\"]"]);
    assert_eq!(instructions("WORKDIR").last().unwrap(), "/work");
    assert_eq!(instructions("USER"), ["1000:1000"]);
    let binary = instructions("COPY")
        .into_iter()
        .find(|copy| copy.starts_with("--from="));
    let binary = binary.unwrap();
    assert!(binary.ends_with("/cnn /usr/local/bin/cnn"), "{binary}");
    let known = [
        "FROM",
        "ARG",
        "WORKDIR",
        "COPY",
        "RUN",
        "USER",
        "ENTRYPOINT",
        "CMD",
        "LABEL",
    ];
    for (word, _) in dockerfile() {
        assert!(known.contains(&word.as_str()), "{word}");
    }
}
