use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::*;
use crate::secret::is_tainted;

fn scope() -> Scope {
    let values = json!({
        "user": "raxx-vault-operator",
        "n": 3,
        "on": true,
        "nothing": null,
        "keys": [{"id": "AKIAEXAMPLE00000OLD1"}, {"id": "AKIAEXAMPLE00000OLD2"}],
        "names": ["a", "b"],
        "pubkey": BASE64.encode([9u8; 32]),
        "new_key": {"id": "AKIAEXAMPLE000007Q4T", "secret": {"secret": "new_key.secret", "fp": "ab12"}},
        "unkept": {"fp": "cd34"},
        "joined": {"join": ["x", {"secret": "pw", "fp": "ee"}]},
        "result": {"headers": {"x-request-id": "r1"}, "body": {"runs": [{"status": "completed"}]}},
    });
    Scope { values: values.as_object().unwrap().clone() }
}

fn render(text: &str) -> Result<Value, TemplateError> {
    Template::parse(text, Span::default())?.render(&scope())
}

fn kind(text: &str) -> TemplateErrorKind {
    match render(text) {
        Ok(value) => panic!("{text} rendered to {value}"),
        Err(error) => error.kind,
    }
}

#[test]
fn a_lone_expression_keeps_its_type_and_mixed_text_is_text() {
    assert_eq!(render("{{ n }}"), Ok(json!(3)));
    assert_eq!(render("{{on}}"), Ok(json!(true)));
    assert_eq!(render("{{ nothing }}"), Ok(Value::Null));
    assert_eq!(render("{{ keys[1] }}"), Ok(json!({"id": "AKIAEXAMPLE00000OLD2"})));
    assert_eq!(render("n={{ n }}, {{ names }}"), Ok(json!("n=3, a, b")));
    assert_eq!(render("{{ keys[0].id | last4 }}"), Ok(json!("OLD1")));
    assert_eq!(render(""), Ok(json!("")));
    assert_eq!(render("{not a template} {"), Ok(json!("{not a template} {")));
    assert_eq!(render("{{ result.headers.x-request-id }}"), Ok(json!("r1")));
}

#[test]
fn wider_expressions_are_minijinjas() {
    assert_eq!(render("{{ result.body.runs[0].status == 'completed' }}"), Ok(json!(true)));
    assert_eq!(render("{{ 'a}}b' ~ n }}"), Ok(json!("a}}b3")));
    assert_eq!(render("{{ names | length }}"), Ok(json!(2)));
    assert_eq!(render("{{ {'a': {'b': n}} }}"), Ok(json!({"a": {"b": 3}})));
    assert_eq!(render("{{ (user ~ '!') | sh }}"), Ok(json!("'raxx-vault-operator!'")));
}

#[test]
fn what_is_not_there_is_an_error() {
    assert_eq!(kind("{{ nobody }}"), TemplateErrorKind::Undefined);
    assert_eq!(kind("{{ user.name }}"), TemplateErrorKind::Undefined);
    assert_eq!(kind("{{ keys[2] }}"), TemplateErrorKind::Undefined);
    assert_eq!(kind("{{ nobody == 1 }}"), TemplateErrorKind::Undefined);
    assert_eq!(kind("{{ result.nope }} text"), TemplateErrorKind::Undefined);
    assert_eq!(kind("null has no text: {{ nothing }}"), TemplateErrorKind::Undefined);
}

#[test]
fn what_cannot_be_read_says_so() {
    for text in ["{{ n", "{{ }}", "{{ 'open }}", "{% if n %}x{% endif %}", "{# no #}", "{{ n + }}", "{{ a b }}"] {
        assert_eq!(kind(text), TemplateErrorKind::Syntax, "{text}");
    }
    assert_eq!(kind("{{ user | regex('(') }}"), TemplateErrorKind::Filter);
    assert_eq!(kind("{{ user | regex }}"), TemplateErrorKind::Filter);
    assert_eq!(kind("{{ user | last4('x') }}"), TemplateErrorKind::Filter);
    assert_eq!(kind("{{ user | nosuch }}"), TemplateErrorKind::Filter);
    assert_eq!(kind("{{ keys | last4 }}"), TemplateErrorKind::Filter);
    assert_eq!(kind("{{ user | regex('zzz') }}"), TemplateErrorKind::Filter);
}

