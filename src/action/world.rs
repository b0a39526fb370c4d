//! What the effect layer may touch: endpoints, credentials, systems, programs. Built once at a run's start.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::aws::Aws;
use super::program::Program;
use crate::engine::entry::EnvironmentKind;
use crate::runbook::connector::Connector;
use crate::runtime::clock::Clock;
use crate::secret::{Secret, Vault};

/// Everything that calls can reach.
pub struct World {
    /// In a sandbox or rehearsal nothing but loopback is reached.
    pub kind: EnvironmentKind,
    /// The run's id, for the User-Agent: CloudTrail then shows which calls were this run's.
    pub run: String,
    /// AWS, if the environment has it.
    pub aws: Option<Aws>,
    /// Outside systems by name.
    pub systems: BTreeMap<String, System>,
    /// Programs that commands may start, by name.
    pub programs: BTreeMap<String, Program>,
    /// Connectors by holder kind.
    pub connectors: BTreeMap<String, Connector>,
    /// The run's secrets.
    pub vault: Arc<Mutex<Vault>>,
    /// A drill's host: where its commands find the stand-ins. Without one a drill starts no program.
    pub drill: Option<DrillHost>,
    /// The run's clock, for the skew against a server's `Date`.
    pub clock: Clock,
    /// How long things may take, and how large answers may be.
    pub limits: Limits,
}

impl World {
    /// A world with nothing in it but a vault.
    pub fn new(kind: EnvironmentKind, run: impl Into<String>, vault: Arc<Mutex<Vault>>) -> Self {
        Self {
            kind,
            run: run.into(),
            aws: None,
            systems: BTreeMap::new(),
            programs: BTreeMap::new(),
            connectors: BTreeMap::new(),
            vault,
            drill: None,
            clock: Clock::real(),
            limits: Limits::default(),
        }
    }

    /// Resolved endpoints by name, as entry 0 records them: AWS's services and each system.
    pub fn endpoints(&self) -> BTreeMap<String, String> {
        let mut all: BTreeMap<String, String> = self.aws.iter().flat_map(Aws::endpoints).collect();
        all.extend(self.systems.iter().map(|(name, system)| (name.clone(), system.url.clone())));
        all
    }
}

/// An outside system.
#[derive(Clone, Debug)]
pub struct System {
    /// Its base URL.
    pub url: String,
    /// How requests say who they are.
    pub token: Option<Secret>,
    /// In which form.
    pub scheme: TokenScheme,
}

/// How a system's token is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TokenScheme {
    /// `Authorization: Bearer TOKEN` (RFC 6750).
    #[default]
    Bearer,
    /// `Authorization: WORD TOKEN`, like GitLab's or GitHub's older `token`.
    Word(String),
    /// A header of its own that holds the token alone, like `PRIVATE-TOKEN`.
    Header(String),
}

/// Where a drill's commands run.
#[derive(Clone, Debug)]
pub struct DrillHost {
    /// The folder with the stand-ins: the whole PATH.
    pub path: PathBuf,
    /// An empty folder.
    pub home: PathBuf,
    /// What the stand-ins need to find the sandbox, and to say who they are there.
    pub env: BTreeMap<String, Secret>,
}

/// How long things may take, and how large answers may be.
#[derive(Clone, Debug)]
pub struct Limits {
    /// One request that changes something; then it is in doubt.
    pub send: Duration,
    /// One read with all its tries.
    pub read: Duration,
    /// To have a connection.
    pub connect: Duration,
    /// A command.
    pub command: Duration,
    /// Bytes of an HTTP answer's body.
    pub body: usize,
    /// Bytes kept of each of a command's two outputs; the rest is counted.
    pub output: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            send: Duration::from_secs(30),
            read: Duration::from_secs(30),
            connect: Duration::from_secs(5),
            command: Duration::from_secs(300),
            body: 8 << 20,
            output: 1 << 20,
        }
    }
}
