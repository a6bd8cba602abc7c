//! What the keys of the language take, told by the same code that reads them: the ground of the
//! JSON Schema and of the reference of layers.

use std::ops::RangeInclusive;

/// The values that a key takes.
#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    /// Any value.
    Any,
    /// `true` or `false`.
    Boolean,
    /// Any string.
    Text,
    /// A whole number.
    Integer {
        /// The least it may be.
        least: i64,
        /// The most it may be.
        most: i64,
    },
    /// A number.
    Number(Bounds),
    /// One of these strings.
    Words(Vec<&'static str>),
    /// An array of one form.
    Array {
        /// The form of each entry.
        of: Box<Form>,
        /// How many entries it may have.
        lengths: RangeInclusive<usize>,
    },
    /// A table with these keys.
    Table(Vec<Field>),
    /// A table with any keys, all of one form.
    Map(Box<Form>),
    /// A table whose `type` decides its other keys.
    Tagged(Vec<Variant>),
    /// Any of several forms.
    Either(Vec<Form>),
    /// A list of layers.
    Layers {
        /// The fewest it may have.
        least: usize,
    },
    /// A list of two lists of layers or more.
    LayerLists,
    /// A reusable list of layers and its parameters.
    Block(Vec<Field>),
}

impl Form {
    /// Returns the form of an array of one entry or more.
    pub(super) fn list(of: Self) -> Self {
        Self::list_of(of, 1..=usize::MAX)
    }

    /// Returns the form of an array.
    pub(super) fn list_of(of: Self, lengths: RangeInclusive<usize>) -> Self {
        let of = Box::new(of);
        Self::Array { of, lengths }
    }
}

/// What a number must be.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds {
    /// In words.
    pub expected: &'static str,
    /// The lower end, and whether the number may be it.
    pub lower: Option<(f64, bool)>,
    /// The upper end, and whether the number may be it.
    pub upper: Option<(f64, bool)>,
}

/// A key of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The key.
    pub name: &'static str,
    /// The values it takes.
    pub form: Form,
    /// A value in TOML that shows what is meant; there for a key that must be there.
    pub example: Option<String>,
    /// Another key that makes this one needless.
    pub unless: Option<&'static str>,
    /// What holds where the key is left out.
    pub default: Fallback,
    /// A sentence about it.
    pub about: &'static str,
}

impl Field {
    pub(super) fn new(name: &'static str, form: Form) -> Self {
        Self {
            name,
            form,
            example: None,
            unless: None,
            default: Fallback::None,
            about: "",
        }
    }

    /// Returns whether the key must be there.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.example.is_some()
    }
}

/// One `type` of a table, with the keys that belong to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// The `type`.
    pub name: &'static str,
    /// Its other keys.
    pub fields: Vec<Field>,
    /// A sentence about it.
    pub about: &'static str,
}

/// What holds where a key is left out.
#[derive(Clone, Debug, PartialEq)]
pub enum Fallback {
    /// Nothing.
    None,
    /// A value in TOML.
    Value(String),
    /// The value of another key.
    SameAs(&'static str),
    /// A value in TOML for each value of another key with which the key may stand.
    With(&'static str, Vec<(String, String)>),
}
