//! Rust's sources, read as far as it takes to find what diagnostics say.

use std::fs;

use crate::support::{files_below, has_ending, repository};

/// A file of Rust.
pub(crate) struct File {
    /// Its path below `src/`, or below another folder of the repository.
    pub(crate) name: String,
    pub(crate) text: String,
}

/// Returns the files of `src/`, sorted by their names.
pub(crate) fn files() -> Vec<File> {
    files_in("src")
}

/// Returns the files below a folder of the repository, sorted by their names.
pub(crate) fn files_in(folder: &str) -> Vec<File> {
    let root = repository(folder);
    let paths = files_below(&root).into_iter();
    let rust = paths.filter(|path| has_ending(path, &["rs"]));
    let file = rust.map(|path| File {
        name: path.strip_prefix(&root).unwrap().display().to_string(),
        text: fs::read_to_string(&path).unwrap(),
    });
    file.collect()
}

impl File {
    /// Returns the module of the crate that it stands in, `lib` and `main` among them.
    pub(crate) fn module(&self) -> &str {
        let first = self.name.split('/').next().unwrap();
        first.trim_end_matches(".rs")
    }

    /// Tells whether it holds tests alone.
    pub(crate) fn is_tests(&self) -> bool {
        self.name.ends_with("_tests.rs")
    }
}

/// A source: its code without comments and tests, its texts aside.
pub(crate) struct Source {
    /// The code; `"3"` stands for the text with the number 3.
    code: String,
    texts: Vec<String>,
}

/// What a call that makes a diagnostic is given for its message.
pub(crate) enum Call {
    /// Texts, one of which it is, with `…` for what varies.
    Says(Vec<String>),
    /// What stands in the place of a text that is made elsewhere.
    HandsOn(String),
}

/// Drops the tests that stand below the code; those of a file of their own are named amid it.
pub(crate) fn without_tests(text: &str) -> &str {
    let mut tests = text.match_indices("#[cfg(test)]\n").map(|(at, _)| at);
    let is_within = |at: &usize| {
        let module = text[*at..].lines().nth(1).unwrap_or_default();
        module.contains("mod ") && module.ends_with('{')
    };
    &text[..tests.find(is_within).unwrap_or(text.len())]
}

impl Source {
    pub(crate) fn new(text: &str) -> Self {
        let text = without_tests(text);
        let mut source = Self {
            code: String::new(),
            texts: Vec::new(),
        };
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            if rest.starts_with("//") {
                rest = rest.find('\n').map_or("", |end| &rest[end..]);
            } else if rest.starts_with("r\"") || rest.starts_with("r#\"") {
                let marks = rest.find('"').unwrap() - 1;
                let end = format!("\"{}", "#".repeat(marks));
                let (within, after) = rest[marks + 2..].split_once(&end).unwrap();
                source.add(within.to_owned());
                rest = after;
            } else if letter == '"' {
                let (within, after) = string(&rest[1..]);
                source.add(within);
                rest = after;
            } else if letter == '\'' && character(rest) > 0 {
                source.code.push(' ');
                rest = &rest[character(rest)..];
            } else {
                source.code.push(letter);
                rest = &rest[letter.len_utf8()..];
            }
        }
        source
    }

    fn add(&mut self, text: String) {
        self.code.push_str(&format!("\"{}\"", self.texts.len()));
        self.texts.push(text);
    }

    /// Returns all texts, with `…` for what is put into them.
    pub(crate) fn texts(&self) -> impl Iterator<Item = String> {
        self.texts.iter().map(|text| varied(text))
    }

    /// Returns the texts in a part of the code.
    fn texts_in(&self, code: &str) -> Vec<String> {
        let parts: Vec<&str> = code.split('"').collect();
        let texts = parts.chunks_exact(2).map(|pair| {
            let text = &self.texts[pair[1].parse::<usize>().unwrap()];
            let is_format = pair[0].trim_end().ends_with("format!(");
            if is_format {
                varied(text)
            } else {
                text.clone()
            }
        });
        texts.collect()
    }
}

