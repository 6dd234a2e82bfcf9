//! Every engine passes the same suite.

mod differential;
mod engines;

mod memory {
    use crate::engines::MemoryEngine;
    tidemark_store::certify!(MemoryEngine);
}

mod sqlite {
    use crate::engines::SqliteEngine;
    tidemark_store::certify!(SqliteEngine);
}

mod postgres {
    use crate::engines::PostgresEngine;
    tidemark_store::certify!(PostgresEngine);
}
