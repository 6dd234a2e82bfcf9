//! Tidemark's client.
