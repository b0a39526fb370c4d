//! The interface's end of a run: orders in, news out.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use super::snapshot::Snapshot;
use crate::engine::decision::Decision;
use crate::sandbox::Witness;

/// What an interface asks of the driver.
#[derive(Debug)]
pub enum Order {
    /// A decision, and where the answer goes: a refusal is a sentence.
    Decide(Decision, oneshot::Sender<Result<(), String>>),
    /// A drill's clock may move on to when the gate opens.
    MoveOn(String, oneshot::Sender<Result<(), String>>),
    /// Leave at once, whatever is under way.
    Leave,
}

/// The interface's end of a run.
#[derive(Clone, Debug)]
pub struct Handle {
    /// Orders.
    pub orders: mpsc::Sender<Order>,
    /// The run as it is now.
    pub news: watch::Receiver<Arc<Snapshot>>,
    /// In a drill: who made a key, as the trail would tell a person who asks minutes later.
    pub(super) witness: Option<Witness>,
}

impl Handle {
    /// True if the sandbox knows that somebody else made this key; false outside a drill.
    pub fn is_foreign(&self, key: &str) -> bool {
        self.witness.as_ref().is_some_and(|witness| witness.is_foreign(key))
    }

    /// Decides, and waits until the engine has taken or refused it.
    ///
    /// # Errors
    /// The refusal, a sentence for the operator.
    pub async fn decide(&self, decision: Decision) -> Result<(), String> {
        let (reply, answer) = oneshot::channel();
        self.ask(Order::Decide(decision, reply), answer).await
    }

    /// Lets a drill's clock move on.
    ///
    /// # Errors
    /// There is nothing to move on to, or the clock is real.
    pub async fn move_on(&self, reason: &str) -> Result<(), String> {
        let (reply, answer) = oneshot::channel();
        self.ask(Order::MoveOn(reason.to_owned(), reply), answer).await
    }

    async fn ask(&self, order: Order, answer: oneshot::Receiver<Result<(), String>>) -> Result<(), String> {
        let gone = || "the run has ended".to_owned();
        self.orders.send(order).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}
