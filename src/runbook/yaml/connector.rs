//! A connector's file.

use std::time::Duration;

use super::reader::{Fields, Reader};
use super::{Kind, Yaml, keys, load};
use crate::diagnostic::{Finding, Severity, Source};
use crate::runbook::codes;
use crate::runbook::connector::{
    Connector, ConnectorCall, ConnectorProof, ConnectorRead, Field, ReadBack, Until, ValuesAt,
};
use crate::runbook::op::Op;
use crate::runbook::template::{Expr, Path, PathPart};

/// How a put is read back where the connector does not say.
const READ_BACK: ReadBack = ReadBack { within: Duration::from_secs(30), every: Duration::from_secs(2), consecutive: 1 };

/// Fields of every holder, whatever its kind.
const OWN_FIELDS: &[&str] = &["name", "kind", "prove"];

/// Reads a connector. `name` is how the operator named the file.
///
/// # Errors
/// Everything that is wrong with its form, each with its place.
pub fn parse_connector(name: &str, text: &str) -> Result<Connector, Vec<Finding>> {
    let source = Source::new(name, text);
    let tree = load(&source).map_err(|finding| vec![finding])?;
    let mut reader = Reader::new(&source);
    let connector = reader.connector(&tree);
    let findings = reader.findings;
    match connector {
        Some(connector) if !findings.iter().any(|finding| finding.severity == Severity::Error) => {
            Ok(Connector { source, ..connector })
        }
        _ => Err(findings),
    }
}

/// True if `values` stands there, readable or not.
fn says_values(read: Option<&Yaml>) -> bool {
    matches!(read, Some(Yaml { kind: Kind::Map(entries), .. }) if entries.iter().any(|(key, _)| key.name == "values"))
}

/// True if what is put, or was there before, would be looked at.
fn names_a_value(expr: &Expr) -> bool {
    expr.paths().iter().any(|path| match path.root() {
        Some("values" | "value" | "was") => true,
        Some("held") => {
            !Path(vec![path.0[0].clone(), PathPart::Name("facts".into())]).covers(path)
                && !Path(vec![path.0[0].clone(), PathPart::Name("version".into())]).covers(path)
        }
        _ => false,
    })
}

