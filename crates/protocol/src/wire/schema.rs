//! The same shapes as schemas, for the OpenAPI document.

use std::borrow::Cow;

use tidemark_core::conversation::{ConversationKind, Emoji, History, Mentions, Role, Visibility};
use tidemark_core::{
    ClientId, ConversationId, InviteId, Position, Seq, SessionId, Timestamp, UploadId, UserId,
};
use utoipa::openapi::schema::{
    ArrayBuilder, KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat, Type,
};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::wire::{LogEntry, Wire};

macro_rules! schema {
    ($($type:ty => $name:literal, $schema:expr;)+) => {$(
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                $schema.into()
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }
        }
    )+};
}

schema! {
    Wire<ClientId> => "ClientId", uuid("made by the client; version 7 is advised");
    Wire<ConversationId> => "ConversationId", uuid("made by the server");
    Wire<SessionId> => "SessionId", uuid("made by the server");
    Wire<UserId> => "UserId", user_id();
    Wire<ConversationKind> => "ConversationKind", names(["direct", "group", "channel"]);
    Wire<Visibility> => "Visibility", names(["private", "public"]);
    Wire<Role> => "Role", names(["guest", "member", "moderator", "admin", "owner"]);
    Wire<History> => "History", names(["all", "since_joined"]);
    Wire<InviteId> => "InviteId", uuid("made by the server; no secret");
    Wire<UploadId> => "UploadId", uuid("made by the server; no secret");
    Wire<Emoji> => "Emoji", emoji();
    Wire<Seq> => "Seq", integer("a place in a conversation's log; 0 stands before the first event")
        .maximum(Some(Seq::MAX.get()));
    Wire<Position> => "Position", integer("a place in the log of everything");
    Wire<Timestamp> => "Timestamp", integer("milliseconds since the Unix epoch");
    Wire<Mentions> => "Mentions", mentions();
    LogEntry => "Event", event();
}

fn uuid(description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
        .description(Some(description))
}

fn user_id() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some("^[A-Za-z0-9._@:-]{1,64}$"))
}

fn emoji() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(Emoji::BYTES_MAX))
        .description(Some(
            "one character as people see it, or a name between colons, in at most 64 bytes",
        ))
}

fn names<const N: usize>(names: [&str; N]) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(names))
}

fn integer(description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(0))
        .description(Some(description))
}

fn mentions() -> OneOfBuilder {
    OneOfBuilder::new()
        .item(ArrayBuilder::new().items(user_id()))
        .item(names(["all"]))
}

fn event() -> ObjectBuilder {
    let mut object = ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some(
            "an entry of a conversation's log; each kind has fields of its own beside these",
        ));
    for (name, schema) in [
        ("conversation", Wire::<ConversationId>::schema()),
        ("seq", Wire::<Seq>::schema()),
        ("at", Wire::<Timestamp>::schema()),
        ("kind", names(LogEntry::KINDS).into()),
    ] {
        object = object.property(name, schema).required(name);
    }
    object
}
