#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Probe: a program of Rust is compiled and run, and cargo builds and tests a package offline
# Expect: container=yes sentry=yes
# Setup: rust
# Time: 240
set -eu
export CARGO_HOME=$PWD/cargo-home CARGO_NET_OFFLINE=true
mkdir -p crate/src && cd crate
cat >Cargo.toml <<'EOF'
[package]
name = "probe"
version = "0.1.0"
edition = "2021"
EOF
cat >src/main.rs <<'EOF'
use std::{fs, sync::mpsc, thread};

fn sum(n: u64) -> u64 {
    let (to, from) = mpsc::channel();
    for i in 0..n {
        let to = to.clone();
        thread::spawn(move || to.send(i).unwrap());
    }
    drop(to);
    from.iter().sum()
}

fn main() {
    fs::write("file", "text").unwrap();
    println!("{} {}", sum(20), fs::read_to_string("file").unwrap());
}

#[test]
fn sums() {
    assert_eq!(sum(4), 6);
}
EOF
rustc -O -o by-hand src/main.rs
[ "$(./by-hand)" = "190 text" ]
if command -v cargo >/dev/null; then
	cargo build -q
	[ "$(target/debug/probe)" = "190 text" ]
	cargo test -q >/dev/null
fi
cd .. && rm -rf crate cargo-home
