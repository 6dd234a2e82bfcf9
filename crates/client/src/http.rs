//! The calls over HTTP.

use std::fmt::{self, Write};
use std::time::Duration;

use reqwest::header::{CONTENT_LENGTH, RANGE, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tidemark_core::conversation::Emoji;
use tidemark_core::{
    ClientId, ConversationId, InviteId, Position, Seq, SessionId, UploadId, UserId,
};
use tidemark_protocol::Code;
use tidemark_protocol::body::{
    Accepted, BanToMake, Bans, Blocks, Conversation, ConversationPatch, Cursor, DeadLetters,
    DeadLettersChanged, DeadLettersWanted, DeliveredCursor, EventsPage, FeedPage, Inbox,
    InvitePreview, InviteToMake, Invites, MadeInvite, Members, MembersToAdd, MentionsPage,
    MessageAccepted, MessageEdit, MessageHistory, MessagesPage, MoveCursor, NewAccount,
    NewConversation, NewMessage, NewOwner, NewUpload, PauseWanted, Personal, PersonalChanges,
    PersonalPatch, Pipeline, Pipelines, Problem, ProfilePatch, Readers, RewindWanted, RolePatch,
    Sessions, SignIn, SignedIn, SignedRequest, SyncRequest, SyncResponse, ThreadCursor, ThreadPage,
    Threads, UploadBegun, Uploads, User, Users,
};
use tidemark_protocol::wire::{Secret, Wire};

use crate::ServerUrl;

/// How long a call may take.
const CALL_WITHIN: Duration = Duration::from_secs(30);

/// How long the bytes of a file, or of a part of it, may take.
const TRANSFER_WITHIN: Duration = Duration::from_hours(6);

/// Makes the HTTP calls of one user, or of nobody yet. Clones share their connections.
#[derive(Clone)]
pub struct Http {
    client: reqwest::Client,
    url: ServerUrl,
    token: Option<Secret>,
}

impl fmt::Debug for Http {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Http")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// Why a call brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The server said no.
    #[error("{detail} ({code})")]
    Refused {
        /// What kind of no.
        code: Code,
        /// Why, in words.
        detail: String,
        /// After how long it makes sense to try again, where waiting helps.
        retry_after: Option<Duration>,
    },
    /// There is no way to the server, or it did not answer in time.
    #[error("the server cannot be reached: {0}")]
    Unreachable(#[source] reqwest::Error),
    /// Something answered, but not as a Tidemark server does.
    #[error("this does not answer like a Tidemark server (status {status})")]
    Unexpected {
        /// The HTTP status.
        status: u16,
    },
}

/// Which page of a timeline to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// The newest messages.
    Latest,
    /// The newest ones below a place.
    Before(Seq),
    /// The oldest ones above a place.
    After(Seq),
    /// Those on both sides of a place.
    Around(Seq),
}

/// What every call here may end in.
pub(crate) type Answer<T> = Result<T, HttpError>;

impl Http {
    /// Calls on behalf of whoever the token stands for; without one, only accounts and sessions can be
    /// made.
    ///
    /// # Errors
    ///
    /// When the machine's TLS cannot be set up.
    pub fn new(url: ServerUrl, token: Option<Secret>) -> Answer<Self> {
        let client = reqwest::Client::builder()
            .timeout(CALL_WITHIN)
            .build()
            .map_err(HttpError::Unreachable)?;
        Ok(Self { client, url, token })
    }

    /// The same for another token.
    #[must_use]
    pub fn with_token(&self, token: Secret) -> Self {
        Self {
            token: Some(token),
            ..self.clone()
        }
    }

    /// Where the server is.
    pub fn url(&self) -> &ServerUrl {
        &self.url
    }
}

/// Declares calls: what each sends and brings. All of them fail as [`HttpError`] says.
macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) -> $answer:ty
        = $method:ident $path:expr $(, $body:expr)?;)+) => {
        /// One method for each call of the protocol.
        impl Http {$(
            $(#[$doc])*
            ///
            /// # Errors
            ///
            /// When the server cannot be reached or refuses.
            pub async fn $name(&self, $($argument: $type),*) -> Answer<$answer> {
                let request = self.request(Method::$method, &$path);
                $(let request = json(request, $body);)?
                answer(request).await
            }
        )+}
    };
}

