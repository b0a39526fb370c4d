//! The embedded AWS and the stand-ins, for drills.
//!
//! An HTTP server on loopback that the real AWS SDK, the `aws` command line and boto3 talk to. It checks SigV4
//! signatures, knows key status and simple policies, lets changes take time to spread on the run's clock, records last
//! use, and fails on demand ([`Fault`]). The outside systems that hold a pair (Infisical, Heroku, GitHub, a host's
//! EnvironmentFile) have stand-ins: HTTP below `/-/SYSTEM/`, and commands that are keyward under another name
//! ([`stand_in`]). A consumer really breaks when it is forgotten, or gets half a pair.
//!
//! What the sandbox holds is made up, so its files may hold pairs in clear. It must not know the engine's
//! state, the runbook's types or the screen: it is a world, and keyward meets it only over HTTP and as child processes.
//!
//! | at | is |
//! | --- | --- |
//! | `POST /` | IAM, STS, CloudTrail: the service is the one in the signature's scope |
//! | `/BUCKET/KEY` | S3, path style |
//! | `/-/infisical/api/v4/secrets…` | Infisical |
//! | `/-/heroku/apps/APP/…` | Heroku's Platform API |
//! | `/-/github/repos/OWNER/NAME/actions/…` | GitHub's REST API |
//! | `/-/control/…` | what the stand-in commands ask |
//!
//! A stand-in refuses what the real system refuses: one that is kinder would make a drill prove nothing. What is left
//! out is said in each file's head.
//!
//! The map: [`world`] is what a drill starts with, `state` the world as it runs, `key` and `policy` what IAM decides,
//! `sigv4` who is asking, `server` and `wire` the HTTP, `saved` what outlives a process, `aws`, `iam`, `sts`, `s3` and `cloudtrail` the AWS operations, `infisical`, `heroku`,
//! `github` and `control` the systems beside it, `stand_in` the commands.

mod answer;
mod aws;
mod cloudtrail;
mod control;
pub mod fault;
mod form;
mod github;
mod heroku;
mod holder;
mod iam;
mod iam_user;
mod infisical;
mod key;
pub mod policy;
mod s3;
mod s3_list;
mod saved;
mod server;
mod sigv4;
pub mod snapshot;
mod stand_in;
mod state;
mod sts;
mod wire;
pub mod world;
mod xml;

#[cfg(test)]
mod tests;

pub use fault::{Fault, Times};
pub use saved::Keep;
pub use server::{Sandbox, System, Witness};
pub use snapshot::{ConsumerView, KeyView, Snapshot, UserView};
pub use stand_in::{ENV_TOKEN, ENV_URL, stand_in};
pub use world::{AccessKey, Bucket, Holder, HolderKind, KeyStatus, Pair, Spread, Timing, User, World};
