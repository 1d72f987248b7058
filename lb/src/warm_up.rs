//! The share of a new endpoint's weight while it warms up, as Envoy's slow start has it.
use crate::clock::Nanoseconds;
use crate::settings::Settings;

/// Up to 1, for an endpoint that is known so long.
pub fn share(age: Nanoseconds, settings: &Settings) -> f64 {
    if age >= settings.warm_up {
        return 1.0;
    }
    let fraction = age as f64 / settings.warm_up as f64;
    fraction
        .powf(1.0 / settings.warm_up_aggression)
        .max(settings.warm_up_minimum)
        .min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_from_the_minimum_to_the_whole() {
        let settings = Settings {
            warm_up: 100,
            ..Settings::default()
        };
        let percent = |age| (100.0 * share(age, &settings)).round();
        assert_eq!(
            [0, 5, 50, 100, 500].map(percent),
            [10.0, 10.0, 50.0, 100.0, 100.0]
        );
    }

    #[test]
    fn without_it_everything_is_whole_from_the_start() {
        assert_eq!(share(0, &Settings::default()), 1.0);
    }
}
