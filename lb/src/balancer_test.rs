use super::*;
use crate::clock::MILLISECOND;
use crate::failures::Counted;
use crate::members::{HealthyHost, Host};
use crate::table::Table;
use std::collections::HashMap;

/// One priority after the other; of each endpoint its name, weight, locality and health.
#[derive(Default)]
struct Fake {
    levels: Vec<Vec<(String, u32, &'static str, bool)>>,
    locality_weights: HashMap<&'static str, u32>,
    failures: std::cell::Cell<u64>,
}

impl Members for Fake {
    fn workers(&self) -> usize {
        2
    }
    fn priorities(&self) -> u32 {
        self.levels.len() as u32
    }
    fn all(&self, priority: u32) -> Vec<Host> {
        let host = |(name, _, locality, _): &(String, u32, &str, bool)| Host {
            address: name.as_bytes().into(),
            locality: locality.as_bytes().into(),
        };
        self.levels[priority as usize].iter().map(host).collect()
    }
    fn healthy(&self, priority: u32) -> Vec<HealthyHost> {
        let healthy = self.levels[priority as usize].iter().filter(|host| host.3);
        healthy
            .map(|(name, weight, ..)| HealthyHost {
                address: name.as_bytes().into(),
                weight: *weight,
            })
            .collect()
    }
    fn counted(&self, _priority: u32, index: usize) -> Counted {
        let failures = if index == 0 { self.failures.get() } else { 0 };
        Counted {
            errors: failures,
            unconnected: failures,
            ..Counted::default()
        }
    }
    fn locality_weight(&self, priority: u32, member: &[u8]) -> u32 {
        let host = self.levels[priority as usize]
            .iter()
            .find(|host| host.0.as_bytes() == member)
            .unwrap();
        self.locality_weights[host.2]
    }
}

struct Once;
impl Retry for Once {
    fn choices(&self) -> u32 {
        0
    }
    fn refuses(&self, _priority: u32, _index: usize) -> bool {
        unreachable!()
    }
}

fn even(names: &[&str]) -> Fake {
    Fake {
        levels: vec![names.iter().map(|name| (name.to_string(), 1, "", true)).collect()],
        ..Fake::default()
    }
}

struct World {
    members: Fake,
    cluster: Arc<Cluster>,
    balancer: Balancer,
}

const ROUNDS: usize = if cfg!(miri) { 200 } else { 20_000 };
const NOW: Nanoseconds = 60_000 * MILLISECOND;

fn world(members: Fake, settings: Settings) -> World {
    let cluster = Table::new().join(b"c", settings);
    World {
        balancer: Balancer::new(cluster.clone(), settings, 3),
        members,
        cluster,
    }
}

impl World {
    fn choose(&mut self, now: Nanoseconds) -> Option<Chosen> {
        self.balancer.choose(&self.members, &Once, now)
    }

    fn answer(&mut self, name: &str, milliseconds: f32) {
        self.choose(NOW);
        let endpoint = self.cluster.find(name.as_bytes()).unwrap();
        endpoint.estimate.observe(NOW, milliseconds, &Settings::default());
    }

