//! The page of a step before it is confirmed: everything that will be done, whole.

use serde_json::Value;

use super::exact::{self, acts_as, tail};
use super::facts;
use super::look::{Look, row_name, title};
use super::{expected, gates};
use crate::action::aws_line;
use crate::engine::admit;
use crate::engine::call::{Rendered, RowCalls};
use crate::engine::effect::error_of;
use crate::engine::entry::Answer;
use crate::engine::state::RowState;
use crate::runbook::op::Op;
use crate::runbook::{ConfirmKind, EffectKind, Step};
use crate::view::text::exact as escaped;
use crate::view::{Ask, Border, By, EnterDoes, Field, Foot, Intent, Panel, Row, Status, Text};

/// The frame of a step's page.
pub(super) fn panel(look: &Look<'_>, step: &Step, body: Vec<Row>, foot: Foot) -> Panel {
    let border = match step.effect {
        EffectKind::Read => Border::Thin,
        EffectKind::Mutate => Border::Heavy,
        EffectKind::Irreversible => Border::Double,
    };
    Panel { border, title: title(step), tag: look.tag(&effect_words(look, step)), label_width: None, body, foot }
}

fn effect_words(look: &Look<'_>, step: &Step) -> String {
    match (step.effect, step.run.op) {
        (EffectKind::Read, _) => "reads only".into(),
        (EffectKind::Irreversible, _) => "IRREVERSIBLE".into(),
        (_, Op::HolderPut | Op::HolderRestart) => match look.open_rows(&step.id).len() {
            1 => "CHANGES 1 HOLDER".into(),
            n => format!("CHANGES {n} HOLDERS"),
        },
        (_, op) if op.info().aws.is_some() => "CHANGES AWS".into(),
        _ => "CHANGES".into(),
    }
}

/// A label and lines below it.
pub(super) fn lines_of(label: &str, lines: impl IntoIterator<Item = String>) -> Vec<Row> {
    let mut label = label;
    lines
        .into_iter()
        .map(|line| {
            let row = Row::field(label, line);
            label = "";
            row
        })
        .collect()
}

/// What will be sent, whole: the part of the page that is confirmed.
pub(super) fn action(look: &Look<'_>, step: &Step, rendered: &Rendered) -> Vec<Row> {
    let calls: usize = rendered.rows.iter().map(|row| row.calls.len()).sum();
    let reads = step.effect == EffectKind::Read;
    let mut body = Vec::new();
    let name = step.run.op.info().name;
    if let ([row], 1) = (&rendered.rows[..], calls) {
        let call = &row.calls[0];
        if let Some(folded) = look.open_rows(&step.id).first().filter(|_| step.run.op == Op::HolderPut) {
            let scope = look.scope(step, Some(folded));
            let holder = crate::engine::own::holder_of(step, &scope).unwrap_or(Value::Null);
            let words = format!("{}; {}", exact::value(&holder), standing(look, step, folded));
            body.push(Row::field("Holder", words));
        }
        let how = if reads { "a read" } else { "sent once" };
        let label = if reads { "Asks" } else { "Will do" };
        let mut lines = vec![format!("{}, {how}", exact::what(call))];
        lines.extend(exact::params(call));
        body.extend(lines_of(label, lines));
        // A holder's read names each place that it asks.
        if call.op.contains(':') && !call.op.starts_with("http:") && !call.endpoint.is_empty()
            || call.op == "iam.preflight"
        {
            let environment = &look.state().opened.environment;
            body.push(Row::field(
                "At",
                format!("{} · account {} ({})", escaped(&call.endpoint), escaped(&rendered.account), environment.name),
            ));
        }
        let caller = match acts_as(call) {
            Some(pair) => format!("{} key {pair}", step.run.as_.as_deref().unwrap_or("the")),
            None => escaped(&rendered.caller),
        };
        body.push(Row::field("As", caller));
        if let Some(line) =
            aws_line(&exact::in_order(call)).filter(|_| !reads || call.params.get("as").is_none_or(Value::is_null))
        {
            body.push(Row::field("Same as", line));
        }
        return body;
    }
    let rows = rendered.rows.len();
    let (r, c) = (if rows == 1 { "row" } else { "rows" }, if calls == 1 { "call" } else { "calls" });
    let how = match (reads, rows) {
        (true, _) => "reads".to_owned(),
        (false, 1) => "each sent once, in this order; a ✗ stops the rest".into(),
        (false, _) => "each sent once, row after row; a ✗ stops the rest".into(),
    };
    body.push(Row::Field {
        label: "Will do".into(),
        value: Text::marked(&format!("{name}, {rows} {r}, {calls} {c}, {how}")),
        aside: None,
    });
    body.push(Row::field("As", format!("{} · account {}", escaped(&rendered.caller), escaped(&rendered.account))));
    for row in &rendered.rows {
        let folded = look.open_rows(&step.id).into_iter().find(|open| open.key == row.row);
        if rows > 1 || !row.row.is_empty() {
            let tag = folded.map(|folded| standing(look, step, folded)).unwrap_or_default();
            body.push(Row::Section { title: Text::from(escaped(&row.row)), tag: tag.into() });
        }
        body.extend(call_rows(row));
        if let Some(folded) = folded.filter(|_| rows > 1) {
            body.extend(lines_of("Expect", expected::lines(look, step, folded)));
        }
    }
    body
}

