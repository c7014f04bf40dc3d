-- The first schema. One dialect for PostgreSQL and SQLite: TEXT ids, BIGINT
-- milliseconds UTC and credits, JSON as TEXT (design, section 4). On SQLite
-- BIGINT becomes INTEGER and every table STRICT. `list` columns hold the
-- random id of the list that last decided on the row (protocols, section 4).

-- What this database is: kind = 'sandbox' or the bot's id.
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- only postgresql
CREATE FUNCTION now_ms() RETURNS BIGINT LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint $$;
-- all

CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    full_name TEXT NOT NULL,
    username TEXT,
    language TEXT NOT NULL CHECK (language IN ('ru', 'en')),
    start_payload TEXT,
    reachable BIGINT NOT NULL DEFAULT 1,
    created_at BIGINT NOT NULL
);

CREATE TABLE identities (
    provider TEXT NOT NULL,
    subject TEXT NOT NULL,
    account TEXT NOT NULL REFERENCES accounts (id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (provider, subject)
);
CREATE INDEX identities_account ON identities (account);

-- Double entry. Entry accounts: available:<usr>, held:<usr>, and the shop's
-- own (revenue, bonus, adjust...), which have no balance row: a row for
-- revenue would serialise everybody.
CREATE TABLE ledger_txns (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('topup', 'hold', 'capture', 'release',
                                       'bonus', 'promo', 'refund', 'adjust')),
    ref TEXT NOT NULL,
    account TEXT NOT NULL,
    note TEXT,
    created_at BIGINT NOT NULL,
    UNIQUE (kind, ref)
);
CREATE UNIQUE INDEX ledger_txns_one_end ON ledger_txns (ref)
    WHERE kind IN ('capture', 'release');
CREATE INDEX ledger_txns_account ON ledger_txns (account, created_at);
CREATE INDEX ledger_txns_created ON ledger_txns (created_at);

CREATE TABLE ledger_entries (
    txn_id TEXT NOT NULL REFERENCES ledger_txns (id),
    account TEXT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (txn_id, account)
);
CREATE INDEX ledger_entries_account ON ledger_entries (account);

CREATE TABLE balances (
    account TEXT PRIMARY KEY REFERENCES accounts (id),
    available BIGINT NOT NULL CHECK (available >= 0),
    held BIGINT NOT NULL CHECK (held >= 0),
    list TEXT,
    updated_at BIGINT NOT NULL
);

CREATE TABLE scenario_templates (
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    body TEXT NOT NULL,
    workflow TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (name, version)
);

-- What is sold: a scenario version with price and place; run_ms is the moving
-- mean of measured runs.
CREATE TABLE presets (
    name TEXT PRIMARY KEY,
    scenario TEXT NOT NULL,
    version TEXT NOT NULL,
    price BIGINT NOT NULL CHECK (price >= 0),
    bindings TEXT,
    category TEXT NOT NULL,
    position BIGINT NOT NULL,
    cover TEXT,
    enabled BIGINT NOT NULL DEFAULT 1, -- the admin switch
    present BIGINT NOT NULL DEFAULT 1, -- its folder is there
    run_ms BIGINT,
    runs BIGINT NOT NULL DEFAULT 0,
    updated_at BIGINT NOT NULL,
    FOREIGN KEY (scenario, version) REFERENCES scenario_templates (name, version)
);

-- A price card's promise; items is the JSON list of inputs, one a job.
CREATE TABLE offers (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (id),
    chat_id BIGINT,
    preset TEXT NOT NULL,
    scenario TEXT NOT NULL,
    version TEXT NOT NULL,
    bindings TEXT,
    price BIGINT NOT NULL,
    items TEXT NOT NULL,
    n_items BIGINT NOT NULL CHECK (n_items BETWEEN 1 AND 10),
    total BIGINT NOT NULL,
    reply_to BIGINT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX offers_expires ON offers (expires_at);
CREATE INDEX offers_open ON offers (expires_at) WHERE used_at IS NULL;

CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (id),
    chat_id BIGINT,
    reply_to BIGINT,
    preset TEXT NOT NULL,
    scenario TEXT NOT NULL,
    version TEXT NOT NULL,
    bindings TEXT,
    inputs TEXT NOT NULL,
    price BIGINT NOT NULL CHECK (price >= 0),
    state TEXT NOT NULL CHECK (state IN ('queued', 'processing', 'completed',
                                         'failed', 'cancelled')),
    offer TEXT,
    offer_n BIGINT NOT NULL DEFAULT 0,
    cancel_requested BIGINT NOT NULL DEFAULT 0,
    result_ref TEXT,
    error_class TEXT,
    error TEXT,
    refunded_at BIGINT,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    deadline_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    list TEXT,
    UNIQUE (offer, offer_n)
);
CREATE INDEX jobs_account ON jobs (account, created_at, id);
CREATE INDEX jobs_open ON jobs (deadline_at)
    WHERE state IN ('queued', 'processing');
