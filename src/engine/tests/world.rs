//! A small world for the engine's tests: one IAM user, a few holders, faults on request. It sees only `Call`s, as the
//! effect layer does, and stores secrets as the references they come as.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::engine::call::Call;
use crate::engine::effect::{Ended, Outcome};
use crate::engine::entry::{Place, Stamp};

/// What goes wrong with one effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    /// It happens, and no answer comes.
    LostAfter,
    /// It does not happen, and no answer comes.
    LostBefore,
    /// The world refuses.
    Refused,
    /// It never leaves.
    NotSent,
}

#[derive(Clone, Debug)]
pub struct Key {
    pub id: String,
    pub active: bool,
    pub created: Stamp,
    pub used: Option<Stamp>,
}

#[derive(Clone, Debug)]
pub struct World {
    pub keys: Vec<Key>,
    pub boxes: BTreeMap<String, (u64, Map<String, Value>)>,
    /// Every mutating call that was handed out, with when.
    pub sent: Vec<(Stamp, Place, Call)>,
    pub deleted: Vec<String>,
    /// New keys never work.
    pub unspread: bool,
    /// The operator is the user whose key is rotated.
    pub own_key: bool,
    /// Permissions that are missing.
    pub denied: Vec<&'static str>,
    /// Whose the pairs are.
    pub user: &'static str,
    /// Holders that got half a pair.
    pub half: Vec<&'static str>,
    /// Reads that get no answer, by operation.
    pub throttled: Vec<&'static str>,
    /// Reads that are refused, by operation.
    pub refusing: Vec<&'static str>,
    next: u32,
}

impl World {
    pub fn new(holders: &[&str], at: Stamp) -> Self {
        let old = "AKIAEXAMPLE00000OLD1";
        let mut values = Map::new();
        values.insert("AWS_ACCESS_KEY_ID".into(), json!(old));
        values.insert("AWS_SECRET_ACCESS_KEY".into(), json!({"fp": "0101"}));
        let boxes = holders.iter().map(|name| ((*name).to_owned(), (1, values.clone()))).collect();
        let key = Key { id: old.into(), active: true, created: at, used: None };
        Self {
            keys: vec![key],
            boxes,
            sent: Vec::new(),
            deleted: Vec::new(),
            unspread: false,
            own_key: false,
            denied: Vec::new(),
            user: "raxx-vault-operator",
            half: Vec::new(),
            throttled: Vec::new(),
            refusing: Vec::new(),
            next: 0,
        }
    }

    pub fn active(&self, id: &str) -> bool {
        self.keys.iter().any(|key| key.id == id && key.active)
    }

    pub fn send(&mut self, at: Stamp, place: &Place, call: &Call, fault: Fault) -> Outcome {
        self.sent.push((at, place.clone(), call.clone()));
        match fault {
            Fault::LostBefore => return Outcome::error(Ended::NoAnswer, "Timeout", "no answer"),
            Fault::Refused => return Outcome::error(Ended::Refused, "AccessDenied", "no"),
            Fault::NotSent => return Outcome::error(Ended::NotSent, "ConnectFailed", "refused"),
            Fault::None | Fault::LostAfter => {}
        }
        let outcome = self.act(at, call);
        if fault == Fault::LostAfter { Outcome::error(Ended::NoAnswer, "Timeout", "no answer") } else { outcome }
    }

