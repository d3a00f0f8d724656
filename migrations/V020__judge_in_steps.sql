-- A conviction voids what its account has not matured, and a doubt has it
-- examined, in as many steps as there are trials for. These say until when what
-- was committed is meant, for as long as there are steps left; a server from
-- before does all of it at once, and leaves both NULL.

ALTER TABLE account
  ADD COLUMN void_until timestamptz,
  ADD COLUMN examine_until timestamptz;
