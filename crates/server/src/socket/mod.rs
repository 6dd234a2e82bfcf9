//! Sockets: temporary delivery channels. Whatever is lost with one, its client reads again.
//!
//! One task serves one socket: [`connection`] waits for what comes first (a frame, something to write, a
//! deadline), [`greet`] lets it in, [`requests`] does what frames ask for, [`signals`] what
//! they say that nobody keeps, [`writer`] puts frames on
//! the wire in the order that each conversation's log has.

mod connection;
mod delivery;
mod greet;
mod requests;
mod signals;
mod writer;

use std::sync::Arc;

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use tidemark_protocol::Code;
use tidemark_protocol::wire::Secret;
use tidemark_store::{Directory, Store};

use crate::gateway::Gateway;
use crate::http::{Problem, bearer};

/// Most frames are small, and most sockets idle: a small buffer for each keeps an idle one cheap.
const READ_BUFFER_BYTES: usize = 1024;
/// Frames are joined into one write up to this.
const WRITE_BUFFER_BYTES: usize = 16 * 1024;
/// One frame may be a whole page of events; past this a socket is broken, not slow.
const WRITE_BUFFER_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Turns a request into a socket. A token in the `Authorization` header is checked here already, and
/// again when the `hello` comes: it may not hold any more by then.
pub(crate) async fn upgrade<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    headers: HeaderMap,
    request: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let request = match request {
        Ok(request) => request,
        Err(rejection) => {
            return Problem::new(Code::Invalid, rejection.body_text()).into_response();
        }
    };
    if gateway.is_draining() {
        return Problem::new(Code::Unavailable, "the server is stopping").into_response();
    }
    let token = match bearer(&headers) {
        Ok(None) => None,
        Ok(Some(token)) => match gateway.authenticator.authenticate(token).await {
            Ok(_) => Some(Secret::new(token)),
            Err(error) => return Problem::from(error).into_response(),
        },
        Err(problem) => return problem.into_response(),
    };
    let frame_bytes_max = gateway.config.limits.frame_bytes;
    request
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
        .max_message_size(frame_bytes_max)
        .max_frame_size(frame_bytes_max)
        .on_upgrade(move |socket| connection::serve(gateway, socket, token))
}
