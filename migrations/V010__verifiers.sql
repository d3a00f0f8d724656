-- Audits that end: what each verifier found about one, who renews its lease,
-- and until when it may wait.

ALTER TABLE trial
  -- Its whole replay was never decided: it does not win.
  ADD COLUMN is_barred bigint NOT NULL DEFAULT 0,
  DROP CONSTRAINT trial_basis_known,
  ADD CONSTRAINT trial_basis_known CHECK (
    basis IN ('none', 'sampled_out', 'unverified', 'audited', 'replayed'));

ALTER TABLE audit
  -- What verifiers found, one after another; nothing looks into it here.
  ADD COLUMN looks bytea NOT NULL DEFAULT '',
  ADD COLUMN lease_time timestamptz,
  ADD COLUMN wait_time timestamptz DEFAULT now(),
  -- Those that wait already have from now on as long as new ones.
  ADD COLUMN decide_time timestamptz DEFAULT now() + interval '1 hour',
  -- Their counts are in looks now; servers from before still write these.
  ALTER COLUMN inconclusive_count SET DEFAULT 0;