#[test]
fn a_costly_expression_is_stopped() {
    let sum = |terms: usize| format!("{{{{ {} }}}}", vec!["n"; terms].join("+"));
    assert_eq!(render(&sum(50)), Ok(json!(150)));
    assert_eq!(kind(&sum(900)), TemplateErrorKind::Evaluation, "out of fuel");
    assert_eq!(kind(&sum(200_000)), TemplateErrorKind::Syntax, "too long to be parsed");
    assert_eq!(kind(&format!("{{{{ {}n{} }}}}", "(".repeat(900), ")".repeat(900))), TemplateErrorKind::Syntax);
    assert_eq!(kind("{{ 'aaaaaaaa' * 9999999999 }}"), TemplateErrorKind::Evaluation);
}

#[test]
fn a_secret_stays_a_reference_with_its_filters() {
    assert_eq!(render("{{ new_key.secret }}"), Ok(json!({"secret": "new_key.secret", "fp": "ab12"})));
    assert_eq!(
        render("{{ new_key.secret | ses_smtp_password('eu-west-1') | sh }}"),
        Ok(json!({"secret": "new_key.secret", "fp": "ab12", "filters": ["ses_smtp_password(\"eu-west-1\")", "sh"]}))
    );
    let sealed = render("{{ new_key.secret | sealed_box(pubkey) }}").unwrap();
    assert_eq!(sealed["filters"][0], format!("sealed_box(\"{}\")", BASE64.encode([9u8; 32])));
    assert_eq!(
        render("KEY={{ new_key.secret | sh }}\nID={{ new_key.id }}"),
        Ok(json!({"join": [
            "KEY=", {"secret": "new_key.secret", "fp": "ab12", "filters": ["sh"]}, "\nID=AKIAEXAMPLE000007Q4T"
        ]}))
    );
    assert_eq!(render("{{ joined }}"), Ok(json!({"join": ["x", {"secret": "pw", "fp": "ee"}]})));
    assert_eq!(render("a{{ joined }}"), Ok(json!({"join": ["ax", {"secret": "pw", "fp": "ee"}]})));
    assert!(is_tainted(&render("{{ new_key }}").unwrap()));
}

#[test]
fn a_secret_anywhere_else_is_refused() {
    for text in [
        "{{ new_key.secret ~ 'x' }}",
        "{{ new_key.secret == 'x' }}",
        "{{ new_key.secret.fp ~ '' }}",
        "{{ new_key.secret.fp }}",
        "{{ new_key.secret[0:4] }}",
        "{{ (new_key.secret)[0:4] }}",
        "{{ (new_key.secret ~ 'x')[:4] | upper }}",
        "{{ [new_key.secret][0] }}",
        "{{ {'a': new_key.secret}.a }}",
        "{{ new_key['secret'] }}",
        "{{ new_key[keys[0].id] }}",
        "{{ [1, 2] | join(new_key.secret) }}",
        "{{ 1 if new_key.secret is defined else 2 }}",
        "{{ new_key | json }}",
        "{{ new_key | length }}",
        "{{ new_key.secret | upper }}",
        "{{ 'x' if new_key.secret else 'y' }}",
        "{{ user | regex(new_key.secret) }}",
        "{{ unkept | sh }}",
        "mixed {{ unkept }}",
        "mixed {{ new_key }}",
        "{{ joined | sh }}",
    ] {
        assert_eq!(kind(text), TemplateErrorKind::Tainted, "{text}");
    }
    // The path into the reference itself is not a way round.
    let peek = Template::parse("{{ new_key['secret'] }}", Span::default()).unwrap().render(&scope());
    assert!(peek.is_err(), "{peek:?}");
    let template = Template::parse("secret is {{ new_key.secret }}", Span::default()).unwrap();
    assert_eq!(template.text(&scope()).unwrap_err().kind, TemplateErrorKind::Tainted);
}

