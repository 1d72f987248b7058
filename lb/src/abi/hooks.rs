//! What Envoy calls.
use super::envoy::WORKERS;
use super::envoy::{
    add_admin_page, answer_admin, cluster_name, concurrency, ready, Buffer, Context, Envoy, Filter, Lb,
};
use super::{ABI_VERSION, CONTINUE};
use crate::attempt::Attempt;
use crate::balancer::Balancer;
use crate::clock::now;
use crate::settings::Settings;
use crate::table::Table;
use crate::{handover, report};
use std::ffi::c_void;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::Ordering::Relaxed;

static TABLE: Table = Table::new();

/// No panic crosses the ABI: it would end Envoy.
fn guarded<R>(otherwise: R, work: impl FnOnce() -> R) -> R {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(otherwise)
}

/// With what a `_new` hook returned: nothing, where that had to give up.
unsafe fn with<T, R>(object: *mut T, otherwise: R, work: impl FnOnce(&mut T) -> R) -> R {
    match object.as_mut() {
        Some(object) => catch_unwind(AssertUnwindSafe(|| work(object))).unwrap_or(otherwise),
        None => otherwise,
    }
}

/// Takes it back.
unsafe fn take_back<T>(object: *mut T, end: impl FnOnce(T)) {
    if !object.is_null() {
        guarded((), || end(*Box::from_raw(object)));
    }
}

#[no_mangle]
pub extern "C" fn envoy_dynamic_module_on_program_init() -> *const u8 {
    ABI_VERSION.as_ptr()
}

#[no_mangle]
pub extern "C" fn envoy_dynamic_module_on_lb_config_new(
    _: Envoy,
    _: Buffer,
    config: Buffer,
) -> *mut Settings {
    guarded(std::ptr::null_mut(), || {
        WORKERS.store(unsafe { concurrency() }.max(1) as usize, Relaxed); // The main thread alone may ask.
        match Settings::parse(&String::from_utf8_lossy(&config.copied())) {
            Ok(settings) => Box::into_raw(Box::new(settings)),
            Err(problem) => {
                eprintln!("heddle-lb: {problem}");
                std::ptr::null_mut()
            }
        }
    })
}

#[no_mangle]
pub unsafe extern "C" fn envoy_dynamic_module_on_lb_config_destroy(config: *mut Settings) {
    take_back(config, drop);
}

#[no_mangle]
pub unsafe extern "C" fn envoy_dynamic_module_on_lb_new(config: *const Settings, lb: Envoy) -> *mut Balancer {
    guarded(std::ptr::null_mut(), || {
        let mut name = Buffer::EMPTY;
        cluster_name(lb, &mut name);
        let settings = *config;
        let cluster = TABLE.join(&name.copied(), settings);
        Box::into_raw(Box::new(Balancer::new(cluster, settings, now() ^ lb as u64)))
    })
}

#[no_mangle]
pub unsafe extern "C" fn envoy_dynamic_module_on_lb_destroy(balancer: *mut Balancer) {
    take_back(balancer, drop);
}

#[no_mangle]
pub unsafe extern "C" fn envoy_dynamic_module_on_lb_on_host_membership_update(
    _: Envoy,
    balancer: *mut Balancer,
    _added: usize,
    _removed: usize,
) {
    with(balancer, (), Balancer::members_changed);
}

#[no_mangle]
pub unsafe extern "C" fn envoy_dynamic_module_on_lb_choose_host(
    lb: Envoy,
    balancer: *mut Balancer,
    context: Envoy,
    priority: *mut u32,
    index: *mut u32,
) -> bool {
    with(balancer, false, |balancer| {
        match balancer.choose(&Lb(lb), &Context { lb, context }, now()) {
            Some(chosen) => {
                *priority = chosen.priority;
                *index = chosen.healthy_index;
                handover::leave(chosen.choice);
                true
            }
            None => false,
        }
    })
}

/// The filter has no configuration; what a hook returns must not be null.
static NOTHING: u8 = 0;

#[no_mangle]
pub extern "C" fn envoy_dynamic_module_on_http_filter_config_new(
    _: Envoy,
    _: Buffer,
    _: Buffer,
) -> *const u8 {
    &NOTHING
}

#[no_mangle]
pub extern "C" fn envoy_dynamic_module_on_http_filter_config_destroy(_: *const u8) {}

#[no_mangle]
pub extern "C" fn envoy_dynamic_module_on_http_filter_new(_: *const u8, _: Envoy) -> *mut Attempt {
    guarded(std::ptr::null_mut(), || {
        Box::into_raw(Box::new(Attempt::begin(handover::take(), now())))
    })
}

#[no_mangle]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_request_headers(
    filter: Envoy,
    attempt: *mut Attempt,
    _: bool,
) -> u32 {
    with(attempt, (), |attempt| {
        attempt.request_headers(&TABLE, &Filter(filter))
    });
    CONTINUE
}

#[no_mangle]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_response_headers(
    filter: Envoy,
    attempt: *mut Attempt,
    _: bool,
) -> u32 {
    let filter = Filter(filter);
    with(attempt, (), |attempt| {
        attempt.response_headers(now(), filter.answer_in_headers(), &TABLE, &filter)
    });
    CONTINUE
}

#[no_mangle]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_response_trailers(
    filter: Envoy,
    attempt: *mut Attempt,
) -> u32 {
    with(attempt, (), |attempt| {
        attempt.response_trailers(now(), Filter(filter).answer_in_trailers())
    });
    CONTINUE
}

#[no_mangle]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_destroy(attempt: *mut Attempt) {
    take_back(attempt, |mut attempt| attempt.end(now()));
}

/// The path of the admin interface with what the balancers know.
const REPORT_PATH: &[u8] = b"/heddle_endpoints";
const REPORT_HELP: &[u8] = b"latency estimate and outstanding requests of each endpoint";

/// The bootstrap extension: a page of the admin interface. Its configuration in the module is that of Envoy.
#[no_mangle]
pub extern "C" fn envoy_dynamic_module_on_bootstrap_extension_config_new(
    extension: Envoy,
    _: Buffer,
    _: Buffer,
) -> Envoy {
    let (path, help) = (Buffer::of(REPORT_PATH), Buffer::of(REPORT_HELP));
    unsafe { add_admin_page(extension, path, help, false, false) };
    extension
}

#[no_mangle]
pub extern "C" fn envoy_dynamic_module_on_bootstrap_extension_new(extension: Envoy, _: Envoy) -> *const u8 {
    unsafe { ready(extension) }; // Envoy accepts no connection before.
    &NOTHING
}

#[no_mangle]
pub extern "C" fn envoy_dynamic_module_on_bootstrap_extension_admin_request(
    extension: Envoy,
    _: *const u8,
    _method: Buffer,
    _path: Buffer,
    _body: Buffer,
) -> u32 {
    guarded(500, || {
        unsafe { answer_admin(extension, Buffer::of(report::report(&TABLE, now()).as_bytes())) };
        200
    })
}

/// Envoy waits for `done` before it ends.
#[no_mangle]
pub unsafe extern "C" fn envoy_dynamic_module_on_bootstrap_extension_shutdown(
    _: Envoy,
    _: *const u8,
    done: extern "C" fn(*mut c_void),
    context: *mut c_void,
) {
    done(context);
}

#[cfg(test)]
#[path = "hooks_test.rs"]
mod tests;
