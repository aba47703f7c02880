//! The cloud's own description of itself, and its answers held against it.

use super::{Cloud, Response};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

const METHODS: [&str; 5] = ["GET", "PUT", "POST", "PATCH", "DELETE"];

/// What `GET /api/v1/openapi.json` says.
pub struct Described {
    pub document: Value,
    /// The operations of which an answer that succeeded was held against its schema.
    pub seen: BTreeSet<String>,
}

/// An operation of it.
pub struct Operation<'a> {
    pub method: &'static str,
    /// As it is described, with its parts in braces.
    pub path: &'a str,
    pub says: &'a Value,
}

impl Operation<'_> {
    pub fn id(&self) -> &str {
        self.says["operationId"].as_str().unwrap()
    }

    pub fn needs(&self) -> &str {
        self.says["x-needs"].as_str().unwrap()
    }

    /// A path that it answers, if there is a thing of that name or number.
    pub fn a_path(&self) -> String {
        let path = self.path.replace("{date}", "2026-07-01").replace("{name}", "north");
        let id = if path.contains("/devices/") { "m1" } else { "1" };
        path.replace("{id}", id)
    }
}

impl Described {
    pub async fn of(cloud: &Cloud) -> Self {
        Self { document: cloud.get_json("/api/v1/openapi.json").await, seen: BTreeSet::new() }
    }

    pub fn operations(&self) -> Vec<Operation<'_>> {
        let paths = self.document["paths"].as_object().unwrap().iter();
        let operations = |(path, item): (&'_ String, &'_ Value)| -> Vec<(&'static str, String)> {
            let methods = METHODS.into_iter().filter(|method| item.get(method.to_lowercase()).is_some());
            methods.map(|method| (method, path.clone())).collect()
        };
        let all: Vec<_> = paths.flat_map(operations).collect();
        let find = |(method, path): (&'static str, String)| {
            let (path, item) = self.document["paths"].as_object().unwrap().get_key_value(&path).unwrap();
            Operation { method, path, says: &item[method.to_lowercase()] }
        };
        all.into_iter().map(find).collect()
    }

    /// Checks that `said` is as the description of `method` on `path` has it, member by member.
    pub fn check(&mut self, method: &str, path: &str, said: &Response) {
        let asked = format!("{method} {path} -> {}", said.status);
        let id = {
            let operation = self.find(method, path);
            let responses = &operation.says["responses"];
            let response = responses.get(said.status.as_str());
            let response = response.or_else(|| (said.status.as_u16() >= 400).then(|| &responses["default"]));
            let response = response.unwrap_or_else(|| panic!("{asked} is not described"));
            let contents = response.get("content").and_then(Value::as_object);
            let essence = said.header("content-type").split(';').next().unwrap();
            match contents {
                None => assert!(said.body.is_empty(), "{asked} has a body: {}", said.text()),
                Some(contents) => {
                    let content = contents.get(essence);
                    let content = content
                        .unwrap_or_else(|| panic!("{asked}: {essence} is not described in {contents:?}"));
                    if essence.ends_with("json") {
                        self.validate(&asked, &content["schema"], &said.json());
                    }
                }
            }
            operation.id().to_owned()
        };
        if said.status.is_success() {
            self.seen.insert(id);
        }
    }

    fn find(&self, method: &str, path: &str) -> Operation<'_> {
        let path = path.split('?').next().unwrap();
        let fits = |pattern: &str| {
            let (pattern, path): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
            let alike = |(one, other): (&&str, &&str)| one.starts_with('{') || one == other;
            pattern.len() == path.len() && pattern.iter().zip(&path).all(alike)
        };
        let operations = self.operations().into_iter();
        let mut found: Vec<_> =
            operations.filter(|operation| operation.method == method && fits(operation.path)).collect();
        // As the router does: what is said in letters goes first.
        found.sort_by_key(|operation| operation.path.matches('{').count());
        assert!(!found.is_empty(), "{method} {path} is not described");
        found.remove(0)
    }

    /// Validates, with no member that the schema does not name.
    fn validate(&self, asked: &str, schema: &Value, answer: &Value) {
        let mut components = self.document["components"].clone();
        let flattened = flattened(&components);
        for (name, schema) in components["schemas"].as_object_mut().unwrap() {
            if !flattened.contains(name) {
                close(schema);
            }
        }
        let mut schema = schema.clone();
        schema["components"] = components;
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        let faults: Vec<_> = validator
            .iter_errors(answer)
            .map(|fault| format!("{}: {fault}", fault.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{asked}: {faults:#?} in {answer}");
    }
}

/// The schemas that others contain flat.
fn flattened(value: &Value) -> BTreeSet<String> {
    let below =
        |values: &mut dyn Iterator<Item = &Value>| values.flat_map(flattened).collect::<BTreeSet<_>>();
    match value {
        Value::Array(items) => below(&mut items.iter()),
        Value::Object(members) => {
            let parts = members.get("allOf").and_then(Value::as_array).into_iter().flatten();
            let names = parts.filter_map(|part| part.get("$ref")?.as_str()?.rsplit('/').next());
            let mut found: BTreeSet<String> = names.map(str::to_owned).collect();
            found.extend(below(&mut members.values()));
            found
        }
        _ => BTreeSet::new(),
    }
}

/// Forbids other members, of the whole and of what is in it.
fn close(schema: &mut Value) {
    let Value::Object(members) = schema else { return };
    let inner = ["properties", "items", "prefixItems", "oneOf"];
    for (key, value) in members.iter_mut().filter(|(key, _)| inner.contains(&key.as_str())) {
        match value {
            Value::Object(several) if key == "properties" => several.values_mut().for_each(close),
            Value::Array(several) => several.iter_mut().for_each(close),
            one => close(one),
        }
    }
    if members.contains_key("properties") || members.contains_key("allOf") {
        let members: &mut Map<String, Value> = members;
        members.insert("unevaluatedProperties".into(), json!(false));
    }
}