calls! {
    /// Makes an account and signs in, where registration is open.
    register(account: &NewAccount) -> SignedIn = POST "/v1/accounts", account;
    /// Signs in.
    sign_in(credentials: &SignIn) -> SignedIn = POST "/v1/sessions", credentials;
    /// The user's signed-in devices.
    sessions() -> Sessions = GET "/v1/sessions";
    /// The own profile.
    me() -> User = GET "/v1/users/me";
    /// Changes the own profile.
    change_profile(patch: &ProfilePatch) -> User = PATCH "/v1/users/me", patch;
    /// Somebody's profile.
    user(user: &UserId) -> User = GET format!("/v1/users/{user}");
    /// The users whose ids or display names begin so, in the order of their ids.
    users(prefix: &str, limit: u32) -> Users
        = GET format!("/v1/users?prefix={}&limit={limit}", escape(prefix));
    /// Begins a conversation; a direct one that exists already is found.
    create_conversation(new: &NewConversation) -> Conversation = POST "/v1/conversations", new;
    /// A page of the user's conversations, last active first.
    conversations(limit: u32, before: Option<Position>) -> Inbox
        = GET paged("/v1/conversations", limit, before);
    /// One conversation.
    conversation(id: ConversationId) -> Conversation = GET format!("/v1/conversations/{id}");
    /// Changes title, topic or visibility.
    change_conversation(id: ConversationId, patch: &ConversationPatch) -> Accepted
        = PATCH format!("/v1/conversations/{id}"), patch;
    /// Becomes a member of a public channel.
    join(id: ConversationId) -> Accepted = POST format!("/v1/conversations/{id}/join");
    /// Stops being a member.
    leave(id: ConversationId) -> Accepted = POST format!("/v1/conversations/{id}/leave");
    /// A page of the members, in the order of their ids.
    members(id: ConversationId, limit: u32, after: Option<&UserId>) -> Members
        = GET people_path(id, "members", limit, after);
    /// Makes people members.
    add_members(id: ConversationId, people: &MembersToAdd) -> Accepted
        = POST format!("/v1/conversations/{id}/members"), people;
    /// Ends somebody's membership.
    remove_member(id: ConversationId, user: &UserId) -> Accepted
        = DELETE format!("/v1/conversations/{id}/members/{user}");
    /// Gives a member another role.
    change_role(id: ConversationId, user: &UserId, role: &RolePatch) -> Accepted
        = PATCH format!("/v1/conversations/{id}/members/{user}"), role;
    /// Sends a message.
    send_message(id: ConversationId, message: &NewMessage) -> MessageAccepted
        = POST format!("/v1/conversations/{id}/messages"), message;
    /// Edits a message of one's own.
    edit_message(id: ConversationId, seq: Seq, edit: &MessageEdit) -> MessageAccepted
        = PATCH message_path(id, seq, "", None), edit;
    /// Deletes a message.
    delete_message(id: ConversationId, seq: Seq, name: Option<ClientId>) -> MessageAccepted
        = DELETE message_path(id, seq, "", name);
    /// Reacts to a message.
    react(id: ConversationId, seq: Seq, emoji: &Emoji, name: Option<ClientId>) -> MessageAccepted
        = PUT message_path(id, seq, &reaction(emoji), name);
    /// Takes a reaction back.
    take_back_reaction(id: ConversationId, seq: Seq, emoji: &Emoji, name: Option<ClientId>)
        -> MessageAccepted = DELETE message_path(id, seq, &reaction(emoji), name);
    /// Pins a message.
    pin(id: ConversationId, seq: Seq, name: Option<ClientId>) -> MessageAccepted
        = PUT message_path(id, seq, "/pin", name);
    /// Pins a message no longer.
    unpin(id: ConversationId, seq: Seq, name: Option<ClientId>) -> MessageAccepted
        = DELETE message_path(id, seq, "/pin", name);
    /// A page of the timeline, oldest first.
    messages(id: ConversationId, page: Page, limit: u32) -> MessagesPage
        = GET messages_path(id, page, limit);
    /// The events after a place, oldest first.
    events(id: ConversationId, after: Seq, limit: u32) -> EventsPage
        = GET format!("/v1/conversations/{id}/events?after={after}&limit={limit}");
    /// Everything that changed since a device was last here; [`Client`](crate::Client) asks for it by itself.
    sync(held: &SyncRequest) -> SyncResponse = POST "/v1/sync", held;
    /// Moves the own read cursor.
    mark_read(id: ConversationId, seq: Seq) -> Cursor
        = PUT format!("/v1/conversations/{id}/read"), &MoveCursor { seq: Wire(seq) };
    /// Who has read up to a place.
    readers(id: ConversationId, seq: Seq) -> Readers
        = GET format!("/v1/conversations/{id}/readers?seq={seq}");
    /// Says up to where a device of the user has fetched; the client does so by itself.
    mark_delivered(id: ConversationId, seq: Seq) -> DeliveredCursor
        = PUT format!("/v1/conversations/{id}/delivered"), &MoveCursor { seq: Wire(seq) };
    /// A page of the timeline, oldest first, without the replies that only their threads show.
    main_messages(id: ConversationId, page: Page, limit: u32) -> MessagesPage
        = GET format!("{}&main=true", messages_path(id, page, limit));
    /// A page of the replies below a message, oldest first; there is none around a place.
    thread(id: ConversationId, thread: Seq, page: Page, limit: u32) -> ThreadPage
        = GET windowed(message_path(id, thread, "/thread", None), page, limit);
    /// Moves the user's cursor in a thread. [`Client::mark_thread_read`] does the same over the socket.
    ///
    /// [`Client::mark_thread_read`]: crate::Client::mark_thread_read
    mark_thread_read(id: ConversationId, thread: Seq, seq: Seq) -> ThreadCursor
        = PUT message_path(id, thread, "/thread/read", None), &MoveCursor { seq: Wire(seq) };
    /// A page of the threads that the user takes part in, last active first.
    threads(only: Option<ConversationId>, limit: u32, before: Option<Position>) -> Threads
        = GET threads_path(only, limit, before);
    /// Changes what the user keeps of a conversation; all of it. [`Client::change_personal`] does the same and lets the
    /// client know.
    ///
    /// [`Client::change_personal`]: crate::Client::change_personal
    change_personal(id: ConversationId, patch: &PersonalPatch) -> Personal
        = PUT format!("/v1/conversations/{id}/personal"), patch;
    /// What the user changed of their own after a version.
    personal_changes(after: u64, limit: u32) -> PersonalChanges
        = GET format!("/v1/personal?after={after}&limit={limit}");
    /// The messages that mention the user, newest first.
    mentions(limit: u32, before: Option<Position>) -> MentionsPage
        = GET paged("/v1/mentions", limit, before);
    /// The events of all conversations after a position, in commit order, for an API key. With nothing there yet,
    /// the server waits so long for something.
    feed(after: Position, limit: u32, wait: Duration) -> FeedPage
        = GET format!("/v1/feed?after={}&limit={limit}&wait_ms={}", after.0, wait.as_millis());
    /// Makes an invite; its code is shown this once.
    make_invite(id: ConversationId, invite: &InviteToMake) -> MadeInvite
        = POST format!("/v1/conversations/{id}/invites"), invite;
    /// The invites of a conversation, without their codes.
    invites(id: ConversationId) -> Invites = GET format!("/v1/conversations/{id}/invites");
    /// What an invite is to.
    invite_preview(code: &Secret) -> InvitePreview
        = GET format!("/v1/invites/{}", escape(code.expose()));
    /// Becomes a member by an invite.
    join_by_invite(code: &Secret) -> Conversation
        = POST format!("/v1/invites/{}/join", escape(code.expose()));
    /// A page of those who are kept out, in the order of their ids.
    bans(id: ConversationId, limit: u32, after: Option<&UserId>) -> Bans
        = GET people_path(id, "bans", limit, after);
    /// Keeps somebody out.
    ban(id: ConversationId, user: &UserId, ban: &BanToMake) -> Accepted
        = PUT format!("/v1/conversations/{id}/bans/{user}"), ban;
    /// Keeps somebody out no longer.
    unban(id: ConversationId, user: &UserId) -> Accepted
        = DELETE format!("/v1/conversations/{id}/bans/{user}");
    /// Makes a member owner in the own place, and oneself an admin.
    hand_over(id: ConversationId, owner: &NewOwner) -> Accepted
        = POST format!("/v1/conversations/{id}/owner"), owner;
    /// What a message said over time, oldest first, after the version at `after`.
    message_history(id: ConversationId, seq: Seq, after: Seq, limit: u32) -> MessageHistory
        = GET format!("/v1/conversations/{id}/messages/{seq}/history?after={after}&limit={limit}");
    /// Announces a file whose bytes the caller sends itself; [`upload`](Self::upload) does all of it.
    announce_upload(upload: &NewUpload) -> UploadBegun = POST "/v1/uploads", upload;
    /// A page of those whom the user blocks, in the order of their ids.
    blocks(limit: u32, after: Option<&UserId>) -> Blocks = GET blocks_path(limit, after);
    /// A page of the user's own uploads, the latest first, and how much room they take.
    uploads(limit: u32, before: Option<UploadId>) -> Uploads = GET uploads_path(limit, before);
    /// Those who follow the feed, for an API key, and how far they are.
    pipelines() -> Pipelines = GET "/v1/pipelines";
    /// One of those who follow the feed.
    pipeline(name: &str) -> Pipeline = GET pipeline_path(name, "");
    /// Has one of those who follow the feed do nothing.
    pause_pipeline(name: &str, pause: &PauseWanted) -> Pipeline
        = POST pipeline_path(name, "/pause"), pause;
    /// Lets a paused one go on.
    resume_pipeline(name: &str) -> Pipeline = POST pipeline_path(name, "/resume");
    /// Has one do all events after a position again.
    rewind_pipeline(name: &str, to: &RewindWanted) -> Pipeline
        = POST pipeline_path(name, "/rewind"), to;
    /// A page of the events that one could not do, in the order of their positions.
    dead_letters(name: &str, after: Position, limit: u32) -> DeadLetters
        = GET pipeline_path(name, &format!("/dead?after={}&limit={limit}", after.0));
    /// Has one try what it could not do again.
    replay_dead_letters(name: &str, which: &DeadLettersWanted) -> DeadLettersChanged
        = POST pipeline_path(name, "/dead/replay"), which;
    /// Takes away what one could not do, for good.
    drop_dead_letters(name: &str, which: &DeadLettersWanted) -> DeadLettersChanged
        = POST pipeline_path(name, "/dead/drop"), which;
}

