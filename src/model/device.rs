//! Devices by the names of the command line.
//!
//! `burn-ndarray` is deprecated upstream; everything that names it stands in this file.

use burn::tensor;

use super::address;
use crate::diagnostic::{Diagnostic, Error, Result};

/// A device as the user names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Device {
    /// Burn's flex backend on the processor: `cpu`.
    #[default]
    Cpu,
    /// Burn's ndarray backend on the processor: `ndarray`.
    NdArray,
    /// The graphics adapter with this index: `wgpu`, `wgpu:1`.
    Wgpu(usize),
    /// What `cnn serve-device` serves at this address, `HOST:PORT`: `remote:HOST:PORT`. The address
    /// lives as long as the process, as Burn's connections do.
    Remote(&'static str),
}

/// Names of the devices compiled in.
pub const COMPILED: &[&str] = match (cfg!(feature = "wgpu-plain"), cfg!(feature = "remote")) {
    (false, false) => &["cpu", "ndarray"],
    (true, false) => &["cpu", "ndarray", "wgpu"],
    (false, true) => &["cpu", "ndarray", "remote"],
    (true, true) => &["cpu", "ndarray", "wgpu", "remote"],
};

impl std::fmt::Display for Device {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cpu => formatter.write_str("cpu"),
            Self::NdArray => formatter.write_str("ndarray"),
            Self::Wgpu(0) => formatter.write_str("wgpu"),
            Self::Wgpu(index) => write!(formatter, "wgpu:{index}"),
            Self::Remote(address) => write!(formatter, "remote:{address}"),
        }
    }
}

impl std::str::FromStr for Device {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let unknown = || {
            Error::config(
                Diagnostic::error(format!("unknown device `{name}`"))
                    .note("devices are `cpu`, `ndarray`, `wgpu`, `wgpu:N` and `remote:HOST:PORT`")
                    .note("a graphics card of any make is `wgpu`, where `cnn` is built with it")
                    .help("leave `--device` out to compute on the processor"),
            )
        };
        match name {
            "cpu" => Ok(Self::Cpu),
            "ndarray" => Ok(Self::NdArray),
            "wgpu" => Ok(Self::Wgpu(0)),
            _ => match name.split_once(':') {
                Some(("wgpu", index)) => index.parse().map(Self::Wgpu).map_err(|_| unknown()),
                Some(("remote", address)) => {
                    address::read(address).map(Self::Remote).ok_or_else(unknown)
                }
                _ => Err(unknown()),
            },
        }
    }
}

impl Device {
    /// Returns the devices that may be asked for: those of the processor and every graphics adapter, or the first where
    /// there is none.
    pub(crate) fn all() -> Vec<Self> {
        let adapters = (0..adapters().len().max(1)).map(Self::Wgpu);
        [Self::Cpu, Self::NdArray]
            .into_iter()
            .chain(adapters)
            .collect()
    }

    /// Tells whether the processor of this machine computes, in its memory.
    pub(crate) fn is_processor(self) -> bool {
        matches!(self, Self::Cpu | Self::NdArray)
    }

    /// Opens the device, without automatic differentiation.
    ///
    /// # Errors
    /// When the device is not compiled in, or the machine has no such adapter.
    pub fn open(self) -> Result<tensor::Device> {
        match self {
            Self::Cpu => Ok(tensor::Device::flex()),
            #[expect(deprecated, reason = "kept while burn has it")]
            Self::NdArray => Ok(tensor::Device::ndarray()),
            Self::Wgpu(index) => open_wgpu(index),
            Self::Remote(address) => super::remote::open(address),
        }
    }
}

#[cfg(not(feature = "wgpu-plain"))]
fn adapters() -> Vec<tensor::Device> {
    Vec::new()
}

#[cfg(not(feature = "wgpu-plain"))]
fn open_wgpu(_: usize) -> Result<tensor::Device> {
    Err(Error::config(
        Diagnostic::error("this `cnn` was built without `wgpu`")
            .note(format!("it has {}", COMPILED.join(", ")))
            .help("install it with `cargo install --locked --path . --features wgpu`"),
    ))
}

/// Returns the graphics adapters that can be reached.
#[cfg(feature = "wgpu-plain")]
fn adapters() -> Vec<tensor::Device> {
    tensor::Device::enumerate(tensor::DeviceType::Wgpu).into_vec()
}

#[cfg(feature = "wgpu-plain")]
fn open_wgpu(index: usize) -> Result<tensor::Device> {
    let adapters = adapters();
    match adapters.get(index) {
        Some(device) => Ok(device.clone()),
        None => Err(no_adapter(index, &adapters)),
    }
}

#[cfg(feature = "wgpu-plain")]
fn no_adapter(index: usize, adapters: &[tensor::Device]) -> Error {
    let diagnostic = Diagnostic::error(format!("no graphics adapter for `wgpu:{index}`"));
    let diagnostic = if adapters.is_empty() {
        diagnostic
            .note("this machine has none that Vulkan, Metal or DirectX 12 can reach")
            .help("install a driver (on Debian `mesa-vulkan-drivers`), or use `--device cpu`")
    } else {
        let list: Vec<String> = adapters
            .iter()
            .enumerate()
            .map(|(index, device)| format!("`wgpu:{index}` ({device:?})"))
            .collect();
        diagnostic.note(format!("there is {}", list.join(", ")))
    };
    Error::config(diagnostic)
}
