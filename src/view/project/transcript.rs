//! The transcript as a page: deviations first, then every entry in a line.

use super::exact::{self, digits};
use super::look::{Around, Look};
use crate::engine::admit;
use crate::engine::entry::{Body, DeviationKind, Doubt, Entry, Place, Reading, Verdict};
use crate::runtime::snapshot::Snapshot;
use crate::transcript::stock_check;
use crate::view::{Banner, DeviationItem, EntryItem, Status, Text, TranscriptView};

/// The transcript of a run.
pub fn transcript_view(now: &Snapshot, around: &Around) -> TranscriptView {
    let look = Look::new(now, around);
    let log = now.log.read().unwrap_or_else(std::sync::PoisonError::into_inner);
    let entries: Vec<EntryItem> = log.iter().map(|entry| item(&look, entry)).collect();
    let signed = log.iter().filter(|entry| admit::must_be_signed(look.book(), &entry.body)).count();
    let open = match now.state.phase {
        crate::engine::state::Phase::Sealed(_) => "sealed",
        _ => "open, in order so far",
    };
    let banner = look.banner();
    let deviations = now.state.deviations.iter().map(|deviation| {
        let at = usize::try_from(deviation.n).ok().and_then(|n| log.get(n));
        DeviationItem {
            n: deviation.n,
            kind: kind_word(deviation.kind).into(),
            time: at.map(|entry| entry.at.time().format("%H:%M:%S").to_string()).unwrap_or_default(),
            text: Text::from(match deviation.step.as_str() {
                "" => deviation.text.clone(),
                step => format!("{}: {}", look.step(step).map_or(step, super::look::number), deviation.text),
            }),
        }
    });
    TranscriptView {
        banner: Banner {
            user: format!("transcript {}", look.short()),
            title: open.into(),
            account: String::new(),
            right: Text::from(Status::Signed).say(&format!(" {signed} signed")),
            ..banner
        },
        deviations: deviations.collect(),
        total: entries.len(),
        entries,
        times: "times in UTC".into(),
        head: now.head.clone(),
    }
}

/// A deviation's kind, as people say it.
pub(super) fn kind_word(kind: DeviationKind) -> &'static str {
    match kind {
        DeviationKind::Skip => "skip",
        DeviationKind::Override => "override",
        DeviationKind::Retry => "retry",
        DeviationKind::Late => "late",
        DeviationKind::Unsigned => "unsigned",
        DeviationKind::Advisory => "advisory",
        DeviationKind::Edited => "edited",
    }
}

fn item(look: &Look<'_>, entry: &Entry) -> EntryItem {
    let signed = admit::must_be_signed(look.book(), &entry.body);
    let at = entry.wall.unwrap_or(entry.at);
    EntryItem {
        n: entry.n,
        time: entry.at.time().format("%H:%M:%S%.3f").to_string(),
        by: entry.by.split('@').next().unwrap_or_default().to_owned(),
        kind: entry.body.kind().to_owned(),
        text: text(look, &entry.body),
        signature: signed.then(|| {
            let words = format!(" signed by {}, covers entries 0–{}; the command below checks it", entry.by, entry.n);
            Text::from(Status::Signed).say(&words)
        }),
        check: if signed { stock_check(entry.n, &entry.by, at) } else { String::new() },
    }
}

fn number<'a>(look: &Look<'a>, step: &'a str) -> &'a str {
    look.step(step).map_or(step, super::look::number)
}

fn place_words(look: &Look<'_>, place: &Place) -> String {
    let row = if place.row.is_empty() { String::new() } else { format!(" {}", place.row) };
    format!("{}{row}", number(look, &place.step))
}

fn verdict_mark(verdict: Verdict) -> (Status, &'static str) {
    match verdict {
        Verdict::Pass => (Status::Pass, "pass"),
        Verdict::Fail => (Status::Fail, "fail"),
        Verdict::Unknown => (Status::Unknown, "unknown"),
    }
}

fn judged(place: String, verdict: Verdict, more: &str) -> Text {
    let (status, word) = verdict_mark(verdict);
    Text::from(format!("{place} ")).mark(status).say(&format!(" {word}{more}"))
}

