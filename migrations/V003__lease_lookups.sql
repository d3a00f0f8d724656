-- Leases listed by task and by miner, ended ones included.

CREATE INDEX lease_by_task ON lease (task_id, id);
CREATE INDEX lease_by_account ON lease (account_id, id);
