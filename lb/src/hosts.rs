//! What a balancer chooses among: priorities, localities in them, endpoints in these. Made anew when members change.
use crate::clock::Nanoseconds;
use crate::endpoint::Endpoint;
use crate::members::{HealthyHost, Host, Members};
use crate::settings::Settings;
use crate::table::Cluster;
use std::collections::HashMap;
use std::sync::Arc;

/// One priority.
pub struct Level {
    /// Of the traffic, in percent.
    pub share: u32,
    /// Never empty if there is a healthy endpoint.
    pub groups: Vec<Group>,
}

/// The endpoints of a locality, or of all of them.
pub struct Group {
    pub weight: f64,
    pub candidates: Vec<Candidate>,
    /// Whether no weight differs from another.
    pub is_even: bool,
}

pub struct Candidate {
    pub endpoint: Arc<Endpoint>,
    pub weight: f64,
    /// Among the healthy endpoints of the priority, which is how a choice is told.
    pub healthy_index: u32,
    /// Among all endpoints of the priority, which is how Envoy is asked about one.
    pub index: usize,
}

pub fn levels(members: &dyn Members, cluster: &Cluster, settings: &Settings, now: Nanoseconds) -> Vec<Level> {
    let shards = members.workers() + 1;
    let read = |priority| {
        let (all, healthy) = (members.all(priority), members.healthy(priority));
        let health = health(all.len(), healthy.len(), settings);
        let candidates = candidates(&all, healthy, |addresses| {
            cluster.endpoints(addresses, now, shards)
        });
        let groups = if settings.locality_weighted {
            localities(&all, candidates, settings, |member| {
                members.locality_weight(priority, member)
            })
        } else {
            group(1.0, candidates).into_iter().collect()
        };
        (health, groups)
    };
    let (health, groups): (Vec<u32>, Vec<Vec<Group>>) = (0..members.priorities()).map(read).unzip();
    groups
        .into_iter()
        .zip(shares(&health))
        .map(|(groups, share)| Level { share, groups })
        .collect()
}

fn candidates(
    all: &[Host],
    healthy: Vec<HealthyHost>,
    endpoints: impl FnOnce(&[Box<[u8]>]) -> Vec<Arc<Endpoint>>,
) -> Vec<Candidate> {
    let index_of: HashMap<&[u8], usize> = all
        .iter()
        .enumerate()
        .map(|(index, host)| (&*host.address, index))
        .collect();
    let addresses: Vec<_> = healthy.iter().map(|host| host.address.clone()).collect();
    let found = endpoints(&addresses).into_iter().zip(healthy).enumerate();
    found
        .map(|(healthy_index, (endpoint, host))| Candidate {
            index: index_of.get(&*host.address).copied().unwrap_or(0),
            endpoint,
            weight: f64::from(host.weight.max(1)),
            healthy_index: healthy_index as u32,
        })
        .collect()
}

/// A locality without weight gets nothing; one that has lost endpoints gets less.
fn localities(
    all: &[Host],
    candidates: Vec<Candidate>,
    settings: &Settings,
    weight_of: impl Fn(&[u8]) -> u32,
) -> Vec<Group> {
    let mut localities: HashMap<&[u8], (usize, Vec<Candidate>)> = HashMap::new();
    for host in all {
        localities.entry(&host.locality).or_default().0 += 1;
    }
    for candidate in candidates {
        localities
            .entry(&all[candidate.index].locality)
            .or_default()
            .1
            .push(candidate);
    }
    let groups = localities.into_iter().filter_map(|(_, (total, candidates))| {
        let weight = f64::from(weight_of(&candidates.first()?.endpoint.address));
        group(
            weight * f64::from(health(total, candidates.len(), settings)),
            candidates,
        )
    });
    groups.filter(|group| group.weight > 0.0).collect()
}

fn group(weight: f64, candidates: Vec<Candidate>) -> Option<Group> {
    let first = candidates.first()?.weight;
    let is_even = candidates.iter().all(|candidate| candidate.weight == first);
    Some(Group {
        weight,
        candidates,
        is_even,
    })
}

/// In percent: what the healthy endpoints can take over.
fn health(all: usize, healthy: usize, settings: &Settings) -> u32 {
    match all {
        0 => 0,
        _ => (settings.overprovisioning as usize * healthy / all).min(100) as u32,
    }
}

/// As Envoy spreads load over priorities: each takes what its health allows of what those before it left. If all of
/// them together are too weak, each takes its part of the whole.
fn shares(health: &[u32]) -> Vec<u32> {
    let total = health.iter().sum::<u32>().clamp(1, 100);
    let mut left = 100;
    let mut shares: Vec<u32> = Vec::with_capacity(health.len());
    for health in health {
        let share = (health * 100 / total).min(left);
        left -= share;
        shares.push(share);
    }
    // What rounding left goes to the first that can take it.
    if let Some(share) = shares.iter_mut().find(|share| **share > 0) {
        *share += left;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_priority_takes_all_as_long_as_it_can() {
        assert_eq!(shares(&[100, 100]), [100, 0]);
        assert_eq!(shares(&[70, 100]), [70, 30]);
        assert_eq!(shares(&[0, 100]), [0, 100]);
    }

    #[test]
    fn priorities_that_are_all_too_weak_share_the_whole() {
        assert_eq!(shares(&[20, 30]), [40, 60]);
        assert_eq!(shares(&[10, 10, 10]), [34, 33, 33]);
        assert_eq!(shares(&[0, 0]), [0, 0]);
    }

    #[test]
    fn healthy_endpoints_take_over_for_some_that_are_not() {
        let settings = Settings::default();
        assert_eq!(health(10, 8, &settings), 100);
        assert_eq!(health(10, 5, &settings), 70);
        assert_eq!(health(0, 0, &settings), 0);
    }
}
