//! A network over HTTP: a page to draw on, answers, what the network sees, and what a service is watched by.
//!
//! `posted.rs` takes bodies apart, `refusal.rs` and `guard.rs` refuse, `inside.rs` draws what `cnn show` draws; pictures go to the
//! queue of a `Predictor`. The page is three files in `page/`, without a framework. A device is served
//! by Burn's own server (`device.rs`).

mod app;
mod connections;
mod counters;
#[cfg(feature = "remote")]
mod device;
mod guard;
mod inside;
mod posted;
mod refusal;
mod report;
mod room;
mod routes;

pub(crate) use app::{App, Limits};
#[cfg(feature = "remote")]
pub(crate) use device::serve_device;
pub(crate) use room::room_for;

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::diagnostic::{Diagnostic, Error, Result};
use crate::model::Device;
use crate::train::Stop;

/// A place where connections are taken.
#[derive(Debug)]
pub(crate) struct Door {
    listener: TcpListener,
    address: SocketAddr,
}

impl Door {
    /// Opens an address; port 0 is any that is free.
    ///
    /// # Errors
    /// When the address is taken, is none of this machine, or needs rights.
    pub(crate) fn open(address: SocketAddr) -> Result<Self> {
        let failed = |error: &std::io::Error| {
            let failed = Error::io("listen at", Path::new(&address.to_string()), error);
            let help = match error.kind() {
                std::io::ErrorKind::AddrInUse => {
                    "another program listens there: give `--port`, 0 for any that is free"
                }
                std::io::ErrorKind::AddrNotAvailable => {
                    "give the address of one of this machine's networks to `--host`"
                }
                std::io::ErrorKind::PermissionDenied => "give a `--port` above 1023",
                _ => return failed,
            };
            let diagnostics = failed
                .diagnostics
                .into_iter()
                .map(|diagnostic: Diagnostic| diagnostic.help(help));
            Error {
                kind: failed.kind,
                diagnostics: diagnostics.collect(),
            }
        };
        let listener = TcpListener::bind(address).map_err(|error| failed(&error))?;
        listener
            .set_nonblocking(true)
            .map_err(|error| failed(&error))?;
        let address = listener.local_addr().map_err(|error| failed(&error))?;
        Ok(Self { listener, address })
    }

    /// Returns where it is.
    #[must_use]
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Returns what answers requests about a model file, without connections: fuzzing hands it requests.
///
/// # Errors
/// When the file cannot be read, or a thread cannot be started.
#[doc(hidden)]
pub fn router_of(model: &Path) -> Result<axum::Router> {
    let limits = Limits {
        body_bytes: 1 << 20,
        pixels: 1 << 20,
        time: Duration::from_secs(30),
        connections: 1,
    };
    let app = App::load(model, Device::default(), limits)?;
    Ok(routes::router(Arc::new(app), true))
}

/// Serves until a stop is asked for; what was begun by then is answered.
///
/// # Errors
/// When threads cannot be started.
pub(crate) fn run(app: App, door: Door, threads: usize, stop: &Stop) -> Result<()> {
    let failed = |error: std::io::Error| {
        let message = format!("failed to start the threads that serve: {error}");
        Error::config(Diagnostic::error(message))
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .map_err(failed)?;
    let app = Arc::new(app);
    let is_local = door.address.ip().is_loopback();
    let served = runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(door.listener).map_err(failed)?;
        let router = routes::router(Arc::clone(&app), is_local);
        connections::serve(listener, router, &app, stop).await;
        Ok(())
    });
    // A look into the network may go on for long, and nobody waits for it.
    runtime.shutdown_background();
    served
}
