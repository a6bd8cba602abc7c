//! Configs: a text ends with a plan, whose figures can be shown, or with all its errors.

use cnn::Project;
use cnn::config::Override;
use cnn::report::diagnostics::render_error;
use cnn::report::inspection::Inspection;

/// What settings are put over.
const BASE: &str = include_str!("../corpus/toml/every_section");

/// The text of a config.
pub(crate) fn toml(bytes: &[u8]) {
    // Files that are no text are refused before.
    if let Ok(text) = std::str::from_utf8(bytes) {
        check(text, &[]);
    }
}

/// Settings of `--set`, one a line, over a config.
pub(crate) fn set(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let settings: Vec<Override> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| Override::new(key, value))
        .collect();
    check(BASE, &settings);
}

fn check(text: &str, settings: &[Override]) {
    let project = match Project::check("fuzzed.toml", text, settings) {
        Ok(project) => project,
        Err(error) => {
            assert!(!error.diagnostics.is_empty());
            drop(render_error(&error));
            return;
        }
    };
    let train = &project.config.train;
    let shown = Inspection::new("fuzzed", &project.plan, train.batch_size, &train.optimizer);
    drop((shown.render(), shown.to_json()));
    // What a run keeps must be read again, as the same.
    let written = project.config.to_toml();
    match Project::check("written.toml", &written, &[]) {
        Ok(again) => assert_eq!(again.config.to_toml(), written),
        Err(error) => panic!("{written}\n{}", render_error(&error)),
    }
}
