//! From facts to findings. Pure: what each finding says is tested on facts that are made up.

mod cpu;
mod engine;
mod file;
mod limits;
mod network;
#[cfg(test)]
mod tests;

use super::facts::Facts;
use super::finding::Finding;

/// Every finding, in the order in which a start would meet what they are about.
pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    let mut findings = file::file(facts);
    findings.push(engine::kernel(facts));
    findings.push(engine::io_uring(facts));
    findings.extend(engine::locked_memory(facts));
    findings.push(cpu::workers(&facts.cpus));
    findings.extend(cpu::quota(&facts.cpus));
    findings.extend(cpu::throttling(&facts.cpus));
    findings.push(limits::descriptors(facts));
    findings.extend(limits::memory(facts));
    findings.extend(network::backlog(facts));
    findings.extend(network::ports(facts));
    findings.push(file::watch(facts));
    findings.extend(file::access_log(facts));
    findings.extend(file::addresses(facts));
    findings
}

/// "1 core", "2 cores".
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
