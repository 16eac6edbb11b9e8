//! Envoy's response flags: the two or three letters of an access log that say why an answer is
//! what it is. Written by the ledger, asked of a [`crate::Failure`].

/// Envoy's `%RESPONSE_FLAGS%`, all that Outrigger sets or will set; names and meanings are Envoy's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Flag {
    /// `UH`: no endpoint, or none healthy.
    NoHealthyUpstream,
    /// `UF`: the connection to the upstream failed.
    UpstreamConnectionFailure,
    /// `UO`: a circuit breaker was full.
    UpstreamOverflow,
    /// `NR`: no route.
    NoRoute,
    /// `URX`: the attempts were used up.
    RetryLimitExceeded,
    /// `NC`: the upstream that the route names is not there.
    NoCluster,
    /// `DT`: the request or connection was older than its maximum.
    DurationTimeout,
    /// `DC`: the client closed the connection.
    DownstreamConnectionTermination,
    /// `LH`: the local service failed its health check.
    FailedLocalHealthCheck,
    /// `UT`: the upstream did not answer in time.
    UpstreamRequestTimeout,
    /// `LR`: the proxy itself ended the connection or the request.
    LocalReset,
    /// `UR`: the upstream reset the stream.
    UpstreamRemoteReset,
    /// `UC`: the upstream ended the connection.
    UpstreamConnectionTermination,
    /// `DI`: delayed by fault injection.
    DelayInjected,
    /// `FI`: aborted by fault injection.
    FaultInjected,
    /// `RL`: refused by the local rate limit.
    RateLimited,
    /// `UAEX`: refused by authorisation.
    Unauthorized,
    /// `SI`: nothing moved for longer than the idle timeout.
    StreamIdleTimeout,
    /// `DPE`: the client broke the protocol.
    DownstreamProtocolError,
    /// `UPE`: the upstream broke the protocol.
    UpstreamProtocolError,
    /// `UMSDR`: the upstream stream was older than its maximum.
    UpstreamMaxDuration,
    /// `OM`: shed by overload protection.
    Overload,
    /// `DF`: the upstream's name did not resolve.
    DnsFailure,
    /// `DR`: the client reset the stream.
    DownstreamRemoteReset,
}

impl Flag {
    /// How many there are: the length of a table indexed by [`Flag::index`].
    pub const COUNT: usize = Self::ALL.len();

    /// All of them, in the order of [`Flag::index`].
    pub const ALL: [Flag; 24] = [
        Flag::NoHealthyUpstream,
        Flag::UpstreamConnectionFailure,
        Flag::UpstreamOverflow,
        Flag::NoRoute,
        Flag::RetryLimitExceeded,
        Flag::NoCluster,
        Flag::DurationTimeout,
        Flag::DownstreamConnectionTermination,
        Flag::FailedLocalHealthCheck,
        Flag::UpstreamRequestTimeout,
        Flag::LocalReset,
        Flag::UpstreamRemoteReset,
        Flag::UpstreamConnectionTermination,
        Flag::DelayInjected,
        Flag::FaultInjected,
        Flag::RateLimited,
        Flag::Unauthorized,
        Flag::StreamIdleTimeout,
        Flag::DownstreamProtocolError,
        Flag::UpstreamProtocolError,
        Flag::UpstreamMaxDuration,
        Flag::Overload,
        Flag::DnsFailure,
        Flag::DownstreamRemoteReset,
    ];

    /// Its place in [`Flag::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// The letters of Envoy's access log.
    pub fn as_str(self) -> &'static str {
        match self {
            Flag::NoHealthyUpstream => "UH",
            Flag::UpstreamConnectionFailure => "UF",
            Flag::UpstreamOverflow => "UO",
            Flag::NoRoute => "NR",
            Flag::RetryLimitExceeded => "URX",
            Flag::NoCluster => "NC",
            Flag::DurationTimeout => "DT",
            Flag::DownstreamConnectionTermination => "DC",
            Flag::FailedLocalHealthCheck => "LH",
            Flag::UpstreamRequestTimeout => "UT",
            Flag::LocalReset => "LR",
            Flag::UpstreamRemoteReset => "UR",
            Flag::UpstreamConnectionTermination => "UC",
            Flag::DelayInjected => "DI",
            Flag::FaultInjected => "FI",
            Flag::RateLimited => "RL",
            Flag::Unauthorized => "UAEX",
            Flag::StreamIdleTimeout => "SI",
            Flag::DownstreamProtocolError => "DPE",
            Flag::UpstreamProtocolError => "UPE",
            Flag::UpstreamMaxDuration => "UMSDR",
            Flag::Overload => "OM",
            Flag::DnsFailure => "DF",
            Flag::DownstreamRemoteReset => "DR",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lists_every_flag_at_its_index() {
        for (at, flag) in Flag::ALL.iter().enumerate() {
            assert_eq!(flag.index(), at, "{flag:?}");
        }
    }

    #[test]
    fn no_two_flags_share_their_letters() {
        let mut letters: Vec<_> = Flag::ALL.iter().map(|flag| flag.as_str()).collect();
        letters.sort_unstable();
        letters.dedup();
        assert_eq!(letters.len(), Flag::COUNT);
    }
}
