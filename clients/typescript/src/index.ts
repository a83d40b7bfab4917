// The REST API and the live events of Calls. It needs only fetch, so it works in browsers, Node 18 and React Native.
import type { components } from './schema.js';

type Schemas = components['schemas'];

/** One call, as the service sees it. */
export type Session = Schemas['SessionDocument'];
/** One person of a call. */
export type Participant = Schemas['ParticipantDocument'];
/** One of several people who are rung for one participant. */
export type Candidate = Schemas['CandidateDocument'];
/** A Twilio Voice access token for the `Device` of the Voice SDK. */
export type Token = Schemas['TokenDocument'];
/** A person to add to a call. */
export type ParticipantToAdd = Schemas['ParticipantToAdd'];
/** Mute and hold. A flag that is absent stays as it is. */
export type Flags = { muted?: boolean; hold?: boolean };
/** The kind of a problem. A later version of the service can have more kinds. */
export type ProblemCode = Schemas['ProblemCode'];
/** A problem detail (RFC 9457). `errors` names the fields of the request that cannot be used. A proxy's answer has no members. */
export type Problem = Partial<Schemas['Problem']>;

export type Options = {
  /** The origin of the service, such as `https://calls.example.org`. In a page of the same origin it can be absent. */
  baseUrl?: string;
  /** The bearer (a JWT), or a function that gives one. The function is called for each request, so it can renew the bearer. */
  bearer: string | (() => string | Promise<string>);
  /** A replacement for the global `fetch`. */
  fetch?: typeof fetch;
};

/** What every method takes. An aborted request is rejected with an `AbortError`. */
export type Call = { signal?: AbortSignal };

export type FollowOptions = Call & {
  /** How long the service may not know the call, in milliseconds: Twilio's first webhook is on its way, or the service has lost the
   * call and builds it again. By default 30 s. */
  patience?: number;
  /** Ask for the session every so many milliseconds. By default only where `fetch` cannot read a stream (React Native): 1 s. */
  pollEvery?: number;
};

/** An answer of the service that is no success. */
export class CallsError extends Error {
  override readonly name = 'CallsError';
  /** The HTTP status. */
  readonly status: number;
  /** The stable code of the problem, such as `no-such-session`. Null if the answer was no problem detail, as of a proxy. */
  readonly code: ProblemCode | null;
  /** When to ask again, in seconds. Null if the service has not said so. */
  readonly retryAfter: number | null;
  readonly problem: Problem;

  constructor(status: number, problem: Problem, retryAfter: number | null) {
    super(sentenceOf(status, problem));
    this.status = status;
    this.code = problem.code ?? null;
    this.retryAfter = retryAfter;
    this.problem = problem;
  }
}

/** A connection without an event or a heartbeat for this long is dead. The service sends a heartbeat every 15 s. */
const silence = 45_000;
const firstPause = 500;
const longestPause = 10_000;
/** Before a token expires, in milliseconds. */
const renewBefore = 180_000;

export class CallsClient {
  readonly #baseUrl: string;
  readonly #bearer: Options['bearer'];
  readonly #fetch: typeof fetch;

  constructor({ baseUrl = '', bearer, fetch: own }: Options) {
    this.#baseUrl = baseUrl.replace(/\/+$/, '');
    this.#bearer = bearer;
    this.#fetch = own ?? ((...request) => fetch(...request));
  }

  /** A Twilio Voice access token for the bearer's own identity. An app on a mobile platform names it, for push messages. */
  async token({ platform, signal }: Call & { platform?: 'ios' | 'android' } = {}): Promise<Token> {
    return this.#json('POST', '/v1/tokens', { body: platform && { platform }, signal });
  }

  /** A token now, and the next one three minutes before each expires. A failed renewal is repeated, unless the service refuses it. */
  async *tokens({ platform, signal }: Call & { platform?: 'ios' | 'android' } = {}): AsyncGenerator<Token, void, undefined> {
    let token = await this.token({ ...(platform && { platform }), ...(signal && { signal }) });
    while (!signal?.aborted) {
      yield token;
      const life = Date.parse(token.expiresAt) - Date.now();
      if (!await pause(Math.max(life - renewBefore, life / 2), signal)) return;
      for (let wait = firstPause; ; wait = longer(wait)) {
        try {
          token = await this.token({ ...(platform && { platform }), ...(signal && { signal }) });
          break;
        } catch (error) {
          if (signal?.aborted) return;
          if (isFinal(error)) throw error;
          if (!await pause(wait, signal)) return;
        }
      }
    }
  }

  /** The session now. 404 until Twilio's first webhook has reached the service. */
  async session(id: string, { signal }: Call = {}): Promise<Session> {
    return this.#json('GET', pathOf(id), { signal });
  }

