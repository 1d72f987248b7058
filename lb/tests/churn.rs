//! Endless churn from several workers: nothing is lost count of, and nothing is kept of what is gone.
use heddle_lb::attempt::{Answer, Attempt, Request};
use heddle_lb::balancer::{Balancer, Retry};
use heddle_lb::clock::now;
use heddle_lb::failures::Counted;
use heddle_lb::handover;
use heddle_lb::members::{HealthyHost, Host, Members};
use heddle_lb::random::Random;
use heddle_lb::settings::Settings;
use heddle_lb::table::Table;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const WORKERS: usize = 4;
const ROUNDS: usize = if cfg!(miri) { 100 } else { 100_000 };
const LARGEST_CLUSTER: usize = 12;
const ATTEMPTS: usize = 20;

/// A membership that every worker reads in a state of its own, as with Envoy.
struct Generation(usize);

impl Generation {
    fn address(&self, index: usize) -> Box<[u8]> {
        format!("10.0.{}.{}:80", (self.0 / 3 + index) % 250, index)
            .into_bytes()
            .into()
    }
    fn size(&self, priority: u32) -> usize {
        (self.0 * 7 + priority as usize) % (LARGEST_CLUSTER / 2)
    }
}

impl Members for Generation {
    fn workers(&self) -> usize {
        WORKERS
    }
    fn priorities(&self) -> u32 {
        2
    }
    fn all(&self, priority: u32) -> Vec<Host> {
        let host = |index| Host {
            address: self.address(index),
            locality: vec![(index % 2) as u8].into(),
        };
        (0..self.size(priority)).map(host).collect()
    }
    fn healthy(&self, priority: u32) -> Vec<HealthyHost> {
        let healthy = (0..self.size(priority)).filter(|index| (self.0 + index) % 3 > 0);
        healthy
            .map(|index| HealthyHost {
                address: self.address(index),
                weight: (index % 3) as u32 + 1,
            })
            .collect()
    }
    fn counted(&self, _priority: u32, index: usize) -> Counted {
        let count = (self.0 / 5 + index) as u64;
        Counted {
            errors: count,
            unconnected: count / 2,
            sent: count / 3,
            active: count % 4,
        }
    }
    fn locality_weight(&self, _priority: u32, member: &[u8]) -> u32 {
        u32::from(member[member.len() - 1])
    }
}

struct Sometimes(u32);

impl Retry for Sometimes {
    fn choices(&self) -> u32 {
        self.0
    }
    fn refuses(&self, _priority: u32, index: usize) -> bool {
        index % 2 == 0
    }
}

/// A request that went to an endpoint of its own choice, or not.
struct To(Option<Box<[u8]>>);

impl Request for To {
    fn upstream_address(&self) -> Option<Vec<u8>> {
        self.0.as_ref().map(|address| address.to_vec())
    }
    fn cluster(&self) -> Option<Vec<u8>> {
        Some(b"churn".to_vec())
    }
}

fn work(table: &Table, generation: &AtomicUsize, seed: u64) {
    let mut random = Random::new(seed);
    let settings = [
        Settings::default(),
        Settings {
            locality_weighted: true,
            warm_up: 1_000_000,
            ..Settings::default()
        },
    ];
    let mut balancer = Balancer::new(table.join(b"churn", settings[0]), settings[0], seed);
    let mut under_way: Vec<Attempt> = Vec::new();
    let mut seen = 0;
    for _ in 0..ROUNDS {
        let members = Generation(generation.load(Relaxed));
        if members.0 != seen {
            seen = members.0;
            balancer.members_changed();
        }
        match random.below(20) {
            0 => drop(generation.fetch_add(1, Relaxed)),
            1 => {
                let chosen = settings[random.below(2)];
                balancer = Balancer::new(table.join(b"churn", chosen), chosen, seed);
            }
            2..=9 if under_way.len() < ATTEMPTS => {
                if let Some(chosen) = balancer.choose(&members, &Sometimes(random.below(3) as u32), now()) {
                    let healthy = members.healthy(chosen.priority);
                    assert_eq!(
                        healthy[chosen.healthy_index as usize].address,
                        chosen.choice.endpoint.address
                    );
                    handover::leave(chosen.choice);
                }
                under_way.push(Attempt::begin(handover::take(), now()));
            }
            _ if !under_way.is_empty() => {
                let index = random.below(under_way.len());
                let attempt = &mut under_way[index];
                let to = To(if random.below(3) == 0 {
                    None
                } else {
                    Some(members.address(random.below(LARGEST_CLUSTER)))
                });
                match random.below(4) {
                    0 => attempt.request_headers(table, &to),
                    1 => attempt.response_headers(now(), Answer::Good, table, &to),
                    2 => attempt.response_trailers(
                        now(),
                        Answer::Failed {
                            is_server_error: false,
                        },
                    ),
                    _ => under_way.swap_remove(index).end(now()),
                }
            }
            _ => {}
        }
    }
    for mut attempt in under_way {
        attempt.end(now());
    }
}

#[test]
fn churn_from_several_workers_leaves_nothing_behind() {
    let (table, generation) = (Table::new(), AtomicUsize::new(1));
    let watcher = table.join(b"churn", Settings::default());
    std::thread::scope(|scope| {
        for seed in 0..WORKERS as u64 {
            let (table, generation) = (&table, &generation);
            scope.spawn(move || work(table, generation, seed));
        }
    });
    let left = watcher.all();
    // What the workers' last balancers saw stays until the next change.
    assert!(
        left.len() <= WORKERS * (LARGEST_CLUSTER + ATTEMPTS),
        "{} endpoints",
        left.len()
    );
    assert!(left.iter().all(|endpoint| endpoint.outstanding.count() == 0));
    assert!(left
        .iter()
        .all(|endpoint| endpoint.outstanding.longest_wait(now(), u64::MAX / 2) == 0));
    watcher.prune();
    drop(left);
    watcher.prune();
    assert_eq!(watcher.all().len(), 0);
    drop(watcher);
    assert!(table.clusters().is_empty());
}
