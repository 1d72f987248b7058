use super::CONTINUE;

/// Hooks that must be there and have nothing to do. They look at no argument.
macro_rules! idle_hooks {
    ($($name:ident)*) => { $(#[no_mangle] pub extern "C" fn $name() -> u32 { CONTINUE })* };
}

idle_hooks! {
    envoy_dynamic_module_on_http_filter_stream_complete
    envoy_dynamic_module_on_http_filter_request_body
    envoy_dynamic_module_on_http_filter_request_trailers
    envoy_dynamic_module_on_http_filter_response_body
    envoy_dynamic_module_on_http_filter_http_callout_done
    envoy_dynamic_module_on_http_filter_http_stream_headers
    envoy_dynamic_module_on_http_filter_http_stream_data
    envoy_dynamic_module_on_http_filter_http_stream_trailers
    envoy_dynamic_module_on_http_filter_http_stream_complete
    envoy_dynamic_module_on_http_filter_http_stream_reset
    envoy_dynamic_module_on_http_filter_scheduled
    envoy_dynamic_module_on_http_filter_downstream_above_write_buffer_high_watermark
    envoy_dynamic_module_on_http_filter_downstream_below_write_buffer_low_watermark
    envoy_dynamic_module_on_bootstrap_extension_config_destroy
    envoy_dynamic_module_on_bootstrap_extension_server_initialized
    envoy_dynamic_module_on_bootstrap_extension_worker_thread_initialized
    envoy_dynamic_module_on_bootstrap_extension_destroy
    envoy_dynamic_module_on_bootstrap_extension_drain_started
    envoy_dynamic_module_on_bootstrap_extension_config_scheduled
    envoy_dynamic_module_on_bootstrap_extension_http_callout_done
    envoy_dynamic_module_on_bootstrap_extension_timer_fired
    envoy_dynamic_module_on_bootstrap_extension_file_changed
    envoy_dynamic_module_on_bootstrap_extension_cluster_add_or_update
    envoy_dynamic_module_on_bootstrap_extension_cluster_removal
    envoy_dynamic_module_on_bootstrap_extension_listener_add_or_update
    envoy_dynamic_module_on_bootstrap_extension_listener_removal
}
