//! `keyward.yaml`: environments, systems, consumers, roster, policy.