/// The calls of a row, numbered where there are several.
pub(super) fn call_rows(row: &RowCalls) -> Vec<Row> {
    let many = row.calls.len() > 1;
    let mut body = Vec::new();
    for call in &row.calls {
        let label = if many { format!("Call {}", call.call + 1) } else { "Call".to_owned() };
        let mut lines = vec![exact::what(call)];
        lines.extend(exact::params(call));
        body.extend(lines_of(&label, lines));
    }
    body
}

/// `now …OLD1, v112 · way back old pair, sealed`.
fn standing(look: &Look<'_>, step: &Step, row: &RowState) -> String {
    if step.run.op != Op::HolderPut {
        return String::new();
    }
    format!("now {} · back: {}", held(row), back_to(look, step, row))
}

/// What a holder held before the act.
pub(super) fn held(row: &RowState) -> String {
    let Some((_, reading)) = &row.look else { return "not read yet".into() };
    let result = reading.result.as_ref().unwrap_or(&Value::Null);
    if let Some((code, _)) = error_of(result) {
        return format!("unknown: {code}");
    }
    let values = result.get("values").and_then(Value::as_object);
    let id = values.into_iter().flatten().find_map(|(name, value)| value.as_str().filter(|_| name.ends_with("KEY_ID")));
    let version = result.get("version").and_then(Value::as_str);
    match (id, version) {
        (Some(id), Some(version)) => format!("{}, {version}", tail(id)),
        (Some(id), None) => tail(id),
        (None, Some(version)) => version.to_owned(),
        (None, None) => "write-only".into(),
    }
}

/// Where a holder's old values are.
pub(super) fn back_to(look: &Look<'_>, step: &Step, row: &RowState) -> String {
    let scope = look.scope(step, Some(row));
    let holder = crate::engine::own::holder_of(step, &scope).unwrap_or(Value::Null);
    let name = holder.get("name").and_then(Value::as_str).unwrap_or("the holder");
    let plan = facts::plan_after(look, step);
    let wanted = format!("Restore {name}");
    let act = plan.acts.iter().find(|act| act.title == wanted);
    act.map_or_else(|| "NONE".to_owned(), |act| act.to.split(';').next().unwrap_or_default().to_owned())
}

/// The page before a confirmation.
pub(super) struct Page {
    pub panel: Panel,
    pub ask: Option<Ask>,
    pub enter: EnterDoes,
}

