//! An allocator for tests and benches that counts what each thread allocates. A program counts when
//! it makes this its global allocator; the server does not.

use std::alloc::GlobalAlloc;
use std::alloc::Layout;
use std::alloc::System;
use std::cell::Cell;

/// The system's allocator, counted.
pub struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static LIVE: Cell<i64> = const { Cell::new(0) };
}

/// Allocations of this thread so far.
#[must_use]
pub fn allocations() -> u64 {
    ALLOCATIONS.with(Cell::get)
}

/// Bytes that this thread allocated and did not free, so far. What another thread frees counts
/// there.
#[must_use]
pub fn live_bytes() -> i64 {
    LIVE.with(Cell::get)
}

/// Counts an allocation, if it is one, and the bytes that it changes.
fn count(allocations: u64, bytes: i64) {
    ALLOCATIONS.with(|count| count.set(count.get() + allocations));
    LIVE.with(|live| live.set(live.get() + bytes));
}

// SAFETY: every call is passed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size() as i64);
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, size as i64 - layout.size() as i64);
        // SAFETY: as the caller promised.
        unsafe { System.realloc(ptr, layout, size) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        count(0, -(layout.size() as i64));
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[cfg(test)]
#[global_allocator]
static COUNTING: Counting = Counting;
