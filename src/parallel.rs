//! Work on many things at once, on as many threads as the machine has cores.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::fault::{Fault, Result};

/// How many threads there are to work with.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The value behind a lock. A panic of another thread is told by whoever joins it; the value is whole.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does `work` for every item; the first fault ends it. What comes back is in no order.
pub fn each<T: Send, U: Send>(items: Vec<T>, work: impl Fn(T) -> Result<U> + Sync) -> Result<Vec<U>> {
    let count = items.len();
    let items: Vec<Mutex<Option<T>>> = items.into_iter().map(|item| Mutex::new(Some(item))).collect();
    let index = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(count));
    let run = || -> Result<()> {
        while let Some(slot) = items.get(index.fetch_add(1, Ordering::Relaxed)) {
            let Some(item) = locked(slot).take() else { continue };
            let result = work(item).inspect_err(|_| index.store(count, Ordering::Relaxed))?;
            locked(&done).push(result);
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads().min(count)).map(|_| scope.spawn(run)).collect();
        workers.into_iter().try_for_each(|worker| {
            worker.join().unwrap_or_else(|_| Err(Fault::bug("a thread of envtool ended early")))
        })
    })?;
    Ok(done.into_inner().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    use super::each;
    use crate::fault::Fault;

    #[test]
    fn every_item_is_worked_on_once_and_a_fault_ends_it() {
        let mut done = each((0..1000).collect(), |n| Ok(n * 2)).unwrap();
        done.sort_unstable();
        assert_eq!(done, (0..1000).map(|n| n * 2).collect::<Vec<_>>());
        let fault = each((0..1000).collect(), |n| if n == 7 { Err(Fault::new("seven")) } else { Ok(n) });
        assert_eq!(fault.unwrap_err().to_string(), "seven");
        assert!(each(Vec::<u8>::new(), Ok).unwrap().is_empty());
    }
}
