//! What not every page needs, kept apart.

/// Does something in a function of its own. Without it the compiler puts the work of every kind of
/// node into the one function that tells kinds apart, and a page that shows two kinds would load
/// all of them (`make dist` cuts the program between functions).
#[inline(never)]
pub fn apart<T>(work: impl FnOnce() -> T) -> T {
    work()
}
