//! What is said of arguments that cannot be read.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::Path;

use clap::error::{ContextKind, ContextValue};

use crate::diagnostic::{Diagnostic, Error, in_backticks};
use crate::report::{self, diagnostics};

/// Options of other programs, in small letters and with hyphens, and what does the same here.
const KNOWN_ELSEWHERE: &[(&[&str], &str)] = &[
    (
        &["--lr", "--learning-rate", "--lr0", "--eta"],
        "the rate is set with `--set train.optimizer.learning_rate=0.01`",
    ),
    (
        &["--optimizer", "--momentum", "--weight-decay", "--opt"],
        "the optimizer is set with `--set 'train.optimizer={ type = \"sgd\", momentum = 0.9 }'`",
    ),
    (
        &["--gpu", "--gpus", "--cuda", "--gpu-id", "--no-cuda"],
        "a graphics card is `--device wgpu`; `cnn doctor` tells which devices there are",
    ),
    (
        &["--name", "--project", "--experiment", "--run-name"],
        "`cnn train` names a run by `--run NAME`, `cnn import` by `--as NAME`",
    ),
    (
        &[
            "-o",
            "--output",
            "--output-dir",
            "--save",
            "--save-dir",
            "--dest",
        ],
        "`cnn train` writes to `runs/`, into a folder named by `--run NAME`; commands that write one file have `--out FILE`",
    ),
    (
        &["--weights", "--checkpoint", "--ckpt", "--load"],
        "`cnn predict` takes `--model RUN`, others the run alone; `cnn train` goes on with `--resume RUN`, or begins with `from` in `[train]`",
    ),
    (
        &["--workers", "--num-workers", "--jobs", "-j", "-t"],
        "commands that compute long have `--threads N`",
    ),
    (
        &["--imgsz", "--img-size", "--image-size"],
        "the size of pictures is `input` in `[model]` of the config",
    ),
    (
        &["--pretrained", "--init"],
        "trained weights to begin with are `from` in `[train]` of the config",
    ),
    (
        &["--patience", "--early-stopping"],
        "training that ends early is `--set 'train.early_stopping={ patience = 5 }'`",
    ),
    (
        &["--half", "--fp16", "--amp", "--precision"],
        "training has 32-bit floats; `cnn inspect --dtype` counts others, `cnn export --dtype` writes them",
    ),
    (
        &["--cfg", "--config", "--config-file"],
        "the config is an argument without an option: `cnn train CONFIG`",
    ),
];

/// Writes help, or what is wrong with the arguments; returns the exit code.
pub(super) fn tell(mut error: clap::Error) -> u8 {
    let code = u8::try_from(error.exit_code()).unwrap_or(2);
    match error.kind() {
        clap::error::ErrorKind::UnknownArgument => suggest(&mut error),
        clap::error::ErrorKind::InvalidUtf8 => {
            report::tell(&diagnostics::render(&not_text()));
            return code;
        }
        _ => {}
    }
    let is_odd = |argument: OsString| {
        let argument = argument.to_string_lossy();
        argument != report::plain(&argument)
    };
    // It repeats what was typed, and a file that `*` stood for may be called by an order to the terminal.
    if error.use_stderr() && std::env::args_os().any(is_odd) {
        let text = error.render().to_string();
        let lines: Vec<String> = text.lines().map(report::plain).collect();
        report::tell(&format!("{}\n", lines.join("\n")));
        return code;
    }
    match error.print() {
        Err(failed) if !error.use_stderr() && failed.kind() != ErrorKind::BrokenPipe => {
            let error = Error::io("write", Path::new("standard output"), &failed);
            report::tell(&diagnostics::render_error(&error));
            error.kind.exit_code()
        }
        _ => code,
    }
}

/// Says that an argument is no text which must be; it does not tell which, if several are none.
fn not_text() -> Diagnostic {
    let odd = std::env::args_os().skip(1);
    let odd = odd.filter(|argument| argument.to_str().is_none());
    let shown: Vec<String> = odd
        .map(|argument| argument.as_encoded_bytes().escape_ascii().to_string())
        .collect();
    let message = match &shown[..] {
        [only] => format!("the argument `{only}` is no UTF-8 text"),
        _ => format!("one of {} is no UTF-8 text", in_backticks(&shown)),
    };
    Diagnostic::error(message)
        .help("only paths may have other bytes: rename it, or write it in UTF-8")
}

/// Names what an option of another program is here; else leaves the nearest there is.
fn suggest(error: &mut clap::Error) {
    // That `-- --option` is a value is of use to no one who mistyped an option.
    error.remove(ContextKind::Suggested);
    let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg) else {
        return;
    };
    let option = option.to_lowercase().replace('_', "-");
    let known = KNOWN_ELSEWHERE.iter();
    let mut known = known.filter(|(names, _)| names.contains(&&option[..]));
    if let Some((_, words)) = known.next() {
        let words = vec![(*words).into()];
        error.remove(ContextKind::SuggestedArg);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(words));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::KNOWN_ELSEWHERE;

    fn options(command: &clap::Command, found: &mut BTreeSet<String>) {
        let own = command.get_arguments().filter_map(clap::Arg::get_long);
        found.extend(own.map(|name| format!("--{name}")));
        for command in command.get_subcommands() {
            options(command, found);
        }
    }

    #[test]
    fn what_is_named_instead_is_there() {
        let mut own = BTreeSet::new();
        options(&crate::cli::command(), &mut own);
        for (names, words) in KNOWN_ELSEWHERE {
            assert!(!names.is_empty());
            for option in words
                .split([' ', '`'])
                .filter(|word| word.starts_with("--"))
            {
                assert!(own.contains(option), "{option}");
            }
        }
    }
}
