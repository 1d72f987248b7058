//! An Envoy for tests of the hooks: a cluster with one priority and one locality, and one answer to every request. Each
//! thread has its own.
use super::envoy::{Buffer, Envoy};
use std::cell::RefCell;

#[derive(Clone, Default)]
pub struct World {
    pub cluster: &'static str,
    pub hosts: &'static [&'static str],
    pub upstream: Option<&'static str>,
    /// Of an answer, and of its trailers.
    pub headers: &'static [(&'static str, &'static str)],
    /// The last page of the admin interface.
    pub page: String,
    /// What a balancer asks ends in a panic.
    pub is_broken: bool,
}

thread_local! {
    pub static WORLD: RefCell<World> = RefCell::new(World::default());
}

fn world() -> World {
    WORLD.with(|world| world.borrow().clone())
}

fn host(index: usize) -> Option<&'static str> {
    world().hosts.get(index).copied()
}

pub unsafe fn concurrency() -> u32 {
    2
}

pub unsafe fn cluster_name(_: Envoy, out: *mut Buffer) {
    Buffer::write(out, Some(world().cluster));
}

pub unsafe fn priorities(_: Envoy) -> usize {
    assert!(!world().is_broken);
    1
}

pub unsafe fn host_count(_: Envoy, _: u32) -> usize {
    world().hosts.len()
}

pub unsafe fn host_address(_: Envoy, _: u32, index: usize, out: *mut Buffer) -> bool {
    Buffer::write(out, host(index))
}

pub unsafe fn host_locality(
    _: Envoy,
    _: u32,
    _: usize,
    region: *mut Buffer,
    zone: *mut Buffer,
    _: *mut Buffer,
) -> bool {
    Buffer::write(region, Some("eu")) && Buffer::write(zone, Some("a"))
}

pub unsafe fn healthy_count(_: Envoy, _: u32) -> usize {
    world().hosts.len()
}

pub unsafe fn healthy_address(_: Envoy, _: u32, index: usize, out: *mut Buffer) -> bool {
    Buffer::write(out, host(index))
}

pub unsafe fn healthy_weight(_: Envoy, _: u32, _: usize) -> u32 {
    1
}

pub unsafe fn host_stat(_: Envoy, _: u32, _: usize, _: u32) -> u64 {
    0
}

pub unsafe fn locality_count(_: Envoy, _: u32) -> usize {
    1
}

pub unsafe fn locality_host_address(_: Envoy, _: u32, _: usize, index: usize, out: *mut Buffer) -> bool {
    Buffer::write(out, host(index))
}

pub unsafe fn locality_weight(_: Envoy, _: u32, _: usize) -> u32 {
    1
}

pub unsafe fn retry_count(_: Envoy) -> u32 {
    1
}

pub unsafe fn refuses(_: Envoy, _: Envoy, _: u32, index: usize) -> bool {
    index == 0
}

pub unsafe fn upstream_address(_: Envoy, out: *mut Buffer) -> bool {
    Buffer::write(out, world().upstream)
}

pub unsafe fn filter_cluster(_: Envoy, out: *mut Buffer) -> bool {
    Buffer::write(out, Some(world().cluster))
}

pub unsafe fn header(_: Envoy, _: u32, key: Buffer, out: *mut Buffer, _: usize, _: *mut usize) -> bool {
    let key = key.copied();
    let found = world().headers.iter().find(|(name, _)| name.as_bytes() == key);
    Buffer::write(out, found.map(|(_, value)| *value))
}

pub unsafe fn add_admin_page(_: Envoy, _: Buffer, _: Buffer, _: bool, _: bool) -> bool {
    true
}

pub unsafe fn ready(_: Envoy) {}

pub unsafe fn answer_admin(_: Envoy, body: Buffer) {
    let page = String::from_utf8(body.copied()).unwrap();
    WORLD.with(|world| world.borrow_mut().page = page);
}
