-- Accounts that an operator holds for one person's, and how much of an
-- account's accepted work clients of its own group paid. Accounts are few: the
-- constraint looks at them at once.

ALTER TABLE account
  -- NULL: it is alone.
  ADD COLUMN group_name text,
  ADD COLUMN trials_within_group bigint NOT NULL DEFAULT 0,
  ADD CONSTRAINT account_within_group_not_negative CHECK (
    trials_within_group >= 0);
