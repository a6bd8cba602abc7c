//! What a service is watched by, in the words of Prometheus.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _, text};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::memory;
use crate::predict::Queue;

/// Where a request went, and how it was answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Served {
    path: String,
    status: u16,
}

/// Where a request went.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    path: String,
}

/// Seconds from a tenth of a millisecond to most of a minute.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(1e-4, 2.0, 20))
}

/// Counts of all that was served.
#[derive(Debug)]
pub(super) struct Counters {
    registry: Registry,
    requests: Family<Served, Counter>,
    seconds: Family<Asked, Histogram, fn() -> Histogram>,
    /// Connections that are open.
    pub(super) connections: Gauge,
}

impl Counters {
    pub(super) fn new(queue: Arc<Queue>) -> Self {
        let own = Self {
            registry: Registry::default(),
            requests: Family::default(),
            seconds: Family::new_with_constructor(seconds),
            connections: Gauge::default(),
        };
        let mut registry = Registry::with_prefix("cnn");
        let help = "Requests that were answered";
        registry.register("requests", help, own.requests.clone());
        let help = "Seconds from a request's head to its answer";
        registry.register("request_seconds", help, own.seconds.clone());
        let help = "Connections that are open";
        registry.register("connections", help, own.connections.clone());
        registry.register_collector(Box::new(Computed(queue)));
        Self { registry, ..own }
    }

    /// Counts a request.
    pub(super) fn count(&self, path: &str, status: u16, time: Duration) {
        let path = path.to_owned();
        let asked = Asked { path: path.clone() };
        self.requests.get_or_create(&Served { path, status }).inc();
        self.seconds
            .get_or_create(&asked)
            .observe(time.as_secs_f64());
    }

    /// Writes all counts.
    pub(super) fn render(&self) -> String {
        let mut text = String::new();
        // Writing into memory does not fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }
}

/// What the queue has computed, and the memory that the process took.
#[derive(Debug)]
struct Computed(Arc<Queue>);

impl Collector for Computed {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let tally = self.0.tally();
        let counts = [
            ("pictures", "Pictures that were looked at", &tally.pictures),
            ("batches", "Batches that they came in", &tally.batches),
        ];
        for (name, help, count) in counts {
            let counter = ConstCounter::new(count.load(Ordering::Relaxed));
            let metric = encoder.encode_descriptor(name, help, None, counter.metric_type())?;
            counter.encode(metric)?;
        }
        if let Some(bytes) = memory::peak_bytes() {
            let gauge = ConstGauge::new(i64::try_from(bytes).unwrap_or(i64::MAX));
            let help = "The most memory that the process has taken";
            let metric = encoder.encode_descriptor(
                "peak_resident_bytes",
                help,
                None,
                gauge.metric_type(),
            )?;
            gauge.encode(metric)?;
        }
        Ok(())
    }
}
