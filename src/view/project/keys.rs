//! The keys of a user and of the account, as pages. Unknown is said, with the reason, where it is unknown.

use super::clock::Clock;
use super::exact::tail;
use crate::engine::entry::Stamp;
use crate::inventory::{Age, Inventory, Key, KeyStatus, Known, LastUse, Policy, Reason};
use crate::view::{AccountKey, AccountKeysView, Banner, KeyItem, Row, Status, Text, UserKeysView};

fn state(key: &Key) -> String {
    match &key.status {
        KeyStatus::Active => "Active".into(),
        KeyStatus::Inactive => "Inactive".into(),
        KeyStatus::Other(other) => other.clone(),
    }
}

fn age(key: &Key, now: Stamp) -> String {
    key.age_days(now).map_or_else(|| "?".to_owned(), |days| format!("{days} d"))
}

fn status(key: &Key, policy: Policy, now: Stamp) -> Status {
    match policy.age(key, now) {
        Age::Overdue { .. } => Status::Fail,
        Age::Unknown => Status::Unknown,
        _ if matches!(key.used, LastUse::Unknown(_)) => Status::Unknown,
        Age::Fine { .. } => Status::Pass,
        Age::Inactive => Status::Waits,
    }
}

fn judged(key: &Key, policy: Policy, now: Stamp) -> String {
    let limit = policy.max_age_days;
    match policy.age(key, now) {
        Age::Fine { left } => format!("limit {limit} d: {left} d left"),
        Age::Overdue { by } => format!("limit {limit} d: overdue {by} d"),
        Age::Inactive => "no limit; it counts toward the two".into(),
        Age::Unknown => "unknown: AWS did not say when it was made".into(),
    }
}

fn why(reason: &Reason) -> String {
    match reason.message.is_empty() || reason.message == reason.code {
        true => reason.code.clone(),
        false => format!("{}: {}", reason.code, reason.message),
    }
}

fn used(key: &Key, clock: Clock) -> (String, String) {
    match &key.used {
        LastUse::At(at) => {
            let place: Vec<&str> = key.service.iter().chain(&key.region).map(String::as_str).collect();
            let place = if place.is_empty() { String::new() } else { format!(", {}", place.join(", ")) };
            (format!("{}{place}", clock.minute(*at)), "AWS reports use ~15 min late".into())
        }
        LastUse::Never => ("none reported".into(), "what AWS says today; it can lag".into()),
        LastUse::Unknown(reason) => (format!("unknown: {}", why(reason)), "unknown is not \"never\"".into()),
    }
}

/// The keys of one user. `runbook` is what Enter opens, and what it is called.
pub fn user_view(inventory: &Inventory, banner: Banner, user: &str, runbook: (&str, &str)) -> UserKeysView {
    let clock = Clock::at(inventory.at);
    let now = inventory.at;
    let found = inventory.users.known().into_iter().flatten().find(|found| found.user == user);
    let (tag, keys, unknown) = match found.map(|found| &found.keys) {
        Some(Known::Known(keys)) => {
            let tag = match keys.len() {
                0 => "none".to_owned(),
                1 => "1 of 2: room for one more".into(),
                n => format!("{n} of 2: no room for a third"),
            };
            (tag, keys.as_slice(), None)
        }
        Some(Known::Unknown(reason)) => ("unknown".to_owned(), &[][..], Some(why(reason))),
        None => ("unknown".to_owned(), &[][..], Some("not read".to_owned())),
    };
    let items = keys.iter().map(|key| {
        let (used, right) = used(key, clock);
        let made = key.created.map_or_else(|| "unknown".to_owned(), |at| clock.moment(at));
        KeyItem {
            id: key.id.clone(),
            status: status(key, inventory.policy, now),
            state: state(key),
            age: age(key, now),
            text: judged(key, inventory.policy, now).into(),
            facts: vec![("used".into(), used.into(), right.into()), ("made".into(), made.into(), Text::new())],
        }
    });
    let mut can = Vec::new();
    if let Some(why) = unknown {
        can.push(Row::Line(Text::from(Status::Unknown).say(&format!(" The keys are unknown: {why}. r asks again."))));
    }
    can.push(Row::line(runbook.1));
    if keys.len() >= 2 {
        can.push(Row::line("  has to delete one first: AWS allows two keys, and Inactive ones count."));
    }
    UserKeysView {
        banner: Banner { user: user.into(), right: format!("read {}", clock.time(now)).into(), ..banner },
        user: user.into(),
        tag,
        keys: items.collect(),
        can,
        runbook: runbook.0.into(),
        enter: "opens the inputs; nothing is sent".into(),
        reread_off: None,
    }
}