impl Http {
    /// Signs a device out; its sockets close at once.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached or refuses.
    pub async fn revoke_session(&self, session: SessionId) -> Answer<()> {
        let path = format!("/v1/sessions/{session}");
        checked(self.request(Method::DELETE, &path)).await.map(drop)
    }

    /// Forgets one of those who follow the feed, which no node runs any more.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached or refuses.
    pub async fn forget_pipeline(&self, name: &str) -> Answer<()> {
        let path = pipeline_path(name, "");
        checked(self.request(Method::DELETE, &path)).await.map(drop)
    }

    /// Ends an invite.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached or refuses.
    pub async fn revoke_invite(&self, id: ConversationId, invite: InviteId) -> Answer<()> {
        let path = format!("/v1/conversations/{id}/invites/{invite}");
        checked(self.request(Method::DELETE, &path)).await.map(drop)
    }

    /// Blocks somebody: neither of the two writes in their direct conversation any more, and they add the user to
    /// nothing.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached or refuses.
    pub async fn block(&self, user: &UserId) -> Answer<()> {
        let path = format!("/v1/users/{user}/block");
        checked(self.request(Method::PUT, &path)).await.map(drop)
    }

    /// Blocks somebody no longer.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached or refuses.
    pub async fn unblock(&self, user: &UserId) -> Answer<()> {
        let path = format!("/v1/users/{user}/block");
        checked(self.request(Method::DELETE, &path)).await.map(drop)
    }

