//! What the keys of the language take, told by the same code that reads them: the ground of the
//! JSON Schema and of the reference of layers.

/// The values that a key takes.
#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    /// `true` or `false`.
    Boolean,
    /// Any string.
    Text,
    /// A whole number.
    Integer {
        /// The least it may be.
        least: u64,
    },
    /// A number.
    Number {
        /// Its bounds in words.
        expected: &'static str,
    },
    /// One of these strings.
    Words(Vec<&'static str>),
    /// An array of one form.
    Array(Box<Form>),
    /// A table with these keys.
    Table(Vec<Field>),
    /// A table whose `type` decides its other keys.
    Tagged(Vec<(&'static str, Vec<Field>)>),
    /// Any of several forms.
    Either(Vec<Form>),
    /// A list of layers.
    Layers,
    /// A list of lists of layers.
    LayerLists,
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
}

impl Field {
    /// Returns whether the key must be there.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.example.is_some()
    }
}
