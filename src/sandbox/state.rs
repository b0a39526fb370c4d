//! The world as it runs: what every request reads and changes, under one lock.

use std::collections::BTreeMap;

use crypto_box::SecretKey;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

use super::answer::AwsError;
use super::cloudtrail::Event;
use super::fault::{Fault, Times};
use super::holder::LiveHolder;
use super::key::{LiveKey, millis, random_text};
use super::policy::{Judgement, Statement, judge};
use super::world::{HolderKind, Pair, Spread, Timing, User, World};

/// How far AWS's clock is ahead under [`Fault::SkewedClock`].
const SKEW_MS: i64 = 20 * 60 * 1000;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A user as it runs.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LiveUser {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) statements: Vec<Statement>,
}

/// An object in a bucket.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Object {
    pub(super) body: Vec<u8>,
    pub(super) at: i64,
}

/// Who signed a request.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) user: String,
    pub(super) user_id: String,
    pub(super) arn: String,
}

/// The world.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) account: String,
    pub(super) target: String,
    pub(super) users: Vec<LiveUser>,
    pub(super) keys: Vec<LiveKey>,
    pub(super) buckets: BTreeMap<String, BTreeMap<String, Object>>,
    pub(super) holders: Vec<LiveHolder>,
    pub(super) spread: Spread,
    pub(super) timing: Timing,
    #[serde(skip, default = "rand::make_rng")]
    pub(super) rng: StdRng,
    /// The key that repository secrets are sealed to, and its id.
    #[serde(with = "super::saved::box_key")]
    pub(super) box_key: SecretKey,
    pub(super) box_key_id: String,
    /// What CloudTrail has, oldest first.
    pub(super) trail: Vec<Event>,
    /// Where the consumers call S3, if not here.
    #[serde(default)]
    pub(super) s3_at: Option<String>,
    /// Ids of keys that somebody else made.
    #[serde(default)]
    pub(super) foreign: Vec<String>,
    faults: Vec<(Fault, Option<u32>)>,
}

impl State {
    pub(super) fn new(world: World, now: i64, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let ago = |duration: std::time::Duration| now - millis(duration);
        let mut users = Vec::new();
        let mut keys = Vec::new();
        for user in &world.users {
            for key in &user.keys {
                keys.push(LiveKey::old(key.pair.clone(), &user.name, ago(key.age), key.status, key.used.map(ago)));
            }
            users.push(live_user(user, ago(user.age), &mut rng));
        }
        let target = world.target().to_owned();
        let buckets = world.buckets.into_iter().map(|bucket| {
            let objects = bucket.objects.into_iter().map(|(key, body)| (key, Object { body, at: now - 86_400_000 }));
            (bucket.name, objects.collect())
        });
        let buckets = buckets.collect();
        let mut state = Self {
            account: world.account,
            target,
            users,
            keys,
            buckets,
            holders: world.holders.into_iter().map(|spec| LiveHolder::new(spec, now)).collect(),
            spread: world.spread,
            timing: world.timing,
            box_key: SecretKey::from_bytes(rng.random()),
            box_key_id: random_text(&mut rng, b"123456789", 18),
            rng,
            trail: Vec::new(),
            s3_at: world.s3_at,
            foreign: Vec::new(),
            faults: Vec::new(),
        };
        for fault in world.faults {
            state.inject(fault, fault.times());
        }
        state
    }

    pub(super) fn inject(&mut self, fault: Fault, times: Times) {
        self.faults.retain(|(other, _)| *other != fault);
        self.faults.push((fault, times.left()));
    }

    pub(super) fn clear(&mut self, fault: Fault) {
        self.faults.retain(|(other, _)| *other != fault);
    }

    /// True if the fault is on, without using it up.
    pub(super) fn has(&self, fault: Fault) -> bool {
        self.faults.iter().any(|(other, left)| *other == fault && *left != Some(0))
    }

    /// True if the fault strikes now; one time of it is used up.
    pub(super) fn strikes(&mut self, fault: Fault) -> bool {
        let Some((_, left)) = self.faults.iter_mut().find(|(other, left)| *other == fault && *left != Some(0)) else {
            return false;
        };
        if let Some(left) = left {
            *left -= 1;
        }
        true
    }

    /// How far AWS's clock is ahead of what it should be, in milliseconds.
    pub(super) fn skew(&self) -> i64 {
        if self.has(Fault::SkewedClock) { SKEW_MS } else { 0 }
    }

    /// A request id in AWS's form.
    pub(super) fn request_id(&mut self) -> String {
        let hex = hex::encode(self.rng.random::<[u8; 16]>());
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }

    pub(super) fn user(&self, name: &str) -> Option<&LiveUser> {
        self.users.iter().find(|user| user.name == name)
    }