/// The step in focus, its gates open or not yet read.
pub(super) fn confirm(look: &Look<'_>, step: &Step, rendered: &Rendered) -> Page {
    let mut body = action(look, step, rendered);
    let rows = look.open_rows(&step.id);
    if let [row] = rows[..] {
        body.extend(lines_of("Expect", expected::lines(look, step, row)));
    } else if step.effect == EffectKind::Read
        && let Some(row) = rows.first()
    {
        body.extend(lines_of("Expect", expected::lines(look, step, row)));
    }
    body.extend(gate_rows(look, step));
    if step.capture.iter().any(|capture| !capture.secret.is_empty()) {
        body.push(Row::field("Secret", "stays in memory; neither you nor the transcript will see it"));
    }
    if let Some(why) = &step.why {
        body.push(Row::field("Why", why.as_str()));
    }
    if step.on_fail == crate::runbook::OnFail::Rollback {
        body.push(Row::field("If it fails", "the way back begins by itself; you confirm that too"));
    }
    body.extend(keys_now(look, rows.first().copied()));
    let (ask, enter) = asked(look, step, rendered);
    Page { panel: panel(look, step, body, Foot::Lines), ask, enter }
}

fn gate_rows(look: &Look<'_>, step: &Step) -> Vec<Row> {
    let all = gates::standing(look, step);
    if all.is_empty() {
        // A read without gates needs no line that says so.
        return if step.effect == EffectKind::Read {
            Vec::new()
        } else {
            vec![Row::field("Gates", "none for this step")]
        };
    }
    let mut label = "Gates";
    all.iter()
        .map(|gate| {
            let row = Row::Field { label: Text::from(label), value: gate.line(look), aside: None };
            label = "";
            row
        })
        .collect()
}

/// The user's keys as they were read just before.
pub(super) fn keys_now(look: &Look<'_>, row: Option<&RowState>) -> Vec<Row> {
    let Some((at, reading)) = row.and_then(|row| row.look.as_ref()) else { return Vec::new() };
    let Some(keys) = reading.result.as_ref().and_then(|result| result.get("keys")).and_then(Value::as_array) else {
        return Vec::new();
    };
    let mut body = vec![Row::Blank];
    let lines = keys.iter().map(|key| key_line(look, key, true));
    body.extend(lines_of("Keys now", lines));
    let room = match keys.len() {
        0 => "none: the user has no key".to_owned(),
        1 => "1 of 2: room for one more".into(),
        n => format!("{n} of 2: no room for a third"),
    };
    body.push(Row::Field {
        label: Text::new(),
        value: room.into(),
        aside: Some((36, format!("read {}", look.clock.time(*at)).into())),
    });
    body
}

/// `AKIAEXAMPLE00000OLD1  Active  412 d`.
pub(super) fn key_line(look: &Look<'_>, key: &Value, whole: bool) -> String {
    let text = |name: &str| key.get(name).and_then(Value::as_str).unwrap_or("?");
    let created = chrono::DateTime::parse_from_rfc3339(text("created")).ok();
    let age = created.map_or_else(
        || "age unknown".to_owned(),
        |created| format!("{} d", look.clock.days(crate::engine::entry::Stamp::new(created.to_utc()))),
    );
    let id = if whole { escaped(text("id")) } else { tail(text("id")) };
    format!("{id}  {:<8}  {age}", text("status"))
}

