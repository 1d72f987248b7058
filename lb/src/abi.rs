//! The dynamic-module ABI of Envoy 1.40 (`source/extensions/dynamic_modules/abi/abi.h`): the part that is used here.
//!
//! All that is unsafe in this crate is in this folder. Envoy keeps its side of these rules: pointers that it passes are
//! valid for the call; what a `_new` hook returned comes back until the `_destroy` hook gets it, and no two threads use
//! one such object at a time, but for the configurations, which are only read. Buffers of Envoy are copied at once.
// What callers owe is said above, once.
#![allow(clippy::missing_safety_doc, clippy::not_unsafe_ptr_arg_deref)]

pub mod envoy;
#[cfg(test)]
mod fake_envoy;
pub mod hooks;
pub mod idle_hooks;

/// Envoy warns about modules of another version; the control plane gives this one to no other Envoy.
pub const ABI_VERSION: &[u8] = b"v0.2.0\0";

/// Of the hooks that are called while a request passes: it goes on.
pub const CONTINUE: u32 = 0;
