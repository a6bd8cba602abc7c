//! What every request passes: who may ask, how long it may take, what is counted and said of every answer.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{StatusCode, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::app::App;
use super::refusal::Refusal;

/// Headers of every answer that does not say otherwise: a browser takes nothing from elsewhere and runs nothing but the page's script.
const HEADERS: [(HeaderName, &str); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-cache"),
];

/// What the guard knows.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    pub(super) app: Arc<App>,
    /// Whether only this machine is served.
    pub(super) is_local: bool,
}

/// Takes a request to its route and its answer back.
pub(super) async fn pass(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let begin = Instant::now();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let limit = guard.app.limits.time;
    let answer = match refused(request.version(), request.headers(), guard.is_local) {
        Some(refusal) => Err(refusal),
        None => tokio::time::timeout(limit, next.run(request))
            .await
            .map_err(|_| Refusal::busy(format!("the answer took over {} s", limit.as_secs()))),
    };
    let mut response = answer.unwrap_or_else(Refusal::into_response);
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    let path = path.as_ref().map_or("other", MatchedPath::as_str);
    guard
        .app
        .counters
        .count(path, response.status().as_u16(), begin.elapsed());
    response
}

/// Refuses what a page of another site asks for. A site may lead its own name to this machine: then the name of the host gives it away.
fn refused(version: Version, headers: &HeaderMap, is_local: bool) -> Option<Refusal> {
    let texts = |name: HeaderName| {
        let values = headers.get_all(name).into_iter();
        let texts = values.map(|value| value.to_str().unwrap_or_default());
        texts.collect::<Vec<_>>()
    };
    let hosts = texts(header::HOST);
    if hosts.len() > 1 || (hosts.is_empty() && version > Version::HTTP_10) {
        return Some(Refusal::bad("a request has one `Host`"));
    }
    if is_local && !hosts.iter().all(|host| is_this_machine(host)) {
        let refusal = Refusal::new(
            StatusCode::FORBIDDEN,
            "this service is asked as `localhost` or `127.0.0.1`",
        );
        return Some(refusal.help("to serve other machines, start it with `--host`"));
    }
    let is_own = |origin: &&str| {
        let (_, from) = origin.split_once("://").unwrap_or_default();
        hosts.contains(&from)
    };
    if !texts(header::ORIGIN).iter().all(is_own) {
        let message = "pages of other sites are not answered";
        return Some(Refusal::new(StatusCode::FORBIDDEN, message));
    }
    None
}

/// Tells whether a `Host` header names this machine alone.
fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(host: &str, origin: Option<&str>, is_local: bool, is_refused: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
        }
        assert_eq!(
            refused(Version::HTTP_11, &headers, is_local).is_some(),
            is_refused,
            "{host} {origin:?}"
        );
    }

    #[test]
    fn a_request_has_one_host() {
        let mut headers = HeaderMap::new();
        assert!(refused(Version::HTTP_11, &headers, true).is_some());
        assert!(refused(Version::HTTP_10, &headers, true).is_none());
        headers.append(header::HOST, HeaderValue::from_static("localhost"));
        assert!(refused(Version::HTTP_11, &headers, true).is_none());
        headers.append(header::HOST, HeaderValue::from_static("localhost"));
        assert!(refused(Version::HTTP_11, &headers, true).is_some());
    }

    #[test]
    fn other_sites_are_refused() {
        check("127.0.0.1:8000", None, true, false);
        check("localhost", None, true, false);
        check("LOCALHOST:80", None, true, false);
        check("[::1]:8000", None, true, false);
        check("evil.example:8000", None, true, true);
        check("127.0.0.1.evil.example", None, true, true);
        check("localhost.evil.example:1", None, true, true);
        check("box.lan:8000", None, false, false);
        check("127.0.0.1:8000", Some("http://127.0.0.1:8000"), true, false);
        check("127.0.0.1:8000", Some("http://127.0.0.1:9000"), true, true);
        check("127.0.0.1:8000", Some("https://evil.example"), true, true);
        check("box.lan:8000", Some("http://box.lan:8000"), false, false);
        check("box.lan:8000", Some("null"), false, true);
    }
}