CREATE INDEX jobs_changed ON jobs (changed_at);

-- waiting counts the tasks that must end before this one is ready. attempt is
-- the fence of every later write. beat counts heartbeats. turn and cost make
-- the fair order (store/job_sql.def).
CREATE TABLE tasks (
    id TEXT PRIMARY KEY,
    job TEXT NOT NULL REFERENCES jobs (id),
    account TEXT NOT NULL,
    service TEXT NOT NULL,
    name TEXT NOT NULL,
    scenario TEXT NOT NULL,
    version TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'processing', 'success',
                                         'failed')),
    waiting BIGINT NOT NULL DEFAULT 0,
    attempt BIGINT NOT NULL DEFAULT 0,
    failures BIGINT NOT NULL DEFAULT 0,
    crashes BIGINT NOT NULL DEFAULT 0,
    losses BIGINT NOT NULL DEFAULT 0,
    params TEXT,
    ready_at BIGINT NOT NULL,
    turn BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    worker TEXT,
    boot TEXT,
    address TEXT,
    is_foreign BIGINT NOT NULL DEFAULT 0,
    lease_until BIGINT,
    beat BIGINT NOT NULL DEFAULT 0,
    comfy_url TEXT,
    prompt_id TEXT,
    stage TEXT,
    progress BIGINT,
    place BIGINT,
    result_ref TEXT,
    error_class TEXT,
    error TEXT,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    list TEXT
);
CREATE INDEX tasks_job ON tasks (job);
CREATE INDEX tasks_ready ON tasks (service, turn)
    WHERE state = 'pending' AND waiting = 0;
CREATE INDEX tasks_open ON tasks (account, turn)
    WHERE state IN ('pending', 'processing');
CREATE INDEX tasks_next ON tasks (ready_at)
    WHERE state = 'pending' AND waiting = 0;
CREATE INDEX tasks_lease ON tasks (lease_until) WHERE state = 'processing';

CREATE TABLE task_edges (
    from_task TEXT NOT NULL REFERENCES tasks (id),
    to_task TEXT NOT NULL REFERENCES tasks (id),
    PRIMARY KEY (from_task, to_task)
);
CREATE INDEX task_edges_to ON task_edges (to_task);

