//! Tidemark's protocol.
