//! What `-vv` and `ENVTOOL_LOG` show, on standard error: every program that is started, every request, what was read
//! from where, and how long each step took. Without either nothing of it is set up, and an event costs a comparison.

use std::io::{self, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::{MakeWriter, format::FmtSpan, time};

use super::{github, plain};
use crate::fault::{Fault, Result};

/// Shows from here on what `filter` takes.
pub(super) fn start(filter: &str, is_github: bool) -> Result<()> {
    let filter = EnvFilter::builder().parse(filter).map_err(|error| {
        Fault::usage(format!("could not read ENVTOOL_LOG, {filter:?}"))
            .because(&error)
            .help("write it as RUST_LOG is written, such as `ENVTOOL_LOG=envtool=debug` or `ENVTOOL_LOG=envtool::http=debug,warn`")
    })?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_timer(time::SystemTime)
        .with_ansi(false)
        .with_span_events(FmtSpan::CLOSE)
        .with_writer(Log { is_github })
        .try_init()
        .map_err(|error| Fault::bug("could not begin the log that ENVTOOL_LOG asks for").because(&*error))
}

/// Standard error, an event at a time.
struct Log {
    is_github: bool,
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Event;

    fn make_writer(&'a self) -> Event {
        Event { is_github: self.is_github, bytes: Vec::new() }
    }
}

/// One event, which is written once it is whole.
struct Event {
    is_github: bool,
    bytes: Vec<u8>,
}

impl Write for Event {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        let text = plain(&String::from_utf8_lossy(&self.bytes));
        let text = if self.is_github { github::defused(&text) } else { text };
        super::say(&text);
    }
}
