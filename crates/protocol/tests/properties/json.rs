//! JSON that nobody meant to send.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::Value;

/// Any JSON, not too deep.
pub(crate) fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 32, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            btree_map(any::<String>(), inner, 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Objects with the names and often the values that frames have, in any combination and also twice.
pub(crate) fn object_with_our_names() -> impl Strategy<Value = String> {
    let name = proptest::sample::select(vec![
        "type",
        "id",
        "token",
        "cursors",
        "epoch",
        "device",
        "conversation",
        "client_id",
        "text",
        "reply_to",
        "mentions",
        "client_at",
        "thread",
        "attachments",
        "seq",
        "after",
        "limit",
        "at",
        "kind",
        "by",
        "title",
        "sender",
        "joined",
        "left",
        "roles",
        "topic",
        "visibility",
        "retention_days",
        "events",
        "head_seq",
        "more",
        "code",
        "detail",
        "user",
        "members",
        "conversations",
        "role",
        "users",
        "status",
        "until",
        "last_seen",
    ]);
    let fitting = proptest::sample::select(vec![
        r#""hello""#,
        r#""send""#,
        r#""read""#,
        r#""sync""#,
        r#""open""#,
        r#""close""#,
        r#""typing""#,
        r#""presence""#,
        r#""watch""#,
        r#""away""#,
        r#""ping""#,
        r#""event""#,
        r#""events""#,
        r#""message""#,
        r#""members""#,
        r#""settings""#,
        r#""created""#,
        r#""0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071""#,
        r#""all""#,
        r#""ann""#,
        r#"["ann"]"#,
        "[]",
        "{}",
        "null",
        "0",
        "1",
        "-1",
        "1.0",
        "1e3",
        "9007199254740991",
        "9223372036854775808",
        r#""""#,
        r#"{"0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071":1}"#,
        r#""group""#,
        r#""owner""#,
        "true",
    ]);
    let value = prop_oneof![
        4 => fitting.prop_map(str::to_owned),
        1 => any_value().prop_map(|json| json.to_string()),
    ];
    vec((name, value), 0..8).prop_map(|fields| {
        let fields: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("\"{name}\":{value}"))
            .collect();
        format!("{{{}}}", fields.join(","))
    })
}

/// A part of a text that is replaced.
#[derive(Clone, Debug)]
pub(crate) struct Damage {
    begin: proptest::sample::Index,
    length: usize,
    replacement: String,
}

pub(crate) fn damage() -> impl Strategy<Value = Damage> {
    let replacement = prop_oneof![
        Just(String::new()),
        any::<String>(),
        "[\\[\\]{}\",:0-9.eE+-]{1,6}",
        Just("[".repeat(300)),
        Just("{\"a\":".repeat(300)),
    ];
    (any::<proptest::sample::Index>(), 0_usize..20, replacement).prop_map(
        |(begin, length, replacement)| Damage {
            begin,
            length,
            replacement,
        },
    )
}

impl Damage {
    pub(crate) fn done_to(&self, text: &str) -> String {
        let characters: Vec<char> = text.chars().collect();
        let begin = self.begin.index(characters.len() + 1);
        let end = (begin + self.length).min(characters.len());
        let before: String = characters[..begin].iter().collect();
        let after: String = characters[end..].iter().collect();
        format!("{before}{}{after}", self.replacement)
    }
}
