use super::super::shipped;
use super::super::yaml::keys;
use super::*;
use crate::diagnostic::Source;
use crate::runbook::yaml::{Yaml, load};

const FILE: &str = "assets/runbook.schema.json";

fn schema() -> Value {
    serde_json::from_str(&runbook_schema()).unwrap()
}

#[test]
fn the_file_is_current() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if std::env::var_os("KEYWARD_BLESS").is_some() {
        std::fs::write(&path, runbook_schema()).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == runbook_schema(), "{FILE} is out of date: run the tests with KEYWARD_BLESS=1");
}

fn properties<'a>(schema: &'a Value, name: &str) -> Vec<&'a str> {
    let at = if name.is_empty() { schema } else { &schema["$defs"][name] };
    assert_eq!(at["additionalProperties"], json!(false), "{name} is closed");
    let mut keys: Vec<&str> = at["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn it_has_the_keys_that_the_reader_takes() {
    let schema = schema();
    let expect: Vec<&str> = keys::EXPECT.iter().chain(keys::PREDICATES).copied().collect();
    for (name, known) in [
        ("", keys::RUNBOOK),
        ("SopFile", keys::SOP),
        ("InputFile", keys::INPUT),
        ("CredentialFile", keys::CREDENTIAL),
        ("StepFile", keys::STEP),
        ("ConfirmMap", keys::CONFIRM),
        ("ExpectFile", &expect),
        ("CaptureMap", keys::CAPTURE),
        ("RollbackActFile", keys::ROLLBACK_ACT),
        ("RollbackNoteFile", keys::ROLLBACK),
        ("AuditFile", keys::AUDIT),
    ] {
        let mut known = known.to_vec();
        known.sort_unstable();
        assert_eq!(properties(&schema, name), known, "{name}");
    }
    let gates = schema["$defs"]["GateFile"]["oneOf"].as_array().unwrap();
    assert_eq!(gates.len(), keys::GATES.len());
    for (gate, known) in keys::GATES {
        let shape = gates.iter().find_map(|shape| shape["properties"].get(*gate)).unwrap();
        let mut known = known.to_vec();
        known.sort_unstable();
        let mut keys: Vec<&str> = shape["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, known, "{gate}");
        assert_eq!(shape["additionalProperties"], json!(false), "{gate} is closed");
    }
}

/// As much of JSON Schema as ours uses; a keyword it does not know is a failure, not a pass.
fn fits(root: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let Some(map) = schema.as_object() else {
        return if schema == &json!(false) { Err("nothing is allowed here".into()) } else { Ok(()) };
    };
    let check = |ok: bool, what: &str| if ok { Ok(()) } else { Err(format!("{what}: {value}")) };
    let size = |n: &Value| n.as_u64().unwrap() as usize;
    for (keyword, argument) in map {
        match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" | "default" | "format" => {}
            "$ref" => {
                let name = argument.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                fits(root, &root["$defs"][name], value)?;
            }
            "type" => {
                let is = |kind: &Value| match kind.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "integer" => value.is_i64() || value.is_u64(),
                    "boolean" => value.is_boolean(),
                    "null" => value.is_null(),
                    other => panic!("type {other}"),
                };
                check(argument.as_array().map_or_else(|| is(argument), |kinds| kinds.iter().any(is)), "type")?;
            }
            "properties" => {
                for (key, value) in value.as_object().into_iter().flatten() {
                    if let Some(schema) = argument.get(key) {
                        fits(root, schema, value).map_err(|error| format!("{key}: {error}"))?;
                    }
                }
            }
            "additionalProperties" => {
                for (key, value) in value.as_object().into_iter().flatten() {
                    if map.get("properties").is_none_or(|known| known.get(key).is_none()) {
                        fits(root, argument, value).map_err(|error| format!("{key}: {error}"))?;
                    }
                }
            }
            "required" => {
                for key in argument.as_array().unwrap() {
                    check(value.get(key.as_str().unwrap()).is_some() || !value.is_object(), "required")?;
                }
            }
            "items" => {
                for item in value.as_array().into_iter().flatten() {
                    fits(root, argument, item)?;
                }
            }
            "minItems" => check(value.as_array().is_none_or(|list| list.len() >= size(argument)), keyword)?,
            "minProperties" => check(value.as_object().is_none_or(|map| map.len() >= size(argument)), keyword)?,
            "maxProperties" => check(value.as_object().is_none_or(|map| map.len() <= size(argument)), keyword)?,
            "minimum" => check(value.as_i64().is_none_or(|n| n >= argument.as_i64().unwrap()), keyword)?,
            "maximum" => check(value.as_i64().is_none_or(|n| n <= argument.as_i64().unwrap()), keyword)?,
            "pattern" => {
                let pattern = regex::Regex::new(argument.as_str().unwrap()).unwrap();
                check(value.as_str().is_none_or(|text| pattern.is_match(text)), keyword)?;
            }
            "enum" => check(argument.as_array().unwrap().contains(value), keyword)?,
            "const" => check(argument == value, keyword)?,
            "anyOf" => {
                let errors: Vec<String> =
                    argument.as_array().unwrap().iter().filter_map(|one| fits(root, one, value).err()).collect();
                check(errors.len() < argument.as_array().unwrap().len(), &errors.join(" / "))?;
            }
            "oneOf" => {
                let all: Vec<_> = argument.as_array().unwrap().iter().map(|one| fits(root, one, value)).collect();
                let errors: Vec<&String> = all.iter().filter_map(|one| one.as_ref().err()).collect();
                check(all.iter().filter(|one| one.is_ok()).count() == 1, &format!("oneOf {errors:?}"))?;
            }
            other => panic!("the schema uses {other}, which this test does not know"),
        }
    }
    Ok(())
}

fn value(text: &str) -> Value {
    let tree: Yaml = load(&Source::new("test", text)).unwrap();
    tree.to_value().unwrap()
}

#[test]
fn the_shipped_runbooks_fit_it() {
    let schema = schema();
    for (name, text) in shipped::shipped() {
        if let Err(error) = fits(&schema, &schema, &value(text)) {
            panic!("{name}: {error}");
        }
    }
}

#[test]
fn what_the_reader_refuses_does_not_fit() {
    let schema = schema();
    let good = "runbook: x\ntitle: t\nsteps:\n- {id: a, title: t, run: {iam.list_users: }, expect: [{path: users, at_least: 1}]}\n";
    assert_eq!(fits(&schema, &schema, &value(good)), Ok(()));
    for (from, to) in [
        ("title: t\nsteps", "titel: t\nsteps"),
        ("iam.list_users: ", "iam.list_user: "),
        ("iam.list_users: ", "iam.list_users: {user: x}"),
        ("iam.list_users: ", "iam.get_user: {}"),
        ("iam.list_users: ", "iam.list_users: , wait: {for: 3s}"),
        ("at_least: 1", "at_least: 1, count: 2"),
        ("at_least: 1", "within: 3s"),
        ("at_least: 1", "at_least: 1, within: 3 seconds"),
        ("at_least: 1", "atleast: 1"),
        ("id: a", "id: a b"),
        ("id: a,", "id: a, gate: [{passt: {step: a}}],"),
        ("id: a,", "id: a, gate: [{passed: {stepp: a}}],"),
        ("id: a,", "id: a, effect: write,"),
        ("id: a,", "id: a, rollback: none,"),
        ("run:", "runs:"),
    ] {
        let bad = good.replace(from, to);
        assert_ne!(bad, good);
        assert!(fits(&schema, &schema, &value(&bad)).is_err(), "{bad}");
    }
}
