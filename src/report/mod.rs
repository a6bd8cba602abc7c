//! Events and results → what a person or a program sees. The only floor that prints.

mod bars;
pub mod bench;
pub mod blocks;
mod chart;
mod charts;
pub mod crossval;
pub mod curves;
pub mod data_sets;
pub mod diagnostics;
pub mod doctor;
pub mod evaluation;
pub mod export;
pub mod fetching;
pub mod filter;
mod history;
pub mod html;
pub mod import;
pub mod inspection;
pub mod json;
pub mod look;
pub mod measurement;
mod number;
pub mod plot;
pub mod prediction;
pub mod reference;
pub mod runs;
pub mod schema;
pub mod survey;
pub mod sweep;
pub mod templates;
pub mod tensorboard;
pub mod training;

use std::io::{self, Write};

use crate::doctor::Terminal;

/// Where data goes; everything else goes to standard error.
///
/// A reader that has gone away, as in `cnn predict … | head -1`, is no fault: what follows is
/// dropped in silence.
#[derive(Debug, Default)]
pub struct Output {
    closed: bool,
}

impl Output {
    /// Writes data to standard output: to a file or a program byte for byte, to a terminal without orders to it.
    ///
    /// # Errors
    /// As [`Output::write`].
    pub fn write_data(&mut self, text: &str) -> crate::diagnostic::Result<()> {
        if io::IsTerminal::is_terminal(&io::stdout()) {
            let lines: Vec<String> = text.split('\n').map(plain).collect();
            return self.write(&lines.join("\n"));
        }
        self.write_through(text, |bytes| {
            let mut stdout = io::stdout().lock();
            stdout.write_all(bytes).and_then(|()| stdout.flush())
        })
    }

    /// Writes text to standard output.
    ///
    /// # Errors
    /// When standard output cannot be written for another reason than that nobody reads it.
    pub fn write(&mut self, text: &str) -> crate::diagnostic::Result<()> {
        self.write_through(text, |bytes| {
            let mut stdout = anstream::stdout().lock();
            stdout.write_all(bytes).and_then(|()| stdout.flush())
        })
    }

    fn write_through(
        &mut self,
        text: &str,
        write: impl FnOnce(&[u8]) -> io::Result<()>,
    ) -> crate::diagnostic::Result<()> {
        if self.closed {
            return Ok(());
        }
        match write(text.as_bytes()) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            Err(error) => Err(crate::diagnostic::Error::io(
                "write",
                std::path::Path::new("standard output"),
                &error,
            )),
        }
    }

    /// Returns whether nobody reads any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed
    }
}

/// Returns the columns of the terminal that standard output is, if it is one.
#[must_use]
pub fn terminal_width() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(io::stdout())?;
    Some(usize::from(width.0))
}

/// Returns whether standard output shows colours.
#[must_use]
pub fn has_colours() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}

/// Returns where standard output goes.
#[must_use]
pub fn terminal() -> Terminal {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].map(std::env::var_os);
    let locale = locale.into_iter().flatten().find(|value| !value.is_empty());
    let locale = locale.unwrap_or_default().to_string_lossy().to_lowercase();
    Terminal {
        columns: terminal_width(),
        colours: has_colours(),
        utf8: cfg!(windows) || locale.contains("utf-8") || locale.contains("utf8"),
    }
}

/// Returns the columns of the terminal that standard error is, or as many as text has elsewhere.
fn error_width() -> usize {
    let size = terminal_size::terminal_size_of(io::stderr());
    size.map_or(80, |(width, _)| usize::from(width.0))
}

/// Writes text to standard error; nothing can be said of a failure there.
pub fn tell(text: &str) {
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}

/// Makes text safe to show on a terminal: control characters appear as escapes, and so do those that turn the
/// direction of writing, in which a name could pose as another.
#[must_use]
pub fn plain(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            let escaped: Vec<char> = if turns || c.is_control() {
                c.escape_default().collect()
            } else {
                vec![c]
            };
            escaped
        })
        .collect()
}
