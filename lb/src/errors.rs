//! The attempts at an endpoint that failed without an answer, of which Envoy tells nobody but in its statistics: of all
//! errors that it has counted, those that no filter has seen.
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

pub struct Errors {
    /// Answers that Envoy counts as errors, too.
    answered: AtomicU64,
    /// At the last look.
    unanswered: AtomicU64,
}

/// Before the first look: Envoy may know the endpoint for longer.
const UNKNOWN: u64 = u64::MAX;

impl Default for Errors {
    fn default() -> Self {
        Errors {
            answered: AtomicU64::new(0),
            unanswered: AtomicU64::new(UNKNOWN),
        }
    }
}

impl Errors {
    pub fn answered(&self) {
        self.answered.fetch_add(1, Relaxed);
    }

    /// Whether there are new ones, of so many errors in all. One of all workers is told.
    pub fn has_more(&self, all: u64) -> bool {
        let unanswered = all.saturating_sub(self.answered.load(Relaxed));
        let before = self.unanswered.load(Relaxed);
        // Fewer: Envoy has made the endpoint anew.
        unanswered != before
            && self
                .unanswered
                .compare_exchange(before, unanswered, Relaxed, Relaxed)
                .is_ok()
            && before != UNKNOWN
            && unanswered > before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_answered_or_was_there_before_is_not_new() {
        let errors = Errors::default();
        assert!(!errors.has_more(7));
        assert!(errors.has_more(8));
        assert!(!errors.has_more(8));
        errors.answered();
        assert!(!errors.has_more(9));
        assert!(errors.has_more(10));
    }

    #[test]
    fn an_endpoint_that_is_made_anew_starts_again() {
        let errors = Errors::default();
        errors.has_more(7);
        assert!(!errors.has_more(0));
        assert!(errors.has_more(1));
    }
}
