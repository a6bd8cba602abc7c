//! `cnn serve-device`.

use std::net::IpAddr;

use clap::Args;

use super::ComputeArguments;
use crate::diagnostic::Result;

/// Serve a device of this machine, for the training of others
///
/// What others compute here are operations on tensors, and nothing else; it goes over the network as it is, without a
/// cipher. Those who have the token in `CNN_DEVICE_TOKEN` may; without one, programs of this machine alone. Writes the
/// device's name for `--device` to standard output; Ctrl-C stops.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cnn serve-device
  CNN_DEVICE_TOKEN=secret cnn serve-device --device wgpu --host 10.0.0.5
  CNN_DEVICE_TOKEN=secret cnn train configs/lenet5.toml --device remote:10.0.0.5:7000")]
pub(super) struct Arguments {
    /// Port; 0 for any that is free
    #[arg(long, value_name = "P", default_value_t = 7000)]
    port: u16,
    /// Address to listen at: that of a network for others to compute here
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: IpAddr,
    #[command(flatten)]
    compute: ComputeArguments,
}

#[cfg(feature = "remote")]
pub(super) fn run(arguments: &Arguments, quiet: bool) -> Result<u8> {
    use std::net::SocketAddr;

    use super::signals;
    use crate::diagnostic::{Diagnostic, Error};
    use crate::model::{Device, TOKEN, remote};
    use crate::report::{self, Output};
    use crate::serve::{self, Door};

    let device = arguments.compute.device;
    if let Device::Remote(_) = device {
        let message = format!("`{device}` is served already, where it is");
        return Err(Error::config(Diagnostic::error(message)));
    }
    let token = remote::token()?;
    if token.is_none() && !arguments.host.is_loopback() {
        let message = format!("whoever reaches `{}` could compute here", arguments.host);
        let help = format!("set `{TOKEN}` here and where `cnn train` runs, or leave `--host` out");
        return Err(Error::config(Diagnostic::error(message).help(help)));
    }
    // A session that breaks off ends Burn's thread for it, and no other.
    std::panic::set_hook(Box::new(|panic| tracing::debug!("{panic}")));
    let door = Door::open(SocketAddr::new(arguments.host, arguments.port))?;
    arguments.compute.start_threads()?;
    let opened = device.open()?;
    let stop = signals::listen()?;
    if !quiet {
        report::tell(&format!("serving {device}; Ctrl-C stops\n"));
    }
    Output::default().write(&format!("remote:{}\n", door.address()))?;
    serve::serve_device(opened, door, token, &stop)?;
    Ok(stop.asked().unwrap_or(0))
}

#[cfg(not(feature = "remote"))]
pub(super) fn run(_: &Arguments, _: bool) -> Result<u8> {
    Err(crate::model::remote::not_built())
}
