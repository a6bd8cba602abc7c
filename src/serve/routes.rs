//! What can be asked for. `openapi.json` describes it to programs.

use std::io::ErrorKind;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::app::{App, Limits};
use super::guard::{self, Guard};
use super::inside::Inside;
use super::posted::Posted;
use super::refusal::Refusal;
use crate::diagnostic::Result;
use crate::model::remote;
use crate::predict::{Asker, Full, Picture, Prediction};
use crate::report::json::prediction;

const PAGE: &str = include_str!("page/index.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");
const OPENAPI: &str = include_str!("openapi.json");

/// What the page of a run may do: nothing but show its own style and pictures.
const REPORT_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

type Answer = std::result::Result<Response, Refusal>;
type Shared = State<Arc<App>>;

pub(super) fn router(app: Arc<App>, is_local: bool) -> Router {
    let guard = Guard {
        app: Arc::clone(&app),
        is_local,
    };
    let text = |kind: &'static str, text: &'static str| get(([(header::CONTENT_TYPE, kind)], text));
    Router::new()
        .route("/", text("text/html; charset=utf-8", PAGE))
        .route("/page.css", text("text/css; charset=utf-8", STYLE))
        .route("/page.js", text("text/javascript; charset=utf-8", SCRIPT))
        .route("/openapi.json", text("application/json", OPENAPI))
        .route("/model", get(model))
        .route("/report", get(report))
        .route("/healthz", get(health))
        .route("/metrics", get(metrics))
        .route("/predict", post(predict))
        .route("/features", post(features))
        .route("/explain", post(explain))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        // Bodies have a bound of their own, which can be set.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(guard, guard::pass))
        .with_state(app)
}

async fn unknown(uri: Uri) -> Refusal {
    let message = format!("there is no `{}` here", uri.path());
    Refusal::new(StatusCode::NOT_FOUND, message).help("`GET /openapi.json` says what there is")
}

async fn wrong_method(request: Request) -> Refusal {
    let message = format!(
        "`{}` is not asked for by {}",
        request.uri().path(),
        request.method()
    );
    let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, message);
    refusal.help("`GET /openapi.json` says how it is")
}

async fn model(State(app): Shared) -> Json<Value> {
    Json(app.about.clone())
}

async fn health(State(app): Shared) -> Answer {
    blocking(|| Ok(remote::check()?)).await?;
    Ok(Json(json!({ "status": "ok", "model": app.name })).into_response())
}

async fn metrics(State(app): Shared) -> impl IntoResponse {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], app.counters.render())
}

async fn report(State(app): Shared) -> Answer {
    let missing =
        |help: &str| Refusal::new(StatusCode::NOT_FOUND, "the model has no report").help(help);
    let report = app.report.clone();
    let report = report.ok_or_else(|| missing("it is a model file alone, of no run"))?;
    let page = blocking(move || Ok(report.read())).await?;
    let page = page.map_err(|error| {
        if error.kind() == ErrorKind::NotFound {
            return missing(&format!("write it with `cnn runs report {}`", app.name));
        }
        let message = format!("failed to read the report: {error}");
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    })?;
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, REPORT_POLICY),
    ];
    Ok((headers, page).into_response())
}

/// What `/predict` is asked with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Predicting {
    top_k: usize,
}

impl Default for Predicting {
    fn default() -> Self {
        Self { top_k: 3 }
    }
}

