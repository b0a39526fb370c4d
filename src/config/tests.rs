use serde_json::json;

use super::*;
use crate::diagnostic::render;
use crate::runbook::shipped::{connectors, shipped};
use crate::runbook::yaml::parse as parse_runbook;

const ALICE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
const BOB: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBRw5J1yPQlJCsZJxS5cmJWlDCPYlKkBv1PfCYoiGQHx";

fn full() -> String {
    format!(
        r#"environments:
  prod:
    kind: account
    account: 111122223333
    region: eu-central-1
    profile: oncall
    colour: red
    inputs: {{bucket: raxx-backups}}
  test:
    kind: account
    account: 000000000042
    region: eu-central-1
    read_only: true
  local:
    kind: rehearsal
    endpoints: {{iam: "http://127.0.0.1:5000", sts: "http://[::1]:5000/"}}
    systems: {{heroku: {{url: "http://localhost:5001"}}}}
systems:
  heroku: {{url: "https://api.heroku.com/", token: {{env: HEROKU_API_KEY}}}}
  github: {{url: "https://api.github.com", token: {{command: [gh, auth, token]}}}}
consumers:
  raxx-vault-operator:
    elevated: true
    store: {{name: infisical prod, kind: infisical, project: p1, environment: prod}}
    consumers:
      - {{name: raxx-api-prod, kind: heroku, app: raxx-api-prod}}
  with.dots:
    consumers: []
roster:
  - {{person: Alice, principals: [alice@example.com], keys: ["{ALICE} a comment"], roles: [ops], arns: ["arn:aws:sts::111122223333:assumed-role/oncall/*"]}}
  - {{person: Bob, principals: [bob@example.com, bob-2], keys: ["{BOB}"], roles: [ops, superadmin]}}
signing_key: ~/.ssh/id_ed25519
seal_to: [age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq]
store: ~/.local/state/keyward
policy: {{max_age: 60d, cosigners: [bob-2]}}
notify: [{{command: [notify-send, keyward], on: [gate_open, wrong]}}]
drill:
  users: [{{name: raxx-ci, keys: [{{age: 10d, last_used: 2h}}, {{status: Inactive, age: 400d, last_used: never}}]}}]
"#
    )
}

fn good(text: &str) -> Config {
    Config::parse("/etc/x/keyward.yaml", text)
        .unwrap_or_else(|findings| panic!("{}", render(&Source::new("keyward.yaml", text), &findings, false)))
}

#[track_caller]
fn one(from: &str, to: &str, code: &str, says: &str) {
    let full = full();
    let text = full.replacen(from, to, 1);
    assert_ne!(text, full, "{from}");
    let findings = Config::parse("keyward.yaml", &text).expect_err(to);
    let all: Vec<String> = findings.iter().map(|f| format!("{} {} {:?}", f.code, f.message, f.hint)).collect();
    assert_eq!(findings.len(), 1, "{all:?}");
    assert!(all[0].starts_with(code) && all[0].contains(says), "{all:?}");
}

#[test]
fn everything_that_can_be_said() {
    let config = good(&full());
    let prod = config.environment("prod").unwrap();
    assert_eq!((prod.kind, prod.account.as_str()), (EnvironmentKind::Account, "111122223333"));
    assert_eq!(config.environment("test").unwrap().account, "000000000042", "leading zeros stay");
    assert!(config.environment("test").unwrap().read_only);
    assert_eq!(config.environment("local").unwrap().endpoints["sts"], "http://[::1]:5000");
    assert_eq!(config.system("prod", "heroku").unwrap().url, "https://api.heroku.com");
    assert_eq!(config.system("local", "heroku").unwrap().url, "http://localhost:5001");
    assert_eq!(
        config.system("prod", "github").unwrap().token,
        Some(TokenSource::Command(vec!["gh".into(), "auth".into(), "token".into()]))
    );
    assert!(config.system("prod", "stripe").is_none());
    assert!(config.consumers["raxx-vault-operator"].elevated);
    assert_eq!(config.person("bob-2").unwrap().person, "Bob");
    assert_eq!(config.roster[0].keys, [ALICE], "without its comment");
    assert_eq!(config.policy.max_age, Duration::from_secs(60 * 86_400));
    assert_eq!(
        config.drill.users[0].keys[1],
        DrillKey { active: false, age: Duration::from_secs(400 * 86_400), last_used: None }
    );
    assert_eq!(config.roster_json()[1]["roles"], json!(["ops", "superadmin"]));
}