#[test]
fn an_unkept_secret_can_be_compared_but_not_used() {
    assert_eq!(render("{{ unkept }}"), Ok(json!({"fp": "cd34"})));
}

#[test]
fn filters_on_real_values() {
    assert_eq!(apply_filter("sh", "it's"), Ok(r"'it'\''s'".into()));
    assert_eq!(apply_filter("json", "a\"b\n"), Ok(r#""a\"b\n""#.into()));
    assert_eq!(apply_filter("last4", "äöüß"), Ok("äöüß".into()));
    assert_eq!(apply_filter(r"regex('id=(\w+)')", "x id=AKIA9 y"), Ok("AKIA9".into()));
    assert_eq!(apply_filter(r#"regex("id=\\w+")"#, "x id=AKIA9 y"), Ok("id=AKIA9".into()));
    assert_eq!(apply_filter("seconds", "4m"), Ok("240".into()));
    assert!(apply_filter("sh", "a\0b").is_err());
    assert!(apply_filter("upper", "x").is_err());
    assert!(apply_filter("sealed_box(pubkey)", "x").is_err(), "an argument must have been resolved");
    let error = apply_filter("regex('zzz')", "hunter2").unwrap_err();
    assert!(!error.to_string().contains("hunter2"));
}

#[test]
fn the_ses_password_has_amazons_form() {
    // Made with the script that the SES developer guide prints, for its example secret access key.
    let password = apply_filter("ses_smtp_password('us-east-1')", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY").unwrap();
    let bytes = BASE64.decode(&password).unwrap();
    assert_eq!((bytes.len(), bytes[0]), (33, 4));
    assert_eq!(password, SES_US_EAST_1);
    let other = apply_filter("ses_smtp_password('eu-west-1')", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY").unwrap();
    assert_ne!(password, other, "the region counts");
}

const SES_US_EAST_1: &str = "BLBM/9hSUELfq8Gw+rU1YcBjkOxGbhT2XG763xVLGWL9";

#[test]
fn a_sealed_box_opens_for_the_recipient_only() {
    let recipient = crypto_box::SecretKey::from([5u8; 32]);
    let key = BASE64.encode(recipient.public_key().as_bytes());
    let filter = format!("sealed_box(\"{key}\")");
    let sealed = apply_filter(&filter, "hunter2").unwrap();
    assert_ne!(sealed, apply_filter(&filter, "hunter2").unwrap(), "a secret is sealed anew each time");
    assert_eq!(recipient.unseal(&BASE64.decode(&sealed).unwrap()).unwrap(), b"hunter2");
    assert!(crypto_box::SecretKey::from([6u8; 32]).unseal(&BASE64.decode(&sealed).unwrap()).is_err());
    assert!(apply_filter("sealed_box(\"short\")", "x").is_err());

    // A public value renders to the same box each time, or verifying a transcript could not render it again.
    let scope = scope().with("box_key", json!(key));
    let template = Template::parse("{{ new_key.id | sealed_box(box_key) }}", Span::default()).unwrap();
    let once = template.render(&scope).unwrap();
    assert_eq!(once, template.render(&scope).unwrap());
    let opened = recipient.unseal(&BASE64.decode(once.as_str().unwrap()).unwrap()).unwrap();
    assert_eq!(opened, b"AKIAEXAMPLE000007Q4T");
}

#[test]
fn paths() {
    let value = json!({"a": [{"b-c": 1}], "d": null});
    assert_eq!(Path::parse("a[0].b-c").unwrap().get(&value), Some(&json!(1)));
    assert_eq!(Path::parse(".").unwrap().get(&value), Some(&value));
    assert_eq!(Path::parse("a[7]").unwrap().get(&value), None);
    assert_eq!(Path::parse("a.b").unwrap().get(&value), None);
    for text in ["", "a.", ".a", "a[", "a[x]", "a[1", "a b", "1a", "a[99999999999999999999999]", "a..b"] {
        assert!(Path::parse(text).is_err(), "{text}");
    }
    for text in [".", "a", "a.b[0].c"] {
        assert_eq!(Path::parse(text).unwrap().to_string(), text);
    }
}

#[test]
fn roots_name_everything_that_is_looked_at() {
    let roots = |text: &str| {
        Template::parse(text, Span::default()).unwrap().roots().map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(roots("{{ a.b | regex(c.d) }} {{ e.f == g }}"), "a c e g");
    assert_eq!(roots("{{ a[1:n] | map(attribute='b.c') | min }}"), "a n");
    assert_eq!(roots("{{ (a ~ 'not b')[0:2] }}"), "a");
    assert_eq!(roots("{{ a is not defined and b is defined or not c }}"), "a b c");
    let looks_at = Template::parse("{{ a[0]['b'].c > d[n].e }}", Span::default()).unwrap();
    let paths: Vec<String> = looks_at.exprs().flat_map(Expr::paths).map(|path| path.to_string()).collect();
    assert_eq!(paths, ["a[0].b.c", "d", "n"]);
    assert_eq!(roots("{{ range(a) | list | length }}"), "a");
    assert_eq!(roots("{{ a == 1.5e3 and 'it\\'s b' != c[\"d\"] }}"), "a c");
}

#[test]
fn nodes_render_inside_out() {
    let node = Node::Map(vec![
        ("id".into(), Node::Template(Template::parse("{{ new_key.id }}", Span::default()).unwrap())),
        ("list".into(), Node::List(vec![Node::Literal(json!(1))])),
    ]);
    assert_eq!(node.render(&scope()), Ok(json!({"id": "AKIAEXAMPLE000007Q4T", "list": [1]})));
    assert_eq!(node.templates().count(), 1);
}

#[test]
fn what_connectors_use() {
    let scope = Scope::default()
        .with("holder", json!({"name": "x"}))
        .with("results", json!([{"body": 1}, {"body": {"updated_at": "2026-02"}}, {"body": {"updated_at": "2026-01"}}]))
        .with("result", json!({"body": {"runs": [{"id": 2, "status": "b"}, {"id": 10, "status": "a"}]}}));
    let render = |text: &str| Template::parse(text, Span::default()).unwrap().render(&scope);
    assert_eq!(render("{{ holder.ref | default('main') }}"), Ok(json!("main")));
    assert_eq!(render("{{ results[1:] | map(attribute='body.updated_at') | min }}"), Ok(json!("2026-01")));
    assert_eq!(render("{{ (result.body.runs | sort(attribute='id') | last).status == 'a' }}"), Ok(json!(true)));
    assert_eq!(render("{{ holder.ref is defined }}"), Ok(json!(false)));
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    /// Text made of what templates are made of.
    fn source() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("{{ ".to_owned()),
            Just(" }}".to_owned()),
            Just("new_key.secret".to_owned()),
            Just("new_key".to_owned()),
            Just("keys[0].id".to_owned()),
            Just("n".to_owned()),
            Just(" | ".to_owned()),
            Just("last4".to_owned()),
            Just("regex('(.)')".to_owned()),
            Just(" ~ ".to_owned()),
            Just("[0:2]".to_owned()),
            Just("'".to_owned()),
            Just(" == ".to_owned()),
            Just(" if ".to_owned()),
            Just(" else ".to_owned()),
            "[ -~äß{}]{0,4}",
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    /// Every text in a value, but for what stands for a secret.
    fn plain(value: &Value) -> String {
        match value {
            Value::Object(map) if map.contains_key("fp") => String::new(),
            Value::Object(map) => map.values().map(plain).collect(),
            Value::Array(list) => list.iter().map(plain).collect(),
            other => other.to_string(),
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_no_secret_becomes_plain(text in source()) {
            // `ab12` is the fingerprint: if it shows up outside of a reference, an expression looked inside one.
            let outside = !text.contains("ab12");
            if let Ok(template) = Template::parse(&text, Span::default()) {
                if let Ok(value) = template.render(&scope()) {
                    prop_assert!(!plain(&value).contains("ab12") || !outside, "{text} gave {value}");
                }
                if let Ok(shown) = template.text(&scope()) {
                    prop_assert!(!shown.contains("ab12") || !outside, "{text} showed {shown}");
                }
            }
            let _ = Path::parse(&text);
            let _ = apply_filter(&text, "value");
        }
    }
}