async fn predict(State(app): Shared, request: Request) -> Answer {
    let Predicting { top_k } = options(request.uri())?;
    if top_k == 0 {
        let message = "`top_k` is the number of classes that are named, at least 1";
        return Err(Refusal::bad(message));
    }
    let Posted { pictures, room } = Posted::read(&app, request).await?;
    let named = pictures.len().saturating_mul(top_k.min(app.classes));
    if named > Limits::NAMED {
        let message = format!(
            "{named} classes would be named, at most {} are",
            Limits::NAMED
        );
        return Err(Refusal::bad(message).help("ask with a smaller `top_k`, or for fewer pictures"));
    }
    let (sender, receiver) = oneshot::channel();
    let asker = Box::new(Waiting {
        sender,
        _room: room,
    });
    let asked = app.queue.ask(pictures, top_k, asker);
    asked.map_err(|Full| Refusal::busy("too many pictures wait for their answers"))?;
    let answers = receiver
        .await
        .map_err(|_| Refusal::busy("the service stops"))??;
    let status = if answers.iter().all(|answer| answer.answer.is_err()) {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let results: Vec<Value> = answers.iter().map(prediction).collect();
    Ok((
        status,
        Json(json!({ "model": app.name, "results": results })),
    )
        .into_response())
}

/// A request that waits for answers; it has left when its connection is closed or its time is over.
struct Waiting {
    sender: oneshot::Sender<Result<Vec<Prediction>>>,
    /// Given back when the answers are there.
    _room: Option<OwnedSemaphorePermit>,
}

impl Asker for Waiting {
    fn waits(&self) -> bool {
        !self.sender.is_closed()
    }

    fn hear(self: Box<Self>, answers: Result<Vec<Prediction>>) {
        // It may have left in the meantime.
        let _ = self.sender.send(answers);
    }
}

/// What `/features` is asked with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Featuring {
    layer: Option<String>,
}

async fn features(State(app): Shared, request: Request) -> Answer {
    let Featuring { layer } = options(request.uri())?;
    looked(&app, request, move |inside, picture| {
        inside.features(picture, layer.as_deref())
    })
    .await
}

/// What `/explain` is asked with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Explaining {
    method: String,
    class: Option<String>,
    layer: Option<String>,
}

impl Default for Explaining {
    fn default() -> Self {
        Self {
            method: "grad-cam".to_owned(),
            class: None,
            layer: None,
        }
    }
}

async fn explain(State(app): Shared, request: Request) -> Answer {
    let asked: Explaining = options(request.uri())?;
    looked(&app, request, move |inside, picture| {
        inside.explain(
            picture,
            &asked.method,
            asked.class.as_deref(),
            asked.layer.as_deref(),
        )
    })
    .await
}

/// Draws something of the one picture in a request.
async fn looked(
    app: &App,
    request: Request,
    draw: impl FnOnce(&Inside, Picture) -> Result<Vec<u8>> + Send + 'static,
) -> Answer {
    let (picture, room) = Posted::read(app, request).await?.one()?;
    let inside = Arc::clone(&app.inside);
    // Who leaves while waiting for its turn gives it up; a look that has begun goes on to its end.
    let turn = Arc::clone(&app.looks).acquire_owned().await;
    let png = blocking(move || {
        let png = draw(&inside, picture);
        drop((turn, room));
        Ok(png?)
    });
    Ok(([(header::CONTENT_TYPE, "image/png")], png.await?).into_response())
}

/// Does what takes its time on a thread where it holds up no one.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::result::Result<T, Refusal> + Send + 'static,
) -> std::result::Result<T, Refusal> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| {
        let message = "the computation gave up: a fault of cnn's";
        Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, message))
    })
}

/// Reads what stands behind the `?`.
fn options<T: DeserializeOwned>(uri: &Uri) -> std::result::Result<T, Refusal> {
    let options = Query::try_from_uri(uri);
    options
        .map(|Query(options)| options)
        .map_err(|error| Refusal::bad(error.body_text()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_described() {
        let document: Value = serde_json::from_str(OPENAPI).unwrap();
        let described: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
        let source = include_str!("routes.rs");
        let routes = source
            .split(".route(\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap());
        // Up to this test, which names it too.
        let mut routes: Vec<&str> = routes.filter(|route| route.starts_with('/')).collect();
        routes.retain(|route| !route.starts_with("/page."));
        routes.sort_unstable();
        assert_eq!(described, routes);
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    }
}
