//! What the program may reach, read off its code; `tests/audit.sh` watches it run.

use std::fs;

use crate::source::{self, without_tests};
use crate::support::{Golden, Lab, repository};

/// The files whose code, without its tests, has one of these words.
fn files_with(words: &[&str]) -> Vec<String> {
    let has = |text: &str| words.iter().any(|word| without_tests(text).contains(word));
    let files = source::files().into_iter();
    let found = files.filter(|file| !file.is_tests() && has(&file.text));
    found.map(|file| file.name).collect()
}

#[test]
fn one_file_asks_the_network_and_none_starts_a_program() {
    let asks = [
        "ureq::",
        "TcpStream",
        "UdpSocket",
        "UnixStream",
        "ToSocketAddrs",
        "lookup_host",
    ];
    let files = files_with(&asks);
    let others = files.iter().filter(|name| !name.starts_with("serve/"));
    assert_eq!(others.collect::<Vec<_>>(), ["fetch/client.rs"]);
    assert_eq!(
        files_with(&["process::Command", "set_current_dir"]),
        Vec::<String>::new()
    );
}

#[test]
fn the_table_of_the_audit_names_every_command() {
    let table = fs::read_to_string(repository("docs/audit.md")).unwrap();
    let help = Lab::new().cnn(&["--help"]).ok().stdout;
    let list = help.split("\nCommands:\n").nth(1).unwrap();
    let lines = list.lines().take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let mut count = 0;
    for name in names.filter(|name| !name.is_empty() && *name != "help") {
        let is_named = [" ", "`", ","]
            .iter()
            .any(|end| table.contains(&format!("`{name}{end}")));
        assert!(is_named, "{name}");
        count += 1;
    }
    assert!(count > 15, "{help}");
}

/// What a file shows at its top, a line each, without what is hidden from the documents.
fn shown(text: &str) -> Vec<String> {
    let mut shown = Vec::new();
    let mut is_hidden = false;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if !line.starts_with("pub ") {
            is_hidden = line == "#[doc(hidden)]" || (is_hidden && line.starts_with("#["));
            continue;
        }
        let mut item = line.to_owned();
        while item.starts_with("pub use ") && !item.ends_with(';') {
            item.push_str(lines.next().unwrap().trim());
        }
        if !is_hidden {
            let ends = ['(', '<', '=', ';', ' '];
            let word = |item: &str| item.splitn(4, ends).take(3).collect::<Vec<_>>().join(" ");
            let is_use = item.starts_with("pub use ");
            shown.push(if is_use { item } else { word(&item) });
        }
        is_hidden = false;
    }
    shown
}

#[test]
fn what_the_library_shows_is_looked_at_before_it_changes() {
    let mut text = String::new();
    for file in ["config/mod.rs", "diagnostic.rs", "plan/mod.rs", "train.rs"] {
        let source = fs::read_to_string(repository("src").join(file)).unwrap();
        let shown = shown(&source);
        assert!(shown.len() > 5, "{file}: {shown:?}");
        text.push_str(&format!("{file}\n"));
        text.extend(shown.iter().map(|item| format!("  {item}\n")));
    }
    let mut golden = Golden::new();
    golden.check(&repository("tests/snapshots/exports.txt"), &text);
    golden.finish();
}
