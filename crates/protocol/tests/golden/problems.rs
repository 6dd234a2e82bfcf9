//! A refusal over HTTP, for each code.

use tidemark_protocol::Code;
use tidemark_protocol::body::Problem;

use crate::file::Case;

pub(crate) fn cases() -> Vec<Case> {
    let detail = |code| match code {
        Code::Invalid => "text is empty",
        Code::Unauthorized => "the token is unknown or was revoked",
        Code::Forbidden => "join the channel first",
        Code::NotFound => "there is no such conversation",
        Code::Conflict => "this client_id named a message with another content before",
        Code::TooLarge => "text is longer than 16384 bytes",
        Code::RateLimited => "too many messages in too short a time",
        Code::Internal => "the server failed",
        Code::Unavailable => "the store cannot accept now; send again with the same client_id",
    };
    Code::ALL
        .iter()
        .map(|code| {
            let means = format!("HTTP status {}", code.status());
            Case::body(code.as_str(), &means, Problem::new(*code, detail(*code)))
        })
        .collect()
}
