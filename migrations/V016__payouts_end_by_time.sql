-- That a payout has ended is told by its end_time, which payout_end_time_iff_ended
-- ties to its state: what guards an end no longer spells the states that are ends.

CREATE OR REPLACE FUNCTION refuse_payout_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' OR OLD.end_time IS NOT NULL AND NEW IS DISTINCT FROM OLD
      OR (NEW.account_id, NEW.amount, NEW.address, NEW.rail_key)
      IS DISTINCT FROM (OLD.account_id, OLD.amount, OLD.address, OLD.rail_key)
  THEN
    RAISE EXCEPTION 'payout %: % refused', OLD.id, TG_OP
      USING ERRCODE = 'integrity_constraint_violation',
            CONSTRAINT = 'payout_append_only';
  END IF;
  RETURN NEW;
END $$;
