//! `cnn man`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use crate::config::nearest;
use crate::diagnostic::{Diagnostic, Error, Kind, Result, in_backticks};
use crate::files;
use crate::report::{self, Output};

/// Write the manual, a page for each command
///
/// The text is what `man` reads; `--dir` takes the folder that `man` looks into.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cnn man train | man -l -
  cnn man --dir ~/.local/share/man/man1")]
pub(super) struct Arguments {
    /// The command whose page to write, such as `data fetch` [default: the page of `cnn`]
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
    /// Write all pages into this folder instead
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    dir: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, quiet: bool) -> Result<u8> {
    let mut whole = super::Arguments::command().disable_help_subcommand(true);
    whole.build();
    if let Some(folder) = &arguments.dir {
        fs::create_dir_all(folder).map_err(|error| Error::io("create", folder, &error))?;
        let pages = write_all(&whole, folder)?;
        if !quiet {
            let folder = report::plain(&folder.display().to_string());
            report::tell(&format!("wrote {pages} pages to {folder}\n"));
        }
        return Ok(0);
    }
    let mut command = &whole;
    for word in &arguments.command {
        let inner = command.find_subcommand(word);
        command = inner.ok_or_else(|| unknown(command, word))?;
    }
    Output::default().write(&page(command)?)?;
    Ok(0)
}

/// Writes the page of a command and those of the commands in it; returns how many.
fn write_all(command: &Command, folder: &Path) -> Result<usize> {
    let name = Man::new(command.clone()).get_filename();
    files::write(&folder.join(name), page(command)?.as_bytes())?;
    let mut pages = 1;
    for inner in command.get_subcommands() {
        pages += write_all(inner, folder)?;
    }
    Ok(pages)
}

/// What the page of `cnn` says beyond its help and the exit codes.
const SECTIONS: &[(&str, &[(&str, &str)])] = &[
    (
        "FILES",
        &[
            (
                "runs/",
                "Trained networks, a folder a run, in the folder that cnn is called in.",
            ),
            ("datasets/", "Data sets that were fetched."),
        ],
    ),
    (
        "ENVIRONMENT",
        &[
            (
                "CNN_DATASETS",
                "The folder of fetched data sets in place of datasets/.",
            ),
            (
                "CNN_ISA",
                "Vector instructions to compute with: avx512, avx2 or portable.",
            ),
            (
                "CNN_DEVICE_TOKEN",
                "What cnn serve-device asks others for, and what they show to it.",
            ),
            ("NO_COLOR", "Set to anything, no colours are shown."),
            (
                "HTTPS_PROXY, SSL_CERT_FILE",
                "A proxy and the certificates to trust for cnn data fetch.",
            ),
        ],
    ),
];

/// Tells `man` and `groff` how letters are written.
const CODING: &str = "'\\\" -*- coding: utf-8 -*-\n";

/// Writes the page of one command.
fn page(command: &Command) -> Result<String> {
    let write = || -> io::Result<Vec<u8>> {
        let man = Man::new(command.clone())
            // An empty date would be left out, and what follows it taken for one.
            .date(" ")
            .source(concat!("cnn ", env!("CARGO_PKG_VERSION")))
            .manual("cnn manual");
        let mut page = CODING.as_bytes().to_vec();
        man.render_title(&mut page)?;
        man.render_name_section(&mut page)?;
        man.render_synopsis_section(&mut page)?;
        man.render_description_section(&mut page)?;
        man.render_options_section(&mut page)?;
        if command.has_subcommands() {
            man.render_subcommands_section(&mut page)?;
        }
        close(command).to_writer(&mut page)?;
        Ok(page)
    };
    let page = write().map_err(|error| Error::io("write", Path::new("a page"), &error))?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// Returns the sections at the end of a page.
fn close(command: &Command) -> Roff {
    let mut roff = Roff::new();
    let help = command.get_after_help().map(ToString::to_string);
    let examples = help.as_deref().map(examples).unwrap_or_default();
    if !examples.is_empty() {
        roff.control("SH", ["EXAMPLES"]);
        roff.control("nf", []);
        for example in examples {
            roff.text([roman(example)]);
        }
        roff.control("fi", []);
    }
    if command.get_name() != "cnn" {
        roff.control("SH", ["SEE ALSO"]);
        roff.text([roman("cnn(1)")]);
        return roff;
    }
    let codes = exit_codes();
    let codes = codes
        .iter()
        .map(|(code, text)| (code.as_str(), text.as_str()));
    add_section(&mut roff, "EXIT STATUS", codes);
    for (title, entries) in SECTIONS {
        add_section(&mut roff, title, entries.iter().copied());
    }
    roff
}

fn add_section<'a>(roff: &mut Roff, title: &str, terms: impl Iterator<Item = (&'a str, &'a str)>) {
    roff.control("SH", [title]);
    for (term, text) in terms {
        roff.control("TP", []);
        roff.text([roman(term)]);
        roff.text([roman(text)]);
    }
}

/// Returns every exit code with a sentence about it.
fn exit_codes() -> Vec<(String, String)> {
    let kinds = Kind::ALL.map(|kind| (kind.exit_code().to_string(), kind.meaning()));
    let stopped = "stopped by SIGINT or SIGTERM, after saving";
    let first = [("0".to_owned(), "success")].into_iter();
    let all = first.chain(kinds).chain([("130, 143".to_owned(), stopped)]);
    let sentence = |text: &str| {
        let (first, rest) = text.split_at(1);
        format!("{}{rest}.", first.to_uppercase())
    };
    all.map(|(code, text)| (code, sentence(text))).collect()
}

/// Returns the lines of the examples that stand below a help text, as wide apart as they stand there.
fn examples(help: &str) -> Vec<&str> {
    let titles = ["Examples:", "Example:", "Start with:"];
    let untitled = help.lines().map(|line| {
        let line = line.trim();
        let rest = titles.iter().find_map(|title| line.strip_prefix(title));
        rest.unwrap_or(line).trim()
    });
    untitled.filter(|line| !line.is_empty()).collect()
}

fn unknown(command: &Command, word: &str) -> Error {
    let names: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
    let whole = command.get_bin_name().unwrap_or("cnn");
    let diagnostic = Diagnostic::error(format!("`{whole}` has no command `{word}`"));
    Error::config(match nearest(word, &names) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None if names.is_empty() => diagnostic.help(format!("`{whole}` is a command by itself")),
        None => diagnostic.help(format!("commands are {}", in_backticks(&names))),
    })
}
