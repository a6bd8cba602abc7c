//! Golden diagnostics: the whole message of every error, as a person reads it.
//!
//! Each `tests/errors/*.toml` begins with a comment that says what it shows; the `.txt` beside it
//! is what `cnn inspect` says of it. `tests/errors/commands/*.txt` holds what commands say of
//! faults that the tests here make.

use std::collections::BTreeSet;

use crate::support::{Golden, Outcome, command_in, names, outcome, repository};

fn golden_text(outcome: &Outcome) -> String {
    format!("{}exit {}\n", outcome.stderr, outcome.code)
}

#[test]
fn every_error_of_a_config_reads_as_it_should() {
    let folder = repository("tests/errors");
    let files = names(&folder);
    let stems = |extension: &str| -> BTreeSet<String> {
        let stem = |name: &String| Some(name.strip_suffix(extension)?.to_owned());
        files.iter().filter_map(stem).collect()
    };
    let configs = stems(".toml");
    assert!(configs.len() > 100, "{}", configs.len());
    let mut golden = Golden::new();
    for stem in &configs {
        let config = format!("{stem}.toml");
        let outcome = outcome(&mut command_in(&folder, &["inspect", &config]));
        assert_eq!(outcome.stdout, "", "{config}");
        assert_eq!(outcome.code, 2, "{config}: {outcome:#?}");
        golden.check(&folder.join(format!("{stem}.txt")), &golden_text(&outcome));
    }
    golden.finish();
    let orphans: Vec<_> = stems(".txt").difference(&configs).cloned().collect();
    assert!(orphans.is_empty(), "no config beside {orphans:?}");
}