#[test]
fn no_file_is_enough_for_a_drill_and_an_empty_one_is_a_config() {
    let config = Config::default_for_drill();
    assert_eq!(config.environment("sandbox").unwrap().kind, EnvironmentKind::Sandbox);
    assert_eq!(config.drill.users[0].name, "raxx-vault-operator");
    assert!(good("").environments.is_empty());
    assert!(good("# nothing yet\n").environments.is_empty());
    let missing = Config::load(Path::new("/nowhere/keyward.yaml")).unwrap_err();
    assert!(missing[0].message.contains("/nowhere/keyward.yaml"));
}

#[test]
fn the_example_can_be_read_and_serves_the_shipped_runbook() {
    let text = include_str!("../../assets/keyward.example.yaml");
    let config = good(text);
    let runbook = parse_runbook("x", shipped()[0].1).unwrap();
    let sets = [("target_user".to_owned(), "raxx-vault-operator".to_owned())];
    let found = resolve_inputs(&runbook, &config, "prod", EnvironmentKind::Account, &sets, &connectors());
    assert!(found.is_ok(), "{found:?}");
}

#[test]
fn a_drill_fills_in_only_what_a_file_leaves_out() {
    let config = good(&full()).for_drill();
    assert_eq!(config.environment("sandbox").unwrap().kind, EnvironmentKind::Sandbox);
    assert_eq!(config.environment("prod").unwrap().kind, EnvironmentKind::Account);
    assert_eq!(config.drill.users[0].name, "raxx-ci");
}

#[test]
fn a_real_account_cannot_be_pointed_elsewhere() {
    one(
        "    profile: oncall",
        "    endpoints: {iam: \"http://127.0.0.1:1\"}",
        codes::SETTING_REFUSED,
        "can't be fooled",
    );
    one(
        "iam: \"http://127.0.0.1:5000\"",
        "iam: \"https://iam.amazonaws.com\"",
        codes::SETTING_REFUSED,
        "nothing but this machine",
    );
    one(
        "iam: \"http://127.0.0.1:5000\"",
        "iam: \"http://127.0.0.1.evil.example:5000\"",
        codes::SETTING_REFUSED,
        "nothing but this machine",
    );
    one(
        "iam: \"http://127.0.0.1:5000\"",
        "iam: \"http://127.0.0.1@evil.example\"",
        codes::WRONG_VALUE,
        "credentials in it",
    );
    one("iam: \"http", "imm: \"http", codes::UNKNOWN_NAME, "`iam`");
    one("    account: 111122223333\n", "", codes::MISSING, "`account`");
    one("account: 111122223333", "account: 1111222233", codes::WRONG_VALUE, "12 digits");
    one("    region: eu-central-1\n", "", codes::MISSING, "`region`");
    one("kind: rehearsal", "kind: rehersal", codes::UNKNOWN_NAME, "`rehearsal`");
}

#[test]
fn tokens_and_keys_never_stand_in_the_file() {
    one("token: {env: HEROKU_API_KEY}", "token: abcdef", codes::WRONG_VALUE, "never stands");
    one("https://api.github.com", "https://user:hunter2@api.github.com", codes::WRONG_VALUE, "credentials in it");
    let text = full().replace("https://api.github.com", "https://user:hunter2@api.github.com");
    assert!(!format!("{:?}", Config::parse("k", &text).unwrap_err()).contains("hunter2"));
    one("https://api.github.com", "http://api.github.com", codes::SETTING_REFUSED, "in clear");
    one("token: {env: HEROKU_API_KEY}", "token: {env: A, command: [b]}", codes::CONTRADICTION, "`env` or");
    one("token: {command: [gh, auth, token]}", "token: {command: []}", codes::MISSING, "a program");
    one(
        &format!("\"{ALICE} a comment\""),
        "\"-----BEGIN OPENSSH PRIVATE KEY-----\"",
        codes::WRONG_VALUE,
        "private key",
    );
}