    /// The server's numbers, in the `OpenMetrics` text format.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached or refuses.
    pub async fn metrics(&self) -> Answer<String> {
        let response = checked(self.request(Method::GET, "/metrics")).await?;
        response.text().await.map_err(HttpError::Unreachable)
    }

    /// A call with a body, or without one.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&(impl Serialize + Sync)>,
    ) -> Answer<T> {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = json(request, body);
        }
        answer(request).await
    }

    /// A call that brings nothing.
    pub(crate) async fn tell(&self, method: Method, path: &str) -> Answer<()> {
        checked(self.request(method, path)).await.map(drop)
    }

    /// Sends bytes by a signed request, which needs no token. The status of the answer, if there was one.
    pub(crate) async fn send_bytes(
        &self,
        signed: &SignedRequest,
        size: u64,
        body: reqwest::Body,
    ) -> Result<u16, ()> {
        let request = self.signed(signed)?.header(CONTENT_LENGTH, size).body(body);
        let response = request.send().await.map_err(|_| ())?;
        Ok(response.status().as_u16())
    }

    /// Asks for the bytes from a place on by a signed request.
    pub(crate) async fn fetch_bytes(
        &self,
        signed: &SignedRequest,
        from: u64,
    ) -> Result<Response, ()> {
        let request = self.signed(signed)?;
        let request = match from {
            0 => request,
            from => request.header(RANGE, format!("bytes={from}-")),
        };
        request.send().await.map_err(|_| ())
    }

    fn signed(&self, signed: &SignedRequest) -> Result<RequestBuilder, ()> {
        let method = Method::from_bytes(signed.method.as_bytes()).map_err(|_| ())?;
        let request = self.client.request(method, &signed.url);
        let request = signed
            .headers
            .iter()
            .fold(request, |request, (name, value)| {
                request.header(name, value)
            });
        // Large files take long; whoever waits looks whether anything goes on.
        Ok(request.timeout(TRANSFER_WITHIN))
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self
            .client
            .request(method, format!("{}{path}", self.url.http()));
        match &self.token {
            Some(token) => request.bearer_auth(token.expose()),
            None => request,
        }
    }
}