fn error_words(reading: &Reading) -> String {
    let error = reading.result.as_ref().and_then(crate::engine::effect::error_of);
    let id = reading.result.as_ref().and_then(|result| result.get("id")).and_then(serde_json::Value::as_str);
    match (error, id) {
        (Some((code, _)), _) => format!(": {code}"),
        (None, Some(id)) => format!(": {}", exact::tail(id)),
        _ => String::new(),
    }
}

/// What an entry says, in a line.
fn text(look: &Look<'_>, body: &Body) -> Text {
    match body {
        Body::Opened(opened) => format!("{} by {}, {}", opened.runbook.name, opened.operator, opened.reason).into(),
        Body::Resolved { what, name, row, .. } => {
            let row = if row.is_empty() { String::new() } else { format!(" {row}") };
            match what.as_str() {
                "rows" => format!("{} is opened", number(look, name)).into(),
                "look" => format!("{}{row} what is there, read", number(look, name)).into(),
                "capture" => format!("{name} is known").into(),
                other => format!("{other} {name}").into(),
            }
        }
        Body::Gate { step, verdict, evidence, .. } => {
            let words = evidence.get("words").and_then(serde_json::Value::as_str).unwrap_or_default();
            judged(format!("{} gate", number(look, step)), *verdict, &format!(": {}", super::gates::times(look, words)))
        }
        Body::Confirmed { step, digest, answer, .. } => {
            let reason = answer.reason.as_ref().map(|reason| format!(", reason: {reason}")).unwrap_or_default();
            format!("{} as shown, sha256 {}{reason}", number(look, step), digits(digest)).into()
        }
        Body::Started { place, .. } => format!("{} call {} sent once", place_words(look, place), place.call + 1).into(),
        Body::NotSent { place, reason } => format!("{}: {reason}", place_words(look, place)).into(),
        Body::Sample { place, verdict, reading } => judged(place_words(look, place), *verdict, &error_words(reading)),
        Body::Finished { place, verdict, reading } => judged(place_words(look, place), *verdict, &error_words(reading)),
        Body::InDoubt { place, .. } => {
            Text::from(format!("{} ", place_words(look, place))).mark(Status::InDoubt).say(" no answer")
        }
        Body::Reconciled { place, outcome, .. } => {
            let what = match outcome {
                Doubt::Done => "it was done",
                Doubt::NotDone => "it was not done",
                Doubt::DoneLost => "it was done, and its answer is lost",
                Doubt::NotOurs => "what is there is not ours",
                Doubt::Unknown => "unknown",
            };
            format!("{}: {what}", place_words(look, place)).into()
        }
        Body::Approved { .. } => "another person's statement".into(),
        Body::Override { step, gate, reason, .. } => {
            format!("{} gate {}: {reason}", number(look, step), gate + 1).into()
        }
        Body::Skipped { step, reason } | Body::WindowRestarted { step, reason } => {
            format!("{}: {reason}", number(look, step)).into()
        }
        Body::Noted { text } => text.as_str().into(),
        Body::RowAdded { list, value, reason } => format!("{} to {list}: {reason}", exact::value(value)).into(),
        Body::RollbackBegun { reason } | Body::Aborted { reason } => reason.as_str().into(),
        Body::Suspended { reason } if reason.is_empty() => "to be gone on with".into(),
        Body::Suspended { reason } => reason.as_str().into(),
        Body::Resumed { caller, host, .. } => format!("on {host} as {caller}").into(),
        Body::HandedOver { to } => format!("to {to}").into(),
        Body::TookOver { from, .. } => format!("from {from}").into(),
        Body::ClockMoved { from, reason } => format!("from {}: {reason}", look.clock.time(*from)).into(),
        Body::Recovered { what, file } => format!("{what}, kept as {}", file.name).into(),
        Body::Sealed { status, .. } => match status {
            crate::engine::entry::EndStatus::Completed => "completed".into(),
            crate::engine::entry::EndStatus::RolledBack => "rolled back".into(),
            crate::engine::entry::EndStatus::Aborted => "aborted".into(),
        },
    }
}