/// What is asked, or why nothing is.
fn asked(look: &Look<'_>, step: &Step, rendered: &Rendered) -> (Option<Ask>, EnterDoes) {
    if look.now.confirming {
        return (
            None,
            EnterDoes::Off(
                "its gates are read again".into(),
                "You confirmed this. Its gates are read again; then it is sent.".into(),
            ),
        );
    }
    let type_back = admit::type_back(look.book(), look.state(), step).unwrap_or_default();
    let reason = step.confirm.reason || admit::way_back(look.book(), look.state(), step).is_err();
    let answer = Answer {
        how: match step.confirm.kind {
            ConfirmKind::Enter => "enter",
            ConfirmKind::Sign => "sign",
            ConfirmKind::TypeBack(_) => "type_back",
        }
        .into(),
        typed: type_back.first().cloned(),
        reason: Some("a reason".into()),
    };
    if let Err(why) = admit::confirmation(look.book(), look.state(), &step.id, &answer) {
        let short = if look.now.busy || why.contains("has not been read") {
            "what is there now is being read"
        } else {
            "it can't be done now"
        };
        return (None, EnterDoes::Off(short.into(), why));
    }
    if gates::unread(look, step) {
        return (
            None,
            EnterDoes::Off("its gates are being read".into(), "The gates of this step are being read.".into()),
        );
    }
    let intent = Intent::Confirm { step: step.id.clone(), digest: rendered.digest(), answer: Answer::default() };
    let mut fields = Vec::new();
    if reason {
        fields.push(Field::reason());
    }
    if let Some(wanted) = type_back.first() {
        let of = if step.run.op == Op::IamDeleteAccessKey { "AccessKeyId" } else { "" };
        let label = if wanted.chars().count() == 4 { "Last four" } else { "Type back" };
        fields.push(Field::type_back(label, wanted, of));
    }
    let by = match step.confirm.kind {
        ConfirmKind::Enter => By::Enter,
        ConfirmKind::Sign => By::Sign,
        ConfirmKind::TypeBack(_) => By::TypeBack,
    };
    let fields_title = match (reason, type_back.is_empty()) {
        (true, false) => "Reason, then the last four of AccessKeyId above",
        (true, true) => "Reason: this has no way back",
        (false, false) => "The last four of AccessKeyId above",
        (false, true) => "",
    };
    (
        Some(Ask { by, intent, sentence: sentence(look, step, rendered), fields, fields_title: fields_title.into() }),
        EnterDoes::Asked,
    )
}

/// What the sign line asks for, or what Enter does.
fn sentence(look: &Look<'_>, step: &Step, rendered: &Rendered) -> String {
    let param = |name: &str| {
        let call = rendered.rows.first()?.calls.first()?;
        call.params.get(name)?.as_str().map(escaped)
    };
    let rows = look.open_rows(&step.id);
    let target = match rows[..] {
        [row] => {
            let scope = look.scope(step, Some(row));
            let holder = crate::engine::own::holder_of(step, &scope);
            holder
                .and_then(|holder| holder.get("name")?.as_str().map(str::to_owned))
                .unwrap_or_else(|| row_name(row, "").to_owned())
        }
        _ => format!("{} holders", rows.len()),
    };
    if step.effect == EffectKind::Read {
        return match rows.len() {
            1 => "asks (reads only)".into(),
            n => format!("asks {n} (reads only)"),
        };
    }
    match step.run.op {
        Op::IamCreateAccessKey => format!("create a key for {}", param("UserName").unwrap_or_default()),
        Op::IamDeleteAccessKey => format!("delete {} for good", param("AccessKeyId").unwrap_or_default()),
        Op::IamUpdateAccessKey => {
            let verb = if param("Status").as_deref() == Some("Active") { "reactivate" } else { "deactivate" };
            format!("{verb} {}", param("AccessKeyId").unwrap_or_default())
        }
        Op::HolderPut => format!("put the new pair into {target}"),
        Op::HolderRestart => format!("restart {target}"),
        _ => format!("do step {} ({})", super::look::number(step), step.title),
    }
}

/// A step that can't be rendered or opened.
pub(super) fn blocked(look: &Look<'_>, step: &Step, why: &str) -> Panel {
    let mut panel = panel(look, step, vec![Row::Line(Text::from(Status::Fail).say(&format!(" {why}")))], Foot::Plain);
    panel.tag = look.tag("CAN'T GO ON");
    panel.border = Border::Thin;
    panel
}