    /// The share of choices by endpoint, in percent.
    fn shares(&mut self, now: Nanoseconds) -> HashMap<String, u32> {
        let mut counts: HashMap<String, usize> = HashMap::new();
        for _ in 0..ROUNDS {
            let chosen = self.choose(now).unwrap();
            *counts
                .entry(String::from_utf8_lossy(&chosen.choice.endpoint.address).into())
                .or_default() += 1;
        }
        counts
            .into_iter()
            .map(|(name, count)| (name, (count * 100 / ROUNDS) as u32))
            .collect()
    }
}

fn about(actual: Option<&u32>, expected: u32) {
    let tolerance = if cfg!(miri) { 15 } else { 4 };
    assert!(
        actual.unwrap_or(&0).abs_diff(expected) <= tolerance,
        "{actual:?} is not about {expected}"
    );
}

#[test]
fn the_quicker_of_two_wins() {
    let mut world = world(even(&["quick", "slow", "medium"]), Settings::default());
    for (name, milliseconds) in [("quick", 4.0), ("medium", 8.0), ("slow", 400.0)] {
        world.answer(name, milliseconds);
    }
    let shares = world.shares(NOW);
    about(shares.get("quick"), 66);
    about(shares.get("medium"), 33);
    assert_eq!(shares.get("slow"), None);
}

#[test]
fn those_that_are_nearly_alike_share() {
    let mut world = world(even(&["one", "other"]), Settings::default());
    world.answer("one", 4.0);
    world.answer("other", 4.0);
    about(world.shares(NOW).get("one"), 50);
    world.answer("other", 5.0);
    about(world.shares(NOW).get("one"), 71);
}

#[test]
fn what_is_under_way_counts() {
    let mut world = world(even(&["busy", "idle"]), Settings::default());
    world.answer("busy", 4.0);
    world.answer("idle", 6.0);
    let busy = world.cluster.find(b"busy").unwrap();
    let _ticket = busy.outstanding.begin(NOW);
    assert_eq!(world.shares(NOW).get("idle"), Some(&100));
}

#[test]
fn a_new_endpoint_gets_one_request_and_then_no_more_until_it_answers() {
    let mut world = world(even(&["old", "new"]), Settings::default());
    world.answer("old", 4.0);
    let new = world.choose(NOW).unwrap().choice.endpoint;
    assert_eq!(*new.address, *b"new");
    let _ticket = new.outstanding.begin(NOW);
    assert_eq!(world.shares(NOW).get("old"), Some(&100));
}

#[test]
fn an_endpoint_whose_connections_fail_is_avoided_though_it_fails_at_once() {
    let mut world = world(even(&["dead", "good"]), Settings::default());
    world.answer("good", 40.0);
    world.answer("dead", 0.1);
    about(world.shares(NOW).get("dead"), 100);
    world.members.failures.set(1);
    assert_eq!(world.shares(NOW).get("dead"), None);
}

#[test]
fn a_slow_endpoint_is_tried_again_after_a_while() {
    let mut world = world(even(&["good", "was slow"]), Settings::default());
    world.answer("was slow", 1_000.0);
    world.answer("good", 4.0);
    let good = world.cluster.find(b"good").unwrap();
    let later = |seconds: u64| NOW + seconds * 1_000 * MILLISECOND;
    for seconds in [30, 70] {
        good.estimate.observe(later(seconds), 4.0, &Settings::default());
        let share = world.shares(later(seconds)).get("was slow").copied().unwrap_or(0);
        assert_eq!(share > 50, seconds == 70, "{share} after {seconds} s");
    }
}

#[test]
fn weights_are_shares_where_latencies_are_equal() {
    let mut members = even(&["one", "three"]);
    members.levels[0][1].1 = 3;
    let mut world = world(members, Settings::default());
    world.answer("one", 4.0);
    world.answer("three", 4.0);
    about(world.shares(NOW).get("one"), 25);
    world.answer("three", 4_000.0);
    about(world.shares(NOW).get("one"), 99);
}

#[test]
fn lower_priorities_help_when_those_above_are_too_weak() {
    let mut members = even(&["a", "b"]);
    members.levels.push(vec![("c".into(), 1, "", true)]);
    members.levels[0][0].3 = false;
    let mut world = world(members, Settings::default());
    let shares = world.shares(NOW);
    about(shares.get("b"), 70);
    about(shares.get("c"), 30);
    assert_eq!(shares.get("a"), None);
    world.members.levels[0][1].3 = false;
    world.balancer.members_changed();
    assert_eq!(world.shares(NOW).get("c"), Some(&100));
}

#[test]
fn an_index_is_that_among_the_healthy() {
    let mut members = even(&["a", "b", "c"]);
    members.levels[0][0].3 = false;
    let mut world = world(members, Settings::default());
    for _ in 0..100 {
        let chosen = world.choose(NOW).unwrap();
        let expected = if *chosen.choice.endpoint.address == *b"b" {
            0
        } else {
            1
        };
        assert_eq!(chosen.healthy_index, expected);
    }
}

#[test]
fn nobody_is_chosen_when_nobody_is_healthy() {
    let mut members = even(&["a"]);
    members.levels[0][0].3 = false;
    assert!(world(members, Settings::default()).choose(NOW).is_none());
    assert!(world(Fake::default(), Settings::default()).choose(NOW).is_none());
}

#[test]
fn localities_get_what_their_weights_say_less_what_they_lost() {
    let place = |name: &str, locality, healthy| (name.to_string(), 1, locality, healthy);
    let members = Fake {
        levels: vec![vec![
            place("a1", "a", true),
            place("b1", "b", true),
            place("b2", "b", true),
            place("c1", "c", true),
        ]],
        locality_weights: HashMap::from([("a", 80), ("b", 20), ("c", 0)]),
        ..Fake::default()
    };
    let settings = Settings {
        locality_weighted: true,
        ..Settings::default()
    };
    let mut world = world(members, settings);
    for name in ["a1", "b1", "b2"] {
        world.answer(name, 4.0);
    }
    let shares = world.shares(NOW);
    about(shares.get("a1"), 80);
    about(shares.get("b1"), 10);
    assert_eq!(shares.get("c1"), None);
    world.members.levels[0][1].3 = false;
    world.balancer.members_changed();
    about(world.shares(NOW).get("b2"), 14_00 / 94);
}

#[test]
fn a_new_endpoint_warms_up() {
    let settings = Settings {
        warm_up: 100_000 * MILLISECOND,
        ..Settings::default()
    };
    let mut world = world(even(&["old"]), settings);
    world.choose(1);
    world.members = even(&["old", "new"]);
    world.balancer.members_changed();
    let added = 200_000 * MILLISECOND;
    world.choose(added);
    let half = added + 50_000 * MILLISECOND;
    for name in ["old", "new"] {
        world
            .cluster
            .find(name.as_bytes())
            .unwrap()
            .estimate
            .observe(half, 4.0, &settings);
    }
    about(world.shares(half).get("new"), 33);
}

#[test]
fn a_retry_goes_elsewhere() {
    struct Elsewhere;
    impl Retry for Elsewhere {
        fn choices(&self) -> u32 {
            5
        }
        fn refuses(&self, _priority: u32, index: usize) -> bool {
            index == 0
        }
    }
    let World {
        members,
        mut balancer,
        ..
    } = world(even(&["a", "b", "c"]), Settings::default());
    let chosen = (0..200).map(|_| balancer.choose(&members, &Elsewhere, NOW).unwrap().healthy_index);
    assert!(chosen.filter(|index| *index == 0).count() < 20);
}
