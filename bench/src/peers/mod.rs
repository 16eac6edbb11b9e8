//! The programs that are measured: which there are, where they are found, how they are started.
//!
//! Their configurations are the files of `bench/peers/`, filled in by `template`.

pub mod find;
pub mod launch;
pub mod outrigger;
pub mod start;

pub(crate) mod template;

/// A program under test, as one column of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, clap::ValueEnum)]
pub enum Proxy {
    /// The epoll relay of this package.
    Floor,
    /// Outrigger on io_uring.
    Uring,
    /// Outrigger on epoll.
    Epoll,
    /// HAProxy.
    #[value(name = "haproxy")]
    HaProxy,
    /// nginx.
    Nginx,
    /// Envoy with its defaults.
    Envoy,
    /// Envoy with worker affinity and io_uring sockets.
    EnvoyTuned,
}

impl Proxy {
    /// In the order of the tables' columns.
    pub const ALL: [Self; 7] = [
        Self::Floor,
        Self::Uring,
        Self::Epoll,
        Self::HaProxy,
        Self::Nginx,
        Self::Envoy,
        Self::EnvoyTuned,
    ];

    /// Short and lower case: for columns, options and JSON keys.
    pub fn key(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Uring => "uring",
            Self::Epoll => "epoll",
            Self::HaProxy => "haproxy",
            Self::Nginx => "nginx",
            Self::Envoy => "envoy",
            Self::EnvoyTuned => "envoy-tuned",
        }
    }

    /// For sentences and legends.
    pub fn name(self) -> &'static str {
        match self {
            Self::Floor => "the floor relay",
            Self::Uring => "Outrigger (io_uring)",
            Self::Epoll => "Outrigger (epoll)",
            Self::HaProxy => "HAProxy",
            Self::Nginx => "nginx",
            Self::Envoy => "Envoy",
            Self::EnvoyTuned => "Envoy, tuned",
        }
    }

    /// Whether it is the program of this repository.
    pub fn is_ours(self) -> bool {
        matches!(self, Self::Uring | Self::Epoll)
    }
}
