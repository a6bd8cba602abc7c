//! Numbers as files hold them.

use half::{bf16, f16};

/// How a number lies in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Float {
    /// 16 bits, 5 of them for the exponent.
    Half,
    /// 16 bits, 8 of them for the exponent.
    Brain,
    /// 32 bits.
    Single,
    /// 64 bits.
    Double,
}

impl Float {
    /// Reads numbers, the lowest byte of each first.
    pub(crate) fn read(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::Half => numbers(bytes, |bytes| f16::from_le_bytes(bytes).to_f32()),
            Self::Brain => numbers(bytes, |bytes| bf16::from_le_bytes(bytes).to_f32()),
            Self::Single => numbers(bytes, f32::from_le_bytes),
            Self::Double => numbers(bytes, |bytes| f64::from_le_bytes(bytes) as f32),
        }
    }

    /// Reads numbers in the order of this machine's bytes.
    pub(crate) fn read_native(self, mut bytes: Vec<u8>) -> Vec<f32> {
        if cfg!(target_endian = "big") {
            bytes
                .chunks_mut(self.size_bytes())
                .for_each(<[u8]>::reverse);
        }
        self.read(&bytes)
    }

    fn size_bytes(self) -> usize {
        match self {
            Self::Half | Self::Brain => 2,
            Self::Single => 4,
            Self::Double => 8,
        }
    }
}

/// Takes bytes apart into numbers; a rest that is none is left out.
pub(crate) fn numbers<const N: usize, T>(bytes: &[u8], number: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (all, _) = bytes.as_chunks::<N>();
    all.iter().map(|bytes| number(*bytes)).collect()
}
