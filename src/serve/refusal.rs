//! Why a request is not answered, as JSON.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::diagnostic::{Error, Kind};

/// Why a request is not answered: a status of HTTP, what is wrong, and an edit that mends it.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    message: String,
    help: Option<String>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            help: None,
        }
    }

    /// Refuses what a program has put wrongly.
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// Refuses until less is asked for.
    pub(super) fn busy(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message).help("ask again in a moment")
    }

    /// Refuses until the service is started anew, on devices that are there.
    fn gone(error: Error) -> Self {
        let refusal = Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string());
        let edits = error.diagnostics.into_iter();
        let mut edits: Vec<String> = edits.flat_map(|diagnostic| diagnostic.helps).collect();
        edits.push("then start `cnn serve` anew".to_owned());
        refusal.help(edits.join("; "))
    }

    #[must_use]
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let status = match error.kind {
            Kind::Config => StatusCode::BAD_REQUEST,
            Kind::Data => StatusCode::UNPROCESSABLE_ENTITY,
            // Pictures and networks are in memory: it is a device of another machine that is gone.
            Kind::Io => return Self::gone(error),
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        // What there is helps a program too; the edits are those of the command line.
        let said = error.diagnostics.iter();
        let said = said.flat_map(|diagnostic| &diagnostic.notes);
        let said: Vec<&str> = said.map(String::as_str).collect();
        let refusal = Self::new(status, error.to_string());
        if said.is_empty() {
            refusal
        } else {
            refusal.help(said.join("; "))
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.message, "help": self.help });
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            let wait = axum::http::HeaderValue::from_static("1");
            response.headers_mut().insert("retry-after", wait);
        }
        response
    }
}
