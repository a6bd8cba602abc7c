//! What went wrong, where, and how to mend it: values, not text on a terminal.

use std::fmt;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// Named text that spans point into: a config file, or an option of the command line.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// A path as the user typed it, or what stands in its place (`--set`, `--epochs`).
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// A range of bytes in a [`Source`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The text it points into.
    pub source: Arc<Source>,
    /// Byte offsets, on character boundaries.
    pub range: Range<usize>,
    /// The use of a block that brought the place into the network, if one did.
    pub via: Option<Arc<Use>>,
}

/// A use of a reusable block.
#[derive(Debug, PartialEq, Eq)]
pub struct Use {
    /// The block's name.
    pub block: String,
    /// Where it is used.
    pub place: Span,
}

impl Span {
    /// Creates a span of a text.
    #[must_use]
    pub fn new(source: &Arc<Source>, range: Range<usize>) -> Self {
        Self {
            source: Arc::clone(source),
            range,
            via: None,
        }
    }

    /// Returns the place of what no text says, such as a default.
    #[must_use]
    pub(crate) fn nowhere() -> Self {
        let source = Source {
            name: "defaults".to_owned(),
            text: String::new(),
        };
        Self::new(&Arc::new(source), 0..0)
    }

    /// Returns the 1-based line the span begins on.
    #[must_use]
    pub fn line(&self) -> usize {
        let before = self.source.text.get(..self.range.start).unwrap_or_default();
        before.matches('\n').count() + 1
    }
}

/// How serious a [`Diagnostic`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The command cannot go on.
    Error,
    /// The command goes on, and the user should know.
    Warning,
}

/// A place in a source with a few words about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What is to be said there; may be empty.
    pub text: String,
}

/// One thing to tell the user: lowercase, no full stop, the user's own words in backticks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How serious it is.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub message: String,
    /// Where; empty when the place is not in a text.
    pub label: Option<Label>,
    /// Facts that explain it.
    pub notes: Vec<String>,
    /// Edits that mend it.
    pub helps: Vec<String>,
}

impl Diagnostic {
    /// Creates an error.
    pub fn error(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            label: None,
            notes: Vec::new(),
            helps: Vec::new(),
        }
    }

    /// Creates a warning.
    pub fn warning(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(message)
        }
    }

    /// Points at the place, with a few words (which may be empty).
    #[must_use]
    pub fn at(mut self, span: &Span, text: impl Into<String>) -> Self {
        let mut via = span.via.as_ref();
        while let Some(use_) = via {
            let line = use_.place.line();
            let note = format!("in block `{}`, used in line {line}", use_.block);
            self.notes.push(note);
            via = use_.place.via.as_ref();
        }
        self.label = Some(Label {
            span: span.clone(),
            text: text.into(),
        });
        self
    }

    /// Returns the 1-based line it points at; nothing where the place is not in a text.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.label.as_ref().map(|label| label.span.line())
    }

    /// Returns whether another says the same of the same place, for another use of a block.
    #[must_use]
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        let range = |diagnostic: &Self| {
            diagnostic
                .label
                .as_ref()
                .map(|label| label.span.range.clone())
        };
        let source = |diagnostic: &Self| {
            let label = diagnostic.label.as_ref();
            label.map(|label| label.span.source.name.clone())
        };
        self.message == other.message
            && range(self) == range(other)
            && source(self) == source(other)
    }

    /// Returns what sorts diagnostics by file and place; those without a place come first.
    #[must_use]
    pub(crate) fn place(&self) -> (String, usize) {
        match &self.label {
            Some(label) => (label.span.source.name.clone(), label.span.range.start),
            None => (String::new(), 0),
        }
    }

    /// Adds a fact that explains it.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds an edit that mends it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.helps.push(help.into());
        self
    }
}

