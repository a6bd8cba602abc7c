//! What is learnt of a sample.

/// What is learnt of a sample; the loss decides it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Task {
    /// One of several classes.
    #[default]
    Classes,
    /// For each of several labels, whether it applies.
    Labels,
    /// Numbers.
    Values,
}

impl Task {
    /// Returns what a network's answers are, in the plural.
    #[must_use]
    pub fn learnt(self) -> &'static str {
        match self {
            Self::Classes => "classes",
            Self::Labels => "labels",
            Self::Values => "numbers",
        }
    }
}
