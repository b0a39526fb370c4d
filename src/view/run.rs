//! What the screens of a run say: before a change, verifying, rows, irreversible, gate, failure, doubt, way back, approval.

use super::banner::{Banner, Footer, Progress};
use super::command::{Command, Off};
use super::intent::Intent;
use super::panel::{Field, Panel, Row};
use super::text::Text;

/// What is asked of the operator now.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// How it is answered.
    pub by: By,
    /// What a `y` or Enter asks for; fields and answer are filled in.
    pub intent: Intent,
    /// `create a key for raxx-vault-operator`: the sign line asks "Sign, and … in REAL prod?".
    pub sentence: String,
    /// Fields below the panel's rows, which don't scroll.
    pub fields: Vec<Field>,
    /// The line above the fields.
    pub fields_title: String,
}

/// How an [`Ask`] is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Enter runs it: it changes no system.
    Enter,
    /// Enter leads to the sign line, `y` acts.
    Sign,
    /// Enter never; Tab leads to the sign line, `y` acts.
    TypeBack,
}

/// The page of a command: a plan, and what is asked before it is done.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// The command that opens it.
    pub command: Option<Command>,
    /// The plan, whole.
    pub panel: Panel,
    /// What is asked.
    pub ask: Ask,
    /// Who will notice, how to get back and whether one may leave, if this is done; an empty one is the run's own.
    pub facts: Facts,
}

/// The three things to know before anything is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Who will notice.
    pub notices: Text,
    /// How to get back.
    pub way_back: Text,
    /// May one leave?
    pub walk_away: Text,
}

/// What Enter does, in row 23.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnterDoes {
    /// From what is asked and chosen.
    Asked,
    /// `opens …`, after the word Enter.
    Does(String),
    /// Nothing, and why: a few words, and sentences.
    Off(String, String),
    /// Nothing; another key is the first hint.
    Quiet,
}

/// What stands beside the panel from 110 columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Side {
    /// When the keys were read, like `read 03:16:20`.
    pub keys_tag: Text,
    /// The keys of the user.
    pub keys: Vec<Row>,
    /// What the last samples are of, like `step 4, pass`.
    pub samples_tag: Text,
    /// The last samples.
    pub samples: Vec<Row>,
    /// Deviations so far.
    pub deviations: Vec<Text>,
}

/// A screen of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunView {
    /// Where.
    pub banner: Banner,
    /// The steps.
    pub progress: Progress,
    /// The act.
    pub panel: Panel,
    /// Who will notice.
    pub notices: Text,
    /// How to get back.
    pub way_back: Text,
    /// May one leave?
    pub walk_away: Text,
    /// What is asked now, if anything.
    pub ask: Option<Ask>,
    /// What Enter does.
    pub enter: EnterDoes,
    /// Pages of commands that are live.
    pub offers: Vec<Offer>,
    /// Commands that are off here, and why.
    pub off: Vec<Off>,
    /// The first hint is this command, where Enter is quiet: it is the way on.
    pub first_hint: Option<Command>,
    /// What is under way, like `row 2`; `None` if nothing is.
    pub under_way: Option<UnderWay>,
    /// What stands beside the panel on a wide terminal.
    pub side: Side,
    /// What `c` copies.
    pub copy: Option<String>,
    /// Who signed, entries, head.
    pub footer: Footer,
}

/// An act whose answer is not in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnderWay {
    /// `row 2`.
    pub what: String,
    /// `sent 03:15:03, no answer yet`.
    pub sent: String,
    /// Clock time by which the answer is due.
    pub due: String,
}

impl RunView {
    /// Why a command is off here, if it is.
    pub fn off(&self, command: Command) -> Option<&Off> {
        self.off.iter().find(|off| off.command == command)
    }

    /// The page of a command.
    pub fn offer(&self, command: Command) -> Option<&Offer> {
        self.offers.iter().find(|offer| offer.command == Some(command))
    }
}

/// The end of a run: what happened, what remains, where the evidence is.
#[derive(Clone, Debug, PartialEq)]
pub struct EndView {
    /// Where.
    pub banner: Banner,
    /// The steps.
    pub progress: Progress,
    /// Everything.
    pub panel: Panel,
    /// What `c` copies: the head.
    pub copy: Option<String>,
    /// Who signed the seal, entries, the run's place in the register.
    pub footer: Footer,
}
