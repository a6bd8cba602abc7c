//! Devices of other machines, through Burn's remote backend.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

use burn::remote::{ConnectError, RemoteHost};
use burn::tensor;

use super::TOKEN;
use super::device::Device;
use crate::diagnostic::{Diagnostic, Error, Kind, Result, in_backticks};

/// The devices that were opened, for as long as the process lives: Burn keeps them as long.
static OPENED: Mutex<Vec<(&'static str, tensor::Device)>> = Mutex::new(Vec::new());

/// Connects the device that is served at an address.
pub(super) fn open(address: &'static str) -> Result<tensor::Device> {
    let host = RemoteHost::websocket(&format!("ws://{address}"));
    let host = match std::env::var(TOKEN) {
        Ok(token) => host.with_credential(token),
        Err(_) => host,
    };
    let device = tensor::Device::remote_options(&host).init();
    let device = device.map_err(|error| not_connected(address, &error))?;
    let mut opened = opened();
    if opened.iter().all(|(known, _)| *known != address) {
        opened.push((address, device.clone()));
    }
    Ok(device)
}

fn not_connected(address: &'static str, error: &ConnectError) -> Error {
    let message = format!("failed to connect `{}`: {error}", Device::Remote(address));
    let help = match error {
        ConnectError::Unauthorized => {
            format!("set `{TOKEN}` here to what it is where `cnn serve-device` runs")
        }
        ConnectError::IncompatibleProtocol { .. } | ConnectError::Handshake { .. } => {
            "run the same version of `cnn` at both ends".to_owned()
        }
        _ => "start `cnn serve-device` there, and look at the address and the port".to_owned(),
    };
    Error::new(Kind::Io, Diagnostic::error(message).help(help))
}

/// Tells whether a device of another machine was opened.
fn is_in_use() -> bool {
    !opened().is_empty()
}

/// Does work that may need devices of other machines. Burn panics where one of them is gone; here that
/// becomes an error that names it.
///
/// # Errors
/// Those of the work, and a device that is gone.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    let outcome = catch_unwind(AssertUnwindSafe(work));
    match outcome {
        Ok(outcome) => outcome,
        Err(panic) if is_in_use() => {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(lost(said.unwrap_or("it said nothing")))
        }
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Keeps what Burn says as it panics to the log while devices of other machines are in use: the error of
/// [`guarded`] says it.
pub(crate) fn keep_panics_to_the_log() {
    let shown = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if is_in_use() {
            tracing::debug!("{panic}");
        } else {
            shown(panic);
        }
    }));
}

/// Puts what is known of devices of other machines in the place of an error of a device.
pub(crate) fn or_lost(error: Error) -> Error {
    if is_in_use() {
        return lost(&error.to_string());
    }
    error
}

/// Makes an error of what was said when a computation broke off: it names the devices that are gone.
pub(crate) fn lost(said: &str) -> Error {
    let opened = opened().clone();
    let answers = |device: &tensor::Device| {
        let asked = catch_unwind(AssertUnwindSafe(|| device.sync()));
        matches!(asked, Ok(Ok(())))
    };
    let gone: Vec<String> = opened
        .iter()
        .filter(|(_, device)| !answers(device))
        .map(|(address, _)| Device::Remote(address).to_string())
        .collect();
    let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let said: Vec<&str> = lines.take(3).collect();
    let diagnostic = match &gone[..] {
        [] => Diagnostic::error("a computation on several devices broke off"),
        gone => Diagnostic::error(format!("no answer from {}", in_backticks(gone)))
            .help("look whether `cnn serve-device` still runs there; `cnn train --resume` goes on"),
    };
    let mut diagnostic = diagnostic.note(said.join(" "));
    if gone.len() > 1 {
        diagnostic =
            diagnostic.note("one that is gone takes those it exchanged tensors with along");
    }
    Error::new(Kind::Io, diagnostic)
}

fn opened() -> MutexGuard<'static, Vec<(&'static str, tensor::Device)>> {
    OPENED.lock().unwrap_or_else(PoisonError::into_inner)
}
