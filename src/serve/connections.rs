//! Connections: how many, how long, and how they end.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;

use super::app::App;
use crate::train::Stop;

/// Seconds in which the head of a request must have come, and the next one on an open connection.
const HEAD_SECS: u64 = 10;
/// Seconds in which the other side must have read some of an answer.
const WRITE_SECS: u64 = 20;
/// Seconds after which a connection takes no further request, so that none is held for ever.
const LIFE_SECS: u64 = 300;
/// Seconds that requests have to end at a stop.
const GRACE_SECS: u64 = 10;
/// Milliseconds between two looks whether a stop was asked for.
const LOOK_MILLIS: u64 = 50;
/// Bytes of a request's head.
const HEAD_BYTES: usize = 32 << 10;

/// Takes connections until a stop is asked for, then lets requests end.
pub(super) async fn serve(listener: TcpListener, router: Router, app: &Arc<App>, stop: &Stop) {
    let most = app.limits.connections;
    let free = Arc::new(Semaphore::new(most));
    let (end, ending) = watch::channel(());
    let take = async {
        loop {
            // Others wait in the queue of the listener.
            let Ok(permit) = Arc::clone(&free).acquire_owned().await else {
                break;
            };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let (router, app, ending) = (router.clone(), Arc::clone(app), ending.clone());
                    tokio::spawn(async move {
                        let open = Open::new(&app);
                        connection(stream, router, ending, app.limits.time).await;
                        drop((open, permit));
                    });
                }
                // No file is free, or the other side has left: neither is better at once.
                Err(error) => {
                    tracing::debug!(%error, "failed to take a connection");
                    sleep(Duration::from_millis(LOOK_MILLIS)).await;
                }
            }
        }
    };
    tokio::select! {
        () = take => {}
        () = asked(stop) => {}
    }
    drop(listener);
    drop(end);
    let all = u32::try_from(most).unwrap_or(u32::MAX);
    // What has not ended by then is cut off.
    let _ = timeout(Duration::from_secs(GRACE_SECS), free.acquire_many(all)).await;
}

/// Waits until a stop is asked for.
pub(super) async fn asked(stop: &Stop) {
    while stop.asked().is_none() {
        sleep(Duration::from_millis(LOOK_MILLIS)).await;
    }
}

/// A connection that is counted while it is open, however it ends.
struct Open(Arc<App>);

impl Open {
    fn new(app: &Arc<App>) -> Self {
        app.counters.connections.inc();
        Self(Arc::clone(app))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.counters.connections.dec();
    }
}

/// Answers the requests of one connection, each within a time.
async fn connection(
    stream: TcpStream,
    router: Router,
    mut ending: watch::Receiver<()>,
    time: Duration,
) {
    // Answers are written whole, so that waiting for more would only delay them.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(Duration::from_secs(WRITE_SECS)));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(HEAD_SECS))
        .max_buf_size(HEAD_BYTES)
        .serve_connection(
            TokioIo::new(Box::pin(stream)),
            TowerToHyperService::new(router),
        );
    let mut served = pin!(served);
    let grace = Duration::from_secs(GRACE_SECS);
    let left = tokio::select! {
        outcome = served.as_mut() => Err(outcome),
        // Fails when a stop was asked for.
        _ = ending.changed() => Ok(grace),
        () = sleep(Duration::from_secs(LIFE_SECS)) => Ok(time + grace),
    };
    let outcome = match left {
        Err(outcome) => outcome,
        Ok(left) => {
            served.as_mut().graceful_shutdown();
            timeout(left, served).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "a connection broke");
    }
}
