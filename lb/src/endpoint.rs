//! One upstream endpoint, as all workers know it.
use crate::clock::{milliseconds, Nanoseconds};
use crate::estimate::Estimate;
use crate::failures::{Counted, Failures};
use crate::outstanding::Outstanding;
use crate::settings::Settings;

pub struct Endpoint {
    /// `address:port`.
    pub address: Box<[u8]>,
    pub known_since: Nanoseconds,
    pub estimate: Estimate,
    pub failures: Failures,
    pub outstanding: Outstanding,
}

impl Endpoint {
    pub fn new(address: &[u8], now: Nanoseconds, shards: usize) -> Self {
        Endpoint {
            address: address.into(),
            known_since: now,
            estimate: Estimate::default(),
            failures: Failures::default(),
            outstanding: Outstanding::new(shards),
        }
    }

    /// Envoy has counted so much here: failures must not look like quick answers.
    pub fn note_failures(&self, now: Nanoseconds, counted: Counted, settings: &Settings) {
        if self.failures.are_more(counted) {
            self.estimate.observe_failure(now, 0.0, settings);
        }
    }

    /// What one more attempt here is expected to cost: the least cost is the best choice. A new endpoint costs nothing
    /// until one attempt is under way, which tells what it is like. `capacity`: how many times the load of others it is
    /// meant to carry.
    pub fn cost(&self, now: Nanoseconds, capacity: f32, settings: &Settings) -> f32 {
        let outstanding = self.outstanding.count();
        let known = match self.estimate.at(now, settings) {
            Some(known) => known,
            None if outstanding == 0 => return 0.0,
            None => settings.unknown_ms,
        };
        if outstanding == 0 {
            return known;
        }
        let wait = milliseconds(self.outstanding.longest_wait(now, settings.max_age));
        known.max(wait) * (outstanding as f32 / capacity + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::MILLISECOND;

    #[test]
    fn a_new_one_is_tried_once_and_then_waited_for() {
        let (endpoint, settings) = (Endpoint::new(b"a", 1, 1), Settings::default());
        assert_eq!(endpoint.cost(1, 1.0, &settings), 0.0);
        let ticket = endpoint.outstanding.begin(1);
        assert_eq!(endpoint.cost(1, 1.0, &settings), 60.0);
        assert!(endpoint.cost(500 * MILLISECOND, 1.0, &settings) > 900.0);
        endpoint.outstanding.end(ticket);
    }

    #[test]
    fn what_hangs_costs_as_much_as_it_has_hung() {
        let (endpoint, settings) = (Endpoint::new(b"a", 1, 1), Settings::default());
        endpoint.estimate.observe(1, 4.0, &settings);
        let ticket = endpoint.outstanding.begin(1);
        let cost = endpoint.cost(100 * MILLISECOND, 1.0, &settings);
        assert!((199.0..201.0).contains(&cost), "{cost}");
        endpoint.outstanding.end(ticket);
    }

    #[test]
    fn a_stream_that_waits_for_long_counts_as_one_attempt_and_no_more() {
        let (endpoint, settings) = (Endpoint::new(b"a", 1, 1), Settings::default());
        let _stream = endpoint.outstanding.begin(1);
        let later = 60_000 * MILLISECOND;
        endpoint.estimate.observe(later, 4.0, &settings);
        assert_eq!(endpoint.cost(later, 1.0, &settings), 8.0);
    }
}