/// Reads a string up to its end; returns what it holds, and what comes after.
fn string(text: &str) -> (String, &str) {
    let mut held = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (held, &text[at + 1..]),
            '\\' => match letters.next().unwrap() {
                (_, 'n') => held.push('\n'),
                // The line goes on where the next begins.
                (at, '\n') => {
                    let blanks = text[at + 1..]
                        .chars()
                        .take_while(|letter| letter.is_whitespace());
                    for _ in 0..blanks.count() {
                        letters.next();
                    }
                }
                (_, other) => held.push(other),
            },
            other => held.push(other),
        }
    }
    panic!("a string without end: {held}");
}

/// Returns the bytes of a character in quotes; 0 for a lifetime.
fn character(text: &str) -> usize {
    let escaped = text[1..].starts_with('\\');
    let from = 1
        + usize::from(escaped)
        + text[1 + usize::from(escaped)..]
            .chars()
            .next()
            .map_or(0, char::len_utf8);
    match text[from..].find('\'') {
        Some(0) => from + 1,
        Some(more) if escaped => from + more + 1,
        _ => 0,
    }
}

/// Puts `…` for every `{…}` of a format.
fn varied(text: &str) -> String {
    let mut varied = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '{' | '}' if letters.peek() == Some(&letter) => {
                letters.next();
                varied.push(letter);
            }
            '{' => {
                varied.push('…');
                for _ in letters.by_ref().take_while(|letter| *letter != '}') {}
            }
            other => varied.push(other),
        }
    }
    varied
}

/// Returns where an expression ends: at a comma, a semicolon or a bracket that it did not open.
fn end_of(code: &str, ends_at_comma: bool) -> usize {
    let mut depth = 0;
    for (at, letter) in code.char_indices() {
        match letter {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' | ';' if depth == 0 => return at,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 && ends_at_comma => return at,
            _ => {}
        }
    }
    code.len()
}

/// Finds every call that makes a diagnostic.
pub(crate) fn calls(source: &Source) -> Vec<Call> {
    let code = &source.code;
    let makers = ["Diagnostic::error(", "Diagnostic::warning("];
    let places = makers.iter().flat_map(|maker| {
        let found = code.match_indices(maker);
        found.map(|(at, maker)| (at, at + maker.len()))
    });
    places
        .map(|(at, from)| call(source, &code[..at], &code[from..]))
        .collect()
}

fn call(source: &Source, before: &str, after: &str) -> Call {
    let argument = after[..end_of(after, true)].trim();
    let own = argument
        .strip_prefix("format!(")
        .unwrap_or(argument)
        .trim_start();
    if own.starts_with('"') {
        return Call::Says(source.texts_in(argument).into_iter().take(1).collect());
    }
    if argument.contains('"') {
        return Call::Says(source.texts_in(argument));
    }
    let name = argument.trim_start_matches('&');
    let name = name.strip_suffix(".clone()").unwrap_or(name);
    let function = before.rfind("fn ").unwrap_or(0);
    let within = &before[function..];
    let bindings = ["", "mut "].map(|word| format!("let {word}{name} ="));
    let bindings = [&bindings[..], &[format!("let ({name}, ")]].concat();
    let places = bindings
        .iter()
        .flat_map(|binding| within.match_indices(binding));
    // The last that holds a text: another may give the diagnostic itself the same name.
    let texts = places.filter_map(|(at, _)| {
        let after = &within[at..];
        let texts = source.texts_in(&after[..end_of(after, false)]);
        (!texts.is_empty()).then_some((at, texts))
    });
    let texts = texts.max_by_key(|(at, _)| *at);
    match texts {
        Some((_, texts)) => Call::Says(texts),
        None => Call::HandsOn(argument.to_owned()),
    }
}