    fn act(&mut self, at: Stamp, call: &Call) -> Outcome {
        let text = |name: &str| call.params.get(name).and_then(Value::as_str).unwrap_or("").to_owned();
        match call.op.as_str() {
            "iam:CreateAccessKey" => {
                if self.keys.len() >= 2 {
                    return Outcome::error(Ended::Refused, "LimitExceeded", "2 keys");
                }
                self.next += 1;
                let id = format!("AKIAEXAMPLE0000NEW{:02}", self.next);
                self.keys.push(Key { id: id.clone(), active: true, created: at, used: None });
                let secret = json!({"secret": "new_key.secret", "fp": format!("{:04}", 200 + self.next)});
                Outcome::answered(json!({"id": id, "status": "Active", "created": at, "secret": secret}))
            }
            "iam:UpdateAccessKey" => {
                let (id, active) = (text("AccessKeyId"), text("Status") == "Active");
                match self.keys.iter_mut().find(|key| key.id == id) {
                    None => Outcome::error(Ended::Refused, "NoSuchEntity", "no such key"),
                    Some(key) => {
                        key.active = active;
                        Outcome::answered(json!({}))
                    }
                }
            }
            "iam:DeleteAccessKey" => {
                let id = text("AccessKeyId");
                let before = self.keys.len();
                self.keys.retain(|key| key.id != id);
                if self.keys.len() == before {
                    return Outcome::error(Ended::Refused, "NoSuchEntity", "no such key");
                }
                self.deleted.push(id);
                Outcome::answered(json!({}))
            }
            "http:PATCH" => {
                let name = call.endpoint.rsplit('/').next().unwrap_or("").replace("%20", " ");
                let Some((version, values)) = self.boxes.get_mut(&name) else {
                    return Outcome::error(Ended::Refused, "404", "no such box");
                };
                *version += 1;
                for (key, value) in call.params["json"].as_object().into_iter().flatten() {
                    values.insert(key.clone(), value.clone());
                }
                Outcome::answered(json!({"status": 200}))
            }
            other => panic!("not sent: {other}"),
        }
    }

    pub fn read(&self, calls: &[Call]) -> Outcome {
        let results: Vec<Outcome> = calls.iter().map(|call| self.read_one(call)).collect();
        match results.as_slice() {
            [one] => one.clone(),
            many => {
                let list = many.iter().map(|o| o.reading.result.clone().unwrap_or(Value::Null)).collect();
                Outcome::answered(Value::Array(list))
            }
        }
    }

    fn read_one(&self, call: &Call) -> Outcome {
        let acts_as = call.params.get("as").and_then(|pair| pair["access_key_id"].as_str());
        if acts_as.is_some_and(|id| !self.active(id) || (self.unspread && id.contains("NEW"))) {
            return Outcome::error(Ended::Refused, "InvalidClientTokenId", "not valid");
        }
        let listed = |active: Option<bool>| -> Vec<Value> {
            let keys = self.keys.iter().filter(|key| active.is_none_or(|active| key.active == active));
            keys.map(|key| json!({"id": key.id, "status": if key.active { "Active" } else { "Inactive" }, "created": key.created}))
                .collect()
        };
        let boxed = |call: &Call| {
            let name = call.params["holder"]["name"].as_str().unwrap_or("").to_owned();
            self.boxes.get(&name).cloned().unwrap_or_default()
        };
        Outcome::answered(match call.op.as_str() {
            "iam.preflight" => {
                json!({"caller": {"arn": "arn:aws:iam::000000000000:user/oncall", "is_target": self.own_key}, "denied": self.denied})
            }
            "iam:ListAccessKeys" => {
                json!({"keys": listed(None), "active": listed(Some(true)), "inactive": listed(Some(false))})
            }
            "iam:GetAccessKeyLastUsed" => {
                let id = call.params["AccessKeyId"].as_str().unwrap_or("");
                let used = self.keys.iter().find(|key| key.id == id).and_then(|key| key.used);
                json!({"used": used.map_or("never".to_owned(), |at| at.to_string())})
            }
            "sts:GetCallerIdentity" => match acts_as {
                Some(_) => {
                    json!({"arn": format!("arn:aws:iam::000000000000:user/{}", self.user), "user": self.user})
                }
                None => json!({"arn": "arn:aws:iam::000000000000:user/oncall", "user": "oncall"}),
            },
            "iam:GetUser" => json!({"user": self.user, "id": "AIDAEXAMPLE"}),
            "s3:ListObjectsV2" => json!({"objects": [], "truncated": false}),
            "holder.read" => {
                let (version, values) = boxed(call);
                json!({"values": values, "version": format!("v{version}")})
            }
            "holder.prove" => {
                let (_, values) = boxed(call);
                let id = values.get("AWS_ACCESS_KEY_ID").and_then(Value::as_str).unwrap_or("");
                let name = call.params["holder"]["name"].as_str().unwrap_or("");
                let works = self.active(id) && !self.half.contains(&name);
                let denied = if works { json!([]) } else { json!(["InvalidAccessKeyId"]) };
                json!({"works": works, "denied": denied, "key_id": id})
            }
            "store:key_history" | "store:drilled" => json!({}),
            other => panic!("not read: {other}"),
        })
    }
}
