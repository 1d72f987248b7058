//! How a balancer's choice reaches the attempt that it was made for: Envoy makes the attempt's filter right after the
//! choice, on the same thread.
use crate::attempt::Choice;
use std::cell::RefCell;

thread_local! {
    static CHOSEN: RefCell<Option<Choice>> = const { RefCell::new(None) };
}

pub fn leave(choice: Choice) {
    // A choice that nobody took (its connection pool was full, say) ends here.
    CHOSEN.with(|chosen| chosen.replace(Some(choice)));
}

pub fn take() -> Option<Choice> {
    CHOSEN.with(|chosen| chosen.take())
}
