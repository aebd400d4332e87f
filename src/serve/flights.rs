//! One piece of work for all who ask for the same thing at the same time.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use crate::parallel::locked;

/// What is being done, by what it is done for, and how far it is.
pub(super) struct Flights<K, P> {
    going: Mutex<HashMap<K, watch::Receiver<P>>>,
}

impl<K, P> Default for Flights<K, P> {
    fn default() -> Self {
        Self { going: Mutex::default() }
    }
}

impl<K: Hash + Eq + Clone + Send + 'static, P: Send + Sync + 'static> Flights<K, P> {
    /// How far the work for `key` is, which the first who asks begins. It goes on where a client leaves; where it
    /// breaks, the sender is gone.
    pub(super) fn watch<F>(
        self: &Arc<Self>,
        key: &K,
        begin: impl FnOnce() -> (watch::Receiver<P>, F),
    ) -> watch::Receiver<P>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut going = locked(&self.going);
        if let Some(told) = going.get(key) {
            return told.clone();
        }
        let (told, work) = begin();
        going.insert(key.clone(), told.clone());
        // Taken away also where the work panics: the next who asks begins anew.
        let landed = Landed { all: Arc::clone(self), key: key.clone() };
        tokio::spawn(async move {
            let _landed = landed;
            work.await;
        });
        told
    }
}

impl<K: Hash + Eq + Clone + Send + 'static, V: Clone + Send + Sync + 'static> Flights<K, Option<V>> {
    /// What `work` gives, begun by the first who asks and awaited by all. `None` where it broke.
    pub(super) async fn join<F>(self: &Arc<Self>, key: &K, work: impl FnOnce() -> F) -> Option<V>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut told = self.watch(key, || {
            let (tell, told) = watch::channel(None);
            let work = work();
            (told, async move {
                tell.send_replace(Some(work.await));
            })
        });
        told.wait_for(Option::is_some).await.ok()?.clone()
    }
}

/// Takes a piece of work out of the list when it is over.
struct Landed<K: Hash + Eq, P> {
    all: Arc<Flights<K, P>>,
    key: K,
}

impl<K: Hash + Eq, P> Drop for Landed<K, P> {
    fn drop(&mut self) {
        locked(&self.all.going).remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;

    use super::Flights;

    #[tokio::test]
    async fn all_who_ask_at_once_share_one_piece_of_work() {
        let flights: Arc<Flights<u8, Option<usize>>> = Arc::default();
        let begun = Arc::new(AtomicUsize::new(0));
        let ask = || {
            let begun = Arc::clone(&begun);
            flights.join(&1, || async move {
                tokio::task::yield_now().await;
                begun.fetch_add(1, Ordering::SeqCst)
            })
        };
        assert_eq!(join_all((0..50).map(|_| ask())).await, vec![Some(0); 50]);
        assert_eq!(ask().await, Some(1), "what is over is begun anew");
    }

    #[tokio::test]
    async fn work_goes_on_where_the_first_leaves_and_what_broke_is_begun_anew() {
        let flights: Arc<Flights<u8, Option<u8>>> = Arc::default();
        let (tell, told) = tokio::sync::oneshot::channel();
        let first = flights.join(&1, || async move { told.await.unwrap_or_default() });
        let waiting = tokio::time::timeout(std::time::Duration::ZERO, first);
        assert!(waiting.await.is_err());
        tell.send(7).unwrap();
        assert_eq!(flights.join(&1, || async { unreachable!("it is under way") }).await, Some(7));
        assert_eq!(flights.join(&2, || async { panic!("on purpose") }).await, None);
        assert_eq!(flights.join(&2, || async { 3 }).await, Some(3));
    }
}
