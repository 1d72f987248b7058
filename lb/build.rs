// Takes in the unwinder of GCC: Rust links its shared library, which the images of Envoy do not have.
use std::{env, fs, path::PathBuf};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_ENV").as_deref() != Ok("gnu") {
        return;
    }
    let directory = PathBuf::from(env::var("OUT_DIR").expect("cargo says where"));
    // A linker that looks for the shared library finds this, which names the static one.
    fs::write(directory.join("libgcc_s.so"), "GROUP ( -lgcc_eh -lgcc )\n")
        .expect("cargo's directory can be written");
    println!("cargo:rustc-link-search=native={}", directory.display());
}
