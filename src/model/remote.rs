//! Devices of other machines, through Burn's remote backend.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use burn::remote::{ConnectError, RemoteHost};
use burn::tensor;

use super::TOKEN;
use super::device::Device;
use crate::diagnostic::{Diagnostic, Error, Kind, Result, in_backticks};

/// A device that was opened.
#[derive(Clone)]
struct Opened {
    address: &'static str,
    device: tensor::Device,
    /// What was on it stays lost, whoever listens there by now.
    is_gone: bool,
}

/// The devices that were opened, for as long as the process lives: Burn keeps them as long.
static OPENED: Mutex<Vec<Opened>> = Mutex::new(Vec::new());

/// Panics that a device which is gone may be the reason of, as they would have been shown.
static HELD: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// What shows them.
static TELL: OnceLock<fn(&str)> = OnceLock::new();

/// Connects the device that is served at an address.
pub(super) fn open(address: &'static str) -> Result<tensor::Device> {
    let host = RemoteHost::websocket(&format!("ws://{address}"));
    let host = match token()? {
        Some(token) => host.with_credential(token),
        None => host,
    };
    let device = tensor::Device::remote_options(&host).init();
    let device = device.map_err(|error| not_connected(address, &error))?;
    let mut opened = lock(&OPENED);
    opened.retain(|known| known.address != address);
    opened.push(Opened {
        address,
        device: device.clone(),
        is_gone: false,
    });
    Ok(device)
}

/// Returns what `cnn serve-device` asks others for; nothing where the variable is empty.
///
/// # Errors
/// When it is no text.
pub(crate) fn token() -> Result<Option<String>> {
    let Some(token) = std::env::var_os(TOKEN) else {
        return Ok(None);
    };
    let token = token.into_string().map_err(|_| {
        let message = format!("the token in `{TOKEN}` is no text: it is not UTF-8");
        let help = "set it to letters and digits, to the same at both ends";
        Error::config(Diagnostic::error(message).help(help))
    })?;
    Ok(Some(token).filter(|token| !token.is_empty()))
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

/// Does work that may need devices of other machines. Burn panics where one of them is gone; here that
/// becomes an error that names it. Any other panic goes on.
///
/// # Errors
/// Those of the work, and a device that is gone.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        if let Some(error) = lost(words(&*panic)) {
            return Err(error);
        }
        show_held();
        panic::resume_unwind(panic)
    })
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let said = panic.downcast_ref::<String>().map(String::as_str);
    let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
    said.unwrap_or("it said nothing")
}

/// Holds back what Burn says as it panics while devices of other machines are in use, until [`guarded`] knows
/// whether one of them is gone, which its error says better.
pub(crate) fn hold_panics_back(tell: fn(&str)) {
    TELL.get_or_init(|| tell);
    let shown = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if lock(&OPENED).is_empty() || is_own(panic) {
            shown(panic);
            return;
        }
        tracing::debug!("{panic}");
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("without a name");
        lock(&HELD).push(format!("thread `{name}` {panic}\n"));
    }));
}

/// Tells whether it is our own code that panics, which is our fault and no device's.
fn is_own(panic: &PanicHookInfo<'_>) -> bool {
    let sources = Path::new(file!()).ancestors().nth(2);
    let place = panic.location().map(|place| Path::new(place.file()));
    matches!((place, sources), (Some(place), Some(sources)) if place.starts_with(sources))
}

fn show_held() {
    let held = std::mem::take(&mut *lock(&HELD));
    if let Some(tell) = TELL.get() {
        for panic in &held {
            tell(panic);
        }
    }
}

/// Puts a device that is gone in the place of an error, where one is the reason of it.
pub(crate) fn or_lost(error: Error) -> Error {
    lost(&error.to_string()).unwrap_or(error)
}

/// Asks all devices of other machines for an answer.
///
/// # Errors
/// When one of them is gone.
#[cfg(feature = "serve")]
pub(crate) fn check() -> Result<()> {
    lost("").map_or(Ok(()), Err)
}

/// Makes an error of what was said when a computation broke off: it names the devices that are gone; nothing
/// where all of them answer.
pub(crate) fn lost(said: &str) -> Option<Error> {
    let gone: Vec<String> = gone()
        .into_iter()
        .map(|address| Device::Remote(address).to_string())
        .collect();
    if gone.is_empty() {
        return None;
    }
    // The error says it, and panics that asking has brought are of the same kind.
    lock(&HELD).clear();
    let message = format!("no answer from {}", in_backticks(&gone));
    let help = "look whether `cnn serve-device` still runs there";
    let mut diagnostic = Diagnostic::error(message).help(help);
    let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let said: Vec<&str> = lines.take(3).collect();
    if !said.is_empty() {
        diagnostic = diagnostic.note(said.join(" "));
    }
    if gone.len() > 1 {
        diagnostic =
            diagnostic.note("one that is gone takes those it exchanged tensors with along");
    }
    Some(Error::new(Kind::Io, diagnostic))
}

/// Asks the devices that were opened, and returns the addresses of those that do not answer.
fn gone() -> Vec<&'static str> {
    let answers = |device: &tensor::Device| {
        let asked = catch_unwind(AssertUnwindSafe(|| device.sync()));
        matches!(asked, Ok(Ok(())))
    };
    // Asking takes its time, and others may open devices or panic meanwhile.
    let opened = lock(&OPENED).clone();
    let gone: Vec<&'static str> = opened
        .iter()
        .filter(|one| one.is_gone || !answers(&one.device))
        .map(|one| one.address)
        .collect();
    for one in &mut *lock(&OPENED) {
        one.is_gone |= gone.contains(&one.address);
    }
    gone
}

fn lock<T>(shared: &'static Mutex<T>) -> MutexGuard<'static, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A device in the place of one of another machine: the processor always answers.
    fn in_use(address: &'static str, is_gone: bool) {
        lock(&OPENED).push(Opened {
            address,
            device: tensor::Device::flex(),
            is_gone,
        });
    }

    #[test]
    fn a_panic_is_an_error_only_where_a_device_is_gone() {
        let broken = || guarded::<()>(|| panic!("a fault"));
        in_use("answers:7000", false);
        let panic = catch_unwind(broken).unwrap_err();
        assert_eq!(words(&*panic), "a fault", "it goes on as it was");
        let own = Error::model(Diagnostic::error("a fault of the file"));
        assert_eq!(or_lost(own.clone()), own);

        in_use("gone:7000", true);
        let error = broken().unwrap_err();
        assert_eq!(error.kind, Kind::Io);
        assert_eq!(error.to_string(), "no answer from `remote:gone:7000`");
        assert_eq!(error.diagnostics[0].notes, ["a fault"]);
        assert_eq!(or_lost(own).kind, Kind::Io);
        // Whether anything can go on is for the verb to say.
        assert!(!error.diagnostics[0].helps.concat().contains("--resume"));
        lock(&OPENED).clear();
    }
}
