//! Tables and requests against the routes that Envoy would choose.
