-- Proof of training: signed roots over checkpoints, audits that ask for a
-- segment, verdicts by sampling, and credit that matures.

ALTER TABLE account
  -- The chance with which a trial of it is audited.
  ADD COLUMN audit_rate_ppm bigint NOT NULL DEFAULT 1000000;

ALTER TABLE session
  -- Ed25519; NULL: of a worker from before.
  ADD COLUMN public_key bytea,
  ADD CONSTRAINT session_key_size CHECK (octet_length(public_key) = 32);

ALTER TABLE trial
  ADD COLUMN checkpoint_root bytea,
  ADD COLUMN signature bytea,
  ADD COLUMN session_id bigint,
  ADD COLUMN hardware_class text NOT NULL DEFAULT '',
  ADD COLUMN draw_ppm bigint NOT NULL DEFAULT 0,
  ADD COLUMN basis text NOT NULL DEFAULT 'none',
  ADD COLUMN is_matured bigint NOT NULL DEFAULT 0,
  ADD COLUMN audit_time_ns bigint NOT NULL DEFAULT 0,
  ADD CONSTRAINT trial_basis_known
    CHECK (basis IN ('none', 'sampled_out', 'audited', 'replayed')),
  ADD CONSTRAINT trial_proof_sizes CHECK (
    octet_length(checkpoint_root) = 32 AND octet_length(signature) = 64),
  -- Trials that are not drawn are not measured.
  DROP CONSTRAINT trial_accuracy_once_accepted;
-- All of them were audited.
UPDATE trial SET basis = 'audited', is_matured = 1 WHERE state = 'accepted';
UPDATE trial SET hardware_class =
    session.hardware_class || '/' || session.threads::text
  FROM lease JOIN session ON session.id = lease.session_id
  WHERE lease.id = trial.lease_id AND trial.state IN ('committed', 'uploaded');
ALTER TABLE trial
  ADD CONSTRAINT trial_basis_iff_accepted
    CHECK ((basis <> 'none') = (state = 'accepted'));

ALTER TABLE audit
  ADD COLUMN kind text NOT NULL DEFAULT 'whole',
  ADD COLUMN segment bigint NOT NULL DEFAULT 0,
  ADD COLUMN measures_all bigint NOT NULL DEFAULT 1,
  -- What the miner has yet to send, as bits.
  ADD COLUMN missing bigint NOT NULL DEFAULT 0,
  -- What it laid open; empty before.
  ADD COLUMN opening bytea NOT NULL DEFAULT '',
  ADD COLUMN refutations bigint NOT NULL DEFAULT 0,
  ADD COLUMN retry_time timestamptz,
  DROP CONSTRAINT audit_state_known,
  ADD CONSTRAINT audit_state_known
    CHECK (state IN ('asked', 'waiting', 'leased', 'done')),
  ADD CONSTRAINT audit_kind_known CHECK (kind IN ('segment', 'whole')),
  ADD CONSTRAINT audit_missing_iff_asked
    CHECK (state = 'done' OR (missing <> 0) = (state = 'asked')),
  DROP CONSTRAINT audit_expiry_iff_leased,
  ADD CONSTRAINT audit_expiry_iff_awaited
    CHECK ((expire_time IS NOT NULL) = (state IN ('asked', 'leased')));
