-- Time in which the pool was away is added to what was to be done by then in
-- steps, kind by kind and in the order of ids. These say of which time, and how
-- far that has come; NULL: nothing is left to be added. A server from before
-- adds all of it at once, and leaves them as they are: they count only while
-- `away_until` is the clock's time, which that server moves on.

ALTER TABLE pool_clock
  ADD COLUMN away_since timestamptz,
  ADD COLUMN away_until timestamptz,
  ADD COLUMN away_kind text,
  ADD COLUMN away_done_to bigint;