  /** The session now, and again after each change, until the call is over. It reconnects when the connection is lost. */
  async *follow(id: string, options: FollowOptions = {}): AsyncGenerator<Session, void, undefined> {
    const { signal, patience = 30_000, pollEvery = canStream() ? null : 1000 } = options;
    let seen: Session | null = null;
    let lastKnown = Date.now();
    let wait = firstPause;
    let refused = false;
    let isKnownOver = false;
    while (!signal?.aborted) {
      let asked = null;
      try {
        const none = () => { isKnownOver = true; };
        for await (const session of pollEvery ? this.#poll(id, signal) : this.#stream(id, seen, none, signal)) {
          wait = firstPause;
          refused = false;
          lastKnown = Date.now();
          if (session && session.version !== seen?.version) {
            seen = session;
            yield session;
          }
        }
        if (isKnownOver || (seen && isOver(seen))) return;
      } catch (error) {
        if (signal?.aborted) return;
        if (error instanceof CallsError) {
          const isUnknown = error.status === 404 && Date.now() - lastKnown >= patience;
          // A person who declines or is removed may not see the call any more.
          if (isUnknown && seen) return;
          // The bearer has expired. The next request asks for a new one.
          const again = error.status === 401 ? !refused
            : error.status === 404 ? !isUnknown
            : error.status === 429 || error.status >= 500;
          if (!again) throw error;
          refused = error.status === 401;
          asked = error.retryAfter;
        } else if (!(error instanceof TypeError) && !(error instanceof Silence)) {
          throw error;
        }
      }
      const rest = asked !== null ? asked * 1000 : pollEvery ?? wait * (0.5 + Math.random());
      if (!await pause(rest, signal)) return;
      // Before the first webhook of Twilio a person waits, so the pause stays short.
      if (seen) wait = longer(wait);
    }
  }

  /** The bearer's own calls, the newest first. */
  mySessions({ state, ...call }: Call & { state?: 'live' | 'ended' } = {}): AsyncGenerator<Session, void, undefined> {
    return this.#list('/v1/me/sessions', state, call);
  }

  /** All live calls. For operators. */
  liveSessions(call: Call = {}): AsyncGenerator<Session, void, undefined> {
    return this.#list('/v1/sessions', 'live', call);
  }

  /** Adds a participant. A repeated request with the same key rings no phone twice; without a key, each request has its own. */
  async addParticipant(
    id: string, participant: ParticipantToAdd, { idempotencyKey = randomKey(), signal }: Call & { idempotencyKey?: string } = {},
  ): Promise<Participant> {
    const headers = { 'Idempotency-Key': `"${idempotencyKey.replace(/["\\]/g, '\\$&')}"` };
    return this.#json('POST', `${pathOf(id)}/participants`, { body: participant, headers, signal });
  }

  /** Sets mute and hold. */
  async changeParticipant(
    id: string, participant: string, flags: Flags, { ifVersion, signal }: Call & { ifVersion?: number } = {},
  ): Promise<Participant> {
    return this.#json('PATCH', pathOf(id, participant), { body: flags, headers: matching(ifVersion), signal });
  }

  /** Takes one participant off the line, or stops the phone. */
  async removeParticipant(id: string, participant: string, { ifVersion, signal }: Call & { ifVersion?: number } = {}): Promise<void> {
    await this.#ask('DELETE', pathOf(id, participant), { headers: matching(ifVersion), signal });
  }

  /** Ends the call for all participants. */
  async endCall(id: string, { ifVersion, signal }: Call & { ifVersion?: number } = {}): Promise<void> {
    await this.#ask('DELETE', pathOf(id), { headers: matching(ifVersion), signal });
  }

  /** Deletes what is stored about an ended call, before its retention ends. For operators. */
  async forgetCall(id: string, { signal }: Call = {}): Promise<void> {
    await this.#ask('DELETE', `${pathOf(id)}/record`, { signal });
  }

