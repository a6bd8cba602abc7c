//! What an HDF5 file holds: groups within groups, and arrays of numbers in them.

use std::collections::HashSet;

use hdf5_reader::{Datatype, Hdf5File, OpenOptions, dataset, group};

use crate::float::Float;
use crate::model::NamedWeight;

/// What every HDF5 file begins with.
pub(super) const MAGIC: &[u8] = b"\x89HDF\r\n\x1a\n";
/// Arrays may take so many times the length of the file: packed ones are shorter there than here.
const MAX_EXPANSION: usize = 4;
/// Groups within groups.
const MAX_DEPTH: usize = 64;
/// Groups of a file.
const MAX_GROUPS: usize = 100_000;
/// Bytes of what describes one group or array.
const MAX_HEADER_BYTES: usize = 16 << 20;

/// A group of a file.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Its name within the group that holds it.
    pub(super) name: String,
    /// Lists of words that are attached to it, by their names.
    pub(super) words: Vec<(String, Vec<String>)>,
    /// Arrays of floats with their names in the group; others are passed over.
    pub(super) arrays: Vec<NamedWeight>,
    /// The groups that it holds.
    pub(super) groups: Vec<Self>,
}

impl Group {
    /// Returns a group that it holds.
    pub(super) fn group(&self, name: &str) -> Option<&Self> {
        self.groups.iter().find(|group| group.name == name)
    }

    /// Returns words that are attached to it. Lists that are too long for one are attached in parts: `name0`, `name1`, ….
    pub(super) fn words(&self, name: &str) -> Option<Vec<&str>> {
        let list = |wanted: &str| {
            let found = self.words.iter().find(|(own, _)| own == wanted);
            found.map(|(_, words)| words.iter().map(String::as_str).collect::<Vec<_>>())
        };
        list(name).or_else(|| {
            let parts: Vec<_> = (0..)
                .map_while(|part| list(&format!("{name}{part}")))
                .collect();
            (!parts.is_empty()).then(|| parts.concat())
        })
    }
}

/// Reading under way.
struct Reader<'a> {
    /// Groups of the outermost that are passed over.
    skipped: &'a [&'a str],
    /// Bytes that arrays may still take.
    left: usize,
    /// Groups by their places in the file: one that holds itself would have no end.
    seen: HashSet<u64>,
}

/// Reads a file with all its arrays but those below the groups to skip.
///
/// # Errors
/// A reason, when it is damaged, or holds more than its length allows.
pub(super) fn read(bytes: Vec<u8>, skipped: &[&str]) -> Result<Group, String> {
    let most = bytes.len().saturating_mul(MAX_EXPANSION);
    let options = OpenOptions::default()
        .with_max_read_bytes(most)
        .with_max_chunk_bytes(most)
        .with_max_object_header_bytes(MAX_HEADER_BYTES)
        .with_chunk_cache_bytes(0);
    let file = Hdf5File::from_vec_with_options(bytes, options).map_err(said)?;
    let root = file.root_group().map_err(said)?;
    let mut reader = Reader {
        skipped,
        left: most,
        seen: HashSet::new(),
    };
    reader.group(&root, 0)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is what errors are mapped by"
)]
fn said(error: hdf5_reader::error::Error) -> String {
    error.to_string()
}

impl Reader<'_> {
    fn group(&mut self, group: &group::Group, depth: usize) -> Result<Group, String> {
        let name = group.name().to_owned();
        if depth > MAX_DEPTH || self.seen.len() >= MAX_GROUPS || !self.seen.insert(group.address())
        {
            return Err(format!("group `{name}` is within itself, or one too many"));
        }
        let attributes = group.attributes().map_err(said)?;
        let words = attributes.into_iter().filter_map(|attribute| {
            let words = attribute.read_strings().ok()?;
            Some((attribute.name, words))
        });
        let (held, datasets) = group.members().map_err(said)?;
        let mut found = Group {
            name,
            words: words.collect(),
            ..Group::default()
        };
        for dataset in &datasets {
            found.arrays.extend(self.array(dataset)?);
        }
        for inner in &held {
            if depth > 0 || !self.skipped.contains(&inner.name()) {
                found.groups.push(self.group(inner, depth + 1)?);
            }
        }
        Ok(found)
    }

    fn array(&mut self, dataset: &dataset::Dataset) -> Result<Option<NamedWeight>, String> {
        let (float, is_native) = match dataset.dtype() {
            Datatype::FloatingPoint { size: 2, .. } => (Float::Half, true),
            Datatype::FloatingPoint { size: 4, .. } => (Float::Single, true),
            Datatype::FloatingPoint { size: 8, .. } => (Float::Double, true),
            // Numpy knows no such numbers; Keras says of what kind two bytes are, and they lie as they were written.
            Datatype::Opaque { size: 2, .. } if is_bf16(dataset) => (Float::Brain, false),
            _ => return Ok(None),
        };
        let name = dataset.name().to_owned();
        let bytes = dataset.raw_byte_len().map_err(said)?;
        self.left = self.left.checked_sub(bytes).ok_or_else(|| {
            format!("array `{name}` of {bytes} bytes is more than the file can hold")
        })?;
        let shape: Result<Vec<usize>, _> = (dataset.shape().iter())
            .map(|size| usize::try_from(*size))
            .collect();
        let shape = shape.map_err(|error| error.to_string())?;
        let bytes = dataset.read_native_bytes().map_err(said)?;
        let values = if is_native {
            float.read_native(bytes)
        } else {
            float.read(&bytes)
        };
        if crate::shape::elements(&shape) != Some(values.len() as u64) {
            return Err(format!(
                "array `{name}` has not as many values as its shape"
            ));
        }
        Ok(Some(NamedWeight {
            name,
            shape,
            values,
        }))
    }
}

fn is_bf16(dataset: &dataset::Dataset) -> bool {
    let words = dataset
        .attribute("dtype")
        .and_then(|own| own.read_strings());
    words.is_ok_and(|words| words == ["bfloat16"])
}
