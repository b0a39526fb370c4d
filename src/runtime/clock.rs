//! The run's clock: the machine's own, or in the sandbox one that is moved by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::Utc;

use crate::engine::entry::Stamp;

/// A clock. Clones show the same time.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Milliseconds that a virtual clock is ahead of the machine's; `None` for the machine's own.
    ahead: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The machine's own.
    pub fn real() -> Self {
        Self { ahead: None }
    }

    /// A virtual one that starts at the machine's time.
    pub fn virtual_now() -> Self {
        Self { ahead: Some(Arc::new(AtomicI64::new(0))) }
    }

    /// True if it can be moved.
    pub fn is_virtual(&self) -> bool {
        self.ahead.is_some()
    }

    /// The run's time.
    pub fn now(&self) -> Stamp {
        let ahead = self.ahead.as_ref().map_or(0, |ms| ms.load(Ordering::SeqCst));
        Stamp::from_millis(Utc::now().timestamp_millis() + ahead)
    }

    /// The machine's time.
    pub fn wall() -> Stamp {
        Stamp::new(Utc::now())
    }

    /// Moves a virtual clock forward to `to`; never back. Does nothing to the machine's clock.
    pub fn move_to(&self, to: Stamp) {
        if let Some(ms) = &self.ahead {
            let by = to.millis() - self.now().millis();
            if by > 0 {
                ms.fetch_add(by, Ordering::SeqCst);
            }
        }
    }
}
