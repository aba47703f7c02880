//! What all routes have in common, added to the document from where it is decided.

use super::super::access::needs;
use axum::http::Method;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Adds who may, the problems that any route of its kind answers, and which members are always there.
pub(super) fn finish(document: &mut Value) {
    let mut sent = BTreeSet::new();
    if let Some(Value::Object(paths)) = document.get_mut("paths") {
        for (path, item) in paths {
            let Value::Object(operations) = item else { continue };
            for (verb, operation) in operations {
                let (Ok(method), Value::Object(operation)) =
                    (verb.to_ascii_uppercase().parse::<Method>(), operation)
                else {
                    continue;
                };
                access(&method, path, operation);
                problems(path, operation);
                references(operation.get("requestBody").unwrap_or(&Value::Null), &mut sent);
            }
        }
    }
    let Some(Value::Object(schemas)) = document.pointer_mut("/components/schemas") else { return };
    let sent = with_parts(sent, schemas);
    for (_, schema) in schemas.iter_mut().filter(|(name, _)| !sent.contains(*name)) {
        require_all(schema);
    }
}

/// Who may, as it is decided when a request comes.
fn access(method: &Method, path: &str, operation: &mut Map<String, Value>) {
    let need = needs::needed(method, path);
    operation.insert("x-needs".into(), need.map_or("nothing", |need| need.name()).into());
    let Some(need) = need else {
        operation.insert("security".into(), json!([]));
        return;
    };
    let cookie =
        if needs::is_safe(method) { json!({"cookie": []}) } else { json!({"cookie": [], "csrf": []}) };
    operation.insert("security".into(), json!([cookie, {"token": []}]));
    let mut text = operation.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
    if !text.is_empty() {
        text.push_str("\n\n");
    }
    text.push_str(&format!("For {}.", need.who()));
    operation.insert("description".into(), text.into());
}

/// The problems that follow from what a route takes; what it says itself stays.
fn problems(path: &str, operation: &mut Map<String, Value>) {
    let mut common = Vec::new();
    if operation.get("x-needs").is_some_and(|need| need != "nothing") {
        common.push(("401", "Nobody knows who has sent this"));
        common.push(("403", "Whoever has sent this may not"));
    }
    if path.starts_with("/api/") {
        common.push(("400", "This cannot be understood"));
        common.push(("503", "Not at the moment; the header Retry-After says when to try again"));
        common.push(("default", "Something else is wrong"));
    }
    if path.contains('{') {
        common.push(("404", "There is no such thing"));
    }
    if operation.contains_key("requestBody") {
        common.push(("408", "The body did not come whole in time"));
        common.push(("413", "The body is too long"));
        common.push(("415", "This form is not taken"));
    }
    let Some(Value::Object(responses)) = operation.get_mut("responses") else { return };
    for (status, description) in common {
        let schema = json!({"$ref": "#/components/schemas/Problem"});
        let content = json!({"application/problem+json": {"schema": schema}});
        let problem = json!({"description": description, "content": content});
        responses.entry(status).or_insert(problem);
    }
}

/// Names of the schemas that `value` refers to.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            let name = members.get("$ref").and_then(Value::as_str);
            found.extend(name.and_then(|name| Some(name.rsplit_once('/')?.1.to_owned())));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// Those schemas, and all that they are made of.
fn with_parts(mut names: BTreeSet<String>, schemas: &Map<String, Value>) -> BTreeSet<String> {
    loop {
        let mut more = names.clone();
        names.iter().filter_map(|name| schemas.get(name)).for_each(|schema| references(schema, &mut more));
        if more.len() == names.len() {
            return names;
        }
        names = more;
    }
}

/// What the cloud answers has all of its members: one of which nothing is known is there, and null. Only what senders send
/// may leave those out.
fn require_all(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Object(properties)) = members.get("properties") {
                let nullable: Vec<_> = properties
                    .iter()
                    .filter(|(_, one)| is_nullable(one))
                    .map(|(name, _)| name.clone())
                    .collect();
                let required = members.entry("required").or_insert_with(|| json!([]));
                if let Value::Array(required) = required {
                    required.extend(nullable.into_iter().map(Value::from));
                }
            }
            members.values_mut().for_each(require_all);
        }
        Value::Array(items) => items.iter_mut().for_each(require_all),
        _ => {}
    }
}

fn is_nullable(schema: &Value) -> bool {
    let is_null = |one: &Value| one == "null" || one.get("type").is_some_and(|kind| kind == "null");
    let any = |key: &str| {
        schema.get(key).and_then(Value::as_array).is_some_and(|several| several.iter().any(is_null))
    };
    any("type") || any("oneOf") || any("anyOf")
}