  async *#list(path: string, state: string | undefined, { signal }: Call): AsyncGenerator<Session, void, undefined> {
    for (let cursor: string | null = ''; cursor !== null;) {
      const query = [state && `state=${state}`, cursor && `cursor=${encodeURIComponent(cursor)}`].filter(Boolean).join('&');
      const page: { sessions: Session[]; next: string | null } = await this.#json('GET', query ? `${path}?${query}` : path, { signal });
      yield* page.sessions;
      cursor = page.next;
    }
  }

  async *#poll(id: string, signal: AbortSignal | undefined): AsyncGenerator<Session, void, undefined> {
    yield await this.#json('GET', pathOf(id), { signal });
  }

  /** The events of one connection; null for a heartbeat. It says `none` if the call is over and has no newer event. */
  async *#stream(
    id: string, seen: Session | null, none: () => void, signal: AbortSignal | undefined,
  ): AsyncGenerator<Session | null, void, undefined> {
    const dead = new AbortController();
    const stop = () => dead.abort();
    signal?.addEventListener('abort', stop);
    let timer = setTimeout(stop, silence);
    let isClosed = false;
    try {
      const headers = { Accept: 'text/event-stream', ...(seen && { 'Last-Event-ID': String(seen.version) }) };
      const answer = await this.#ask('GET', `${pathOf(id)}/events`, { headers, signal: dead.signal });
      if (answer.status === 204) none();
      if (!answer.body) return;
      const reader = answer.body.getReader();
      const text = new TextDecoder();
      for (let rest = ''; ;) {
        const { value, done } = await reader.read();
        isClosed = done;
        if (done) return;
        clearTimeout(timer);
        timer = setTimeout(stop, silence);
        const events = (rest + text.decode(value, { stream: true })).replaceAll('\r\n', '\n').split('\n\n');
        rest = events.pop() ?? '';
        for (const event of events) {
          const data = event.split('\n').filter(line => line.startsWith('data:')).map(line => line.slice(5).trimStart()).join('\n');
          yield data ? JSON.parse(data) as Session : null;
        }
      }
    } catch (error) {
      throw dead.signal.aborted && !signal?.aborted ? new Silence() : error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
      if (!isClosed) dead.abort();
    }
  }

  async #json<Json>(method: string, path: string, request: Request): Promise<Json> {
    return await (await this.#ask(method, path, request)).json() as Json;
  }

  async #ask(method: string, path: string, { body, headers, signal }: Request): Promise<Response> {
    const bearer = typeof this.#bearer === 'string' ? this.#bearer : await this.#bearer();
    const answer = await this.#fetch(this.#baseUrl + path, {
      method,
      headers: { Authorization: `Bearer ${bearer}`, ...(body !== undefined && { 'Content-Type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    });
    if (answer.ok) return answer;
    const after = Number(answer.headers.get('Retry-After') || NaN);
    throw new CallsError(answer.status, await problemOf(answer), Number.isFinite(after) ? after : null);
  }
}

type Request = { body?: unknown; headers?: Record<string, string>; signal?: AbortSignal | undefined };

class Silence extends Error {}

async function problemOf(answer: Response): Promise<Problem> {
  try {
    const problem: unknown = JSON.parse(await answer.text());
    return problem !== null && typeof problem === 'object' ? problem as Problem : {};
  } catch {
    return {};
  }
}

function sentenceOf(status: number, { title, detail, errors }: Problem): string {
  const fields = Object.entries(errors ?? {}).map(([field, sentences]) => `${field}: ${sentences.join(' ')}`);
  return fields.join('; ') || detail || title || `The service answered ${status}.`;
}

const onTheLine: string[] = ['queued', 'dialing', 'ringing', 'connected', 'reconnecting'];

/** The call has ended, and no line is left. */
function isOver(session: Session): boolean {
  return session.state === 'ended' && !session.participants.some(({ state }) => onTheLine.includes(state));
}

/** A refusal that asking again does not change. */
function isFinal(error: unknown): boolean {
  return error instanceof CallsError ? error.status < 500 && error.status !== 429 && error.status !== 401 : !(error instanceof TypeError);
}

function canStream(): boolean {
  return typeof ReadableStream !== 'undefined' && typeof TextDecoder !== 'undefined'
    && (typeof navigator === 'undefined' || navigator.product !== 'ReactNative');
}

function pathOf(session: string, participant?: string): string {
  const path = `/v1/sessions/${encodeURIComponent(session)}`;
  return participant === undefined ? path : `${path}/participants/${encodeURIComponent(participant)}`;
}

function matching(version: number | undefined): Record<string, string> {
  return version === undefined ? {} : { 'If-Match': `"${version}"` };
}

/** It is no secret. It tells this request from other requests of the same bearer. */
function randomKey(): string {
  return globalThis.crypto?.randomUUID?.() ?? Array.from({ length: 4 }, () => Math.random().toString(36).slice(2)).join('-');
}

function longer(wait: number): number {
  return Math.min(wait * 2, longestPause);
}

/** False if it was aborted. */
function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<boolean> {
  return new Promise(resolve => {
    if (signal?.aborted) return resolve(false);
    const stop = () => { clearTimeout(timer); resolve(false); };
    const timer = setTimeout(() => { signal?.removeEventListener('abort', stop); resolve(true); }, milliseconds);
    signal?.addEventListener('abort', stop, { once: true });
  });
}
