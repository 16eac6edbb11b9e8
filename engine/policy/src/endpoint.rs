//! The name of one endpoint of an upstream. Not its address, health or load.

/// An endpoint's place in `config::snapshot::Upstream::endpoints`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndpointIx(pub u16);

impl EndpointIx {
    /// As an index into per-endpoint slices.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}
