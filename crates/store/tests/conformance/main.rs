//! Every engine passes the same suite.

mod engines;

mod memory {
    use crate::engines::MemoryEngine;
    tidemark_store::certify!(MemoryEngine);
}