fn json(request: RequestBuilder, body: &impl Serialize) -> RequestBuilder {
    request.json(body)
}

async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> Answer<T> {
    let response = checked(request).await?;
    let status = response.status().as_u16();
    let bytes = response.bytes().await.map_err(HttpError::Unreachable)?;
    serde_json::from_slice(&bytes).map_err(|_| HttpError::Unexpected { status })
}

/// The response, if it is no refusal.
async fn checked(request: RequestBuilder) -> Answer<Response> {
    let response = request.send().await.map_err(HttpError::Unreachable)?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let header = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok());
    let seconds: Option<u64> = header.and_then(|text| text.parse().ok());
    let bytes = response.bytes().await.map_err(HttpError::Unreachable)?;
    match serde_json::from_slice::<Problem>(&bytes) {
        Ok(problem) => Err(HttpError::Refused {
            code: problem.code,
            detail: problem.detail.into_owned(),
            retry_after: seconds.map(Duration::from_secs),
        }),
        Err(_) => Err(HttpError::Unexpected {
            status: status.as_u16(),
        }),
    }
}

fn paged(path: &str, limit: u32, before: Option<Position>) -> String {
    let mut path = format!("{path}?limit={limit}");
    if let Some(Position(before)) = before {
        let _ = write!(path, "&before={before}");
    }
    path
}

fn threads_path(only: Option<ConversationId>, limit: u32, before: Option<Position>) -> String {
    let mut path = paged("/v1/threads", limit, before);
    if let Some(only) = only {
        let _ = write!(path, "&conversation={only}");
    }
    path
}

fn people_path(id: ConversationId, part: &str, limit: u32, after: Option<&UserId>) -> String {
    let mut path = format!("/v1/conversations/{id}/{part}?limit={limit}");
    if let Some(after) = after {
        let _ = write!(path, "&after={}", escape(after.as_str()));
    }
    path
}

fn blocks_path(limit: u32, after: Option<&UserId>) -> String {
    let mut path = format!("/v1/blocks?limit={limit}");
    if let Some(after) = after {
        let _ = write!(path, "&after={}", escape(after.as_str()));
    }
    path
}

fn pipeline_path(name: &str, rest: &str) -> String {
    format!("/v1/pipelines/{}{rest}", escape(name))
}

fn uploads_path(limit: u32, before: Option<UploadId>) -> String {
    let mut path = format!("/v1/uploads?limit={limit}");
    if let Some(before) = before {
        let _ = write!(path, "&before={before}");
    }
    path
}

fn message_path(id: ConversationId, seq: Seq, below: &str, name: Option<ClientId>) -> String {
    let mut path = format!("/v1/conversations/{id}/messages/{seq}{below}");
    if let Some(name) = name {
        let _ = write!(path, "?client_id={name}");
    }
    path
}

fn reaction(emoji: &Emoji) -> String {
    format!("/reactions/{}", escape(emoji.as_str()))
}

fn messages_path(id: ConversationId, page: Page, limit: u32) -> String {
    windowed(format!("/v1/conversations/{id}/messages"), page, limit)
}

fn windowed(mut path: String, page: Page, limit: u32) -> String {
    let _ = write!(path, "?limit={limit}");
    let _ = match page {
        Page::Latest => Ok(()),
        Page::Before(seq) => write!(path, "&before={seq}"),
        Page::After(seq) => write!(path, "&after={seq}"),
        Page::Around(seq) => write!(path, "&around={seq}"),
    };
    path
}

/// Text as it may stand in a query (RFC 3986, section 2.3).
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_query_cannot_hold_is_escaped() {
        assert_eq!(escape("ann.b-1_~"), "ann.b-1_~");
        assert_eq!(escape("a@b:c&d é"), "a%40b%3Ac%26d%20%C3%A9");
    }

    #[test]
    fn pages_are_named_as_the_protocol_says() {
        let id: ConversationId = "00000000-0000-0000-0000-000000000001".parse().unwrap();
        let seq = Seq::new(7).unwrap();
        let path = messages_path(id, Page::Before(seq), 50);
        assert_eq!(
            path,
            format!("/v1/conversations/{id}/messages?limit=50&before=7")
        );
        assert_eq!(
            paged("/v1/conversations", 20, Some(Position(9))),
            "/v1/conversations?limit=20&before=9"
        );
    }
}
