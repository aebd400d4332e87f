//! What the mirror counts, as Prometheus reads it (the text format of `OpenMetrics` 1.0), and for the page.

use std::sync::atomic::AtomicU64;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Which registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum From {
    /// The one of crates.
    Crates,
    /// The one of Python packages.
    Pypi,
}

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// What there is of a package.
    Index,
    /// An archive.
    File,
}

/// How it was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum How {
    /// From what is held.
    Hit,
    /// The registry was asked.
    Miss,
    /// From what is held though it is old: the registry could not be asked.
    Stale,
    /// Not at all.
    Refused,
}

/// What the registry said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Said {
    /// The thing.
    Body,
    /// That what is held still holds.
    NotModified,
    /// That it has no such thing.
    Absent,
    /// Something that was refused: a wrong checksum, nonsense.
    Refused,
    /// Nothing: it could not be asked, or broke off.
    Failed,
}

/// What they are called in small letters, as labels are.
macro_rules! labels {
    ($($kind:ident { $($value:ident = $text:literal),+ })+) => {$(
        impl EncodeLabelValue for $kind {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
                EncodeLabelValue::encode(&match self { $(Self::$value => $text),+ }, encoder)
            }
        }
    )+};
}

labels! {
    From { Crates = "crates", Pypi = "pypi" }
    Kind { Index = "index", File = "file" }
    How { Hit = "hit", Miss = "miss", Stale = "stale", Refused = "refused" }
    Said { Body = "body", NotModified = "not_modified", Absent = "absent", Refused = "refused", Failed = "failed" }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answer {
    registry: From,
    kind: Kind,
    how: How,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    registry: From,
    kind: Kind,
    said: Said,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Status {
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    registry: From,
}

/// The counters.
pub(super) struct Metrics {
    registry: Registry,
    answers: Family<Answer, Counter>,
    asked: Family<Asked, Counter>,
    statuses: Family<Status, Counter>,
    arrived: Family<Of, Counter>,
    up: Family<Of, Gauge>,
    sent: Counter,
    /// How many connections are open.
    pub(super) connections: Gauge,
    /// When it began.
    pub(super) started: SystemTime,
}

impl Metrics {
    pub(super) fn new(offline: bool) -> Self {
        let mut registry = Registry::with_prefix("envtool_mirror");
        let answers = Family::<Answer, Counter>::default();
        let asked = Family::<Asked, Counter>::default();
        let statuses = Family::<Status, Counter>::default();
        let arrived = Family::<Of, Counter>::default();
        let up = Family::<Of, Gauge>::default();
        let (sent, connections) = (Counter::default(), Gauge::default());
        registry.register("answers", "Answers to clients, by how they came about", answers.clone());
        registry.register(
            "upstream_requests",
            "Requests to the registries, by what they said",
            asked.clone(),
        );
        registry.register("requests", "Requests of clients, by status", statuses.clone());
        registry.register("upstream_bytes", "Bytes of files that came from the registries", arrived.clone());
        registry.register(
            "upstream_up",
            "Whether a registry answered when it was last asked; 0 with --offline",
            up.clone(),
        );
        registry.register("sent_bytes", "Bytes of answers, as their Content-Length said", sent.clone());
        registry.register("connections", "Open connections", connections.clone());
        let away: Gauge = Gauge::default();
        away.set(i64::from(offline));
        registry.register("offline", "Whether it was started with --offline", away);
        let (started, start): (SystemTime, Gauge<f64, AtomicU64>) = (SystemTime::now(), Gauge::default());
        start.set(started.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64());
        registry.register("start_time_seconds", "When it was started, in seconds since 1970", start);
        for from in [From::Crates, From::Pypi] {
            up.get_or_create(&Of { registry: from }).set(i64::from(!offline));
        }
        Self { registry, answers, asked, statuses, arrived, up, sent, connections, started }
    }

    pub(super) fn answered(&self, registry: From, kind: Kind, how: How) {
        self.answers.get_or_create(&Answer { registry, kind, how }).inc();
    }

    /// How often it was answered in this way, over all.
    pub(super) fn count(&self, how: How) -> u64 {
        let all =
            [From::Crates, From::Pypi].into_iter().flat_map(|r| [Kind::Index, Kind::File].map(|k| (r, k)));
        all.map(|(registry, kind)| self.answers.get_or_create(&Answer { registry, kind, how }).get()).sum()
    }

    pub(super) fn said(&self, registry: From, kind: Kind, said: Said) {
        self.asked.get_or_create(&Asked { registry, kind, said }).inc();
        // Where it refuses a thing it is there all the same.
        self.up.get_or_create(&Of { registry }).set(i64::from(said != Said::Failed));
    }

    pub(super) fn arrived(&self, registry: From, bytes: u64) {
        self.arrived.get_or_create(&Of { registry }).inc_by(bytes);
    }

    pub(super) fn status(&self, status: u16, bytes: u64) {
        self.statuses.get_or_create(&Status { status }).inc();
        self.sent.inc_by(bytes);
    }

    /// All of them as text.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
