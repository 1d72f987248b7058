//! What a cluster's configuration says about its balancing: `key=value` pairs, separated by commas.
use crate::clock::{Nanoseconds, MILLISECOND};

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// How fast an estimate fades that nothing confirms, so that an endpoint that was slow is tried again.
    pub decay: Nanoseconds,
    /// How fast quicker answers pull an estimate down.
    pub settle: Nanoseconds,
    /// What a failed attempt counts at least (milliseconds).
    pub failure_ms: f32,
    /// The estimate of an endpoint that has not answered yet, while an attempt is under way (milliseconds).
    pub unknown_ms: f32,
    /// An attempt that waits longer for its answer is a long poll or a stream, and tells nothing of latency.
    pub max_age: Nanoseconds,
    /// Whether localities get the share of traffic that their weights say.
    pub locality_weighted: bool,
    /// How many percent of a priority's share its healthy endpoints can take over before others must help.
    pub overprovisioning: u32,
    /// How long a new endpoint takes until it gets its full share; 0 for none.
    pub warm_up: Nanoseconds,
    pub warm_up_aggression: f64,
    /// The share that it begins with.
    pub warm_up_minimum: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            decay: 10_000 * MILLISECOND,
            settle: 2_000 * MILLISECOND,
            failure_ms: 1_000.0,
            unknown_ms: 30.0,
            max_age: 10_000 * MILLISECOND,
            locality_weighted: false,
            overprovisioning: 140,
            warm_up: 0,
            warm_up_aggression: 1.0,
            warm_up_minimum: 0.1,
        }
    }
}

impl Settings {
    /// Fails for what it does not know: a configuration for another version must not half work.
    pub fn parse(text: &str) -> Result<Settings, String> {
        let mut settings = Settings::default();
        for pair in text.split(',').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair
                .split_once('=')
                .ok_or_else(|| format!("{pair} is no key=value"))?;
            let number: f64 = value.parse().map_err(|_| format!("{pair} has no number"))?;
            if !number.is_finite() || number < 0.0 {
                return Err(format!("{pair} is out of range"));
            }
            settings.set(key, number)?;
        }
        if settings.decay == 0 || settings.settle == 0 {
            return Err("decay_ms and settle_ms must be above 0".into());
        }
        Ok(settings)
    }

    fn set(&mut self, key: &str, number: f64) -> Result<(), String> {
        let duration = (number * MILLISECOND as f64) as Nanoseconds;
        match key {
            "decay_ms" => self.decay = duration,
            "settle_ms" => self.settle = duration,
            "failure_ms" => self.failure_ms = number as f32,
            "unknown_ms" => self.unknown_ms = number as f32,
            "max_age_ms" => self.max_age = duration,
            "locality_weighted" => self.locality_weighted = number != 0.0,
            "overprovisioning" => self.overprovisioning = number as u32,
            "warm_up_ms" => self.warm_up = duration,
            "warm_up_aggression" => self.warm_up_aggression = number.max(f64::MIN_POSITIVE),
            "warm_up_minimum_percent" => self.warm_up_minimum = number / 100.0,
            _ => return Err(format!("{key} is not known")),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_means_the_defaults() {
        assert_eq!(Settings::parse(""), Ok(Settings::default()));
    }

    #[test]
    fn pairs_are_read() {
        let settings = Settings::parse("decay_ms=2500,locality_weighted=1,warm_up_ms=30000").unwrap();
        assert_eq!(settings.decay, 2_500 * MILLISECOND);
        assert!(settings.locality_weighted);
        assert_eq!(settings.warm_up, 30_000 * MILLISECOND);
    }

    #[test]
    fn what_is_not_known_or_makes_no_sense_is_refused() {
        for text in [
            "speed=1",
            "decay_ms",
            "decay_ms=fast",
            "decay_ms=-1",
            "decay_ms=NaN",
            "settle_ms=0",
        ] {
            assert!(Settings::parse(text).is_err(), "{text}");
        }
    }
}
