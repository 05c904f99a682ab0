//! An allocator that counts, for "how often" and "how much". It passes every call on to the
//! system's own.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

/// The allocator: make it the global one.
#[derive(Debug)]
pub struct Counting {
    times: AtomicU64,
    live: AtomicI64,
}

impl Counting {
    /// Nothing counted yet.
    pub const fn new() -> Counting {
        Counting { times: AtomicU64::new(0), live: AtomicI64::new(0) }
    }

    /// How often memory was asked for.
    pub fn times(&self) -> u64 {
        self.times.load(Relaxed)
    }

    /// How many bytes are held just now.
    pub fn live(&self) -> i64 {
        self.live.load(Relaxed)
    }

    fn note(&self, times: u64, bytes: i64) {
        self.times.fetch_add(times, Relaxed);
        self.live.fetch_add(bytes, Relaxed);
    }
}

// SAFETY: every call goes to the system's allocator with the arguments it came with.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.note(1, layout.size() as i64);
        // SAFETY: the caller keeps to the contract of `alloc`, which is the same there.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        self.note(0, -(layout.size() as i64));
        // SAFETY: the pointer came from `alloc` above, so from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        self.note(1, size as i64 - layout.size() as i64);
        // SAFETY: as for `dealloc`; the caller keeps to the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
