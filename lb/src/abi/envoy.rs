//! What Envoy can be asked: its callbacks, and its objects as the rest of the crate sees them.
use crate::attempt::{Answer, Request};
use crate::balancer::Retry;
use crate::failures::Counted;
use crate::members::{HealthyHost, Host, Members};
use std::ffi::c_void;
use std::ptr::null;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

pub static WORKERS: AtomicUsize = AtomicUsize::new(1);

/// An object of Envoy.
pub type Envoy = *mut c_void;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Buffer {
    start: *const u8,
    length: usize,
}

impl Buffer {
    pub const EMPTY: Buffer = Buffer {
        start: null(),
        length: 0,
    };

    pub fn of(bytes: &[u8]) -> Buffer {
        Buffer {
            start: bytes.as_ptr(),
            length: bytes.len(),
        }
    }

    #[cfg(test)]
    pub unsafe fn write(out: *mut Buffer, text: Option<&'static str>) -> bool {
        *out = text.map_or(Buffer::EMPTY, |text| Buffer::of(text.as_bytes()));
        text.is_some()
    }

    pub fn copied(self) -> Vec<u8> {
        if self.start.is_null() || self.length == 0 {
            return Vec::new();
        }
        unsafe { std::slice::from_raw_parts(self.start, self.length) }.to_vec()
    }
}

macro_rules! callbacks {
    ($($short:ident = $name:ident($($argument:ident: $type:ty),*) $(-> $result:ty)?;)*) => {
        #[cfg(not(test))]
        extern "C" {
            $(fn $name($($argument: $type),*) $(-> $result)?;)*
        }
        $(#[cfg(not(test))]
        pub unsafe fn $short($($argument: $type),*) $(-> $result)? { $name($($argument),*) })*
        // Tests run without an Envoy that would have them.
        $(#[cfg(test)]
        pub unsafe fn $short($($argument: $type),*) $(-> $result)? { super::fake_envoy::$short($($argument),*) })*
    };
}

callbacks! {
    concurrency = envoy_dynamic_module_callback_get_concurrency() -> u32;
    cluster_name = envoy_dynamic_module_callback_lb_get_cluster_name(lb: Envoy, out: *mut Buffer);
    priorities = envoy_dynamic_module_callback_lb_get_priority_set_size(lb: Envoy) -> usize;
    host_count = envoy_dynamic_module_callback_lb_get_hosts_count(lb: Envoy, priority: u32) -> usize;
    host_address = envoy_dynamic_module_callback_lb_get_host_address(lb: Envoy, priority: u32, index: usize, out: *mut Buffer) -> bool;
    host_locality = envoy_dynamic_module_callback_lb_get_host_locality(lb: Envoy, priority: u32, index: usize, region: *mut Buffer, zone: *mut Buffer, sub_zone: *mut Buffer) -> bool;
    healthy_count = envoy_dynamic_module_callback_lb_get_healthy_hosts_count(lb: Envoy, priority: u32) -> usize;
    healthy_address = envoy_dynamic_module_callback_lb_get_healthy_host_address(lb: Envoy, priority: u32, index: usize, out: *mut Buffer) -> bool;
    healthy_weight = envoy_dynamic_module_callback_lb_get_healthy_host_weight(lb: Envoy, priority: u32, index: usize) -> u32;
    host_stat = envoy_dynamic_module_callback_lb_get_host_stat(lb: Envoy, priority: u32, index: usize, stat: u32) -> u64;
    locality_count = envoy_dynamic_module_callback_lb_get_locality_count(lb: Envoy, priority: u32) -> usize;
    locality_host_address = envoy_dynamic_module_callback_lb_get_locality_host_address(lb: Envoy, priority: u32, locality: usize, index: usize, out: *mut Buffer) -> bool;
    locality_weight = envoy_dynamic_module_callback_lb_get_locality_weight(lb: Envoy, priority: u32, locality: usize) -> u32;
    retry_count = envoy_dynamic_module_callback_lb_context_get_host_selection_retry_count(context: Envoy) -> u32;
    refuses = envoy_dynamic_module_callback_lb_context_should_select_another_host(lb: Envoy, context: Envoy, priority: u32, index: usize) -> bool;
    upstream_address = envoy_dynamic_module_callback_http_get_upstream_remote_address(filter: Envoy, out: *mut Buffer) -> bool;
    filter_cluster = envoy_dynamic_module_callback_http_get_cluster_name(filter: Envoy, out: *mut Buffer) -> bool;
    header = envoy_dynamic_module_callback_http_get_header(filter: Envoy, kind: u32, key: Buffer, out: *mut Buffer, index: usize, count: *mut usize) -> bool;
    add_admin_page = envoy_dynamic_module_callback_bootstrap_extension_register_admin_handler(extension: Envoy, path: Buffer, help: Buffer, removable: bool, changes_state: bool) -> bool;
    ready = envoy_dynamic_module_callback_bootstrap_extension_config_signal_init_complete(extension: Envoy);
    answer_admin = envoy_dynamic_module_callback_bootstrap_extension_admin_set_response(extension: Envoy, body: Buffer);
}

