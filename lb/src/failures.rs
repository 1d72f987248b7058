//! The attempts at an endpoint that failed without an answer, of which Envoy tells nobody but in its statistics.
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// What Envoy has counted at an endpoint.
#[derive(Clone, Copy, Default)]
pub struct Counted {
    /// Attempts without an answer, answers from 500 on, and attempts beyond a limit of the cluster, which never went out.
    pub errors: u64,
    /// Connections that could not be made.
    pub unconnected: u64,
    /// Attempts that have had a connection.
    pub sent: u64,
    /// Those that have one now.
    pub active: u64,
}

#[derive(Default)]
pub struct Failures {
    /// Answers that Envoy counts as errors.
    errors_answered: AtomicU32,
    /// Attempts that have ended and were answered.
    answered: AtomicU32,
    seen: Seen,
}

/// The most that there were of errors that were no answers, and above them of attempts that ended without an answer.
struct Seen(AtomicU64);

/// Before the first look: Envoy may know the endpoint for longer.
const NOTHING: u64 = 1 << 63;

impl Default for Seen {
    fn default() -> Self {
        Seen(AtomicU64::new(NOTHING))
    }
}

/// While workers begin and end attempts, the counts are wrong by a few for a moment. If they are less by more, Envoy has
/// made the endpoint anew.
const SLACK: i32 = 8;

impl Failures {
    pub fn error_answered(&self) {
        self.errors_answered.fetch_add(1, Relaxed);
    }

    pub fn answered_ended(&self) {
        self.answered.fetch_add(1, Relaxed);
    }

    /// Whether there are new ones. One of all workers is told. An error alone may have been beyond a limit, and what ends
    /// without an answer may have been ended by its client.
    pub fn are_more(&self, counted: Counted) -> bool {
        let ended = counted.unconnected + counted.sent.saturating_sub(counted.active);
        let errors = (counted.errors as u32).wrapping_sub(self.errors_answered.load(Relaxed));
        let unanswered = (ended as u32).wrapping_sub(self.answered.load(Relaxed));
        let before = self.seen.0.load(Relaxed);
        let more_errors = errors.wrapping_sub(before as u32) as i32;
        let more_unanswered = unanswered.wrapping_sub((before >> 32) as u32) as i32;
        let is_new = before == NOTHING || more_errors.min(more_unanswered) < -SLACK;
        if !is_new && more_errors <= 0 && more_unanswered <= 0 {
            return false;
        }
        let now = if is_new {
            pack(unanswered, errors)
        } else {
            let most = |before: u32, more: i32| before.wrapping_add(more.max(0) as u32);
            pack(
                most((before >> 32) as u32, more_unanswered),
                most(before as u32, more_errors),
            )
        };
        let is_first = self
            .seen
            .0
            .compare_exchange(before, now, Relaxed, Relaxed)
            .is_ok();
        is_first && !is_new && more_errors > 0 && more_unanswered > 0
    }
}

fn pack(unanswered: u32, errors: u32) -> u64 {
    u64::from(unanswered) << 32 | u64::from(errors)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(errors: u64, unconnected: u64, sent: u64, active: u64) -> Counted {
        Counted {
            errors,
            unconnected,
            sent,
            active,
        }
    }

    #[test]
    fn connections_that_fail_and_attempts_that_break_are_failures_once() {
        let failures = Failures::default();
        assert!(!failures.are_more(counted(7, 7, 0, 0)));
        assert!(failures.are_more(counted(8, 8, 0, 0)));
        assert!(!failures.are_more(counted(8, 8, 0, 0)));
        assert!(!failures.are_more(counted(8, 8, 1, 1)));
        assert!(failures.are_more(counted(9, 8, 1, 0)));
    }

    #[test]
    fn answers_are_none_whatever_their_status() {
        let failures = Failures::default();
        failures.are_more(counted(0, 0, 0, 0));
        failures.error_answered();
        failures.answered_ended();
        assert!(!failures.are_more(counted(1, 0, 1, 0)));
    }

    #[test]
    fn what_was_beyond_a_limit_or_was_given_up_by_its_client_is_none() {
        let failures = Failures::default();
        failures.are_more(counted(0, 0, 0, 0));
        assert!(!failures.are_more(counted(5, 0, 0, 0)));
        assert!(!failures.are_more(counted(5, 0, 3, 0)));
        assert!(failures.are_more(counted(6, 0, 4, 0)));
    }

    #[test]
    fn what_is_counted_early_or_late_is_none() {
        let failures = Failures::default();
        failures.are_more(counted(0, 0, 2, 2));
        failures.answered_ended();
        assert!(!failures.are_more(counted(0, 0, 2, 2)));
        assert!(!failures.are_more(counted(1, 0, 2, 1)));
        assert!(!failures.are_more(counted(2, 0, 2, 1)));
        assert!(failures.are_more(counted(3, 0, 2, 0)));
    }

    #[test]
    fn an_endpoint_that_is_made_anew_counts_from_there() {
        let failures = Failures::default();
        failures.error_answered();
        failures.answered_ended();
        failures.are_more(counted(70, 3, 9, 0));
        assert!(!failures.are_more(counted(0, 0, 0, 0)));
        assert!(failures.are_more(counted(1, 1, 0, 0)));
    }
}
