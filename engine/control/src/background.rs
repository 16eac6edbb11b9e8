//! Work beside the traffic: reading a file, merging counts, rendering a page.

/// Of a thread that steps back: one that carries traffic weighs nine times as much, so that on a
/// full machine work beside the traffic takes a tenth of one processor.
const NICENESS: i32 = 10;

/// Lets the calling thread run when the cores have nothing to do; for the rest of its life.
pub(crate) fn step_back() {
    // Where the system forbids it, the work is only less polite.
    let _ = rustix::process::setpriority_process(None, NICENESS);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stepping_back_twice_is_stepping_back_once_and_alone() {
        let before = rustix::process::getpriority_process(None).unwrap();
        let stepped = std::thread::spawn(|| {
            step_back();
            step_back();
            rustix::process::getpriority_process(None).unwrap()
        });
        assert_eq!(stepped.join().unwrap(), NICENESS);
        assert_eq!(rustix::process::getpriority_process(None).unwrap(), before);
    }
}
