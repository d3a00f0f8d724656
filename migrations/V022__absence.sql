-- Answers that were due while nothing was heard of their miner's account are
-- waited for. A server from before asks for them by their deadline alone, and
-- leaves both as they are.

ALTER TABLE audit
  -- By when the account must be back. NULL: it was not away, or has answered.
  ADD COLUMN away_until timestamptz,
  -- Nothing was heard of it since.
  ADD COLUMN away boolean NOT NULL DEFAULT false;
