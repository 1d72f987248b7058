//! The load-balancing policy: one balancer for each worker and cluster.
use crate::attempt::Choice;
use crate::clock::Nanoseconds;
use crate::hosts::{levels, Candidate, Group, Level};
use crate::members::Members;
use crate::random::Random;
use crate::settings::Settings;
use crate::table::Cluster;
use crate::warm_up;
use std::sync::Arc;

/// A retry rather goes to another endpoint than the attempts before it.
pub trait Retry {
    /// How often another choice may be made.
    fn choices(&self) -> u32;
    fn refuses(&self, priority: u32, index: usize) -> bool;
}

pub struct Chosen {
    pub priority: u32,
    /// Among the healthy endpoints of that priority.
    pub healthy_index: u32,
    pub choice: Choice,
}

pub struct Balancer {
    settings: Settings,
    cluster: Arc<Cluster>,
    random: Random,
    levels: Vec<Level>,
    is_stale: bool,
    /// Until then some endpoint has not its full share.
    warm_at: Nanoseconds,
}

impl Balancer {
    pub fn new(cluster: Arc<Cluster>, settings: Settings, seed: u64) -> Self {
        let random = Random::new(seed);
        Balancer {
            settings,
            cluster,
            random,
            levels: Vec::new(),
            is_stale: true,
            warm_at: 0,
        }
    }

    /// Members came, went, or changed their health.
    pub fn members_changed(&mut self) {
        self.is_stale = true;
    }

    /// None if no endpoint is healthy.
    pub fn choose(&mut self, members: &dyn Members, retry: &dyn Retry, now: Nanoseconds) -> Option<Chosen> {
        if self.is_stale {
            self.read(members, now);
        }
        let mut choices_left = retry.choices();
        let settings = self.settings;
        loop {
            let (priority, candidate) = self.pick(members, now)?;
            if choices_left > 0 && retry.refuses(priority, candidate.index) {
                choices_left -= 1;
                continue;
            }
            let choice = Choice {
                endpoint: candidate.endpoint.clone(),
                settings,
            };
            return Some(Chosen {
                priority,
                healthy_index: candidate.healthy_index,
                choice,
            });
        }
    }

    fn read(&mut self, members: &dyn Members, now: Nanoseconds) {
        self.levels = levels(members, &self.cluster, &self.settings, now);
        self.is_stale = false;
        self.cluster.prune();
        let candidates = self
            .levels
            .iter()
            .flat_map(|level| &level.groups)
            .flat_map(|group| &group.candidates);
        let youngest = candidates.map(|candidate| candidate.endpoint.known_since).max();
        self.warm_at = youngest.map_or(0, |since| since.saturating_add(self.settings.warm_up));
    }

    fn pick(&mut self, members: &dyn Members, now: Nanoseconds) -> Option<(u32, &Candidate)> {
        let Balancer {
            settings,
            random,
            levels,
            warm_at,
            ..
        } = self;
        let priority = pick_level(levels, random)?;
        let group = pick_group(&levels[priority].groups, random)?;
        let priority = priority as u32;
        let cost = |candidate: &Candidate, capacity: f32| {
            let counted = members.counted(priority, candidate.index);
            candidate.endpoint.note_failures(now, counted, settings);
            candidate.endpoint.cost(now, capacity, settings)
        };
        let candidate = if group.is_even && now >= *warm_at {
            pick_of_two(&group.candidates, random, |candidate| cost(candidate, 1.0))
        } else {
            let share = |candidate: &Candidate| {
                warm_up::share(now.saturating_sub(candidate.endpoint.known_since), settings)
            };
            pick_weighted(
                &group.candidates,
                random,
                |candidate| candidate.weight * share(candidate),
                cost,
            )
        };
        Some((priority, candidate))
    }
}

fn pick_level(levels: &[Level], random: &mut Random) -> Option<usize> {
    let first = levels.iter().position(|level| !level.groups.is_empty())?;
    if levels[first].share >= 100 {
        return Some(first);
    }
    let mut point = random.below(100) as u32;
    for (priority, level) in levels.iter().enumerate() {
        if point < level.share && !level.groups.is_empty() {
            return Some(priority);
        }
        point = point.saturating_sub(level.share);
    }
    Some(first)
}

fn pick_group<'a>(groups: &'a [Group], random: &mut Random) -> Option<&'a Group> {
    if groups.len() < 2 {
        return groups.first();
    }
    let mut point = random.fraction() * groups.iter().map(|group| group.weight).sum::<f64>();
    groups.iter().find(|group| {
        point -= group.weight;
        point < 0.0
    })
}

/// The better of two at random: nearly as good as the best of all, and no herd runs to it. Where as much is under way at
/// both, latency alone tells them apart, and that is known but roughly: then the odds are those of the fourth powers of
/// the costs, even for equals, 1 to 16 at half the cost. Else the worse by a hair would get nothing while little is asked.
fn pick_of_two<'a>(
    candidates: &'a [Candidate],
    random: &mut Random,
    cost: impl Fn(&Candidate) -> f32,
) -> &'a Candidate {
    let one = random.below(candidates.len());
    if candidates.len() == 1 {
        return &candidates[one];
    }
    let mut other = random.below(candidates.len() - 1);
    other += usize::from(other >= one);
    let (one, other) = (&candidates[one], &candidates[other]);
    let (cost_of_one, cost_of_other) = (cost(one), cost(other));
    let outstanding = |candidate: &Candidate| candidate.endpoint.outstanding.count();
    let prefers_one = if outstanding(one) == outstanding(other) {
        let power = |cost: f32| f64::from(cost).max(LEAST_COST_MS).powi(4);
        let (power_of_one, power_of_other) = (power(cost_of_one), power(cost_of_other));
        random.fraction() * (power_of_one + power_of_other) < power_of_other
    } else {
        cost_of_one <= cost_of_other
    };
    if prefers_one {
        one
    } else {
        other
    }
}

/// At random, in proportion to the weights and against the squares of the costs: at equal costs everybody gets the
/// share that its weight says; who is ten times as slow gets a hundredth of it.
fn pick_weighted<'a>(
    candidates: &'a [Candidate],
    random: &mut Random,
    weight: impl Fn(&Candidate) -> f64,
    cost: impl Fn(&Candidate, f32) -> f32,
) -> &'a Candidate {
    let mean = candidates.iter().map(&weight).sum::<f64>() / candidates.len() as f64;
    let attraction = |candidate: &Candidate| {
        let weight = weight(candidate);
        weight
            / f64::from(cost(candidate, (weight / mean) as f32))
                .max(LEAST_COST_MS)
                .powi(2)
    };
    let attractions: Vec<f64> = candidates.iter().map(attraction).collect();
    let mut point = random.fraction() * attractions.iter().sum::<f64>();
    let found = attractions.iter().position(|attraction| {
        point -= attraction;
        point < 0.0
    });
    &candidates[found.unwrap_or(0)]
}

const LEAST_COST_MS: f64 = 0.01;

#[cfg(test)]
#[path = "balancer_test.rs"]
mod tests;