-- body: the last heartbeat as JSON; runs: what each address can run.
CREATE TABLE workers (
    id TEXT PRIMARY KEY,
    boot TEXT NOT NULL,
    body TEXT NOT NULL,
    runs TEXT,
    runs_at BIGINT,
    seen_at BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    stopping BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE objects (
    id TEXT PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    account TEXT,
    job TEXT,
    task TEXT,
    n BIGINT,
    content_type TEXT NOT NULL,
    size BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    width BIGINT,
    height BIGINT,
    file_id TEXT,
    created_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE INDEX objects_job ON objects (job);
CREATE INDEX objects_kept ON objects (created_at) WHERE deleted_at IS NULL;

-- One message that Telegram must accept (model/delivery.h). A status row has
-- revisions: wanted by the backend, claimed by a sender, sent by Telegram.
CREATE TABLE deliveries (
    id TEXT PRIMARY KEY,
    lane TEXT NOT NULL CHECK (lane IN ('chat', 'job')),
    kind TEXT NOT NULL,
    account TEXT,
    chat_id BIGINT NOT NULL,
    job TEXT,
    n BIGINT NOT NULL DEFAULT 0,
    body TEXT NOT NULL,
    object TEXT,
    state TEXT NOT NULL CHECK (state IN ('queued', 'sending', 'sent',
                                         'waiting_user', 'unknown', 'failed')),
    wanted BIGINT NOT NULL DEFAULT 1,
    claimed BIGINT NOT NULL DEFAULT 0,
    sent BIGINT NOT NULL DEFAULT 0,
    final_rev BIGINT,
    message_id BIGINT,
    file_id TEXT,
    attempt BIGINT NOT NULL DEFAULT 0,
    unknowns BIGINT NOT NULL DEFAULT 0,
    sender TEXT,
    boot TEXT,
    lease_until BIGINT,
    next_at BIGINT NOT NULL,
    error TEXT,
    list TEXT,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    UNIQUE (job, kind, n)
);
CREATE INDEX deliveries_queued ON deliveries (lane, next_at, id)
    WHERE state IN ('queued', 'unknown') AND wanted > claimed;
CREATE INDEX deliveries_sending ON deliveries (lease_until)
    WHERE state = 'sending';
CREATE INDEX deliveries_list ON deliveries (list) WHERE state = 'sending';
CREATE INDEX deliveries_chat ON deliveries (chat_id, id)
    WHERE state IN ('queued', 'sending', 'unknown', 'waiting_user');
CREATE INDEX deliveries_waiting ON deliveries (account)
    WHERE state = 'waiting_user';
CREATE INDEX deliveries_failed ON deliveries (created_at)
    WHERE state = 'failed';
CREATE INDEX deliveries_finished ON deliveries (finished_at);

-- The send budget: key 'bot' or 'chat:<id>'. limited_at is the last 429. The
-- bot's row is always there: claims lock it.
CREATE TABLE send_budget (
    key TEXT PRIMARY KEY,
    next_at BIGINT NOT NULL,
    limited_at BIGINT
);
INSERT INTO send_budget (key, next_at) VALUES ('bot', 0);
CREATE INDEX send_budget_limited ON send_budget (limited_at)
    WHERE limited_at IS NOT NULL;

-- The inbox. body is Telegram's JSON, or base64 when encoding says so.
CREATE TABLE updates (
    -- only postgresql
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- only sqlite
    seq BIGINT PRIMARY KEY,
    -- all
    bot_id TEXT NOT NULL,
    update_id BIGINT NOT NULL,
    chat_id BIGINT,
    account TEXT,
    telegram_id BIGINT,
    kind TEXT NOT NULL,
    encoding TEXT NOT NULL DEFAULT 'json',
    body TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'done', 'parked', 'dead')),
    attempt BIGINT NOT NULL DEFAULT 0,
    failures BIGINT NOT NULL DEFAULT 0,
    bot TEXT,
    boot TEXT,
    lease_until BIGINT,
    ready_at BIGINT NOT NULL,
    error TEXT,
    list TEXT,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    UNIQUE (bot_id, update_id)
);
CREATE INDEX updates_open ON updates (chat_id, seq) WHERE state = 'open';
CREATE INDEX updates_ready ON updates (bot_id, seq) WHERE state = 'open';
CREATE INDEX updates_leased ON updates (lease_until)
    WHERE state = 'open' AND lease_until IS NOT NULL;
CREATE INDEX updates_taken ON updates (list) WHERE state = 'open';
CREATE INDEX updates_finished ON updates (finished_at);

CREATE TABLE dialogs (
    chat_id BIGINT PRIMARY KEY,
    bot_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    state TEXT NOT NULL,
    wake_at BIGINT,
    updated_at BIGINT NOT NULL
);
CREATE INDEX dialogs_wake ON dialogs (wake_at) WHERE wake_at IS NOT NULL;

-- Events for the outside, in commit order of their rows; the relay marks them.
CREATE TABLE outbox (
    -- only postgresql
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- only sqlite
    seq BIGINT PRIMARY KEY,
    -- all
    topic TEXT NOT NULL,
    event TEXT NOT NULL,
    key TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    relayed_at BIGINT
);
CREATE INDEX outbox_open ON outbox (seq) WHERE relayed_at IS NULL;
CREATE INDEX outbox_relayed ON outbox (relayed_at);

CREATE TABLE idempotency_keys (
    caller TEXT NOT NULL,
    key TEXT NOT NULL,
    hash TEXT NOT NULL,
    job TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (caller, key)
);
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);

CREATE TABLE audit_log (
    -- only postgresql
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- only sqlite
    seq BIGINT PRIMARY KEY,
    -- all
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    target TEXT NOT NULL,
    detail TEXT,
    created_at BIGINT NOT NULL
);
