//! The page's entry in the browser. Natively there is nothing to run here.

#[cfg(target_arch = "wasm32")]
fn main() {
    switchyard::api::explain_panics();
    switchyard::ui::run();
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    eprintln!("This is the page: open it with `trunk serve`. For a terminal: `switchyard help`.");
}
