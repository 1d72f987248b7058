//! What Envoy says about the members of a cluster.
use crate::failures::Counted;

pub trait Members {
    fn workers(&self) -> usize;
    fn priorities(&self) -> u32;
    fn all(&self, priority: u32) -> Vec<Host>;
    fn healthy(&self, priority: u32) -> Vec<HealthyHost>;
    /// What Envoy has counted at an endpoint, by its index among all.
    fn counted(&self, priority: u32, index: usize) -> Counted;
    /// Of the locality that the endpoint with this address is in.
    fn locality_weight(&self, priority: u32, member: &[u8]) -> u32;
}

pub struct Host {
    pub address: Box<[u8]>,
    /// Region, zone and sub-zone.
    pub locality: Box<[u8]>,
}

pub struct HealthyHost {
    pub address: Box<[u8]>,
    pub weight: u32,
}
