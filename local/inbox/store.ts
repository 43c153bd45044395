/**
 * Everything that arrived at the sink, in one SQLite file, kept across restarts; the oldest go when there are too many.
 * Arrivals are written some 50 ms later, many in one transaction, because the sink must be fast: a power cut or a SIGKILL
 * loses the last few, `close` loses none. One process at a time. Reading sees everything that was added before.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** One message for one recipient, as the sink took it. Times are milliseconds since the epoch. */
export type Arrival = {
  id: string;
  /** When the final dot was read. */
  receivedAt: number;
  /** When the reply to the final dot went out; null: it never did. */
  repliedAt: number | null;
  /** MAIL FROM: the return path, empty for a bounce. */
  mailFrom: string;
  /** RCPT TO. */
  to: string;
  /** The address in the From field; MAIL FROM where there is none. */
  from: string;
  /** The name before it, or empty. */
  fromName: string;
  subject: string;
  /** The Message-ID field with its angle brackets, or empty. */
  messageId: string;
  raw: Buffer;
  /** The SMTP dialogue, a line each, `C:` and `S:`. */
  transcript: string;
  /** `TLSv1.3`; null: in clear. */
  tls: string | null;
  sessionId: string;
  /** False: it was taken, but by its behaviour the sink closed without saying so. */
  accepted: boolean;
};

export type Summary = Pick<Arrival, 'id' | 'to' | 'from' | 'fromName' | 'subject' | 'receivedAt' | 'accepted'>;

export type ArrivalStore = {
  add(arrival: Arrival): void;
  /** Records when the reply went out. */
  replied(id: string, at: number): void;
  /**
   * Newest first.
   * @param to a whole address, in any case @param search a part of recipient, sender or subject
   * @param limit 100 unless said
   */
  list(wanted?: { to?: string | undefined; search?: string | undefined; limit?: number | undefined }): Summary[];
  find(id: string): Arrival | undefined;
  count(): number;
  deleteAll(): void;
  /** Calls the listener after arrivals were written or deleted, at most every 50 ms. Returns how to stop it. */
  onChange(listener: () => void): () => void;
  close(): void;
};

const FLUSH_MS = 50;
const FLUSH_BYTES = 8 << 20;
/** Raised when the table changes; a file of another version is emptied: it is an inbox for trying things, not an archive. */
const VERSION = 2;
const SCHEMA = `
  CREATE TABLE arrivals (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, receivedAt INTEGER NOT NULL, repliedAt INTEGER, "to" TEXT NOT NULL,
    "from" TEXT NOT NULL, fromName TEXT NOT NULL, subject TEXT NOT NULL, accepted INTEGER NOT NULL, size INTEGER NOT NULL, mailFrom TEXT NOT NULL,
    messageId TEXT NOT NULL, tls TEXT, sessionId TEXT NOT NULL, transcript TEXT NOT NULL, raw BLOB NOT NULL);
  CREATE INDEX byRecipient ON arrivals ("to" COLLATE NOCASE);`;

/**
 * Opens or makes the store.
 * @param folder where `inbox.sqlite` lies; absent: in memory only
 * @param keep beyond so many messages, or bytes of them, the oldest are deleted
 * @throws Error with a sentence, when the file is no inbox or is in use
 */
