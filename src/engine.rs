//! The engine without the page: a module for scripts that draw their own figures, in a browser or
//! in Node. What it offers is in `api.rs`.

#[cfg(target_arch = "wasm32")]
fn main() {
    switchyard::api::explain_panics();
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    eprintln!(
        "This is a module for scripts: `make dist` builds it. For a terminal: `switchyard help`."
    );
}
