use super::*;
use crate::abi::fake_envoy::{World, WORLD};
use std::ptr::null_mut;

const NONE: Envoy = null_mut();

fn set(change: impl FnOnce(&mut World)) {
    WORLD.with(|world| change(&mut world.borrow_mut()));
}

fn config(text: &[u8]) -> *mut Settings {
    envoy_dynamic_module_on_lb_config_new(NONE, Buffer::EMPTY, Buffer::of(text))
}

unsafe fn choose(balancer: *mut Balancer) -> Option<u32> {
    let (mut priority, mut index, mut context) = (7, 7, 0u8);
    let context: Envoy = (&mut context as *mut u8).cast();
    envoy_dynamic_module_on_lb_choose_host(NONE, balancer, context, &mut priority, &mut index)
        .then_some(index)
}

/// What the admin page says of the cluster.
fn page() -> String {
    let status = envoy_dynamic_module_on_bootstrap_extension_admin_request(
        NONE,
        &NOTHING,
        Buffer::EMPTY,
        Buffer::EMPTY,
        Buffer::EMPTY,
    );
    assert_eq!(status, 200);
    let World { page, cluster, .. } = WORLD.with(|world| world.borrow().clone());
    let name = format!("\"name\":\"{cluster}\"");
    page.lines()
        .find(|line| line.contains(&name))
        .unwrap_or("")
        .into()
}

#[test]
fn a_request_is_counted_from_its_choice_to_its_end() {
    set(|world| {
        *world = World {
            cluster: "whole",
            hosts: &["a:1", "b:1"],
            upstream: Some("b:1"),
            headers: &[(":status", "200"), ("grpc-status", "14")],
            ..World::default()
        }
    });
    unsafe {
        let config = config(b"locality_weighted=1");
        let balancer = envoy_dynamic_module_on_lb_new(config, NONE);
        let chosen = (0..20).filter_map(|_| choose(balancer));
        assert!(chosen.filter(|index| *index == 1).count() > 10);
        let attempt = envoy_dynamic_module_on_http_filter_new(&NOTHING, NONE);
        assert_eq!(
            envoy_dynamic_module_on_http_filter_request_headers(NONE, attempt, true),
            CONTINUE
        );
        assert!(page().contains("\"outstanding\":1"), "{}", page());
        envoy_dynamic_module_on_http_filter_response_headers(NONE, attempt, false);
        envoy_dynamic_module_on_http_filter_response_trailers(NONE, attempt);
        envoy_dynamic_module_on_http_filter_destroy(attempt);
        let known = page();
        assert!(
            known.contains("\"address\":\"b:1\"") && !known.contains("\"outstanding\":1"),
            "{known}"
        );
        set(|world| world.hosts = &[]);
        envoy_dynamic_module_on_lb_on_host_membership_update(NONE, balancer, 0, 2);
        assert_eq!(choose(balancer), None);
        envoy_dynamic_module_on_lb_destroy(balancer);
        envoy_dynamic_module_on_lb_config_destroy(config);
    }
    assert_eq!(page(), "");
}

#[test]
fn no_panic_crosses_and_what_could_not_be_made_does_nothing() {
    set(|world| {
        world.cluster = "broken";
        world.hosts = &["a:1"];
        world.is_broken = true;
    });
    unsafe {
        let config = config(b"");
        let balancer = envoy_dynamic_module_on_lb_new(config, NONE);
        assert_eq!(choose(balancer), None);
        set(|world| world.is_broken = false);
        assert_eq!(choose(balancer), Some(0));
        envoy_dynamic_module_on_lb_destroy(balancer);
        envoy_dynamic_module_on_lb_config_destroy(config);
        assert_eq!(choose(null_mut()), None);
        envoy_dynamic_module_on_lb_on_host_membership_update(NONE, null_mut(), 1, 0);
        envoy_dynamic_module_on_http_filter_request_headers(NONE, null_mut(), true);
        envoy_dynamic_module_on_http_filter_response_headers(NONE, null_mut(), true);
        envoy_dynamic_module_on_http_filter_response_trailers(NONE, null_mut());
        envoy_dynamic_module_on_http_filter_destroy(null_mut());
        envoy_dynamic_module_on_lb_destroy(null_mut());
    }
}

#[test]
fn a_configuration_for_another_version_is_refused() {
    assert!(config(b"speed=1").is_null());
}
