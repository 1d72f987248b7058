//! The endpoints that all workers share, by cluster and address. An endpoint is here as long as a balancer lists it or
//! an attempt is under way; a cluster as long as a balancer of it lives. Both outlive a cluster's replacement by Envoy,
//! which makes the new balancer before it ends the old one.
use crate::clock::Nanoseconds;
use crate::endpoint::Endpoint;
use crate::settings::Settings;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

#[derive(Default)]
pub struct Table {
    clusters: Mutex<Clusters>,
}

type Clusters = Option<HashMap<Box<[u8]>, Weak<Cluster>>>;
type Endpoints = HashMap<Box<[u8]>, Arc<Endpoint>>;

pub struct Cluster {
    pub name: Box<[u8]>,
    shared: Mutex<Shared>,
}

struct Shared {
    settings: Settings,
    endpoints: Endpoints,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Table {
    pub const fn new() -> Self {
        Table {
            clusters: Mutex::new(None),
        }
    }

    /// The cluster of this name, now with these settings.
    pub fn join(&self, name: &[u8], settings: Settings) -> Arc<Cluster> {
        let mut guard = lock(&self.clusters);
        let clusters = guard.get_or_insert_with(HashMap::new);
        if let Some(cluster) = clusters.get(name).and_then(Weak::upgrade) {
            lock(&cluster.shared).settings = settings;
            return cluster;
        }
        // Doubles seldom, so that all the names that are gone cost little to find.
        if clusters.len() == clusters.capacity() {
            clusters.retain(|_, cluster| cluster.strong_count() > 0);
        }
        let shared = Mutex::new(Shared {
            settings,
            endpoints: HashMap::new(),
        });
        let cluster = Arc::new(Cluster {
            name: name.into(),
            shared,
        });
        clusters.insert(name.into(), Arc::downgrade(&cluster));
        cluster
    }

    pub fn find(&self, name: &[u8]) -> Option<Arc<Cluster>> {
        lock(&self.clusters).as_ref()?.get(name).and_then(Weak::upgrade)
    }

    /// In order of their names.
    pub fn clusters(&self) -> Vec<Arc<Cluster>> {
        let mut found: Vec<_> = lock(&self.clusters)
            .iter()
            .flatten()
            .filter_map(|(_, cluster)| cluster.upgrade())
            .collect();
        found.sort_by(|one, other| one.name.cmp(&other.name));
        found
    }

    /// How many names it remembers, also of clusters that are gone.
    #[cfg(test)]
    fn remembered(&self) -> usize {
        lock(&self.clusters).as_ref().map_or(0, HashMap::len)
    }
}

impl Cluster {
    pub fn settings(&self) -> Settings {
        lock(&self.shared).settings
    }

    /// The endpoints with these addresses, new ones where there are none.
    pub fn endpoints(&self, addresses: &[Box<[u8]>], now: Nanoseconds, shards: usize) -> Vec<Arc<Endpoint>> {
        let endpoints = &mut lock(&self.shared).endpoints;
        let new = |address: &[u8]| Arc::new(Endpoint::new(address, now, shards));
        let found = addresses.iter().map(|address| {
            endpoints
                .entry(address.clone())
                .or_insert_with(|| new(address))
                .clone()
        });
        found.collect()
    }

    /// Forgets the endpoints that nobody holds any more.
    pub fn prune(&self) {
        lock(&self.shared)
            .endpoints
            .retain(|_, endpoint| Arc::strong_count(endpoint) > 1);
    }

    pub fn find(&self, address: &[u8]) -> Option<Arc<Endpoint>> {
        lock(&self.shared).endpoints.get(address).cloned()
    }

    /// In order of their addresses.
    pub fn all(&self) -> Vec<Arc<Endpoint>> {
        let mut all: Vec<_> = lock(&self.shared).endpoints.values().cloned().collect();
        all.sort_by(|one, other| one.address.cmp(&other.address));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(range: std::ops::Range<u32>) -> Vec<Box<[u8]>> {
        range
            .map(|number| number.to_string().into_bytes().into())
            .collect()
    }

    #[test]
    fn a_cluster_that_is_replaced_keeps_its_endpoints() {
        let table = Table::new();
        let old = table.join(b"c", Settings::default());
        let held = old.endpoints(&addresses(0..1), 1, 1);
        held[0].estimate.observe(1, 7.0, &Settings::default());
        let new = table.join(b"c", Settings::default());
        drop((old, held));
        let found = new.endpoints(&addresses(0..1), 2, 1);
        assert!(found[0].estimate.at(2, &Settings::default()).is_some());
    }

    #[test]
    fn endless_churn_of_endpoints_is_forgotten() {
        let cluster = Table::new().join(b"c", Settings::default());
        for generation in 0..if cfg!(miri) { 20 } else { 200 } {
            let held = cluster.endpoints(&addresses(generation * 10..generation * 10 + 10), 1, 1);
            cluster.prune();
            assert_eq!((held.len(), cluster.all().len()), (10, 10));
        }
    }

    #[test]
    fn endless_churn_of_clusters_is_forgotten() {
        let table = Table::new();
        for number in 0..if cfg!(miri) { 200 } else { 2_000 } {
            table.join(format!("cluster {number}").as_bytes(), Settings::default());
        }
        assert!(table.remembered() < 100, "{}", table.remembered());
        assert!(table.clusters().is_empty());
    }
}
