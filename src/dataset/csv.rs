//! Tables of comma-separated values: a path and a label a row, or a label and the numbers of a sample.

use std::fmt::Write as _;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ::csv::{ByteRecord, Reader, ReaderBuilder, Terminator};

use super::columns::{self, Columns};
use super::faults::{MOST_TOLD, fail_with};
use super::labels::{Cells, Labels};
use super::layout::Split;
use super::npy::Numbers;
use crate::config::Task;
use crate::diagnostic::{Diagnostic, Error, Result};

/// The longest row, in bytes; longer ones are a missing quote or another format.
const MAX_ROW_BYTES: u64 = 1 << 26;

/// What follows a table: the last line ends like the others, so that lines can be counted by their ends, and a row comes
/// that a quote left open takes in.
const END: &[u8] = b"\n\x1c\n";
/// That row: the separator of files in ASCII.
const MARK: &[u8] = b"\x1c";

/// The way out where a text is not UTF-8.
const SAVE_AS_UTF8: &str = "save it as \"CSV UTF-8\"";

/// What a table is read for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    /// Where files that it lists must lie; they are not looked for where it is not told.
    pub(super) folder: Option<&'a Path>,
    /// What is to be learnt.
    pub(super) task: Task,
    /// Columns of what is to be learnt, where the config names any.
    pub(super) targets: &'a [String],
    /// Number of values of a sample, where a row holds them.
    pub(super) width: usize,
    /// Number of classes, where the network tells.
    pub(super) classes: Option<usize>,
}

/// What a table holds, a row a sample.
#[derive(Debug, PartialEq)]
pub(super) struct Table {
    /// Files or numbers.
    pub(super) content: Content,
    /// What is to be learnt.
    pub(super) labels: Labels,
    /// The split of each row, where there is such a column.
    pub(super) splits: Option<Vec<Split>>,
}

/// What the samples are.
#[derive(Debug, PartialEq)]
pub(super) enum Content {
    /// Files, relative to the table's folder.
    Paths(Vec<PathBuf>),
    /// As many values a row as wanted; bytes if all are whole numbers from 0 to 255.
    Values(Numbers),
}

/// Reads a whole table; `name` shows it in messages.
///
/// # Errors
/// Diagnostics about the columns, or about the rows with their lines, ten at most.
pub(super) fn read(name: &str, reader: impl Read, wanted: &Wanted<'_>) -> Result<Table> {
    let reader = without_mark(name, reader)?.chain(END);
    let mut lines = Lines {
        name,
        reader: ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            // What stands before it is trimmed from the last cell. By default a line would end there, and the rest
            // of its end would count to the next.
            .terminator(Terminator::Any(b'\n'))
            .from_reader(Limited {
                reader,
                left: MAX_ROW_BYTES,
            }),
        record: ByteRecord::new(),
    };
    let Some(first) = lines.next()? else {
        let diagnostic = Diagnostic::error(format!("`{name}` is empty"));
        return Err(Error::data(diagnostic.help("write a row for each sample")));
    };
    if let Some(cell) = not_utf8(&lines.record) {
        let message = format!("`{name}` line {first}: {cell}");
        return Err(Error::data(Diagnostic::error(message).help(SAVE_AS_UTF8)));
    }
    let columns = columns::of(name, &cells(&lines.record), wanted)?;
    let mut rows = Rows::new(name, &columns, wanted);
    if !columns.has_header {
        rows.add(first, &lines.record);
    }
    while let Some(line) = lines.next()? {
        rows.add(line, &lines.record);
    }
    rows.finish()
}

/// Rows with the lines they begin in.
struct Lines<'a, R> {
    name: &'a str,
    reader: Reader<Limited<R>>,
    record: ByteRecord,
}