export function openArrivals({
  folder,
  keep = { messages: 20_000, bytes: 512 << 20 },
}: {
  folder?: string;
  keep?: { messages: number; bytes: number };
}): ArrivalStore {
  const db = openDatabase(folder);
  const insert = db.prepare(
    'INSERT INTO arrivals (id, receivedAt, repliedAt, "to", "from", fromName, subject, accepted, size, mailFrom, messageId, tls, sessionId, transcript, raw) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)',
  );
  const setReplied = db.prepare('UPDATE arrivals SET repliedAt = ? WHERE id = ?');
  const oldest = db.prepare('SELECT seq, size FROM arrivals ORDER BY seq');
  const deleteUpTo = db.prepare('DELETE FROM arrivals WHERE seq <= ?');
  const sums = () =>
    db.prepare('SELECT count(*) AS messages, coalesce(sum(size), 0) AS bytes FROM arrivals').get() as typeof keep;
  const listeners = new Set<() => void>();
  let kept = sums();
  let pending = new Map<string, Arrival>();
  let pendingBytes = 0;
  let replies = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;

  const prune = () => {
    if (kept.messages <= keep.messages && kept.bytes <= keep.bytes) return;
    let last = 0;
    // A tenth more than needed, so that not every flush has to prune.
    for (const { seq, size } of oldest.iterate() as Iterable<{ seq: number; size: number }>) {
      if (kept.messages <= keep.messages * 0.9 && kept.bytes <= keep.bytes * 0.9) break;
      last = seq;
      kept.messages -= 1;
      kept.bytes -= size;
    }
    deleteUpTo.run(last);
  };
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (pending.size === 0 && replies.size === 0) return;
    db.exec('BEGIN');
    for (const one of pending.values()) {
      insert.run(
        ...[one.id, one.receivedAt, one.repliedAt, one.to, one.from, one.fromName, one.subject, Number(one.accepted)],
        ...[one.raw.length, one.mailFrom, one.messageId, one.tls, one.sessionId, one.transcript, one.raw],
      );
      kept.messages += 1;
      kept.bytes += one.raw.length;
    }
    for (const [id, at] of replies) setReplied.run(at, id);
    pending = new Map();
    pendingBytes = 0;
    replies = new Map();
    prune();
    db.exec('COMMIT');
    for (const listener of listeners) listener();
  };
  const later = () => {
    timer ??= setTimeout(flush, FLUSH_MS);
  };
  return {
    add(arrival) {
      pending.set(arrival.id, arrival);
      pendingBytes += arrival.raw.length;
      if (pendingBytes > FLUSH_BYTES) flush();
      else later();
    },
    replied(id, at) {
      const waiting = pending.get(id);
      if (waiting) waiting.repliedAt = at;
      else {
        replies.set(id, at);
        later();
      }
    },
    list({ to, search, limit = 100 } = {}) {
      flush();
      const where: string[] = [];
      const values: string[] = [];
      if (to !== undefined) {
        where.push('"to" = ? COLLATE NOCASE');
        values.push(to);
      }
      if (search) {
        where.push(
          `instr(lower("to" || char(10) || "from" || char(10) || fromName || char(10) || subject), lower(?)) > 0`,
        );
        values.push(search);
      }
      const rows = db
        .prepare(
          `SELECT id, "to", "from", fromName, subject, receivedAt, accepted FROM arrivals ${where.length > 0 ? `WHERE ${where.join(' AND ')}` : ''} ORDER BY seq DESC LIMIT ?`,
        )
        .all(...values, limit) as (Omit<Summary, 'accepted'> & { accepted: number })[];
      return rows.map((row) => ({ ...row, accepted: row.accepted === 1 }));
    },
    find(id) {
      flush();
      const row = db.prepare('SELECT * FROM arrivals WHERE id = ?').get(id) as Row | undefined;
      if (row === undefined) return undefined;
      const { seq: _, size: __, ...rest } = row;
      return { ...rest, accepted: row.accepted === 1, raw: Buffer.from(row.raw) };
    },
    count() {
      flush();
      return kept.messages;
    },
    deleteAll() {
      flush();
      db.exec('DELETE FROM arrivals');
      kept = sums();
      for (const listener of listeners) listener();
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close() {
      flush();
      listeners.clear();
      db.close();
    },
  };
}

type Row = Omit<Arrival, 'accepted' | 'raw'> & { seq: number; size: number; accepted: number; raw: Uint8Array };

function openDatabase(folder: string | undefined): DatabaseSync {
  const path = folder === undefined ? ':memory:' : join(folder, 'inbox.sqlite');
  if (folder !== undefined) mkdirSync(folder, { recursive: true });
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path);
    // Large pages: most messages fit one or two. Without fsync the file still survives a crash of the process.
    db.exec(
      'PRAGMA page_size = 32768; PRAGMA locking_mode = exclusive; PRAGMA journal_mode = truncate; PRAGMA synchronous = off',
    );
    const { user_version: version } = db.prepare('PRAGMA user_version').get() as { user_version: number };
    if (version !== VERSION)
      db.exec(`BEGIN; DROP TABLE IF EXISTS arrivals; ${SCHEMA} PRAGMA user_version = ${VERSION}; COMMIT`);
    // Takes the lock now, so that a second process hears of it here and not at its first mail.
    db.exec('BEGIN IMMEDIATE; COMMIT');
    return db;
  } catch (error) {
    db?.close();
    const { message } = error as Error;
    const reason = /locked/.test(message) ? 'another process has it open' : `${message}; delete it to begin anew`;
    throw new Error(`the inbox file ${path} cannot be used: ${reason}`, { cause: error });
  }
}
