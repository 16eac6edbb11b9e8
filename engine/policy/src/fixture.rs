//! Small builders of tables and requests, for the tests of this package.
