-- What an account may have beside what it may have by itself, and how often it
-- gave up leases lately.

ALTER TABLE account
  ADD COLUMN quota_open_tasks bigint NOT NULL DEFAULT 0,
  ADD COLUMN quota_leases bigint NOT NULL DEFAULT 0,
  ADD COLUMN quota_sessions bigint NOT NULL DEFAULT 0,
  ADD COLUMN give_ups bigint NOT NULL DEFAULT 0,
  ADD COLUMN give_up_time timestamptz,
  ADD CONSTRAINT account_quotas_not_negative CHECK (
    quota_open_tasks >= 0 AND quota_leases >= 0 AND quota_sessions >= 0),
  ADD CONSTRAINT account_give_ups_not_negative CHECK (give_ups >= 0);