#[test]
fn people_can_be_told_apart() {
    one(BOB, &format!("{ALICE} another comment"), codes::NAME_TAKEN, "another person");
    one("[bob@example.com, bob-2]", "[alice@example.com, bob-2]", codes::NAME_TAKEN, "two people");
    one("[alice@example.com]", "[\"*@example.com\"]", codes::WRONG_VALUE, "can't be a principal");
    one("[alice@example.com]", "[-alice]", codes::WRONG_VALUE, "can't be a principal");
    one("principals: [alice@example.com], ", "", codes::MISSING, "`principals`");
    one(BOB, "ssh-ed25519 AAAA", codes::WRONG_VALUE, "not a public SSH key");
    one("cosigners: [bob-2]", "cosigners: [bob-3]", codes::UNKNOWN_NAME, "`bob-2`");
}

#[test]
fn the_rest_is_typed_too() {
    one("systems:\n  heroku", "system:\n  heroku", codes::UNKNOWN_KEY, "`systems`");
    one("colour: red", "colour: rosso", codes::UNKNOWN_NAME, "colour");
    one("on: [gate_open, wrong]", "on: [gate_opened]", codes::UNKNOWN_NAME, "`gate_open`");
    one("max_age: 60d", "max_age: 60", codes::WRONG_VALUE, "not a duration");
    one("    consumers: []\n", "    elevated: false\n", codes::MISSING, "`consumers`");
    one(
        "- {name: raxx-api-prod, kind: heroku,",
        "- {nam: raxx-api-prod, kind: heroku,",
        codes::WRONG_VALUE,
        "a holder is a map",
    );
    one("{age: 10d, last_used: 2h}, ", "{age: 10d}, {age: 11d}, ", codes::WRONG_VALUE, "two keys");
    one("read_only: true", "read_only: yes", codes::WRONG_VALUE, "true or false");
}

#[test]
fn loopback_is_an_address_not_a_prefix() {
    for url in ["http://127.0.0.1:1/x", "http://localhost", "https://[::1]:9", "http://127.9.9.9"] {
        assert!(read::is_loopback(url), "{url}");
    }
    for url in [
        "http://127.0.0.1.nip.io",
        "http://localhost.evil",
        "http://a@127.0.0.1",
        "http://10.0.0.1",
        "127.0.0.1",
        "http://[::2]",
        "http://127.0.0.1\\@evil",
    ] {
        assert!(!read::is_loopback(url), "{url}");
    }
}

mod inputs {
    use super::*;

    fn runbook() -> Runbook {
        parse_runbook("x", shipped()[0].1).unwrap()
    }

    use crate::runbook::Runbook;

    fn resolve(
        config: &Config,
        environment: &str,
        kind: EnvironmentKind,
        sets: &[(&str, &str)],
    ) -> Result<Vec<ResolvedInput>, Vec<InputProblem>> {
        let sets: Vec<(String, String)> = sets.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        resolve_inputs(&runbook(), config, environment, kind, &sets, &connectors())
    }

    fn origins(found: &[ResolvedInput]) -> Vec<(&str, &str)> {
        found.iter().map(|input| (input.name.as_str(), input.origin.as_str())).collect()
    }

    #[test]
    fn on_a_real_account_a_file_knows_all_but_the_user() {
        let config = good(&full());
        let found = resolve(
            &config,
            "prod",
            EnvironmentKind::Account,
            &[("target_user", "raxx-vault-operator"), ("reason", "x")],
        )
        .unwrap();
        assert_eq!(
            origins(&found),
            [
                ("target_user", "--set"),
                ("cadence", "runbook"),
                ("bucket", "keyward.yaml:8"),
                ("store", "keyward.yaml:24"),
                ("consumers", "keyward.yaml:26"),
            ]
        );
        assert_eq!(found[2].value, json!("raxx-backups"));
        assert_eq!(found[4].value[0]["app"], json!("raxx-api-prod"));
    }

