//! The server's end: whether what a client sends keeps to the protocol.
//!
//! Times are milliseconds of any clock that only goes forward.

use crate::ByeCode;
use crate::frame::{ClientFrame, Hello, ParseLimits, Refused, Request};

/// After so many frames in a row that make no sense, the client is taken for broken.
pub const INVALID_FRAMES_MAX: u32 = 100;

/// How patient a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long a socket may take to say `hello`.
    pub hello_timeout_ms: u64,
    /// How long a client should stay silent at most; told to it in `welcome`.
    pub heartbeat_ms: u64,
    /// How long a client may stay silent before its socket is closed.
    pub idle_timeout_ms: u64,
    /// How much one frame may hold.
    pub parse: ParseLimits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hello_timeout_ms: 10_000,
            heartbeat_ms: 30_000,
            idle_timeout_ms: 90_000,
            parse: ParseLimits::default(),
        }
    }
}

/// What to do with what a client sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Sign it in, and answer `welcome`.
    Hello(Hello),
    /// Do what it asks.
    Request(Request),
    /// Send this; nothing else happens.
    Refuse(Refused),
    /// Say `bye` with this code and close the socket.
    Close(ByeCode),
}

/// A client's socket, as far as it keeps to the protocol.
#[derive(Clone, Copy, Debug)]
pub struct ServerSession {
    settings: Settings,
    state: State,
    invalid_in_a_row: u32,
}

#[derive(Clone, Copy, Debug)]
enum State {
    AwaitingHello { until_ms: u64 },
    Live { silent_until_ms: u64 },
    Closed(ByeCode),
}

impl ServerSession {
    /// A socket that was just opened.
    pub fn new(now_ms: u64, settings: Settings) -> Self {
        let state = State::AwaitingHello {
            until_ms: now_ms.saturating_add(settings.hello_timeout_ms),
        };
        Self {
            settings,
            state,
            invalid_in_a_row: 0,
        }
    }

    /// A text frame came.
    pub fn handle_text(&mut self, now_ms: u64, text: &str) -> Input {
        self.handle_sign_of_life(now_ms);
        if let State::Closed(code) = self.state {
            return Input::Close(code);
        }
        let is_first = matches!(self.state, State::AwaitingHello { .. });
        match ClientFrame::parse(text, &self.settings.parse) {
            Ok(ClientFrame::Hello(hello)) if is_first => {
                self.invalid_in_a_row = 0;
                self.state = State::Live {
                    silent_until_ms: now_ms.saturating_add(self.settings.idle_timeout_ms),
                };
                Input::Hello(hello)
            }
            Ok(ClientFrame::Request(request)) if !is_first => {
                self.invalid_in_a_row = 0;
                Input::Request(request)
            }
            Ok(_) => self.close(ByeCode::ProtocolError),
            // A hello with a wrong field can be said again, until the time for it is over.
            Err(error) if is_first && !error.is_hello => self.close(ByeCode::ProtocolError),
            Err(error) => {
                self.invalid_in_a_row += 1;
                if self.invalid_in_a_row >= INVALID_FRAMES_MAX {
                    return self.close(ByeCode::ProtocolError);
                }
                Input::Refuse(error.into_refused())
            }
        }
    }

    /// Something came that is no text: a binary frame, or bytes that are not UTF-8.
    pub fn handle_not_text(&mut self) -> Input {
        self.close(ByeCode::ProtocolError)
    }

    /// Anything came, also a WebSocket ping or pong: the client is there.
    pub fn handle_sign_of_life(&mut self, now_ms: u64) {
        if let State::Live { silent_until_ms } = &mut self.state {
            *silent_until_ms = now_ms.saturating_add(self.settings.idle_timeout_ms);
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), unless something comes before.
    pub fn next_timeout(&self) -> Option<u64> {
        match self.state {
            State::AwaitingHello { until_ms } => Some(until_ms),
            State::Live { silent_until_ms } => Some(silent_until_ms),
            State::Closed(_) => None,
        }
    }

    /// Time has passed. A code means: say `bye` with it and close the socket.
    pub fn handle_timeout(&mut self, now_ms: u64) -> Option<ByeCode> {
        let code = match self.state {
            State::AwaitingHello { until_ms } if until_ms <= now_ms => ByeCode::ProtocolError,
            State::Live { silent_until_ms } if silent_until_ms <= now_ms => ByeCode::Idle,
            _ => return None,
        };
        self.state = State::Closed(code);
        Some(code)
    }

    /// What the server told this client about its patience.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    fn close(&mut self, code: ByeCode) -> Input {
        if !matches!(self.state, State::Closed(_)) {
            self.state = State::Closed(code);
        }
        Input::Close(code)
    }
}