/// The orders that a list of the account's keys can have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Overdue first, then what is unknown.
    #[default]
    Urgent,
    /// By user.
    User,
    /// Oldest first.
    Age,
}

impl Order {
    /// The next one.
    pub fn next(self) -> Self {
        match self {
            Self::Urgent => Self::User,
            Self::User => Self::Age,
            Self::Age => Self::Urgent,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Urgent => "Keys, most overdue first",
            Self::User => "Keys, by user",
            Self::Age => "Keys, oldest first",
        }
    }
}

/// The keys of the account. `run_of` names the run that a user's keys are in, if one is open.
pub fn account_view(
    inventory: &Inventory,
    banner: Banner,
    order: Order,
    run_of: impl Fn(&str) -> Option<String>,
) -> AccountKeysView {
    let clock = Clock::at(inventory.at);
    let now = inventory.at;
    let run = |user: &str| run_of(user).unwrap_or_else(|| "–".into());
    let mut rows: Vec<(u8, u64, AccountKey)> = Vec::new();
    for (user, key) in inventory.keys() {
        let status = status(key, inventory.policy, now);
        let days = key.age_days(now).unwrap_or(0);
        let used = match &key.used {
            LastUse::At(at) => clock.minute(*at),
            LastUse::Never => "none".into(),
            LastUse::Unknown(_) => "unknown".into(),
        };
        let rank = match status {
            Status::Fail => 0,
            Status::Unknown => 1,
            Status::Waits => 2,
            _ => 3,
        };
        rows.push((
            rank,
            days,
            AccountKey {
                status,
                user: user.into(),
                key: tail(&key.id),
                id: key.id.clone(),
                state: state(key),
                age: age(key, now),
                used,
                service: key.service.clone().unwrap_or_default(),
                run: run(user),
            },
        ));
    }
    let users = inventory.users.known();
    for user in users.into_iter().flatten().filter(|user| user.keys.known().is_none()) {
        let word = || "?".to_owned();
        rows.push((
            1,
            0,
            AccountKey {
                status: Status::Unknown,
                user: user.user.clone(),
                key: word(),
                id: String::new(),
                state: word(),
                age: word(),
                used: "unknown".into(),
                service: String::new(),
                run: run(&user.user),
            },
        ));
    }
    match order {
        Order::Urgent => rows.sort_by(|a, b| (a.0, b.1, &a.2.user).cmp(&(b.0, a.1, &b.2.user))),
        Order::User => rows.sort_by(|a, b| (&a.2.user, b.1).cmp(&(&b.2.user, a.1))),
        Order::Age => rows.sort_by(|a, b| (b.1, &a.2.user).cmp(&(a.1, &b.2.user))),
    }
    let (overdue, unknown) = (inventory.overdue().count(), inventory.unknown());
    let all = match &inventory.users {
        Known::Known(users) => format!("{} keys known, {} users", inventory.keys().count(), users.len()),
        Known::Unknown(reason) => format!("unknown: {}", reason.code),
    };
    let mut summary = Text::new();
    if overdue > 0 {
        summary = summary.mark(Status::Fail).say(&format!(" {overdue} overdue   "));
    }
    summary = match unknown {
        0 => summary.mark(Status::Pass).say(" 0 unknown"),
        n => summary.mark(Status::Unknown).say(&format!(" {n} unknown")),
    };
    if let Known::Unknown(reason) = &inventory.users {
        summary = summary.say(&format!(": {}", why(reason)));
    }
    AccountKeysView {
        banner: Banner { user: "all users".into(), right: format!("read {}", clock.time(now)).into(), ..banner },
        title: order.title().into(),
        tag: all,
        keys: rows.into_iter().map(|(_, _, key)| key).collect(),
        summary,
        caveats: vec![
            "Unknown is not fine. The list is whole only when this line says 0 unknown.".into(),
            Text::new(),
            "\"none\" is what AWS says today of a key's use; it can lag by hours.".into(),
        ],
        reread_off: None,
    }
}