impl<R: Read> Lines<'_, R> {
    /// Reads the next row that is not empty, and returns its line.
    fn next(&mut self) -> Result<Option<u64>> {
        loop {
            self.reader.get_mut().left = MAX_ROW_BYTES;
            let read = self.reader.read_byte_record(&mut self.record);
            let line = self.reader.position().line();
            let is_there = read.map_err(|error| {
                let message = format!("`{}` cannot be read after line {line}: {error}", self.name);
                let help = "check that every quote is closed, and that it is a text file";
                Error::data(Diagnostic::error(message).help(help))
            })?;
            if !is_there {
                return Ok(None);
            }
            if self.record.len() == 1 && self.record.as_slice() == MARK {
                if !self
                    .reader
                    .read_byte_record(&mut ByteRecord::new())
                    .unwrap_or(false)
                {
                    return Ok(None);
                }
                let line = line.saturating_sub(1);
                let message = format!("`{}` line {line}: an unprintable sign alone", self.name);
                let help = "remove the line";
                return Err(Error::data(Diagnostic::error(message).help(help)));
            }
            if self.record.as_slice().trim_ascii().is_empty() && self.record.len() < 2 {
                continue;
            }
            let inner = self.record.as_slice().iter().filter(|byte| **byte == b'\n');
            let inner = inner.count() as u64;
            if self.record.as_slice().ends_with(END) {
                let line = line.saturating_sub(inner);
                let message = format!(
                    "`{}` line {line}: a quote is opened and never closed",
                    self.name
                );
                let help = "close the quote, or remove it";
                return Err(Error::data(Diagnostic::error(message).help(help)));
            }
            return Ok(Some(line.saturating_sub(1 + inner)));
        }
    }
}

/// Passes over the byte order mark that Excel writes.
fn without_mark<R: Read>(name: &str, mut reader: R) -> Result<impl Read> {
    let mut start = Vec::new();
    let read = reader.by_ref().take(3).read_to_end(&mut start);
    read.map_err(|error| {
        Error::data(Diagnostic::error(format!(
            "`{name}` cannot be read: {error}"
        )))
    })?;
    let diagnostic = |what: &str| Diagnostic::error(format!("`{name}` {what}"));
    if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
        let diagnostic = diagnostic("is UTF-16 text, expected UTF-8");
        return Err(Error::data(diagnostic.help(SAVE_AS_UTF8)));
    }
    if start.starts_with(&[0x1f, 0x8b]) || start.starts_with(b"PK") {
        let diagnostic = diagnostic("is a packed file, expected a table of text");
        return Err(Error::data(diagnostic.help("unpack it first")));
    }
    if start == [0xef, 0xbb, 0xbf] {
        start.clear();
    }
    Ok(io::Cursor::new(start).chain(reader))
}

/// A reader that gives so many bytes at most, until it is given leave for more.
struct Limited<R> {
    reader: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::Error::other("a row is over 64 MiB"));
        }
        let read = self.reader.read(buffer)?;
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}

/// Returns the cells of a row without spaces around.
fn cells(record: &ByteRecord) -> Vec<String> {
    let cells = record.iter().map(|cell| String::from_utf8_lossy(cell));
    cells.map(|cell| cell.trim().to_owned()).collect()
}

/// Shows the first cell that is not UTF-8: what is read in its place would be another name.
fn not_utf8(record: &ByteRecord) -> Option<String> {
    let is_text = |cell: &&[u8]| std::str::from_utf8(cell).is_ok();
    let cell = record.iter().find(|cell| !is_text(cell))?;
    let shown = String::from_utf8_lossy(cell);
    Some(format!("`{}` is not UTF-8 text", shown.trim()))
}

/// Rows read so far, and what is wrong with them.
struct Rows<'a> {
    name: &'a str,
    columns: &'a Columns,
    wanted: &'a Wanted<'a>,
    paths: Vec<PathBuf>,
    values: Numbers,
    cells: Cells,
    splits: Vec<Split>,
    faults: Faults<'a>,
}

/// Faults by line: the first ten, and how many there are.
pub(super) struct Faults<'a> {
    name: &'a str,
    told: Vec<Diagnostic>,
    more: usize,
}

impl Faults<'_> {
    pub(super) fn add(&mut self, line: u64, what: &str, help: &str) {
        if self.told.len() == MOST_TOLD {
            self.more += 1;
            return;
        }
        let message = format!("`{}` line {line}: {what}", self.name);
        self.told.push(Diagnostic::error(message).help(help));
    }

    fn finish(mut self) -> Result<()> {
        // The mend is said once for all that need the same.
        for index in 1..self.told.len() {
            if let [.., before, own] = &mut self.told[..=index]
                && before.helps == own.helps
            {
                before.helps.clear();
            }
        }
        if let Some(last) = self.told.last_mut()
            && self.more > 0
        {
            let mut note = String::new();
            let _ = write!(note, "and {} more", self.more);
            last.notes.push(note);
        }
        fail_with(self.told)
    }
}

