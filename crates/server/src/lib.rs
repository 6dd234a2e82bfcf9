//! Tidemark's server.
