//! How long an endpoint takes to answer: an average that jumps up at once, comes down as quicker answers come, and
//! fades while none come. One atomic word, for all workers.
use crate::clock::Nanoseconds;
use crate::settings::Settings;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The value in milliseconds as a float, above it the time of the last sample in ticks; 0 before the first.
#[derive(Default)]
pub struct Estimate(AtomicU64);

/// A tick is 2^18 ns, 0.26 ms: 31 bits are 6 days.
const TICK_SHIFT: u32 = 18;
const SMALLEST_MS: f32 = 0.001;
/// Repeated failures double an estimate up to this.
const LARGEST_FAILURE_MS: f32 = 60_000.0;

impl Estimate {
    /// Milliseconds; none before the first sample.
    pub fn at(&self, now: Nanoseconds, settings: &Settings) -> Option<f32> {
        faded(self.0.load(Relaxed), now, settings)
    }

    /// An attempt took so long.
    pub fn observe(&self, now: Nanoseconds, milliseconds: f32, settings: &Settings) {
        self.update(now, |state| match faded(state, now, settings) {
            Some(known) if known > milliseconds => {
                let weight = remaining(since(state, now), settings.settle);
                known * weight + milliseconds * (1.0 - weight)
            }
            _ => milliseconds,
        });
    }

    /// An attempt took at least so long, and then ended for other reasons.
    pub fn observe_at_least(&self, now: Nanoseconds, milliseconds: f32, settings: &Settings) {
        if self.at(now, settings).map_or(true, |known| milliseconds > known) {
            self.observe(now, milliseconds, settings);
        }
    }

    /// An attempt failed: quick failures must not look like quick answers. Twice what was known, so that an endpoint
    /// that fails is worse than slow ones that do not.
    pub fn observe_failure(&self, now: Nanoseconds, milliseconds: f32, settings: &Settings) {
        self.update(now, |state| {
            let known = faded(state, now, settings).unwrap_or(0.0);
            let doubled = (2.0 * known).min(LARGEST_FAILURE_MS.max(known));
            milliseconds.max(settings.failure_ms).max(doubled)
        });
    }

    fn update(&self, now: Nanoseconds, value_after: impl Fn(u64) -> f32) {
        let mut state = self.0.load(Relaxed);
        loop {
            let next = pack(now, value_after(state));
            match self.0.compare_exchange_weak(state, next, Relaxed, Relaxed) {
                Ok(_) => return,
                Err(current) => state = current,
            }
        }
    }
}

fn pack(now: Nanoseconds, milliseconds: f32) -> u64 {
    ((now >> TICK_SHIFT) as u32 as u64) << 32 | milliseconds.max(SMALLEST_MS).to_bits() as u64
}

/// Another worker's clock may have been read later.
fn since(state: u64, now: Nanoseconds) -> Nanoseconds {
    let ticks = ((now >> TICK_SHIFT) as u32).wrapping_sub((state >> 32) as u32);
    if (ticks as i32) < 0 {
        return 0;
    }
    (ticks as Nanoseconds) << TICK_SHIFT
}

fn faded(state: u64, now: Nanoseconds, settings: &Settings) -> Option<f32> {
    if state == 0 {
        return None;
    }
    Some(f32::from_bits(state as u32) * remaining(since(state, now), settings.decay))
}

fn remaining(elapsed: Nanoseconds, time_constant: Nanoseconds) -> f32 {
    (-(elapsed as f64) / time_constant as f64).exp() as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::MILLISECOND;

    const SECOND: Nanoseconds = 1_000 * MILLISECOND;

    fn close(actual: Option<f32>, expected: f32) {
        let actual = actual.expect("an estimate");
        assert!(
            (actual / expected - 1.0).abs() < 0.02,
            "{actual} is not about {expected}"
        );
    }

    #[test]
    fn there_is_none_before_the_first_sample() {
        assert_eq!(Estimate::default().at(SECOND, &Settings::default()), None);
    }

    #[test]
    fn it_jumps_up_at_once_and_comes_down_as_quicker_answers_come() {
        let (estimate, settings) = (Estimate::default(), Settings::default());
        estimate.observe(SECOND, 4.0, &settings);
        estimate.observe(SECOND, 400.0, &settings);
        close(estimate.at(SECOND, &settings), 400.0);
        for step in 1..=1_000 {
            estimate.observe(SECOND + step * 10 * MILLISECOND, 4.0, &settings);
        }
        let settled = estimate.at(11 * SECOND, &settings).unwrap();
        assert!(settled < 8.0, "{settled}");
    }

    #[test]
    fn it_fades_while_no_answer_comes() {
        let (estimate, settings) = (Estimate::default(), Settings::default());
        estimate.observe(SECOND, 1_000.0, &settings);
        close(estimate.at(11 * SECOND, &settings), 1_000.0 / std::f32::consts::E);
    }

    #[test]
    fn a_wait_that_ended_for_other_reasons_can_only_raise_it() {
        let (estimate, settings) = (Estimate::default(), Settings::default());
        estimate.observe(SECOND, 50.0, &settings);
        estimate.observe_at_least(SECOND, 3.0, &settings);
        close(estimate.at(SECOND, &settings), 50.0);
        estimate.observe_at_least(SECOND, 300.0, &settings);
        close(estimate.at(SECOND, &settings), 300.0);
    }

    #[test]
    fn failures_are_slow_and_get_slower_within_bounds() {
        let (estimate, settings) = (Estimate::default(), Settings::default());
        estimate.observe_failure(SECOND, 0.2, &settings);
        close(estimate.at(SECOND, &settings), 1_000.0);
        estimate.observe_failure(SECOND, 0.2, &settings);
        close(estimate.at(SECOND, &settings), 2_000.0);
        for _ in 0..100 {
            estimate.observe_failure(SECOND, 0.2, &settings);
        }
        close(estimate.at(SECOND, &settings), 60_000.0);
    }

    #[test]
    fn a_clock_that_was_read_earlier_does_no_harm() {
        let (estimate, settings) = (Estimate::default(), Settings::default());
        estimate.observe(SECOND, 10.0, &settings);
        close(estimate.at(SECOND - (1 << TICK_SHIFT), &settings), 10.0);
    }
}
