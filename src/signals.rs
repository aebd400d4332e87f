//! Ctrl-C and its like, where they must not end envtool at once: while a compiler runs that has to be stopped first,
//! and while files of the project stand changed that have to be put back.
//!
//! Outside of [`hold`] a signal does what it always does.

use crate::fault::{Fault, Result};

/// While it is held, a signal is noted and not obeyed: whoever works looks at [`check`].
#[derive(Debug)]
#[must_use]
pub struct Held(());

/// Fails where the user has asked for an end.
pub fn check() -> Result<()> {
    match imp::asked() {
        0 => Ok(()),
        signal => Err(Fault::new("interrupted, and nothing was changed")
            .help("run it again when you like: what was fetched and built so far is kept")
            .with_exit_code(128 + signal)),
    }
}

/// Whether signals are noted at the moment, so that whoever waits has to look at [`check`].
pub fn are_held() -> bool {
    imp::are_held()
}

/// From here on signals are noted.
pub fn hold() -> Result<Held> {
    imp::hold().map_err(|error| Fault::bug("could not prepare for Ctrl-C").because(&error))?;
    Ok(Held(()))
}

impl Drop for Held {
    fn drop(&mut self) {
        imp::release();
    }
}

#[cfg(unix)]
mod imp {
    use std::io;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::sync::{Arc, OnceLock};

    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::flag;

    struct Flags {
        /// The signal that came, 0 for none.
        asked: Arc<AtomicUsize>,
        /// Whether nobody holds.
        free: Arc<AtomicBool>,
        holders: AtomicUsize,
    }

    static FLAGS: OnceLock<Flags> = OnceLock::new();

    pub(super) fn hold() -> io::Result<()> {
        let flags = if let Some(flags) = FLAGS.get() {
            flags
        } else {
            let made = register()?;
            FLAGS.get_or_init(|| made)
        };
        flags.holders.fetch_add(1, Ordering::SeqCst);
        flags.free.store(false, Ordering::SeqCst);
        Ok(())
    }

    fn register() -> io::Result<Flags> {
        let (asked, free) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(true)));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            // In this order: what is free ends here, and never notes.
            flag::register_conditional_default(signal, Arc::clone(&free))?;
            flag::register_usize(signal, Arc::clone(&asked), usize::try_from(signal).unwrap_or_default())?;
        }
        Ok(Flags { asked, free, holders: AtomicUsize::new(0) })
    }

    pub(super) fn release() {
        if let Some(flags) = FLAGS.get()
            && flags.holders.fetch_sub(1, Ordering::SeqCst) == 1
        {
            flags.free.store(true, Ordering::SeqCst);
        }
    }

    pub(super) fn are_held() -> bool {
        FLAGS.get().is_some_and(|flags| flags.holders.load(Ordering::SeqCst) > 0)
    }

    pub(super) fn asked() -> u8 {
        let asked = FLAGS.get().map_or(0, |flags| flags.asked.load(Ordering::SeqCst));
        u8::try_from(asked).unwrap_or_default()
    }
}

#[cfg(not(unix))]
mod imp {
    use std::io;

    #[expect(clippy::unnecessary_wraps, reason = "it can fail elsewhere")]
    pub(super) fn hold() -> io::Result<()> {
        Ok(())
    }

    pub(super) fn release() {}

    pub(super) fn are_held() -> bool {
        false
    }

    pub(super) fn asked() -> u8 {
        0
    }
}
