//! A matrix of weights as a person writes it: rows, or a nested array.

use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Error, Result, Source, Span};

/// Deepest nesting: one matrix for each channel.
const MAX_DEPTH: usize = 3;

/// A matrix of weights, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// Numbers in a row.
    pub columns: usize,
    /// The weights; at least one, a whole number of rows.
    pub weights: Vec<f64>,
}

impl Matrix {
    /// Returns the number of rows and columns.
    #[must_use]
    pub fn size(&self) -> [usize; 2] {
        [self.weights.len() / self.columns, self.columns]
    }
}

/// Numbers in a row of the text, and where they stand.
struct Row {
    numbers: Vec<f64>,
    range: Range<usize>,
}

enum Node {
    Number(f64),
    List(Vec<Node>, Range<usize>),
}

/// Reads one matrix, or one for each channel from an array nested three deep.
///
/// Rows end at a `;` or a line end, numbers at a comma or a space; or it is an array in the
/// brackets of TOML and JSON, with or without `name =` before it. `1/9` is a number, and what
/// follows a `#` is a remark.
///
/// # Errors
/// A diagnostic at the number or row that is wrong.
pub(super) fn parse(source: &Arc<Source>) -> Result<Vec<Matrix>> {
    let text = without_remarks(&source.text);
    let begin = after_key(&text);
    let mut reader = Reader {
        source,
        text: &text,
        position: begin,
    };
    reader.skip_blank();
    if reader.peek() == Some('[') {
        let node = reader.list(1)?;
        reader.skip_blank();
        if let Some(found) = reader.peek() {
            let place = reader.position..reader.position + found.len_utf8();
            return Err(fault(
                source,
                place,
                format!("`{found}` after the end of the matrix"),
            ));
        }
        return matrices(source, node);
    }
    reader.position = begin;
    let rows = reader.rows()?;
    Ok(vec![matrix(source, rows)?])
}

/// Puts spaces in the place of remarks, so that places stay what they are.
fn without_remarks(text: &str) -> String {
    let mut remark = false;
    text.chars()
        .flat_map(|c| {
            remark = (remark || c == '#') && c != '\n';
            let width = if remark { c.len_utf8() } else { 1 };
            std::iter::repeat_n(if remark { ' ' } else { c }, width)
        })
        .collect()
}

/// Returns where the value begins behind a `name =`, or 0.
fn after_key(text: &str) -> usize {
    let is_key = |key: &str| {
        let key = key.trim();
        !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || "_-".contains(c))
    };
    match text.split_once('=') {
        Some((key, _)) if is_key(key) => key.len() + 1,
        _ => 0,
    }
}

fn fault(source: &Arc<Source>, range: Range<usize>, message: impl Into<String>) -> Error {
    let diagnostic = Diagnostic::error(message)
        .at(&Span::new(source, range), "")
        .help(
            "write a matrix as `1 0 -1; 2 0 -2; 1 0 -1` or `[[1, 0, -1], [2, 0, -2], [1, 0, -1]]`",
        );
    Error::config(diagnostic)
}

struct Reader<'a> {
    source: &'a Arc<Source>,
    text: &'a str,
    position: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text.get(self.position..)?.chars().next()
    }

    fn skip_blank(&mut self) {
        while let Some(c) = self.peek()
            && c.is_whitespace()
        {
            self.position += c.len_utf8();
        }
    }

    /// Reads the rows of a text without brackets.
    fn rows(&mut self) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        let mut row = Row {
            numbers: Vec::new(),
            range: self.position..self.position,
        };
        loop {
            let found = self.peek();
            match found {
                None | Some(';' | '\n') => {
                    let next = self.position + 1;
                    let new = Row {
                        numbers: Vec::new(),
                        range: next..next,
                    };
                    let done = std::mem::replace(&mut row, new);
                    if !done.numbers.is_empty() {
                        rows.push(done);
                    }
                    if found.is_none() {
                        return Ok(rows);
                    }
                    self.position = next;
                }
                Some(c) if c == ',' || c.is_whitespace() => self.position += c.len_utf8(),
                Some(_) => {
                    if row.numbers.is_empty() {
                        row.range.start = self.position;
                    }
                    row.numbers.push(self.number()?);
                    row.range.end = self.position;
                }
            }
        }
    }

    /// Reads a number; it ends where a separator stands.
    fn number(&mut self) -> Result<f64> {
        let rest = self.text.get(self.position..).unwrap_or_default();
        let ends = |c: char| c.is_whitespace() || ",;[]".contains(c);
        let word = rest.split(ends).next().unwrap_or_default();
        let range = self.position..self.position + word.len().max(1);
        self.position += word.len();
        let number = match word.split_once('/') {
            Some((above, below)) => above
                .parse::<f64>()
                .ok()
                .zip(below.parse::<f64>().ok())
                .map(|(above, below)| above / below),
            None => word.parse().ok(),
        };
        match number.filter(|number| number.is_finite()) {
            Some(number) => Ok(number),
            None if word.is_empty() => {
                let found: String = self.peek().into_iter().collect();
                let message = format!("`{found}` where a number belongs");
                Err(fault(self.source, range, message))
            }
            None => {
                let message = format!("`{word}` is not a number");
                Err(fault(self.source, range, message))
            }
        }
    }

    /// Reads an array whose `[` comes next.
    fn list(&mut self, depth: usize) -> Result<Node> {
        let begin = self.position;
        if depth > MAX_DEPTH {
            let message = "a matrix is nested two deep, or three with one for each channel";
            return Err(fault(self.source, begin..begin + 1, message));
        }
        self.position += 1;
        let mut items = Vec::new();
        loop {
            self.skip_blank();
            match self.peek() {
                Some(']') => {
                    self.position += 1;
                    return Ok(Node::List(items, begin..self.position));
                }
                Some(',') => self.position += 1,
                Some('[') => items.push(self.list(depth + 1)?),
                Some(_) => items.push(Node::Number(self.number()?)),
                None => {
                    let message = "this `[` has no `]`";
                    return Err(fault(self.source, begin..begin + 1, message));
                }
            }
        }
    }
}

