//! Latency-aware load balancing for the stock Envoy: a load-balancing policy that picks the endpoint that answers
//! fastest now, and the upstream HTTP filter that measures. See docs/latency-aware.md.
//!
//! `abi` alone knows Envoy and alone is unsafe. A balancer (one for each worker and cluster) chooses among endpoints,
//! which all workers share through the `table`; an attempt (one for each upstream request) tells its endpoint when it
//! began, was answered and ended.
#![deny(unsafe_code)]

#[allow(unsafe_code)]
pub mod abi;
pub mod attempt;
pub mod balancer;
pub mod clock;
pub mod endpoint;
pub mod estimate;
pub mod failures;
pub mod handover;
pub mod hosts;
pub mod members;
pub mod outstanding;
pub mod random;
pub mod report;
pub mod settings;
pub mod table;
pub mod warm_up;