    /// `arn:aws:iam::ACCOUNT:user/PATH/NAME`.
    pub(super) fn arn(&self, user: &LiveUser) -> String {
        format!("arn:aws:iam::{}:user{}{}", self.account, user.path, user.name)
    }

    /// The key of that id which authenticates at that time.
    pub(super) fn usable_key(&self, id: &str, at: i64) -> Option<&LiveKey> {
        self.keys.iter().find(|key| key.pair.access_key_id == id && key.authenticates(at))
    }

    /// Who a key belongs to. `None` also when its user is gone.
    pub(super) fn caller(&self, key_id: &str) -> Option<Caller> {
        let key = self.keys.iter().find(|key| key.pair.access_key_id == key_id)?;
        let user = self.user(&key.user)?;
        Some(Caller { user: user.name.clone(), user_id: user.id.clone(), arn: self.arn(user) })
    }

    /// Notes that a key authenticated.
    pub(super) fn note_use(&mut self, key_id: &str, at: i64, service: &str, region: &str) {
        if let Some(key) = self.keys.iter_mut().find(|key| key.pair.access_key_id == key_id) {
            key.used(at, service, region, &self.spread, &mut self.rng);
        }
    }

    /// How the user's policies judge.
    pub(super) fn judge(&self, user: &str, action: &str, resource: &str) -> Judgement {
        let statements = self.user(user).map(|user| user.statements.as_slice()).unwrap_or_default();
        judge(statements, action, resource)
    }

    /// Refuses what the caller may not do, in AWS's words (IAM User Guide, "Troubleshoot access denied error messages").
    /// `shown` is the resource as the message names it.
    pub(super) fn allow(&self, caller: &Caller, action: &str, resource: &str, shown: &str) -> Result<(), AwsError> {
        let why = match self.judge(&caller.user, action, resource) {
            Judgement::Allowed => return Ok(()),
            Judgement::ImplicitDeny => format!("because no identity-based policy allows the {action} action"),
            Judgement::ExplicitDeny => "with an explicit deny in an identity-based policy".into(),
        };
        let message = format!("User: {} is not authorized to perform: {action} on resource: {shown} {why}", caller.arn);
        Err(AwsError::new(403, "AccessDenied", message))
    }

    /// What S3 would say to a listing of the bucket with that pair at that time: `Ok`, or the error's code.
    pub(super) fn try_pair(&self, pair: &Pair, bucket: &str, at: i64) -> Result<(), &'static str> {
        let key = self.usable_key(&pair.access_key_id, at).ok_or("InvalidAccessKeyId")?;
        if key.pair.secret_access_key.expose() != pair.secret_access_key.expose() {
            return Err("SignatureDoesNotMatch");
        }
        let arn = format!("arn:aws:s3:::{bucket}");
        if at < key.policy_from || self.judge(&key.user, "s3:ListBucket", &arn) != Judgement::Allowed {
            return Err("AccessDenied");
        }
        if self.buckets.contains_key(bucket) { Ok(()) } else { Err("NoSuchBucket") }
    }

    /// Lets the holders' processes use their pairs up to `now`. Called before anything that they use is changed, and
    /// before last use is told, so that the time in between is as if they had run.
    pub(super) fn settle(&mut self, now: i64) {
        super::github::advance(self, now);
        for n in 0..self.holders.len() {
            let bucket = self.holders[n].spec.bucket.clone();
            let every = millis(self.holders[n].spec.uses_every).max(1000);
            let first = self.holders[n].next_use;
            while self.holders[n].next_use <= now {
                let at = self.holders[n].next_use;
                // Only the last use before `now` is ever told, so of a long time its first and last day are enough.
                if at - first > DAY_MS && now - at > 2 * DAY_MS {
                    self.holders[n].next_use = now - DAY_MS;
                    continue;
                }
                self.holders[n].next_use = at + every;
                for pair in self.holders[n].in_use(at) {
                    // A key counts as used once it has signed, whatever its policy then says.
                    if matches!(self.try_pair(&pair, &bucket, at), Ok(()) | Err("AccessDenied" | "NoSuchBucket")) {
                        self.note_use(&pair.access_key_id, at, "s3", "us-east-1");
                    }
                }
            }
        }
    }

    /// The holder of that kind, by what its system calls it.
    pub(super) fn holder_mut(&mut self, is: impl Fn(&HolderKind) -> bool) -> Option<&mut LiveHolder> {
        self.holders.iter_mut().find(|holder| is(&holder.spec.kind))
    }
}

pub(super) fn live_user(user: &User, created: i64, rng: &mut StdRng) -> LiveUser {
    let id = format!("AIDA{}", random_text(rng, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 17));
    LiveUser { name: user.name.clone(), path: user.path.clone(), id, created, statements: user.statements() }
}
