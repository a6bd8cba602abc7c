//! A device of this machine for other programs, by Burn's own server.

use burn::server::{RemoteServer, ServeError, TokenAuthorizer, WebSocketTransport};
use burn::tensor;

use super::{Door, connections};
use crate::diagnostic::{Diagnostic, Error, Kind, Result};
use crate::train::Stop;

/// Serves a device until a stop is asked for; with a token, to those alone who have it.
///
/// # Errors
/// When the device cannot be served, the token is empty, or threads cannot be started.
pub(crate) fn serve_device(
    device: tensor::Device,
    door: Door,
    token: Option<String>,
    stop: &Stop,
) -> Result<()> {
    let failed = |reason: String| {
        let message = format!("failed to serve the device: {reason}");
        Error::new(Kind::Io, Diagnostic::error(message))
    };
    let mut server = RemoteServer::new([device]);
    if let Some(token) = token {
        let authorizer = TokenAuthorizer::new(token);
        server = server.with_authorizer(authorizer.map_err(|error| failed(error.to_string()))?);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(error.to_string()))?;
    let served = runtime.block_on(async {
        let transport = WebSocketTransport::from_listener(door.listener);
        tokio::select! {
            served = server.serve_async(transport) => served,
            () = connections::asked(stop) => Ok(()),
        }
    });
    // Whoever still computes here hears of the end by the connection that closes.
    runtime.shutdown_background();
    served.map_err(|error: ServeError| failed(error.to_string()))
}
