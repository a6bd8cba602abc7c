//! Sets of vector instructions, and which of them is in use.

use std::sync::atomic::{AtomicU8, Ordering};

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

    fn best() -> Self {
        let mut sets = NAMES.iter().map(|(_, isa)| *isa);
        sets.find(|isa| isa.is_here()).unwrap_or(Self::Portable)
    }

    /// Returns what the environment asks for; [`unknown_isa`] tells of what cannot be had.
    fn asked() -> Option<Self> {
        let name = std::env::var("CNN_ISA").ok()?;
        let named = NAMES.iter().find(|(known, _)| *known == name)?;
        Some(named.1).filter(|isa| isa.is_here())
    }
}

/// Returns what `CNN_ISA` says if it is not a set that this processor has.
#[must_use]
pub fn unknown_isa() -> Option<String> {
    let name = std::env::var("CNN_ISA").ok()?;
    let known = NAMES.iter().find(|(known, _)| *known == name);
    match known {
        Some((_, isa)) if isa.is_here() => None,
        _ => Some(name),
    }
}