/// Why a command ends without success; each has an exit code of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The command line or the config.
    Config,
    /// The data set or a picture.
    Data,
    /// A model file, a checkpoint or a run.
    Model,
    /// Reading or writing failed.
    Io,
    /// The loss is not a finite number.
    Diverged,
    /// The run is in use.
    Busy,
}

impl Kind {
    /// All of them, by their exit codes.
    pub const ALL: [Self; Self::Busy as usize + 1] = [
        Self::Config,
        Self::Data,
        Self::Model,
        Self::Io,
        Self::Diverged,
        Self::Busy,
    ];

    /// Returns what its exit code means, in words that go on after the code.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Config => "the command line or a config is at fault",
            Self::Data => "the data are at fault",
            Self::Model => "a model file, a checkpoint or a run is at fault",
            Self::Io => "reading or writing failed",
            Self::Diverged => "training diverged: the loss is no finite number",
            Self::Busy => "the run is in use by another process",
        }
    }

    /// Returns the exit code of the public contract.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Config => 2,
            Self::Data => 3,
            Self::Model => 4,
            Self::Io => 5,
            Self::Diverged => 6,
            Self::Busy => 7,
        }
    }
}

/// Everything that stopped a command: one kind, one or more diagnostics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Decides the exit code.
    pub kind: Kind,
    /// In the order they should be read.
    pub diagnostics: Vec<Diagnostic>,
}

/// A result whose error is an [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Creates an error from one diagnostic.
    #[must_use]
    pub fn new(kind: Kind, diagnostic: Diagnostic) -> Self {
        Self {
            kind,
            diagnostics: vec![diagnostic],
        }
    }

    /// Creates an error about the data.
    #[must_use]
    pub fn data(diagnostic: Diagnostic) -> Self {
        Self::new(Kind::Data, diagnostic)
    }

    /// Creates an error about the config or the command line.
    #[must_use]
    pub fn config(diagnostic: Diagnostic) -> Self {
        Self::new(Kind::Config, diagnostic)
    }

    /// Creates an error about a model, a checkpoint or a run.
    #[must_use]
    pub fn model(diagnostic: Diagnostic) -> Self {
        Self::new(Kind::Model, diagnostic)
    }

    /// Adds a help, where there is one, to what is told last.
    pub(crate) fn proposing(mut self, help: Option<String>) -> Self {
        if let Some(last) = self.diagnostics.last_mut() {
            last.helps.extend(help);
        }
        self
    }

    /// Creates an error from a failed read or write: "failed to `action` `path`".
    #[must_use]
    pub fn io(action: &str, path: &Path, error: &std::io::Error) -> Self {
        let message = format!("failed to {action} `{}`: {error}", path.display());
        let diagnostic = Diagnostic::error(message);
        let is_written = matches!(action, "write" | "create");
        let help = match error.kind() {
            ErrorKind::NotFound if is_written => match path.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => {
                    let folder = folder.display();
                    let help =
                        format!("there is no folder `{folder}`: make it, or choose another place");
                    return Self::new(Kind::Io, diagnostic.help(help));
                }
                _ => return Self::new(Kind::Io, diagnostic),
            },
            ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
                "something else stands where a folder belongs: move it away, or choose another place"
            }
            ErrorKind::IsADirectory if is_written => {
                "a folder stands there: give the name of a file"
            }
            ErrorKind::PermissionDenied => "let this user in there, or choose another place",
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                "make room there, or choose another place"
            }
            ErrorKind::FileTooLarge => "raise the limit on the size of files (`ulimit -f`)",
            ErrorKind::ReadOnlyFilesystem => "choose a place that can be written",
            _ => return Self::new(Kind::Io, diagnostic),
        };
        Self::new(Kind::Io, diagnostic.help(help))
    }
}

/// Writes names one after another, each in backticks.
pub(crate) fn in_backticks<T: fmt::Display>(names: impl IntoIterator<Item = T>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.diagnostics.iter().enumerate() {
            if index > 0 {
                formatter.write_str("; ")?;
            }
            formatter.write_str(&diagnostic.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
