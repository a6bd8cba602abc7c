//! Sets of vector instructions, and which of them is in use.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::diagnostic::{Diagnostic, Error, in_backticks};

/// A set of vector instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// AVX-512F: 16 floats a register, 32 registers.
    Avx512,
    /// AVX2 with FMA: 8 floats a register, 16 registers.
    Avx2,
    /// What the compiler makes of plain loops over 4 floats: SSE2, NEON.
    Portable,
}

/// Names of the sets in `CNN_ISA`, best first.
pub const NAMES: [(&str, Isa); 3] = [
    ("avx512", Isa::Avx512),
    ("avx2", Isa::Avx2),
    ("portable", Isa::Portable),
];

/// 0: not chosen yet; else one more than the index into [`NAMES`].
static CHOSEN: AtomicU8 = AtomicU8::new(0);

impl Isa {
    /// Returns the set in use: what `CNN_ISA` names if the processor has it, else the best one.
    #[must_use]
    pub fn current() -> Self {
        match CHOSEN.load(Ordering::Relaxed) {
            0 => {
                let isa = Self::asked().unwrap_or_else(Self::best);
                isa.choose();
                isa
            }
            chosen => NAMES
                .get(usize::from(chosen) - 1)
                .map_or(Self::Portable, |(_, isa)| *isa),
        }
    }

    /// Makes the set the one in use, unless the processor lacks it.
    fn choose(self) {
        let index = NAMES.iter().position(|(_, isa)| *isa == self);
        if let (true, Some(index)) = (self.is_here(), index) {
            CHOSEN.store(index as u8 + 1, Ordering::Relaxed);
        }
    }

    /// Returns whether the processor has it.
    #[must_use]
    pub fn is_here(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => is_x86_feature_detected!("avx512f"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx512 | Self::Avx2 => false,
            Self::Portable => true,
        }
    }

    /// Returns its name in `CNN_ISA`.
    #[must_use]
    pub fn name(self) -> &'static str {
        let found = NAMES.iter().find(|(_, isa)| *isa == self);
        found.map_or("portable", |(name, _)| name)
    }

    /// Returns the names of those that this processor has, best first.
    #[must_use]
    pub fn names_here() -> Vec<&'static str> {
        let sets = NAMES.iter().filter(|(_, isa)| isa.is_here());
        sets.map(|(name, _)| *name).collect()
    }

    fn best() -> Self {
        let mut sets = NAMES.iter().map(|(_, isa)| *isa);
        sets.find(|isa| isa.is_here()).unwrap_or(Self::Portable)
    }

    fn named(name: &str) -> Option<Self> {
        let known = NAMES.iter().find(|(known, _)| *known == name);
        known.map(|(_, isa)| *isa)
    }

    /// Returns what the environment asks for; [`UnknownIsa`] tells of what cannot be had.
    fn asked() -> Option<Self> {
        Self::named(&std::env::var("CNN_ISA").ok()?).filter(|isa| isa.is_here())
    }
}

/// What `CNN_ISA` asks for though this processor does not have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownIsa {
    /// What it says.
    pub name: String,
}

impl UnknownIsa {
    /// How it is mended.
    pub const HELP: &str = "leave `CNN_ISA` out for the best of them";

    /// Returns what the environment asks for in vain, if it does.
    #[must_use]
    pub fn asked() -> Option<Self> {
        let name = std::env::var_os("CNN_ISA")?.to_string_lossy().into_owned();
        let can_be_had = Isa::named(&name).is_some_and(Isa::is_here);
        (!can_be_had).then_some(Self { name })
    }

    /// Returns the error of a computation with it.
    #[must_use]
    pub fn error(&self) -> Error {
        let name = &self.name;
        let reason = match Isa::named(name) {
            Some(_) => "which this processor does not have",
            None => "which is no set of instructions known here",
        };
        let here = in_backticks(Isa::names_here());
        Error::config(
            Diagnostic::error(format!("`CNN_ISA` asks for `{name}`, {reason}"))
                .note(format!("this processor has {here}"))
                .help(Self::HELP),
        )
    }
}
