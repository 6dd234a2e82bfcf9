//! What a token is good for.

use axum::http::Method;
use tidemark_core::ConversationId;
use tidemark_store::KeyPowers;
use uuid::Uuid;

/// What an API key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// See what its user sees, also over the socket, and say how far that was read.
    Read,
    /// Send messages and files, and change them.
    Send,
    /// Make and change conversations, their members, and the own profile.
    Manage,
    /// Read the feed of everything. For administrators.
    Feed,
    /// Run the server: pipelines, webhooks, bots, keys. For administrators.
    Operate,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Read,
        Self::Send,
        Self::Manage,
        Self::Feed,
        Self::Operate,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Send => "send",
            Self::Manage => "manage",
            Self::Feed => "feed",
            Self::Operate => "operate",
        }
    }

    /// The one with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }

    /// What a call takes. Whatever is not known to take less takes [`Manage`](Self::Manage).
    pub fn of(method: &Method, path: &str) -> Self {
        let path: Vec<_> = path.trim_start_matches('/').split('/').collect();
        match path.as_slice() {
            ["v1", "feed", ..] => Self::Feed,
            ["v1", "pipelines" | "webhooks" | "bots" | "keys", ..] => Self::Operate,
            _ if method == Method::GET || method == Method::HEAD => Self::Read,
            ["v1", "sync"]
            | ["v1", "conversations", _, "read" | "delivered"]
            | ["v1", "conversations", _, "messages", _, "thread", "read"] => Self::Read,
            ["v1", "uploads", ..] | ["v1", "conversations", _, "messages", ..] => Self::Send,
            _ => Self::Manage,
        }
    }
}

/// What a token is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Powers {
    /// For all if `None`.
    scopes: Option<Vec<Scope>>,
    /// In all of them if `None`.
    conversation: Option<ConversationId>,
}

impl Powers {
    /// Everything that its user may do.
    pub fn all() -> Self {
        Self {
            scopes: None,
            conversation: None,
        }
    }

    /// What is kept of a key. A word that is no scope, of a later version, gives nothing.
    pub(super) fn of(kept: &KeyPowers) -> Self {
        let scopes = kept.scopes.as_ref().map(|words| {
            let scopes = words.iter().filter_map(|word| Scope::parse(word));
            scopes.collect()
        });
        Self {
            scopes,
            conversation: kept.conversation,
        }
    }

    /// Whether it is good for this.
    pub fn has(&self, scope: Scope) -> bool {
        self.scopes
            .as_ref()
            .is_none_or(|scopes| scopes.contains(&scope))
    }

    /// Whether it is good for all that a key with these scopes is: nobody gives what they do not have.
    pub fn covers(&self, scopes: Option<&[String]>) -> bool {
        let named = |names: &[String]| {
            let mut scopes = names.iter().filter_map(|name| Scope::parse(name));
            scopes.all(|scope| self.has(scope))
        };
        self.scopes.is_none() || scopes.is_some_and(named)
    }

    /// The conversation that it is good for, if it is only one.
    pub fn conversation(&self) -> Option<ConversationId> {
        self.conversation
    }

    /// Whether a call may be made.
    ///
    /// # Errors
    ///
    /// Why not, in words for whoever calls.
    pub fn allow(&self, method: &Method, path: &str) -> Result<(), String> {
        let scope = Scope::of(method, path);
        if !self.has(scope) {
            let name = scope.as_str();
            return Err(format!("this takes a key with the scope `{name}`"));
        }
        match self.conversation {
            Some(only) if !is_within(path, only) => {
                Err(format!("this key is for the conversation {only} only"))
            }
            _ => Ok(()),
        }
    }
}

/// Whether a call is about this conversation, or about a file that is to be sent there.
fn is_within(path: &str, conversation: ConversationId) -> bool {
    let path: Vec<_> = path.trim_start_matches('/').split('/').collect();
    match path.as_slice() {
        ["v1", "conversations", id, ..] => Uuid::parse_str(id).is_ok_and(|id| id == conversation.0),
        ["v1", "uploads", ..] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: &str = "018f0000-0000-7000-8000-000000000001";
    const OTHER: &str = "018f0000-0000-7000-8000-000000000002";

    fn powers(scopes: &[Scope]) -> Powers {
        Powers {
            scopes: Some(scopes.to_vec()),
            conversation: None,
        }
    }

    #[test]
    fn each_call_takes_what_it_does() {
        let room = |rest: &str| format!("/v1/conversations/{ROOM}{rest}");
        for (method, path, scope) in [
            (Method::GET, "/v1/feed".to_owned(), Scope::Feed),
            (Method::GET, "/v1/pipelines".to_owned(), Scope::Operate),
            (Method::POST, "/v1/webhooks".to_owned(), Scope::Operate),
            (Method::GET, "/v1/keys".to_owned(), Scope::Operate),
            (Method::POST, "/v1/bots".to_owned(), Scope::Operate),
            (Method::GET, "/v1/conversations".to_owned(), Scope::Read),
            (Method::POST, "/v1/sync".to_owned(), Scope::Read),
            (Method::PUT, room("/read"), Scope::Read),
            (Method::PUT, room("/messages/3/thread/read"), Scope::Read),
            (Method::POST, room("/messages"), Scope::Send),
            (Method::DELETE, room("/messages/3"), Scope::Send),
            (Method::PUT, room("/messages/3/reactions/x"), Scope::Send),
            (Method::POST, "/v1/uploads".to_owned(), Scope::Send),
            (Method::POST, room("/members"), Scope::Manage),
            (Method::PATCH, "/v1/users/me".to_owned(), Scope::Manage),
            (Method::POST, "/v1/what/is/new".to_owned(), Scope::Manage),
        ] {
            assert_eq!(Scope::of(&method, &path), scope, "{method} {path}");
        }
    }

    #[test]
    fn a_scope_is_good_for_nothing_else() {
        let send = format!("/v1/conversations/{ROOM}/messages");
        assert_eq!(powers(&[Scope::Send]).allow(&Method::POST, &send), Ok(()));
        let reading = powers(&[Scope::Read, Scope::Feed]).allow(&Method::POST, &send);
        assert_eq!(
            reading,
            Err("this takes a key with the scope `send`".to_owned())
        );
        assert!(powers(&[]).allow(&Method::GET, "/v1/users").is_err());
        assert_eq!(Powers::all().allow(&Method::GET, "/v1/feed"), Ok(()));
    }

    #[test]
    fn a_key_of_one_conversation_is_good_for_nothing_elsewhere() {
        let one = Powers {
            scopes: None,
            conversation: Uuid::parse_str(ROOM).ok().map(ConversationId),
        };
        let allowed = |path: String| one.allow(&Method::GET, &path).is_ok();
        assert!(allowed(format!("/v1/conversations/{ROOM}")));
        assert!(allowed(format!(
            "/v1/conversations/{}/messages",
            ROOM.to_uppercase()
        )));
        assert!(allowed("/v1/uploads/7".to_owned()));
        assert!(!allowed(format!("/v1/conversations/{OTHER}")));
        assert!(!allowed("/v1/conversations".to_owned()));
        assert!(!allowed("/v1/feed".to_owned()));
    }

    #[test]
    fn names_of_scopes_are_read_back() {
        for scope in Scope::ALL {
            assert_eq!(Scope::parse(scope.as_str()), Some(scope));
        }
        assert_eq!(Scope::parse("everything"), None);
    }
}
