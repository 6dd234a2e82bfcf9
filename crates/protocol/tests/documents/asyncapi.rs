//! `docs/asyncapi.yaml`: every frame is a message and the other way round, and golden frames fit their schemas.

use std::collections::BTreeSet;

use serde_json::Value;
use tidemark_protocol::frame::{ClientFrame, ParseLimits, ServerFrame};
use tidemark_protocol::wire::LogEntry;
use tidemark_protocol::{ByeCode, Code};

use crate::{document, golden};

struct Api(Value);

impl Api {
    fn read() -> Self {
        Self(serde_saphyr::from_str(&document("asyncapi.yaml")).unwrap())
    }

    /// What stands there, following a reference.
    fn resolve<'api>(&'api self, value: &'api Value) -> &'api Value {
        match value["$ref"].as_str() {
            Some(place) => {
                let pointer = place.strip_prefix('#').expect("only places in here");
                let target = self.0.pointer(pointer);
                self.resolve(target.unwrap_or_else(|| panic!("{place} leads nowhere")))
            }
            None => value,
        }
    }

    /// The messages that an operation names.
    fn messages(&self, operation: &str) -> Vec<&Value> {
        let named = &self.0["operations"][operation]["messages"];
        let named = named.as_array().unwrap().iter();
        named.map(|message| self.resolve(message)).collect()
    }

    fn names(&self, operation: &str) -> Vec<&str> {
        let messages = self.messages(operation).into_iter();
        messages.map(|it| it["name"].as_str().unwrap()).collect()
    }

    /// What is wrong with `value`, if it does not fit. A field that the schema does not have is wrong, too.
    fn misfit(&self, schema: &Value, value: &Value) -> Option<String> {
        let schema = self.resolve(schema);
        let wrong = |what: &str| Some(format!("{value} is not {what} ({schema})"));
        if let Some(choices) = schema["oneOf"].as_array() {
            let fitting = choices
                .iter()
                .filter(|choice| self.misfit(choice, value).is_none());
            if fitting.count() != 1 {
                return wrong("exactly one of these");
            }
        }
        if schema.get("const").is_some_and(|it| it != value) {
            return wrong("this constant");
        }
        let names = schema["enum"].as_array();
        if names.is_some_and(|names| !names.contains(value)) {
            return wrong("one of these");
        }
        if !has_type(&schema["type"], value) {
            return wrong("of this type");
        }
        let number = value.as_i64().unwrap_or_default();
        if schema["minimum"]
            .as_i64()
            .is_some_and(|least| number < least)
            && value.is_number()
        {
            return wrong("large enough");
        }
        if let (Some(items), Some(list)) = (schema.get("items"), value.as_array()) {
            return list.iter().find_map(|item| self.misfit(items, item));
        }
        match value.as_object() {
            Some(_) if schema["properties"].is_object() || schema["type"] == "object" => {
                self.misfit_of_fields(schema, value)
            }
            _ => None,
        }
    }

    fn misfit_of_fields(&self, schema: &Value, value: &Value) -> Option<String> {
        let required = schema["required"].as_array().into_iter().flatten();
        for name in required.filter_map(Value::as_str) {
            if value.get(name).is_none() {
                return Some(format!("{value} lacks {name}"));
            }
        }
        // `allOf` is only used to add the type to an event.
        let Some(base) = schema["allOf"].get(0) else {
            return value.as_object()?.iter().find_map(|(name, field)| {
                let declared = schema["properties"].get(name);
                match declared.or(schema.get("additionalProperties")) {
                    Some(schema) => self.misfit(schema, field),
                    None => Some(format!("{name} of {value} is not declared")),
                }
            });
        };
        let mut rest = value.clone();
        let mut own = serde_json::Map::new();
        for name in schema["properties"].as_object()?.keys() {
            if let Some(field) = rest.as_object_mut()?.remove(name) {
                own.insert(name.clone(), field);
            }
        }
        let mut alone = schema.clone();
        alone.as_object_mut()?.remove("allOf");
        self.misfit(&alone, &Value::Object(own))
            .or_else(|| self.misfit(base, &rest))
    }
}

