//! The names of what an operator can ask for, and why it may be off. Which key it is stands in the interface's keymap.

/// A command of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Command {
    /// Selection or scroll down.
    Down,
    /// Selection or scroll up.
    Up,
    /// To the first.
    First,
    /// To the last.
    Last,
    /// Half a page down.
    HalfDown,
    /// Half a page up.
    HalfUp,
    /// The next panel or field.
    Next,
    /// The panel or field before.
    Previous,
    /// A panel by number.
    Panel,
    /// Look for text.
    Find,
    /// The next found.
    FindNext,
    /// The found one before.
    FindPrevious,
    /// Another order.
    Order,
    /// Open; run a read; to the sign line.
    Enter,
    /// Sign and act.
    Sign,
    /// Back; never acts.
    Back,
    /// Open the way back's plan.
    WayBack,
    /// Leave a step out.
    Skip,
    /// Break a gate.
    Override,
    /// Add a forgotten consumer.
    AddRow,
    /// Pass on to another person.
    HandOver,
    /// Give up.
    Abort,
    /// A drill of the selected runbook.
    Drill,
    /// Move a drill's clock.
    MoveClock,
    /// A note in the transcript.
    Note,
    /// The transcript.
    Transcript,
    /// All steps.
    Steps,
    /// The whole answer.
    Whole,
    /// Follow the newest sample.
    Follow,
    /// The next deviation.
    NextDeviation,
    /// The next signature.
    NextSignature,
    /// The report for people.
    Report,
    /// The evidence pack.
    Export,
    /// Copy.
    Copy,
    /// Read again.
    Reread,
    /// The keys of the account.
    Account,
    /// Mouse on or off.
    Mouse,
    /// Draw again.
    Redraw,
    /// To the shell.
    Shell,
    /// Commands by name.
    Palette,
    /// Keys here.
    Help,
    /// Suspend and leave.
    Leave,
    /// Leave even with an act under way.
    LeaveAnyway,
}

/// Why a command is off just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Off {
    /// The command.
    pub command: Command,
    /// A few words without a full stop: for the hints.
    pub short: String,
    /// Sentences: why, and when it opens.
    pub why: String,
}

impl Off {
    /// A command that is off.
    pub fn new(command: Command, short: &str, why: &str) -> Self {
        Self { command, short: short.into(), why: why.into() }
    }
}
