//! Tidemark's simulator.