fn has_type(types: &Value, value: &Value) -> bool {
    let fits = |name: &Value| match name.as_str() {
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("boolean") => value.is_boolean(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        Some("null") => value.is_null(),
        other => panic!("{other:?} is no type that is used here"),
    };
    match types {
        Value::Null => true,
        Value::Array(names) => names.iter().any(fits),
        name => fits(name),
    }
}

fn set<'name>(names: impl IntoIterator<Item = &'name str>) -> BTreeSet<&'name str> {
    names.into_iter().collect()
}

fn strings(list: &Value) -> BTreeSet<&str> {
    let list = list.as_array().unwrap().iter();
    list.map(|name| name.as_str().unwrap()).collect()
}

#[test]
fn every_frame_is_a_message_and_every_message_a_frame() {
    let api = Api::read();
    assert_eq!(api.0["asyncapi"], "3.0.0");
    assert_eq!(api.names("fromClient"), ClientFrame::TYPES);
    assert_eq!(api.names("toClient"), ServerFrame::TYPES);
    let channel = api.0["channels"]["socket"]["messages"].as_object().unwrap();
    let described = api.0["components"]["messages"].as_object().unwrap();
    assert!(
        channel.keys().eq(described.keys()),
        "all are in the channel"
    );
    assert_eq!(
        described.len(),
        ClientFrame::TYPES.len() + ServerFrame::TYPES.len()
    );
}

#[test]
fn every_golden_frame_fits_the_schema_of_its_message() {
    let api = Api::read();
    for (operation, folder) in [("fromClient", "client"), ("toClient", "server")] {
        let messages = api.messages(operation);
        for frame in golden(folder, "frame") {
            let message = messages.iter().find(|it| it["name"] == frame["type"]);
            let misfit = api.misfit(&message.unwrap()["payload"], &frame);
            assert_eq!(misfit, None);
        }
    }
}

#[test]
fn every_example_is_a_frame() {
    let api = Api::read();
    for (operation, is_client) in [("fromClient", true), ("toClient", false)] {
        for message in api.messages(operation) {
            let examples = message["examples"].as_array().unwrap();
            assert!(!examples.is_empty(), "{} has examples", message["name"]);
            for example in examples {
                let text = example["payload"].to_string();
                let encoded = if is_client {
                    let frame = ClientFrame::parse(&text, &ParseLimits::default()).unwrap();
                    frame.encode()
                } else {
                    ServerFrame::parse(&text).unwrap().encode()
                };
                let encoded: Value = serde_json::from_str(&encoded).unwrap();
                assert_eq!(encoded, example["payload"], "nothing of it is passed over");
                assert_eq!(encoded["type"], message["name"]);
            }
        }
    }
}

#[test]
fn the_schemas_name_every_code_and_kind() {
    let api = Api::read();
    let schemas = &api.0["components"]["schemas"];
    let codes = Code::ALL.iter().map(|code| code.as_str());
    assert_eq!(strings(&schemas["Code"]["enum"]), set(codes));
    let goodbyes = ByeCode::ALL.iter().map(|code| code.as_str());
    assert_eq!(strings(&schemas["ByeCode"]["enum"]), set(goodbyes));
    let kinds = schemas["Event"]["oneOf"].as_array().unwrap().iter();
    let kinds = kinds.map(|kind| &api.resolve(kind)["properties"]["kind"]["const"]);
    assert_eq!(
        kinds
            .map(|kind| kind.as_str().unwrap())
            .collect::<BTreeSet<_>>(),
        set(LogEntry::KINDS)
    );
}

#[test]
fn a_field_that_no_schema_has_is_found() {
    let api = Api::read();
    let frames = golden("server", "frame");
    for name in ["event", "ack", "welcome"] {
        let mut frame = frames.iter().find(|it| it["type"] == name).unwrap().clone();
        frame["a_field_of_later"] = Value::from(1);
        let messages = api.messages("toClient");
        let message = messages.iter().find(|it| it["name"] == name).unwrap();
        assert!(api.misfit(&message["payload"], &frame).is_some(), "{name}");
    }
}
