//! Requests to `cnn serve`: head and body end with an answer.

use std::sync::LazyLock;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderName, HeaderValue, Method, Request, Uri};
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt as _;

use crate::scratch::Scratch;

/// Bytes of an answer: more than any should have.
const MOST: usize = 16 << 20;

struct Service {
    runtime: Runtime,
    router: Router,
    /// The service reads the report beside its model file.
    _scratch: Scratch,
}

static SERVICE: LazyLock<Service> = LazyLock::new(|| {
    let scratch = Scratch::new(&[(
        "model.safetensors",
        include_bytes!("../corpus/model_file/maps"),
    )]);
    let path = scratch.path("model.safetensors");
    Service {
        runtime: Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("threads"),
        router: cnn::serve::router_of(&path).expect("a model"),
        _scratch: scratch,
    }
});

/// A head and a body as they come over a connection.
pub(crate) fn answer(bytes: &[u8]) {
    let Some(request) = request(bytes) else {
        return;
    };
    let answered = async {
        let Ok(response) = SERVICE.router.clone().oneshot(request).await;
        to_bytes(response.into_body(), MOST).await
    };
    let body = SERVICE.runtime.block_on(answered);
    body.expect("an answer of a bounded length");
}

/// Takes a head apart as the server does; what has none is refused before it comes to the service.
fn request(bytes: &[u8]) -> Option<Request<Body>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut head = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(end) = head.parse(bytes).ok()? else {
        return None;
    };
    let mut request = Request::new(Body::from(bytes[end..].to_vec()));
    *request.method_mut() = Method::from_bytes(head.method?.as_bytes()).ok()?;
    *request.uri_mut() = head.path?.parse::<Uri>().ok()?;
    for header in head.headers {
        let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
        let value = HeaderValue::from_bytes(header.value).ok()?;
        request.headers_mut().append(name, value);
    }
    Some(request)
}
