-- Audits by which verifiers are tried: whether what is asked now leads nowhere,
-- and how often that was answered.

ALTER TABLE audit
  ADD COLUMN is_planted bigint NOT NULL DEFAULT 0,
  ADD COLUMN planted_count bigint NOT NULL DEFAULT 0,
  ADD CONSTRAINT audit_is_planted_is_bool CHECK (is_planted IN (0, 1)),
  ADD CONSTRAINT audit_planted_count_not_negative CHECK (planted_count >= 0);
