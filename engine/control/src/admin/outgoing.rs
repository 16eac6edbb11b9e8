//! Answers on their way to their clients, and how much memory they hold.
//!
//! A client that does not read keeps its answer in memory for as long as it is borne with. So the
//! answers of all clients together are bounded: who has been at it for longest is cut for a newer
//! one, and waits for nobody. Called by the admin listener, on the control thread.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use tokio::sync::Notify;

/// Bytes of answers at once.
const BYTES_MAX: usize = 64 << 20;

/// All answers that are under way, the oldest first.
#[derive(Debug)]
pub(super) struct Outgoing {
    bytes_max: usize,
    answers: RefCell<VecDeque<Rc<Answer>>>,
}

#[derive(Debug)]
struct Answer {
    bytes: usize,
    cut: Rc<Notify>,
}

/// One answer; no longer under way once this is dropped, after the answer itself.
#[derive(Debug)]
pub(super) struct UnderWay {
    outgoing: Rc<Outgoing>,
    answer: Rc<Answer>,
}

impl Default for Outgoing {
    fn default() -> Self {
        Self { bytes_max: BYTES_MAX, answers: RefCell::default() }
    }
}

impl Outgoing {
    /// An answer of so many bytes sets out. `cut` is told when it must make room; the newest one
    /// never must.
    pub(super) fn begin(self: &Rc<Self>, bytes: usize, cut: &Rc<Notify>) -> UnderWay {
        let answer = Rc::new(Answer { bytes, cut: cut.clone() });
        let mut answers = self.answers.borrow_mut();
        let mut held: usize = answers.iter().map(|one| one.bytes).sum();
        while held + bytes > self.bytes_max
            && let Some(oldest) = answers.pop_front()
        {
            held -= oldest.bytes;
            oldest.cut.notify_one();
        }
        answers.push_back(answer.clone());
        UnderWay { outgoing: self.clone(), answer }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let answers = &self.outgoing.answers;
        answers.borrow_mut().retain(|one| !Rc::ptr_eq(one, &self.answer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether it has been cut.
    fn is_cut(cut: &Notify) -> bool {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("Linux");
        runtime.block_on(async {
            tokio::select! {
                biased;
                () = cut.notified() => true,
                () = std::future::ready(()) => false,
            }
        })
    }

    #[test]
    fn the_oldest_answer_makes_room_and_the_newest_always_goes_out() {
        let outgoing = Rc::new(Outgoing { bytes_max: 100, ..Outgoing::default() });
        let cuts: Vec<Rc<Notify>> = (0..4).map(|_| Rc::default()).collect();
        let _first = outgoing.begin(60, &cuts[0]);
        let second = outgoing.begin(30, &cuts[1]);
        assert!(!is_cut(&cuts[0]));
        let _third = outgoing.begin(60, &cuts[2]);
        assert!(is_cut(&cuts[0]) && !is_cut(&cuts[1]));
        drop(second);
        let _fourth = outgoing.begin(1_000, &cuts[3]);
        assert!(is_cut(&cuts[2]) && !is_cut(&cuts[1]) && !is_cut(&cuts[3]));
    }

    #[test]
    fn an_answer_that_is_over_holds_nothing() {
        let outgoing = Rc::new(Outgoing { bytes_max: 100, ..Outgoing::default() });
        let cuts: Vec<Rc<Notify>> = (0..2).map(|_| Rc::default()).collect();
        drop(outgoing.begin(90, &cuts[0]));
        let _second = outgoing.begin(90, &cuts[1]);
        assert!(!is_cut(&cuts[0]));
    }
}