    #[test]
    fn a_drill_needs_nothing() {
        let found = resolve(&Config::default_for_drill(), "sandbox", EnvironmentKind::Sandbox, &[]).unwrap();
        assert_eq!(
            origins(&found),
            [
                ("target_user", "drill"),
                ("cadence", "runbook"),
                ("bucket", "drill"),
                ("store", "drill"),
                ("consumers", "drill")
            ]
        );
    }

    #[test]
    fn drill_values_never_reach_an_account() {
        let problems = resolve(&good(&full()), "prod", EnvironmentKind::Account, &[]).unwrap_err();
        let names: Vec<&str> = problems.iter().map(|problem| problem.name.as_str()).collect();
        assert_eq!(names, ["target_user", "store", "consumers"]);
        assert!(problems.iter().all(|problem| problem.kind == ProblemKind::Missing));
    }

    #[test]
    fn a_user_that_nobody_wrote_down_is_an_error_at_start() {
        let problems =
            resolve(&good(&full()), "prod", EnvironmentKind::Account, &[("target_user", "raxx-vault-operater")])
                .unwrap_err();
        assert_eq!(problems.len(), 2);
        assert!(problems[0].message.contains("raxx-vault-operater"));
        assert!(problems[0].hint.contains("raxx-vault-operator"), "{}", problems[0].hint);
    }

    #[test]
    fn a_users_name_may_have_dots_and_a_store_may_be_missing() {
        let problems =
            resolve(&good(&full()), "prod", EnvironmentKind::Account, &[("target_user", "with.dots")]).unwrap_err();
        assert_eq!(problems.len(), 1);
        assert!(problems[0].message.contains("no store"), "{}", problems[0]);
    }

    #[test]
    fn what_is_given_has_to_fit() {
        let given = |name: &str, value: &str| {
            let sets = [("target_user", "raxx-vault-operator"), (name, value)];
            resolve(&good(&full()), "prod", EnvironmentKind::Account, &sets)
        };
        assert!(given("cadence", "45d").is_ok());
        for (name, value, says) in [
            ("cadence", "soon", "not a duration"),
            ("target_user", "a user", "IAM user's name"),
            ("bukket", "x", "no such input"),
            ("store", "{name: s, kind: infisicle, project: p, environment: e}", "no connector"),
            ("store", "{name: s, kind: infisical, project: p}", "no `environment`"),
            ("store", "{name: s", ""),
            ("consumers", "[{name: a, kind: heroku, app: x}, {name: a, kind: heroku, app: y}]", "two holders"),
            ("consumers", "{name: a, kind: heroku, app: x}", "list of holders"),
        ] {
            let problems = given(name, value).expect_err(value);
            let text = problems[0].to_string();
            assert!(text.contains(says) && text.contains("--set"), "{text}");
            assert_eq!(problems[0].kind, ProblemKind::Wrong);
        }
        let found = given("consumers", "[{name: a, kind: heroku, app: x}]").unwrap();
        assert_eq!(found[4].origin, "--set");
    }

    #[test]
    fn a_secret_is_asked_for_and_never_an_argument() {
        let text = "runbook: s\ntitle: S\ninputs: {pw: {type: secret}, n: {type: number, optional: true}}\nsteps:\n- {id: a, title: A, run: {iam.list_users: }, expect: [{path: users, at_least: 1}]}\n";
        let runbook = parse_runbook("s", text).unwrap();
        let config = Config::default_for_drill();
        let ask = |sets: &[(String, String)]| {
            resolve_inputs(&runbook, &config, "sandbox", EnvironmentKind::Sandbox, sets, &connectors()).unwrap_err()
        };
        assert_eq!(ask(&[])[0].kind, ProblemKind::Secret);
        let refused = ask(&[("pw".into(), "hunter2".into())]);
        assert_eq!(refused[0].kind, ProblemKind::Wrong);
        assert!(!format!("{refused:?} {}", refused[0]).contains("hunter2"));
        assert!(ask(&[("n".into(), "x".into())]).iter().any(|problem| problem.message.contains("whole number")));
    }
}
