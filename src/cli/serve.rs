//! `cnn serve`.

use std::net::IpAddr;

use clap::Args;

use super::ComputeArguments;
use crate::diagnostic::Result;

/// Serve a trained network: a page to draw on, and answers over HTTP
///
/// The page takes a drawing or a picture and shows the answer, why it came out so, and the feature maps of a layer.
/// Programs ask by `POST /predict`; `GET /openapi.json` describes all there is. Writes the address to standard
/// output; Ctrl-C stops.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cnn serve
  cnn serve lenet5-1 --port 9000
  curl --data-binary @digit.png http://127.0.0.1:8000/predict")]
pub(super) struct Arguments {
    /// A run folder, its name, `latest`, or a model file
    #[arg(default_value = "latest")]
    run: String,
    /// Port; 0 for any that is free
    #[arg(long, value_name = "P", default_value_t = 8000)]
    port: u16,
    /// Address to listen at: that of a network for others to ask, 0.0.0.0 for all networks
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: IpAddr,
    /// Largest body of a request, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 16,
          value_parser = clap::value_parser!(u32).range(1..=256))]
    max_body: u32,
    /// Pixels of the largest picture
    #[arg(long, value_name = "N", default_value_t = 16_777_216,
          value_parser = clap::value_parser!(u64).range(1..))]
    max_pixels: u64,
    /// Seconds from a request to its answer
    #[arg(long, value_name = "S", default_value_t = 30,
          value_parser = clap::value_parser!(u32).range(1..=3600))]
    timeout: u32,
    /// Connections at once; others wait
    #[arg(long, value_name = "N", default_value_t = 2_048,
          value_parser = clap::value_parser!(u32).range(1..=65_536))]
    max_connections: u32,
    #[command(flatten)]
    compute: ComputeArguments,
}

#[cfg(feature = "serve")]
pub(super) fn run(arguments: &Arguments, quiet: bool) -> Result<u8> {
    use std::net::SocketAddr;
    use std::time::Duration;

    use super::signals;
    use crate::diagnostic::Diagnostic;
    use crate::report::{self, Output, diagnostics};
    use crate::run;
    use crate::serve::{self, App, Door, Limits};

    let path = run::find_model(&arguments.run)?;
    let door = Door::open(SocketAddr::new(arguments.host, arguments.port))?;
    let threads = arguments.compute.start_threads()?;
    let wanted = usize::try_from(arguments.max_connections).unwrap_or(usize::MAX);
    let connections = serve::room_for(wanted);
    if connections < wanted {
        let message = format!("{connections} connections are served at once, not {wanted}");
        let help = "raise the limit on open files (`ulimit -n`)";
        report::tell(&diagnostics::render(
            &Diagnostic::warning(message).help(help),
        ));
    }
    let limits = Limits {
        body_bytes: usize::try_from(u64::from(arguments.max_body) << 20).unwrap_or(usize::MAX),
        pixels: arguments.max_pixels,
        time: Duration::from_secs(arguments.timeout.into()),
        connections,
    };
    let app = App::load(&path, arguments.compute.device, limits)?;
    let stop = signals::listen()?;
    if !arguments.host.is_loopback() {
        let warning = Diagnostic::warning("whoever reaches this machine can ask the network");
        report::tell(&diagnostics::render(&warning));
    }
    if !quiet {
        let name = report::plain(&run::name_of(&path));
        report::tell(&format!("serving {name}; Ctrl-C stops\n"));
    }
    Output::default().write(&format!("http://{}/\n", door.address()))?;
    serve::run(app, door, threads, &stop)?;
    Ok(stop.asked().unwrap_or(0))
}

#[cfg(not(feature = "serve"))]
pub(super) fn run(_: &Arguments, _: bool) -> Result<u8> {
    use crate::diagnostic::{Diagnostic, Error};

    let help = "build it with the default features: `cargo install --path .`";
    let message = "this `cnn` was built without `serve`";
    Err(Error::config(Diagnostic::error(message).help(help)))
}
