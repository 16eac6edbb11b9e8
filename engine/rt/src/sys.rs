//! System calls about the process and its threads that std does not offer, one safe function each.
//! Sockets: `socket`.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// The result of a system call that answers -1 on failure.
pub(crate) fn checked(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// A fresh non-blocking eventfd.
pub(crate) fn eventfd() -> io::Result<OwnedFd> {
    // SAFETY: no pointers; the descriptor is fresh and owned by nobody else.
    unsafe {
        let fd = checked(libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK))?;
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

/// Makes an eventfd readable.
pub(crate) fn ring_bell(eventfd: BorrowedFd<'_>) {
    let one = 1u64;
    // SAFETY: eight readable bytes. The only failure is a counter that is full, hence readable
    // already.
    unsafe { libc::write(eventfd.as_raw_fd(), (&raw const one).cast(), 8) };
}

/// Makes an eventfd unreadable until it is rung again.
pub(crate) fn hush_bell(eventfd: BorrowedFd<'_>) {
    let mut rings = 0u64;
    // SAFETY: eight writable bytes. The only failure is a counter at zero, hence unreadable
    // already.
    unsafe { libc::read(eventfd.as_raw_fd(), (&raw mut rings).cast(), 8) };
}

/// From this size on, a block of memory is a mapping of its own.
#[cfg(target_env = "gnu")]
const OWN_MAPPING_BYTES: libc::c_int = 1 << 20;

/// Makes large blocks go back to the kernel as soon as they are freed. By itself the allocator puts
/// them at the end of a thread's heap once it has seen a few, where nothing gives them back:
/// [`give_back_memory`] does not reach there. To be called once, before there are threads.
pub fn map_large_blocks() {
    #[cfg(target_env = "gnu")]
    // SAFETY: no pointers; a setting of the allocator. mallopt(3).
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, OWN_MAPPING_BYTES);
    }
}

/// Gives the allocator's free pages back to the kernel, wherever in the heap they lie. By itself
/// the allocator keeps all but what lies at the end. Takes milliseconds for a large heap: not for a
/// core.
pub fn give_back_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: no pointers; it takes the allocator's own locks. malloc_trim(3).
    unsafe {
        libc::malloc_trim(0);
    }
}

/// The processors that this thread may run on, ascending.
pub(crate) fn affinity() -> io::Result<Vec<usize>> {
    // SAFETY: a set of processors is plain bits, for which zero is a value.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set is writable and as large as said.
    checked(unsafe { libc::sched_getaffinity(0, size_of_val(&set), &raw mut set) })?;
    let cpus = 0..libc::CPU_SETSIZE as usize;
    // SAFETY: every number is below the size of the set.
    Ok(cpus.filter(|cpu| unsafe { libc::CPU_ISSET(*cpu, &set) }).collect())
}

/// Binds this thread to one processor.
pub(crate) fn pin_to(cpu: usize) -> io::Result<()> {
    if cpu >= libc::CPU_SETSIZE as usize {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: as in `affinity`.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the number was checked; the set is readable and as large as said.
    unsafe {
        libc::CPU_SET(cpu, &mut set);
        checked(libc::sched_setaffinity(0, size_of_val(&set), &raw const set))?;
    }
    Ok(())
}

/// The processor time that this thread has used.
pub(crate) fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the time is writable. The call fails for clocks that do not exist; this one does.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The soft and hard limit of locked memory, in bytes.
pub(crate) fn memlock() -> io::Result<libc::rlimit> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the limit is writable.
    checked(unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut limit) })?;
    Ok(limit)
}

/// Raises the soft limit of locked memory to the hard one, which needs no privilege.
pub(crate) fn raise_memlock() -> io::Result<()> {
    let mut limit = memlock()?;
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: the limit is readable.
    checked(unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const limit) })?;
    Ok(())
}
