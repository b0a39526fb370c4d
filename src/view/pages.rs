//! What the pages around a run say: home, keys, inputs, transcript.

use super::banner::{Banner, Footer};
use super::panel::Row;
use super::status::Status;
use super::text::Text;

/// Something that needs the operator.
#[derive(Clone, Debug, PartialEq)]
pub struct Need {
    /// What [`super::intent::Intent::OpenRun`] names.
    pub id: String,
    /// How it stands.
    pub status: Status,
    /// `in doubt`, `may go on`, `overdue`.
    pub word: String,
    /// The user.
    pub name: String,
    /// The SOP's number, or empty.
    pub sop: String,
    /// What happened.
    pub text: Text,
    /// When.
    pub right: String,
    /// `opens billing-export: it asks AWS what happened and changes nothing`.
    pub enter: String,
}

/// A run that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct RunItem {
    /// What is opened.
    pub id: String,
    /// How it ended.
    pub status: Status,
    /// `completed`.
    pub word: String,
    /// `7c20`.
    pub short: String,
    /// The user.
    pub name: String,
    /// `Wed 19 Nov`.
    pub date: String,
    /// Who.
    pub by: String,
    /// `0 deviations`.
    pub text: Text,
}

/// A runbook.
#[derive(Clone, Debug, PartialEq)]
pub struct RunbookItem {
    /// What is opened.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Is it drilled?
    pub status: Status,
    /// `drilled Tue 18 Nov by you`.
    pub drilled: String,
    /// `workspace` or `built in`.
    pub origin: String,
}

/// Home.
#[derive(Clone, Debug, PartialEq)]
pub struct HomeView {
    /// Where.
    pub banner: Banner,
    /// Most urgent first.
    pub needs: Vec<Need>,
    /// The last runs.
    pub runs: Vec<RunItem>,
    /// Runs that are not in the list.
    pub more_runs: usize,
    /// The runbooks.
    pub runbooks: Vec<RunbookItem>,
    /// Who signed last, and the register.
    pub footer: Footer,
}

/// A key of a user, with what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyItem {
    /// Whole: ids are public.
    pub id: String,
    /// Against the policy.
    pub status: Status,
    /// `Active`, `Inactive`, `?`.
    pub state: String,
    /// `412 d`.
    pub age: String,
    /// Against the policy, in words.
    pub text: Text,
    /// Label, value and what stands at the right.
    pub facts: Vec<(String, Text, Text)>,
}

/// The keys of a user, and what can be done.
#[derive(Clone, Debug, PartialEq)]
pub struct UserKeysView {
    /// Where, and when it was read.
    pub banner: Banner,
    /// `raxx-vault-operator`.
    pub user: String,
    /// `2 of 2: no room for a third`.
    pub tag: String,
    /// The keys.
    pub keys: Vec<KeyItem>,
    /// What can be done: title, then lines.
    pub can: Vec<Row>,
    /// The runbook that Enter opens.
    pub runbook: String,
    /// `opens the inputs; nothing is sent`.
    pub enter: String,
    /// Why reading again is off now, if it is.
    pub reread_off: Option<String>,
}

/// A key in the account's list.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountKey {
    /// Against the policy.
    pub status: Status,
    /// The user.
    pub user: String,
    /// `…OLD1`, or `?`.
    pub key: String,
    /// The whole id, for copying; empty if unknown.
    pub id: String,
    /// `Active`.
    pub state: String,
    /// `412 d`.
    pub age: String,
    /// When, or `unknown`.
    pub used: String,
    /// Which service, or empty.
    pub service: String,
    /// Its run, or `–`.
    pub run: String,
}

/// The keys of the account.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountKeysView {
    /// Where, and when it was read.
    pub banner: Banner,
    /// `Keys, most overdue first`.
    pub title: String,
    /// `17 keys known, 14 users`.
    pub tag: String,
    /// In order.
    pub keys: Vec<AccountKey>,
    /// What is overdue and what is unknown.
    pub summary: Text,
    /// What the list can't say.
    pub caveats: Vec<Text>,
    /// Why reading again is off now, if it is.
    pub reread_off: Option<String>,
}

/// What an input is, for the page of inputs.
#[derive(Clone, Debug, PartialEq)]
pub enum InputKind {
    /// Known; lines and where each comes from.
    Fixed(Vec<(Text, String)>),
    /// One of several.
    Choice {
        /// All of them.
        options: Vec<String>,
        /// The chosen one's index.
        chosen: usize,
    },
    /// To be typed.
    Text(String),
    /// A secret to be typed, how many characters it has, and its fingerprint once it is taken.
    Secret {
        /// Characters so far, 0 if none.
        chars: usize,
        /// `c0d2 51b7` once it is taken.
        fingerprint: Option<String>,
    },
}

/// An input.
#[derive(Clone, Debug, PartialEq)]
pub struct InputItem {
    /// Its name.
    pub name: String,
    /// Is it good?
    pub status: Status,
    /// What it is.
    pub kind: InputKind,
    /// Where it comes from.
    pub origin: String,
    /// More about it.
    pub notes: Vec<Text>,
}

/// The page of inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct InputsView {
    /// Where.
    pub banner: Banner,
    /// In order.
    pub inputs: Vec<InputItem>,
    /// What is missing, in words; empty if nothing is.
    pub missing: String,
    /// `github_token is missing`: why one can't go on; `None` if one can.
    pub off: Option<String>,
    /// `goes on to step 0`.
    pub enter: String,
}

/// A deviation of a transcript.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviationItem {
    /// The entry that shows it.
    pub n: u64,
    /// `advisory`.
    pub kind: String,
    /// Clock time.
    pub time: String,
    /// A sentence.
    pub text: Text,
}

/// An entry of a transcript.
#[derive(Clone, Debug, PartialEq)]
pub struct EntryItem {
    /// Its number.
    pub n: u64,
    /// Time with milliseconds.
    pub time: String,
    /// Who, short.
    pub by: String,
    /// `confirmed`.
    pub kind: String,
    /// Step and what it says.
    pub text: Text,
    /// For a checkpoint: the signature, checked.
    pub signature: Option<Text>,
    /// The command that checks it without keyward; empty if it has no signature.
    pub check: String,
}

/// A transcript.
#[derive(Clone, Debug, PartialEq)]
pub struct TranscriptView {
    /// Where, run, whether it is in order, signatures.
    pub banner: Banner,
    /// Deviations come first.
    pub deviations: Vec<DeviationItem>,
    /// All entries known to the page.
    pub entries: Vec<EntryItem>,
    /// How many there are.
    pub total: usize,
    /// `times in UTC`.
    pub times: String,
    /// The head, 64 hex digits.
    pub head: String,
}

/// What is said where there is no room for a screen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TooSmallView {
    /// `REAL prod 111122223333`.
    pub place: String,
    /// The user.
    pub user: String,
    /// `Step 2: waits for you.`
    pub step: String,
    /// `Nothing is under way.` or `Leave it open until 03:15:33.`
    pub stay: String,
    /// May one leave?
    pub may_leave: bool,
}

/// Keys of a screen: which are live, which are off and why.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HelpView {
    /// Where.
    pub banner: Option<Banner>,
    /// `5 Update every consumer · row 2 under way`.
    pub tag: String,
    /// Keys and what they do.
    pub live: Vec<(String, String)>,
    /// Keys, names and why they are off.
    pub off: Vec<(String, String)>,
}