fn read(call: impl FnOnce(*mut Buffer) -> bool) -> Option<Vec<u8>> {
    let mut buffer = Buffer::EMPTY;
    if call(&mut buffer) {
        Some(buffer.copied())
    } else {
        None
    }
}

// Of the statistics of a host.
const FAILED_CONNECTIONS: u32 = 0;
const REQUEST_ERRORS: u32 = 2;
const REQUESTS: u32 = 5;
const ACTIVE_REQUESTS: u32 = 7;

/// A balancer as Envoy sees it.
pub struct Lb(pub Envoy);

impl Members for Lb {
    fn workers(&self) -> usize {
        WORKERS.load(Relaxed)
    }

    fn priorities(&self) -> u32 {
        unsafe { priorities(self.0) as u32 }
    }

    fn all(&self, priority: u32) -> Vec<Host> {
        let count = unsafe { host_count(self.0, priority) };
        let host = |index| {
            let address = read(|out| unsafe { host_address(self.0, priority, index, out) })?;
            let [mut region, mut zone, mut sub_zone] = [Buffer::EMPTY; 3];
            unsafe { host_locality(self.0, priority, index, &mut region, &mut zone, &mut sub_zone) };
            let locality = [region.copied(), zone.copied(), sub_zone.copied()].join(&b'/');
            Some(Host {
                address: address.into(),
                locality: locality.into(),
            })
        };
        (0..count).map_while(host).collect()
    }

    fn healthy(&self, priority: u32) -> Vec<HealthyHost> {
        let count = unsafe { healthy_count(self.0, priority) };
        let host = |index| {
            let address = read(|out| unsafe { healthy_address(self.0, priority, index, out) })?;
            let weight = unsafe { healthy_weight(self.0, priority, index) };
            Some(HealthyHost {
                address: address.into(),
                weight,
            })
        };
        (0..count).map_while(host).collect()
    }

    fn counted(&self, priority: u32, index: usize) -> Counted {
        let count = |statistic| unsafe { host_stat(self.0, priority, index, statistic) };
        Counted {
            unconnected: count(FAILED_CONNECTIONS),
            errors: count(REQUEST_ERRORS),
            sent: count(REQUESTS),
            active: count(ACTIVE_REQUESTS),
        }
    }

    /// Envoy lists localities without their names: one of a healthy member leads to it.
    fn locality_weight(&self, priority: u32, member: &[u8]) -> u32 {
        let count = unsafe { locality_count(self.0, priority) };
        let has = |locality: &usize| {
            (0..)
                .map_while(|index| {
                    read(|out| unsafe { locality_host_address(self.0, priority, *locality, index, out) })
                })
                .any(|address| address == member)
        };
        (0..count).find(has).map_or(0, |locality| unsafe {
            locality_weight(self.0, priority, locality)
        })
    }
}

pub struct Context {
    pub lb: Envoy,
    pub context: Envoy,
}

impl Retry for Context {
    fn choices(&self) -> u32 {
        if self.context.is_null() {
            0
        } else {
            unsafe { retry_count(self.context) }
        }
    }

    fn refuses(&self, priority: u32, index: usize) -> bool {
        unsafe { refuses(self.lb, self.context, priority, index) }
    }
}

/// An upstream request's filter as Envoy sees it.
pub struct Filter(pub Envoy);

const RESPONSE_HEADER: u32 = 2;
const RESPONSE_TRAILER: u32 = 3;

impl Filter {
    fn header(&self, kind: u32, name: &[u8]) -> Option<Vec<u8>> {
        read(|out| unsafe { header(self.0, kind, Buffer::of(name), out, 0, std::ptr::null_mut()) })
    }

    pub fn answer_in_headers(&self) -> Answer {
        let status = self.header(RESPONSE_HEADER, b":status").unwrap_or_default();
        match &status[..] {
            b"502" | b"503" | b"504" => Answer::Failed {
                is_server_error: true,
            },
            [b'5', ..] => Answer::ServerError,
            _ => self.grpc_answer(RESPONSE_HEADER),
        }
    }

    pub fn answer_in_trailers(&self) -> Answer {
        self.grpc_answer(RESPONSE_TRAILER)
    }

    /// UNAVAILABLE is what 503 is to HTTP.
    fn grpc_answer(&self, kind: u32) -> Answer {
        match self.header(kind, b"grpc-status").as_deref() {
            Some(b"14") => Answer::Failed {
                is_server_error: false,
            },
            _ => Answer::Good,
        }
    }
}

impl Request for Filter {
    fn upstream_address(&self) -> Option<Vec<u8>> {
        read(|out| unsafe { upstream_address(self.0, out) })
    }

    fn cluster(&self) -> Option<Vec<u8>> {
        read(|out| unsafe { filter_cluster(self.0, out) })
    }
}
