//! The binary files of CIFAR-10 and CIFAR-100: records of a label, or two, and 3x32x32 bytes.

use std::io::{self, Read};

use crate::diagnostic::{Diagnostic, Error, Result};

/// The shape of every picture.
pub(super) const SHAPE: [usize; 3] = [3, 32, 32];
const PIXELS: usize = 3 * 32 * 32;

/// Which of the two data sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cifar {
    Ten,
    /// With the twenty superclasses, which are passed over.
    Hundred,
}

impl Cifar {
    /// Returns the names of the files of the training split.
    pub(super) fn train(self) -> &'static [&'static str] {
        match self {
            Self::Ten => &[
                "data_batch_1.bin",
                "data_batch_2.bin",
                "data_batch_3.bin",
                "data_batch_4.bin",
                "data_batch_5.bin",
            ],
            Self::Hundred => &["train.bin"],
        }
    }

    /// Returns the name of the file of the test split.
    pub(super) fn test(self) -> &'static str {
        match self {
            Self::Ten => "test_batch.bin",
            Self::Hundred => "test.bin",
        }
    }

    /// Returns the name of the file of class names, one a line.
    pub(super) fn names(self) -> &'static str {
        match self {
            Self::Ten => "batches.meta.txt",
            Self::Hundred => "fine_label_names.txt",
        }
    }

    /// Returns the number of classes.
    pub(super) fn classes(self) -> usize {
        match self {
            Self::Ten => 10,
            Self::Hundred => 100,
        }
    }

    /// Returns the number of labels before the pixels; the last is the one to learn.
    fn labels(self) -> usize {
        match self {
            Self::Ten => 1,
            Self::Hundred => 2,
        }
    }

    /// Tells by the names of files which data set they are, if any.
    pub(super) fn of<'a>(names: &(impl Iterator<Item = &'a str> + Clone)) -> Option<Self> {
        [Self::Ten, Self::Hundred].into_iter().find(|kind| {
            let mut names = names.clone();
            names.any(|name| kind.train().contains(&name) || name == kind.test())
        })
    }
}

/// Pictures of one split.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Records {
    /// All pictures, one after another: `[picture, channel, row, column]`.
    pub(super) pixels: Vec<u8>,
    /// The class of each.
    pub(super) labels: Vec<u32>,
}

impl Records {
    /// Appends the records of a file, which `name` shows in messages.
    ///
    /// # Errors
    /// A diagnostic: the file ends within a record or has none, a label is beyond the classes, or reading fails.
    pub(super) fn append(&mut self, name: &str, kind: Cifar, reader: &mut dyn Read) -> Result<()> {
        let again = |what: &str| {
            let diagnostic = Diagnostic::error(format!("`{name}` {what}"));
            Error::data(diagnostic.help("fetch the file again"))
        };
        let record_len = kind.labels() + PIXELS;
        let mut record = Vec::with_capacity(record_len);
        for number in 1.. {
            record.clear();
            let read = reader.take(record_len as u64).read_to_end(&mut record);
            let read = read.map_err(|error| again(&reason(&error)))?;
            if read == 0 && number > 1 {
                return Ok(());
            }
            if read < record_len {
                return Err(again(&match number {
                    1 if read == 0 => "is empty".to_owned(),
                    _ => format!(
                        "is truncated: record {number} has {read} bytes, expected {record_len}"
                    ),
                }));
            }
            let (labels, pixels) = record.split_at(kind.labels());
            let label = labels.last().copied().unwrap_or(0);
            if usize::from(label) >= kind.classes() {
                let last = kind.classes() - 1;
                return Err(again(&format!(
                    "has the label {label} in record {number}, expected 0 to {last}"
                )));
            }
            self.pixels.extend_from_slice(pixels);
            self.labels.push(label.into());
        }
        Ok(())
    }
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "is truncated: its packed stream ends too early".into(),
        _ => format!("cannot be read: {error}"),
    }
}

/// Takes class names from the text of their file.
///
/// # Errors
/// A diagnostic if they are not as many as the classes.
pub(super) fn class_names(name: &str, kind: Cifar, text: &[u8]) -> Result<Vec<String>> {
    let text = String::from_utf8_lossy(text);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let names: Vec<String> = lines.map(str::to_owned).collect();
    if names.len() == kind.classes() {
        return Ok(names);
    }
    let (found, expected) = (names.len(), kind.classes());
    let message = format!("`{name}` has {found} class names, expected {expected}");
    let help = "fetch the file again, or remove it: the classes are then numbers";
    Err(Error::data(Diagnostic::error(message).help(help)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(labels: &[u8], value: u8) -> Vec<u8> {
        [labels, &[value; PIXELS]].concat()
    }

    fn read(kind: Cifar, bytes: &[u8]) -> std::result::Result<Records, String> {
        let mut records = Records::default();
        let outcome = records.append("x.bin", kind, &mut &bytes[..]);
        outcome.map(|()| records).map_err(|error| error.to_string())
    }

    #[test]
    fn labels_and_pixels_are_told_apart() {
        let bytes = [record(&[9], 1), record(&[0], 2)].concat();
        let records = read(Cifar::Ten, &bytes).unwrap();
        assert_eq!(records.labels, [9, 0]);
        assert_eq!(records.pixels, [[1; PIXELS], [2; PIXELS]].concat());
        let records = read(Cifar::Hundred, &record(&[19, 99], 7)).unwrap();
        assert_eq!(records.labels, [99]);
    }

    #[track_caller]
    fn check_fault(kind: Cifar, bytes: &[u8], expected: &str) {
        assert_eq!(read(kind, bytes), Err(expected.to_owned()));
    }

    #[test]
    fn faults_name_the_record() {
        check_fault(Cifar::Ten, b"", "`x.bin` is empty");
        let two = [record(&[9], 1), record(&[0], 2)].concat();
        check_fault(
            Cifar::Ten,
            &two[..4000],
            "`x.bin` is truncated: record 2 has 927 bytes, expected 3073",
        );
        check_fault(
            Cifar::Ten,
            &[record(&[9], 1), record(&[10], 2)].concat(),
            "`x.bin` has the label 10 in record 2, expected 0 to 9",
        );
        check_fault(
            Cifar::Hundred,
            &record(&[0, 100], 1),
            "`x.bin` has the label 100 in record 1, expected 0 to 99",
        );
    }

    #[test]
    fn names_tell_the_kind() {
        let of = |names: &[&str]| Cifar::of(&names.iter().copied());
        assert_eq!(of(&["readme.html", "test_batch.bin"]), Some(Cifar::Ten));
        assert_eq!(of(&["train.bin"]), Some(Cifar::Hundred));
        assert_eq!(of(&["data_batch_1", "a.png"]), None);
    }

    #[test]
    fn class_names_are_counted() {
        let ten = b"a\nb\nc\nd\r\ne\nf\ng\nh\ni\nj k\n\n";
        let names = class_names("n.txt", Cifar::Ten, ten).unwrap();
        assert_eq!((names.len(), names[9].as_str()), (10, "j k"));
        let error = class_names("n.txt", Cifar::Hundred, ten).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`n.txt` has 10 class names, expected 100"
        );
    }
}
