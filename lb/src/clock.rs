//! Monotonic time in nanoseconds since the first use, the same for all threads; never 0.
use std::cell::Cell;
use std::sync::Mutex;
use std::time::Instant;

pub type Nanoseconds = u64;

pub const MILLISECOND: Nanoseconds = 1_000_000;

static START: Mutex<Option<Instant>> = Mutex::new(None);

thread_local! {
    static KNOWN_START: Cell<Option<Instant>> = const { Cell::new(None) };
}

pub fn now() -> Nanoseconds {
    let start = KNOWN_START.with(|known| {
        known.get().unwrap_or_else(|| {
            let mut first = START.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            let start = *first.get_or_insert_with(Instant::now);
            known.set(Some(start));
            start
        })
    });
    start.elapsed().as_nanos() as Nanoseconds + 1
}

pub fn milliseconds(duration: Nanoseconds) -> f32 {
    (duration as f64 / MILLISECOND as f64) as f32
}
