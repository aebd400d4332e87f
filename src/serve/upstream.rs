//! A registry behind the mirror: whether it was there when it was last asked, and whether it may be asked now.

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use super::metrics::From;
use crate::http::Http;
use crate::parallel::locked;

/// How long a registry that was not there is left alone where something old can be given instead.
const REST: Duration = Duration::from_secs(5);

/// A registry behind the mirror.
pub(super) struct Upstream {
    pub(super) from: From,
    /// Its address, as it may be shown.
    pub(super) shown: String,
    pub(super) http: Http,
    pub(super) offline: bool,
    state: Mutex<State>,
}

/// What is known of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// It was not asked yet.
    Unasked,
    /// It answered when it was last asked.
    Up,
    /// It did not.
    Down {
        /// Since when.
        since: SystemTime,
        /// When that was found last.
        last: SystemTime,
        /// Why.
        why: String,
    },
}

impl Upstream {
    pub(super) fn new(from: From, shown: String, http: Http, offline: bool) -> Self {
        Self { from, shown, http, offline, state: Mutex::new(State::Unasked) }
    }

    pub(super) fn state(&self) -> State {
        locked(&self.state).clone()
    }

    /// Whether it was not there a moment ago.
    pub(super) fn rests(&self) -> bool {
        matches!(&*locked(&self.state), State::Down { last, .. } if last.elapsed().is_ok_and(|gone| gone < REST))
    }

    pub(super) fn is_up(&self) {
        *locked(&self.state) = State::Up;
    }

    pub(super) fn is_down(&self, why: String) {
        let last = SystemTime::now();
        let mut state = locked(&self.state);
        let since = match &*state {
            State::Down { since, .. } => *since,
            _ => last,
        };
        *state = State::Down { since, last, why };
    }
}