impl<'a> Rows<'a> {
    fn new(name: &'a str, columns: &'a Columns, wanted: &'a Wanted<'a>) -> Self {
        Self {
            name,
            columns,
            wanted,
            paths: Vec::new(),
            values: Numbers::Bytes(Vec::new()),
            cells: Cells::default(),
            splits: Vec::new(),
            faults: Faults {
                name,
                told: Vec::new(),
                more: 0,
            },
        }
    }

    fn add(&mut self, line: u64, record: &ByteRecord) {
        let columns = self.columns;
        if record.len() != columns.count {
            if record.iter().any(|cell| cell.contains(&b'\n')) {
                let what = "a quote is opened that is not closed in the line";
                self.faults.add(line, what, "close the quote, or remove it");
                return;
            }
            let (found, expected) = (record.len(), columns.count);
            let what = format!("has {found} columns, expected {expected} as in the first line");
            let help =
                "put text that holds a comma into quotes, and give every row the same columns";
            self.faults.add(line, &what, help);
            return;
        }
        if let Some(what) = not_utf8(record) {
            self.faults.add(line, &what, SAVE_AS_UTF8);
            return;
        }
        let cell = |column: usize| {
            let cell = record.get(column).unwrap_or_default().trim_ascii();
            String::from_utf8_lossy(cell)
        };
        if let Some(column) = columns.path {
            let path = cell(column);
            if path.is_empty() {
                self.faults
                    .add(line, "has no path", "write the path, or remove the line");
                return;
            }
            let path = PathBuf::from(path.as_ref());
            let is_missing = |folder: &Path| !folder.join(&path).is_file();
            if self.wanted.folder.is_some_and(is_missing) {
                let what = format!("there is no file `{}`", path.display());
                let help = "paths count from the table's folder: mend it, or remove the line";
                self.faults.add(line, &what, help);
                return;
            }
            self.paths.push(path);
        }
        for &column in &columns.values {
            let cell = record.get(column).unwrap_or_default().trim_ascii();
            let Some(value) = number(cell) else {
                let shown = columns.shown(column);
                let cell = String::from_utf8_lossy(cell);
                let what = format!("`{cell}` in {shown} is not a number");
                self.faults.add(line, &what, "write a number there");
                return;
            };
            push(&mut self.values, value);
        }
        for &column in &columns.targets {
            if let Err(what) = self.cells.add(line, &cell(column), self.wanted.task) {
                let shown = columns.shown(column);
                let help = "write the label, or remove the line";
                self.faults.add(line, &format!("{what} in {shown}"), help);
            }
        }
        if let Some(column) = columns.split {
            if let Some(split) = Split::named(&cell(column)) {
                self.splits.push(split);
            } else {
                let what = format!("`{}` is no split", cell(column));
                let help = "write `train`, `validation` or `test`";
                self.faults.add(line, &what, help);
            }
        }
    }

    fn finish(mut self) -> Result<Table> {
        let labels = self
            .cells
            .finish(self.wanted, self.columns, &mut self.faults);
        self.faults.finish()?;
        let content = if self.columns.path.is_some() {
            Content::Paths(self.paths)
        } else {
            Content::Values(self.values)
        };
        if labels.is_empty() {
            let message = format!("`{}` has a header and no rows", self.name);
            let help = "write a row for each sample";
            return Err(Error::data(Diagnostic::error(message).help(help)));
        }
        Ok(Table {
            content,
            labels,
            splits: self.columns.split.map(|_| self.splits),
        })
    }
}

/// Parses a finite number.
fn number(cell: &[u8]) -> Option<f32> {
    let text = std::str::from_utf8(cell).ok()?;
    text.parse().ok().filter(|value: &f32| value.is_finite())
}

/// Appends a value; bytes become floats when the first comes that is none.
fn push(values: &mut Numbers, value: f32) {
    match values {
        Numbers::Floats(floats) => floats.push(value),
        Numbers::Bytes(bytes) if value.fract() == 0.0 && (0.0..=255.0).contains(&value) => {
            bytes.push(value as u8);
        }
        Numbers::Bytes(bytes) => {
            let mut floats: Vec<f32> = bytes.iter().copied().map(f32::from).collect();
            floats.push(value);
            *values = Numbers::Floats(floats);
        }
    }
}

#[cfg(test)]
#[path = "csv_tests.rs"]
mod tests;
