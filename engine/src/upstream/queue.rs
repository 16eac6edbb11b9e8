//! The requests of one core that wait for a connection to one upstream.
//!
//! First come, first served: who comes while others wait, or while one that was called is still on
//! its way, lines up behind them. Every connection that becomes free calls one request, and a call
//! that is of no use to it goes to the next. Callers: `usage`, `connection`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

#[derive(Default)]
pub(crate) struct Queue {
    waiting: RefCell<VecDeque<Rc<Call>>>,
    /// Called, and still to take what they were called for.
    called: Cell<usize>,
}

/// One request's place in the queue; dropping it leaves the queue.
pub(crate) struct Place<'q> {
    queue: &'q Queue,
    call: Rc<Call>,
}

#[derive(Default)]
struct Call {
    stands: Cell<Stands>,
    waker: RefCell<Option<Waker>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Stands {
    #[default]
    Outside,
    Waiting,
    Called,
}

impl Queue {
    /// Whether a newcomer need not line up.
    pub(crate) fn is_empty(&self) -> bool {
        self.called.get() == 0 && self.waiting.borrow().is_empty()
    }

    /// A place that is taken with the first [`Place::called`].
    pub(crate) fn place(&self) -> Place<'_> {
        Place { queue: self, call: Rc::default() }
    }

    /// Calls the request that waits longest: a connection is idle, or one more may be opened.
    pub(crate) fn call_next(&self) {
        let Some(call) = self.waiting.borrow_mut().pop_front() else { return };
        call.stands.set(Stands::Called);
        self.called.set(self.called.get() + 1);
        if let Some(waker) = call.waker.take() {
            waker.wake();
        }
    }

    fn answered(&self) {
        self.called.set(self.called.get() - 1);
    }
}

impl Place<'_> {
    /// Waits at the back of the queue until called; at its front, if it was called before in vain.
    pub(crate) async fn called(&self) {
        self.line_up();
        poll_fn(|cx| {
            if self.call.stands.get() == Stands::Called {
                return Poll::Ready(());
            }
            self.call.waker.replace(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }

    fn line_up(&self) {
        let mut waiting = self.queue.waiting.borrow_mut();
        match self.call.stands.replace(Stands::Waiting) {
            Stands::Outside => waiting.push_back(Rc::clone(&self.call)),
            Stands::Waiting => {}
            Stands::Called => {
                self.queue.answered();
                waiting.push_front(Rc::clone(&self.call));
            }
        }
    }

    /// Leaves with what it was called for: the call is not passed on.
    pub(crate) fn served(self) {
        if self.call.stands.replace(Stands::Outside) == Stands::Called {
            self.queue.answered();
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        match self.call.stands.get() {
            Stands::Outside => {}
            Stands::Waiting => {
                let mut waiting = self.queue.waiting.borrow_mut();
                waiting.retain(|call| !Rc::ptr_eq(call, &self.call));
            }
            Stands::Called => {
                self.queue.answered();
                self.queue.call_next();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::{Pin, pin};
    use std::task::Context;

    use super::*;

    fn is_called(wait: Pin<&mut impl Future<Output = ()>>) -> bool {
        wait.poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    /// Takes its place, and waits.
    fn waits(place: &Place<'_>) {
        assert!(!is_called(pin!(place.called())));
    }

    fn has_been_called(place: &Place<'_>) -> bool {
        place.call.stands.get() == Stands::Called
    }

    #[test]
    fn those_who_wait_are_called_in_the_order_they_came() {
        let queue = Queue::default();
        let (first, second) = (queue.place(), queue.place());
        waits(&first);
        let mut second_waits = pin!(second.called());
        assert!(!is_called(second_waits.as_mut()));
        queue.call_next();
        assert!(has_been_called(&first) && !is_called(second_waits.as_mut()));
        queue.call_next();
        assert!(is_called(second_waits));
    }

    #[test]
    fn who_gave_up_is_not_called() {
        let queue = Queue::default();
        let (gone, stays) = (queue.place(), queue.place());
        waits(&gone);
        waits(&stays);
        drop(gone);
        queue.call_next();
        assert!(has_been_called(&stays));
    }

    #[test]
    fn a_call_that_is_of_no_use_goes_to_the_next() {
        let queue = Queue::default();
        let (gone, next) = (queue.place(), queue.place());
        waits(&gone);
        waits(&next);
        queue.call_next();
        drop(gone);
        assert!(has_been_called(&next));
    }

    #[test]
    fn who_is_served_passes_no_call_on() {
        let queue = Queue::default();
        let (served, next) = (queue.place(), queue.place());
        waits(&served);
        waits(&next);
        queue.call_next();
        served.served();
        assert!(!has_been_called(&next));
    }

    #[test]
    fn who_was_called_in_vain_is_the_next_to_be_called() {
        let queue = Queue::default();
        let (first, second) = (queue.place(), queue.place());
        waits(&first);
        waits(&second);
        queue.call_next();
        waits(&first);
        queue.call_next();
        assert!(has_been_called(&first) && !has_been_called(&second));
    }

    #[test]
    fn a_newcomer_lines_up_until_the_last_call_is_answered() {
        let queue = Queue::default();
        assert!(queue.is_empty());
        let place = queue.place();
        assert!(queue.is_empty(), "it does not wait yet");
        waits(&place);
        assert!(!queue.is_empty());
        queue.call_next();
        assert!(!queue.is_empty(), "on its way");
        place.served();
        assert!(queue.is_empty());
    }
}
