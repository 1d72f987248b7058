//! The attempts under way at one endpoint: how many, and since when the oldest waits for its answer. Workers begin and
//! end attempts in shards of their own, and read those of others without locks.
use crate::clock::Nanoseconds;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard};

pub struct Outstanding {
    count: AtomicU32,
    shards: Box<[Shard]>,
}

/// Alone on its cache lines: workers must not slow each other down.
#[derive(Default)]
#[repr(align(128))]
struct Shard {
    /// When the first of `waiting` began; 0 for none.
    oldest: AtomicU64,
    waiting: Mutex<BTreeSet<Waiting>>,
}

type Waiting = (Nanoseconds, u32);

/// An attempt under way, to be given back to the endpoint that it came from.
#[derive(Debug)]
pub struct Ticket {
    pub began: Nanoseconds,
    shard: usize,
    number: u32,
}

static THREADS: AtomicU32 = AtomicU32::new(0);
static NUMBERS: AtomicU32 = AtomicU32::new(0);

thread_local! {
    static THREAD: Cell<Option<u32>> = const { Cell::new(None) };
    static NUMBER: Cell<u32> = const { Cell::new(0) };
}

/// Numbers differ among the attempts of one moment.
fn next_number() -> u32 {
    NUMBER.with(|number| {
        // Threads take numbers in blocks, so that they seldom meet.
        if number.get() % 1024 == 0 {
            number.set(NUMBERS.fetch_add(1024, Relaxed));
        }
        number.set(number.get().wrapping_add(1));
        number.get()
    })
}

fn thread_number() -> usize {
    THREAD.with(|thread| {
        let number = thread.get().unwrap_or_else(|| THREADS.fetch_add(1, Relaxed));
        thread.set(Some(number));
        number as usize
    })
}

impl Outstanding {
    pub fn new(shards: usize) -> Self {
        Outstanding {
            count: AtomicU32::new(0),
            shards: (0..shards.max(1)).map(|_| Shard::default()).collect(),
        }
    }

    pub fn count(&self) -> u32 {
        self.count.load(Relaxed)
    }

    pub fn begin(&self, now: Nanoseconds) -> Ticket {
        self.count.fetch_add(1, Relaxed);
        let shard = thread_number() % self.shards.len();
        let ticket = Ticket {
            began: now,
            shard,
            number: next_number(),
        };
        self.shards[shard].change(|waiting| {
            waiting.insert((now, ticket.number));
        });
        ticket
    }

    /// Its answer has begun; it is still under way.
    pub fn answered(&self, ticket: &Ticket) {
        self.shards[ticket.shard].change(|waiting| {
            waiting.remove(&(ticket.began, ticket.number));
        });
    }

    pub fn end(&self, ticket: Ticket) {
        self.answered(&ticket);
        self.count.fetch_sub(1, Relaxed);
    }

    /// How long the oldest attempt waits for its answer, of those that wait no longer than `limit`; 0 for none.
    pub fn longest_wait(&self, now: Nanoseconds, limit: Nanoseconds) -> Nanoseconds {
        self.shards
            .iter()
            .map(|shard| shard.longest_wait(now, limit))
            .max()
            .unwrap_or(0)
    }
}

impl Shard {
    fn waiting(&self) -> MutexGuard<'_, BTreeSet<Waiting>> {
        self.waiting
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn change(&self, change: impl FnOnce(&mut BTreeSet<Waiting>)) {
        let mut waiting = self.waiting();
        change(&mut waiting);
        self.oldest
            .store(waiting.iter().next().map_or(0, |(began, _)| *began), Relaxed);
    }

    fn longest_wait(&self, now: Nanoseconds, limit: Nanoseconds) -> Nanoseconds {
        let wait = self.wait_of_oldest(now);
        if wait <= limit {
            return wait;
        }
        let earliest = now.saturating_sub(limit);
        self.change(|waiting| *waiting = waiting.split_off(&(earliest, 0)));
        self.wait_of_oldest(now).min(limit)
    }

    fn wait_of_oldest(&self, now: Nanoseconds) -> Nanoseconds {
        match self.oldest.load(Relaxed) {
            0 => 0,
            began => now.saturating_sub(began),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Nanoseconds = 1_000;

    #[test]
    fn the_oldest_that_waits_counts_until_it_is_answered() {
        let outstanding = Outstanding::new(2);
        let first = outstanding.begin(100);
        let second = outstanding.begin(300);
        assert_eq!(
            (outstanding.count(), outstanding.longest_wait(400, LIMIT)),
            (2, 300)
        );
        outstanding.answered(&first);
        assert_eq!(
            (outstanding.count(), outstanding.longest_wait(400, LIMIT)),
            (2, 100)
        );
        outstanding.end(second);
        outstanding.end(first);
        assert_eq!(
            (outstanding.count(), outstanding.longest_wait(400, LIMIT)),
            (0, 0)
        );
    }

    #[test]
    fn what_waits_too_long_is_forgotten_and_hides_nothing() {
        let outstanding = Outstanding::new(1);
        let stream = outstanding.begin(100);
        let call = outstanding.begin(1_500);
        assert_eq!(outstanding.longest_wait(2_000, LIMIT), 500);
        outstanding.end(stream);
        outstanding.end(call);
        assert_eq!(outstanding.count(), 0);
    }

    #[test]
    fn attempts_of_one_moment_are_told_apart() {
        let outstanding = Outstanding::new(1);
        let tickets: Vec<_> = (0..if cfg!(miri) { 50 } else { 3_000 })
            .map(|_| outstanding.begin(5))
            .collect();
        for ticket in tickets {
            assert_eq!(outstanding.longest_wait(10, LIMIT), 5);
            outstanding.end(ticket);
        }
        assert_eq!(outstanding.longest_wait(10, LIMIT), 0);
    }

    #[test]
    fn a_worker_sees_what_another_has_under_way() {
        let outstanding = Outstanding::new(3);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..if cfg!(miri) { 20 } else { 2_000 } {
                        let ticket = outstanding.begin(7);
                        assert!(outstanding.longest_wait(9, LIMIT) <= 2);
                        outstanding.end(ticket);
                    }
                });
            }
        });
        assert_eq!((outstanding.count(), outstanding.longest_wait(9, LIMIT)), (0, 0));
    }
}
