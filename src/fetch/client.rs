//! The network, behind one door: a request for the rest of a file, and the answer.

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use ureq::tls::{PemItem, RootCerts, TlsConfig};

use super::Patience;
use crate::diagnostic::{Diagnostic, Error, Result};

/// Redirections that are followed.
const REDIRECTS: u32 = 5;

/// Asks servers for files.
pub(super) struct Client {
    agent: ureq::Agent,
    encrypts: bool,
    stall: Duration,
}

/// What a server answered.
pub(super) struct Reply {
    /// The status of HTTP.
    pub(super) status: u16,
    /// How many bytes follow, if it says so.
    pub(super) length: Option<u64>,
    /// Where the bytes lie in the whole file, and its length, if it sends a part.
    pub(super) range: Option<(u64, u64)>,
    /// The bytes.
    pub(super) body: Box<dyn Read>,
}

/// Why there is no answer.
pub(super) struct NoReply {
    /// The reason in words.
    pub(super) reason: String,
    /// Whether it may go better the next time.
    pub(super) may_pass: bool,
}

impl Client {
    /// Prepares requests; opens no connection.
    ///
    /// # Errors
    /// When `SSL_CERT_FILE` names a file that holds no certificates.
    pub(super) fn new(patience: &Patience) -> Result<Self> {
        let mut tls = TlsConfig::builder();
        let encrypts = supports_encryption();
        #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
        if encrypts {
            let provider = rustls_graviola::default_provider();
            tls = tls.unversioned_rustls_crypto_provider(std::sync::Arc::new(provider));
        }
        if let Some(path) = std::env::var_os("SSL_CERT_FILE") {
            tls = tls.root_certs(read_certificates(Path::new(&path))?);
        }
        let config = ureq::Agent::config_builder()
            .tls_config(tls.build())
            .user_agent(concat!("cnn/", env!("CARGO_PKG_VERSION")))
            // What cannot be encrypted must not be redirected to where it has to be.
            .max_redirects(if encrypts { REDIRECTS } else { 0 })
            .http_status_as_error(false)
            .timeout_resolve(Some(patience.connect))
            .timeout_connect(Some(patience.connect))
            .timeout_per_read(Some(patience.stall))
            .timeout_recv_response(Some(patience.stall))
            .build();
        Ok(Self {
            agent: config.into(),
            encrypts,
            stall: patience.stall,
        })
    }

    /// Asks for a file, from a byte on.
    ///
    /// # Errors
    /// When there is no answer.
    pub(super) fn get(&self, url: &str, from: u64) -> std::result::Result<Reply, NoReply> {
        if !self.encrypts && url.starts_with("https:") {
            return Err(NoReply {
                reason: "this processor lacks what encrypted connections need".to_owned(),
                may_pass: false,
            });
        }
        let mut request = self.agent.get(url);
        if from > 0 {
            request = request.header("Range", format!("bytes={from}-"));
        }
        let response = request.call().map_err(|error| NoReply {
            reason: self.reason(&error),
            may_pass: matches!(
                error,
                ureq::Error::Io(_)
                    | ureq::Error::Timeout(_)
                    | ureq::Error::HostNotFound
                    | ureq::Error::ConnectionFailed
                    | ureq::Error::Protocol(_)
            ),
        })?;
        let status = response.status().as_u16();
        let header = |name: &str| response.headers().get(name)?.to_str().ok();
        let length = header("Content-Length").and_then(|text| text.trim().parse().ok());
        let range = header("Content-Range").and_then(read_range);
        let body = response.into_body().into_reader();
        Ok(Reply {
            status,
            length,
            range,
            body: Box::new(body),
        })
    }

    /// Says why the body of a reply could not be read on.
    pub(super) fn read_reason(&self, error: io::Error) -> String {
        self.reason(&error.into())
    }

    fn reason(&self, error: &ureq::Error) -> String {
        match error {
            ureq::Error::Timeout(ureq::Timeout::PerRead | ureq::Timeout::RecvResponse) => {
                format!("nothing came for {:?}", self.stall)
            }
            ureq::Error::Timeout(_) => "no connection in time".to_owned(),
            ureq::Error::HostNotFound => "no such host is known".to_owned(),
            ureq::Error::TooManyRedirects => format!("redirected more than {REDIRECTS} times"),
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                "the connection was cut".to_owned()
            }
            ureq::Error::Io(error) => error.to_string(),
            error => error.to_string(),
        }
    }
}

/// Tells whether the processor has the instructions that the ciphers are written with.
fn supports_encryption() -> bool {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    {
        graviola::util::is_cpu_supported()
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        false
    }
}

/// Reads the certificates to trust in place of the built-in ones, as behind a proxy of a company.
fn read_certificates(path: &Path) -> Result<RootCerts> {
    let text = fs::read(path).map_err(|error| Error::io("read", path, &error))?;
    let certificates: Vec<_> = ureq::tls::parse_pem(&text)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        let message = format!("`{}` holds no certificates", path.display());
        let help = "set `SSL_CERT_FILE` to a PEM file of certificates to trust, or unset it";
        return Err(Error::config(Diagnostic::error(message).help(help)));
    }
    Ok(certificates.into())
}

/// Reads `bytes 100-199/200` as first byte and length of the whole.
fn read_range(text: &str) -> Option<(u64, u64)> {
    let (range, whole) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    Some((first.trim().parse().ok()?, whole.trim().parse().ok()?))
}
