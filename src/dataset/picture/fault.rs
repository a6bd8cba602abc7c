//! Why a picture cannot be used.

use std::fmt;
use std::path::Path;

use crate::diagnostic::Diagnostic;

/// Why a picture cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Fault {
    /// It cannot be decoded, for this reason.
    Unreadable(String),
    /// It has another size, height then width, than the one wanted.
    Size {
        found: [usize; 2],
        wanted: [usize; 2],
    },
    /// It is no picture and cannot be used as what it is.
    Other { reason: String, help: String },
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(reason) | Self::Other { reason, .. } => formatter.write_str(reason),
            Self::Size {
                found: [height, width],
                wanted: [wanted_height, wanted_width],
            } => write!(
                formatter,
                "it is {height}x{width} (height x width), expected {wanted_height}x{wanted_width}"
            ),
        }
    }
}

impl Fault {
    /// Says what is wrong with the picture of a path, without the help.
    pub(in super::super) fn diagnostic(&self, path: &Path) -> Diagnostic {
        let what = match self {
            Self::Other { .. } => "",
            Self::Unreadable(_) | Self::Size { .. } => "picture ",
        };
        Diagnostic::error(format!("failed to read {what}`{}`: {self}", path.display()))
    }

    /// Proposes an edit.
    pub(in super::super) fn help(&self) -> String {
        match self {
            Self::Unreadable(_) => {
                "remove the file, replace it with a whole png, jpeg, webp or bmp picture, or pass over such with `on_bad_image = \"skip\"` in `[data]`".into()
            }
            Self::Size { wanted, .. } => resize_help(*wanted),
            Self::Other { help, .. } => help.clone(),
        }
    }
}

/// Proposes to stretch pictures to `[height, width]`.
pub(in super::super) fn resize_help([height, width]: [usize; 2]) -> String {
    let value = if height == width {
        height.to_string()
    } else {
        format!("[{height}, {width}]")
    };
    format!("set `resize = {value}` in `[data]` to stretch every picture to {height}x{width}")
}
