//! The OpenAPI document as one page of HTML, which needs nothing from elsewhere.

use std::fmt::{self, Write};

use serde_json::Value;
use utoipa::openapi::OpenApi;

const STYLE: &str = "\
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}\
code,pre{font:14px/1.45 ui-monospace,monospace}h2{margin-top:3rem;border-bottom:1px solid}\
summary{cursor:pointer;padding:.3rem 0}summary b{display:inline-block;min-width:4.5rem}\
details>div{margin:0 0 1rem 1rem}table{border-collapse:collapse}td,th{text-align:left;vertical-align:top;\
padding:.15rem 1rem .15rem 0}";

/// Renders the page.
pub(super) fn render(document: &OpenApi) -> String {
    // As JSON, because references are followed by path.
    let document = serde_json::to_value(document).unwrap_or_default();
    let mut page = Page {
        html: String::new(),
        document: &document,
    };
    // Writing to a string does not fail.
    let _ = page.write();
    page.html
}

struct Page<'document> {
    html: String,
    document: &'document Value,
}

impl Page<'_> {
    fn write(&mut self) -> fmt::Result {
        let info = &self.document["info"];
        let title = escape(text(&info["title"]));
        write!(
            self.html,
            "<!doctype html><html lang=en><meta charset=utf-8>\
             <meta name=viewport content=\"width=device-width\">\
             <title>{title} API</title><style>{STYLE}</style>\
             <h1>{title} API {}</h1><p>{}</p>\
             <p>The same for programs: <a href=\"openapi.json\">openapi.json</a></p>",
            escape(text(&info["version"])),
            escape(text(&info["description"])),
        )?;
        for tag in list(&self.document["tags"]) {
            let name = text(&tag["name"]);
            let description = escape(text(&tag["description"]));
            write!(
                self.html,
                "<h2 id=\"{0}\">{0}</h2><p>{description}</p>",
                escape(name)
            )?;
            self.operations(name)?;
        }
        write!(self.html, "<h2 id=\"schemas\">schemas</h2>")?;
        for (name, schema) in fields(&self.document["components"]["schemas"]) {
            write!(
                self.html,
                "<details id=\"schema-{0}\"><summary><code>{0}</code> {1}</summary><div>",
                escape(name),
                escape(text(&schema["description"]))
            )?;
            self.schema(schema)?;
            self.html.push_str("</div></details>");
        }
        Ok(())
    }

    fn operations(&mut self, tag: &str) -> fmt::Result {
        for (path, item) in fields(&self.document["paths"]) {
            for (method, operation) in fields(item) {
                if !list(&operation["tags"]).iter().any(|it| text(it) == tag) {
                    continue;
                }
                write!(
                    self.html,
                    "<details><summary><b>{}</b> <code>{}</code> {}</summary><div><p>{}</p>",
                    method.to_uppercase(),
                    escape(path),
                    escape(text(&operation["summary"])),
                    escape(text(&operation["description"])),
                )?;
                self.operation(operation)?;
                self.html.push_str("</div></details>");
            }
        }
        Ok(())
    }

    fn operation(&mut self, operation: &Value) -> fmt::Result {
        let parameters = list(&operation["parameters"]);
        if !parameters.is_empty() {
            self.html.push_str("<table>");
            for parameter in parameters {
                write!(
                    self.html,
                    "<tr><td><code>{}</code></td><td>{} ({})</td><td>{}</td></tr>",
                    escape(text(&parameter["name"])),
                    kind(&parameter["schema"]),
                    escape(text(&parameter["in"])),
                    escape(text(&parameter["description"])),
                )?;
            }
            self.html.push_str("</table>");
        }
        let body = &operation["requestBody"]["content"]["application/json"]["schema"];
        if !body.is_null() {
            write!(self.html, "<p>Takes {}</p>", kind(body))?;
        }
        self.html.push_str("<table>");
        for (status, response) in fields(&operation["responses"]) {
            let schema = &response["content"]["application/json"]["schema"];
            write!(
                self.html,
                "<tr><td>{}</td><td>{}</td><td>{}</td></tr>",
                escape(status),
                if schema.is_null() {
                    String::new()
                } else {
                    kind(schema)
                },
                escape(text(&response["description"])),
            )?;
        }
        self.html.push_str("</table>");
        Ok(())
    }

    fn schema(&mut self, schema: &Value) -> fmt::Result {
        let properties = fields(&schema["properties"]);
        if properties.is_empty() {
            return write!(self.html, "<p>{}</p>", kind(schema));
        }
        let required = list(&schema["required"]);
        self.html.push_str("<table>");
        for (name, property) in properties {
            let optional = !required.iter().any(|it| text(it) == name);
            write!(
                self.html,
                "<tr><td><code>{}</code></td><td>{}{}</td><td>{}</td></tr>",
                escape(name),
                kind(property),
                if optional { ", optional" } else { "" },
                escape(text(&property["description"])),
            )?;
        }
        self.html.push_str("</table>");
        Ok(())
    }
}

/// What a schema says about a value, in a few words of HTML.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|it| it.rsplit('/').next()) {
        return format!("<a href=\"#schema-{0}\">{0}</a>", escape(name));
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
        let parts = list(&schema[choice]);
        if !parts.is_empty() {
            return parts.iter().map(kind).collect::<Vec<_>>().join(" or ");
        }
    }
    let names = list(&schema["enum"]);
    if !names.is_empty() {
        let names: Vec<_> = names.iter().map(|it| escape(text(it))).collect();
        return names.join(" · ");
    }
    match &schema["type"] {
        Value::String(name) if name == "array" => format!("list of {}", kind(&schema["items"])),
        Value::String(name) => escape(name),
        Value::Array(names) => {
            let names: Vec<_> = names.iter().map(|it| escape(text(it))).collect();
            names.join(" or ")
        }
        _ => "anything".to_owned(),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn fields(value: &Value) -> Vec<(&String, &Value)> {
    value.as_object().into_iter().flatten().collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