fn matrices(source: &Arc<Source>, node: Node) -> Result<Vec<Matrix>> {
    let Node::List(items, range) = node else {
        return Ok(Vec::new());
    };
    let is_deep = items.iter().any(|item| match item {
        Node::List(inner, _) => inner.iter().any(|node| matches!(node, Node::List(..))),
        Node::Number(_) => false,
    });
    if !is_deep {
        return Ok(vec![matrix(source, rows(source, items, range)?)?]);
    }
    let mut found: Vec<Matrix> = Vec::new();
    for item in items {
        let Node::List(inner, place) = item else {
            return Err(fault(source, range, "a number beside whole matrices"));
        };
        let next = matrix(source, rows(source, inner, place.clone())?)?;
        if let Some(first) = found.first()
            && first.size() != next.size()
        {
            let ([rows, columns], [own_rows, own_columns]) = (first.size(), next.size());
            let message = format!(
                "matrix {} is {own_rows}x{own_columns}, the first is {rows}x{columns}",
                found.len() + 1
            );
            return Err(fault(source, place, message));
        }
        found.push(next);
    }
    Ok(found)
}

/// Takes the rows of a list of lists; a list of numbers is one row.
fn rows(source: &Arc<Source>, items: Vec<Node>, range: Range<usize>) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let mut alone = Vec::new();
    for item in items {
        match item {
            Node::Number(number) => alone.push(number),
            Node::List(inner, place) => {
                // No deeper lists: `list` stops at whole matrices.
                let numbers = inner.into_iter().filter_map(|node| match node {
                    Node::Number(number) => Some(number),
                    Node::List(..) => None,
                });
                let numbers = numbers.collect();
                rows.push(Row {
                    numbers,
                    range: place,
                });
            }
        }
    }
    if !alone.is_empty() && !rows.is_empty() {
        return Err(fault(source, range, "numbers and rows side by side"));
    }
    if !alone.is_empty() {
        rows.push(Row {
            numbers: alone,
            range,
        });
    }
    Ok(rows)
}

fn matrix(source: &Arc<Source>, rows: Vec<Row>) -> Result<Matrix> {
    let columns = rows.first().map_or(0, |row| row.numbers.len());
    let ragged = rows.iter().position(|row| row.numbers.len() != columns);
    if let Some((index, row)) = ragged.and_then(|index| Some((index, rows.get(index)?))) {
        let message = format!(
            "row {} has {}, row 1 has {columns}",
            index + 1,
            count(row.numbers.len())
        );
        return Err(fault(source, row.range.clone(), message));
    }
    let weights: Vec<f64> = rows.into_iter().flat_map(|row| row.numbers).collect();
    if weights.is_empty() {
        let end = source.text.len();
        return Err(fault(source, 0..end, "a matrix without numbers"));
    }
    Ok(Matrix { columns, weights })
}

fn count(numbers: usize) -> String {
    match numbers {
        1 => "1 number".to_owned(),
        numbers => format!("{numbers} numbers"),
    }
}

#[cfg(test)]
#[path = "matrix_tests.rs"]
mod tests;