impl Reader<'_> {
    fn connector(&mut self, tree: &Yaml) -> Option<Connector> {
        let fields = self.fields(tree, "a connector", keys::CONNECTOR)?;
        let kind = self.required_text(&fields, "connector", "a connector").unwrap_or_default();
        if let Some(yaml) = fields.get("connector") {
            self.name(&kind, yaml.span, "a holder kind", false);
        }
        let title = self.required_text(&fields, "title", "a connector").unwrap_or_default();
        let put = self.calls(&fields, "put");
        if put.is_empty() && fields.get("put").is_none() {
            self.missing(&fields, "put", "a connector");
        }
        let write_only = self.flag(&fields, "write_only");
        let read = fields.get("read").and_then(|yaml| self.connector_read(yaml));
        if !write_only && fields.get("read").is_none() {
            self.push(
                Finding::error(codes::MISSING, tree.span, "a holder that can't be read is `write_only`")
                    .hint("add `read`, or `write_only: true`"),
            );
        }
        if let (true, Some(values)) = (write_only, read.as_ref().and_then(|read| read.values.as_ref())) {
            let span = fields.key("write_only").unwrap_or(tree.span);
            let message = format!("it is `write_only`, yet its values can be read ({values:?})");
            self.push(Finding::error(codes::CONTRADICTION, span, message));
        }
        if let (false, Some(read), Some(span)) = (write_only, &read, fields.key("read"))
            && read.values.is_none()
            && !says_values(fields.get("read"))
        {
            let finding = Finding::error(codes::MISSING, span, "`read` does not say where the values are");
            self.push(finding.hint("add `values`, or `write_only: true`"));
        }
        Some(Connector {
            source: Source::default(),
            kind,
            title,
            fields: self.holder_fields(fields.get("fields")),
            affects: self.optional_text(&fields, "affects"),
            write_only,
            read,
            put,
            restart: self.calls(&fields, "restart"),
            prove: fields.get("prove").and_then(|yaml| self.proof(yaml)),
            read_back: fields.get("read_back").and_then(|yaml| self.read_back(yaml)).unwrap_or(READ_BACK),
        })
    }

    fn holder_fields(&mut self, yaml: Option<&Yaml>) -> Vec<Field> {
        let Some(entries) = yaml.and_then(|yaml| self.entries(yaml, "`fields`")) else { return Vec::new() };
        let mut out = Vec::new();
        for (key, value) in entries {
            self.name(&key.name, key.span, "a field", false);
            if OWN_FIELDS.contains(&key.name.as_str()) {
                let message = format!("every holder has `{}`", key.name);
                self.push(Finding::error(codes::NAME_TAKEN, key.span, message));
            }
            let (help, optional) = match &value.kind {
                Kind::Null => (None, false),
                _ => match self.fields(value, "a field", keys::FIELD) {
                    Some(fields) => (self.optional_text(&fields, "help"), self.flag(&fields, "optional")),
                    None => (None, false),
                },
            };
            out.push(Field { name: key.name.clone(), help, optional });
        }
        out
    }

    fn calls(&mut self, fields: &Fields<'_>, name: &str) -> Vec<ConnectorCall> {
        let Some(yaml) = fields.get(name) else { return Vec::new() };
        self.list(yaml, &format!("`{name}`, calls")).iter().filter_map(|item| self.connector_call(item)).collect()
    }

    fn connector_call(&mut self, yaml: &Yaml) -> Option<ConnectorCall> {
        let fields = self.fields(yaml, "a call", keys::CALL)?;
        let Some(run) = fields.get("run") else {
            self.missing(&fields, "run", "a call");
            return None;
        };
        let run = self.action(run)?;
        if !matches!(run.op, Op::Http | Op::Command) {
            let message = format!("a connector speaks http or command, not {}", run.op.info().name);
            self.push(Finding::error(codes::CONTRADICTION, run.span, message));
            return None;
        }
        for (name, code, place) in [
            ("argv", codes::SECRET_IN_ARGV, "an argv, which every user of the machine can read"),
            ("path", codes::SECRET_IN_URL, "a URL, which servers and proxies write to their logs"),
            ("query", codes::SECRET_IN_URL, "a URL, which servers and proxies write to their logs"),
        ] {
            let templates = run.param(name).into_iter().flat_map(|node| node.templates());
            for template in templates.filter(|template| template.exprs().any(names_a_value)) {
                let finding = Finding::error(code, template.span, format!("a secret in {place}"));
                self.push(finding.hint("hand it over in a body, a header, or on stdin"));
            }
        }
        let until = fields.get("until").and_then(|yaml| {
            let fields = self.fields(yaml, "`until`", keys::UNTIL)?;
            let condition = self.required_template(&fields, "condition", "`until`");
            let every = self.required_duration(&fields, "every", "`until`");
            let within = self.required_duration(&fields, "within", "`until`");
            Some(Until { condition: condition?, every: every?, within: within? })
        });
        Some(ConnectorCall { run, for_each_value: self.flag(&fields, "for_each_value"), until })
    }

    fn connector_read(&mut self, yaml: &Yaml) -> Option<ConnectorRead> {
        let fields = self.fields(yaml, "`read`", keys::READ)?;
        let calls = self.calls(&fields, "calls");
        if fields.get("calls").is_none() {
            self.missing(&fields, "calls", "`read`");
        }
        let values = fields.get("values").and_then(|yaml| self.values_at(yaml));
        let version = self.optional_template(&fields, "version");
        let mut facts = Vec::new();
        if let Some(entries) = fields.get("facts").and_then(|yaml| self.entries(yaml, "`facts`")) {
            for (key, value) in entries {
                facts.extend(self.template(value).map(|template| (key.name.clone(), template)));
            }
        }
        Some(ConnectorRead { calls, values, version, facts })
    }

    fn values_at(&mut self, yaml: &Yaml) -> Option<ValuesAt> {
        let fields = self.fields(yaml, "`values`", keys::VALUES)?;
        let shapes: Vec<&str> = ["map", "list", "lines"].into_iter().filter(|shape| fields.has(shape)).collect();
        let [shape] = shapes.as_slice() else {
            let message = "`values` is a `map`, a `list` or `lines`";
            self.push(Finding::error(codes::CONTRADICTION, yaml.span, message));
            return None;
        };
        let path = fields.get(shape).and_then(|yaml| self.path(yaml));
        let (name, value) = (self.optional_text(&fields, "name"), self.optional_text(&fields, "value"));
        if *shape != "list" && (name.is_some() || value.is_some()) {
            let message = "`name` and `value` are members of a `list`'s elements";
            self.push(Finding::error(codes::CONTRADICTION, yaml.span, message));
        }
        Some(match *shape {
            "map" => ValuesAt::Map(path?),
            "lines" => ValuesAt::Lines(path?),
            _ => ValuesAt::List {
                list: path?,
                name: name.unwrap_or_else(|| "name".into()),
                value: value.unwrap_or_else(|| "value".into()),
            },
        })
    }

    fn proof(&mut self, yaml: &Yaml) -> Option<ConnectorProof> {
        let fields = self.fields(yaml, "`prove`", keys::PROVE)?;
        let calls = self.calls(&fields, "calls");
        if fields.get("calls").is_none() {
            self.missing(&fields, "calls", "`prove`");
        }
        let works = self.required_template(&fields, "works", "`prove`");
        let mut denied_in: Vec<Path> = Vec::new();
        let mut denied_codes = Vec::new();
        if let Some(fields) = fields.get("denied").and_then(|yaml| self.fields(yaml, "`denied`", &["in", "codes"])) {
            for name in ["in", "codes"] {
                if fields.get(name).is_none() {
                    self.missing(&fields, name, "`denied`");
                }
            }
            if let Some(yaml) = fields.get("in") {
                denied_in = self.list(yaml, "paths").iter().filter_map(|item| self.path(item)).collect();
            }
            denied_codes = fields.get("codes").map(|yaml| self.texts(yaml, "codes")).unwrap_or_default();
        }
        let key_id = fields.get("key_id").and_then(|yaml| {
            let fields = self.fields(yaml, "`key_id`", &["in", "match"])?;
            for name in ["in", "match"] {
                if fields.get(name).is_none() {
                    self.missing(&fields, name, "`key_id`");
                }
            }
            let path = fields.get("in").and_then(|yaml| self.path(yaml))?;
            let at = fields.get("match")?;
            let pattern = self.text(at)?;
            if let Err(error) = regex::Regex::new(&pattern) {
                let reason = error.to_string().lines().last().unwrap_or("").trim().to_owned();
                let message = format!("not a regular expression: {reason}");
                self.push(Finding::error(codes::WRONG_VALUE, at.span, message));
                return None;
            }
            Some((path, pattern))
        });
        Some(ConnectorProof { calls, works: works?, denied_in, denied_codes, key_id })
    }

    fn read_back(&mut self, yaml: &Yaml) -> Option<ReadBack> {
        let fields = self.fields(yaml, "`read_back`", keys::READ_BACK)?;
        let within = self.optional_duration(&fields, "within").unwrap_or(READ_BACK.within);
        let every = self.optional_duration(&fields, "every").unwrap_or(READ_BACK.every);
        let consecutive = fields.get("consecutive").and_then(|yaml| self.number::<u32>(yaml)).unwrap_or(1);
        if consecutive == 0 || every.is_zero() {
            let message = "`consecutive` and `every` are at least 1";
            self.push(Finding::error(codes::WRONG_VALUE, yaml.span, message));
        }
        Some(ReadBack { within, every, consecutive })
    }
}
